"""Who stays of twins.

independent   Rows are taken in order of preference, and one stays unless one that stays already is its twin. So every
              row that goes has a twin that stays and is preferred to it, and a chain of small steps does not take its
              far end along.
components    Of rows that a chain of twins joins, only the preferred one stays.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from headkit.twins.search import Twins

Policy = Literal["independent", "components"]
Rows = NDArray[np.int64]

STAYS = -1


def choose(twins: Twins, order: Rows, policy: Policy = "independent") -> Rows:
    """(N,) for each row the one that stays in its place, of several the nearest, or STAYS.

    order  the rows that take part, the preferred first; the others are STAYS, and take nobody's place
    """
    count = len(twins.groups)
    rank = np.full(count, count)
    rank[order] = np.arange(len(order))
    best = np.full(count, -1)  # the preferred row of each group of equal ones
    best[twins.groups[order[::-1]]] = order[::-1]
    links = _Links(twins, best)
    if policy == "components":
        return _components(twins.groups, order, links)
    stays = _independent(rank, best, links)
    group = twins.groups[order]
    winner = np.full(count, STAYS)
    winner[order] = np.where(best[group] == order, STAYS, best[group])
    for row in order[~stays[group]].tolist():
        twin, cosine = links.of(twins.groups[row])
        possible = stays[twin] & (rank[best[twin]] < rank[row])
        nearest = cosine[possible].max()
        winner[row] = best[twin[possible & (cosine == nearest)]].min()
    return winner


class _Links:
    """The pairs of groups that take part, both ways, those of a group together."""

    def __init__(self, twins: Twins, best: Rows) -> None:
        pairs = twins.pairs
        pairs = pairs[(best[pairs["first"]] >= 0) & (best[pairs["second"]] >= 0)]
        source = np.concatenate([pairs["first"], pairs["second"]]).astype(np.int64)
        order = np.argsort(source, kind="stable")
        self.source = source[order]
        self.target = np.concatenate([pairs["second"], pairs["first"]]).astype(np.int64)[order]
        self.cosine = np.concatenate([pairs["cosine"], pairs["cosine"]])[order]

    def of(self, group: int) -> tuple[Rows, NDArray[np.float64]]:
        """The twins of a group, and their cosines."""
        low, high = np.searchsorted(self.source, [group, group + 1])
        return self.target[low:high], self.cosine[low:high]


def _independent(rank: Rows, best: Rows, links: _Links) -> NDArray[np.bool_]:
    """Which groups stay."""
    stays = best >= 0
    linked = np.unique(links.source)
    for group in linked[np.argsort(rank[best[linked]])].tolist():
        if stays[group]:
            stays[links.of(group)[0]] = False
    return stays


def _components(groups: Rows, order: Rows, links: _Links) -> Rows:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(groups)
    joined = coo_array(
        (np.ones(len(links.source), np.int8), (links.source, links.target)), (count, count)
    )
    component = connected_components(joined, directed=False)[1][groups]
    first = np.empty(count, np.int64)
    first[component[order[::-1]]] = order[::-1]  # the preferred one is written last
    winner = np.full(count, STAYS)
    winner[order] = np.where(first[component[order]] == order, STAYS, first[component[order]])
    return winner
