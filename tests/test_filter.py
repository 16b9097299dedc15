"""headkit filter: what it keeps, and what the ledger learns of the rest."""

import inspect
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headkit.choosing.calibration import Sample, labels, share
from headkit.expression import Expression
from headkit.paths import stored
from headkit.status import BAD_INPUT, NO_INPUT, USAGE, Stop
from headkit.tool import Context, Drop, Failure
from headkit.tools import filter as tool

CONTEXT = Context("filter", Path("/"))
HEAD = {"box": [0, 0, 30, 50], "visibility": 0.9}


def results(records, **options):
    chosen = tool.Options(**options)
    for record in records:
        if "error" not in record:
            tool.check(chosen, CONTEXT, record)
            break
    return tool.start(chosen, CONTEXT)(records)


def test_keeps_and_drops_with_reason_score_and_threshold():
    records = [{"id": "a", "width": 640}, {"id": "b", "width": 320}, {"id": "c"}]
    assert results(records, keep="id != 'x' and width >= 512") == [
        {},
        Drop("width >= 512", 320, 512),
        Drop("width >= 512 (width is missing)"),
    ]


def test_a_kept_record_is_not_touched():
    records = [{"id": "a", "width": 640}, {"id": "b", "width": 640}]
    first, second = results(records, keep="width > 1")
    assert first == second == {}
    assert first is not second  # the runner may add to one
    assert records == [{"id": "a", "width": 640}, {"id": "b", "width": 640}]


def test_the_preset_without_keep():
    good = {"id": "a", "image": "a.png", "truth": {"heads": [HEAD]}}
    records = [
        good,
        {**good, "id": "b", "image": None},
        {**good, "truth": {"heads": [{**HEAD, "ignore": "small"}]}},
        {"id": "c", "image": "c.png", "heads": [HEAD]},
        {
            "id": "d",
            "image": "d.png",
            "heads": [],
            "truth": {"heads": [HEAD]},
        },  # what was found counts
        {"id": "e", "image": "e.png"},
    ]
    kept = [result == {} for result in results(records)]
    assert kept == [True, False, False, True, False, False]


def test_errors_are_dropped_unless_asked_for():
    record = {"id": "a", "error": {"tool": "generate", "kind": "image", "message": "it broke"}}
    assert results([record]) == [Drop("error in generate: it broke")]
    assert results([{"id": "a", "error": "odd"}]) == [Drop("error")]
    assert results([record], keep_errors=True) == [{}]


def test_one_record_of_a_wrong_type_fails_alone():
    first, second, third = results(
        [{"id": "a", "size": 5}, {"id": "b", "size": "5"}, {"id": "c", "size": 6}], keep="size > 5"
    )
    assert first == Drop("size > 5", 5, 5)
    assert isinstance(second, Failure)
    assert second.kind == "type"
    assert "a string" in second.message
    assert third == {}


@pytest.mark.parametrize("keep", ["width >", "widht > 3", "width > '3'", "", "width"])
def test_usage_errors_show_a_caret(keep):
    with pytest.raises(Stop) as caught:
        results([{"id": "a", "width": 3}], keep=keep)
    assert caught.value.status == USAGE
    assert caught.value.message.startswith("--keep: ")
    assert caught.value.message.splitlines()[-1].strip() == "^"


def test_strings_of_a_record_are_data(capfd):
    nasty = "{0.__class__} %s %(x)s </script><script> \x1b[31m"
    (result,) = results([{"id": nasty, "caption": nasty}], keep="caption == id and len(id) > 1000")
    assert result == Drop("len(id) > 1000", len(nasty), 1000)
    assert capfd.readouterr() == ("", "")


