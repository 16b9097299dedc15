"""Hair that leaves the head: the tail behind a tie, a bun, an afro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headkit.render.surface import Surface
from headkit.render.wardrobe import strands
from headkit.render.wardrobe.hair_styles import Style
from headkit.render.wardrobe.hair_surfaces import Locks, ball
from headkit.render.wardrobe.obstacles import NO_OBSTACLES, Obstacles
from headkit.render.wardrobe.scalp import Scalp, radius_towards
from headkit.render.wardrobe.strands import Comb, Roots
from headkit.render.wardrobe.tailoring import Floats, unit
from headkit.render.wardrobe.wearer import Wearer


def gravity(wearer: Wearer) -> Floats:
    """Down (camera +y) in the rest frame of the head."""
    return (wearer.bones["head"][:, :3].T @ np.array([0.0, 1.0, 0.0])).astype(np.float32)


def tie_point(scalp: Scalp, wearer: Wearer) -> Floats:
    """Where a ponytail or bun is bound, just off the scalp."""
    rng = wearer.rng("tie")
    low, high = (0.05, 0.75) if wearer.look.hair.style == "ponytail" else (0.2, 1.6)
    if wearer.look.headwear.kind != "none":
        low, high = -0.30, -0.15  # below the edge of a hat
    up = float(rng.uniform(low, high))
    direction = unit(np.array([0.0, up, -1.0], np.float32))
    radius = float(radius_towards(scalp, direction[None])[0])
    return scalp.center + direction * (radius + 0.010 * scalp.scale)


def tied(
    scalp: Scalp, wearer: Wearer, style: Style, obstacles: Obstacles
) -> tuple[list[Locks], list[Surface]]:
    """The tail behind a tie, or a bun, with its tie."""
    rng, size, look = wearer.rng("tail"), scalp.scale, wearer.look.hair
    tie = tie_point(scalp, wearer)
    out = unit(tie - scalp.center)
    count = max(24, style.count // 6)
    if look.style == "ponytail":
        jitter = rng.normal(0.0, 1.0, (count, 3)) * 0.006 * size
        roots = Roots(
            (tie + 0.004 * size * out + jitter).astype(np.float32),
            unit(
                (out + np.array([0, 0.25, 0]) + rng.normal(0, 0.12, (count, 3))).astype(np.float32)
            ),
            (0.26 * size * look.length * rng.uniform(0.8, 1.08, count)).astype(np.float32),
            (rng.random(count) * 0.02 * size).astype(np.float32),
            rng.random(count).astype(np.float32),
            rng.random(count).astype(np.float32),
            np.tile(scalp.grid.absolute(np.zeros((1, 3), np.float32)), (count, 1)),
            np.zeros(count, np.float32),
        ).ordered()
        growth = replace(
            style.growth, comb=Comb.DOWN, segments=14, substeps=2, stiffness=0.75, hang=1.0
        )
        line, outward = strands.grow(
            roots, growth, scalp.radius, scalp.center, size, obstacles, gravity(wearer)
        )
        lock = replace(style.lock, width=0.011, strands=9, tip=0.5, curve=4.0, taper=0.7)
        return [Locks(roots, line, outward, lock)], [
            ball(tie, 0.011 * size, wearer, (0.6, 1.0), scalp.grid.origin)
        ]
    radius = 0.030 * size * look.volume * rng.uniform(0.85, 1.2)
    middle = tie + out * radius * 0.75
    count = max(40, style.count // 5)
    t = np.linspace(0, 1, 11)
    axis = unit((out + rng.normal(0, 0.25, 3)).astype(np.float32))
    one = unit(np.cross(axis, [0.3, 1.0, 0.1]).astype(np.float32))
    two = np.cross(axis, one)
    start, bend = rng.uniform(0, 2 * np.pi, count), rng.uniform(-1.0, 1.0, count)
    angle = start[:, None] + t * rng.uniform(1.0, 2.2, count)[:, None]
    polar = bend[:, None] * (1.15 - 0.25 * t) + 0.15 * np.sin(3 * angle)
    sphere = (
        np.cos(polar)[..., None] * (np.cos(angle)[..., None] * one + np.sin(angle)[..., None] * two)
        + np.sin(polar)[..., None] * axis
    ).astype(np.float32)
    layers = rng.random(count).astype(np.float32)
    line = middle + sphere * (radius * (0.94 + 0.10 * layers))[:, None, None]
    roots = Roots(
        line[:, 0].astype(np.float32), sphere[:, 0], np.full(count, 0.1, np.float32), layers, layers,
        rng.random(count).astype(np.float32),
        np.tile(scalp.grid.absolute(np.zeros((1, 3), np.float32)), (count, 1)),
            np.zeros(count, np.float32),
    )  # fmt: skip
    lock = replace(style.lock, width=0.010 * size, strands=9, tip=0.4, twist=0.1)
    return [Locks(roots, line.astype(np.float32), sphere, lock)], [
        ball(middle, radius * 0.93, wearer, (1.0, 1.0), scalp.grid.origin)
    ]


def afro(scalp: Scalp, wearer: Wearer, style: Style, roots: Roots, free: Floats) -> Locks:
    """Small coils that stand on the base shell, all around; `free` (N,) is 0 where a hat presses them."""
    rng = wearer.rng("afro")
    count = len(roots.places)
    out = unit(roots.places - scalp.center)
    lengths = (0.22 * style.thickness + style.side * rng.uniform(0.3, 1.0, count)) * scalp.scale
    rise = np.clip(0.35 + roots.offsets / (0.3 * style.thickness * scalp.scale), 0.35, 1.0)
    free = free * (1.0 - 0.85 * roots.thin)  # at the hairline coils start on the skin
    height = style.thickness * scalp.scale * (0.68 + 0.2 * roots.layers) * rise * free
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
