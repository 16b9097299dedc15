"""Hair of the scalp: locks combed by style over a dark base shell that hides the scalp.

The style is a word of attributes.HAIR. Everything is grown in the rest frame of the wearer's head and
then moved with the head bone; what hangs below the jaw falls along gravity and rests on the clothed body.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headkit.render.surface import Surface
from headkit.render.wardrobe import strands
from headkit.render.wardrobe.hair_cut import cut, falling, in_fringe, lengths_to_cut
from headkit.render.wardrobe.hair_groups import drawn_together, grouped, rounded
from headkit.render.wardrobe.hair_roots import places
from headkit.render.wardrobe.hair_shapes import afro, gravity, tied
from headkit.render.wardrobe.hair_styles import STYLES, Style, styled
from headkit.render.wardrobe.hair_surfaces import (
    RIM,
    Locks,
    base,
    below_brim,
    surface,
    uneven,
)
from headkit.render.wardrobe.hair_ties import Tie, bound, lengths_to, tied_whole, ties, upper_half
from headkit.render.wardrobe.hanging import closed_up, in_company, over_forehead, rejoined
from headkit.render.wardrobe.obstacles import NO_OBSTACLES, Obstacles, wrapped
from headkit.render.wardrobe.resting import Cloth, laid
from headkit.render.wardrobe.scalp import (
    CENTER,
    COLUMNS,
    ROWS,
    Scalp,
    sample,
)
from headkit.render.wardrobe.strands import Comb, Growth, Roots
from headkit.render.wardrobe.tailoring import Floats, unit
from headkit.render.wardrobe.wearer import Wearer


def hair(
    scalp: Scalp, wearer: Wearer, obstacles: Obstacles, cloth: Cloth, brim: Floats | None
) -> list[Surface]:
    """The hair's surfaces, camera frame; none where the head is bald or under a headscarf.

    obstacles  points of the clothed body in the rest frame of the head
    cloth      its triangles in the same frame, which no lock passes
    brim       (ROWS, COLUMNS) height of the scalp above the lower edge of a hat, or None: hair stays
               below it
    """
    look = wearer.look.hair
    if look.style == "bald" or wearer.look.headwear.kind == "headscarf":
        return []
    # A buzz cut hides no scalp: its ground is painted on the skin (face_paint.py).
    shells = [] if look.style == "buzz" else [base(scalp, wearer, brim, _ground(scalp, wearer))]
    parts: list[Locks] = []
    style = styled(wearer)
    if len(obstacles.points):
        obstacles = wrapped(obstacles, *_neck(wearer))
    if look.style == "afro":
        row, column = places(scalp, wearer, style, brim)
        roots = _roots(scalp, wearer, row, column, style, brim)
        free = np.ones(len(row), np.float32)
        if brim is not None:
            free = below_brim(sample(brim[..., None], row, column)[:, 0])
        shell = np.clip(sample(scalp.height[..., None], row, column)[:, 0] / RIM, 0.0, 1.0)
        shell *= _ground(scalp, wearer) * free
        parts.append(_resting(afro(scalp, wearer, style, roots, shell, free), cloth))
    else:
        bound_at = ties(scalp, wearer)
        parts += _main(scalp, wearer, style, obstacles, cloth, brim, bound_at)
        for tie in bound_at:
            tail, more = tied(scalp, wearer, style, obstacles, tie)
            parts += [_resting(part, cloth) for part in tail]
            shells += more
    return [*shells, surface([part for part in parts if len(part.line)], wearer, cloth)]


def _resting(part: Locks, cloth: Cloth, *, ends: bool = False) -> Locks:
    """The locks off the cloth, the outer ones over the inner.

    ends  they end where cloth would push them aside: curls that a hood turns away would stand off as tails
    """
    margins = 0.003 + 0.003 * part.roots.layers + np.minimum(0.006, 0.25 * part.roots.offsets)
    line, outward = laid(part.line, part.outward, margins.astype(np.float32), cloth)
    if ends:
        aside = np.linalg.norm(line - part.line, axis=2) > _ASIDE
        last = np.where(aside.any(axis=1), np.maximum(aside.argmax(axis=1) - 1, 1), line.shape[1])
        kept = np.minimum(np.arange(line.shape[1])[None], last[:, None])
        line = np.take_along_axis(line, kept[..., None], axis=1)
    return replace(part, line=line, outward=outward)


def _neck(wearer: Wearer) -> tuple[Floats, Floats]:
    """Base of the neck and the unit direction up along it, as posed, in the rest frame of the head."""
    head = wearer.bones["head"]
    base = wearer.place("neck_1", wearer.joints["neck_1"][None].astype(np.float32))[0]
    up = wearer.turn("neck_1", np.array([[0.0, 1.0, 0.12]], np.float32))
    return (
        ((base - head[:, 3]) @ head[:, :3]).astype(np.float32),
        unit((up @ head[:, :3]).astype(np.float32))[0],
    )


def _ground(scalp: Scalp, wearer: Wearer) -> float | Floats:
    """How far the dark ground stands off the scalp, metres: where locks stand, they hide little of it.

    One number, or one for each place of the grid and its seam (ROWS, COLUMNS + 1): beside a parting locks
    rise in arcs, and the sky would be seen under those at the outline.
    """
    look = wearer.look.hair
    if look.style in ("afro", "curly"):
        style = styled(wearer)
        if look.style == "afro":
            return 0.72 * style.thickness * scalp.scale
        return (
            min(0.5 * style.thickness, 0.22 * style.side) * scalp.scale
        )  # short curls do not rise far
    if look.style not in ("bob", "long", "side part") or tied_whole(look):
        return 0.0
    style = styled(wearer)
    height = scalp.grid.template[:, 1]
    lowest = _upstream(scalp.grid.template, style.growth, scalp.scale, scalp)  # of its locks
    lift = 0.72 * style.thickness * scalp.scale * lowest * _smooth((height - 0.03) / 0.05)
    whole = lift.reshape(ROWS, COLUMNS)
    return np.concatenate([whole, whole[:, :1]], axis=1).astype(np.float32)


def _roots(
    scalp: Scalp, wearer: Wearer, row: Floats, column: Floats, style: Style, brim: Floats | None
) -> Roots:
    """Roots at places of the grid, with lengths by their height on the head."""
    rng = wearer.rng("hair locks")
    count, size = len(row), scalp.scale
    places = sample(scalp.points, row, column)
    normals = unit(sample(scalp.normals, row, column))
    template = sample(scalp.grid.template.reshape(ROWS, COLUMNS, 3), row, column)
    places = places + normals * (size * uneven(template[:, 1]))[:, None]
    height = sample(scalp.height[..., None], row, column)[:, 0]
    upper = _smooth((template[:, 1] - 0.0) / 0.075)
    lengths = style.side + (style.top - style.side) * upper
    lengths = lengths * np.clip(0.35 + height / 0.03, 0.35, 1.0) * rng.uniform(0.82, 1.1, count)
    if (
        wearer.look.hair.style == "curly"
    ):  # longer, what grows on the nape would lie on collars as a tail
        lengths = lengths * np.where((template[:, 1] < -0.02) & (template[:, 2] < 0.02), 0.55, 1.0)
    layers = rng.random(count).astype(np.float32)
    # Hair from upstream lies over hair from downstream, as shingles do.
    cover = 0.3 * layers + 0.7 * _upstream(template, style.growth, size, scalp)
    # Towards bare skin it lies flat and grows thin, more slowly where it is falling out.
    # Coils are not combed over each other: bare ground would be seen between the first of them.
    fade = 0.010 if wearer.look.hair.style in ("afro", "curly") else 0.022
    receding = 1.0 + 1.5 * max(0.0, wearer.look.hair.thinning)
    rise = np.clip(0.3 + height / (0.03 * receding), 0.3, 1.0)
    offsets = (0.0015 + style.thickness * cover) * size * rise
    offsets *= np.where(template[:, 1] < 0.0, 0.75, 1.0)
    if brim is not None:
        offsets *= np.clip(0.2 - sample(brim[..., None], row, column)[:, 0] / 0.03, 0.2, 1.0)
    flow = _first_direction(places - scalp.center, normals, style, scalp.center, size)
    spread = rng.normal(0.0, 0.13, (count, 3))
    directions = unit((style.lift * normals + (1 - style.lift) * flow + spread).astype(np.float32))
    return Roots(
        places.astype(np.float32),
        directions,
        (lengths * size).astype(np.float32),
        offsets.astype(np.float32),
        layers,
        rng.random(count).astype(np.float32),
        scalp.grid.absolute(template),
        np.clip(1.0 - height / (fade * receding), 0.0, 1.0).astype(np.float32),
    )


def _upstream(template: Floats, growth: Growth, size: float, scalp: Scalp) -> Floats:
    """0 for roots over which other hair is combed .. 1 for those whose hair lies on top; head coordinates."""
    y, z = template[:, 1], template[:, 2]
    if growth.comb == Comb.PARTED:
        share = (y + 0.05) / 0.15
        # The parting lies flat: hair gains its height a few centimetres beside it.
        side = np.abs(template[:, 0] - growth.parting / size) / 0.11
        share = share * np.where(y > 0.03, 0.3 + 0.7 * _smooth(side), 1.0)
    elif growth.comb == Comb.BACK:
        share = (z + 0.08) / 0.17
    elif growth.comb == Comb.TIED:
        tie = (np.asarray(growth.tie, np.float32) - scalp.center) / size + CENTER
        share = np.linalg.norm(template - tie, axis=1) / 0.22
    else:
        share = 0.35 + 0.5 * (y + 0.05) / 0.15
    return np.clip(share, 0.0, 1.0).astype(np.float32)


def _first_direction(
    outward: Floats, normals: Floats, style: Style, center: Floats, size: float
) -> Floats:
    """The combed direction at the roots, along the scalp."""
    growth = style.growth
    flow = np.zeros_like(outward)
    if growth.comb == Comb.WHORL:
        flow -= growth.whorl
    elif growth.comb == Comb.PARTED:
        back = np.clip(1.0 + (outward[:, 2] + 0.02) / 0.06, 0.0, 1.0)  # no parting behind the crown
        flow[:, 0] = np.where(outward[:, 0] > growth.parting, back, -back)
        flow[:, 1], flow[:, 2] = -0.3, -growth.backward
    elif growth.comb == Comb.BACK:
        flow[:, 2] = -1.0
    else:
        flow += np.asarray(growth.tie, np.float32) - center - outward
    if growth.comb in (Comb.PARTED, Comb.BACK):  # sideburns grow down before the ear
        before_ear = outward[:, 2] > 0.01 * size
        flow[:, 1] -= 3.0 * before_ear * np.clip(0.5 - outward[:, 1] / (0.03 * size), 0.0, 1.0)
    flow -= (flow * normals).sum(axis=1, keepdims=True) * normals
    return unit(flow)


def _smooth(x: Floats) -> Floats:
    x = np.clip(x, 0.0, 1.0)
    return (x * x * (3 - 2 * x)).astype(np.float32)


def _main(
    scalp: Scalp,
    wearer: Wearer,
    style: Style,
    obstacles: Obstacles,
    cloth: Cloth,
    brim: Floats | None,
    bound_at: list[Tie],
) -> list[Locks]:
    """The locks of the scalp: each part of the head combed to its tie, or loose, with a fringe."""
    row, column = places(scalp, wearer, style, brim)
    template = sample(scalp.grid.template.reshape(ROWS, COLUMNS, 3), row, column)
    free = np.ones(len(row), np.bool_)
    parts: list[Locks] = []
    for tie in bound_at:
        chosen = free & ((tie.side == 0) | (np.where(template[:, 0] > 0.0, 1, -1) == tie.side))
        if wearer.look.hair.arrangement == "half up":
            chosen &= upper_half(template, tie, scalp)
        free &= ~chosen
        pulled = replace(
            style,
            growth=replace(
                STYLES["ponytail"].growth,
                segments=min(style.growth.segments, 9),
                tie=(float(tie.place[0]), float(tie.place[1]), float(tie.place[2])),
            ),
            lock=replace(
                STYLES["ponytail"].lock, width=style.lock.width, strands=style.lock.strands
            ),
            thickness=STYLES["ponytail"].thickness * (1.0 if tied_whole(wearer.look.hair) else 2.2),
            lift=0.2,
        )
        # Pulled tight over the skull, it meets neither neck nor collar.
        at = row[chosen], column[chosen]
        parts += _combed(scalp, wearer, pulled, NO_OBSTACLES, cloth, brim, at)
    if free.sum() > 1 and not tied_whole(wearer.look.hair):
        at = row[free], column[free]
        parts += _combed(scalp, wearer, cut(scalp, wearer, style), obstacles, cloth, brim, at)
    return parts


def _combed(
    scalp: Scalp,
    wearer: Wearer,
    style: Style,
    obstacles: Obstacles,
    cloth: Cloth,
    brim: Floats | None,
    at: tuple[Floats, Floats],
) -> list[Locks]:
    """The locks of the roots `at` rows and columns of the grid, all combed one way, but for a fringe."""
    look, size = wearer.look.hair, scalp.scale
    down, growth = gravity(wearer), style.growth
    roots = _roots(scalp, wearer, *at, style, brim)
    tie = np.asarray(growth.tie, np.float32)
    if np.isfinite(growth.cut):
        roots = replace(roots, lengths=lengths_to_cut(roots, scalp, growth.cut))
    elif growth.comb == Comb.TIED:
        roots = replace(roots, lengths=lengths_to(roots.places, scalp, tie))
    # Hair that is combed back, coiled or shorn has none; of thin hair it would be strings over a bare forehead.
    falls = (
        look.style not in ("buzz", "curly") and growth.comb != Comb.BACK and look.thinning < _BARE
    )
    fringe = in_fringe(roots, scalp, look.fringe if falls else 0.0)
    if brim is not None:  # a hat holds the fringe up; what escapes it would be single strands
        roots = Roots(*(getattr(roots, name)[~fringe] for name in roots.__dataclass_fields__))
        fringe = fringe[~fringe]
    parts = []
    for chosen, way in ((~fringe, growth), (fringe, _FRINGE)):
        if chosen.sum() < 2:
            continue
        part = Roots(*(getattr(roots, name)[chosen] for name in roots.__dataclass_fields__))
        if way is _FRINGE:
            part = falling(part, scalp, wearer)
        part = part.ordered()
        line, outward = strands.grow(part, way, scalp.radius, scalp.center, size, obstacles, down)
        if growth.comb == Comb.TIED and way is not _FRINGE:
            line = bound(line, tie)
        if way is not _FRINGE and growth.comb == Comb.PARTED:
            if np.isfinite(growth.cut):
                line = closed_up(line, obstacles.wrap, size)
            close = ~over_forehead(line, scalp)
            part = Roots(*(getattr(part, name)[close] for name in part.__dataclass_fields__))
            line, outward = line[close], outward[close]
        if way is not _FRINGE and np.isfinite(growth.cut):
            among = _accompanied(line - scalp.center, size)
            among &= in_company(line, size, 0.06 if brim is None else 0.22)
            line, outward = rejoined(line, outward, among, scalp.center)
        lock = (
            style.lock
            if way is not _FRINGE
            else replace(style.lock, width=0.007, root=0.25, tip=0.8, taper=0.8, whole=False)
        )
        gather = 0.25 if way is _FRINGE else style.gather
        hangs = way is not _FRINGE and bool(np.isfinite(growth.cut))
        grown = Locks(part, line, outward, lock, bare=0.2 if way is _FRINGE else 1.0)
        parts += _in_groups(grown, wearer, cloth, gather, hangs=hangs)
    return parts


def _in_groups(
    locks: Locks, wearer: Wearer, cloth: Cloth, gather: float, *, hangs: bool
) -> list[Locks]:
    """Locks drawn together in groups, and some thin ones that keep apart and soften the outline; off the cloth."""
    roots, line = locks.roots, locks.line
    if len(line) < 60:
        return [_resting(locks, cloth)]
    groups, guides = grouped(line)
    loose = wearer.rng("loose").random(len(line)) < _LOOSE
    t = np.linspace(0.0, 1.0, line.shape[1], dtype=np.float32)[None, :, None]
    reach = np.linalg.norm(line[:, -1] - line[:, 0], axis=1)
    off = np.minimum(0.006, 0.10 * reach) * (0.3 + roots.phases)
    way = (
        t if hangs or not wearer.look.hair.arrangement.startswith(_PULLED) else 1.6 * t * (1.0 - t)
    )
    free = line + off[:, None, None] * way * locks.outward
    if hangs:  # a single lock on top of the head lies lower than the rest, or it would hover
        high = _smooth((line[..., 1:2] - wearer.eyes[:, 1].mean()) / 0.06)
        lower = 0.65 * roots.offsets[:, None, None] * np.minimum(1.0, 12.0 * t)
        free -= high * (off[:, None, None] * way + lower) * locks.outward
    course = np.where(
        loose[:, None, None], free, drawn_together(line, groups, guides, gather)
    ).astype(np.float32)
    outward = locks.outward
    if hangs:  # each group is round, and some lie over others
        deep = wearer.rng("groups").uniform(0.0, 0.005, len(guides)).astype(np.float32)[groups]
        course = course + deep[:, None, None] * t * outward
        outward = rounded(course, outward, groups, guides)
    short = wearer.look.hair.style in ("short", "side part", "curly")
    locks = replace(locks, line=course, outward=outward, groups=groups)
    locks = _resting(locks, cloth, ends=short)
    keep = np.ones(len(line), np.bool_)
    if hangs:
        keep = _accompanied(locks.line - wearer.eyes.mean(axis=0), 1.0)
    airy = replace(locks.lock, root=0.55, tip=0.95, curve=1.0)
    return [
        replace(_chosen(locks, keep & ~loose), lock=locks.lock),
        replace(_chosen(locks, keep & loose), lock=airy),
    ]


def _chosen(locks: Locks, keep: NDArray[np.bool_]) -> Locks:
    """Some of the locks."""
    groups = None if locks.groups is None else locks.groups[keep]
    roots = Roots(*(getattr(locks.roots, name)[keep] for name in locks.roots.__dataclass_fields__))
    return replace(
        locks, roots=roots, line=locks.line[keep], outward=locks.outward[keep], groups=groups
    )


def _accompanied(line: Floats, size: float) -> NDArray[np.bool_]:
    """Locks (N,) that hang among others; one that slid off a shoulder alone would be a loose string."""
    keep = np.ones(len(line), np.bool_)
    if len(line) < 300:  # of a far head: wide apart
        return keep
    for place in (int(0.6 * line.shape[1]), line.shape[1] - 1):
        points = line[:, place]
        square = (points * points).sum(axis=1)
        apart = square[:, None] + square[None] - 2.0 * (points @ points.T)
        keep &= (apart < (0.022 * size) ** 2).sum(axis=1) > 6
    return keep


_PULLED = ("half up", "tail", "two", "plait", "knot", "coil")
_ASIDE = 0.006  # metres by which cloth may push a short lock aside
_BARE = 0.25  # thinning from which the forehead has no fringe
_LOOSE = 0.07  # share of locks that keep apart
_FRINGE = Growth(Comb.DOWN, 7, 1, 0.55, 1.0)
