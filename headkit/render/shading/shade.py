"""What all materials share: where a sample lies on its triangle, light that arrives, gloss.

Shaders write rows of SHADED columns: irradiance 3, albedo 3, gloss 3; the colour is irradiance x albedo +
gloss, all linear RGB. They stay apart until the irradiance of skin has been scattered under it.
"""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import REST, TWO_SIDED
from headkit.render.jit import lean
from headkit.render.shading.light import FILL, GROUND, KEY, RIM, SKY, UP

IRRADIANCE: Final = 0
ALBEDO: Final = 3
GLOSS: Final = 6
SHADED: Final = 9

_GRAZING: Final = 0.03  # cosine to the viewer, at least, of a normal that is seen

Triple = tuple[float, float, float]


class Scene(NamedTuple):
    """What shaders read. One type for all kernels, so that each is compiled once.

    camera     (4,) float64, maps to the sample grid of face_at
    face_at    (H, W) int32 face of each sample
    light      (light.ROW,) float64
    paint      (owners, Paint.COUNT) float32
    spots, landmarks  as paint_skin wants them
    """

    vertices: NDArray[np.float32]
    attributes: NDArray[np.float32]
    faces: NDArray[np.int32]
    parts: NDArray[np.uint8]
    surface: NDArray[np.int16]
    owner: NDArray[np.int32]
    flags: NDArray[np.int32]
    camera: NDArray[np.float64]
    face_at: NDArray[np.int32]
    light: NDArray[np.float64]
    paint: NDArray[np.float32]
    spots: NDArray[np.float64]
    landmarks: NDArray[np.float64]


class Hit(NamedTuple):
    """Where a sample lies: face, its vertices, barycentric coordinates in space, position."""

    face: int
    i: int
    j: int
    k: int
    a: float
    b: float
    c: float
    x: float
    y: float
    z: float


@lean
def locate(scene: Scene, row: int, column: int) -> Hit:
    """The hit of a sample of the grid."""
    face = scene.face_at[row, column]
    x = (column - scene.camera[2]) / scene.camera[0]
    y = (row - scene.camera[3]) / scene.camera[1]
    i, j, k = scene.faces[face, 0], scene.faces[face, 1], scene.faces[face, 2]
    a = _volume(scene.vertices, j, k, x, y)
    b = _volume(scene.vertices, k, i, x, y)
    c = _volume(scene.vertices, i, j, x, y)
    total = a + b + c
    a, b, c = a / total, b / total, c / total
    z = a * scene.vertices[i, 2] + b * scene.vertices[j, 2] + c * scene.vertices[k, 2]
    return Hit(face, i, j, k, a, b, c, x * z, y * z, z)


@lean
def recall(scene: Scene, at: NDArray[np.int64], shares: NDArray[np.float64], number: int) -> Hit:
    """The hit of the sample at place at[number], of which the barycentric coordinates are known: shares (N, 3)."""
    row, column = at[number] >> 16, at[number] & 0xFFFF
    face = scene.face_at[row, column]
    i, j, k = scene.faces[face, 0], scene.faces[face, 1], scene.faces[face, 2]
    a, b, c = shares[number, 0], shares[number, 1], shares[number, 2]
    z = a * scene.vertices[i, 2] + b * scene.vertices[j, 2] + c * scene.vertices[k, 2]
    x = (column - scene.camera[2]) / scene.camera[0] * z
    y = (row - scene.camera[3]) / scene.camera[1] * z
    return Hit(face, i, j, k, a, b, c, x, y, z)


@lean
def _volume(vertices: NDArray[np.float32], i: int, j: int, x: float, y: float) -> float:
    """(x, y, 1) . (p_i x p_j)."""
    px, py, pz = float(vertices[i, 0]), float(vertices[i, 1]), float(vertices[i, 2])
    qx, qy, qz = float(vertices[j, 0]), float(vertices[j, 1]), float(vertices[j, 2])
    return float(x * (py * qz - pz * qy) + y * (pz * qx - px * qz) + (px * qy - py * qx))


@lean
def value(table: NDArray[np.float32], hit: Hit, column: int) -> float:
    """One column of Scene.attributes at a hit."""
    at_i, at_j, at_k = table[hit.i, column], table[hit.j, column], table[hit.k, column]
    return float(hit.a * at_i + hit.b * at_j + hit.c * at_k)


@lean
def vector(table: NDArray[np.float32], hit: Hit, column: int) -> Triple:
    """Three columns of Scene.attributes at a hit."""
    return value(table, hit, column), value(table, hit, column + 1), value(table, hit, column + 2)


@lean
def unit(x: float, y: float, z: float) -> Triple:
    """The vector of length 1; (0, 0, -1), towards the camera, where there is none."""
    length = sqrt(x * x + y * y + z * z)
    if length < 1e-12:
        return 0.0, 0.0, -1.0
    scale = 1.0 / length
    return x * scale, y * scale, z * scale


