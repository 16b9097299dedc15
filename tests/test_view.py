"""headkit view: a tile for every record, whatever is wrong with it."""

import hashlib
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from headkit.overlay.sheet import GAP, strip_height
from headkit.status import USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Failure
from headkit.tools import view as tool

NAMES = (
    "box",
    "box_visible",
    "pose",
    "params",
    "landmarks",
    "points",
    "visible",
    "scheme",
    "view",
    "rotation",
    "yaw",
)
NAMES += ("K", "model", "translation", "keypoints", "ignore", "visibility", "heads")
HEAD = {"box": [4.0, 4.0, 20.0, 22.0], "box_visible": [4.0, 4.0, 15.0, 22.0], "visibility": 0.7}
HEAD |= {"pose": {"yaw": 12.4, "pitch": -0.2, "roll": 3.0, "view": np.eye(3).tolist()}}


@pytest.fixture
def records(tmp_path):
    made = []
    for number in range(3):
        Image.new("RGB", (32, 24), (60 * number, 90, 90)).save(tmp_path / f"{number}.png")
        made.append(
            {
                "id": f"row/{number}.x",
                "width": 32,
                "height": 24,
                "image": f"{number}.png",
                "truth": {"heads": [HEAD, HEAD]},
            }
        )
    return made


def view(root, records, **options):
    """(the sheet, the failures) of one run."""
    path = root / "sheet.png"
    context = Context("view", Path(os.path.realpath(root)))
    found = list(
        tool.stream(
            tool.Options(**{"output": str(path), "tile": 64, **options}), context, iter(records)
        )
    )
    return np.asarray(Image.open(path)), found


def tiles(sheet, size=64):
    rows = (sheet.shape[0] - GAP) // (size + strip_height() + GAP)
    columns = (sheet.shape[1] - GAP) // (size + GAP)
    step = (size + strip_height() + GAP, size + GAP)
    corners = [
        (GAP + step[0] * row, GAP + step[1] * column)
        for row in range(rows)
        for column in range(columns)
    ]
    return [sheet[top : top + size, left : left + size] for top, left in corners]


def test_one_tile_per_record(tmp_path, records):
    sheet, failures = view(tmp_path, records, columns=2)
    assert failures == []
    shown = tiles(sheet)
    assert len(shown) == 4
    for number in range(3):
        assert tuple(shown[number][32, 32]) == (60 * number, 90, 90)
    assert len(np.unique(shown[3].reshape(-1, 3), axis=0)) == 1


def test_one_tile_per_head(tmp_path, records):
    sheet, _ = view(tmp_path, records, heads=True, boxes=True)
    assert len(tiles(sheet)) == 6
    outside = {"box": [0.0, 0.0, 0.0, 0.0], "ignore": "outside"}
    both, failures = view(
        tmp_path, [{**records[0], "truth": {"heads": [HEAD, outside]}}], heads=True, boxes=True
    )
    assert (len(tiles(both)), failures) == (1, [])
    none, _ = view(tmp_path, [{**records[0], "truth": {"heads": []}}], heads=True)
    assert none.shape[1] == 64 + 2 * GAP


@pytest.mark.parametrize("option", ["boxes", "landmarks", "axes", "poses"])
def test_every_overlay_changes_its_tile(tmp_path, records, option):
    landmarks = {
        "scheme": "ibug68",
        "points": [[5 + k % 9, 5 + k % 11, 0] for k in range(68)],
        "visible": "10" * 34,
    }
    keypoints = [[5 + k, 4 + (k * 7) % 15, 1] for k in range(17)]
    record = {
        **records[0],
        "truth": {"heads": [{**HEAD, "landmarks": landmarks}]},
        "poses": [{"keypoints": keypoints}],
    }
    plain, _ = view(tmp_path, [record])
    drawn, failures = view(tmp_path, [record], **{option: True})
    assert failures == []
    assert not np.array_equal(plain, drawn)


def test_the_visible_box_is_drawn_where_it_is_another(tmp_path, records):
    def drawn(visible):
        head = {"box": [4, 4, 20, 22], "box_visible": visible}
        return view(tmp_path, [{**records[0], "truth": {"heads": [head]}}], boxes=True)[0]

    assert np.array_equal(drawn(None), drawn([4, 4, 19.8, 22]))
    assert not np.array_equal(drawn(None), drawn([4, 4, 15, 22]))


def test_labels(tmp_path, records):
    record = {**records[0], "heads": [{"box": [20, 10, 30, 20]}]}
    shown = {
        labels: view(tmp_path, [record], boxes=True, labels=labels)[0]
        for labels in (None, "truth", "heads")
    }
    assert np.array_equal(shown[None], shown["truth"])
    assert not np.array_equal(shown["truth"], shown["heads"])
    del record["truth"]
    assert np.array_equal(view(tmp_path, [record], boxes=True)[0], shown["heads"])


