"""caption --model scene: scenes told from poses and seed alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from headkit import attributes
from headkit.prompt import read
from headkit.record import FIELDS
from headkit.status import Stop
from headkit.tool import Context, Failure
from headkit.tools import caption

FIGURE = [  # standing, seen from the front, 640 high
    [320, 90, 1], [330, 80, 1], [310, 80, 1], [342, 84, 1], [298, 84, 1], [370, 150, 1],
    [270, 150, 1], [380, 230, 1], [260, 230, 1], [385, 300, 1], [255, 300, 1], [350, 310, 1],
    [290, 310, 1], [350, 430, 1], [290, 430, 1], [350, 550, 1], [290, 550, 1],
]  # fmt: skip


def rows(count: int, people: int = 1) -> list[dict[str, Any]]:
    return [
        {
            "id": f"row-{k}",
            "width": 640,
            "height": 640,
            "poses": [{"keypoints": FIGURE, "box": [250, 40, 390, 580]} for _ in range(people)],
        }
        for k in range(count)
    ]


def process(records: list[dict[str, Any]], seed: int = 0) -> list[Any]:
    return caption.start(caption.Options(), Context("caption", Path(), seed))(records)


def test_fields_and_attributes() -> None:
    (result,) = process(rows(1, people=2))
    assert set(result) == {"poses", "caption", "prompt"}
    assert set(result["prompt"]) == {"text", "negative", "tokens", "edits"}
    assert [one["rule"] for one in result["prompt"]["edits"]] == ["quality"]
    assert result["prompt"]["text"].startswith(result["caption"].rstrip("."))
    for pose in result["poses"]:
        assert set(pose) == {"keypoints", "box", "attributes"}
        assert attributes.check(pose["attributes"]) == pose["attributes"]
        assert set(pose["attributes"]) == set(attributes.NAMES)
    assert {field.path.split(".")[0] for field in FIELDS} >= set(result)


def test_attributes_given_are_kept_and_told_truly() -> None:
    records = rows(200)
    for record in records:
        record["poses"][0]["attributes"] = {"sex": "male", "headwear": "hat", "own": 5}
    told = 0
    for result in process(records):
        words = result["poses"][0]["attributes"]
        assert words["sex"] == "male"
        assert words["headwear"] == "hat"
        assert words["own"] == 5
        (said,) = read(result["prompt"]["text"]).people
        assert said["sex"] == "male"
        told += said.get("headwear") == "hat"
    assert told > 50


def test_text_and_attributes_agree() -> None:
    for result in process(rows(300, people=3)):
        said = read(result["caption"]).people
        assert len(said) == 3, result["caption"]
        for one, pose in zip(said, result["poses"], strict=True):
            for name in ("sex", "origin", "hair", "headwear", "glasses", "beard", "clothes"):
                if name in one:
                    assert one[name] == pose["attributes"][name], (name, result["caption"])


def test_captions_vary_and_are_grammatical() -> None:
    captions = [
        result["caption"]
        for people in (1, 2, 3, 5)
        for result in process(rows(250, people), seed=people)
    ]
    assert len(set(captions)) > 0.99 * len(captions)
    for text in captions:
        assert text[0].isupper(), text
        assert text.endswith("."), text
        assert not re.search(r"  | ,|,,|\.\.", text), text
        assert not re.search(r"\b[Aa] [aeio]", text), text  # "a orange hat"
        assert not re.search(r"\b[Aa]n (?!11|18|8)[^aeioAEIO]", text), text
        assert not re.search(r"\b(two|three|four|five) (man|woman|boy|girl|person)\b", text), text


def test_nobody_has_a_name() -> None:
    """Every capital after the first word is of an origin, a sentence's start or a standing word."""
    allowed = {part.capitalize() for origin in attributes.ORIGIN for part in origin.split()}
    for result in process(rows(500, people=2)):
        for sentence in result["caption"].split(". "):
            capitals = set(re.findall(r"\b[A-Z]\w*", sentence)) - {sentence.split()[0]}
            assert capitals <= allowed, result["caption"]


def test_view_and_posture_are_read_from_the_pose() -> None:
    behind = rows(40)
    for record in behind:
        record["poses"][0]["head"] = {"yaw": -170.0, "pitch": 0.0, "roll": 0.0}
    for result in process(behind):
        assert re.search("from behind|away from the camera", result["caption"])
        assert not re.search("smil|laugh|glasses|beard|angry|sad", result["caption"])
    standing = [result["caption"] for result in process(rows(40))]
    assert all("standing" in text for text in standing)
    assert not any("behind" in text for text in standing)


def test_nobody_and_seeds() -> None:
    empty = rows(1, people=0)
    assert "nobody" in process(empty)[0]["caption"]
    assert process(rows(3)) == process(rows(3))
    assert process(rows(3)) != process(rows(3), seed=1)
    assert process(rows(3))[2] == process(rows(3)[2:])[0]


