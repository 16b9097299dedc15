"""The pose bones of the human and their degrees of freedom: names, means, limits. Numpy only.

Frames: the rest pose is canonical (+x the subject's left, +y up, +z out of the face, metres). Every
rotation is about axes of that world-aligned rest frame, so a bone has no roll of its own. All angles
zero is the reference pose: standing, knees and elbows straight, arms 45 degrees out to the sides,
whatever the rest pose of the mesh (`rigging` takes the one to the other).

A degree of freedom turns one bone or is shared along a chain (the spine bends over five bones, so
that no single joint breaks). Ball joints are a swing (two components of a rotation vector, at right
angles to the limb) followed by a twist about the limb: a twisted arm or thigh is one number, with a
limit of its own, and the only singular direction lies behind the opposite shoulder. Elbow, knee and
ankle are hinges. Three length factors (trunk, arms, legs) let a body take limb lengths that its
identity does not have; without them a mismatch of 6 % turns into 20 degrees of lean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bone:
    """A pose bone: its parent's name and the MakeHuman bones whose skin weights it takes.

    The joint (pivot) is the head of the first bone in `sources`; of several finger bones, their mean.
    """

    name: str
    parent: str | None
    sources: tuple[str, ...]


def _side(side: str) -> tuple[Bone, ...]:
    letter = side[0].upper()

    def bone(name: str, parent: str, *sources: str) -> Bone:
        paired = parent if parent in ("spine_5", "pelvis") else f"{parent}_{side}"
        return Bone(f"{name}_{side}", paired, tuple(f"{source}.{letter}" for source in sources))

    return (
        bone("clavicle", "spine_5", "clavicle"),
        bone("shoulder", "clavicle", "shoulder01"),
        bone("upper_arm", "shoulder", "upperarm01"),
        bone("upper_arm_lower", "upper_arm", "upperarm02"),
        bone("forearm", "upper_arm_lower", "lowerarm01"),
        bone("forearm_lower", "forearm", "lowerarm02"),
        bone("hand", "forearm_lower", "wrist"),
        bone("fingers", "hand", *(f"finger{n}-1" for n in (2, 3, 4, 5))),
        bone("fingertips", "fingers", *(f"finger{n}-2" for n in (2, 3, 4, 5))),
        bone("thigh", "pelvis", "upperleg01", "upperleg02"),
        bone("shin", "thigh", "lowerleg01", "lowerleg02"),
        bone("foot", "shin", "foot"),
        bone("toes", "foot", *(f"toe{n}-1" for n in (1, 2, 3, 4, 5))),
    )


# Parents come before their children.
BONES: tuple[Bone, ...] = (
    Bone("pelvis", None, ("root", "pelvis.L", "pelvis.R")),
    Bone("spine_1", "pelvis", ("spine05",)),
    Bone("spine_2", "spine_1", ("spine04",)),
    Bone("spine_3", "spine_2", ("spine03",)),
    Bone("spine_4", "spine_3", ("spine02",)),
    Bone("spine_5", "spine_4", ("spine01",)),
    Bone("neck_1", "spine_5", ("neck01",)),
    Bone("neck_2", "neck_1", ("neck02",)),
    Bone("neck_3", "neck_2", ("neck03",)),
    Bone("head", "neck_3", ("head",)),
    *_side("left"),
    *_side("right"),
)

NAMES = tuple(bone.name for bone in BONES)
INDEX = {name: number for number, name in enumerate(NAMES)}
PARENTS = np.array([-1 if bone.parent is None else INDEX[bone.parent] for bone in BONES], np.int64)
SIDES = ("left", "right")


@dataclass(frozen=True)
class Angle:
    """One degree of freedom in radians: how it is distributed over people, and its limits.

    All zero is the reference: standing, knees and elbows straight, arms 45 degrees out to the sides.
    Limits follow the normal ranges of motion of the American Academy of Orthopaedic Surgeons, a
    little widened, since a COCO key point is not a joint centre. `fitted` angles move key points;
    the others are posture that no key point shows.
    """

    name: str
    mean: float
    sigma: float
    low: float
    high: float
    why: str
    fitted: bool = True
    tail: float = 10.0  # degrees of freedom of Student's t: 4 where anything may happen at times


def _paired(*angles: Angle) -> tuple[Angle, ...]:
    return tuple(
        Angle(f"{a.name}_{side}", a.mean, a.sigma, a.low, a.high, a.why, a.fitted, a.tail)
        for side in SIDES
        for a in angles
    )


ANGLES: tuple[Angle, ...] = (
    Angle("spine_bend", 0.04, 0.32, -0.5, 1.4, "forward above 0; people slouch, few lean back"),
    Angle("spine_lean", 0.0, 0.18, -0.6, 0.6, "to the subject's right above 0"),
    Angle("spine_twist", 0.0, 0.22, -0.75, 0.75, "shoulders to the subject's left above 0"),
    Angle("neck_nod", 0.02, 0.3, -1.0, 0.95, "chin down above 0"),
    Angle("neck_tilt", 0.0, 0.18, -0.7, 0.7, "to the subject's right above 0"),
    Angle("neck_turn", 0.0, 0.4, -1.3, 1.3, "to the subject's left above 0; 75 degrees either way"),
    *_paired(
        Angle("clavicle_raise", 0.0, 0.13, -0.2, 0.6, "a shrug"),
        Angle("clavicle_forward", 0.0, 0.13, -0.35, 0.45, "shoulders rolled forward"),
        Angle(
            "shoulder_forward", 0.15, 0.45, -1.2, 2.6, "hands work in front of the body", tail=4.0
        ),
        Angle("shoulder_out", -0.62, 0.35, -1.3, 2.2, "-0.79 hangs straight down", tail=4.0),
        Angle("shoulder_twist", 0.15, 0.45, -1.4, 1.4, "inward above 0"),
        Angle("elbow", 0.4, 0.5, 0.0, 2.55, "a hinge; a relaxed arm is a little bent", tail=4.0),
        Angle("hip_forward", 0.08, 0.35, -0.55, 2.2, "flexion above 0", tail=4.0),
        Angle("hip_out", 0.06, 0.25, -0.45, 0.95, "legs apart above 0"),
        Angle("hip_twist", -0.08, 0.22, -0.75, 0.65, "inward above 0; feet point outward a little"),
        Angle("knee", 0.08, 0.4, 0.0, 2.45, "a hinge that bends back only", tail=4.0),
    ),
    *_paired(
        Angle(
            "ankle", 0.0, 0.25, -0.8, 0.4, "toes up above 0; set so that the sole is level", False
        ),
        Angle("toes", 0.0, 0.1, -0.3, 0.9, "toes up above 0", False),
        Angle(
            "palm", 0.15, 0.3, -1.3, 1.3, "pronation above 0: a hanging palm faces the thigh", False
        ),
        Angle(
            "wrist", 0.06, 0.2, -1.1, 1.2, "flexion above 0: a hanging hand drops a little", False
        ),
        Angle(
            "fingers", 0.25, 0.2, -0.2, 1.5, "curl above 0: relaxed fingers are half bent", False
        ),
        Angle("fingertips", 0.38, 0.2, 0.0, 1.8, "curl above 0", False),
    ),
)
ANGLE = {angle.name: number for number, angle in enumerate(ANGLES)}
FITTED = sum(angle.fitted for angle in ANGLES)  # they come first
MEAN = np.array([angle.mean for angle in ANGLES])
SIGMA = np.array([angle.sigma for angle in ANGLES])
LOW = np.array([angle.low for angle in ANGLES])
HIGH = np.array([angle.high for angle in ANGLES])
PRIOR = np.array([[a.mean, 1.0 / a.sigma, a.low, a.high, a.tail] for a in ANGLES if a.fitted])

LENGTHS = ("trunk", "arms", "legs")
LENGTH_SIGMA = 0.045  # of the log: segments at one stature vary by 4 to 5 % (ANSUR II ratios)
LENGTH_LIMIT = (
    0.09  # beyond twice the spread a spring holds: skin at hips and shoulders would bulge
)


def _length_shares() -> Array:
    """(J, 3): by how much the logarithm of a bone's scale follows each length factor."""
    shares = np.zeros((len(BONES), 3))
    arms = (
        "upper_arm",
        "upper_arm_lower",
        "forearm",
        "forearm_lower",
        "hand",
        "fingers",
        "fingertips",
    )
    legs = ("thigh", "shin", "foot", "toes")
    limb = dict.fromkeys(arms, 1) | dict.fromkeys(legs, 2)
    neck = {
        "neck_1": 0.75,
        "neck_2": 0.5,
        "neck_3": 0.25,
        "head": 0.0,
    }  # the head is the 3DMM: rigid
    for number, name in enumerate(NAMES):
        if name in neck:
            shares[number, 0] = neck[name]
        else:
            shares[number, limb.get(name.removesuffix("_left").removesuffix("_right"), 0)] = 1.0
    return shares


