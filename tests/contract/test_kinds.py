"""Choose, whole, report and source: what they drop, pass and count; and shards put together again."""

import sys

import pytest
from manifests import lines, many, parsed

ERROR = {"tool": "x", "kind": "k", "message": "m"}


def test_choose_keeps_bytes_and_writes_a_ledger(cli):
    rows = many(6)
    rows[4]["error"] = ERROR
    data = lines(*rows)
    cli.run("sift", "-o", "out", "--least", 2, input=data)
    assert [row["id"] for row in parsed(cli.read("out"))] == ["r2"]
    assert cli.read("out").startswith(data.splitlines()[2][:-1])
    dropped = parsed(cli.read("out.dropped"))
    assert [(row["id"], row["dropped"]) for row in dropped] == [
        ("r0", {"tool": "sift", "reason": "small", "score": 0.0, "threshold": 2}),
        ("r1", {"tool": "sift", "reason": "odd"}),
        ("r3", {"tool": "sift", "reason": "odd"}),
        ("r4", {"tool": "sift", "reason": "error"}),
        ("r5", {"tool": "sift", "reason": "odd"}),
    ]
    counts = cli.run_file("out")["checkpoint"]["counts"]
    assert (counts["read"], counts["out"], counts["dropped"]) == (6, 1, 5)


def test_choose_in_a_pipe_says_what_it_dropped(cli):
    _, said = cli.run("sift", input=lines(*many(6)))
    assert "6 read, 3 out, 3 dropped" in said
    assert cli.names() == []
    assert cli.said("sift", "--ledger", "gone", input=lines(*many(6))) == ""
    assert len(parsed(cli.read("gone"))) == 3
    assert cli.said("sift", "-q", input=lines(*many(6))) == ""


def test_choose_decides_about_errors_and_may_fail(cli):
    rows = [
        {"id": "a", "value": 2},
        {"id": "b", "error": ERROR},
        {"id": "c", "value": 2, "do": "fail"},
    ]
    out = parsed(cli.out("sift", "--keep-errors", input=lines(*rows), status=1))
    assert [row["id"] for row in out] == ["a", "b", "c"]
    assert out[1]["error"] == ERROR
    assert out[2]["error"]["tool"] == "sift"


def test_whole_passes_errors_and_keeps_order(cli):
    rows = [{"id": str(number), "value": number % 2} for number in range(5)]
    rows.insert(2, {"id": "e", "error": ERROR})
    rows.insert(5, {"id": "lacks"})
    alone = [{"id": "k", "value": -1}, {"id": "l", "value": -1}]
    cli.run("group", "-o", "out", input=lines(alone[0], *rows, alone[1]), status=1)
    first, *out, last = parsed(cli.read("out"))
    assert (first, last) == (alone[0] | {"schema": 1}, alone[1])
    assert [row["id"] for row in out] == ["0", "1", "e", "lacks"]
    assert out[0]["cluster"] == "0"
    assert out[3]["error"]["kind"] == "missing field"
    dropped = parsed(cli.read("out.dropped"))
    assert [(row["id"], row["cluster"], row["dropped"]["reason"]) for row in dropped] == [
        ("2", "0", "double"),
        ("3", "1", "double"),
        ("4", "0", "double"),
    ]
    assert cli.run_file("out")["balanced"]


def test_whole_of_nothing(cli):
    assert cli.run("group") == (b"", "")


def test_report_prints_text_and_rows_and_counts_what_it_left_out(cli):
    rows = many(4)
    rows[1]["do"] = "fail"
    out, said = cli.run("tally", input=lines(*rows), status=1)
    assert out == b'3 records\n{"sum":5}\n'
    assert "no value: record r1; left out" in said
    assert "4 read, 3 out, 1 failed" in said
    assert cli.shell("echo | $T tally >&-").returncode == 74


def test_source_draws_up_to_the_limit_and_its_shard(cli):
    rows = parsed(cli.out("count", "-n", 30, "--step", 3))
    assert [row["value"] for row in rows] == list(range(0, 90, 3))
    assert rows[0]["made"]["count"]["options"] == {"step": 3}
    parts = [
        parsed(cli.out("count", "-n", 30, "--step", 3, "--shard", f"{index}/2")) for index in (0, 1)
    ]
    assert sorted(row["value"] for part in parts for row in part) == list(range(0, 90, 3))
    assert all(parts)


# ---- shards ----


@pytest.mark.parametrize(
    ("shard", "words"),
    [
        ("2/2", "the last of 2 is 1"),
        ("a", "not I/N"),
        ("1/0", "counted from 0"),
        ("auto", "SLURM_ARRAY_TASK_ID is not set"),
    ],
)
def test_shard_that_cannot_be(cli, shard, words):
    assert words in cli.said("mark", "--shard", shard, input=lines(*many(1)), status=2)


def test_shard_is_the_hash_of_the_id(cli):
    from hashlib import blake2b

    rows = many(50)
    for index in range(3):
        expected = [
            row["id"]
            for row in rows
            if int.from_bytes(blake2b(row["id"].encode(), digest_size=8).digest(), "big") % 3
            == index
        ]
        assert [
            row["id"]
            for row in parsed(cli.out("mark", "--shard", f"{index}/3", input=lines(*rows)))
        ] == expected


