"""Clothes: garments cut from the suit by kind, with folds, hems and collars.

The word is one of attributes.CLOTHES; the look adds neckline, sleeves, length, looseness, a bottom and
shoes. Every garment reports how deep below it a place of the mean human lies, so that the skin there can
be left out: nothing pokes through, in any pose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from headkit.render.surface import Material, Surface
from headkit.render.wardrobe import closures, collars, cut_lines, shoes, suit
from headkit.render.wardrobe.bends import pressed
from headkit.render.wardrobe.contact import off_head
from headkit.render.wardrobe.cut_lines import Figure, minimum
from headkit.render.wardrobe.drape import evened, folds, hang, neck, relaxed, shoulders
from headkit.render.wardrobe.suit import FIGURE, OFFSET, UV, Fitted, Trim, at, sew, with_offset
from headkit.render.wardrobe.tailoring import Floats, Piece
from headkit.render.wardrobe.wearer import Wearer

Color = tuple[float, float, float]
Field = Callable[[Figure], Floats]


@dataclass(frozen=True)
class Top:
    """What is worn above: cut lines in figure metres, ease in metres.

    ease     distance from the body before folds; `bulk` adds with looseness
    band     width of a ribbed band at the neck; `cuffs`: at sleeves and hem too
    hem      figure height at length 0 and 1
    """

    ease: float
    bulk: float
    fold: float
    band: float = 0.0
    cuffs: bool = False
    hem: tuple[float, float] = (0.06, 0.018)


_TOPS: dict[str, Top] = {
    "t-shirt": Top(0.006, 0.008, 0.006, band=0.014),
    "shirt": Top(0.007, 0.009, 0.007),
    "sweater": Top(0.008, 0.009, 0.009, band=0.022, cuffs=True, hem=(0.08, 0.025)),
    "hoodie": Top(0.010, 0.010, 0.010, band=0.028, cuffs=True, hem=(0.07, 0.025)),
    "jacket": Top(0.013, 0.008, 0.009, hem=(0.07, 0.018)),
    "tank top": Top(0.004, 0.005, 0.004, band=0.009),
    "dress": Top(0.005, 0.005, 0.004, hem=(0.10, 0.10)),
}
_CROWDED = 1.5  # ribs of a neckband against those of other knitted cloth, per metre
_UNDER_FRONTS = 0.03  # metres that a shirt reaches under the fronts of an open jacket
_AT_COLLAR = 0.014  # the same at the neck
_BETWEEN = 0.0035  # metres between the two, at an adult's size
_FLARED = 0.06  # metres that trousers, skirts and shoes may stand off the body
_HANDS = 0.3  # figure metres: farther from the middle is arm and hand, at whatever height
WAIST = 0.115  # figure height where trousers and skirts begin


@dataclass(frozen=True)
class Dressed:
    """Garments, how deep the body's vertices (V,) lie under them in metres, what long hair rests on."""

    surfaces: list[Surface]
    cover: Floats
    outline: list[Surface]


def clothes(wearer: Wearer, skin: Figure) -> Dressed:
    """All garments of one person. `skin` is the figure of the body's V vertices."""
    size = float((wearer.joints["head"][1] - wearer.joints["pelvis"][1]) / 0.645)
    surfaces, cover = _top(wearer, skin, size)
    outline = list(surfaces)
    below, covered = _bottom(wearer, skin, size)
    return Dressed(surfaces + below, np.maximum(cover, covered), outline)


