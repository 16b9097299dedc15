"""A SLURM cluster on this host: a controller and two nodes, in a folder, started and stopped by a test."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from drill import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
NODES = ("n1", "n2")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=3
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmdTimeout=5
KillWait=5
MessageTimeout=20
SchedulerParameters=batch_sched_delay=0,sched_interval=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def lacking():
    """Why there can be no cluster here; None where there can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"SLURM is not installed (apt-get install slurm-wlm): no {', '.join(missing)}"
    return None if os.geteuid() == 0 else "SLURM's daemons are started by root alone"


def free_ports(count):
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


class Cluster:
    """Daemons in the foreground, children of this process; `env` is for SLURM's commands."""

    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / "state").mkdir(parents=True)
        self.env = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        ports = free_ports(3)
        host = socket.gethostname().partition(".")[0]
        text = CONFIGURATION.format(folder=self.folder, ports=ports, host=host)
        (self.folder / "slurm.conf").write_text(text)
        self.daemons = {}
        self.start_munge()
        self.daemons["slurmctld"] = self.start("slurmctld", "-D")
        for node in NODES:
            self.daemons[node] = self.start("slurmd", "-D", "-N", node)
        wait_until(lambda: self.states() == {"idle"}, seconds=60)

    def start(self, *words):
        log = (self.folder / f"{words[0]}{words[-1].replace('/', '-')}.log").open("wb")
        with log:
            return subprocess.Popen(
                words, env=os.environ | self.env, stdout=log, stderr=log, start_new_session=True
            )

    def start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        files = {
            f"--{what}={self.folder}/munge.{what.partition('-')[0]}"
            for what in ("socket", "key-file", "pid-file", "log-file", "seed-file")
        }
        self.daemons["munged"] = self.start("munged", "-F", "--force", *sorted(files))
        wait_until((self.folder / "munge.socket").exists)

    def do(self, *words, cwd=None, env=None):
        done = subprocess.run(
            words,
            env=(env or os.environ) | self.env,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def states(self):
        with suppress(AssertionError):
            return set(self.do("sinfo", "-h", "-N", "-o", "%t").split())
        return set()

    def tasks(self, job):
        """Of every task of the array that is not done: its state and its node."""
        rows = self.do("squeue", "-h", "-r", "-j", job, "-o", "%K %T %N").splitlines()
        return {int(row.split()[0]): row.split()[1:] for row in rows}

    def lose(self, node):
        """As a machine that loses power: its daemon, the keepers of its jobs, and the jobs, at once."""
        daemon = self.daemons.pop(node)
        jobs = [process for process in Path("/proc").glob("[0-9]*") if node_of(process) == node]
        keepers = {parent(job) for job in jobs} - {int(job.name) for job in jobs}
        for number in (daemon.pid, *keepers, *(int(job.name) for job in jobs)):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        daemon.wait()

    def find(self, node):
        """Start the daemon of a lost node again."""
        self.daemons[node] = self.start("slurmd", "-D", "-N", node)

    def stop(self):
        """The nodes first: they end their jobs."""
        with suppress(AssertionError):
            self.do("scancel", "--signal=KILL", "--full", "--user=root")
        time.sleep(0.5)
        for name in (*NODES, "slurmctld", "munged"):
            daemon = self.daemons.pop(name, None)
            if daemon is not None:
                daemon.terminate()
                try:
                    daemon.wait(15)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()


def node_of(process):
    """The node on which a process is part of a job, as its environment says."""
    name = b"SLURMD_NODENAME="
    with suppress(OSError):
        words = (process / "environ").read_bytes().split(b"\0")
        return next((word[len(name) :].decode() for word in words if word.startswith(name)), None)
    return None


def parent(process):
    """The process that keeps a job: slurmstepd of its node; the process itself where another one started it."""
    number = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    keeps = Path(f"/proc/{number}/comm").read_text().startswith("slurmstepd")
    return number if keeps else int(process.name)
