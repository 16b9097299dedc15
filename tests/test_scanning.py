"""The scanner of JSON Lines, and the sieve that uses it: as strict as jsonl.parse, and the same rows."""

import json
import random
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headkit import jsonl
from headkit import tool as table
from headkit.expression import Expression, WrongTypeError
from headkit.run import ids, sieve
from headkit.run.batches import Batches
from headkit.run.books import Books
from headkit.run.inputs import Input, Lines
from headkit.run.records import Rows
from headkit.run.runfile import RunFile
from headkit.scanning.blocks import Scanner
from headkit.scanning.keys import chained
from headkit.selection import Selection
from headkit.status import Stop
from headkit.tool import Context
from headkit.tools import filter as tool

EXPRESSIONS = (
    "width > 3",
    "any(heads ?? truth.heads, box_height > 40 and visibility > 0.5)",
    "len(heads) > 1 and exists(scores)",
    "heads[0].box[3] > 3 or heads[-1].score > 0.5",
    "all(heads, exists(ignore) or record.width > 3) and min(heads[].score) > 0.1",
    "count(heads, any(points, item > 2)) > 0 and 'a' in scores",
    "heads == null or heads[].box == [[1,2,3,4]] or len(scores) > 1",
    "any([heads[0], truth], box_width > 3) or sum(list) > 3",
)
ODD_LINES = (
    b'{"id":"a","width":NaN}',
    b'{"id":"a","width":01}',
    b'{"id":"a","width":1.}',
    b'{"id":"a","width":.5}',
    b'{"id":"a","width":+1}',
    b'{"id":"a","width":1e999}',
    b'{"id":"a","width":-}',
    b'{"id":"a","id":"b"}',
    b'{"id":"a","heads":[{"x":1,"x":2}]}',
    b'{"id":"a","w":"\\ud800"}',
    b'{"id":"a","w":"\\x41"}',
    b'{"id":"a","w":"\x01"}',
    b'{"id":"a","w":"\xff"}',
    b'{"id":"a","w":"\xed\xa0\x80"}',
    b'{"id":"a","w":"\t"}',
    b'{"id":"a",}',
    b'{"id":"a" "w":1}',
    b'{"id":"a","w":[1,]}',
    b'{"id":"a","w":[1 2]}',
    b'{"id":"a","w":[}',
    b'{"id":"a"}}',
    b'{"id":"a"} {}',
    b'{"id":"a","w":tru}',
    b'{"id":"a","w":truee}',
    b'{"id":3}',
    b'{"id":""}',
    b'{"id":["a"]}',
    b'{"width":3}',
    b"[1]",
    b"{}",
    b"3",
    b'{"id":"a","w":' + b"[" * 200 + b"]" * 200 + b"}",
    b'{"id":"a',
    b'{"id":"a","w":"\\u12',
    b'{"id":"a","w":"\\',
    b'\xef\xbb\xbf{"id":"a"}',
)


def selection(*sources):
    found = Selection()
    for source in sources:
        Expression(source).select(found)
    found.part("error").whole = True
    return found


def refused(line):
    """Whether the runner takes the line for no record."""
    try:
        name = jsonl.parse(line).get("id")
    except jsonl.LineError:
        return True
    return type(name) is not str or not name


@pytest.mark.parametrize("line", ODD_LINES, ids=range(len(ODD_LINES)))
def test_what_the_exact_parser_refuses_is_never_sure(line):
    block = Scanner(selection(*EXPRESSIONS)).block(b'{"id":"x"}\n' + line + b'\n{"id":"y"}\n', 3)
    assert refused(line)
    assert set(block.sure.tolist()) in ({0, 2}, set())  # of bytes that are not UTF-8, none
    assert block.doubted.tolist() in ([1], [0, 1, 2])


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["box", "heads", "score", "ignore", "points", "visibility", 'q"']),
            inner,
        )
    ),
    max_leaves=10,
)
HEADS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "box": st.lists(st.integers(0, 99), min_size=4, max_size=4) | VALUES,
            "score": st.floats(0, 1) | VALUES,
            "visibility": st.floats(0, 1),
            "ignore": VALUES,
            "points": st.lists(st.integers(0, 3), max_size=3) | VALUES,
        },
    ),
    max_size=3,
)
RECORDS = st.fixed_dictionaries(
    {"id": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)},
    optional={
        "width": st.integers(0, 9) | VALUES,
        "heads": HEADS | VALUES,
        "truth": st.fixed_dictionaries({"heads": HEADS}) | VALUES,
        "scores": VALUES,
        "list": st.lists(st.integers(0, 3), max_size=3) | VALUES,
        "other": VALUES,
    },
)


