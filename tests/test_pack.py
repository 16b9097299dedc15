"""headkit pack: the same bytes again, readable by those who train, and nothing published that should not be."""

import fcntl
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import threading

import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st
from packs import DOCUMENTS, HEAD, killed_pack, pack, picture, records_in, tree
from PIL import Image

from headkit.formats import folder
from headkit.formats import webdataset as shards
from headkit.formats.imagefile import inspect
from headkit.formats.output import Stream
from headkit.image import ImageError
from headkit.status import BAD_INPUT, TRY_LATER, USAGE, WRITE_FAILED, Stop

# webdataset leaves files for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)


@pytest.fixture
def records(tmp_path):
    return records_in(tmp_path)


def labels_of(path):
    with tarfile.open(path) as tar:
        return [
            json.loads(tar.extractfile(member).read())
            for member in tar
            if member.name.endswith(".json")
        ]


def test_the_rows_say_what_was_written(tmp_path, records):
    rows, failures = pack(tmp_path, records)
    data = (tmp_path / "out/heads-000000.tar").read_bytes()
    assert failures == []
    assert rows == [
        {
            "id": "heads-000000",
            "format": "webdataset",
            "part": "heads",
            "path": "out/heads-000000.tar",
            "count": 6,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    ]
    assert sorted(tree(tmp_path / "out")) == sorted(
        [*DOCUMENTS, "SHA256SUMS", "heads-000000.index.jsonl", "heads-000000.tar", "index.json"]
    )
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_same_records_make_the_same_bytes(tmp_path, records):
    pack(tmp_path, records, dir=str(tmp_path / "a"), shard_size="2")
    os.utime(tmp_path / "images/0.png", (1, 1))
    (tmp_path / "images/1.png").chmod(0o600)
    elsewhere = tmp_path / "moved"
    shutil.copytree(tmp_path / "images", elsewhere / "images")
    pack(elsewhere, records, dir=str(elsewhere / "a"), shard_size="2")
    assert tree(tmp_path / "a") == tree(elsewhere / "a")


def test_tarfile_and_webdataset_read_it(tmp_path, records):
    pack(tmp_path, records)
    shard = tmp_path / "out/heads-000000.tar"
    with tarfile.open(shard) as tar:
        members = tar.getmembers()
    assert [member.name for member in members[:2]] == ["row-0.png", "row-0.json"]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
        (0, 0, 0, "", "", 0o644)
    }
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False).decode("pil"))
    assert [sample["__key__"] for sample in samples] == [record["id"] for record in records]
    assert [sample["json"]["id"] for sample in samples] == [record["id"] for record in records]
    assert samples[3]["png"].getpixel((0, 0)) == (120, 10, 10)
    raw = next(iter(webdataset.WebDataset(str(shard), shardshuffle=False)))
    assert raw["png"] == (tmp_path / "images/0.png").read_bytes()  # copied, not encoded again


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no coreutils")
def test_sha256sum_checks_everything(tmp_path, records):
    pack(tmp_path, records, shard_size="4")
    out = tmp_path / "out"
    run = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        cwd=out,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(run.stdout.splitlines()) == len(list(out.iterdir())) - 1
    with (out / "heads-000001.tar").open("r+b") as file:
        file.seek(600)
        file.write(b"x")
    assert (
        subprocess.run(
            ["sha256sum", "-c", "SHA256SUMS"], cwd=out, capture_output=True, check=False
        ).returncode
        == 1
    )


def test_the_index_finds_every_member(tmp_path, records):
    pack(tmp_path, records, shard_size="4")
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert [shard["count"] for shard in index["shards"]] == [4, 2]
    assert index["images"] == 6
    for shard in index["shards"]:
        data = (tmp_path / "out" / shard["path"]).read_bytes()
        listing = (
            (tmp_path / "out" / shard["path"].replace(".tar", ".index.jsonl"))
            .read_text()
            .splitlines()
        )
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            names = tar.getnames()
        assert [json.loads(line)["name"] for line in listing] == names
        for line in map(json.loads, listing):
            part = data[line["offset"] : line["offset"] + line["bytes"]]
            assert hashlib.sha256(part).hexdigest() == line["sha256"]


def test_only_the_allow_list_is_published(tmp_path, records):
    pack(tmp_path, records)
    label = labels_of(tmp_path / "out/heads-000000.tar")[2]
    assert list(label) == [
        "schema",
        "id",
        "width",
        "height",
        "image_sha256",
        "caption",
        "labels",
        "heads",
    ]
    assert label["labels"] == "truth"
    assert label["heads"] == records[2]["truth"]["heads"]
    private = tmp_path / "out.private.jsonl"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in private.read_text().splitlines()]
    assert rows[2]["key"] == "row-2"
    assert {"source", "poses", "image", "mine"} <= set(rows[2])
    published = b"".join(tree(tmp_path / "out").values())
    assert b"secret" not in published
    assert b"images/" not in published


