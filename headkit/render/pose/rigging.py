"""Builds the skeleton of one body from its rest joints: which bone turns about which axis, by how much.

The axes are found from the joints, so any rest pose will do: straight or bent elbows, legs apart or not.
Right limbs are built as left ones in a mirror, so that an angle means the same on both sides.
"""

from __future__ import annotations

import math

import numpy as np

from headkit.head.rotation import rodrigues
from headkit.render.pose.skeleton import (
    ANGLE,
    ARM_REFERENCE,
    BONES,
    FORWARD,
    INDEX,
    LEG_REFERENCE,
    SIDES,
    Array,
    Skeleton,
)

Component = tuple[str, Array]  # an angle and its axis

X, Y, Z = np.eye(3)


def build(joints: Array) -> Skeleton:
    """The skeleton over rest `joints` (B, 3), in the order of BONES, canonical frame, metres."""
    joints = np.ascontiguousarray(joints, np.float64)
    if joints.shape != (len(BONES), 3):
        raise ValueError(f"joints: {joints.shape}, expected {(len(BONES), 3)}")
    builder = _Builder(joints)
    _trunk(builder)
    for name in SIDES:
        side = _Side(builder, name)
        side.turn("clavicle", 1.0, ("clavicle_raise", Z), ("clavicle_forward", -Y))
        _arm(side)
        _leg(side)
    return builder.skeleton()


class _Builder:
    """Collects turns."""

    def __init__(self, joints: Array) -> None:
        self.joints = joints
        self.settle = np.repeat(np.eye(3)[None], len(BONES), 0)
        self.turns: list[tuple[int, float, tuple[Component, ...]]] = []

    def turn(self, bone: str, share: float, *components: Component) -> None:
        """Lets a bone take a share of up to three angles, as one rotation vector."""
        self.turns.append((INDEX[bone], share, components))

    def skeleton(self) -> Skeleton:
        """The turns as arrays, by bone."""
        turns = sorted(
            self.turns, key=lambda turn: turn[0]
        )  # stable: the order within a bone stays
        angle = np.full((len(turns), 3), -1, np.int64)
        axis = np.zeros((len(turns), 3, 3))
        for row, (_, _, components) in enumerate(turns):
            for column, (name, direction) in enumerate(components):
                angle[row, column] = ANGLE[name]
                axis[row, column] = direction
        bones = np.array([bone for bone, _, _ in turns], np.int64)
        shares = np.array([share for _, share, _ in turns])
        return Skeleton(self.joints, self.settle, bones, angle, axis, shares)


class _Side:
    """One side of the body, in the frame of the subject's left side."""

    def __init__(self, builder: _Builder, side: str) -> None:
        self.builder = builder
        self.side = side
        self.mirror = np.array([1.0 if side == "left" else -1.0, 1.0, 1.0])
        self.pseudo = np.array([1.0, self.mirror[0], self.mirror[0]])  # a reflected rotation axis

    def joint(self, bone: str) -> Array:
        """Its rest position."""
        at: Array = self.builder.joints[INDEX[f"{bone}_{self.side}"]] * self.mirror
        return at

    def turn(self, bone: str, share: float, *components: Component) -> None:
        """As `_Builder.turn`, names without the side."""
        named = [(f"{name}_{self.side}", axis * self.pseudo) for name, axis in components]
        self.builder.turn(f"{bone}_{self.side}", share, *named)

    def settle(self, bone: str, rotation: Array) -> None:
        """Sets the rotation from the rest pose to the reference pose."""
        flip = np.outer(self.mirror, self.mirror)
        self.builder.settle[INDEX[f"{bone}_{self.side}"]] = flip * rotation


def _trunk(builder: _Builder) -> None:
    # The lumbar spine bends, the thoracic spine twists (White and Panjabi 1990).
    for number, (bend, twist) in enumerate(
        ((0.22, 0.08), (0.24, 0.12), (0.22, 0.2), (0.18, 0.3), (0.14, 0.3)), 1
    ):
        builder.turn(f"spine_{number}", bend, ("spine_bend", X), ("spine_lean", Z))
        builder.turn(f"spine_{number}", twist, ("spine_twist", Y))
    for bone, share in (("neck_1", 0.25), ("neck_2", 0.2), ("neck_3", 0.2), ("head", 0.35)):
        builder.turn(bone, share, ("neck_nod", X), ("neck_tilt", Z), ("neck_turn", Y))


def _arm(side: _Side) -> None:
    upper = side.joint("forearm") - side.joint("upper_arm")
    lower = side.joint("hand") - side.joint("forearm")
    rotation, hinge, bend = _limb(upper, lower, ARM_REFERENCE, 1.0)
    swing = (
        ("shoulder_forward", _unit(_cross(ARM_REFERENCE, FORWARD))),
        ("shoulder_out", FORWARD),
    )
    side.turn(
        "shoulder", 0.25, *swing
    )  # the shoulder blade follows the arm (scapulohumeral rhythm)
    side.turn("upper_arm", 0.75, *swing)
    side.turn("upper_arm", 0.5, ("shoulder_twist", ARM_REFERENCE))
    side.settle("upper_arm", rotation)
    side.turn("upper_arm_lower", 0.5, ("shoulder_twist", _unit(upper)))
    side.turn("forearm", 1.0, ("elbow", hinge))
    side.settle("forearm", rodrigues(-bend * hinge))
    side.turn("forearm_lower", 0.5, ("palm", _unit(lower)))
    side.turn("hand", 0.5, ("palm", _unit(lower)))
    # Fingers curl the way they are already bent at rest; straight ones, towards the palm.
    palm = _unit(side.joint("fingers") - side.joint("hand"))
    curl = _cross(palm, _unit(side.joint("fingertips") - side.joint("fingers")))
    curl = _unit(curl if math.sqrt(float(curl @ curl)) > 0.05 else _cross(palm, hinge))
    side.turn("hand", 1.0, ("wrist", curl))
    side.turn("fingers", 1.0, ("fingers", curl))
    side.turn("fingertips", 1.0, ("fingertips", curl))


def _leg(side: _Side) -> None:
    upper = side.joint("shin") - side.joint("thigh")
    lower = side.joint("foot") - side.joint("shin")
    rotation, hinge, bend = _limb(upper, lower, LEG_REFERENCE, -1.0)
    side.turn("thigh", 1.0, ("hip_forward", -X), ("hip_out", Z))
    side.turn("thigh", 1.0, ("hip_twist", LEG_REFERENCE))
    side.settle("thigh", rotation)
    side.turn("shin", 1.0, ("knee", hinge))
    straighten = rodrigues(-bend * hinge)
    side.settle("shin", straighten)
    level = (rotation @ straighten).T  # the sole is level at rest and in the reference
    side.turn("foot", 1.0, ("ankle", level @ -X))
    side.settle("foot", level)
    side.turn("toes", 1.0, ("toes", -X))


def _limb(upper: Array, lower: Array, reference: Array, sign: float) -> tuple[Array, Array, float]:
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


def _frame(along: Array, hinge: Array) -> Array:
    """Columns: along, hinge made square to it, and their cross product."""
    along = _unit(along)
    hinge = _unit(hinge - along * (along @ hinge))
    return np.stack([along, hinge, _cross(along, hinge)], 1)


def _unit(vector: Array) -> Array:
    unit: Array = vector / math.sqrt(float(vector @ vector))
    return unit


def _cross(a: Array, b: Array) -> Array:
    """The cross product of two 3-vectors; numpy's takes 60 us, and a skeleton is built for everybody."""
    a0, a1, a2 = a.tolist()
    b0, b1, b2 = b.tolist()
    return np.array([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0])