def outcome(expression, record):
    try:
        return expression.evaluate(record), expression.explain(record)
    except WrongTypeError as error:
        return str(error)


@settings(max_examples=40, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_expressions_say_the_same_of_what_the_scanner_copies(records, spaced, escaped):
    text = [
        json.dumps(record, ensure_ascii=escaped, separators=None if spaced else (",", ":"))
        for record in records
    ]
    data = "".join(line + "\n" for line in text).encode()
    for source in EXPRESSIONS:
        expression = Expression(source)
        block = Scanner(selection(source)).block(data, data.count(b"\n"))
        assert len(block.sure) + len(block.doubted) == len(records)
        for number, record, key in zip(block.sure, block.records, block.keys, strict=True):
            whole = jsonl.parse(block.line(number))
            assert block.id(number) == whole["id"] == record["id"]
            assert int(key) == ids.key(whole["id"])
            assert outcome(expression, record) == outcome(expression, whole)


@settings(max_examples=40, deadline=None)
@given(RECORDS, st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_damaged_line_is_sure_only_where_it_can_be_parsed(record, at, damage):
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    at %= len(line) + 1
    line = (line[:at] + damage + line[at + len(damage) :]).replace(b"\n", b"")
    block = Scanner(selection(*EXPRESSIONS)).block(line + b"\n", line.count(b"\n") + 1)
    if len(block.sure):
        assert jsonl.parse(line)["id"] == block.id(0)


def test_keys_and_the_chain_are_those_of_the_runner():
    words = ["", "a", "é", "x" * 127, "y" * 128, "z" * 129, "w" * 300]
    data = orjson.dumps([{"id": word} for word in words if word])[1:-1].replace(b"},", b"}\n")
    block = Scanner(Selection()).block(data + b"\n", data.count(b"\n") + 1)
    assert block.keys.tolist() == [ids.key(word) for word in words if word]
    chain = ids.Chain()
    for key in block.keys.tolist():
        chain.add(key)
    assert chained(b"", block.keys).hex() == chain.hex()
    half = ids.Chain()
    half.add_all(block.keys[:2])
    half.add_all(block.keys[2:])
    assert half.hex() == chain.hex()


def test_many_keys_are_added_as_one_by_one():
    chance = random.Random(3)
    many = [chance.getrandbits(64) for _ in range(5000)]
    one, other = ids.KeySet(), ids.KeySet()
    assert all(one.add(key) for key in many)
    assert other.add_until(np.array(many, np.uint64)) == len(many)
    assert len(one) == len(other)
    assert all(key in other for key in many)
    assert other.add_until(np.array([1, 2, many[70], 3], np.uint64)) == 2
    assert 3 not in other
    assert other.add_until(np.array([0, 4, 0, 5], np.uint64)) == 2


# ---- the sieve -----------------------------------------------------------------------------------


class Paper:
    """An output that keeps what is written."""

    def __init__(self):
        self.data, self.offset, self.name = b"", 0, "paper"

    def write(self, data):
        self.data += data
        self.offset = len(self.data)

    def sync(self):
        pass

    commit = abort = sync


def sifted(
    path, monkeypatch, *, scan, ledger=True, shard=(0, 1), limit=None, skip=False, **options
):
    """All that a run leaves behind: rows, ledger, counts, place, chain, complaints and how it ended."""
    monkeypatch.setattr(sieve, "LARGE", 0 if scan else 1 << 60)
    monkeypatch.setattr(sieve, "MANY", 0 if scan else 1 << 60)
    monkeypatch.setattr("headkit.run.inputs.CHUNK", 700)
    chosen, context = tool.Options(**options), Context("filter", Path("/"), ledger=ledger)
    rows, dropped, said = Paper(), Paper() if ledger else None, []
    run_file = RunFile(Path("/nowhere/run.json"), {}, "cpu")
    books = Books(
        rows, dropped, None, run_file, tool="filter", max_failures=9, inputs=[], limit=limit
    )
    books.keep_keys(Path("/nowhere/run.ids"))
    lines = Lines([Input("in", str(path))], 0, lambda _: None)
    found = Rows(
        lines,
        shard,
        limit=limit,
        skip_bad=skip,
        complain=said.append,
        root=Path("/"),
        seen=ids.KeySet(),
        check_first=lambda record, _: tool.check(chosen, context, record),
    )
    scanned = []
    work = sieve.Sieve(
        lines,
        found,
        books,
        tool.selection(chosen),
        start=lambda: Batches(table.find("filter"), chosen, context),
        check=lambda: None,
        show=lambda _: None,
        size=0,
    )
    monkeypatch.setattr(
        work, "_scanned", lambda chunk, of=work._scanned: (scanned.append(1), of(chunk))
    )
    try:
        work.run()
        ended = None
    except Stop as stop:
        ended = (stop.status, stop.message)
    assert bool(scanned) is scan or ended or limit
    state = books.state
    return (
        rows.data,
        dropped and dropped.data,
        (state.counts, state.place, state.last, books.chain.hex(), list(books.keys)),
        (found.read, found.skipped, len(found.seen), said, ended),
    )


def manifest(count=300):
    chance = random.Random(1)
    lines = [b'\xef\xbb\xbf{"id":"first","width":5,"schema":1}']
    for number in range(count):
        record = {"id": f"row-{number}", "width": chance.randrange(10), "text": 'é\u2028"\\'}
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        match chance.randrange(14):
            case 0:
                line = json.dumps(record).encode() + b"  \r"
            case 1:
                line = b" "
            case 2:
                line = line[:-1] + b',"n":123456789012345678901234567890}'
            case 3:
                line = line[:-1] + b',"error":{"tool":"detect","kind":"x","message":"y"}}'
            case 4:
                line = line[:-1] + b',"dropped":{"tool":"filter","reason":"z"}}'
            case 5:
                line = orjson.dumps({**record, "width": "wide"})
            case 6:
                line = json.dumps({**record, "id": f"\u00e9-{number}"}).encode()
            case 7:
                line = orjson.dumps({"id": record["id"]})
        lines.append(line)
    return lines


CASES = {
    "plain": {},
    "no ledger": {"ledger": False},
    "a shard": {"shard": (1, 3)},
    "a limit": {"limit": 77},
    "errors kept": {"keep_errors": True},
}


@pytest.mark.parametrize("case", CASES)
def test_the_sieve_writes_what_line_by_line_is_written(case, tmp_path, monkeypatch):
    path = tmp_path / "in"
    path.write_bytes(b"\n".join(manifest()))  # the last line is cut
    options = {"keep": "width > 4", **CASES[case]}
    fast = sifted(path, monkeypatch, scan=True, **options)
    assert fast == sifted(path, monkeypatch, scan=False, **options)
    assert fast[0].count(b"\n") == fast[2][0].rows > 10


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(
    "bad",
    [b'{"id":"row-3","width":9}', b"nonsense", b'{"id":"a","a":1,"a":2}', b'{"id":"a","schema":9}'],
    ids=["twice", "no JSON", "key twice", "newer"],
)
def test_the_sieve_stops_or_skips_at_the_same_bad_line(bad, skip, tmp_path, monkeypatch):
    lines = manifest()
    lines[200:200] = [bad] * (1 if b"schema" in bad else 2)
    path = tmp_path / "in"
    path.write_bytes(b"\n".join(lines) + b"\n")
    fast = sifted(path, monkeypatch, scan=True, skip=skip, keep="width > 4")
    assert fast == sifted(path, monkeypatch, scan=False, skip=skip, keep="width > 4")
    assert (fast[3][-1] is None) is (skip and b"schema" not in bad)


def test_a_tool_that_breaks_down_is_counted_as_ever(tmp_path, monkeypatch):
    path = tmp_path / "in"
    path.write_bytes(b"\n".join(manifest()) + b"\n")

    def broken(self, records):
        if any(record.get("width") == 7 for record in records):
            raise RuntimeError("no")
        return [{} for _ in records]

    monkeypatch.setattr("headkit.choosing.decision.Decision.process", broken)
    fast = sifted(path, monkeypatch, scan=True, keep="width > 4")
    assert fast == sifted(path, monkeypatch, scan=False, keep="width > 4")
    assert fast[2][0].failed > 10