GOOD_SOURCE = {"aspect": 1.5, "person_confidence": 0.9, "visible_heads": 0.5, "person_height": 0.8}


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({}, None),
        ({"source_unsafe": 0.0}, None),
        ({"aspect": 2.0}, None),
        ({"aspect": 2.01}, "scores.aspect <= 2"),
        ({"source_unsafe": 0.5}, "scores.source_unsafe ?? 0 < 0.5"),
        ({"source_unsafe": 1.0}, "scores.source_unsafe ?? 0 < 0.5"),
        ({"person_confidence": 0.49}, "scores.person_confidence >= 0.5"),
        ({"visible_heads": 0}, "scores.visible_heads > 0"),
        ({"person_height": 0.05}, "scores.person_height >= 0.1"),
    ],
)
def test_the_preset_of_sources(scores, reason):
    (decided,) = results([{"id": "a", "scores": GOOD_SOURCE | scores}], preset="sources")
    assert getattr(decided, "reason", None) == reason


def test_a_preset_and_keep_must_both_hold():
    records = [
        {"id": "a", "width": 9, "scores": GOOD_SOURCE},
        {"id": "b", "width": 1, "scores": GOOD_SOURCE},
        {"id": "c", "width": 9, "scores": GOOD_SOURCE | {"aspect": 3}},
        {"id": "d", "width": 9, "scores": GOOD_SOURCE | {"aspect": 3}, "image": "x"},
    ]
    decided = results(records, preset="sources", keep="width > 5 or exists(image)")
    assert decided[0] == {}
    assert [result.reason for result in decided[1:]] == [
        "(width > 5 or exists(image))",
        "scores.aspect <= 2",
        "scores.aspect <= 2",
    ]
    with pytest.raises(Stop, match="--keep"):
        results(records, preset="sources", keep="width > ")


# ---- single heads --------------------------------------------------------------------------------

BOX = {"box": [0, 0, 30, 50], "score": 0.9}
SMALL = {"box": [0, 0, 9, 8], "score": 0.9}


def test_heads_are_set_aside_with_the_reason_and_the_value():
    record = {"id": "a", "image": "a.png", "heads": [BOX, SMALL, {**BOX, "ignore": "poster"}]}
    (kept,) = results([record], keep_heads="box_height >= 24 and score > .5")
    assert kept == {
        "heads": [BOX, {**SMALL, "ignore": "box_height >= 24: 8"}, {**BOX, "ignore": "poster"}]
    }
    assert "ignore" not in record["heads"][1]
    (same,) = results([{**record, "heads": [BOX]}], keep_heads="box_height >= 24")
    assert same == {}  # its bytes stay


def test_heads_of_the_truth_are_meant_where_none_were_looked_for():
    record = {"id": "a", "image": "a.png", "truth": {"heads": [BOX, SMALL], "more": 1}}
    (kept,) = results([record], keep_heads=".box_height > 24 or record.width > 3 ?? false")
    assert list(kept) == ["truth"]
    assert kept["truth"]["more"] == 1
    assert [("ignore" in head) for head in kept["truth"]["heads"]] == [False, True]
    (unseen,) = results([{**record, "heads": [BOX]}], keep_heads="box_height > 24")
    assert unseen == {}


def test_a_picture_without_a_head_left_is_dropped_as_it_came():
    record = {"id": "a", "image": "a.png", "heads": [SMALL]}
    (dropped,) = results([record], keep_heads="box_height >= 24")
    assert dropped.reason == "any(heads ?? truth.heads, not exists(ignore))"
    assert dropped.values["(heads ?? truth.heads)[].ignore"] == ["box_height >= 24: 8"]
    assert dropped.fields == {}
    (kept,) = results([record], keep_heads="box_height >= 24", keep="len(heads) == 1")
    assert kept["heads"][0]["ignore"]


@pytest.mark.parametrize("heads", [3, [BOX, 3], {"box": [0, 0, 1, 1]}])
def test_odd_heads(heads):
    (result,) = results([{"id": "a", "image": "a", "heads": heads}], keep_heads="box_height > 0")
    assert isinstance(result, Failure | Drop)


@pytest.mark.parametrize(
    "source", ["boxheight > 3", "box_height >", "box_height", "truth.heads == 1"]
)
def test_conditions_of_heads_are_checked(source):
    with pytest.raises(Stop) as caught:
        results([{"id": "a", "image": "a.png", "heads": [BOX]}], keep_heads=source)
    assert caught.value.status == USAGE
    assert caught.value.message.startswith("--keep-heads: ")


# ---- presets and scores --------------------------------------------------------------------------