def _stand_off(
    wearer: Wearer, fitted: Fitted, ease: float, fold: float, size: float, slope: float
) -> tuple[Fitted, Floats]:
    """Ease, hang and folds of a garment on trunk and arms: metres off the suit, (N,).

    The suit comes back with the normals that the cloth stands off along: even where it spans a hollow.
    """
    body = fitted.mold.body
    trunk = cut_lines.armhole(body)
    axis = fitted.rest[(trunk > 0) & (np.abs(body.points[:, 1] - 0.2) < 0.15)].mean(axis=0)
    fall = hang(body, trunk, fitted.rest - axis, size, slope)
    arm = np.clip(body.arm, 0.0, 2.0)
    # On the shoulders cloth rests, and does not stand off.
    rests = np.clip((body.points[:, 1] - 0.40) / 0.08, 0.0, 1.0)
    rests *= np.clip(1.0 - (body.arm - 0.15) / 0.45, 0.0, 1.0)
    loose = ease * size * (1.0 + 0.4 * arm) * (1.0 - 0.55 * rests)
    amount = fold * size * np.clip((0.56 - body.points[:, 1]) / 0.2 + arm, 0.25, 1.0)
    bumps = folds(body, amount, wearer.look.seed)
    offset = (loose + fall + np.maximum(bumps, -0.7 * loose)).astype(np.float32)
    even = evened(fitted.normals, fitted.mold.faces, fall > 0.006 * size)
    return replace(fitted, normals=suit.shared_normals(even, fitted.mold.twins)), offset


def _tapered(offset: Floats, field: Floats, size: float) -> Floats:
    """Drawn in to the skin towards the line where `field` is 0, so that no edge stands open."""
    return np.minimum(offset, 0.0035 * size + 0.16 * np.maximum(field, 0.0)).astype(np.float32)


def _top(wearer: Wearer, skin: Figure, size: float) -> tuple[list[Surface], Floats]:
    """The garment of the trunk with its collar, and what it covers (V,)."""
    look = wearer.look.clothes
    fitted = suit.fit(wearer, "upper")
    top = _TOPS[look.kind]
    ease = top.ease + top.bulk * look.looseness
    fold = top.fold * (0.6 + 0.6 * look.looseness)
    fitted, offset = _stand_off(wearer, fitted, ease, fold, size, 0.9 - 0.7 * look.looseness)
    depth = float(wearer.rng("neckline").random())
    hem = top.hem[0] + (top.hem[1] - top.hem[0]) * look.length
    body = fitted.mold.body
    cut = "crew" if look.kind == "jacket" else look.neckline
    lines: dict[str, Field] = {
        "neck": lambda b: cut_lines.neckline(b, cut, depth),
        "sleeve": lambda b: cut_lines.sleeve(b, look.sleeve),
        "hem": lambda b: cut_lines.above(b, hem),
    }
    throat = neck(wearer, skin)
    fitted = fitted.drawn_in(lines["neck"](body), throat, 0.045)
    if look.sleeve < 0.05:
        fitted = fitted.drawn_in(lines["sleeve"](body), shoulders(wearer, skin), 0.030)
    offset = _tapered(offset, lines["neck"](body), size)
    if look.sleeve < 0.05 or (look.sleeve > 0.9 and look.kind != "jacket"):  # or cuffs
        offset = _tapered(offset, lines["sleeve"](body), size)
    if look.kind != "dress":  # over the trousers
        offset += 0.008 * size * np.clip((0.15 - body.points[:, 1]) / 0.05, 0.0, 1.0)
    cover = minimum(*(line(skin) for line in lines.values()))
    inner: list[Surface] = []
    if look.kind == "jacket":
        width = 0.006 + 0.022 * depth
        # before the neck's line, which it parts
        lines = {"opening": lambda b: cut_lines.opening(b, width), **lines}
        offset = offset + 0.004 * size * (body.points[:, 2] > 0.0)
        offset = np.maximum(offset, _over_shirt(body, size, width))
    outer = fitted.points + fitted.normals * offset[:, None]
    smoothed, shift = relaxed(outer, fitted.normals, fitted.mold.welded, fitted.mold.twins)
    fitted = fitted.moved(smoothed, shift)
    outer[smoothed] += shift
    bent = pressed(wearer, body, outer, size)
    fitted, outer = fitted.moved(np.arange(len(outer)), bent), outer + bent
    sleeves = np.flatnonzero(body.arm > 0.2)
    fitted = fitted.moved(sleeves, off_head(wearer, outer[sleeves], size))
    if look.kind == "jacket":  # on the suit as the jacket has moved it
        inner = _under(wearer, fitted, size, width)
    piece = fitted.piece(offset)
    for name, line in lines.items():
        piece = piece.cut(name, line(at(piece)))
    trim = Trim(look.color, hem=0.008 * size, patterned=look.pattern != "plain")
    surfaces = []
    bands = _banded(piece, top, look.color, lines) if wearer.detail > 40 else [(piece, look.color)]
    for part, color in bands:
        knit = Material.CLOTH if look.kind == "tank top" else Material.KNIT
        kind = trim if color == look.color else Trim(color, hem=0.008 * size, material=knit)
        surfaces.append(sew(part, kind, wearer, closed=tuple(lines)))
    neckline = "collar" if look.kind == "jacket" else look.neckline
    collar = collars.collar(wearer, piece, throat, neckline, size)
    if look.kind == "shirt":
        inner += closures.placket(wearer, piece, collar, look.color, size)
    return surfaces + collar + inner, cover


