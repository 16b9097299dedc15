"""Photos as records: folders, lists, tars; ids by a key; metadata; resume, shards and workers; what is damaged."""

import io
import json
import os
import signal
import stat
import tarfile
import threading
from hashlib import sha256

import pytest
from drill import wait_until
from manifests import parsed

from headkit.photos.reading import PhotoError, photo_bytes

PHOTOS = {
    "b/2.png": b"two",
    "b/1.JPG": b"one",
    "a.webp": b"a",
    "c.heic": b"c",
    "b/deeper/3.gif": b"three",
}
IN_ORDER = ["a.webp", "b/1.JPG", "b/2.png", "b/deeper/3.gif", "c.heic"]


@pytest.fixture
def album(cli):
    """A folder of photos, and of other things."""
    for name, data in {
        **PHOTOS,
        "b/notes.txt": b"no photo",
        ".hidden.jpg": b"x",
        "._a.webp": b"x",
    }.items():
        path = cli.path("album") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return cli


def tar(members, **options):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as archive:
        for name, data in members:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return out.getvalue()


def shard(count, *, first=0):
    """Samples as img2dataset writes them."""
    return tar(
        member
        for number in range(first, first + count)
        for member in (
            (f"{number:05d}.jpg", b"photo %d" % number),
            (f"{number:05d}.json", b'{"NSFW":"UNLIKELY","caption":"secret %d"}' % number),
            (f"{number:05d}.txt", b"secret %d" % number),
        )
    )


def marks(rows):
    return [row["mark"]["bytes"] for row in rows]


def test_a_folder_in_the_order_of_names(album):
    out, said = album.run("look", "album")
    rows = parsed(out)
    assert marks(rows) == [len(PHOTOS[name]) for name in IN_ORDER]
    assert said == ""
    assert len({row["id"] for row in rows}) == 5
    assert b"album" not in out
    assert b"jpg" not in out.lower()
    kept = parsed(album.out("look", "--keep-path", "album"))
    assert [row["source"] for row in kept] == [{"path": f"album/{name}"} for name in IN_ORDER]
    assert [row["id"] for row in kept] == [row["id"] for row in rows]
    assert marks(parsed(album.out("look", "album/b/2.png", "album/c.heic"))) == [3, 1]


def test_links_are_followed_but_not_in_circles(album):
    album.path("album/b/up").symlink_to("..")
    album.path("album/z").symlink_to("b")
    _, said = album.run("look", "album")
    assert "3 photos are copies of another" in said


def test_a_folder_without_pictures_says_so(cli):
    cli.path("empty").mkdir()
    assert cli.run("look", "empty") == (b"", "headkit look: empty: holds no pictures\n")


