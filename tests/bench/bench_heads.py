"""Heads found and fitted, side by side with the mean head: python tests/bench/bench_heads.py -d DIR [-n 300].

Draws pictures into DIR as users get them (pose-sample | caption | generate), once; or takes manifests with truth, images
under --root. Then, each through headkit eval:

    true boxes   fit3dmm, told where the heads are
    pipe         detect | fit3dmm
    mean head    detect --from-poses: the mean head laid over the key points that the picture was drawn from

Prints a table by yaw (beyond 90 degrees a head is seen from behind): of the heads found, the error of rotation in degrees
(median, 95%), of the 68 landmarks in % of the box, and the share of rotations within their stated 95% interval.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

HEADKIT = f"{shlex.quote(sys.executable)} -m headkit"
WAYS = {
    "true boxes": "{headkit} fit3dmm --root {root} -o boxes.jsonl boxed.jsonl",
    "pipe": "{headkit} detect --root {root} unseen.jsonl | {headkit} fit3dmm --root {root} -o pipe.jsonl",
    "mean head": "{headkit} detect --from-poses -o mean.jsonl unseen.jsonl",
}
FILES = {"true boxes": "boxes.jsonl", "pipe": "pipe.jsonl", "mean head": "mean.jsonl"}
KEPT = ("id", "width", "height", "image", "camera", "poses", "truth")


def main() -> None:
    """Prints the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-d", "--dir", type=Path, required=True, help="where everything is written")
    parser.add_argument("-n", "--count", type=int, default=300, help="pictures to draw")
    parser.add_argument("--seed", type=int, default=4711)
    parser.add_argument("--root", type=Path, help="folder of the images of the manifests")
    parser.add_argument("manifests", nargs="*", type=Path, help="with truth, instead of drawing")
    options = parser.parse_args()
    folder = options.dir
    folder.mkdir(parents=True, exist_ok=True)
    drawn = folder / "images.jsonl"
    if not options.manifests and not drawn.exists():
        run(
            f"{HEADKIT} pose-sample -n {options.count} --seed {options.seed} | {HEADKIT} caption"
            f" | {HEADKIT} generate -o images.jsonl",
            folder,
        )
    heads = prepare(options.manifests or [drawn], folder)
    root = shlex.quote(str((options.root or folder).absolute()))
    rows: dict[str, dict[str, Any]] = {}
    for way, command in WAYS.items():
        run(command.format(headkit=HEADKIT, root=root), folder)
        said = run(f"{HEADKIT} eval --json {FILES[way]}", folder)
        rows[way] = {row["group"]: row for row in map(json.loads, said.splitlines())}
    print(f"{heads} heads\n")
    print("\n".join(table(rows)))


def run(command: str, folder: Path) -> str:
    """The standard output of a line of shell in a folder; a failure of it ends the program."""
    print(f"$ {command.replace(HEADKIT, 'headkit')}", file=sys.stderr)
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    return done.stdout


def prepare(manifests: list[Path], folder: Path) -> int:
    """unseen.jsonl, without heads, and boxed.jsonl, with the true boxes of heads that count; how many there are."""
    count = 0
    with (folder / "unseen.jsonl").open("w") as unseen, (folder / "boxed.jsonl").open("w") as boxed:
        for path in manifests:
            for line in path.read_text().splitlines():
                row = json.loads(line)
                if "truth" not in row:
                    continue
                row = {name: row[name] for name in KEPT if name in row}
                for head in row["truth"]["heads"]:  # errors of vertices take long, and are not told
                    head.pop("params", None)
                true = [head for head in row["truth"]["heads"] if "ignore" not in head]
                count += len(true)
                unseen.write(json.dumps(row) + "\n")
                row["heads"] = [{"box": head["box"], "score": 1.0} for head in true]
                boxed.write(json.dumps(row) + "\n")
    return count


def table(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Lines of Markdown: a row for all heads and one for each band of yaw, three columns of figures for each way."""
    head = ["yaw", "heads"]
    for way in rows:
        head += [f"{way}: rotation 50, 95%", "NME 68, %", "held"]
        if way != "true boxes":
            head[-3] = f"{way}: found, rotation 50, 95%"
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    first = rows["true boxes"]
    for group in (name for name in first if name == "all" or name.startswith("yaw")):
        cells = [group.removeprefix("yaw "), str(first[group]["heads"])]
        for way, groups in rows.items():
            row = groups[group]
            angle = row.get("geodesic")
            turned = f"{angle['median']:.1f}, {angle['p95']:.1f}" if angle else ""
            found = "" if way == "true boxes" else f"{row['fitted']:.3f}, "
            nme, held = (row.get(name, {}).get("mean") for name in ("nme_box", "coverage"))
            cells += [
                found + turned,
                "" if nme is None else f"{nme:.1f}",
                "" if held is None else f"{held:.3f}",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
