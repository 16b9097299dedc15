"""Arrays of a real SLURM: a controller and two nodes on this host."""

import os
import sys
import tempfile

import cluster
import pytest
from drill import wait_until
from manifests import lines, many, parsed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# As in the README and the manual.
ARRAY = """\
#!/bin/bash
exec headkit generate --shard auto -o 'parts/{shard}.jsonl' --resume < poses.jsonl
"""
# What a time limit ends begins again by itself, until it is done.
AGAIN = """\
#!/bin/bash
trap 'kill -TERM $run; wait $run; scontrol requeue ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID' TERM
headkit mark --shard auto -b 1 --sleep 1 -o 'parts/{shard}.jsonl' --resume in & run=$!
wait $run
"""
TASKS = 6


@pytest.fixture(scope="module")
def slurm():
    if why := cluster.lacking():
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        running = cluster.Cluster(folder)
        yield running
        running.stop()


@pytest.fixture
def submit(cli, slurm):
    """Hands a script to sbatch, in whose path `headkit` is that of this tree; the number of the job."""
    cli.path("bin").mkdir()

    def go(script, *words, program="headkit"):
        cli.write("bin/headkit", f'#!/bin/sh\nexec {sys.executable} -m {program} "$@"\n'.encode())
        cli.path("bin/headkit").chmod(0o755)
        cli.write("run.sh", script.encode())
        env = cli.env | {"PATH": f"{cli.path('bin')}:{os.environ['PATH']}"}
        return slurm.do("sbatch", "--parsable", *words, "run.sh", cwd=cli.folder, env=env)

    return go


def rows(cli, task):
    part = cli.path(f"parts/{task}.jsonl")
    return len(parsed(part.read_bytes())) if part.exists() else 0


def running_on(slurm, job, node):
    """The task that runs on a node."""
    found = [task for task, state in slurm.tasks(job).items() if state == ["RUNNING", node]]
    return found[0] if found else None


def test_array_survives_requeue_and_a_lost_node_and_merges_to_one_run(cli, slurm, submit):
    cli.run("pose-sample", "-n", 60, "--seed", 3, "-o", "poses.jsonl", program="headkit")
    job = submit(ARRAY, f"--array=0-{TASKS - 1}", "--requeue", "--signal=B:TERM@180")

    def task_at_work(node):
        task = running_on(slurm, job, node)
        return task if task is not None and 0 < rows(cli, task) < 8 else None

    wait_until(lambda: task_at_work("n1") is not None, seconds=240)
    requeued = task_at_work("n1")
    slurm.do("scontrol", "requeue", f"{job}_{requeued}")
    wait_until(lambda: task_at_work("n2") is not None, seconds=240)
    lost = task_at_work("n2")
    slurm.lose("n2")
    wait_until(lambda: not slurm.tasks(job), seconds=600)

    runs = {task: cli.run_file(f"parts/{task}.jsonl")["runs"] for task in range(TASKS)}
    assert all(run["job"] == f"{job}_{task}" for task, made in runs.items() for run in made)
    assert [run["host"] for run in runs[lost]] == ["n2", "n1"]
    assert runs[requeued][-1]["restarts"] == runs[lost][-1]["restarts"] == 1
    parts = sorted(path.relative_to(cli.folder) for path in cli.path("parts").glob("*.jsonl"))
    table = cli.out("status", *parts, program="headkit").decode()
    assert [line.split()[2] for line in table.splitlines()[1:-1]] == ["finished"] * TASKS
    assert table.splitlines()[-1].split()[:5] == ["all", "6", "6", "finished", "60"]

    merged = cli.out("merge", "--order", "poses.jsonl", *parts, program="headkit")
    cli.run("generate", "-o", "one/images.jsonl", "poses.jsonl", program="headkit")
    alone = cli.read("one/images.jsonl")
    assert merged.replace(b'"parts/images/', b'"one/images/') == alone
    images = {path.name: path.read_bytes() for path in cli.path("parts/images").rglob("*.*")}
    assert images == {path.name: path.read_bytes() for path in cli.path("one/images").rglob("*.*")}
    slurm.find("n2")
    wait_until(lambda: slurm.states() == {"idle"}, seconds=90)


def test_time_limit_ends_a_task_in_order_and_it_goes_on(cli, slurm, submit):
    cli.write("in", lines(*many(60)))
    job = submit(
        AGAIN,
        "--array=0-1",
        "--requeue",
        "--open-mode=append",
        "--time=1",
        "--signal=B:TERM@40",
        program="sample_tools",
    )
    wait_until(lambda: not slurm.tasks(job), seconds=400)
    for task in (0, 1):
        account = cli.run_file(f"parts/{task}.jsonl")
        assert account["finished"]
        assert len(account["runs"]) > 1
    cli.run("mark", "-o", "alone", "in")
    parts = ["parts/0.jsonl", "parts/1.jsonl"]
    assert cli.out("merge", "--order", "in", *parts, program="headkit") == cli.read("alone")
