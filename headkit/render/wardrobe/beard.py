"""Beards: locks that grow from the lower face, by zones over the mean human's head.

Stubble is painted on the skin (paint.py); moustache, goatee and full beard have volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.render.human.body import Body
from headkit.render.surface import Part, Surface
from headkit.render.wardrobe.hair_surfaces import Locks, surface
from headkit.render.wardrobe.resting import Cloth, laid
from headkit.render.wardrobe.ribbons import Lock
from headkit.render.wardrobe.scalp import ScalpGrid
from headkit.render.wardrobe.strands import Roots
from headkit.render.wardrobe.tailoring import Floats, Ints, unit
from headkit.render.wardrobe.wearer import Wearer

_COUNT = 9500
_TUFTS = np.array([[420.0, 310.0, 260.0], [-350.0, 390.0, 240.0], [280.0, -430.0, 330.0]])


@dataclass(frozen=True)
class Follicles:
    """Places of the lower face where a beard can grow.

    corners (N, 3) skin vertices and blend (N, 3); head (N, 3) head coordinates (scalp.py);
    zones: name -> (N,) from 0 outside to 1 well inside
    """

    corners: Ints
    blend: Floats
    head: Floats
    template: Floats
    zones: dict[str, Floats]


def spread_follicles(body: Body, faces: Ints, grid: ScalpGrid) -> Follicles:
    """Evenly spread places on `faces` (skin of face and neck) below the nose."""
    points = body.template[faces]
    head = (points - grid.origin) / grid.unit
    low = (head[:, :, 1] < 0.02).any(axis=1) & (head[:, :, 2] > -0.03).all(axis=1)
    low &= (head[:, :, 1] > -0.20).all(axis=1)
    faces, points = faces[low], points[low]
    area = np.linalg.norm(
        np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1
    )
    ends = np.cumsum(area) / area.sum()
    n = np.arange(_COUNT)
    chosen = np.searchsorted(ends, (n + 0.5) / _COUNT)
    u, v = (n * 0.7548776662466927) % 1.0, (n * 0.5698402909980532) % 1.0
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    blend = np.stack([1 - u - v, u, v], axis=1).astype(np.float32)
    corners = faces[chosen]
    template = np.einsum("nk,nkc->nc", blend, body.template[corners]).astype(np.float32)
    places = ((template - grid.origin) / grid.unit).astype(np.float32)
    marks = (body.template[body.head_vertices[body.head.landmarks68]] - grid.origin) / grid.unit
    lips = np.einsum("nk,nk->n", blend, body.masks["lips"][corners])
    zones = _zones(places, marks.astype(np.float32), lips)
    order = np.random.default_rng(0).permutation(len(places))
    return Follicles(
        corners[order].astype(np.int32), blend[order], places[order], template[order],
        {name: zone[order] for name, zone in zones.items()},
    )  # fmt: skip


def _zones(places: Floats, marks: Floats, lips: Floats) -> dict[str, Floats]:
    """The parts of a beard over head coordinates (N, 3); `marks` are the 68 landmarks."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    corner, nose, chin = marks[54], marks[33], marks[8]
    mouth = 0.5 * (marks[51, 1] + marks[57, 1])
    bare = np.clip(1.0 - lips * 4.0, 0.0, 1.0)
    soft = 0.006
    edge = 0.022  # of the cheeks and the neck, where a beard grows thin

    def inside(distance: Floats, width: float = soft) -> Floats:
        return np.clip(0.5 + distance / width, 0.0, 1.0).astype(np.float32)

    upper = (y > mouth - 0.010) & (z > corner[2] - 0.015)
    tail = np.maximum(x - corner[0] * 0.75, 0.0) * 0.9
    moustache = inside(nose[1] - 0.003 - tail * 0.8 - y) * inside(y - (mouth - 0.008 - tail))
    moustache *= inside(corner[0] + 0.008 - x) * upper
    # From the sideburn before the ear down to the corner of the mouth.
    cheek = np.interp(
        x, [0.0, corner[0] + 0.004, 0.056, 0.068, 0.09], [-1.0, mouth + 0.004, -0.045, -0.005, 0.01]
    )
    cheek = np.where(
        x < corner[0] + 0.004, mouth - 0.008 - 0.010 * (1 - (x / corner[0]) ** 2), cheek
    )
    neck = inside(y - (chin[1] - 0.028 - 0.62 * (z - chin[2])), edge)
    jaw = inside(cheek - 0.004 - y, edge) * neck * inside(z - 0.005 - 0.35 * np.abs(y + 0.05))
    goatee = inside(corner[0] + 0.002 - 0.25 * np.maximum(y - chin[1], 0) - x) * jaw
    goatee *= inside(y - chin[1] + 0.022)
    return {name: zone * bare for name, zone in
            (("moustache", moustache), ("jaw", jaw), ("goatee", goatee))}  # fmt: skip