def test_what_is_wrong_has_a_tile_that_says_so(tmp_path, records):
    (tmp_path / "broken.png").write_bytes(b"no image")
    nasty = "<script>alert(1)</script> {0} %s\n\x1b[31m"
    wrong = [
        {"id": "missing", "image": "nowhere.png"},
        {"id": "outside", "image": "../../etc/passwd"},
        {"id": "broken", "image": "broken.png"},
        {"id": nasty, "image": None},
        {"id": "box", "image": "0.png", "heads": [{"box": [1, 2, "three", 4]}]},
        {"id": "list", "image": "0.png", "heads": [3]},
        {"id": "object", "image": "0.png", "heads": {"box": 3}},
        {"id": "truth", "image": "0.png", "truth": "x", "poses": 7},
        {
            "id": "mesh",
            "image": "0.png",
            "heads": [{"box": [1, 2, 9, 9], "params": {"model": "x"}, "pose": {"rotation": 1}}],
        },
    ]
    failed = {"id": "failed", "error": {"tool": "generate", "kind": "x", "message": nasty * 20}}
    sheet, failures = view(
        tmp_path, [records[0], *wrong, failed], boxes=True, poses=True, mesh=True
    )
    assert len(failures) == len(wrong)
    assert all(isinstance(failure, Failure) for failure in failures)
    shown = tiles(sheet)
    assert len(shown) == 16
    for tile in shown[1 : len(wrong) + 2]:
        assert tile[:, :, 0].max() > 150  # the message


def test_what_can_be_drawn_is_drawn_beside_what_cannot(tmp_path, records):
    foreign = {**HEAD, "params": {"model": "another"}, "pose": {"rotation": np.eye(3).tolist()}}
    record = {**records[0], "truth": {"heads": [foreign, HEAD]}}
    sheet, (failure,) = view(tmp_path, [record], boxes=True, mesh=True, tile=256)
    assert "another head model" in failure.message
    plain, _ = view(tmp_path, [record], tile=256)
    top = slice(GAP, GAP + 128)
    assert not np.array_equal(sheet[top], plain[top])  # the boxes
    assert len(view(tmp_path, [record], heads=True, mesh=True)[1]) == 1  # one failure a record


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_label_breaks_a_sheet(tmp_path, records, data):
    junk = st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.just([1, 2, 3, 4]),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
        ),
        max_leaves=12,
    )
    head = st.one_of(junk, st.dictionaries(st.sampled_from(NAMES), junk, max_size=5))
    record = {
        **records[0],
        "truth": {"heads": data.draw(st.lists(head, max_size=3))},
        "camera": data.draw(junk),
    }
    record["poses"] = data.draw(junk)
    everything = dict.fromkeys(("boxes", "landmarks", "mesh", "axes", "poses"), True)
    view(tmp_path, [record], heads=data.draw(st.booleans()), **everything)


def test_an_error_from_before_is_no_failure_of_this_run(tmp_path):
    _, failures = view(tmp_path, [{"id": "a", "error": {"tool": "x", "kind": "y", "message": "z"}}])
    assert failures == []


def test_the_same_records_make_the_same_file(tmp_path, records):
    digests = set()
    for _ in range(2):
        view(tmp_path, records, boxes=True, axes=True)
        digests.add(hashlib.sha256((tmp_path / "sheet.png").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_full_sheet_stops_reading_and_says_so(tmp_path, records, monkeypatch, capsys):
    monkeypatch.setattr("headkit.overlay.sheet.LARGEST", 40_000)
    endless = iter(lambda: records[0], None)
    sheet, _ = view(tmp_path, endless, columns=2)
    assert len(tiles(sheet)) == 4
    assert "room for 4 tiles" in capsys.readouterr().err
    with pytest.raises(Stop) as caught:
        view(tmp_path, records, columns=200, tile=4096)
    assert caught.value.status == USAGE


def test_nothing_to_see(tmp_path):
    sheet, failures = view(tmp_path, [])
    assert failures == []
    assert sheet.shape[2] == 3


def test_a_sheet_that_cannot_be_written(tmp_path, records):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Stop) as caught:
        view(tmp_path, records, output=str(tmp_path / "file/sheet.png"))
    assert caught.value.status == WRITE_FAILED


def test_devices_and_pipes_are_written_through(tmp_path, records):
    context = Context("view", Path(os.path.realpath(tmp_path)))

    def run(output):
        return list(tool.stream(tool.Options(output=str(output), tile=64), context, iter(records)))

    (picture,) = run("-")
    assert picture.startswith(b"\x89PNG")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert run(pipe) == []
    reader.join(20)
    assert read == [picture]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with pytest.raises(Stop) as caught:
        run("/dev/full")
    assert caught.value.status == WRITE_FAILED
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    run(tmp_path / "new/folder/sheet.png")
    assert (tmp_path / "new/folder/sheet.png").read_bytes() == picture


def test_the_line_below_a_tile():
    assert tool._detail([HEAD], None) == "yaw 12 pitch 0 roll 3  70%"
    assert tool._detail([HEAD, HEAD], None) == "2 heads  yaw 12  12"
    assert (
        tool._detail([HEAD, {**HEAD, "ignore": "small"}], 1) == "yaw 12 pitch 0 roll 3  70%  small"
    )
    assert tool._detail([], None) == "0 heads"
    assert tool._detail([{"pose": {"yaw": "left"}}], None) == ""
