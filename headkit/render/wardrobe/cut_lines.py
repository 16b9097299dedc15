"""Where cloth begins and ends on the body: cut lines as fields over the mean human.

Figure coordinates: the mean human moved and scaled so that an adult's head joint lies at HEAD and the
pelvis 0.645 m below it; +x the subject's left, +y up, +z to the front, A-pose. A field is above 0 inside
the cloth and close to metres near its line; `minimum` of fields is their intersection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.render.wardrobe.tailoring import Floats

HEAD = np.array([0.0, 0.697, 0.044])
_TRUNK = 0.645  # from pelvis to head joint


@dataclass(frozen=True)
class Figure:
    """Figure coordinates and what is measured along the limbs, of points N.

    points (N, 3); arm (N,) 0 at the shoulder joint, 1 at the elbow, 2 at the wrist, by projection
    """

    points: Floats
    arm: Floats
    upper_arm: float  # metres
    forearm: float


def figure(template: Floats, joints: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Figure coordinates of points (N, 3) of the mean human, whose joints are given."""
    scale = _TRUNK / (joints["head"][1] - joints["pelvis"][1])

    def place(points: NDArray[np.floating]) -> Floats:
        return ((points - joints["head"]) * scale + HEAD).astype(np.float32)

    points = place(template)
    shoulder, elbow, wrist = (
        place(joints[f"{name}_left"]).astype(np.float64)
        for name in ("upper_arm", "forearm", "hand")
    )
    left = points * np.where(points[:, :1] < 0, [-1.0, 1.0, 1.0], 1.0)
    upper, lower = elbow - shoulder, wrist - elbow
    first = (left - shoulder) @ upper / (upper @ upper)
    second = (left - elbow) @ lower / (lower @ lower)
    bend = (left - elbow) @ (upper / np.linalg.norm(upper) + lower / np.linalg.norm(lower))
    arm = np.where(bend < 0, np.minimum(first, 1.0), 1.0 + np.maximum(second, 0.0))
    return Figure(
        points,
        arm.astype(np.float32),
        float(np.linalg.norm(upper)),
        float(np.linalg.norm(lower)),
    )


def minimum(*fields: Floats) -> Floats:
    """Inside all of the fields."""
    result = fields[0]
    for other in fields[1:]:
        result = np.minimum(result, other)
    return result.astype(np.float32)


def neckline(body: Figure, kind: str, depth: float) -> Floats:
    """Above 0 below the neckline. `depth`, 0 to 1, deepens it at the front."""
    x, y, z = body.points.T
    front = np.clip((z + 0.02) / 0.08, 0.0, 1.0)
    crew = 0.611 - 0.40 * (z + 0.02)  # a plane, low at the front
    edge = crew
    if kind == "high":
        edge = 0.645 - 0.32 * (z + 0.02)
    elif kind == "scoop":
        low = 0.585 - (0.055 + 0.045 * depth) * front
        edge = np.minimum(crew, low + 0.10 * (np.abs(x) / 0.105) ** 3)
    elif kind in ("v", "collar"):
        point = 0.520 - 0.055 * depth if kind == "v" else 0.555 - 0.055 * depth
        wedge = point + np.abs(x) * (1.25 if kind == "v" else 1.6)
        edge = np.where(z > 0.0, np.minimum(crew, wedge), crew)
    elif kind == "hood":
        edge = crew - 0.006
    else:
        edge = crew - 0.012 * depth
    # On the shoulders, where the surface is level, distance is counted outwards.
    outwards = np.maximum(np.hypot(x, z - 0.02) - 0.070, 0.0)
    return (0.93 * (edge - y) + 0.6 * outwards).astype(np.float32)


def armhole(body: Figure) -> Floats:
    """Above 0 on the trunk, below on the arms."""
    x, y, _ = body.points.T
    line = np.interp(
        y, [0.0, 0.05, 0.25, 0.36, 0.42, 0.50, 0.57], [0.6, 0.33, 0.24, 0.195, 0.168, 0.146, 0.138]
    )
    return (line - np.abs(x)).astype(np.float32)


def sleeve(body: Figure, length: float) -> Floats:
    """Above 0 on the trunk and on the arm down to `length`: 0 no sleeve, 1 to the wrist."""
    trunk = armhole(body)
    if length < 0.05:
        return trunk
    end = 0.12 + 1.84 * length  # along the arm, in limbs
    along = np.where(body.arm < 1.0, body.arm, 1.0 + (body.arm - 1.0))
    left = (end - along) * np.where(along < 1.0, body.upper_arm, body.forearm)
    return np.maximum(trunk, left).astype(np.float32)


def above(body: Figure, height: float) -> Floats:
    """Above 0 over a height."""
    return (body.points[:, 1] - height).astype(np.float32)


def below(body: Figure, height: float) -> Floats:
    """Above 0 under a height."""
    return (height - body.points[:, 1]).astype(np.float32)


def opening(body: Figure, width: float) -> Floats:
    """Above 0 outside the open front of a jacket; it widens to the neck."""
    x, y, z = body.points.T
    half = width + 0.10 * np.clip(y - 0.34, 0.0, 0.3)
    return np.where(z > -0.01, np.abs(x) - half, 0.05).astype(np.float32)