def beard(wearer: Wearer, follicles: Follicles, cloth: Cloth, size: float) -> list[Surface]:
    """The beard's locks, camera frame; none for a shaved face, stubble, or a head of a few pixels."""
    look = wearer.look.beard
    zones = follicles.zones
    grown = {
        "moustache": zones["moustache"],
        "goatee": np.maximum(zones["goatee"], zones["moustache"]),
        "full beard": np.maximum(zones["jaw"], zones["moustache"]),
    }.get(look.style)
    if grown is None or wearer.detail < 24:
        return []
    rng = wearer.rng("beard")
    near = float(np.clip(wearer.detail / 220, 0.15, 1.0))
    chance = rng.random(len(grown))
    keep = (
        (chance < grown * (0.55 + 0.45 * look.density))
        & (grown > 0.22)
        & (np.arange(len(grown)) < _COUNT * near)
    )
    if keep.sum() < 3:
        return []
    roots = _roots(wearer, follicles, keep, grown[keep], size, rng)
    points = 4 if look.length > 0.012 else 3
    line = roots.places[:, None] + _curve(roots, follicles.head[keep], points)
    width = 0.0015 * max(near, min(1.5, wearer.detail / 220)) ** -0.6 * size
    # Neighbours have one tone: locks that differ would be flakes.
    cells = np.floor(follicles.head[keep] / 0.010).astype(np.int64) @ np.array([1, 1000, 1000000])
    groups = np.unique(cells, return_inverse=True)[1].astype(np.int32)
    out = np.broadcast_to(roots.directions[:, None], line.shape).astype(np.float32)
    parts = []
    edge = grown[keep] < 0.75  # single short hairs: locks as wide as they are long would be flakes
    for chosen, share in ((~edge, 1.0), (edge, 0.4)):
        if chosen.sum() < 2:
            continue
        strands = int(np.clip(share * width / max(0.0003, 0.13 / wearer.detail), 1, 6))
        lock = Lock(share * width, strands, 0.08, 0.7, 1.5, 0.85, twist=0.5, whole=True)
        part = Roots(*(getattr(roots, name)[chosen] for name in roots.__dataclass_fields__))
        margins = np.full(len(part.places), 0.002, np.float32)
        lying, facing = laid(line[chosen].astype(np.float32), out[chosen], margins, cloth)
        parts.append(Locks(part, lying, facing, lock, groups[chosen]))
    return [surface(parts, wearer, cloth, Part.BEARD)]


def _roots(
    wearer: Wearer,
    follicles: Follicles,
    keep: NDArray[np.bool_],
    amount: Floats,
    size: float,
    rng: np.random.Generator,
) -> Roots:
    """Roots in the rest frame of the head; `directions` are the skin's normals."""
    corners, blend = follicles.corners[keep], follicles.blend[keep]
    places = np.einsum("nk,nkc->nc", blend, wearer.posed[corners])
    normals = np.einsum("nk,nkc->nc", blend, wearer.normals[corners])
    turn = wearer.bones["head"]
    count = len(places)
    upper = follicles.zones["moustache"][keep] > 0.3
    length = (
        wearer.look.beard.length * np.where(upper, 0.65, 1.0) * np.clip(0.2 + 0.8 * amount, 0, 1)
    )
    low = np.clip(-(follicles.head[keep, 1] + 0.06) / 0.05, 0.0, 1.0)  # longest on the chin
    return Roots(
        ((places - turn[:, 3]) @ turn[:, :3]).astype(np.float32),
        unit((normals @ turn[:, :3]).astype(np.float32)),
        (size * length * (0.42 + 0.58 * low) * rng.uniform(0.7, 1.1, count)).astype(np.float32),
        np.zeros(count, np.float32),
        rng.random(count).astype(np.float32),
        rng.random(count).astype(np.float32),
        follicles.template[keep],
        # On the cheeks single hairs are seen with skin between them.
        np.clip(np.maximum(1.5 - 1.6 * amount, 0.4 * (1.0 - low)), 0.0, 1.0).astype(np.float32),
    )


def _curve(roots: Roots, head: Floats, points: int) -> Floats:
    """Offsets (N, points, 3) of the locks from their roots: out of the skin, then down and to the side."""
    side = np.sign(head[:, 0]) * np.clip(np.abs(head[:, 0]) / 0.03, 0.0, 1.0)
    upper = head[:, 1] > -0.085
    down = np.stack(
        [np.where(upper, 0.8, 0.15) * side, np.full(len(side), -1.0), np.full(len(side), 0.12)],
        axis=1,
    )
    down = unit(down.astype(np.float32))
    t = np.linspace(0.0, 1.0, points)[None, :, None]
    bend = 0.75 * t**1.5
    out = roots.directions[:, None] * (0.45 * (t - 0.5 * t * t)) + down[:, None] * (
        0.35 * t + 0.65 * bend
    )
    single = (roots.phases[:, None] * np.array([[17.0, 29.0, 41.0]])) % 1.0 - 0.5
    # Tufts: neighbours lean the same way.
    tufts = np.sin(head @ (_TUFTS * np.array([[1.0, 0.7, 0.8]])).T + np.array([0.0, 2.1, 4.2]))
    spread = 0.10 * single + 0.09 * tufts
    return (roots.lengths[:, None, None] * (out + spread[:, None] * t)).astype(np.float32)
