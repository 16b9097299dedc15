"""The box of a head to a fraction of a pixel.

Each edge leaves half a square pixel of the head, drawn alone, on its outer side. A straight or
round outline loses a tenth of a pixel by that, while a single wisp of hair, thinner than any
pixel shows, does not push the box outwards. An area can also be measured again by other means, which
the outermost of many thin hairs cannot.
"""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.coverage import Shape, count_rows, cover

OUTSIDE: Final = 0.5  # square pixels of head that lie outside of each edge
# Samples in a pixel, across an edge and along it. Hair hangs across the lines of a strip: what counts most is how
# finely a line cuts it.
_FINE: Final = (12, 24)
_FINEST: Final = (24, 192)  # where the edge is the tip of something thin
_THIN: Final = 2.0  # pixels of head on a line, below which that is so
_MOST: Final = 4_000_000  # samples of a fine strip
_OUTWARD: Final = 1.0  # pixels: how far beyond a coarse edge a head at the camera is looked for
_INWARD: Final = (
    2.0  # inside of the outermost face or line, at first; doubled until the edge is found
)

Box = tuple[float, float, float, float]


def exact_box(shape: Shape, K: NDArray[np.float64], coarse: Box) -> Box | None:
    """The box of all that is drawn of a shape, found near the box `coarse`; None where too little is.

    shape of one head alone; coarse x1, y1, x2, y2 in pixels, a pixel off or less
    """
    found = []
    for side in range(4):
        edge = _edge(shape, K, coarse, side)
        if edge is None:
            return None
        found.append(edge)
    x1, y1, x2, y2 = found
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _edge(
    shape: Shape,
    K: NDArray[np.float64],
    coarse: Box,
    side: int,
) -> float | None:
    """One edge: sides 0 to 3 are left, top, right, bottom.

    The strip begins at the outermost face: a wisp may fall between all samples of a coarse box.
    """
    axis, outward = side % 2, -1.0 if side < 2 else 1.0
    start = float(shape.low[:, axis].min() if side < 2 else shape.high[:, axis].max())
    if not np.isfinite(start):
        start = coarse[side] + outward * _OUTWARD
    reach = _INWARD
    width = abs(start - coarse[(side + 2) % 4])
    while True:
        found = _edge_within(shape, K, coarse, side, start, reach, _FINE)
        if found is not None:
            break
        if reach > width:
            return None
        reach *= 2
    edge, thickness = found
    if thickness < _THIN:
        reach = abs(start - edge) + _INWARD
        finer = _edge_within(shape, K, coarse, side, start, reach, _FINEST)
        edge = finer[0] if finer else edge
    return edge


def _edge_within(
    shape: Shape,
    K: NDArray[np.float64],
    coarse: Box,
    side: int,
    start: float,
    reach: float,
    samples: tuple[int, int],
) -> tuple[float, float] | None:
    """The edge in the strip from `start` inwards, and the pixels of head on its line; None: not there."""
    axis, outward = side % 2, -1.0 if side < 2 else 1.0
    stop = start - outward * reach
    across = (min(start, stop), max(start, stop))
    crossing = (shape.low[:, axis] <= across[1]) & (shape.high[:, axis] >= across[0])
    if not crossing.any():
        return None
    begin = float(shape.low[crossing, 1 - axis].min())
    end = float(shape.high[crossing, 1 - axis].max())
    if not np.isfinite(end - begin):
        begin, end = coarse[1 - axis] - _OUTWARD, coarse[3 - axis] + _OUTWARD
    lines, fine = samples
    fine = max(_FINE[1], min(fine, int(_MOST / (reach * lines * (end - begin) + 1.0))))
    lengths = _lengths(shape, crossing, K, axis, across, (begin, end), (lines, fine))
    if side >= 2:
        lengths = lengths[::-1]
    area = np.cumsum(lengths) / (lines * fine)  # from outside inwards
    line = int(np.searchsorted(area, OUTSIDE))
    if line == len(area):
        return None
    before = area[line - 1] if line else 0.0
    part = (OUTSIDE - before) / (area[line] - before)
    return float(start - outward * (line + part) / lines), float(lengths[line] / fine)


def _lengths(
    shape: Shape,
    crossing: NDArray[np.bool_],
    K: NDArray[np.float64],
    axis: int,
    across: tuple[float, float],
    along: tuple[float, float],
    samples: tuple[int, int],
) -> NDArray[np.int64]:
    """Samples of head in each line of a strip: so many lines in a pixel across, so many samples in one along."""
    lines, fine = samples
    counts = [
        max(1, round((across[1] - across[0]) * lines)),
        ceil((along[1] - along[0]) * fine) + 1,
    ]
    corner, scale = np.empty(2), np.empty(2)
    corner[axis], corner[1 - axis] = across[0], along[0]
    scale[axis], scale[1 - axis] = lines, fine
    # sample k lies in the middle of its part of a pixel
    centre = (K[:2, 2] - corner) * scale - 0.5
    camera = np.array([K[0, 0] * scale[0], K[1, 1] * scale[1], centre[0], centre[1]])
    covered = np.zeros((counts[1], counts[0]) if axis == 0 else tuple(counts), np.uint8)
    cover(shape, crossing, camera, covered)
    totals = np.zeros(counts[0], np.int64)
    count_rows(covered, totals, axis)
    return totals
