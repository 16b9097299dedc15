"""The pose bones of the human, their degrees of freedom, and from angles to bone transforms.

Frames: the rest pose is canonical (+x the subject's left, +y up, +z out of the face, metres). Every
rotation is about axes of that world-aligned rest frame, so a bone has no roll of its own, and all
angles zero is the rest pose. Only numpy here: `attitudes` samples poses without a compiler.

A degree of freedom turns one bone or is shared along a chain (the spine bends over five bones, so
that no single joint breaks). Ball joints are a swing (two components of a rotation vector, at right
angles to the limb) followed by a twist about the limb: a twisted arm or thigh is one number, with a
limit of its own, and the only singular direction lies behind the opposite shoulder. Elbow, knee and
ankle are hinges. Three length factors (trunk, arms, legs) let a body take limb lengths that its
identity does not have; without them a mismatch of 6 % turns into 20 degrees of lean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

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


def rotation_of(vector: Array) -> Array:
    """The rotation (3, 3) by |vector| radians about it (Rodrigues)."""
    x, y, z = (float(value) for value in vector)
    angle = math.sqrt(x * x + y * y + z * z)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    if angle < 1e-9:
        return np.eye(3) + cross
    sine = math.sin(angle) / angle
    cosine = 0.5 * (math.sin(angle / 2.0) / (angle / 2.0)) ** 2  # (1 - cos a) / a^2, exact near 0
    turned: Array = np.eye(3) + sine * cross + cosine * (cross @ cross)
    return turned


def key_points(transforms: Array, points: Array) -> Array:
    """(K, 3) positions of points given as per-bone 4-vectors `points` (K, B, 4): sum of T[b] @ m[k, b]."""
    placed: Array = np.einsum("bij,kbj->ki", transforms, points)
    return placed


# ---- building ------------------------------------------------------------------------------------

ARM_REFERENCE = np.array([np.sqrt(0.5), -np.sqrt(0.5), 0.0])  # of the left arm: 45 degrees out
LEG_REFERENCE = np.array([0.0, -1.0, 0.0])
FORWARD = np.array([0.0, 0.0, 1.0])


def _unit(vector: Array) -> Array:
    unit: Array = vector / math.sqrt(float(vector @ vector))
    return unit


def _cross(a: Array, b: Array) -> Array:
    """The cross product of two 3-vectors; numpy's takes 60 us, and a skeleton is built for every person."""
    a0, a1, a2 = a.tolist()
    b0, b1, b2 = b.tolist()
    return np.array([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0])


def _frame(along: Array, hinge: Array) -> Array:
    """Columns: along, hinge made square to it, and their cross product."""
    along = _unit(along)
    hinge = _unit(hinge - along * (along @ hinge))
    return np.stack([along, hinge, _cross(along, hinge)], 1)