def _banded(
    piece: Piece, top: Top, color: Color, lines: Mapping[str, Field]
) -> list[tuple[Piece, Color]]:
    """The piece, and over its edges ribbed bands, a little thicker and darker."""
    if top.band == 0:
        return [(piece, color)]
    names = [name for name in lines if top.cuffs or name == "neck"]
    ribs = minimum(*(lines[name](at(piece)) for name in names)) - top.band
    band = piece.cut("rib", -ribs)
    edge = minimum(*(lines[name](at(band)) for name in names))
    step = 0.0002 + 0.0014 * np.clip((top.band - edge) / 0.005, 0.0, 1.0)
    thicker = with_offset(band, band.attributes[:, OFFSET] + step)
    y = band.attributes[:, FIGURE][:, 1]
    thicker.attributes[:, UV] = np.where(y[:, None] > 0.5, _around(band), thicker.attributes[:, UV])
    dark = (color[0] * 0.84, color[1] * 0.84, color[2] * 0.84)
    # Under the band is no second cloth, that would show through where both are seen edge-on.
    return [(piece.cut("under", ribs + 0.005), color), (thicker, dark)]


def _around(band: Piece) -> Floats:
    """Texture coordinates (V, 2) whose ribs run across a band at the neck: the way along its edge, and height.

    The way is measured on the neckline itself, from the front to either side: any formula of angle and depth has
    places where it stands still, on a round neckline or on a pointed one, and each triangle there has ribs of its own.
    """
    x, y, z = band.attributes[:, FIGURE].T
    turn = np.abs(np.arctan2(x, z - 0.02))
    edge = band.attributes[max(band.seams["neck"], key=len), FIGURE]
    edge = edge[edge[:, 0] >= 0.0]
    angle = np.arctan2(edge[:, 0], edge[:, 2] - 0.02)
    order = np.argsort(angle)
    # The line's first and last points may lie beside the middle of the front and of the back.
    ends = edge[order][[0, -1]] * np.array([0.0, 1.0, 1.0], np.float32)
    line = np.concatenate([ends[:1], edge[order], ends[1:]])
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    along = _CROWDED * np.interp(turn, np.concatenate([[0.0], angle[order], [np.pi]]), way)
    return np.stack([along, y], axis=1).astype(np.float32)


def _throat(body: Figure) -> Floats:
    """The neckline of what is worn under a jacket."""
    return cut_lines.neckline(body, "crew", 0.5)


def _shirt(body: Figure, size: float) -> Floats:
    """How far (N,) what is worn under a jacket lies off the suit, metres."""
    return _tapered(np.full(len(body.points), 0.006 * size, np.float32), _throat(body), size)


def _reach_under(body: Figure) -> Floats:
    """How far (N,) a shirt reaches under the fronts of an open jacket: hardly, where the collar begins."""
    share = np.clip((0.575 - body.points[:, 1]) / 0.04, 0.0, 1.0)
    return (_AT_COLLAR + (_UNDER_FRONTS - _AT_COLLAR) * share).astype(np.float32)