@lean
def seen_side(scene: Scene, hit: Hit, normal: Triple) -> Triple:
    """The surface's unit normal on the side that is seen: never turned away from the viewer.

    An interpolated normal turns away near an outline and in folds sharper than the mesh. It is the other
    side's only where the triangle itself is seen from behind; elsewhere it is bent until it is just in sight
    (as are shading normals in ray tracers: Keller et al. 2017, The Iray light transport simulation, A.3).
    """
    away = normal[0] * hit.x + normal[1] * hit.y + normal[2] * hit.z
    if away <= 0.0:
        return normal
    two_sided = scene.flags[scene.surface[hit.face]] & TWO_SIDED
    if two_sided and _behind(scene, hit):
        return -normal[0], -normal[1], -normal[2]
    step = away / (hit.x * hit.x + hit.y * hit.y + hit.z * hit.z)
    step += _GRAZING / sqrt(hit.x * hit.x + hit.y * hit.y + hit.z * hit.z)
    return unit(normal[0] - step * hit.x, normal[1] - step * hit.y, normal[2] - step * hit.z)


@lean
def _behind(scene: Scene, hit: Hit) -> bool:
    """Whether a hit is on the inner side of its triangle, as that is wound."""
    x, y, table = hit.x / hit.z, hit.y / hit.z, scene.vertices
    volume = _volume(table, hit.j, hit.k, x, y) + _volume(table, hit.k, hit.i, x, y)
    return volume + _volume(table, hit.i, hit.j, x, y) > 0.0


@lean
def gradient(
    v: NDArray[np.float32], hit: Hit, normal: Triple, rise_j: float, rise_k: float
) -> Triple:
    """Gradient along the surface, per metre, of a value that rises so much from vertex i to j and to k.

    v: Scene.vertices (Mikkelsen 2010, Bump mapping unparametrized surfaces, with the triangle's edges as tangents)
    """
    ux, uy, uz = v[hit.j, 0] - v[hit.i, 0], v[hit.j, 1] - v[hit.i, 1], v[hit.j, 2] - v[hit.i, 2]
    wx, wy, wz = v[hit.k, 0] - v[hit.i, 0], v[hit.k, 1] - v[hit.i, 1], v[hit.k, 2] - v[hit.i, 2]
    nx, ny, nz = normal
    ax, ay, az = wy * nz - wz * ny, wz * nx - wx * nz, wx * ny - wy * nx
    bx, by, bz = ny * uz - nz * uy, nz * ux - nx * uz, nx * uy - ny * ux
    area = ux * ax + uy * ay + uz * az
    if abs(area) < 1e-14:
        return 0.0, 0.0, 0.0
    rise_j, rise_k = rise_j / area, rise_k / area
    return rise_j * ax + rise_k * bx, rise_j * ay + rise_k * by, rise_j * az + rise_k * bz


@lean
def environment(light: NDArray[np.float64], x: float, y: float, z: float, channel: int) -> float:
    """Light from the sky and the ground that a surface with this normal sees, one channel."""
    up = 0.5 + 0.5 * (x * light[UP] + y * light[UP + 1] + z * light[UP + 2])
    return float(light[GROUND + channel] * (1.0 - up) + light[SKY + channel] * up)


@lean
def facing(light: NDArray[np.float64], lamp: int, x: float, y: float, z: float) -> float:
    """Cosine between a normal and the direction to a light (KEY, FILL or RIM)."""
    return float(x * light[lamp] + y * light[lamp + 1] + z * light[lamp + 2])


@lean
def lambert(cosine: float, wrap: float) -> float:
    """Diffuse light that reaches around the edge by `wrap`, with the energy of the plain cosine."""
    return max(0.0, cosine + wrap) / ((1.0 + wrap) * (1.0 + wrap))


@lean
def irradiance(
    light: NDArray[np.float64],
    normal: Triple,
    lit: Triple,
    occlusion: Triple,
    wrap: Triple,
) -> Triple:
    """Diffuse light from everywhere, linear RGB; the other arguments are by channel, too.

    lit        share of the key light that arrives
    occlusion  share of the light from around that arrives
    wrap       how far the key light reaches around the edge
    """
    x, y, z = normal
    key = facing(light, KEY, x, y, z)
    fill = lambert(facing(light, FILL, x, y, z), 0.3)
    rim = lambert(facing(light, RIM, x, y, z), 0.1)
    return (
        lambert(key, wrap[0]) * lit[0] * light[KEY + 3]
        + _around(light, normal, fill, rim, occlusion[0], 0),
        lambert(key, wrap[1]) * lit[1] * light[KEY + 4]
        + _around(light, normal, fill, rim, occlusion[1], 1),
        lambert(key, wrap[2]) * lit[2] * light[KEY + 5]
        + _around(light, normal, fill, rim, occlusion[2], 2),
    )


@lean
def _around(
    light: NDArray[np.float64],
    normal: Triple,
    fill: float,
    rim: float,
    occlusion: float,
    channel: int,
) -> float:
    """Diffuse light from all but the key, one channel."""
    sky = environment(light, normal[0], normal[1], normal[2], channel)
    lamps = fill * light[FILL + 3 + channel] + rim * occlusion * light[RIM + 3 + channel]
    return float((lamps + sky) * occlusion)