def test_slurm_array(cli):
    array = {
        "SLURM_ARRAY_TASK_ID": "12",
        "SLURM_ARRAY_TASK_MIN": "10",
        "SLURM_ARRAY_TASK_MAX": "13",
        "SLURM_ARRAY_TASK_COUNT": "4",
    }
    data = lines(*many(20))
    cli.run("mark", "--shard", "auto", "-o", "part{shard}", input=data, env=array)
    assert (
        cli.read("part2").splitlines()[1:]
        == cli.out("mark", "--shard", "2/4", input=data).splitlines()[1:]
    )
    said = cli.said(
        "mark", "--shard", "auto", input=data, env=array | {"SLURM_ARRAY_TASK_COUNT": "2"}, status=2
    )
    assert "has gaps" in said


def make_shards(cli, tool, number, **options):
    rows = many(40)
    rows[11]["do"] = "fail"
    cli.write("in", lines(*rows))
    cli.run(tool, "-o", "whole", "in", status=1)
    for index in range(number):
        shell = cli.shell(f"$T {tool} --shard {index}/{number} -o part{{shard}} in")
        assert shell.returncode in (0, 1)
    return [f"part{index:0{len(str(number - 1))}}" for index in range(number)]


@pytest.mark.parametrize(("tool", "number"), [("mark", 3), ("sift", 2), ("mark", 11)])
def test_merge_is_the_run_without_shards(cli, tool, number):
    parts = make_shards(cli, tool, number)
    assert cli.out("merge", "--order", "in", *reversed(parts), program="headkit") == cli.read(
        "whole"
    )


def test_merge_without_order_keeps_that_of_the_parts(cli):
    parts = make_shards(cli, "mark", 2)
    rows = cli.out("merge", *parts, program="headkit").splitlines()
    assert len(rows) == 40
    assert sum(b'"schema"' in row for row in rows) == 1
    cli.run("merge", "-o", "merged", *parts, program="headkit")
    assert cli.read("merged").splitlines() == rows


def test_merge_refuses_what_is_not_whole(cli):
    parts = make_shards(cli, "mark", 3)

    def refused(*words):
        return cli.said("merge", *words, program="headkit", status=65)

    assert "of 3 shards, 1 is missing" in refused("--order", "in", "part0", "part2")
    assert "part1: is shard 1/3, as part1 is" in refused("part0", "part1", "part1")
    good = cli.read("part1")
    cli.write("part1", good[:-1])
    assert "part1: last line is cut short" in refused(*parts)
    cli.write("part1", b"".join(good.splitlines(keepends=True)[:-1]))
    assert "part1: is not as long as its run file says" in refused(*parts)
    cli.path("part1.run.json").unlink()
    said = refused("--order", "in", *parts)
    assert "is not the next row of any part" in said
    assert "part1 has ended" in said
    cli.write("part1", good + good.splitlines(keepends=True)[0])
    assert "is not in in, or stands there twice" in refused("--order", "in", *parts)
    cli.write("part1", good)
    cli.write("twin", good)
    assert "is in part1 and twin" in refused("--order", "in", *parts, "twin")
    cli.out("merge", "--order", "in", *parts, program="headkit")


def test_merge_refuses_runs_that_differ_or_have_not_finished(cli):
    make_shards(cli, "mark", 2)
    cli.run("mark", "--shard", "1/2", "-o", "part1", "--add", 5, "in")
    assert "made with another options than part0" in cli.said(
        "merge", "part0", "part1", program="headkit", status=65
    )
    cli.run(
        "mark", "--shard", "1/2", "-o", "part1", "--resume", "--bad-lines", "stop", "in", status=2
    )
    cli.path("part1").unlink()
    cli.write("bad", cli.read("in") + b"torn")
    cli.run("mark", "--shard", "1/2", "-o", "part1", "--resume", "bad", status=65)
    assert "part1: its run has not finished" in cli.said(
        "merge", "part0", "part1", program="headkit", status=65
    )


def test_merge_needs_parts_that_are_there(cli):
    cli.said("merge", program="headkit", status=2)
    cli.said("merge", "missing", program="headkit", status=66)


def test_whole_that_is_done_is_teed_again(cli):
    cli.write("in", lines(*many(6)))
    line = "$T group -o out --resume --tee in"
    first, second = cli.shell(line), cli.shell(line)
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert first.stdout == second.stdout == cli.read("out") != b""


def test_merge_counts_shards_where_run_files_are_lost(cli):
    cli.write("in", lines(*many(30)))
    for number in range(3):
        cli.run("mark", "--shard", f"{number}/3", "-o", f"part{number}", "in")
    (cli.folder / "part1.run.json").unlink()
    merge = f"{sys.executable} -m headkit merge"
    assert cli.shell(f"{merge} part0 part1 part2").returncode == 0
    refused = cli.shell(f"{merge} part0 part1")
    assert (refused.returncode, b"is missing" in refused.stderr) == (65, True)
