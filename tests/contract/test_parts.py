"""The parts of the runner that need no process: lines, paths, ids, numbers."""

import json
import math
import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headkit import jsonl, paths
from headkit.run.ids import Chain, KeySet, key
from headkit.run.numbers import NotFiniteError, rounded

INTEGERS = st.integers(-(10**30), 10**30)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
RECORDS = st.dictionaries(TEXT, VALUES, max_size=6)


def exactly(line):
    """The reference: Python's own parser, which keeps every integer."""
    return json.loads(line)


def spaced(record, draw):
    """A line as some other program might write it."""
    return json.dumps(
        record,
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")])),
    ).encode()


@given(RECORDS)
def test_read_of_written_is_the_record(record):
    line = jsonl.dump(record)
    assert b"\n" not in line
    assert exactly(line) == record


@given(RECORDS, RECORDS, st.data())
def test_extending_changes_the_fields_and_nothing_else(record, fields, data):
    record = {"id": "a", **record}
    line = spaced(record, data.draw)
    after = jsonl.extend(line, jsonl.parse(line), fields)
    expected = record | fields
    assert exactly(after) == expected
    # New fields stand behind the old ones, in their order.
    old = [name for name in record if name not in fields]
    assert [name for name in exactly(after) if name in old] == old


def test_made_that_stood_last_stands_last_again_and_the_rest_keeps_its_bytes():
    line = b'{"id":"a", "x":1.50,"y":123456789012345678901234567890,"made":{"a":{"made":1}}}'
    fields = {"made": {"a": {"made": 1}, "b": {}}, "z": 1}
    assert jsonl.extend(line, jsonl.parse(line), fields) == (
        b'{"id":"a", "x":1.50,"y":123456789012345678901234567890,'
        b'"z":1,"made":{"a":{"made":1},"b":{}}}'
    )


@given(RECORDS, st.data())
def test_any_spelling_is_read_as_python_reads_it(record, data):
    line = spaced({"id": "a", **record}, data.draw)
    assert jsonl.extend(line, jsonl.parse(line), {"id": "b"}) == jsonl.dump(
        exactly(line) | {"id": "b"}
    )


@given(RECORDS, st.data())
def test_a_key_twice_is_found_wherever_it_is(record, data):
    """Put a key twice into some object of a line; spaces and odd strings must not hide it."""
    line = spaced({"id": "a", "deep": [1, [record, {"k": record}]], **record}, data.draw)
    braces = [at for at, byte in enumerate(line) if byte in b"{" and _outside_strings(line, at)]
    at = data.draw(st.sampled_from(braces)) + 1
    empty = line[at:].lstrip()[:1] == b"}"
    gap = data.draw(st.sampled_from([b"", b" ", b"\t"]))
    twice = b'"t"' + gap + b':1,"t":' + gap + b"2" + (b"" if empty else b",")
    with pytest.raises(jsonl.LineError, match="stands twice"):
        jsonl.parse(line[:at] + twice + line[at:])


def _outside_strings(line, at):
    inside = escaped = False
    for byte in line[:at]:
        if escaped:
            escaped = False
        elif byte == ord("\\"):
            escaped = inside
        elif byte == ord('"'):
            inside = not inside
    return not inside