SCORED = {"flip": 0.9, "flip_count": 1, "flip_iou": 0.9, "agreement": 0.9, "cut": 0.9}
STRICT = SCORED | {"size": 512, "size_head": 60, "border": 1, "sharpness": 0.7, "sharpness_head": 0.6, "exposure": 0.8, "entropy": 0.8}  # fmt: skip


@pytest.mark.parametrize("preset", ["vggheads", "strict"])
@pytest.mark.parametrize(
    ("scores", "dropped"),
    [
        ({}, False),
        ({"agreement_faces": 1, "cut_count": 1}, False),
        ({"flip_count": 0.5}, True),  # one head more in the mirror
        ({"flip_iou": 0.2, "flip": 0.2}, True),  # as many, elsewhere: the original let them pass
        ({"agreement_faces": 0.5}, True),
        ({"cut_count": 0.5, "cut": 0.5}, True),
        ({"nsfw": 0.9}, True),
    ],
)
def test_presets_decide_on_scores(preset, scores, dropped):
    record = {"id": "a", "image": "a.png", "heads": [BOX], "scores": STRICT | scores}
    (result,) = results([record], preset=preset)
    assert isinstance(result, Drop) is dropped
    (none,) = results([{**record, "heads": []}], preset=preset)
    assert none.reason == "any(heads, not exists(ignore))"


def test_scores_that_are_missing_are_measured_first_and_kept(tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 48), (90, 120, 30)).save(tmp_path / "flat.png")
    chosen = tool.Options(score="entropy,size", keep="scores.entropy < 0.5 and scores.size > 4")
    context = Context("filter", tmp_path)
    flat = {"id": "a", "image": "flat.png"}
    known = {**flat, "scores": {"entropy": 0.4, "size": 9, "mine": 1}}
    tool.check(chosen, context, flat)
    process = tool.start(chosen, context)
    kept, untouched, dropped, failed, passed = process(
        [
            flat,
            known,
            {**flat, "scores": {"entropy": 0.9}},
            {"id": "b"},
            {"id": "c", "error": {"tool": "detect", "message": "x"}},
        ]
    )
    assert kept["scores"]["size"] == 48
    assert kept["made"]["score"]["options"] == {"score": "entropy,size", "missing": True}
    assert untouched == {}  # nothing is measured twice
    assert (dropped.reason, dropped.score) == ("scores.entropy < 0.5", 0.9)
    assert dropped.fields["scores"] == {"entropy": 0.9, "size": 48}
    assert failed.kind == "missing field"
    assert passed.reason == "error in detect: x"


def test_it_decides_on_scores_as_they_are_written(tmp_path, monkeypatch):
    def start(options, context):
        return lambda records: [
            {
                "scores": {"entropy": 0.4999999},
                "heads": [{"box": [0, 0, 9, 9], "scores": {"size": 9.004}}],
            }
            for _ in records
        ]

    monkeypatch.setattr("headkit.scoring.start", start)
    chosen = tool.Options(
        score="entropy", keep="scores.entropy >= 0.5 and heads[0].scores.size == 9"
    )
    (kept,) = tool.start(chosen, Context("filter", tmp_path))([{"id": "a", "image": "a.png"}])
    assert kept["scores"] == {"entropy": 0.5}
    assert kept["heads"] == [{"box": [0, 0, 9, 9], "scores": {"size": 9.0}}]


def test_a_score_that_there_is_not_and_options_that_do_not_go_together():
    for options in (
        {"score": "nope"},
        {"recall": 0.9},
        {"calibrate": "labels.jsonl", "keep": "width > 3"},
        {"calibrate": "labels.jsonl", "preset": "basic"},
    ):
        with pytest.raises(Stop) as caught:
            tool.before(tool.Options(**options), CONTEXT)
        assert caught.value.status == USAGE


def test_a_score_that_the_first_record_lacks_is_pointed_at(capsys):
    record = {"id": "a", "image": "a", "scores": {}}
    tool.check(tool.Options(keep="scores.sharpness > 0.3"), CONTEXT, record)
    assert "--score sharpness measures it" in capsys.readouterr().err
    tool.check(tool.Options(keep="scores.sharpness ?? 1 > 0.3"), CONTEXT, record)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("perl")), reason="no jq or perl")
