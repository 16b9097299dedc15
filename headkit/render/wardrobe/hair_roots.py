"""Where hair grows: the places of roots inside the hairline, and the rows beside a parting."""

from __future__ import annotations

import numpy as np

from headkit.render.wardrobe.hair_styles import Style
from headkit.render.wardrobe.hair_ties import tied_whole
from headkit.render.wardrobe.scalp import COLUMNS, ROWS, Scalp, places_towards, sample, spread_roots
from headkit.render.wardrobe.strands import Comb
from headkit.render.wardrobe.tailoring import Floats, unit
from headkit.render.wardrobe.wearer import Wearer

_BESIDE = 0.0022  # metres from the parting to the first roots on its sides
_ALONG = 0.0045  # metres between these


def places(
    scalp: Scalp, wearer: Wearer, style: Style, brim: Floats | None
) -> tuple[Floats, Floats]:
    """(row, column) of the roots that lie inside the hairline, where hair still grows."""
    rng = wearer.rng("hair roots")
    row, column = spread_roots(style.count * 2)  # about half of the grid's sphere is scalp
    column = (column + rng.uniform(0, COLUMNS)) % COLUMNS
    # Off their lattice, which would be seen as rows.
    row = np.clip(row + rng.normal(0.0, 0.08, len(row)), 0.0, ROWS - 1.001).astype(np.float32)
    column = ((column + rng.normal(0.0, 0.10, len(row))) % COLUMNS).astype(np.float32)
    if style.growth.comb == Comb.PARTED:
        beside = _beside_parting(scalp, style, wearer.rng("parting roots"))
        row, column = (np.concatenate(both) for both in zip((row, column), beside, strict=True))
    height = sample(scalp.height[..., None], row, column)[:, 0]
    crown = sample(scalp.grid.crown.reshape(ROWS, COLUMNS, 1), row, column)[:, 0]
    chance = rng.random(len(row))
    soft = 0.020 if wearer.look.hair.style == "buzz" else 0.012
    soft *= 1.0 + 1.5 * wearer.look.hair.thinning
    least = 0.005 if wearer.look.hair.style == "afro" else 0.002  # single coils read as letters
    keep = height + _wander(wearer, row, column) > least + soft * chance**2
    if wearer.look.hair.style in ("bob", "long") and not tied_whole(wearer.look.hair):
        # The nape lies under all that hangs from above: few locks there, or they come out over it.
        low = sample(scalp.grid.template.reshape(ROWS, COLUMNS, 3), row, column)
        nape = (low[:, 1] < -0.025) & (low[:, 2] < 0.02)
        keep &= ~nape | (rng.random(len(row)) < 0.55)
    thinning = wearer.look.hair.thinning
    keep &= chance >= 0.9 * max(0.0, thinning - 0.15) * crown
    keep &= chance >= 0.35 * thinning * (crown > 0.02)
    if brim is not None:
        keep &= sample(brim[..., None], row, column)[:, 0] < 0.012
    return row[keep], column[keep]


def _wander(wearer: Wearer, row: Floats, column: Floats) -> Floats:
    """How far the hairline strays from its smooth course at places of the grid, head coordinates."""
    one, two = wearer.rng("hairline").uniform(0.0, 2.0 * np.pi, 2)
    turn = column * (2.0 * np.pi / COLUMNS)
    return 0.0030 * np.sin(11.0 * turn + one) + 0.0022 * np.sin(29.0 * turn + 1.3 * row + two)


def _beside_parting(scalp: Scalp, style: Style, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Places along both sides of the parting, from the forehead to behind the crown.

    Locks lie away from it on both sides; without roots close to it the ground between them would be seen.
    """
    count = int(0.16 / _ALONG * min(1.0, style.count / 1000))
    turn = np.linspace(np.radians(-62.0), np.radians(52.0), count)  # from the top to the back
    turn = np.concatenate([turn, turn]) + rng.normal(0.0, 0.02, 2 * count)
    side = np.repeat([-1.0, 1.0], count) * rng.uniform(0.6, 1.6, 2 * count)
    aside = (style.growth.parting + _BESIDE * side) / (0.11 * scalp.scale)
    towards = np.stack([aside, np.cos(turn), -np.sin(turn)], axis=1)
    return places_towards(unit(towards.astype(np.float32)))
