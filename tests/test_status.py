"""headkit status: what it makes of run files."""

import fcntl
import json

import pytest

from headkit.status import BAD_INPUT, NO_INPUT, Stop
from headkit.tools import status

COUNTS = {"read": 40, "out": 25, "dropped": 10, "failed": 5, "passed": 1, "skipped": 2}


@pytest.fixture
def images(tmp_path):
    """An output with its run file, stopped after 40 records and a quarter of its input."""
    account = {
        "tool": "generate",
        "finished": False,
        "seconds": 20.0,
        "checkpoint": {
            "counts": COUNTS,
            "place": {"file": 1, "offset": 150, "line": 3, "read": 40},
            "inputs": [
                {"name": "a", "size": 100, "mtime_ns": 1},
                {"name": "b", "size": 900, "mtime_ns": 1},
            ],
        },
    }
    output = tmp_path / "images.jsonl"
    output.write_text("")
    output.with_name("images.jsonl.run.json").write_text(json.dumps(account))
    return output


def change(output, **fields):
    path = output.with_name(output.name + ".run.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def cells(*operands):
    head, *rows = (
        line.split()
        for line in status.text(status.Options(), [str(operand) for operand in operands])
    )
    assert tuple(head) in (status.HEAD, status.HEAD[:-1])
    return rows


def test_a_stopped_run(images):
    assert cells(images) == [
        [str(images), "generate", "stopped", "30", "25%", "5", "10", "2", "2.0/s", "0:01:00"]
    ]


def test_the_run_file_may_be_named_itself(images):
    assert cells(f"{images}.run.json")[0][1:4] == ["generate", "stopped", "30"]


def test_a_finished_run_has_nothing_left(images):
    change(images, finished=True)
    assert cells(images)[0][2] == "finished"
    assert cells(images)[0][-1] == "2.0/s"


def test_a_run_that_holds_the_lock_is_running(images):
    with images.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert cells(images)[0][2] == "running"
    assert cells(images)[0][2] == "stopped"


def test_asking_does_not_keep_the_lock(images):
    cells(images)
    with images.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_an_input_of_unknown_size_has_no_share(images):
    account = json.loads(images.with_name("images.jsonl.run.json").read_text())
    change(images, checkpoint=account["checkpoint"] | {"inputs": [None]})
    assert cells(images)[0][4:] == ["5", "10", "2", "2.0/s"]


def test_columns_line_up(images):
    change(images, tool="a-tool-of-a-long-name")
    lines = list(status.text(status.Options(), [str(images), f"{images}.run.json"]))
    assert len({len(line) for line in lines}) == 1
    assert lines[-1].startswith("all 2 ")


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, NO_INPUT), ("[]", BAD_INPUT), ("{", BAD_INPUT), ('{"tool": "x"}', BAD_INPUT)],
)
def test_what_is_no_run_file_is_refused(tmp_path, content, code):
    path = tmp_path / "x.jsonl.run.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Stop) as stop:
        cells(tmp_path / "x.jsonl")
    assert stop.value.status == code


def shards(folder, count, named):
    """Outputs of an array of `count` shards, each half done; the run file of each."""
    for index in named:
        account = {
            "tool": "generate",
            "finished": False,
            "seconds": 20.0 + index,
            "shard": f"{index}/{count}",
            "runs": [{"host": "old", "process": 1}, {"host": f"n{index}", "job": f"45_{index}", "process": 7}],
            "checkpoint": {
                "counts": COUNTS,
                "place": {"file": 0, "offset": 500, "line": 3, "read": 40},
                "inputs": [{"name": "a", "size": 1000, "mtime_ns": 1}],
            },
        }  # fmt: skip
        (folder / f"{index}.jsonl").touch()
        (folder / f"{index}.jsonl.run.json").write_text(json.dumps(account))
    return [folder / f"{index}.jsonl" for index in named]


def test_all_shards_together(tmp_path):
    files = shards(tmp_path, 4, (0, 1, 3))
    with files[0].open("r+b") as first, files[1].open("r+b") as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        fcntl.flock(second, fcntl.LOCK_EX)
        *_, total, missing = cells(*files)
    # 40 records in 20 s and in 21 s; the slowest of all takes 23 s more
    assert total == ["all", "3", "2", "running", "90", "50%", "15", "30", "6", "3.9/s", "0:00:23"]
    assert " ".join(missing) == "of 4 shards, no file is named of 2"


def test_jobs_are_named(tmp_path):
    (row, _missing) = cells(*shards(tmp_path, 2, [1]))
    assert row[-3:] == ["45_1", "on", "n1"]


def test_run_that_has_not_written_its_run_file_is_starting(images):
    images.with_name("images.jsonl.run.json").unlink()
    with images.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert cells(images)[0][1:3] == ["starting", "0"]