def test_fields(tmp_path, records):
    pack(tmp_path, records, fields="mine, source")
    label = labels_of(tmp_path / "out/heads-000000.tar")[0]
    assert label["mine"] == [0]
    assert label["source"] == {"sampler": "prior"}  # the hash of a photo finds the photo
    assert "caption" not in label
    for wrong in ("image", "heads", "nothing"):
        with pytest.raises(Stop) as caught:
            pack(tmp_path, records, fields=wrong, dir=str(tmp_path / "other"))
        assert caught.value.status == USAGE
        assert not (tmp_path / "other").exists()


def test_labels(tmp_path, records):
    found = [{**record, "heads": [{"box": [1, 1, 9, 9], "score": 0.5}]} for record in records]
    pack(tmp_path, found)
    assert labels_of(tmp_path / "out/heads-000000.tar")[0]["labels"] == "truth"
    pack(tmp_path, found, labels="heads")
    label = labels_of(tmp_path / "out/heads-000000.tar")[0]
    assert (label["labels"], label["heads"]) == ("heads", found[0]["heads"])
    assert "truth" in (tmp_path / "out.private.jsonl").read_text()
    del found[3]["truth"]
    pack(tmp_path, found)  # truth is not everywhere
    assert labels_of(tmp_path / "out/heads-000000.tar")[0]["labels"] == "heads"
    assert "found in the images" in (tmp_path / "out/README.md").read_text()
    rows, failures = pack(tmp_path, found, labels="truth")
    assert rows[0]["count"] == 5
    assert [failure.kind for failure in failures] == ["labels"]


def test_no_labels_at_all_is_bad_input(tmp_path, records):
    for record in records:
        del record["truth"]
    with pytest.raises(Stop) as caught:
        pack(tmp_path, records)
    assert caught.value.status == BAD_INPUT
    assert not (tmp_path / "out").exists()


