"""A run of weeks in minutes: `python tests/bench/bench_endurance.py [--rows 1000000] [--points 8] [--kills 20]`.

A million records go through the real runner and two workers to a tool that sleeps, fails, crashes and hangs as the
real ones do, a thousand times as fast: 60 us a record for the 60 ms that `generate` takes for a picture, one
record in a thousand fails, ten kill their worker, one hangs until --timeout. The runner is killed (SIGKILL) at
random moments and started again with another number of jobs. Said is: the processor time of the runner beside
that of parsing and writing, memory at the start and at the end of each life, the time from a start to the first
new row, less that of a start on empty output, and how many rows were lost, doubled, or are not as they should be.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
from bench_runner import plain, row, seconds

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
CRASHES, HANGS = 10, 1
FAILS = 1000  # one in so many


def planted(number):
    """What the record of that number does, by its number alone."""
    chance = random.Random(number)
    if chance.random() < 1 / FAILS:
        return chance.choice(["fail", "fail", "fail", "model"])
    return None


def write_input(path, rows, points):
    chance = random.Random(0)
    body = {k: v for k, v in row(0, points, chance).items() if k not in ("id", "value")}
    tail = orjson.dumps(body)[1:]
    crash = {rows * (2 * at + 1) // (2 * CRASHES): "segfault" for at in range(CRASHES)}
    crash[rows * 2 // 3 + 7] = "hang"
    with path.open("wb", buffering=1 << 20) as file:
        for number in range(rows):
            does = crash.get(number) or planted(number)
            head = {"id": f"scene-{number:08d}", "value": number} | ({"do": does} if does else {})
            file.write(orjson.dumps(head)[:-1] + b"," + tail + b"\n")


class Life:
    """One run of the runner, from its start to its end."""

    def __init__(self, folder, jobs, *words):
        self.folder = folder
        self.out = folder / "out"
        self.before = self.out.stat().st_size if self.out.exists() else 0
        command = [sys.executable, "-m", "sample_tools", "lapse", "-j", str(jobs), "--timeout", "5"]
        paths = os.pathsep.join((str(HERE.parent / "contract"), str(HERE.parents[1])))
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*command, "--max-failures", "1000", "-o", "out", "--resume", *words, "in"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": paths},
            stderr=subprocess.DEVNULL,
        )
        self.memory = []
        self.used = 0.0  # seconds of processor time, when last looked at

    def wait_for_row(self):
        """Seconds to the first new row; None where the run ended without one."""
        while self.process.poll() is None:
            if self.out.exists() and self.out.stat().st_size > self.before:
                return time.monotonic() - self.began
            time.sleep(0.005)
        return None

    def watch(self, until):
        """Note memory each second until a moment, or the end; whether it is still running."""
        while time.monotonic() < until and self.process.poll() is None:
            self.memory.append(self.resident())
            self.used = self.processor()
            time.sleep(min(1.0, max(0.0, until - time.monotonic())))
        return self.process.poll() is None

    def resident(self):
        """MiB of the runner."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except (FileNotFoundError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def processor(self):
        """Seconds of processor time of the runner, without its workers."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return max(self.used, (int(words[11]) + int(words[12])) / TICK)

    def kill(self):
        self.used = self.processor()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def judge(folder, rows):
    """Lost, doubled, wrong: the output against the input, row by row."""
    lost = doubled = wrong = 0
    expected = {"fail": "unreadable", "model": "model", "segfault": "crash", "hang": "timeout"}
    with (folder / "in").open("rb") as before, (folder / "out").open("rb") as after:
        seen = -1
        for line in after:
            found = orjson.loads(line)
            number = found["value"]
            doubled += number <= seen
            lost += max(0, number - seen - 1)
            seen = number
            source = before.readline()
            given = orjson.loads(source)
            kind = expected.get(given.get("do"))
            added = {name: value for name, value in found.items() if name not in given}
            added.pop("schema", None)
            right = (
                added["error"]["kind"] == kind
                if kind
                else added == {"mark": {"sum": number}, "made": added.get("made")}
            )
            wrong += not (right and all(found[name] == given[name] for name in given))
    return lost + rows - 1 - seen, doubled, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--points", type=int, default=8, help="8: 0.6 KB a row, 590: 13 KB")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--every", type=float, default=20.0, help="seconds between kills, on average"
    )
    parser.add_argument("--folder", help="where the files go (default: a temporary folder)")
    asked = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        write_input(folder / "in", asked.rows, asked.points)
        size = (folder / "in").stat().st_size
        print(f"{asked.rows} rows of {size / asked.rows / 1000:.1f} KB", flush=True)
        bare = seconds(plain, folder / "in", folder / "plain") / asked.rows * 1e6
        (folder / "plain").unlink()
        life = Life(folder, 2, "-n", "64")
        start_up, start_used = life.wait_for_row(), life.processor()
        life.process.wait()
        for path in folder.glob("out*"):
            path.unlink()
        used, memory, restarts, began = 0.0, [], [], time.monotonic()
        kills = 0
        while True:
            life = Life(folder, chance.choice([2, 3]))
            first = life.wait_for_row()
            if first is not None and kills:
                restarts.append((first - start_up, life.processor() - start_used))
            wait = chance.uniform(0.2, 2 * asked.every) if kills < asked.kills else 1e9
            alive = life.watch(time.monotonic() + wait)
            memory.append(life.memory)
            if alive:
                life.kill()
            used += life.used
            if not alive:
                break
            kills += 1
            print(
                f"  kill {kills}: {life.out.stat().st_size / size:6.1%} written, first new row after {first or 0:.2f} s, "
                f"{life.memory[0]:.0f} to {max(life.memory):.0f} MiB",
                flush=True,
            )
        wall = time.monotonic() - began
        lost, doubled, wrong = judge(folder, asked.rows)
        print(f"exit status of the last run: {life.process.returncode} (1: some rows failed)")
        print(f"killed {kills} times, {wall:.0f} s in all; {CRASHES} rows crash, {HANGS} hangs")
        worst = max(restarts, default=(0.0, 0.0))
        costs = sorted(used for _, used in restarts)
        print(
            f"from a start to the first new row, less {start_up:.2f} s of a start from nothing: "
            f"median {sorted(restarts)[len(restarts) // 2][0] if restarts else 0:.2f} s, worst {worst[0]:.2f} s"
        )
        if costs:
            print(
                f"processor time of the runner till then, less {start_used:.2f} s: median "
                f"{costs[len(costs) // 2]:.2f} s, worst {costs[-1]:.2f} s"
            )
        settled = [max(life) for life in memory if life]
        print(
            f"memory of the runner: {min(settled):.0f} MiB in its shortest life, {max(settled):.0f} at most"
        )
        own = used / asked.rows * 1e6
        print(
            f"processor time of the runner, starts and repeated rows included: {own:.1f} us a row; "
            f"parsing and writing alone: {bare:.1f}"
        )
        print(f"lost {lost}, doubled {doubled}, wrong {wrong}")
    return bool(lost or doubled or wrong)


if __name__ == "__main__":
    sys.exit(main())
