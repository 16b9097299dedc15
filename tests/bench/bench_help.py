"""How long `headkit --help` takes beside the help of an empty typer application.

    python tests/bench/bench_help.py [ROUNDS]

The two run by turns, so that whatever else the machine does meets both. The bar is 1.3.
"""

import statistics
import subprocess
import sys
import time

EMPTY = """
import typer
application = typer.Typer(rich_markup_mode=None, add_completion=False)
@application.command()
def empty(): pass
application()
"""
COMMANDS = {
    "empty typer application": [sys.executable, "-c", EMPTY, "--help"],
    "headkit": [sys.executable, "-c", "from headkit.cli import main; main()", "--help"],
    "headkit completion": [
        sys.executable,
        "-c",
        "from headkit.cli import main; main()",
        "completion",
        "--help",
    ],
}


def main(rounds: int) -> None:
    """Print the median of each in milliseconds, and its ratio to the first."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number:  # the first round fills the disk's cache
                taken[name].append(time.perf_counter() - start)
    base = statistics.median(taken["empty typer application"])
    for name, times in taken.items():
        median = statistics.median(times)
        print(f"{name:26}{median * 1000:7.1f} ms  {median / base:5.2f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
