"""From grown locks and shells to drawable surfaces: colours, gray strands, dark roots, occlusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.resting import Cloth, narrowed
from headkit.render.wardrobe.ribbons import Lock, ribbons
from headkit.render.wardrobe.scalp import COLUMNS, ROWS, Scalp
from headkit.render.wardrobe.strands import Roots
from headkit.render.wardrobe.tailoring import Floats, Ints, grid_faces, unit
from headkit.render.wardrobe.wearer import Wearer

GRAY = np.array([0.36, 0.35, 0.34], np.float32)  # linear albedo of a strand without pigment
_OFF = 0.0012  # metres of the ground above the scalp, at least
_CUT = 0.15  # density of hair at the edge of the ground
RIM = 0.03  # metres from the hairline on which the ground rises to its full height


@dataclass(frozen=True)
class Locks:
    """Locks of one kind: roots, centre lines (N, S + 1, 3), outsides (N, S + 1, 3), and how they look.

    groups  (N,) number of the group that a lock belongs to: groups differ in tone; None: no groups
    bare    how much skin is seen between thin roots: 1 as at the hairline, 0 where other hair lies under them
    """

    roots: Roots
    line: Floats
    outward: Floats
    lock: Lock
    groups: Ints | None = None
    bare: float = 1.0


def surface(parts: list[Locks], wearer: Wearer, cloth: Cloth, part: Part = Part.HAIR) -> Surface:
    """All locks as one surface, moved from the rest frame with the head bone; none reaches through the cloth."""
    beard = part == Part.BEARD
    color, gray, roots_dark = (
        (wearer.look.beard.color, wearer.look.beard.gray, 0.15)
        if beard
        else (wearer.look.hair.color, wearer.look.hair.gray, wearer.look.hair.root_darkening)
    )
    rng = wearer.rng(f"colour of {part.name}")
    # Sun leaves the ends of some people's hair lighter, dye those of a few much more so.
    lighter = 0.0 if beard else max(0.0, float(wearer.rng("ends").uniform(-0.6, 0.6))) * (1 - gray)
    if wearer.look.age > 14 and wearer.rng("dye").random() < 0.12:
        lighter *= 4.0
    vertices, normals, strand, faces, colors, occlusion, rest = [], [], [], [], [], [], []
    first = used = 0
    for locks in parts:
        count = len(locks.roots.places)
        made = ribbons(locks.line, locks.outward, locks.lock, locks.roots, first)
        narrowed(locks.line, made.vertices.reshape(*locks.line.shape[:2], 2, 3), cloth)
        first += count * (locks.lock.strands + 1)
        faces.append(made.faces + used)
        used += len(made.vertices)
        vertices.append(made.vertices)
        normals.append(made.normals)
        strand.append(made.strand)
        groups = np.arange(count) if locks.groups is None else locks.groups
        # Of hair without pigment the light alone tells locks apart.
        together = (1 - 0.5 * gray) * rng.normal(0.0, 1.0, (int(groups.max()) + 1, 2))[groups]
        tone = np.exp(0.05 * rng.normal(0.0, 1.0, count) + 0.09 * together[:, 0])[:, None]
        shade = tone * np.asarray(color)
        wanders = 0.05 * rng.normal(0, 1, (count, 1)) + 0.06 * together[:, 1:]
        share = np.clip(gray + np.sqrt(gray * (1 - gray)) * wanders, 0, 1)
        shade = shade * (1 - share) + GRAY * rng.uniform(0.8, 1.1) * share * tone
        each = np.repeat(shade, made.rows, axis=0)
        thin = np.repeat(locks.roots.thin, made.rows)
        each *= (1 - 0.5 * roots_dark * (1 - gray) * (1 - thin) * np.exp(-made.along * 5))[:, None]
        each *= (1 + lighter * made.along**2)[:, None]
        between = _skin_between(thin, made.along, wearer, beard=beard)
        colors.append(faded(each, locks.bare * between, wearer))
        layer = np.repeat(locks.roots.layers, made.rows)
        deep = np.repeat(np.clip(0.06 * together[:, 0], -0.1, 0.1), made.rows)
        open_sky = np.clip(0.54 + 0.22 * layer + 0.2 * made.along + deep, 0.0, 1.0)
        coiled = not beard and wearer.look.hair.style in ("curly", "afro")
        # Coils shade each other; hairs of a millimetre or two lie deep among others.
        shaded = 0.8 if coiled else 0.7 if not beard and wearer.look.hair.style == "buzz" else 1.0
        occlusion.append(shaded * open_sky)
        rest.append(np.repeat(locks.roots.template, made.rows, axis=0))
    points = np.concatenate(vertices)
    return Surface(
        material=Material.HAIR,
        owner=wearer.owner,
        vertices=wearer.place("head", points),
        faces=np.concatenate(faces),
        normals=wearer.turn("head", np.concatenate(normals)),
        rest=np.concatenate(rest).astype(np.float32),
        parts=np.full(sum(len(block) for block in faces), part, np.uint8),
        occlusion=np.concatenate(occlusion).astype(np.float32),
        strand=np.concatenate(strand),
        color=np.concatenate(colors).astype(np.float32),
        two_sided=True,
    )


def base(scalp: Scalp, wearer: Wearer, brim: Floats | None, lift: float | Floats = 0.0) -> Surface:
    """The shell next to the scalp: the dark ground that no scalp shows through.

    lift  how far the ground stands off the scalp, metres, where the hair is thick
    """
    look, size = wearer.look.hair, scalp.scale
    columns = COLUMNS + 1  # the seam's vertices twice, so that strand coordinates do not jump back
    points, normals, height, crown, template = (
        np.concatenate([grid, grid[:, :1]], axis=1)
        for grid in (
            scalp.points, scalp.normals, scalp.height, scalp.grid.crown.reshape(ROWS, COLUMNS),
            scalp.grid.template.reshape(ROWS, COLUMNS, 3),
        )
    )  # fmt: skip
    density = np.clip(height / 0.018, -0.5, 1.4) - 1.6 * max(0.0, look.thinning - 0.15) * crown
    if brim is not None:
        hidden = np.concatenate([brim, brim[:, :1]], axis=1)
        density = density - np.clip((hidden - 0.010) / 0.004, 0.0, 3.0)
        lift = lift * below_brim(hidden)
    offset = (_OFF + uneven(template[..., 1])) * size + lift * np.clip(height / RIM, 0.0, 1.0)
    faces = np.concatenate([grid_faces(ROWS, columns), _pole(columns)])
    inside = (density > 0.0).ravel()
    faces = faces[inside[faces].any(axis=1)]
    ground = np.asarray(look.color) * (1 - 0.5 * look.root_darkening) * 0.8
    raised = look.style in ("afro", "curly")  # then its rim is seen, and gray hair has no dark one
    ground = ground * (1 - 0.9 * look.gray) + GRAY * (0.95 if raised else 0.75) * look.gray
    rim = 0.006 if raised else 0.020  # of hair that stands, the ground rises as a wall that is seen
    edge = 1.2 - height / rim
    rows = ROWS * columns
    colors = np.tile(ground, (rows, 1)).astype(np.float32)
    amount = np.clip(0.65 * edge, 0.0, 0.65).ravel().astype(np.float32)
    return Surface(
        material=Material.HAIR,
        owner=wearer.owner,
        vertices=wearer.place("head", (points + normals * offset[..., None]).reshape(-1, 3)),
        faces=faces,
        normals=wearer.turn("head", normals.reshape(-1, 3)),
        rest=scalp.grid.absolute(template.reshape(-1, 3)),
        parts=np.full(len(faces), Part.HAIR, np.uint8),
        occlusion=np.full(rows, 0.85 if raised else 0.65, np.float32),
        strand=_ground_strands(density, wearer),
        color=faded(colors, amount, wearer),
        two_sided=True,
    )


def _ground_strands(density: NDArray[np.floating[Any]], wearer: Wearer) -> Floats:
    """Surface.strand (ROWS * columns, 4) of the ground: it dissolves at its edge in strands as thin as pixels."""
    row, column = np.indices(density.shape)
    around = float(np.clip(4.0 * wearer.detail, 300, 2400))
    # Coils lie no way, and their ground shows none.
    step = 0.0 if wearer.look.hair.style == "afro" else 0.5
    s = 2.0 + column * (around / COLUMNS) + 0.25 * row
    strand = np.stack([s, 40.0 + step * row, density, np.full_like(s, _CUT)], axis=-1)
    return strand.reshape(-1, 4).astype(np.float32)


def _pole(columns: int) -> Ints:
    """Triangles within the first row of a grid, whose last column lies on its first: they close its pole."""
    third = np.arange(2, columns - 1)
    return np.stack([np.zeros_like(third), third - 1, third], axis=1).astype(np.int32)


def _skin_between(thin: Floats, along: Floats, wearer: Wearer, *, beard: bool) -> Floats:
    """How much skin (N,) is seen between single hairs: `thin` as at their roots, `along` the way to the tip."""
    look = wearer.look.hair
    if beard:  # bright ones among which skin is seen would be chalk
        brighter = max(wearer.look.beard.color[1], GRAY[1] * wearer.look.beard.gray)
        more = np.interp(brighter - wearer.look.skin[1], (0.0, 0.15), (1.0, 1.9))
        return np.minimum(thin * (1 - 0.4 * along) * more, 0.95).astype(np.float32)
    # Of what stands alone before the hairline a whole strand would be a dash on the forehead.
    alone = np.clip(2.5 * thin - 1.5, 0.0, 0.85) * (1 - 0.5 * along)
    between = np.maximum(thin * np.exp(-4 * along), alone)
    if look.style == "buzz":  # hairs thinner than a lock
        lighter_than = max(look.color[1], GRAY[1] * look.gray) - wearer.look.skin[1]
        between = np.maximum(between, np.interp(lighter_than, (0.0, 0.10), (0.0, 0.8)))
    return np.asarray(between, np.float32)


def faded(color: Floats, amount: Floats, wearer: Wearer) -> Floats:
    """Colours (N, 3) of hair mixed with the skin between single hairs, by `amount` (N,) of 0 to 1."""
    skin = 0.85 * np.asarray(wearer.look.skin)
    return color + (0.75 * amount[:, None] * (skin - color)).astype(np.float32)


def uneven(height: NDArray[np.floating[Any]]) -> Floats:
    """Metres by which skin may stand out between the grid's points: on the nape and before the ears.

    height  above the eyes, head coordinates
    """
    return np.asarray(0.0013 * np.clip((0.022 - height) / 0.03, 0.0, 1.0), np.float32)


def below_brim(height: Floats) -> Floats:
    """0 at and above the edge of a hat, 1 from 7 cm below: how freely hair stands; head coordinates."""
    return np.clip((-0.012 - height) / 0.058, 0.0, 1.0).astype(np.float32)


def ball(center: Floats, axes: Floats, wearer: Wearer, origin: Floats) -> Surface:
    """A dark ellipsoid of hair or a tie, opaque.

    center (3,), axes (3, 3) its semi-axes, one a row; rest frame, metres
    """
    rows, columns = 9, 14
    polar = np.linspace(0, np.pi, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns)[None]
    sphere = np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)
        ),
        axis=-1,
    ).reshape(-1, 3)
    shape = (center + sphere @ axes).astype(np.float32)
    normals = sphere @ np.linalg.inv(axes).T
    look = wearer.look.hair
    color = np.asarray(look.color) * 0.45 * (1 - look.gray) + 0.5 * GRAY * look.gray
    faces = grid_faces(rows, columns)
    return Surface(
        material=Material.HAIR,
        owner=wearer.owner,
        vertices=wearer.place("head", shape),
        faces=faces,
        normals=wearer.turn("head", unit(normals.astype(np.float32))),
        rest=np.tile(origin, (len(shape), 1)).astype(np.float32),
        parts=np.full(len(faces), Part.HAIR, np.uint8),
        occlusion=np.full(len(shape), 0.5, np.float32),
        strand=np.tile(np.array([-1.0, 0.0, 1.0, 0.5], np.float32), (len(shape), 1)),
        color=np.tile(color, (len(shape), 1)).astype(np.float32),
        two_sided=True,
    )
