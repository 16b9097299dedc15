"""Where the bones and points of a body are for given unknowns, with exact derivatives. Compiled.

The unknowns, in order: 3 of rotation of the pelvis (increments to a matrix, so that no direction is
singular), 3 of position (x/z, y/z, log z of the pelvis: moving along the ray is one number), 3 length
factors, then the angles of `skeleton.ANGLES`, of which the first FITTED are solved for. A turn moves
every point under it by axis x lever, and a key point is a sum over bones of transform @ 4-vector, so
no vertex is touched. Serial loops in a fixed order: the same bytes on every run.

Everything is float64 with one layout per argument: each new argument type would be compiled again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled
from headkit.render.pose.skeleton import ANGLES, FITTED, LENGTH_SHARES, PARENTS, Array, Skeleton

Integers = NDArray[np.int64]

BODY = 9  # root and lengths come before the first angle
UNKNOWNS = BODY + FITTED
EVERY = BODY + len(ANGLES)  # with the angles that are not solved for


class Rig(NamedTuple):
    """A `Skeleton` for the kernels, B bones and T turns."""

    joints: Array  # (B, 3)
    parents: Integers  # (B,)
    shares: Array  # (B, 3)
    settle: Array  # (B, 3, 3)
    turn_bone: Integers  # (T,)
    turn_angle: Integers  # (T, 3)
    turn_axis: Array  # (T, 3, 3)
    turn_share: Array  # (T,)


class Placed(NamedTuple):
    """Bones in the camera frame."""

    matrix: Array  # (B, 3, 3) scale x rotation
    origin: Array  # (B, 3) of the joints
    lengthen: Array  # (B, 3, 3) [bone, factor]: derivative of the origin by the length factors
    axes: Array  # (T, 3, 3) of the turns' components


def rig_of(skeleton: Skeleton) -> Rig:
    """The arrays of a skeleton as the kernels take them."""
    return Rig(
        skeleton.joints,
        PARENTS,
        LENGTH_SHARES,
        skeleton.settle,
        skeleton.turn_bone,
        skeleton.turn_angle,
        skeleton.turn_axis,
        skeleton.turn_share,
    )


@compiled
def unplaced(rig: Rig) -> Placed:
    """Room for `place`."""
    bones, turns = rig.joints.shape[0], rig.turn_bone.shape[0]
    return Placed(
        np.zeros((bones, 3, 3)),
        np.zeros((bones, 3)),
        np.zeros((bones, 3, 3)),
        np.zeros((turns, 3, 3)),
    )


@compiled
def exponential(v: Array, rotation: Array, jacobian: Array) -> None:
    """Rotation by vector v, and the left Jacobian that takes a change of v to a turn in front of it."""
    angle2 = v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
    angle = np.sqrt(angle2)
    if angle < 1e-4:
        sine, cosine, third = 1.0 - angle2 / 6.0, 0.5 - angle2 / 24.0, 1.0 / 6.0 - angle2 / 120.0
    else:
        sine = np.sin(angle) / angle
        cosine = (1.0 - np.cos(angle)) / angle2
        third = (angle - np.sin(angle)) / (angle2 * angle)
    for i in range(3):
        for j in range(3):
            rotation[i, j] = cosine * v[i] * v[j]
            jacobian[i, j] = third * v[i] * v[j]
        rotation[i, i] += 1.0 - cosine * angle2
        jacobian[i, i] += 1.0 - third * angle2
    for i in range(3):
        j = (i + 1) % 3
        k = (i + 2) % 3  # the cross-product matrix: [j, i] = v_k, [i, j] = -v_k
        rotation[j, i] += sine * v[k]
        rotation[i, j] -= sine * v[k]
        jacobian[j, i] += cosine * v[k]
        jacobian[i, j] -= cosine * v[k]


@compiled
def copy(a: Array, out: Array) -> None:
    """Sets out to a, 3 x 3. (An assignment of slices compiles its error message too, for seconds.)"""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, j]


@compiled
def product(a: Array, b: Array, out: Array) -> None:
    """Sets out to a @ b, 3 x 3."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@compiled
