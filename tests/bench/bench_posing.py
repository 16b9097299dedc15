"""How well and how fast bodies are posed: python tests/bench/bench_posing.py [PEOPLE].

Draws people in the attitudes of `headkit.render.pose.attitudes`, projects their joints, moves them by half
a pixel of noise, drops some, and poses another body of the same age to what is left. With
HEADKIT_TEST_DATA set, also every person of its poses_coco.jsonl. Prints one row per group.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from headkit.head.camera import intrinsics
from headkit.head.rotation import geodesic, rodrigues
from headkit.render.human.body import load_body
from headkit.render.pose import pose_starts, posing
from headkit.render.pose.attitudes import ATTITUDES, face_seen
from headkit.render.pose.pose_starts import FACE_ON
from headkit.render.pose.skeleton import INDEX

SIZE = 640
HEAD = INDEX["head"]


def main(people: int) -> None:
    """Prints the table."""
    body = load_body()
    print(
        f"{'group':24}{'people':>7}{'median %':>10}{'worst person %':>16}{'worst joint %':>15}",
        end="",
    )
    print(f"{'3D mm':>8}{'trunk deg':>11}{'head deg':>10}{'lean deg':>10}{'ms':>7}")
    _synthetic(body, 2)  # compiles
    for group, same in (("the same body", True), ("another adult body", False)):
        rows = [_synthetic(body, number, same) for number in range(people)]
        _row(group, rows)
        if same:
            for half, name in ((True, "  all joints but 15 %"), (False, "  upper half only")):
                _row(name, [row for row in rows if row["whole"] == half])
    if "HEADKIT_TEST_DATA" in os.environ:
        _row("COCO", list(_real(body)))
    every = pose_starts.YAWS
    for starts in (1, 2, 4, 8):
        pose_starts.YAWS = every[:starts]
        _row(f"{starts} starts", [_synthetic(body, number) for number in range(people // 4)])


def _synthetic(body: Any, number: int, same: bool = True) -> dict[str, Any]:
    """One person drawn, projected, and posed again."""
    rng = np.random.default_rng(number)
    K = intrinsics(SIZE, SIZE, 1.2 * SIZE)
    rest = _someone(body, rng)
    attitude = sorted(ATTITUDES)[number % len(ATTITUDES)]
    yaw = rng.uniform(-np.pi, np.pi)
    root = FACE_ON @ rodrigues(np.array([0.0, yaw, 0.0]))
    true = posing.draw_pose(body, rest, attitude, rng, root, np.array([0, 0, rng.uniform(2.5, 8)]))
    pixels = true.joints @ K.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    box = np.concatenate([pixels.min(0) - 8, pixels.max(0) + 8])
    transform = true.bone_transforms[HEAD]
    centre = transform[:, :3] @ rest.joints[HEAD] + transform[:, 3]
    known = rng.random(17) > 0.15
    known[:5] &= face_seen(transform[:, :3], centre)
    whole = rng.random() < 0.7
    if not whole:
        known[11:] = False
    known[5] |= not known.any()
    keypoints = np.column_stack([pixels + rng.normal(0, 0.5, (17, 2)), known])
    other = rest if same else _someone(body, rng)
    start = time.process_time()
    found = posing.fit_pose(body, other, keypoints, box, K, rng)
    taken = time.process_time() - start
    apart = (found.joints - found.joints[11:13].mean(0)) - (
        true.joints - true.joints[11:13].mean(0)
    )
    return {
        "error": 100 * found.error_px[known] / (box[3] - box[1]),
        "apart": 1e3 * np.linalg.norm(apart, axis=1)[known],
        "head": float(geodesic(found.bone_transforms[HEAD, :, :3], transform[:, :3])),
        "trunk": _angle(_trunk(found.joints), _trunk(true.joints)),
        "lean": abs(_lean(found.joints) - _lean(true.joints)),
        "ms": 1e3 * taken,
        "whole": whole,
        "attitude": attitude,
    }


def _real(body: Any) -> Any:
    rows = Path(os.environ["HEADKIT_TEST_DATA"], "poses_coco.jsonl").read_text().splitlines()
    number = 0
    for row in map(json.loads, rows):
        K = intrinsics(row["width"], row["height"], 1.2 * max(row["width"], row["height"]))
        for person in row["poses"]:
            rng = np.random.default_rng(number)
            rest = _someone(body, rng)
            start = time.process_time()
            found = posing.fit_pose(body, rest, person["keypoints"], person["box"], K, rng)
            taken = time.process_time() - start
            tall = person["box"][3] - person["box"][1]
            error = 100 * found.error_px[~np.isnan(found.error_px)] / tall
            lean = abs(_lean(found.joints))
            number += 1
            unknown = dict.fromkeys(("apart", "head", "trunk"), np.nan)
            yield {"error": error, "lean": lean, "ms": 1e3 * taken} | unknown


def _someone(body: Any, rng: np.random.Generator) -> Any:
    return body.rest(
        body.identity(sex=rng.random(), age=rng.uniform(20, 60), origin="european", rng=rng)
    )


def _trunk(joints: Any) -> Any:
    return joints[[5, 6]].mean(0) - joints[[11, 12]].mean(0)


def _lean(joints: Any) -> float:
    """Degrees by which the trunk leans away from the camera."""
    trunk = _trunk(joints)
    return float(np.degrees(np.arcsin(trunk[2] / np.linalg.norm(trunk))))


def _angle(a: Any, b: Any) -> float:
    return float(
        np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))
    )


def _row(name: str, rows: list[dict[str, Any]]) -> None:
    every = np.concatenate([row["error"] for row in rows])
    persons = [np.median(row["error"]) for row in rows]

    def middle(key: str) -> float:
        return float(np.median(np.concatenate([np.atleast_1d(row[key]) for row in rows])))

    print(
        f"{name:24}{len(rows):7}{np.median(every):10.2f}{max(persons):16.2f}{every.max():15.2f}",
        end="",
    )
    print(
        f"{middle('apart'):8.0f}{middle('trunk'):11.1f}{middle('head'):10.1f}{middle('lean'):10.1f}{middle('ms'):7.1f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
