"""What every tool must do, by its row in the table: a tool added later is covered by being listed."""

import pytest
from manifests import lines, many, parsed

from headkit.tool import TOOLS, shown

READING = [tool for tool in TOOLS if tool.kind != "source" and not tool.opens]
OPENING = [tool for tool in TOOLS if tool.opens]
ROWS = [tool for tool in READING if tool.kind != "report"]
NEEDING = [tool for tool in READING if tool.reads]
ERROR = b'{ "id":"e","n":2.50,"error":{"tool":"x","kind":"k","message":"m"} }'


def each(tools):
    return pytest.mark.parametrize("tool", tools, ids=[tool.name for tool in tools])


def headkit(cli, tool, *words, **options):
    return cli.run(tool.name, *words, program="headkit", **options)


@each(READING)
def test_nothing_in_is_nothing_out(cli, tool):
    out, said = headkit(cli, tool, input=b"")
    assert said == ""
    if tool.kind != "report":
        assert out == b""


@each(READING)
@pytest.mark.parametrize(
    ("line", "reason"),
    [(b"{", "not JSON"), (b"[]", "not a JSON object"), (b'{"n":1}', 'no string "id"')],
)
def test_bad_line_is_65_and_named(cli, tool, line, reason):
    _, said = headkit(cli, tool, input=line + b"\n", status=65)
    assert said.startswith(f"headkit {tool.name}: stdin:1: {reason}")


@each(READING)
def test_missing_file_is_66(cli, tool):
    _, said = headkit(cli, tool, "missing.jsonl", status=66)
    assert said == f"headkit {tool.name}: missing.jsonl: No such file or directory\n"


@each(OPENING)
def test_a_tool_that_opens_folders_needs_them_and_reads_no_records(cli, tool):
    _, said = headkit(cli, tool, input=b"{", status=2)
    assert said.startswith(f"headkit {tool.name}: missing argument")
    _, said = headkit(cli, tool, "missing", input=b"{", status=66)
    assert "missing" in said


@each(NEEDING)
def test_first_record_without_what_it_reads_is_65(cli, tool):
    _, said = headkit(cli, tool, input=lines(*many(1)), status=65)
    assert f'stdin:1: no field "{tool.reads[0]}"' in said


@each([tool for tool in ROWS if tool.kind in ("map", "whole")])
def test_error_of_an_earlier_tool_passes_untouched(cli, tool):
    out, said = headkit(cli, tool, input=ERROR + b"\n" + ERROR.replace(b'"e"', b'"f"') + b"\n")
    assert out.splitlines()[1] == ERROR.replace(b'"e"', b'"f"')
    assert said == ""


@each([tool for tool in ROWS if tool.kind == "choose"])
def test_choose_drops_or_keeps_errors_and_loses_none(cli, tool):
    headkit(cli, tool, "-o", "out", input=ERROR + b"\n")
    kept = parsed(cli.read("out")) + parsed(cli.read("out.dropped"))
    assert [record["id"] for record in kept] == ["e"]


@each(ROWS)
def test_closed_output_is_74_and_bad_flags_are_2(cli, tool):
    assert cli.shell(f"$H {tool.name} </dev/null >&-").returncode == 74
    headkit(cli, tool, "--no-such-flag", status=2)
    headkit(cli, tool, "-n", -1, status=2)
    if "shard" in shown(tool):
        headkit(cli, tool, "--shard", "2/2", status=2)


@each(ROWS)
def test_output_file_and_its_run_file(cli, tool):
    headkit(cli, tool, "-o", "new/out", input=b"")
    assert cli.read("new/out") == b""
    kept = cli.run_file("new/out")
    assert (kept["tool"], kept["finished"], kept["balanced"]) == (tool.name, True, True)


@each([tool for tool in TOOLS if tool.kind == "source" and "PART" not in tool.operands])
def test_source_draws_and_goes_on(cli, tool):
    rows = headkit(cli, tool, "-n", 6)[0]
    assert len(parsed(rows)) == 6
    headkit(cli, tool, "-n", 2, "-o", "out", "--resume")
    headkit(cli, tool, "-n", 6, "-o", "out", "--resume")
    assert cli.read("out") == rows
    shards = [parsed(headkit(cli, tool, "-n", 6, "--shard", f"{index}/2")[0]) for index in (0, 1)]
    assert {row["id"] for shard in shards for row in shard} == {row["id"] for row in parsed(rows)}
