"""Locks gather in groups, as combed or damp hair does: neighbours share a way, a length and a tone."""

from __future__ import annotations

import numpy as np

from headkit.render.wardrobe.tailoring import Floats, Ints, unit

_SIZE = 13  # locks in a group
_WIDE = 0.009  # metres from the middle of a group to where its sides turn away


def grouped(line: Floats) -> tuple[Ints, Ints]:
    """The group (N,) of each lock, by where it starts, passes and ends, and the guide lock (G,) of each group.

    line (N, S + 1, 3) centre lines; locks on two sides of a parting or shoulder are not of one group
    """
    count, points = line.shape[:2]
    places = line[:, (0, points // 2, points - 1)].reshape(count, 9)
    guides = np.arange(0, count, _SIZE, dtype=np.int32)
    some = places[guides]
    apart = (some * some).sum(axis=1) - 2.0 * (places @ some.T)  # up to a term of the lock alone
    return apart.argmin(axis=1).astype(np.int32), guides


def drawn_together(line: Floats, groups: Ints, guides: Ints, share: float) -> Floats:
    """The locks nearer to their guides, by nothing at the root and by `share` at the tip."""
    t = np.linspace(0.0, 1.0, line.shape[1])
    amount = (share * t * t * (3.0 - 2.0 * t))[None, :, None]
    return (line + amount * (line[guides[groups]] - line)).astype(np.float32)


def rounded(line: Floats, outward: Floats, groups: Ints, guides: Ints) -> Floats:
    """Outsides (N, S + 1, 3) turned to the side on which a lock lies in its group, as on a rope of hair."""
    beside = line - line[guides[groups]]
    beside = beside - (beside * outward).sum(axis=2, keepdims=True) * outward
    away = np.linalg.norm(beside, axis=2, keepdims=True)
    turned = outward + beside * (0.42 / np.maximum(away, _WIDE))
    return unit(turned.reshape(-1, 3)).reshape(line.shape)