def test_the_line_of_the_manual_that_deletes_pictures(tmp_path):
    (line,) = [line.strip() for line in inspect.getdoc(tool).splitlines() if "xargs" in line]
    odd = [b"a b.png", b"new\nline.png", b"-rf", b"q'u\"ote", b"100%41", b"\xff\xfe", b"$(x)", b"*"]
    paths = [tmp_path / "pictures" / os.fsdecode(name) for name in odd]
    spared = [tmp_path / "pictures" / name for name in ("a", "b.png", "100A", "line.png")]
    paths[0].parent.mkdir()
    for path in [*paths, *spared]:
        path.write_bytes(b"x")
    rows = [{"id": str(n), "image": stored(tmp_path, path)} for n, path in enumerate(paths)]
    ledger = "".join(json.dumps(row) + "\n" for row in [*rows, {"id": "none"}])
    (tmp_path / "kept.jsonl.dropped").write_text(ledger)
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    assert sorted((tmp_path / "pictures").iterdir()) == sorted(spared)


# ---- calibration ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [  # of Newcombe (1998), Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_wilson(part, whole, low, high):
    found = share(part, whole)
    assert found.value == part / whole
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def sampled(pairs, score="s"):
    sample = Sample({str(number): keep for number, (_, keep) in enumerate(pairs)})
    for number, (value, _) in enumerate(pairs):
        sample.add({"id": str(number), "scores": {} if value is None else {score: value}})
    return sample.curve(score)


@given(
    st.lists(
        st.tuples(st.none() | st.integers(0, 6) | st.floats(0, 1), st.booleans()), min_size=2
    ).filter(lambda pairs: len({keep for _, keep in pairs}) == 2)
)
@settings(max_examples=100, deadline=None)
def test_every_threshold_counts_what_its_rule_keeps(pairs):
    curve = sampled(pairs)
    assert [found.value for found in curve.thresholds] == sorted(
        {value for value, _ in pairs if value is not None}, reverse=curve.high
    )
    for found in curve.thresholds:
        rule = Expression(found.rule)
        kept = [
            keep
            for value, keep in pairs
            if rule.evaluate({"scores": {} if value is None else {"s": value}}) is True
        ]
        assert (found.kept_good, found.kept_bad) == (kept.count(True), kept.count(False))
        row = found.row()
        assert row["kept"] + row["dropped"] == len(pairs)
    known = [(value, keep) for value, keep in pairs if value is not None]
    wins = [(a > b) + (a == b) / 2 for a, good in known if good for b, bad in known if not bad]
    assert curve.area == pytest.approx(sum(wins) / len(wins) if wins else 0.5)
    best = curve.at_recall(0.8)
    enough = [found for found in curve.thresholds if found.shares["recall"].value >= 0.8]
    assert best == (enough[0] if enough else None)


def test_the_score_that_is_low_for_good_records_is_turned_round():
    curve = sampled([(0.1, True), (0.2, True), (0.9, False), (0.3, False)])
    assert curve.at_recall(1).rule == "scores.s <= 0.2"
    assert curve.at_drop_recall(0.5).rule == "scores.s <= 0.3"
    assert curve.at_drop_recall(1).rule == "scores.s <= 0.2"
    assert (
        sampled([(1, True), (0, False)], "odd name").thresholds[0].rule == 'scores["odd name"] >= 1'
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id":"a","keep":1}\n', "true or false"),
        ('{"id":"a","keep":true}\n{"id":"a","keep":false}\n', "contradict"),
        ('{"id":"a","keep":true}\n', "not both"),
        ("nonsense\n", "not JSON"),
    ],
)
def test_labels_are_checked(text, words, tmp_path):
    (tmp_path / "labels").write_text(text)
    with pytest.raises(Stop, match=words) as caught:
        labels(tmp_path / "labels")
    assert caught.value.status == BAD_INPUT
    with pytest.raises(Stop) as missing:
        labels(tmp_path / "none")
    assert missing.value.status == NO_INPUT