LENGTH_SHARES = _length_shares()


ARM_REFERENCE = np.array([np.sqrt(0.5), -np.sqrt(0.5), 0.0])  # of the left arm: 45 degrees out
LEG_REFERENCE = np.array([0.0, -1.0, 0.0])
FORWARD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Skeleton:
    """The pose bones of one body, ready to be turned. B bones, T turns.

    joints      (B, 3) pivots in the rest pose
    settle      (B, 3, 3) rotation of each bone from the rest pose to the reference pose, in its parent
    turn_bone   (T,) the bone a turn acts on, ascending; turns of one bone apply in order
    turn_angle  (T, 3) indices into ANGLES of the components of its rotation vector, -1 for none
    turn_axis   (T, 3, 3) axis of each component, world-aligned rest frame
    turn_share  (T,) how much of the angle this bone takes
    """

    joints: Array
    settle: Array
    turn_bone: NDArray[np.int64]
    turn_angle: NDArray[np.int64]
    turn_axis: Array
    turn_share: Array


def key_points(transforms: Array, points: Array) -> Array:
    """(K, 3) positions of points given as per-bone 4-vectors `points` (K, B, 4): sum of T[b] @ m[k, b]."""
    placed: Array = np.einsum("bij,kbj->ki", transforms, points)
    return placed
