"""What a tool answers, and what becomes of the record."""

import errno
import json

import pytest
from manifests import lines, many, parsed

MADE = {"mark": {"headkit": "0.1.0", "model": "marker"}}


def one(cli, record, *words, status=0):
    """The row that `mark` makes of one record."""
    return parsed(
        cli.out("mark", *words, input=lines({"id": "a", "value": 1} | record), status=status)
    )[0]


def test_fields_are_appended_and_made_is_written(cli):
    row = one(cli, {"z": 1}, "--add", 2, "--seed", 5)
    assert list(row) == ["id", "value", "z", "mark", "made", "schema"]
    assert row["mark"]["sum"] == 3
    assert row["made"] == {"mark": MADE["mark"] | {"options": {"add": 2, "seed": 5}}}
    assert row["schema"] == 1


def test_defaults_and_what_decides_nothing_are_not_in_made(cli):
    assert one(cli, {}, "--sleep", 0.001)["made"] == MADE


def test_own_fields_are_replaced_in_place(cli):
    first = one(cli, {"mark": "old", "made": {"x": {}, "mark": {"old": 1}}, "y": 1})
    assert list(first) == ["id", "value", "mark", "made", "y", "schema"]
    assert first["made"] == {"x": {}} | MADE
    again = cli.out("mark", input=lines(first))
    assert parsed(again) == [first]


def test_untouched_record_keeps_its_bytes(cli):
    raw = b'{ "id" : "a", "value":2.50, "u":"\\u00e9", "do":"nothing" }'
    assert cli.out("mark", input=raw + b"\n" + raw.replace(b'"a"', b'"b"') + b"\n") == (
        raw[:-2] + b',"schema":1}\n' + raw.replace(b'"a"', b'"b"') + b"\n"
    )


def test_numbers_are_rounded_by_the_table(cli):
    pose = one(cli, {"do": "round"})["poses"][0]
    # Boxes to 0.01, scores to 0.0001, what the table does not know not at all; a float stays a float.
    assert json.dumps(pose) == '{"box": [1.23, 2, 3.0, 0.0], "score": 0.1235, "other": 0.123456789}'


def test_number_that_is_not_finite_is_the_records_error(cli):
    row = one(cli, {"do": "nan"}, status=1)
    assert row["error"]["message"] == "field mark.sum holds a number that is not finite"
    assert "mark" not in row


def test_failure_becomes_an_error_and_the_run_ends_in_1(cli):
    data = lines({"id": "a", "value": 1, "do": "fail"}, {"id": "b", "value": 2})
    out, said = cli.run("mark", input=data, status=1)
    first, second = parsed(out)
    assert first["error"] == {"tool": "mark", "kind": "bad value", "message": "value 1 is bad"}
    assert second["mark"]["sum"] == 2
    assert "2 read, 1 out, 1 failed" in said


def test_errors_pass_untouched_and_are_no_failure_here(cli):
    rows = lines(
        {"id": "b", "value": 2}, {"error": {"tool": "x", "kind": "k", "message": "m"}, "id": "a"}
    )
    out, said = cli.run("mark", "-v", input=rows)
    assert out.splitlines()[1] == rows.splitlines()[1]
    assert "2 read, 2 out (1 with an error from before)" in said


@pytest.mark.parametrize(("do", "kind"), [("raise", "exception"), ("gone", "exception")])
def test_batch_that_raises_is_tried_one_record_at_a_time(cli, do, kind):
    rows = many(6)
    rows[2]["do"] = do
    out = parsed(cli.out("mark", "-b", 6, input=lines(*rows), status=1))
    assert [row["id"] for row in out if "error" in row] == ["r2"]
    assert out[2]["error"]["kind"] == kind


def test_memory_that_runs_out_halves_the_batch(cli):
    rows = [row | {"do": "oom"} for row in many(9)]
    out = cli.out("mark", "-b", 8, "-o", "out", input=lines(*rows))
    assert out == b""
    assert [row["value"] for row in parsed(cli.read("out"))] == list(range(9))
    assert cli.run_file("out")["shrunk_batch"] == 1


