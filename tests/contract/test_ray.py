"""Actors on a local Ray cluster of several nodes: `pip install ray`, and `pytest -m slow`."""

import os
import time
from pathlib import Path

import pytest
from drill import wait_until
from manifests import lines, many, parsed

# Ray's own warnings are not ours.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def nodes():
    """A head without CPUs, and two nodes with one each."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (pip install ray)")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = paths(ray)
    from ray.cluster_utils import Cluster

    memory = 80 << 20
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": memory}
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=memory)
    yield cluster
    cluster.shutdown()


def paths(ray):
    here = Path(__file__).parent
    return os.pathsep.join(map(str, (here, here.parents[1], Path(ray.__file__).parents[1])))


@pytest.fixture
def on_ray(cli, nodes):
    import ray

    cli.env["PYTHONPATH"] = paths(ray)
    return lambda *words: cli.popen(*words, "--ray", nodes.address)


def finish(runner, status):
    _, said = runner.communicate(timeout=400)
    assert runner.returncode == status, said.decode()
    return said.decode()


def test_node_that_is_killed_changes_no_byte(cli, nodes, on_ray):
    rows = many(120)
    rows[7]["do"] = "fail"
    rows[50]["do"] = "exit"
    cli.write("in", lines(*rows))
    words = ("mark", "-d", "images", "-b", 2, "--sleep", 0.3, "-o", "out", "--resume", "in")
    runner = on_ray(*words)
    wait_until(lambda: cli.path("out").exists() and len(parsed(cli.read("out"))) > 10, seconds=200)
    nodes.remove_node(max(nodes.worker_nodes, key=id), allow_graceful=False)
    time.sleep(1)
    runner.kill()  # and the run itself, to be resumed with what is left
    runner.communicate()
    done = len(parsed(cli.read("out").rpartition(b"\n")[0] + b"\n"))
    assert 10 < done < 120
    finish(on_ray(*words), 1)
    out = cli.read("out")
    assert parsed(out)[50]["error"]["message"] == "actor died, in its batch and alone"
    images = {path.name: path.read_bytes() for path in cli.path("images").rglob("*.txt")}
    del rows[50]["do"]
    cli.write("in", lines(*rows))
    cli.run("mark", "-d", "images", "-o", "alone", "in", status=1)
    ours, alone = out.splitlines(), cli.read("alone").splitlines()
    assert ours[:50] + ours[51:] == alone[:50] + alone[51:]
    again = {path.name: path.read_bytes() for path in cli.path("images").rglob("*.txt")}
    assert all(again[name] == image for name, image in images.items())


def test_node_that_is_killed_blames_no_record(cli, nodes, on_ray):
    lost = nodes.add_node(num_cpus=1, object_store_memory=80 << 20)
    cli.write("in", lines(*many(100)))
    runner = on_ray("mark", "-b", 1, "--sleep", 0.2, "-o", "out", "--resume", "in")
    wait_until(lambda: cli.path("out").exists() and len(parsed(cli.read("out"))) > 10, seconds=200)
    nodes.remove_node(lost, allow_graceful=False)
    finish(runner, 0)
    cli.run("mark", "-o", "alone", "in")
    assert cli.read("out") == cli.read("alone")


def test_hanging_record_does_not_escape_the_time_limit(cli, on_ray):
    rows = many(12)
    rows[8]["do"] = "hang"
    cli.write("in", lines(*rows))
    finish(on_ray("mark", "-b", 2, "--timeout", 2, "-o", "out", "in"), 1)
    assert [row.get("error", {}).get("kind") for row in parsed(cli.read("out"))][8] == "timeout"


def test_no_cluster_is_said(cli, on_ray):
    said = cli.popen("mark", "--ray", "127.0.0.1:1", stdin=-1)
    out, error = said.communicate(lines(*many(1)), timeout=120)
    assert (said.returncode, out) == (69, b"")
    assert b"start a cluster" in error