class _Builder:
    """Collects the turns of a skeleton, one side at a time, in the frame of the subject's left side."""

    def __init__(self, joints: Array) -> None:
        self.joints = joints
        self.settle = np.repeat(np.eye(3)[None], len(BONES), 0)
        self.turns: list[tuple[int, list[int], list[Array], float]] = []

    def turn(self, bone: str, share: float, *components: tuple[str, Array]) -> None:
        used = [ANGLE[name] for name, _ in components]
        self.turns.append((INDEX[bone], used, [axis for _, axis in components], share))

    def trunk(self) -> None:
        x, y, z = np.eye(3)
        # The lumbar spine bends, the thoracic spine twists (White and Panjabi 1990).
        for bone, bend, twist in zip(
            ("spine_1", "spine_2", "spine_3", "spine_4", "spine_5"),
            (0.22, 0.24, 0.22, 0.18, 0.14),
            (0.08, 0.12, 0.2, 0.3, 0.3),
            strict=True,
        ):
            self.turn(bone, bend, ("spine_bend", x), ("spine_lean", z))
            self.turn(bone, twist, ("spine_twist", y))
        for bone, share in (("neck_1", 0.25), ("neck_2", 0.2), ("neck_3", 0.2), ("head", 0.35)):
            self.turn(bone, share, ("neck_nod", x), ("neck_tilt", z), ("neck_turn", y))

    def side(self, side: str) -> None:
        mirror = np.array([1.0 if side == "left" else -1.0, 1.0, 1.0])
        pseudo = np.array([1.0, mirror[0], mirror[0]])  # what a reflection does to a rotation axis

        def joint(name: str) -> Array:
            at: Array = self.joints[INDEX[f"{name}_{side}"]] * mirror
            return at

        def turn(bone: str, share: float, *components: tuple[str, Array]) -> None:
            named = [(f"{name}_{side}", axis * pseudo) for name, axis in components]
            self.turn(f"{bone}_{side}", share, *named)

        def settle(bone: str, rotation: Array) -> None:
            flip = np.diag(mirror)
            self.settle[INDEX[f"{bone}_{side}"]] = flip @ rotation @ flip

        _, y, z = np.eye(3)
        turn("clavicle", 1.0, ("clavicle_raise", z), ("clavicle_forward", -y))
        self._arm(joint, turn, settle)
        self._leg(joint, turn, settle)

    @staticmethod
    def _limb(
        upper: Array, lower: Array, reference: Array, sign: float
    ) -> tuple[Array, Array, float]:
        """How a two-part limb settles: the upper rotation, the hinge axis at rest, the bend at rest.

        `sign` is +1 where the hinge bends forward (elbow), -1 where it bends back (knee).
        """
        straight = _cross(_unit(upper), sign * FORWARD)
        bent = _cross(_unit(upper), _unit(lower))
        hinge = bent if math.sqrt(float(bent @ bent)) > 0.2 and bent @ straight > 0 else straight
        rest = _frame(upper, hinge)
        hinge = rest[:, 1]
        bend = float(np.arctan2(_cross(upper, lower) @ hinge, upper @ lower))
        target = _frame(reference, _cross(reference, sign * FORWARD))
        return target @ rest.T, hinge, bend

    def _arm(self, joint: Any, turn: Any, settle: Any) -> None:
        upper = joint("forearm") - joint("upper_arm")
        lower = joint("hand") - joint("forearm")
        rotation, hinge, bend = self._limb(upper, lower, ARM_REFERENCE, 1.0)
        u = ARM_REFERENCE
        swing = (
            ("shoulder_forward", _unit(_cross(u, FORWARD))),
            ("shoulder_out", FORWARD),
        )
        turn("shoulder", 0.25, *swing)  # the shoulder blade follows the arm (scapulohumeral rhythm)
        turn("upper_arm", 0.75, *swing)
        turn("upper_arm", 0.5, ("shoulder_twist", u))
        settle("upper_arm", rotation)
        turn("upper_arm_lower", 0.5, ("shoulder_twist", _unit(upper)))
        turn("forearm", 1.0, ("elbow", hinge))
        settle("forearm", rotation_of(-bend * hinge))
        along = _unit(lower)
        turn("forearm_lower", 0.5, ("palm", along))
        turn("hand", 0.5, ("palm", along))
        # Fingers curl the way they are already bent at rest; straight ones, towards the palm.
        palm = _unit(joint("fingers") - joint("hand"))
        curl = _cross(palm, joint("fingertips") - joint("fingers"))
        slight = np.linalg.norm(curl) < 0.05 * np.linalg.norm(
            joint("fingertips") - joint("fingers")
        )
        curl = _unit(_cross(palm, hinge) if slight else curl)
        turn("hand", 1.0, ("wrist", curl))
        turn("fingers", 1.0, ("fingers", curl))
        turn("fingertips", 1.0, ("fingertips", curl))

    def _leg(self, joint: Any, turn: Any, settle: Any) -> None:
        upper = joint("shin") - joint("thigh")
        lower = joint("foot") - joint("shin")
        rotation, hinge, bend = self._limb(upper, lower, LEG_REFERENCE, -1.0)
        x, _, z = np.eye(3)
        turn("thigh", 1.0, ("hip_forward", -x), ("hip_out", z))
        turn("thigh", 1.0, ("hip_twist", LEG_REFERENCE))
        settle("thigh", rotation)
        turn("shin", 1.0, ("knee", hinge))
        straighten = rotation_of(-bend * hinge)
        settle("shin", straighten)
        level = (rotation @ straighten).T  # the sole is level at rest and in the reference
        turn("foot", 1.0, ("ankle", level @ -x))
        settle("foot", level)
        turn("toes", 1.0, ("toes", -x))


def build(joints: Array) -> Skeleton:
    """The skeleton over rest `joints` (B, 3), in the order of BONES, canonical frame, metres."""
    joints = np.ascontiguousarray(joints, np.float64)
    if joints.shape != (len(BONES), 3):
        raise ValueError(f"joints: {joints.shape}, expected {(len(BONES), 3)}")
    builder = _Builder(joints)
    builder.trunk()
    for side in SIDES:
        builder.side(side)
    turns = sorted(builder.turns, key=lambda turn: turn[0])  # stable: the order within a bone stays
    angle = np.full((len(turns), 3), -1, np.int64)
    axis = np.zeros((len(turns), 3, 3))
    for row, (_, used, axes, _) in enumerate(turns):
        angle[row, : len(used)] = used
        axis[row, : len(used)] = axes
    return Skeleton(
        joints,
        builder.settle,
        np.array([turn[0] for turn in turns], np.int64),
        angle,
        axis,
        np.array([turn[3] for turn in turns]),
    )