def _over_shirt(body: Figure, size: float, width: float) -> Floats:
    """The least distance (N,) of a jacket from the suit: over the shirt, wherever that reaches under it."""
    beyond = cut_lines.opening(body, width) - _reach_under(body)
    near = np.clip(1.0 - beyond / 0.02, 0.0, 1.0)
    return (near * (_shirt(body, size) + _BETWEEN * size)).astype(np.float32)


def _under(wearer: Wearer, fitted: Fitted, size: float, width: float) -> list[Surface]:
    """What shows between the fronts of an open jacket."""
    piece = fitted.piece(_shirt(fitted.mold.body, size))
    for name, line in (
        ("neck", _throat),
        ("front", lambda b: _reach_under(b) - cut_lines.opening(b, width)),
        ("hem", lambda b: cut_lines.above(b, -0.01)),
        ("arms", cut_lines.armhole),
    ):
        piece = piece.cut(name, line(at(piece)))
    return [
        sew(piece, Trim(wearer.look.clothes.second, hem=0.008 * size), wearer, closed=("neck",))
    ]


def _bottom(wearer: Wearer, skin: Figure, size: float) -> tuple[list[Surface], Floats]:
    """Trousers, shorts or a skirt, and shoes; what they cover (V,)."""
    look = wearer.look.clothes
    color = look.color if look.kind == "dress" else look.bottom_color
    lower = (skin.points[:, 1] < WAIST + 0.03) & (np.abs(skin.points[:, 0]) < _HANDS)
    if wearer.frustum is not None and wearer.frustum.misses(wearer.posed[lower], _FLARED * size):
        return [], minimum(cut_lines.below(skin, WAIST), cut_lines.armhole(skin))
    made, covered = shoes.shoes(wearer, skin, size)
    if look.bottom == "skirt" or look.kind == "dress":
        end = -0.05 - 0.30 * look.length if look.bottom == "skirt" else -0.16 - 0.42 * look.length
        skirt = suit.fit(wearer, "skirt")
        body = skirt.mold.body
        amount = np.full(len(body.points), 0.010 * size, np.float32)
        offset = 0.006 * size + folds(body, amount, wearer.look.seed)
        piece = skirt.piece(np.maximum(offset, 0.003 * size).astype(np.float32))
        piece = piece.cut("hem", cut_lines.above(at(piece), end))
        trim = Trim(color, hem=0.003, patterned=look.kind == "dress" and look.pattern != "plain")
        made.append(sew(piece, trim, wearer))
        under = minimum(cut_lines.below(skin, WAIST), cut_lines.above(skin, end + 0.04))
        return made, np.maximum(covered, minimum(under, cut_lines.armhole(skin)))
    end = -0.30 if look.bottom in ("shorts", "none") else -0.715
    fitted = suit.fit(wearer, "lower")
    body = fitted.mold.body
    y = body.points[:, 1]
    wide = 0.004 + 0.022 * look.looseness * np.clip((0.02 - y) / 0.5, 0.0, 1.0)
    amount = 0.009 * size * np.clip((0.10 - y) / 0.15, 0.0, 1.0)
    offset = wide * size + np.maximum(folds(body, amount, wearer.look.seed + 1), -0.5 * wide * size)
    piece = fitted.piece(offset.astype(np.float32))
    legs: dict[str, Field] = {
        "waist": lambda b: cut_lines.below(b, WAIST),
        "ankle": lambda b: cut_lines.above(b, end),
        "arms": cut_lines.armhole,
    }
    for name in ("waist", "ankle"):  # the lower half of the suit has no arms
        piece = piece.cut(name, legs[name](at(piece)))
    made.append(sew(piece, Trim(color, hem=0.003), wearer, closed=("ankle",)))
    return made, np.maximum(covered, minimum(*(line(skin) for line in legs.values())))
