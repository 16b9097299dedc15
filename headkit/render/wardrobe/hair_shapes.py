"""Hair that leaves the head: tails, plaits and knots behind a tie, an afro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headkit.render.surface import Surface
from headkit.render.wardrobe import strands
from headkit.render.wardrobe.hair_styles import Style
from headkit.render.wardrobe.hair_surfaces import Locks, ball
from headkit.render.wardrobe.hair_ties import Tie
from headkit.render.wardrobe.obstacles import NO_OBSTACLES, Obstacles
from headkit.render.wardrobe.scalp import Scalp
from headkit.render.wardrobe.strands import Comb, Roots
from headkit.render.wardrobe.tailoring import Floats, unit
from headkit.render.wardrobe.tails import hanging, plait, rooted, tail
from headkit.render.wardrobe.wearer import Wearer

_TURNS = 48  # locks in the lower layer of a knot


def gravity(wearer: Wearer) -> Floats:
    """Down (camera +y) in the rest frame of the head."""
    return (wearer.bones["head"][:, :3].T @ np.array([0.0, 1.0, 0.0])).astype(np.float32)


def tied(
    scalp: Scalp, wearer: Wearer, style: Style, obstacles: Obstacles, tie: Tie
) -> tuple[list[Locks], list[Surface]]:
    """What comes out of a tie: a tail, a plait or a knot of hair, and the tie itself."""
    look, size = wearer.look.hair, scalp.scale
    shared, rng = wearer.rng("tail"), wearer.rng(f"tail {tie.side}")  # two tails are a pair
    kind = look.arrangement.removeprefix("two ").rstrip("s")
    share = 0.72 if tie.side else 1.0  # of the hair
    if kind == "half up":
        kind, share = ("knot" if shared.random() < 0.35 else "tail"), 0.55
    if kind in ("knot", "coil"):
        radius = 0.030 * size * share * min(1.2, look.volume) * float(shared.uniform(0.7, 1.35))
        build = _coil if kind == "coil" else _knot
        return build(scalp, wearer, style, tie, radius, rng)
    thick = 0.019 * size * share**0.7 * min(1.3, look.volume) * float(shared.uniform(0.75, 1.25))
    length = 0.30 * size * look.length * float(shared.uniform(0.6, 1.5))
    if look.style == "long":
        length = max(length, 0.22 * size) * 1.15
    over = 0.034 if look.arrangement == "half up" else 0.024  # what hangs loose below
    course = hanging(
        scalp, tie, length, over * size, style, obstacles, gravity(wearer)
    )  # fmt: skip
    small = 0.011 * size * share**0.5
    knot = ball(tie.place, _upright(small, 0.6, 1.0), wearer, scalp.grid.origin)
    if kind == "plait":
        return plait(scalp, tie, course, 0.95 * thick, length, style, rng), [knot]
    count = max(40, int(style.count * share) // 5)
    return [tail(scalp, tie, course, thick, count, style, rng)], [knot]


def _knot(
    scalp: Scalp, wearer: Wearer, style: Style, tie: Tie, radius: float, rng: np.random.Generator
) -> tuple[list[Locks], list[Surface]]:
    """Locks wound about a ball, some of them neatly, some loosely."""
    size, out = scalp.scale, tie.out
    untidy = float(wearer.rng("knot").beta(1.0, 1.6))
    squeezed = float(wearer.rng("knot shape").uniform(0.65, 1.0))
    middle = tie.place + out * radius * 0.75 * squeezed
    count = max(40, style.count // 5)
    t = np.linspace(0, 1, 11)
    axis = unit((out + rng.normal(0, 0.25, 3)).astype(np.float32))
    one = unit(np.cross(axis, [0.3, 1.0, 0.1]).astype(np.float32))
    two = np.cross(axis, one)
    start, bend = rng.uniform(0, 2 * np.pi, count), rng.uniform(-1.0, 1.0, count)
    angle = start[:, None] + t * rng.uniform(1.0, 2.2, count)[:, None]
    polar = bend[:, None] * (1.15 - 0.25 * t) + 0.15 * np.sin(3 * angle)
    polar = polar + untidy * 0.5 * np.sin(5.0 * t + start[:, None] * 3.0)
    sphere = (
        np.cos(polar)[..., None] * (np.cos(angle)[..., None] * one + np.sin(angle)[..., None] * two)
        + squeezed * np.sin(polar)[..., None] * axis
    ).astype(np.float32)
    layers = rng.random(count).astype(np.float32)
    away = 0.94 + 0.10 * layers + 0.16 * untidy * rng.random(count) ** 3
    # Under them whole turns of hair: through gaps between the upper ones the ball would look like a hole.
    sphere = np.concatenate([sphere, _turns(one, two, squeezed * axis)])
    away = np.concatenate([away, np.full(_TURNS, 0.91)])
    layers = np.concatenate([layers, np.zeros(_TURNS, np.float32)])
    line = middle + sphere * (radius * away)[:, None, None]
    roots = _on_knot(scalp, line.astype(np.float32), sphere, layers, rng)
    lock = replace(style.lock, width=0.010 * size, strands=9, tip=0.4 + 0.4 * untidy, twist=0.1)
    # As flat as the locks about it, and under their chords: what comes through would look like a hole.
    axes = np.stack([one, two, squeezed * axis]) * np.float32(0.88 * radius)
    return [Locks(roots, line.astype(np.float32), sphere, lock)], [
        ball(middle, axes, wearer, scalp.grid.origin)
    ]


def _upright(radius: float, height: float, depth: float) -> Floats:
    """Semi-axes (3, 3) of a ball squeezed along up and depth."""
    return np.diag([radius, radius * height, radius * depth]).astype(np.float32)


def _turns(one: Floats, two: Floats, axis: Floats) -> Floats:
    """Lines (_TURNS, 11, 3) around the outer half of a flat ball of radius 1, from its rim to its pole."""
    polar = np.linspace(0.0, 1.5, _TURNS)[:, None, None]
    angle = (2.4 * np.arange(_TURNS)[:, None] + np.linspace(0.0, 2.2, 11))[..., None]
    circle = np.cos(angle) * one + np.sin(angle) * two
    return (np.cos(polar) * circle + np.sin(polar) * axis).astype(np.float32)


def _coil(
    scalp: Scalp, wearer: Wearer, style: Style, tie: Tie, radius: float, rng: np.random.Generator
) -> tuple[list[Locks], list[Surface]]:
    """A rope of hair wound from the rim of a flat knot to its middle."""
    radius *= 1.15
    axis = unit((tie.out + rng.normal(0, 0.12, 3)).astype(np.float32))
    one = unit(np.cross(axis, [0.3, 1.0, 0.1]).astype(np.float32))
    two = np.cross(axis, one)
    rope, count = 0.30 * radius, 16
    t = np.linspace(0.0, 1.0, 44)[:, None]
    turn = float(rng.uniform(0.0, 6.28)) + 2.0 * np.pi * 2.15 * t * float(rng.choice((-1.0, 1.0)))
    away = np.cos(turn) * one + np.sin(turn) * two
    core = (radius * (0.95 - 0.78 * t)) * away + (rope * (0.7 + 1.5 * t)) * axis
    way = unit(np.gradient(core, axis=0).astype(np.float32))
    up = unit((0.3 * away + axis).astype(np.float32))
    aside = unit(np.cross(up, way).astype(np.float32))
    front = np.cross(way, aside)
    around = 2.0 * np.pi * np.arange(count)[:, None, None] / count + 5.0 * t[None]
    facing = np.cos(around) * aside + np.sin(around) * front
    line = (tie.place + core + rope * facing).astype(np.float32)
    outward = unit((facing + 0.4 * axis + 0.3 * away).reshape(-1, 3).astype(np.float32))
    outward = outward.reshape(line.shape)
    roots = rooted(scalp, tie, count, rng)
    lock = replace(
        style.lock, width=0.85 * rope, strands=8, root=0.05, tip=0.3, taper=0.3, twist=0.1
    )
    middle = tie.place + axis * rope * 0.5
    flat = ball(middle, _upright(0.72 * radius, 0.8, 0.8), wearer, scalp.grid.origin)
    return [Locks(roots, line, outward, lock)], [flat]


def _on_knot(
    scalp: Scalp, line: Floats, sphere: Floats, layers: Floats, rng: np.random.Generator
) -> Roots:
    """Roots of locks that lie on a knot."""
    count = len(line)
    return Roots(
        line[:, 0].astype(np.float32), sphere[:, 0], np.full(count, 0.1, np.float32), layers, layers,
        rng.random(count).astype(np.float32),
        np.tile(scalp.grid.absolute(np.zeros((1, 3), np.float32)), (count, 1)),
        np.zeros(count, np.float32),
    )  # fmt: skip


def afro(
    scalp: Scalp, wearer: Wearer, style: Style, roots: Roots, ground: Floats, free: Floats
) -> Locks:
    """Small coils that stand on the base shell, all around.

    ground (N,) height of the shell above the scalp, metres; free (N,) 0 where a hat presses them .. 1
    """
    rng = wearer.rng("afro")
    count = len(roots.places)
    out = unit(roots.places - scalp.center)
    lengths = (0.22 * style.thickness + style.side * rng.uniform(0.3, 1.0, count)) * scalp.scale
    free = free * (1.0 - 0.85 * roots.thin)  # at the hairline they are short, and start on the skin
    height = ground + style.thickness * scalp.scale * (0.2 * roots.layers - 0.04) * free
    start = roots.places + out * height[:, None]
    roots = replace(
        roots,
        places=start.astype(np.float32),
        directions=unit((out + rng.normal(0, 0.35, (count, 3))).astype(np.float32)),
        lengths=(lengths * (0.3 + 0.7 * free)).astype(np.float32),
    ).ordered()
    growth = replace(style.growth, comb=Comb.DOWN, stiffness=1.0)
    line, outward = strands.grow(
        roots,
        growth,
        scalp.radius,
        scalp.center,
        scalp.scale,
        NO_OBSTACLES,
        gravity(wearer),
    )
    return Locks(roots, line, outward, style.lock)