def test_what_is_left_out_is_counted(tmp_path, records):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "turned.jpg", exif=exif)
    picture(tmp_path / "small.png", size=(8, 8))
    picture(tmp_path / "still.bmp")
    whole = (tmp_path / "images/0.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:-20])
    good = {**records[0], "image_sha256": None}
    bad = {
        "missing": {**good, "image": "images/nobody.png"},
        "turned": {**good, "image": "turned.jpg", "width": 24, "height": 32},
        "size": {**good, "image": "small.png"},
        "changed": {**good, "image_sha256": "0" * 64},
        "path": {**good, "image": "../../etc/passwd"},
        "image": {**good, "image": "cut.png"},
        "image ": {**good, "image": "still.bmp"},
        "image  ": {**good, "image": None},
    }
    rows = [{**record, "id": f"bad-{kind}"} for kind, record in bad.items()]
    rows.append({"id": "failed", "error": {"tool": "generate", "kind": "x", "message": "y"}})
    shown, failures = pack(tmp_path, [*records, *rows])
    assert shown[0]["count"] == 6
    assert sorted(failure.kind for failure in failures) == sorted(kind.strip() for kind in bad)
    assert all("bad-" in failure.message for failure in failures)
    left_out = json.loads((tmp_path / "out/index.json").read_text())["left_out"]
    assert left_out["error in an earlier tool"] == 1
    assert sum(left_out.values()) == len(rows)
    assert "| records left out: turned | 1 |" in (tmp_path / "out/README.md").read_text()


def test_an_image_with_exif_that_asks_for_no_turn_is_packed(tmp_path, records):
    exif = Image.Exif()
    exif[0x0131] = "software"
    picture(tmp_path / "images/0.png", exif=exif)
    picture(tmp_path / "images/1.jpg", exif=exif)
    records[0]["image_sha256"] = records[1]["image_sha256"] = None
    records[1]["image"] = "images/1.jpg"
    rows, failures = pack(tmp_path, records[:2])
    assert (rows[0]["count"], failures) == (2, [])
    with tarfile.open(tmp_path / "out/heads-000000.tar") as tar:
        assert tar.getnames() == ["row-0.png", "row-0.json", "row-1.jpg", "row-1.json"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("turn", [None, 1, 3, 6])
def test_inspect_agrees_with_pillow(format, turn):
    buffer = io.BytesIO()
    exif = Image.Exif()
    if turn:
        exif[0x0112] = turn
    Image.new("RGB", (33, 21)).save(buffer, format, **({"exif": exif} if turn else {}))
    found = inspect(buffer.getvalue())
    assert (found.width, found.height) == ((21, 33) if turn == 6 else (33, 21))
    assert found.turned is (turn in (3, 6))
    for cut in (0, 3, 11, 30, len(buffer.getvalue()) - 5):
        with pytest.raises(ImageError):
            inspect(buffer.getvalue()[:cut])


def test_shards_close_before_they_are_too_large(tmp_path, records):
    rows, _ = pack(tmp_path, records, shard_size="10KB")
    assert len(rows) > 1
    assert sum(row["count"] for row in rows) == 6
    assert all(row["bytes"] <= 10_240 or row["count"] == 1 for row in rows)
    assert [row["id"] for row in rows] == [f"heads-{number:06d}" for number in range(len(rows))]
    rows, _ = pack(tmp_path, records, shard_size="4, 1MB")
    assert [row["count"] for row in rows] == [4, 2]
    for wrong in ("", "0", "many", "1TB", "-3", "1,,2"):
        with pytest.raises(Stop) as caught:
            pack(tmp_path, records, shard_size=wrong)
        assert caught.value.status == USAGE


AWKWARD = [
    "a.b/c",
    "_hidden",
    "-option",
    "ü ö",
    "..",
    "x=y",
    "__key__",
    "</td>{0}%s",
    "nul\x00",
    "long" * 60,
]


@pytest.mark.parametrize("id", AWKWARD)
def test_awkward_ids_become_keys_that_readers_keep_whole(tmp_path, records, id):
    pack(tmp_path, [{**records[0], "id": id}])
    (sample,) = webdataset.WebDataset(
        str(tmp_path / "out/heads-000000.tar"), shardshuffle=False
    ).decode("pil")
    assert sample["__key__"] == shards.key(id)
    assert sample["json"]["id"] == id
    assert set(sample) >= {"png", "json"}


@given(
    st.lists(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=90),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_keys_are_different_and_plain(ids):
    first, second = map(shards.key, ids)
    assert first != second
    for key in (first, second):
        assert len(key) <= shards.LONGEST_KEY
        assert not set(key) - set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-="
        )
        assert key[0] not in "_-"


def test_nothing_in_nothing_out(tmp_path):
    assert pack(tmp_path, []) == ([], [])
    assert sorted(tree(tmp_path / "out")) == sorted([*DOCUMENTS, "SHA256SUMS", "index.json"])


@given(st.text("abcXYZ019=_-.", min_size=1, max_size=90), st.integers(0, 8**11 - 1))
def test_headers_are_those_of_tarfile(name, size):
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    assert shards._header(name, size) == info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


# ---- the folder ---------------------------------------------------------------------------------


def test_a_foreign_folder_is_not_touched(tmp_path, records):
    (tmp_path / "out").mkdir()
    pack(tmp_path, records)  # an empty one is fine
    (tmp_path / "out/notes.txt").write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(Stop) as caught:
        pack(tmp_path, records)
    assert caught.value.status == USAGE
    assert tree(tmp_path) == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(Stop):
        pack(tmp_path, records, dir=str(tmp_path / "file"))
    with pytest.raises(Stop, match="outside the root"):
        pack(tmp_path / "images", records, dir=str(tmp_path / "elsewhere"))


def test_an_older_dataset_of_ours_is_replaced_whole(tmp_path, records):
    pack(tmp_path, records, shard_size="1")
    pack(tmp_path, records[:2])
    assert len(labels_of(tmp_path / "out/heads-000000.tar")) == 2
    assert not (tmp_path / "out/heads-000001.tar").exists()
    assert len((tmp_path / "out.private.jsonl").read_text().splitlines()) == 2


def test_a_private_file_of_something_else_is_not_overwritten(tmp_path, records):
    (tmp_path / "out.private.jsonl").write_text("the only copy")
    with pytest.raises(Stop) as caught:
        pack(tmp_path, records)
    assert caught.value.status == USAGE
    assert (tmp_path / "out.private.jsonl").read_text() == "the only copy"


def test_a_failing_run_leaves_what_was_there(tmp_path, records):
    pack(tmp_path, records)
    before = tree(tmp_path)

    def broken():
        yield records[0]
        raise Stop(BAD_INPUT, "line 2 is torn")

    with pytest.raises(Stop, match="torn"):
        pack(tmp_path, broken())
    assert tree(tmp_path) == before


def test_two_runs_on_one_folder(tmp_path, records):
    """The second ends with TRY_LATER at once; the first is not disturbed."""
    inside, go_on = threading.Event(), threading.Event()

    def slow():
        yield records[0]
        inside.set()
        go_on.wait(20)
        yield records[1]

    rows = []
    first = threading.Thread(target=lambda: rows.extend(pack(tmp_path, slow())[0]))
    first.start()
    assert inside.wait(20)
    with pytest.raises(Stop) as caught:
        pack(tmp_path, records)
    go_on.set()
    first.join()
    assert caught.value.status == TRY_LATER
    assert rows[0]["count"] == 2
    pack(tmp_path, records)  # and the lock is free again


@pytest.mark.parametrize(
    "moment", ["spool", "shards", "between the renames", "before the private file"]
)
def test_a_killed_run_is_cleaned_up_by_the_next(tmp_path, records, moment):
    out, work = tmp_path / "out", tmp_path / ".out.pack"
    pack(tmp_path, records)
    before = tree(tmp_path)
    work.mkdir()
    (work / "lock").touch()  # held by nobody: the kernel has freed it
    if moment == "spool":
        (work / "waiting.jsonl").write_text("torn")
    if moment == "shards":
        (work / "new").mkdir()
        (work / "new/heads-000000.tar").write_text("torn")
        (work / "private.jsonl").write_text("torn")
    if moment == "between the renames":
        out.rename(work / "old")
        (work / "new").mkdir()
        (work / "private.jsonl").write_text("newer")
    if moment == "before the private file":
        (tmp_path / "out.private.jsonl").rename(work / "private.jsonl")
    with folder.workplace(out):
        pass
    assert tree(tmp_path) == before


@pytest.mark.parametrize("at", range(6))
def test_resume_goes_on_behind_the_last_whole_shard(tmp_path, records, at, monkeypatch):
    records[1]["image_sha256"] = "0" * 64  # fails, and still fails after the resume
    records.insert(4, {"id": "failed", "error": {"tool": "x", "kind": "y", "message": "z"}})
    options = {"shard_size": "2"}
    whole, failures = pack(tmp_path, records, **options)
    expected = tree(tmp_path)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out.private.jsonl").unlink()
    if at < 5:
        killed_pack(tmp_path, records, at, monkeypatch, **options)
        assert not (tmp_path / "out").exists()
    first = tmp_path / ".out.pack/new/heads-000000.tar"
    before = first.stat().st_ino if first.exists() and at > 2 else None
    assert pack(tmp_path, records, resume=True, **options) == (whole, failures)
    assert tree(tmp_path) == expected
    if before is not None:
        assert (tmp_path / "out/heads-000000.tar").stat().st_ino == before  # not written again


def test_resume_refuses_other_options_and_other_records(tmp_path, records, monkeypatch):
    killed_pack(tmp_path, records, 5, monkeypatch, shard_size="2")
    for others in ({"shard_size": "3"}, {"shard_size": "2", "fields": "caption"}):
        with pytest.raises(Stop, match="other options") as caught:
            pack(tmp_path, records, resume=True, **others)
        assert caught.value.status == USAGE
    changed = [{**records[0], "caption": "changed"}, *records[1:]]
    with pytest.raises(Stop, match="other records"):
        pack(tmp_path, changed, resume=True, shard_size="2")
    grown = [*records, {**records[0], "id": "more"}]
    rows, _ = pack(tmp_path, grown, resume=True, shard_size="2")
    assert sum(row["count"] for row in rows) == 7
    assert not (tmp_path / ".out.pack").exists()


def test_without_resume_a_killed_run_is_forgotten(tmp_path, records, monkeypatch):
    killed_pack(tmp_path, records, 5, monkeypatch, shard_size="2")
    rows, _ = pack(tmp_path, records[:1])
    assert [row["count"] for row in rows] == [1]
    assert not (tmp_path / ".out.pack").exists()


def test_a_disk_without_room_is_said_before_the_start(tmp_path, records, monkeypatch):
    monkeypatch.setattr(
        folder.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000)
    )
    with pytest.raises(Stop) as caught:
        pack(tmp_path, records)
    assert caught.value.status == WRITE_FAILED
    assert not (tmp_path / "out").exists()


def test_a_failing_disk_is_the_machines_fault(tmp_path, records, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Stream, "write", full)
    with pytest.raises(Stop) as caught:
        pack(tmp_path, records)
    assert caught.value.status == WRITE_FAILED
    assert list(tmp_path.iterdir()) == [tmp_path / "images"]


def test_no_locks_there(tmp_path, records, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(Stop, match="local disk") as caught:
        pack(tmp_path, records)
    assert caught.value.status == TRY_LATER


def test_markup_in_a_record_stays_out_of_the_card(tmp_path, records):
    records[0]["truth"]["heads"][0] = {**HEAD, "ignore": "|<script>alert(1)</script>|"}
    pack(tmp_path, records)
    card = (tmp_path / "out/README.md").read_text()
    assert "<script>" not in card
    assert "| images | 6 |" in card
    assert "| heads | 12 |" in card
    assert "| head yaw -180 to -150 degrees | 12 (100.0%) |" in card
    assert "| head height 16 to 32 px | 12 (100.0%) |" in card
