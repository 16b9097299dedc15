"""Named attitudes of the body: the inverse of posing. Draws angles, and says what an annotator would flag.

Numpy only. Angles are those of `skeleton.ANGLES`; what an attitude does not name is drawn from the
resting distribution, half as wide. Arms are given by where the upper arm points, since a direction is
easier to read than two angles: (out to the side, up, forward).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headkit.render.pose.skeleton import (
    ANGLE,
    ANGLES,
    ARM_REFERENCE,
    FORWARD,
    HIGH,
    LOW,
    MEAN,
    SIDES,
    SIGMA,
    Array,
)

Aim = tuple[float, float, float]


@dataclass(frozen=True)
class Attitude:
    """Angles in radians, by name with or without its side; `left`, `right`: where upper arms point.

    Half of the people do it the other way round.
    """

    angles: dict[str, float] = field(default_factory=dict)
    left: Aim | None = None
    right: Aim | None = None
    stands: bool = True  # on its feet: the trunk is turned over them


DOWN: Aim = (0.15, -1.0, 0.05)

ATTITUDES: dict[str, Attitude] = {
    "standing": Attitude(),
    "walking": Attitude(
        {"hip_forward_left": 0.4, "hip_forward_right": -0.25, "knee_left": 0.2, "knee_right": 0.45},
        left=(0.12, -1.0, -0.35),
        right=(0.12, -1.0, 0.4),
    ),
    "running": Attitude(
        {"hip_forward_left": 1.0, "hip_forward_right": -0.3, "knee_left": 1.2, "knee_right": 1.0}
        | {"elbow": 1.5, "spine_bend": 0.2},
        left=(0.2, -0.8, -0.7),
        right=(0.2, -1.0, 0.5),
        stands=False,
    ),
    "sitting": Attitude(
        {"hip_forward": 1.45, "knee": 1.5, "spine_bend": 0.2, "elbow": 0.9}, stands=False
    ),
    "legs crossed": Attitude(
        {
            "hip_forward": 1.5,
            "knee": 1.5,
            "hip_out_left": -0.25,
            "hip_forward_left": 1.75,
            "elbow": 1.0,
        },
        stands=False,
    ),
    "crouching": Attitude({"hip_forward": 1.9, "knee": 2.1, "spine_bend": 0.6, "elbow": 1.2}),
    "bending over": Attitude({"hip_forward": 0.8, "spine_bend": 0.8, "knee": 0.2}),
    "leaning": Attitude({"spine_lean": 0.35, "neck_tilt": -0.2, "hip_out_left": 0.25}),
    "arms raised": Attitude({"elbow": 0.4}, left=(0.35, 1.0, 0.15), right=(0.35, 1.0, 0.15)),
    "arms out": Attitude({"elbow": 0.15}, left=(1.0, 0.0, 0.1), right=(1.0, 0.0, 0.1)),
    "hands on hips": Attitude(
        {"elbow": 1.7, "shoulder_twist": 0.9}, left=(0.75, -0.7, -0.1), right=(0.75, -0.7, -0.1)
    ),
    "arms crossed": Attitude(
        {"elbow": 1.75, "shoulder_twist": 1.0}, left=(0.15, -0.85, 0.5), right=(0.15, -0.85, 0.5)
    ),
    "phone to ear": Attitude(
        {"elbow_left": 2.45, "shoulder_twist_left": -0.5, "neck_tilt": -0.15},
        left=(0.45, -0.7, 0.4),
    ),
    "waving": Attitude({"elbow_left": 1.5, "shoulder_twist_left": -1.0}, left=(0.8, 0.1, 0.35)),
    "pointing": Attitude({"elbow_left": 0.1}, left=(0.2, 0.0, 1.0)),
    "head turned": Attitude({"neck_turn": 0.95}),
    "looking down": Attitude({"neck_nod": 0.6, "elbow": 1.5}, left=DOWN, right=DOWN),
}


def draw_angles(attitude: str, rng: np.random.Generator) -> Array:
    """(len(ANGLES),) radians for one of ATTITUDES, within the limits; KeyError for another name."""
    given = ATTITUDES[attitude]
    mean = MEAN.copy()
    for name, value in given.angles.items():
        for key in (name, f"{name}_left", f"{name}_right"):
            if key in ANGLE:
                mean[ANGLE[key]] = value
    for side, aim in zip(SIDES, (given.left, given.right), strict=True):
        if aim is not None:
            forward, out = aimed(aim)
            mean[ANGLE[f"shoulder_forward_{side}"]] = forward
            mean[ANGLE[f"shoulder_out_{side}"]] = out
    if rng.random() < 0.5:
        mean = other_side(mean)
    angles: Array = np.clip(rng.normal(mean, 0.4 * SIGMA), LOW + 0.02, HIGH - 0.02)
    return angles


def aimed(direction: Aim) -> tuple[float, float]:
    """shoulder_forward and shoulder_out that point an upper arm to (out, up, forward)."""
    wanted = np.array(direction) / np.linalg.norm(direction)
    axis = np.cross(ARM_REFERENCE, wanted)
    sine = float(np.linalg.norm(axis))
    turn = axis * (np.arctan2(sine, float(ARM_REFERENCE @ wanted)) / max(sine, 1e-9))
    flexion = np.cross(ARM_REFERENCE, FORWARD)
    return float(turn @ flexion), float(turn @ FORWARD)


def other_side(angles: Array) -> Array:
    """The same attitude seen in a mirror."""
    swapped = angles.copy()
    for number, angle in enumerate(ANGLES):
        if angle.name in ("spine_lean", "spine_twist", "neck_tilt", "neck_turn"):
            swapped[number] = -angles[number]
        elif angle.name.endswith("_left"):
            swapped[number] = angles[ANGLE[angle.name[:-4] + "right"]]
        elif angle.name.endswith("_right"):
            swapped[number] = angles[ANGLE[angle.name[:-5] + "left"]]
    return swapped


# Where nose, eyes and ears look, in the head's axes: a point is seen when that is turned to the camera.
_OUTWARD = np.array([[0.0, 0, 1], [0.34, 0, 0.94], [-0.34, 0, 0.94], [1, 0, 0.1], [-1, 0, 0.1]])
_HIDDEN = np.array([-0.2, -0.1, -0.1, -0.2, -0.2])


def face_seen(rotation: Array, centre: Array) -> NDArray[np.bool_]:
    """Which of nose, eyes, ears an annotator flags as visible, by the head's rotation (3, 3) alone.

    `rotation` and `centre` (3,) are the head's in the camera frame. Hair, hands and others may hide more.
    """
    toward = rotation.T @ (-centre / np.linalg.norm(centre))
    seen: NDArray[np.bool_] = _OUTWARD @ toward > _HIDDEN
    return seen