def test_the_key_is_made_once_and_decides_the_ids(album):
    first = album.out("look", "album")
    key = album.path("headkit.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert album.out("look", "album") == first
    digests = [sha256(data).hexdigest() for data in PHOTOS.values()]
    assert not any(row["id"] in digest for row in parsed(first) for digest in digests)
    other = album.out("look", "--key", "other.key", "album")
    assert marks(parsed(other)) == marks(parsed(first))
    assert not {row["id"] for row in parsed(other)} & {row["id"] for row in parsed(first)}
    album.write("short.key", b"x\n")
    assert "holds less than 16 bytes" in album.said("look", "--key", "short.key", "album", status=2)


def test_runs_that_begin_together_share_one_key(album):
    runs = [album.popen("look", "album") for _ in range(3)]
    assert len({run.communicate()[0] for run in runs}) == 1


def test_nothing_to_look_at_makes_no_key(cli):
    cli.out("look")
    assert cli.names() == []


def test_a_dry_run_makes_no_key(album):
    before = album.names()
    said = album.said("look", "--dry-run", "album")
    assert "dry run" in said
    assert album.names() == before


def test_copies_are_named_and_said(album):
    for name in ("d.jpg", "e.jpg"):
        (album.path("album") / name).write_bytes(b"one")
    out, said = album.run("look", "album")
    rows = parsed(out)
    first = rows[1]["id"]
    assert [row["id"] for row in rows[-2:]] == [f"{first}-2", f"{first}-3"]
    assert [row["mark"]["copy_of"] for row in rows[-2:]] == [first, first]
    assert said.startswith("headkit look: 2 photos are copies of another")


def test_lists_of_paths(album):
    names = b"album/b/2.png\0missing.jpg\0album\0album/a.webp\0"
    out, said = album.run("look", "-0", input=names, status=1)
    rows = parsed(out)
    assert [row.get("error", {}).get("kind") for row in rows] == [
        None,
        "bad-image",
        "bad-image",
        None,
    ]
    assert b"missing" not in out
    assert "4 read, 2 out, 2 failed" in said
    outside = str(album.path("album").absolute() / "a.webp").encode() + b"\0"
    (album.path("elsewhere")).mkdir()
    assert marks(parsed(album.out("look", "-0", "--root", "elsewhere", input=outside))) == [1]
    said = album.said("look", "-0", "--root", "elsewhere", "--keep-path", input=outside, status=2)
    assert "outside the root" in said


def test_records_lose_the_path_of_a_photo_and_keep_the_rest(album):
    given = b"\n".join(
        (
            b'{"id":"x","image":"album/a.webp","n":1.50}',
            b'{"id":"y","image":"../outside.jpg"}',
            b'{"id":"z"}',
            b'{"id":"g","image":"album/c.heic","made":{"generate":{}}}',
        )
    )
    out, _ = album.run("look", input=given, status=1)
    rows = parsed(out)
    assert [row["id"] for row in rows] == ["x", "y", "z", "g"]
    assert rows[0]["n"] == 1.5
    assert [row.get("image") for row in rows] == [None, None, None, "album/c.heic"]
    assert [row.get("error", {}).get("kind") for row in rows] == [
        None,
        "path",
        "missing field",
        None,
    ]
    kept = parsed(album.out("look", "--keep-path", input=given, status=1))
    assert kept[0]["source"] == {"path": "album/a.webp"}
    assert "source" not in kept[3]


def test_tars_in_place_with_and_without_metadata(cli):
    cli.write("00000.tar", shard(3))
    out = cli.out("look", "00000.tar")
    assert b"secret" not in out
    assert [row["mark"] for row in parsed(out)] == [{"bytes": 7, "metadata": {}}] * 3
    rows = parsed(cli.out("look", "--samples", "--keep-path", "00000.tar"))
    assert [row["mark"]["metadata"]["caption"] for row in rows] == [
        "secret 0",
        "secret 1",
        "secret 2",
    ]
    sources = [row["source"] for row in rows]
    assert sources[1] == {"path": "00000.tar", "member": "00001.jpg", "offset": 512 * 7, "bytes": 7}
    assert [photo_bytes(cli.folder, source)[-1:] for source in sources] == [b"0", b"1", b"2"]
    piped = cli.shell("cat 00000.tar | $T look --samples")
    assert [row["id"] for row in parsed(piped.stdout)] == [row["id"] for row in rows]
    cli.shell("gzip -k 00000.tar")
    packed = {"path": "00000.tar.gz", "member": "00002.jpg"}
    assert photo_bytes(cli.folder, packed) == b"photo 2"
    assert [row["id"] for row in parsed(cli.out("look", "00000.tar.gz"))] == [
        row["id"] for row in rows
    ]


def test_a_photo_is_read_again_or_it_is_said_why_not(album):
    root, digest = album.folder, sha256(b"a").hexdigest()
    assert photo_bytes(root, {"path": "album/a.webp", "sha256": digest}) == b"a"
    album.write("a.tar", shard(1))
    for source, words in (
        ({}, "has no path"),
        ({"path": "album/gone.jpg"}, "No such file"),
        ({"path": "../x.jpg"}, "leaves the root"),
        ({"path": "album/c.heic", "sha256": digest}, "has changed"),
        ({"path": "a.tar", "member": "b.jpg"}, "no member 'b.jpg'"),
        ({"path": "a.tar", "member": "b.jpg", "offset": 1 << 20, "bytes": 9}, "shorter"),
        ({"path": "album/a.webp", "member": "b.jpg"}, "source.path"),
    ):
        with pytest.raises(PhotoError, match=words):
            photo_bytes(root, source)


def test_names_of_all_kinds_in_a_tar(cli):
    long = "folder" * 30 + "/" + "n" * 120 + ".jpg"
    cli.write(
        "a.tar",
        tar(
            [
                (long, b"1"),
                ("dir/photo.2020.05.jpg", b"22"),
                ("x.mask.png", b"0"),
                ("x.jpg", b"333"),
            ]
        ),
    )
    assert marks(parsed(cli.out("look", "a.tar"))) == [1, 2, 1, 3]
    assert marks(parsed(cli.out("look", "--samples", "a.tar"))) == [1, 2, 3]


def test_a_damaged_tar_is_65_after_what_precedes_it(cli):
    whole = shard(4)
    for name, data in {
        "cut.tar": whole[: 512 * 9 + 100],
        "no-end.tar": whole[: 512 * 12],
        "torn.tar": whole[: 512 * 12] + b"\xff" * 512 + whole[512 * 13 :],
    }.items():
        cli.write(name, data)
        out, said = cli.run("look", name, status=65)
        assert marks(parsed(out)) == [7, 7]
        assert f"{name}: tar is damaged or cut short" in said
        out, said = cli.run("look", "--bad-lines", "skip", name, "cut.tar", status=None)
        assert len(parsed(out)) == 4
        assert "the rest of it is skipped" in said
    assert "tar is damaged" in cli.said("look", "--samples", cli.write("e.tar", b""), status=65)


def test_metadata_that_is_none_fails_its_photo(cli):
    cli.write("a.tar", tar([("1.jpg", b"1"), ("1.json", b"{"), ("2.jpg", b"2"), ("2.json", b"{}")]))
    rows = parsed(cli.out("look", "--samples", "a.tar", status=1))
    assert [row.get("error", {}).get("kind") for row in rows] == ["bad-metadata", None]


@pytest.mark.parametrize("words", [("album",), ("a.tar", "b.tar"), ("--samples", "b.tar", "album")])
def test_resume_workers_and_shards_agree(album, words):
    album.write("a.tar", shard(5))
    album.write("b.tar", shard(4, first=3))
    whole = album.out("look", *words)
    assert album.out("look", "-b", 1, *words) == whole
    if len(words) > 2:
        assert album.out("look", "-j", 2, *words) == whole
    album.run("look", "-n", 4, "-o", "out", *words)
    album.run("look", "-o", "out", "--resume", *words)
    assert album.read("out") == whole
    shards = [parsed(album.out("look", "--shard", f"{index}/2", *words)) for index in (0, 1)]
    ids = {row["id"] for row in parsed(whole)}
    assert {row["id"] for rows in shards for row in rows} == ids
    assert sum(len(rows) for rows in shards) == len(ids)
    album.run("look", "-n", 3, "--shard", "0/2", "-o", "part", *words)
    album.run("look", "--shard", "0/2", "-o", "part", "--resume", *words)
    assert parsed(album.read("part"))[1:] == shards[0][1:]


def test_a_tar_is_taken_up_where_it_was_left(cli):
    """What was read is not read again: it may be gigabytes."""
    cli.write("a.tar", shard(6))
    whole = cli.out("look", "a.tar")
    cli.run("look", "-n", 4, "-o", "out", "a.tar")
    kept = cli.run_file("out")["checkpoint"]["place"]
    assert (kept["read"], kept["offset"]) == (4, 512 * (3 * 2 * 3 + 2))
    state = cli.path("a.tar").stat()
    data = bytearray(cli.read("a.tar"))
    data[512:520] = b"PHOTO  0"
    cli.write("a.tar", bytes(data))
    os.utime(cli.path("a.tar"), ns=(state.st_atime_ns, state.st_mtime_ns))
    cli.run("look", "-o", "out", "--resume", "a.tar")
    assert cli.read("out") == whole


def test_a_folder_that_has_grown_goes_on_and_a_changed_one_is_refused(album):
    album.run("look", "-o", "out", "--resume", "album")
    (album.path("album") / "zz.jpg").write_bytes(b"new")
    album.run("look", "-o", "out", "--resume", "album")
    assert album.read("out") == album.out("look", "album")
    (album.path("album") / "aa.jpg").write_bytes(b"before the others")
    said = album.said("look", "-o", "out", "--resume", "album", status=2)
    assert "it was made from another input" in said


def test_batches_are_prepared_ahead_but_a_pipe_is_not_waited_for(album):
    album.run("look", "-b", 1, "--story", "story", "album")
    told = album.read("story").decode().split("\n")
    assert told[:4] == ["prepare 1"] * 3 + ["process 1"]
    reading, writing = os.pipe()
    run = album.popen("look", "-0", "-b", 1, stdin=reading)
    os.write(writing, b"album/a.webp\0")
    rows = []
    reader = threading.Thread(target=lambda: rows.append(run.stdout.readline()))
    reader.start()
    wait_until(lambda: rows)  # though the pipe stays open
    os.close(writing)
    os.close(reading)
    run.communicate()
    assert json.loads(rows[0])["mark"]["bytes"] == 1


def test_workers_prepare_the_batch_after_the_one_in_hand(album):
    words = ("look", "-b", 1, "album")
    alone = album.out(*words)
    assert album.out(*words, "-j", 2, "--story", "story") == alone
    told = album.read("story").split(b"\n")
    assert told.count(b"prepare 1") > 0
    assert told.count(b"process 1") == len(alone.splitlines())


def test_an_interrupted_run_begins_no_batch_that_was_only_prepared(album):
    run = album.popen(
        "look", "-b", 1, "--sleep", 0.4, "--story", "story", "-o", "out", "--resume", "album"
    )
    wait_until(lambda: album.path("story").exists() and b"process" in album.read("story"))
    run.send_signal(signal.SIGTERM)
    run.communicate()
    assert run.returncode == -signal.SIGTERM
    done = len(album.read("out").splitlines())
    assert done == album.read("story").count(b"process") < 5
    album.run("look", "-o", "out", "--resume", "album")
    assert album.read("out") == album.out("look", "album")
