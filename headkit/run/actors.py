"""`--ray`: the workers of `--jobs` as actors on the nodes of a Ray cluster.

Between the pool and each actor stands a thread. It takes batches from a socket, as a worker process does, has the
actor do them, and sends back what comes of them: order, retries, quarantine, time limits and the journal are those of
`--jobs`, and nothing that Ray keeps is needed to resume. The nodes see the same disk, and have the same headkit.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from headkit.run import environment
from headkit.run.quarantine import Death
from headkit.run.worker import Assignment, Loaded, Ready, Reply, items_of
from headkit.run.workers import Worker
from headkit.status import UNAVAILABLE, Stop
from headkit.tool import Photo

KNOCK = 10.0  # seconds


class Actor:
    """What runs on a node: one process, with a CPU of its own, and a GPU where the device is one."""

    def __init__(self, assignment: Assignment, folder: str) -> None:
        os.chdir(folder)  # where the run was started: what was typed may be relative
        environment.prepare()
        environment.tune()
        self.loaded = Loaded(assignment)

    def ready(self) -> Ready:
        return Ready()  # no batch is sent ahead that could be prepared

    def work(self, rows: list[tuple[bytes, Photo | None]]) -> Reply:
        return self.loaded.reply(items_of(rows), list)


class Cluster:
    """The connection to a Ray cluster. Stop 69 where there is no Ray, or no cluster."""

    def __init__(self, address: str, device: str, *, verbose: bool) -> None:
        try:
            import ray
        except ImportError as error:
            raise Stop(
                UNAVAILABLE, f"--ray: Ray cannot be loaded ({error}); pip install 'headkit[ray]'"
            ) from None
        self.ray: Any = ray
        self.unit = "CPU" if device == "cpu" else "GPU"
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=verbose, logging_level="ERROR")
        except (OSError, ValueError, RuntimeError) as error:
            raise Stop(
                UNAVAILABLE,
                f"--ray {address}: {str(error).splitlines()[0]}; start a cluster (ray start --head), or name its address",
            ) from error
        kept = (*environment.THREADS, *environment.QUIET)
        self.remote: Any = ray.remote(
            num_cpus=1,
            num_gpus=int(self.unit == "GPU"),
            max_restarts=0,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": {name: os.environ[name] for name in kept}},
        )(Actor)

    def worker(self, assignment: Assignment) -> Worker:
        """One more actor; on a node it has its GPU as number 0."""
        if self.unit == "GPU":
            context = replace(assignment.context, device="0")
            assignment = replace(assignment, context=context)
        return ActorWorker(self, assignment)

    def close(self) -> None:
        """Let the cluster go, and our actors with it."""
        self.ray.shutdown()

    @property
    def room(self) -> int:
        """The actors that the cluster has room for."""
        return max(1, int(self.ray.cluster_resources().get(self.unit, 0)))

    def death(self, error: Exception) -> Death:
        """What an error of Ray says of an actor."""
        said = str(error)
        if "node" in said and "died" in said and "its node" in said:
            return Death("node was lost", "crash", innocent=True)
        if isinstance(error, self.ray.exceptions.OutOfMemoryError):
            return Death("actor was killed as memory ran out", "out of memory")
        return Death("actor died", "crash", chances=2)


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK).close()


class ActorWorker(Worker):
    """An actor as the pool sees it: a socket from which replies come."""

    def __init__(self, cluster: Cluster, assignment: Assignment) -> None:
        self.cluster = cluster
        self.how = Death("actor ended", "crash")
        ours, theirs = socket.socketpair()
        self.connection: Connection = Connection(ours.detach())
        self.batches = deque()
        self.started = self.warm = False
        self.since = 0.0
        self.actor = cluster.remote.remote(assignment, os.getcwd())
        threading.Thread(
            target=self._forward, args=(Connection(theirs.detach()),), name="actor", daemon=True
        ).start()

    def _forward(self, connection: Connection) -> None:
        ray = self.cluster.ray
        try:
            connection.send(ray.get(self.actor.ready.remote()))
            while True:
                connection.send(ray.get(self.actor.work.remote(connection.recv())))
        except (EOFError, OSError):  # the pool has let go of it
            pass
        except ray.exceptions.RayError as error:
            self.how = self.cluster.death(error)
        finally:
            connection.close()

    def end(self) -> Death:
        self.kill()
        return self.how

    def kill(self) -> None:
        self.connection.close()
        with suppress(Exception):  # whatever Ray says of one that is dead
            self.cluster.ray.kill(self.actor)

    def leave(self) -> None:
        self.kill()
