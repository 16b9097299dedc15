"""Tails and plaits: bundles of locks about one line that hangs from a tie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headkit.render.wardrobe import strands
from headkit.render.wardrobe.hair_styles import Style
from headkit.render.wardrobe.hair_surfaces import Locks
from headkit.render.wardrobe.hair_ties import Tie
from headkit.render.wardrobe.obstacles import Obstacles
from headkit.render.wardrobe.scalp import Scalp
from headkit.render.wardrobe.strands import Comb, Roots
from headkit.render.wardrobe.tailoring import Floats, unit

_SEGMENTS = 14  # of the line that a tail hangs along
_AROUND = 8  # locks about each of a plait's three strands


@dataclass(frozen=True)
class Course:
    """A line (S + 1, 3), the way out of the head along it, and the way across both, unit; rest frame."""

    line: Floats
    outward: Floats
    across: Floats

    def at(self, t: NDArray[np.float64]) -> tuple[Floats, Floats, Floats]:
        """Places, outsides and ways across (..., 3) at shares of its length."""
        number = t * (len(self.line) - 1)
        first = np.clip(number.astype(np.int64), 0, len(self.line) - 2)
        share = (number - first)[..., None]

        def between(values: Floats) -> Floats:
            return (values[first] * (1.0 - share) + values[first + 1] * share).astype(np.float32)

        return between(self.line), _units(between(self.outward)), _units(between(self.across))


def _units(vectors: Floats) -> Floats:
    return unit(vectors.reshape(-1, 3)).reshape(vectors.shape)


def hanging(
    scalp: Scalp,
    tie: Tie,
    length: float,
    off: float,
    style: Style,
    obstacles: Obstacles,
    down: Floats,
) -> Course:
    """The line on which a tail of `length` metres falls from its tie, `off` metres from what it rests on."""
    growth = replace(
        style.growth,
        comb=Comb.DOWN,
        segments=_SEGMENTS,
        substeps=2,
        stiffness=0.75,
        hang=1.0,
        curl=0.0,
    )
    roots = rooted(
        scalp, tie, 1, np.random.default_rng(0), length=length, places=tie.place + 0.004 * tie.out
    )
    roots = replace(roots, offsets=np.full(1, off, np.float32))
    lines, outsides = strands.grow(
        roots, growth, scalp.radius, scalp.center, scalp.scale, obstacles, down
    )
    line, outward = lines[0], outsides[0]
    way = unit(np.gradient(line, axis=0).astype(np.float32))
    across = unit(np.cross(way, outward).astype(np.float32))
    return Course(line, unit(np.cross(across, way).astype(np.float32)), across)


def rooted(
    scalp: Scalp,
    tie: Tie,
    count: int,
    rng: np.random.Generator,
    *,
    length: float = 0.2,
    places: Floats | None = None,
) -> Roots:
    """Roots of `count` locks that come out of a tie."""
    origin = scalp.grid.absolute(np.zeros((1, 3), np.float32))
    start = tie.place if places is None else places
    return Roots(
        np.tile(start, (count, 1)).astype(np.float32),
        np.tile(unit((tie.out + np.array([0.0, 0.25, 0.0])).astype(np.float32)), (count, 1)),
        np.full(count, length, np.float32),
        np.zeros(count, np.float32),
        rng.random(count).astype(np.float32),
        rng.random(count).astype(np.float32),
        np.tile(origin, (count, 1)),
        np.zeros(count, np.float32),
    )


def tail(
    scalp: Scalp,
    tie: Tie,
    course: Course,
    thick: float,
    count: int,
    style: Style,
    rng: np.random.Generator,
    *,
    first: float = 0.0,
) -> Locks:
    """Locks that leave a tie together, spread, and end one after the other.

    first  share of the course where they begin; thick metres
    """
    roots = rooted(scalp, tie, count, rng).ordered()
    # Where in the tail each lock lies, and how far down it reaches.
    bundle = rng.integers(0, 12, count).astype(np.int32)
    turn = bundle * (2.0 * np.pi / 12) + rng.normal(0.0, 0.3, count)
    rim = np.sqrt(rng.random(12))[bundle] * rng.uniform(0.7, 1.1, count)
    reach = rng.uniform(0.5, 1.0, count) ** 0.7 * rng.uniform(0.85, 1.0, 12)[bundle]
    t = np.linspace(0.0, 1.0, style.growth.segments + 5 if first == 0.0 else 5)
    line, outward, across = course.at(first + (1.0 - first) * reach[:, None] * t)
    width = (
        thick * (0.40 + 0.85 * np.minimum(1.0, t / 0.55)) * (1.0 - 0.65 * np.maximum(0.0, t - 0.5))
    )
    sway = style.growth.curl / 0.012
    angle = turn[:, None] + 0.5 * np.sin(2.5 * t + 6.0 * roots.phases[:, None])
    angle = angle + sway * np.sin(17.0 * t + 2.0 * (bundle % 5)[:, None])
    side = (rim[:, None] * width * np.cos(angle))[..., None]
    depth = (0.8 * rim[:, None] * width * np.sin(angle))[..., None]
    # The locks of the rim face outwards all around.
    round_about = outward * (0.3 + depth / thick) + across * (side / thick)
    line = (line + side * across + depth * outward).astype(np.float32)
    # At its end, too, a strand is as wide as the picture can show: thinner ones break into dashes.
    full, taper = 0.009, 0.5
    strand = style.lock.width / style.lock.strands
    number = int(np.clip(full * (1.0 - taper) / strand, 2, 9))
    lock = replace(style.lock, width=full, strands=number, tip=0.75, curve=2.5, taper=taper)
    return Locks(roots, line, _units(round_about.astype(np.float32)), lock, bundle)


def plait(
    scalp: Scalp,
    tie: Tie,
    course: Course,
    thick: float,
    length: float,
    style: Style,
    rng: np.random.Generator,
) -> list[Locks]:
    """Three strands laid over each other in turn, bound near the end, and what is left below.

    Each strand swings from side to side once while it goes twice over and under, a third of a turn after
    the last. thick, length in metres.
    """
    end = float(rng.uniform(0.80, 0.92))
    turns = end * length / (2.9 * thick)
    points = int(np.clip(8.0 * turns, 16, 64))
    t = np.linspace(0.0, 1.0, points)
    middle, outward, across = course.at(end * t)
    size = (thick * np.minimum(1.0, 0.55 + 2.5 * t) * (1.0 - 0.42 * t))[:, None]
    parts = []
    for strand in range(3):
        turn = 2.0 * np.pi * (turns * t + strand / 3.0)[:, None]
        swing = 0.66 * size * np.cos(turn)
        over = 0.34 * size * np.sin(2.0 * turn)
        core = middle + swing * across + over * outward
        way = unit(np.gradient(core, axis=0).astype(np.float32))
        aside = unit(np.cross(outward, way).astype(np.float32))
        front = np.cross(way, aside)
        about = 2.0 * np.pi * np.arange(_AROUND)[:, None, None] / _AROUND + 0.9 * t[None, :, None]
        facing = np.cos(about) * aside + np.sin(about) * front
        roots = rooted(scalp, tie, _AROUND, rng)
        line = (core + 0.50 * size * facing).astype(np.float32)
        # Most of the light comes to what faces out of the plait.
        round_about = facing + 0.35 * outward + (0.25 * np.cos(turn)) * across
        width = float(0.72 * thick)
        fine = max(0.0011, 1.2 * style.lock.width / style.lock.strands)  # no thinner than is seen
        lock = replace(
            style.lock, width=width, strands=int(np.clip(width / fine, 2, 12)), root=0.04, tip=0.12,
            curve=1.0, taper=0.35, twist=0.1, round=0.4,
        )  # fmt: skip
        groups = np.full(_AROUND, strand, np.int32)
        parts.append(Locks(roots, line, _units(round_about.astype(np.float32)), lock, groups))
    parts.append(tail(scalp, tie, course, 0.62 * thick, 26, style, rng, first=end - 0.02))
    return parts