@lean
def same(number: float) -> Triple:
    """The number for every channel."""
    return number, number, number


@lean
def bumped(
    v: NDArray[np.float32], table: NDArray[np.float32], hit: Hit, normal: Triple, slope: Triple
) -> Triple:
    """The normal under a relief with this slope over the rest position. v: vertices, table: attributes."""
    at_i, at_j, at_k = table[hit.i], table[hit.j], table[hit.k]
    x, y, z = float(at_i[REST]), float(at_i[REST + 1]), float(at_i[REST + 2])
    sx, sy, sz = slope
    rise_j = sx * (at_j[REST] - x) + sy * (at_j[REST + 1] - y) + sz * (at_j[REST + 2] - z)
    rise_k = sx * (at_k[REST] - x) + sy * (at_k[REST + 1] - y) + sz * (at_k[REST + 2] - z)
    gx, gy, gz = gradient(v, hit, normal, rise_j, rise_k)
    return unit(normal[0] - gx, normal[1] - gy, normal[2] - gz)


@lean
def ggx(nl: float, nv: float, square_nh: float, roughness: float) -> float:
    """D x V x cosine x pi of a microfacet surface (Walter 2007; V by Karis 2013), without Fresnel.

    nl, nv, nh  cosines between the normal and the light, the eye, the half vector
    """
    alpha = roughness * roughness
    square = alpha * alpha
    lobe = square_nh * (square - 1.0) + 1.0
    masking = nl * (nv * (1.0 - alpha) + alpha) + nv * (nl * (1.0 - alpha) + alpha)
    return 0.5 * square * nl / (lobe * lobe * masking)


@lean
def fresnel(cosine: float, f0: float) -> float:
    """Share of light that is reflected at this cosine (Schlick 1994)."""
    rest = 1.0 - min(1.0, max(0.0, cosine))
    return f0 + (1.0 - f0) * rest * rest * rest * rest * rest


@lean
def reflected(
    light: NDArray[np.float64],
    lamp: int,
    radius: float,
    normal: Triple,
    view: Triple,
    roughness: float,
    f0: float,
    oil: float,
) -> float:
    """Share of one light (KEY, FILL or RIM, of this angular radius) that a smooth coat reflects.

    oil  weight of a second lobe of 0.6 times the roughness
    """
    towards = (light[lamp], light[lamp + 1], light[lamp + 2])
    nl = normal[0] * towards[0] + normal[1] * towards[1] + normal[2] * towards[2]
    if nl <= 0.0:
        return 0.0
    nv = normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]
    vl = view[0] * towards[0] + view[1] * towards[1] + view[2] * towards[2]
    square = (
        2.0 + 2.0 * vl + 1e-9
    )  # of the length of view + light, which the half vector lies along
    square_nh, vh = (nl + nv) * (nl + nv) / square, 0.5 * sqrt(square)
    nv = abs(nv) + 1e-4
    # a wide light blurs its reflection as roughness does (Karis 2013)
    amount = ggx(nl, nv, square_nh, min(1.0, roughness + 0.35 * radius))
    if oil > 0.0:
        amount += oil * ggx(nl, nv, square_nh, min(1.0, 0.6 * roughness + 0.35 * radius))
    return amount * fresnel(vh, f0)


@lean
def gloss(
    light: NDArray[np.float64],
    normal: Triple,
    view: Triple,
    lit: float,
    occlusion: float,
    roughness: float,
    f0: float,
    oil: float,
) -> Triple:
    """Light that a smooth coat reflects, linear RGB. The fill is too wide and weak to be seen in it."""
    key = 0.0
    if lit > 0.0:
        key = lit * reflected(light, KEY, light[KEY + 6], normal, view, roughness, f0, oil)
    rim = reflected(light, RIM, 0.3, normal, view, roughness, f0, 0.0) * occlusion * occlusion
    nv = normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]
    x, y, z = (
        2.0 * nv * normal[0] - view[0],
        2.0 * nv * normal[1] - view[1],
        2.0 * nv * normal[2] - view[2],
    )
    # of a rough surface less comes back at grazing angles (Lagarde 2013); about exp(-6 nv)
    steep = 0.75 * max(0.0, nv)
    fall = 1.0 - steep + 0.5 * steep * steep
    fall *= fall
    fall *= fall
    edge = f0 + (max(1.0 - roughness, f0) - f0) * fall * fall
    # what a hollow reflects at grazing angles is mostly its own other side
    edge *= occlusion * occlusion * occlusion * (1.0 - 0.4 * roughness)
    return (
        key * light[KEY + 3] + rim * light[RIM + 3]
        + edge * environment(light, x, y, z, 0),
        key * light[KEY + 4] + rim * light[RIM + 4]
        + edge * environment(light, x, y, z, 1),
        key * light[KEY + 5] + rim * light[RIM + 5]
        + edge * environment(light, x, y, z, 2),
    )  # fmt: skip