@pytest.mark.parametrize(
    ("do", "status", "words"),
    [
        ("full", 74, "images/x.png: No space left on device"),
        ("import", 69, "libcudart.so.12"),
        ("poison", 69, "CUDA error: an illegal memory access"),
        ("stop", 69, "weights are gone"),
        ("undeclared", 70, "'surprise'"),
    ],
)
def test_fault_of_the_machine_or_of_us_is_never_a_row(cli, do, status, words):
    rows = many(6)
    rows[4]["do"] = do
    out, said = cli.run("mark", "-b", 2, input=lines(*rows), status=status)
    assert [row["id"] for row in parsed(out)] == ["r0", "r1", "r2", "r3"]
    assert words in said
    assert "Traceback" not in said


def test_too_many_failures_of_the_model_in_a_row(cli):
    rows = [row | {"do": "model"} for row in many(9)]
    rows[2]["do"] = "fail"  # says nothing about the model
    rows[3]["do"] = ""  # a success begins the count anew
    for words in (("-b", 1), ("-b", 4), ("-b", 9), ("-j", 2)):
        out, said = cli.run("mark", "--max-failures", 3, *words, input=lines(*rows), status=70)
        assert [row["id"] for row in parsed(out)] == [f"r{number}" for number in range(7)]
        assert "stdin:8: the model gave up; 4 failures of the model in a row" in said


def test_image_of_another_tool_is_replaced_only_on_request(cli):
    theirs = {"image": "photo.jpg", "made": {"camera": {}}}
    said = cli.said("mark", input=lines({"id": "a", "value": 1} | theirs), status=65)
    assert "stdin:1: image of another tool" in said
    rows = lines({"id": "0", "value": 1}, {"id": "a", "value": 1} | theirs)
    assert (
        parsed(cli.out("mark", "-d", "x", input=rows, status=1))[1]["error"]["kind"]
        == "image exists"
    )
    assert one(cli, theirs, "-d", "x", "--overwrite")["image"].startswith("x/")
    own = {"image": "x/old.txt", "made": {"mark": {}}}
    assert one(cli, own, "-d", "x")["image"].startswith("x/")


def test_bug_has_one_line_and_a_traceback_only_with_v(cli):
    words = ("mark", "--broken")
    said = cli.said(*words, input=lines(*many(1)), status=70)
    assert said.startswith("headkit mark: bug: ZeroDivisionError: a bug; run with -v")
    assert said.count("\n") == 1
    assert "Traceback" in cli.said(*words, "-v", input=lines(*many(1)), status=70)


@pytest.mark.parametrize("words", [(), ("-j", 2)])
def test_file_that_a_model_needs_and_is_missing_is_69(cli, words):
    said = cli.said(
        "mark", "--started", "no/such/weights", *words, input=lines(*many(1)), status=69
    )
    assert "no/such/weights: No such file or directory" in said


def test_side_files_stand_beside_the_output_in_256_folders(cli):
    cli.out("mark", "-d", "images", "-o", "deep/er/out", input=lines(*many(3)))
    rows = parsed(cli.read("deep/er/out"))
    for row in rows:
        folder, spread, name = row["image"].split("/")
        assert (folder, len(spread), name) == ("images", 2, f"{row['id']}.txt")
        assert cli.read(row["image"]) == row["mark"]["drawn"].encode() * 50


def test_paths_are_relative_to_the_root(cli):
    cli.path("set").mkdir()
    row = one(cli, {}, "--root", "set", "-d", "set/images")
    assert row["image"].startswith("images/")
    assert cli.path("set").joinpath(row["image"]).exists()
    said = cli.said("mark", "--root", "set", "-d", "elsewhere", input=lines(*many(1)), status=2)
    assert "outside the root" in said


def test_errno_of_one_file_and_of_the_machine():
    from headkit.run.batches import OF_ONE_FILE

    assert errno.ENOENT in OF_ONE_FILE
    assert not OF_ONE_FILE & {
        errno.ENOSPC,
        errno.EIO,
        errno.ESTALE,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
    }


def test_id_that_cannot_name_a_file_is_the_records_error_not_the_models(cli):
    rows = [{"id": "x" * 201, "value": 1}, {"id": "a/b", "value": 2}]
    out = parsed(cli.out("mark", "-d", "images", "--max-failures", 0, input=lines(*rows), status=1))
    assert out[0]["error"]["kind"] == "path"
    assert out[1]["image"].endswith("/a=2Fb.txt")