@pytest.mark.parametrize(
    ("record", "kind", "words"),
    [
        ({"id": "a", "poses": None}, "bad-poses", "a list of objects is needed"),
        ({"id": "a", "poses": [3]}, "bad-poses", "a list of objects is needed"),
        ({"id": "a", "poses": [{"attributes": {"hair": "x"}}]}, "bad-attributes", "person 0"),
    ],
)
def test_faults(record: dict[str, Any], kind: str, words: str) -> None:
    (result,) = process([record])
    assert isinstance(result, Failure)
    assert result.kind == kind
    assert words in result.message


def test_poses_without_points_are_described_all_the_same() -> None:
    (result,) = process([{"id": "a", "width": 5, "height": 5, "poses": [{}, {"keypoints": "no"}]}])
    assert result["caption"].endswith(".")


# ---- captions from elsewhere, and facts ----------------------------------------------------------


def merged(path: Path) -> Any:
    return caption.start(caption.Options(merge=str(path)), Context("caption", Path()))


def test_captions_made_elsewhere_are_joined_by_id(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text(
        '\ufeff{"id": "b", "caption": "two women"}\n\n{"caption": "ein Mann", "id": "ä", "model": "x"}\r\n'
    )
    process = merged(path)
    one, two, none = process([{"id": "ä"}, {"id": "b"}, {"id": "c"}])
    assert (one["caption"], two["caption"]) == ("ein Mann", "two women")
    assert two["prompt"]["text"].startswith("two women, ")
    assert isinstance(none, Failure)
    assert none.kind == "no-caption"


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ('{"id": "a", "caption": "x"}\n{"id": "a", "caption": "y"}\n', 65, r"jsonl:2: the id of line 1"),
        ('{"id": "a", "caption": "x"}\n{"id": "b"}\n', 65, r"jsonl:2: no caption"),
        ('{"id": "a", "caption": "x"}\n{"id": "b', 65, r"jsonl:2: not JSON"),
        (None, 66, "No such file"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_captions_stops(
    tmp_path: Path, text: str | None, status: int, words: str
) -> None:
    path = tmp_path / "captions.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Stop, match=words) as stop:
        merged(path)
    assert stop.value.status == status


def head(yaw: float, distance: float = 1.234, **more: Any) -> dict[str, Any]:
    pose = {"yaw": yaw, "pitch": 0.0, "roll": 0.0, **more.pop("pose", {})}
    return {"distance": distance, "pose": pose, **more}


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ([], "Nobody is in the picture."),
        ([head(2)], "A person about 1.2 m away, facing the camera."),
        (
            [head(-41, attributes={"sex": "female", "age": 31})],
            "A woman about 1.2 m away, turned 40 degrees to the left.",
        ),
        (
            [head(179, attributes={"sex": "male", "age": 9})],
            "A boy about 1.2 m away, seen from behind.",
        ),
        (
            [head(-350, pose={"pitch": -21.0, "roll": 14.0})],
            (
                "A person about 1.2 m away, turned 10 degrees to the right, looking down 20 degrees, "
                "head tilted 15 degrees to the right."
            ),
        ),
        (
            [head(150, 7.3), head(90, 2), head(0, ignore="outside")],
            (
                "Two people. A person about 2.0 m away, turned 90 degrees to the right; "
                "a person about 7.5 m away, seen from behind, turned 30 degrees to the right."
            ),
        ),
    ],
)
def test_facts_of_rendered_heads(heads: list[Any], words: str) -> None:
    process = caption.start(caption.Options(model="truth"), Context("caption", Path()))
    (said,) = process([{"id": "a", "truth": {"heads": heads}}])
    assert said["caption"] == words


@pytest.mark.parametrize("truth", [None, {}, {"heads": [{}]}, {"heads": [{"distance": "far"}]}])
def test_facts_need_labels(truth: Any) -> None:
    process = caption.start(caption.Options(model="truth"), Context("caption", Path()))
    (said,) = process([{"id": "a", "truth": truth}])
    assert said.kind == "bad-truth"


def test_names_go_out_of_captions_made_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text('{"id": "a", "caption": "Portrait of Emily Thompson in a park"}\n')
    (said,) = merged(path)([{"id": "a"}])
    assert "Emily" not in str(said)
    assert "Thompson" not in str(said)
    assert said["prompt"]["edits"][0]["rule"] == "names"
    flagging = caption.Options(merge=str(path), names="flag")
    (flagged,) = caption.start(flagging, Context("caption", Path()))(
        [{"id": "a", "scores": {"x": 1.0}}]
    )
    assert flagged["scores"] == {"x": 1.0, "names": 1.0}
