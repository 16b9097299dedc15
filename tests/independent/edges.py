"""The box of a head, measured with rays: where half a square pixel of it lies outside of each edge.

Nothing of our own estimate is used, not even as a place to begin: rays walk inwards from the outermost
face of the mesh, and only where faces are. What is thin is cut by finer rays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .rays import Array, Scenery  # noqa: TID252 - tests are no installed package

OUTSIDE = 0.5  # square pixels
ACROSS, ALONG = 0.05, 0.05  # pixels between lines of rays, and between rays on a line
# The same where less than THIN pixels of head lie on the edge's line: there a lock that lies along the lines, and
# is cut by one of them more or less, moves the edge by half a pixel.
FINE_ACROSS, FINE_ALONG = 0.02, 0.01
THIN = 0.3
FIRST_STEP = 1.0  # pixels walked inwards at first; then twice as many, and so on
GOLDEN = 0.6180339887498949  # lines are shifted by multiples of it, so that no error repeats itself


def edge(scenery: Scenery, side: int) -> float | None:
    """The coordinate of one edge in pixels, sides 0 to 3 left, top, right, bottom; None where too little is.

    nan where the head reaches the camera, and so has no outermost face.
    """
    found = _walk(scenery, side, ACROSS, ALONG)
    if found is not None and found[1] < THIN:
        found = _walk(scenery, side, FINE_ACROSS, FINE_ALONG)
    return None if found is None else found[0]


def _walk(scenery: Scenery, side: int, across: float, along: float) -> tuple[float, float] | None:
    """The edge, and the pixels of head on its line; pixels between lines of rays, and between rays on a line."""
    axis, inward = side % 2, 1.0 if side < 2 else -1.0
    begin = float(scenery.low[:, axis].min() if side < 2 else scenery.high[:, axis].max())
    if not np.isfinite(begin):
        return np.nan, np.inf
    end = float(scenery.high[:, axis].max() if side < 2 else scenery.low[:, axis].min())
    walked, step, area = 0.0, FIRST_STEP, 0.0
    while walked < abs(end - begin):
        depths = walked + across * (np.arange(round(step / across)) + 0.5)  # middles of lines
        lengths = _lengths(scenery, axis, begin + inward * depths, across, along)
        areas = area + np.cumsum(lengths) * across
        enough = np.flatnonzero(areas >= OUTSIDE)
        if len(enough):
            line = enough[0]
            beyond = (areas[line] - OUTSIDE) / lengths[line]
            return begin + inward * (depths[line] + across / 2 - beyond), float(lengths[line])
        walked, step, area = walked + round(step / across) * across, 2 * step, float(areas[-1])
    return None


def _lengths(scenery: Scenery, axis: int, lines: Array, across: float, along: float) -> Array:
    """Pixels of head on each line, `lines` their coordinates on the axis that they lie across."""
    other = 1 - axis
    crossing = np.flatnonzero(
        (scenery.low[:, axis] <= lines.max() + across)
        & (scenery.high[:, axis] >= lines.min() - across)
    )
    if not len(crossing):
        return np.zeros(len(lines))
    cells, first = _covered(scenery.low[crossing, other], scenery.high[crossing, other], along)
    shift = np.mod(np.arange(len(lines)) * GOLDEN, 1.0)
    a = np.repeat(lines, len(cells))
    b = (first + (cells[None, :] + shift[:, None]) * along).ravel()
    hits = scenery.hits(*((a, b) if axis == 0 else (b, a)), crossing, first=True)
    return np.bincount(hits.ray // len(cells), minlength=len(lines)) * along


def _covered(low: Array, high: Array, along: float) -> tuple[NDArray[np.int64], float]:
    """Cells of a line, `along` long, over which a face lies, and where cell 0 begins."""
    first = float(low.min()) - 2 * along
    count = int((float(high.max()) - first) / along) + 2
    ends = np.zeros(count + 1, np.int64)
    np.add.at(ends, ((low - first) / along).astype(np.int64) - 1, 1)
    np.add.at(ends, np.minimum(((high - first) / along).astype(np.int64) + 1, count), -1)
    return np.flatnonzero(np.cumsum(ends)[:count] > 0), first