def place(unknowns: Array, root: Array, rig: Rig, placed: Placed) -> None:
    """Fills `placed` from the unknowns (EVERY,) and the rotation of the pelvis `root` (3, 3)."""
    joints, parents, shares, settle, turn_bone, turn_angle, turn_axis, turn_share = rig
    matrix, origin, lengthen, axes = placed
    bones = joints.shape[0]
    turns = turn_bone.shape[0]
    frames = np.empty((bones, 3, 3))
    turned = np.empty((3, 3))
    rotation = np.empty((3, 3))
    jacobian = np.empty((3, 3))
    vector = np.empty(3)
    turn = 0
    depth = np.exp(unknowns[5])
    for bone in range(bones):
        parent = parents[bone]
        frame = frames[bone]
        if parent < 0:
            origin[bone, 0] = depth * unknowns[3]
            origin[bone, 1] = depth * unknowns[4]
            origin[bone, 2] = depth
            lengthen[bone] = 0.0
            copy(root, frame)
        else:
            for i in range(3):
                step = 0.0
                for j in range(3):
                    step += matrix[parent, i, j] * (joints[bone, j] - joints[parent, j])
                origin[bone, i] = origin[parent, i] + step
                for g in range(3):
                    lengthen[bone, g, i] = lengthen[parent, g, i] + shares[parent, g] * step
            copy(frames[parent], frame)
        while turn < turns and turn_bone[turn] == bone:
            share = turn_share[turn]
            vector[:] = 0.0
            for c in range(3):
                if turn_angle[turn, c] >= 0:
                    for i in range(3):
                        vector[i] += (
                            share * unknowns[BODY + turn_angle[turn, c]] * turn_axis[turn, c, i]
                        )
            exponential(vector, rotation, jacobian)
            for c in range(3):
                if turn_angle[turn, c] >= 0:
                    for i in range(3):
                        vector[i] = 0.0
                        for j in range(3):
                            vector[i] += share * jacobian[i, j] * turn_axis[turn, c, j]
                    for i in range(3):
                        axes[turn, c, i] = (
                            frame[i, 0] * vector[0]
                            + frame[i, 1] * vector[1]
                            + frame[i, 2] * vector[2]
                        )
            product(frame, rotation, turned)
            copy(turned, frame)
            turn += 1
        if parent >= 0:
            product(frame, settle[bone], turned)
            copy(turned, frame)
        scale = np.exp(
            shares[bone, 0] * unknowns[6]
            + shares[bone, 1] * unknowns[7]
            + shares[bone, 2] * unknowns[8]
        )
        for i in range(3):
            for j in range(3):
                matrix[bone, i, j] = scale * frame[i, j]


@compiled
def move(points: Array, rig: Rig, placed: Placed, moved: Array, change: Array) -> None:
    """Takes `points` (P, B, 4) to `moved` (P, 3), with their derivatives `change` (P, 3, UNKNOWNS)."""
    joints, parents, shares = rig.joints, rig.parents, rig.shares
    turn_bone, turn_angle = rig.turn_bone, rig.turn_angle
    matrix, origin, lengthen, axes = placed
    bones = joints.shape[0]
    below = np.zeros((bones, 4))  # of one point: what hangs on a bone and below, and its weight
    lever = np.empty(3)
    for p in range(points.shape[0]):
        change[p] = 0.0
        for i in range(3):
            moved[p, i] = 0.0
        for b in range(bones):
            below[b] = 0.0
            weight = points[p, b, 3]
            if weight == 0.0:
                continue
            for i in range(3):
                arm = 0.0
                for j in range(3):
                    arm += matrix[b, i, j] * (points[p, b, j] - weight * joints[b, j])
                below[b, i] = arm + weight * origin[b, i]
                moved[p, i] += below[b, i]
                for g in range(3):
                    change[p, i, 6 + g] += weight * lengthen[b, g, i] + shares[b, g] * arm
            below[b, 3] = weight
        for b in range(bones - 1, 0, -1):
            if below[b, 3] != 0.0:
                for i in range(4):
                    below[parents[b], i] += below[b, i]
        for i in range(3):
            lever[i] = moved[p, i] - origin[0, i]
        change[p, 1, 0] = -lever[2]
        change[p, 2, 0] = lever[1]
        change[p, 0, 1] = lever[2]
        change[p, 2, 1] = -lever[0]
        change[p, 0, 2] = -lever[1]
        change[p, 1, 2] = lever[0]
        change[p, 0, 3] = origin[0, 2]
        change[p, 1, 4] = origin[0, 2]
        for i in range(3):
            change[p, i, 5] = origin[0, i]
        for t in range(turn_bone.shape[0]):
            b = turn_bone[t]
            weight = below[b, 3]
            if weight == 0.0:
                continue
            for i in range(3):
                lever[i] = below[b, i] - weight * origin[b, i]
            for c in range(3):
                n = BODY + turn_angle[t, c]
                if turn_angle[t, c] < 0 or n >= UNKNOWNS:
                    continue
                x, y, z = axes[t, c, 0], axes[t, c, 1], axes[t, c, 2]
                change[p, 0, n] += y * lever[2] - z * lever[1]
                change[p, 1, n] += z * lever[0] - x * lever[2]
                change[p, 2, n] += x * lever[1] - y * lever[0]


def transforms_of(unknowns: Array, root: Array, rig: Rig) -> Array:
    """Bone transforms (B, 3, 4) from rest to camera: a rest point x goes to T[b, :, :3] @ x + T[b, :, 3]."""
    placed = unplaced(rig)
    place(unknowns, root, rig, placed)
    shift = placed.origin - np.einsum("bij,bj->bi", placed.matrix, rig.joints)
    return np.concatenate([placed.matrix, shift[:, :, None]], 2)


def unknowns_of(angles: Array, position: Array, lengths: Array | None = None) -> Array:
    """The unknowns (EVERY,) for angles of `skeleton.ANGLES`, the pelvis at `position` (z > 0)."""
    unknowns = np.zeros(EVERY)
    unknowns[3:6] = position[0] / position[2], position[1] / position[2], np.log(position[2])
    if lengths is not None:
        unknowns[6:BODY] = lengths
    unknowns[BODY:] = angles
    return unknowns