@pytest.mark.parametrize("depth", [199, 200, 201, 240])
@pytest.mark.parametrize("kind", ["lists", "objects", "mixed", "among many"])
def test_depth(depth, kind):
    inner = {
        "lists": b"[" * (depth - 1) + b"]" * (depth - 1),
        "objects": b'{"a":' * (depth - 1) + b"1" + b"}" * (depth - 1),
        "mixed": b'[1,{"a":' * ((depth - 1) // 2)
        + b"[]" * ((depth - 1) % 2)
        + (b"" if (depth - 1) % 2 else b"1")
        + b"}]" * ((depth - 1) // 2),
        "among many": b"["
        + b"[1,2]," * 300
        + b'"]][[",'
        + b"[" * (depth - 2)
        + b"]" * (depth - 2)
        + b"]",
    }[kind]
    line = b'{"id":"a","x":' + inner + b"}"
    if depth <= jsonl.MAX_DEPTH:
        assert jsonl.parse(line)["id"] == "a"
    else:
        with pytest.raises(jsonl.LineError, match="deeper than 200"):
            jsonl.parse(line)


def test_numbers_of_arrays_are_written_short():
    numpy = pytest.importorskip("numpy")
    array = numpy.array([[0.1, 1.23456], [2, 3]], dtype="float32")
    assert json.dumps(rounded("truth", {"heads": [{"box": array}]})) == (
        '{"heads": [{"box": [[0.1, 1.23], [2.0, 3.0]]}]}'
    )
    assert rounded("x", numpy.arange(3)) == [0, 1, 2]
    assert rounded("x", numpy.float32(2.5)) == 2.5
    with pytest.raises(NotFiniteError):
        rounded("x", numpy.array([1.0, math.inf]))


@given(
    st.recursive(
        FLOATS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    st.sampled_from(["inf", "-inf", "nan"]),
    st.data(),
)
def test_numbers_that_are_not_finite_are_found_wherever_they_are(value, bad, data):
    place = [value, 0.0]
    place.insert(data.draw(st.integers(0, 2)), float(bad))
    with pytest.raises(NotFiniteError):
        rounded("truth", {"a": [place]})
    with pytest.raises(NotFiniteError):
        rounded("truth", float(bad))
    rounded("truth", value)


def test_large_numbers_whose_sum_overflows_are_finite():
    assert rounded("truth", [1.5e308, 1.5e308]) == [1.5e308, 1.5e308]


def test_rounding_follows_the_longest_path():
    pose = rounded(
        "truth",
        {"heads": [{"pose": {"yaw": 12.34567, "rotation": [[0.12345678]]}, "x": 0.12345678}]},
    )
    assert pose == {"heads": [{"pose": {"yaw": 12.346, "rotation": [[0.123457]]}, "x": 0.12345678}]}
    assert rounded("scores", {"ok": True, "none": None, "n": 3}) == {
        "ok": True,
        "none": None,
        "n": 3,
    }


@given(st.lists(st.text(min_size=1).filter(lambda name: name.isprintable()), max_size=300))
def test_key_set_is_a_set(names):
    ours, plain = KeySet(), set()
    for number in (0, *(key(name) for name in names), 0):
        assert ours.add(number) == (number not in plain)
        plain.add(number)
    assert len(ours) == len(plain)


def test_key_set_grows_in_every_shard():
    keys = [number for number in map(key, map(str, range(20000))) if number % 8 == 3]
    ours = KeySet()
    assert all(map(ours.add, keys))
    assert not any(map(ours.add, keys))


def test_chain_goes_on_from_its_digest():
    whole, first = Chain(), Chain()
    for number in (1, 2):
        whole.add(number)
        first.add(number)
    second = Chain(first.hex())
    for chain in (whole, second):
        chain.add(3)
    assert whole.hex() == second.hex() != first.hex()


# ---- paths ----


@given(
    st.binary(min_size=1, max_size=40).filter(
        lambda name: not set(b"\0/") & set(name) and name not in {b".", b".."}
    )
)
def test_any_file_name_survives_a_record(name):
    root = Path("/some/root")
    path = root / "images" / os.fsdecode(name)
    stored = paths.stored(root, path)
    assert paths.resolve(root, orjson.loads(orjson.dumps(stored))) == path


@pytest.mark.parametrize(
    "stored", ["/etc/passwd", "../x", "a/../../x", "%2e%2e/x", "%2Fetc", "", ".", "a%00b"]
)
def test_path_that_leaves_the_root_is_refused(tmp_path, stored):
    with pytest.raises(paths.PathError):
        paths.resolve(tmp_path, stored)


def test_typed_path_is_stored_relative_also_through_links(tmp_path, monkeypatch):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(root / "sub")
    for typed in ("x.png", root / "sub" / "x.png", tmp_path / "link" / "sub" / "x.png"):
        assert paths.stored(root, typed) == "sub/x.png"
    with pytest.raises(paths.PathError):
        paths.stored(root, tmp_path / "x.png")


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.text(min_size=1, max_size=30),
)
def test_image_paths_differ_as_ids_do(first, second):
    one = paths.image_path(Path("d"), first, "png")
    assert one.parent.parent == Path("d")
    assert len(one.parent.name) == 2
    assert not set("/\0") & set(one.name)
    if first != second and second.isprintable():
        assert one != paths.image_path(Path("d"), second, ".png")


def test_id_that_is_too_long_names_no_file(tmp_path):
    with pytest.raises(paths.PathError):
        paths.image_path(tmp_path, "x" * 201, "png")


def test_side_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "x.png"
    paths.write_atomic(path, b"one", "tag")
    paths.write_atomic(path, b"dry", None)
    assert path.read_bytes() == b"one"
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        paths.write_atomic(path, b"two", "tag")
    assert [file.name for file in path.parent.iterdir()] == ["x.png"]
    assert path.read_bytes() == b"one"
