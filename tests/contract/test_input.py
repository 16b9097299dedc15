"""What is accepted as input, what stops a run with which status, and that nothing before it is lost."""

import itertools
import json
import subprocess

import pytest
from manifests import lines, many, parsed

GOOD = b'{"id":"a","value":1}\n'


def ids(data):
    return [record["id"] for record in parsed(data)]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + GOOD,
        b"\n   \n" + GOOD + b"\n",
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.rstrip(),
    ],
    ids=["byte order mark", "blank lines", "carriage return", "no last newline"],
)
def test_accepted(cli, data):
    assert (
        cli.out("sift", "--least", 0, input=data.replace(b":1", b":2"))
        == b'{"id":"a","value":2,"schema":1}\n'
    )


BAD = {
    "not UTF-8": (b'{"id":"b\xff"}', "byte 9 is not UTF-8"),
    "NaN": (b'{"id":"b","value":NaN}', "not JSON"),
    "infinity": (b'{"id":"b","value":1e999}', "not JSON"),
    "array": (b'["b"]', "not a JSON object"),
    "number": (b"3", "not a JSON object"),
    "key twice": (b'{"id":"b","value":1,"value":2}', 'key "value" stands twice'),
    "key twice below": (b'{"id":"b","value":[{"x":1,"y":[2],"x":3}]}', 'key "x" stands twice'),
    "torn": (b'{"id":"b","val', "not JSON"),
    "two on a line": (b'{"id":"b"}{"id":"c"}', "not JSON"),
    "deep": (b'{"id":"b","value":' + b"[" * 200 + b"]" * 200 + b"}", "deeper than 200"),
    "no id": (b'{"value":1}', 'no string "id"'),
    "id a number": (b'{"id":7,"value":1}', 'no string "id"'),
    "id empty": (b'{"id":"","value":1}', 'no string "id"'),
    "id twice": (b'{"id":"a","value":1}', '"a" stands in the manifest twice'),
    "schema no number": (b'{"id":"b","schema":"1"}', '"schema" is not an integer'),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_line_stops_after_what_precedes_it(cli, name):
    bad, reason = BAD[name]
    cli.write(
        "in.jsonl", GOOD + b'{"id":"z","value":2}\n' + bad + b"\n" + b'{"id":"c","value":3}\n'
    )
    out, said = cli.run("mark", "in.jsonl", status=65)
    assert ids(out) == ["a", "z"]
    assert said.startswith("headkit mark: in.jsonl:3: ")
    assert reason in said
    assert said.count("\n") == 1


def test_bad_lines_can_be_skipped(cli):
    data = GOOD + b"\n".join(bad for bad, _ in BAD.values()) + b'\n{"id":"c","value":3}\n'
    out, said = cli.run("mark", "--bad-lines", "skip", input=data, status=1)
    assert ids(out) == ["a", "c"]
    *skipped, summary = said.splitlines()
    for number, ((_, reason), line) in enumerate(zip(BAD.values(), skipped, strict=True), 2):
        assert line.startswith(f"headkit mark: stdin:{number}: ")
        assert line.endswith("; skipped")
        assert reason in line
    assert f"2 read, 2 out, {len(BAD)} lines skipped" in summary


def test_depth_of_200_passes(cli):
    data = b'{"id":"b","value":0,"x":' + b"[" * 199 + b"]" * 199 + b"}\n"
    assert cli.out("sift", input=data).startswith(data[:-2])


def test_brackets_and_colons_in_strings_are_no_structure(cli):
    data = lines({"id": "b", "value": 2, "x": '[[{":"' * 300, "y": ['a "quoted": \\', {"k": "v"}]})
    assert cli.out("sift", input=data) == data[:-2] + b',"schema":1}\n'


def test_torn_last_line_is_named(cli):
    out, said = cli.run("mark", input=GOOD + b'{"id":"b","va', status=65)
    assert ids(out) == ["a"]
    assert "stdin:2: last line is cut short" in said


def test_line_over_64_mib(cli):
    data = GOOD + b'{"id":"b","value":"' + b"x" * (64 << 20) + b'"}\n' + b'{"id":"c","value":3}\n'
    out, said = cli.run("mark", input=data, status=65)
    assert ids(out) == ["a"]
    assert "stdin:2: line is longer than 64 MiB" in said
    assert ids(cli.out("mark", "--bad-lines", "skip", input=data, status=1)) == ["a", "c"]


def test_endless_line_stops_at_once(cli):
    done = cli.shell("cat /dev/zero | $T mark")
    assert done.returncode == 65


def test_newer_schema_is_refused_and_own_one_kept(cli):
    said = cli.said("mark", input=b'{"id":"a","value":1,"schema":2}\n', status=65)
    assert "schema 2 is newer than 1" in said
    out = cli.out("sift", input=b'{"id":"a","schema":1,"value":2}\n{"id":"b","value":2}\n')
    assert out == b'{"id":"a","schema":1,"value":2}\n{"id":"b","value":2}\n'


def test_empty_input_is_done_and_loads_nothing(cli):
    assert cli.run("mark", "--started", "loaded", input=b"\n") == (b"", "")
    assert cli.names() == []


def test_files_are_read_in_turn_and_dash_is_standard_input(cli):
    cli.write("1", lines({"id": "x", "value": 0}))
    cli.write("-2", lines({"id": "y", "value": 0}).rstrip())
    out = cli.out("sift", "1", "-", "--", "-2", input=lines({"id": "in", "value": 0}))
    assert ids(out) == ["x", "in", "y"]


@pytest.mark.parametrize("name", ["missing", "folder", "locked"])
def test_input_that_cannot_be_opened(cli, name):
    cli.path("folder").mkdir()
    cli.write("locked", b"")
    cli.path("locked").chmod(0)
    if name == "locked" and __import__("os").access(cli.path("locked"), 4):
        pytest.skip("root reads everything")
    cli.write("good", GOOD)
    out, said = cli.run("mark", "good", name, status=66)
    assert out == b""  # looked at before work begins
    assert said.startswith(f"headkit mark: {name}: ")


def test_process_substitution_is_read(cli):
    cli.write("in", lines(*many(3)))
    done = cli.shell('$T sift <(cat in) /dev/stdin < <(echo \'{"id":"s","value":2}\')')
    assert done.returncode == 0, done.stderr
    assert ids(done.stdout) == ["r0", "r2", "s"]


def test_limit_reads_no_further(cli):
    reader = cli.popen("mark", "-n", 2, "-b", 1, stdin=subprocess.PIPE)
    reader.stdin.write(lines(*many(2)))
    reader.stdin.flush()  # stays open: a third line never comes
    out, _ = reader.stdout.read(), reader.wait(20)
    reader.stdin.close()
    reader.stderr.close()
    reader.stdout.close()
    assert ids(out) == ["r0", "r1"]


def test_null_separated_paths(cli):
    names = [b"a.jpg", b"with space\n.jpg", b"latin\xe9.jpg", b"100%.jpg"]
    out = cli.out("name", "-0", input=b"\0".join(names) + b"\0")
    records = parsed(out)
    assert [record["image"] for record in records] == [
        "a.jpg",
        "with space\n.jpg",
        "latin%E9.jpg",
        "100%25.jpg",
    ]
    assert len({record["id"] for record in records}) == 4
    assert "outside the root" in cli.said("name", "-0", input=b"/etc/passwd\0", status=2)


def test_first_record_without_a_field_stops_before_models_load(cli):
    out, said = cli.run("mark", "--started", "loaded", input=lines({"id": "a"}), status=65)
    assert (out, cli.names()) == (b"", [])
    assert 'stdin:1: no field "value"' in said
    said = cli.said("name", input=lines({"id": "a", "image": 3}), status=65)
    assert 'stdin:1: field "image" is not of type string' in said


def test_later_record_without_a_field_is_an_error_record(cli):
    out = cli.out("mark", input=lines({"id": "a", "value": 1}, {"id": "b"}), status=1)
    assert parsed(out)[1]["error"] == {
        "tool": "mark",
        "kind": "missing field",
        "message": 'no field "value"',
    }


def test_first_record_checked_is_the_first_without_an_error(cli):
    data = lines(
        {"id": "a", "error": {"tool": "x", "kind": "k", "message": "m"}}, {"id": "b", "value": 1}
    )
    out = cli.out("mark", input=data)
    assert out.splitlines()[0] == data.splitlines()[0][:-1] + b',"schema":1}'


def test_check_of_a_tool_comes_before_work(cli):
    assert "--least 2000" in cli.said("sift", "--least", 2000, input=GOOD, status=2)


@pytest.mark.parametrize(
    "words",
    [
        ("-b", 0),
        ("-j", 0),
        ("--limit=-1",),
        ("--resume",),
        ("--tee",),
        ("--device", "gpu"),
        ("--root", "no"),
        ("-o", "."),
    ],
)
def test_flags_that_cannot_be(cli, words):
    out, said = cli.run("mark", *words, input=GOOD, status=2)
    assert out == b""
    assert said.startswith("headkit mark: ")


def test_long_integers_and_unknown_fields_pass_unharmed(cli):
    big = 123456789012345678901234567890
    row = '{"id":"a","z":BIG,"value":1,"y":-9223372036854775809,"x":18446744073709551615,"mark":0,"w":2.50}'.replace(
        "BIG", str(big)
    )
    out = cli.out("mark", input=row.encode() + b"\n")
    record = json.loads(out)
    assert list(record) == ["id", "z", "value", "y", "x", "mark", "w", "made", "schema"]
    assert (record["z"], record["y"], record["x"]) == (
        big,
        -9223372036854775809,
        18446744073709551615,
    )


def test_duplicate_over_many_ids_is_found(cli):
    rows = lines(*many(3000), {"id": "r1234", "value": 0})
    assert 'stdin:3001: id "r1234" stands in the manifest twice' in cli.said(
        "mark", "-b", 500, input=rows, status=65
    )


def test_records_wait_for_no_more_than_a_batch(cli):
    """What is read is worked on when the batch is full, not when the input ends."""
    reader = cli.popen("mark", "-b", 2, stdin=subprocess.PIPE)
    for row in itertools.islice(lines(*many(2)).splitlines(keepends=True), 2):
        reader.stdin.write(row)
    reader.stdin.flush()
    assert json.loads(reader.stdout.readline())["id"] == "r0"
    assert json.loads(reader.stdout.readline())["id"] == "r1"
    reader.communicate()
