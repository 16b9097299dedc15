"""Hair that is painted on the skin: brows, stubble, and the roots of the scalp, over the rest human.

Every function gives the share of a place that hair covers, 0 to 1, from landmarks of the mean human, so
that paint follows shape and expression. Strands that are thinner than a pixel fade into their mean.
"""

from __future__ import annotations

from math import atan2, exp, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.noise import hash2
from headkit.render.jit import lean
from headkit.render.shading.grain import value_noise
from headkit.render.wardrobe.scalp import AZIMUTH, EYE_DEPTH, EYE_DISTANCE, HAIRLINE, RECESSION

EyeFrame = tuple[float, float, float]

_BROW_TAPER: Final = (
    0.55,
    0.95,
    1.0,
    0.75,
    0.28,
)  # half width at the five landmarks, from the inside
_AZIMUTH: Final = np.array(AZIMUTH, np.float64)
_HAIRLINE: Final = np.array(HAIRLINE, np.float64)
_RECESSION: Final = np.array(RECESSION, np.float64)


@lean
def brow_cover(
    x: float,
    y: float,
    z: float,
    landmarks: NDArray[np.float64],
    width: float,
    arch: float,
    density: float,
    footprint: float,
) -> float:
    """Share of brow hair at a rest position; width and arch are factors."""
    inner, step = (21, -1) if x < 0.0 else (22, 1)
    if z < landmarks[17, 2] - 0.02 or abs(y - landmarks[inner, 1]) > 0.03:
        return 0.0
    low, high = np.inf, -np.inf
    for k in range(5):
        low = min(low, landmarks[inner + step * k, 1])
        high = max(high, landmarks[inner + step * k, 1])
    # a brow is no wider (below), and no landmark lies farther off its arch
    reach = 0.0058 * width + 0.0022 * abs(arch - 0.9) + 0.003
    if y < low - reach or y > high + reach:
        return 0.0
    best, along, offset, angle = 1.0, 0.0, 0.0, 0.0
    for k in range(4):
        ax, ay = landmarks[inner + step * k, 0], landmarks[inner + step * k, 1]
        bx, by = landmarks[inner + step * (k + 1), 0], landmarks[inner + step * (k + 1), 1]
        rise = 0.0022 * (arch - 0.9)  # the middle of an arched brow is higher
        ay += rise * _hump(0.25 * k)
        by += rise * _hump(0.25 * (k + 1))
        ex, ey = bx - ax, by - ay
        length = sqrt(ex * ex + ey * ey)
        share = ((x - ax) * ex + (y - ay) * ey) / (length * length)
        if k > 0:
            share = max(share, 0.0)
        if k < 3:
            share = min(share, 1.0)
        dx, dy = x - ax - share * ex, y - ay - share * ey
        distance = sqrt(dx * dx + dy * dy)
        if -0.35 < share < 1.3 and distance < best:
            best, along = distance, k + share
            offset = distance if dy > 0.0 else -distance
            angle = 1.0 if k == 0 else 0.5
    if best >= 0.02 or along < -0.35 or along > 4.25:
        return 0.0
    place = min(3.999, max(0.0, along))
    k = int(place)
    half = _BROW_TAPER[k] + (_BROW_TAPER[k + 1] - _BROW_TAPER[k]) * (place - k)
    half *= 0.0046 * width
    inside = 1.0 - (offset / half) * (offset / half)
    if inside <= -0.6:
        return 0.0
    ends = min(1.0, max(0.0, (along + 0.35) / 0.5)) * min(1.0, max(0.0, (4.25 - along) / 0.45))
    # hairs lie along the brow, upright at its inner end, and differ
    lean = (0.9 + 0.75 * angle) * min(1.0, 0.3 + 0.25 * (4.0 - along))
    wander = 0.5 * value_noise(along * 3.0, offset * 300.0, 7.0 + inner)
    across = along * 26.0 - offset * 2400.0 * lean + 6.0 * wander
    tuft = value_noise(across * 0.22, offset * 260.0, 11.0 + inner) - 0.5
    amount = _smooth(0.36 + 0.65 * inside + 0.5 * tuft) * ends * density
    seen = min(1.0, max(0.0, 0.0010 / footprint - 0.5))
    if seen > 0.0:
        hair = 0.6 * value_noise(across, offset * 160.0, 3.0 + inner)
        hair += 0.4 * value_noise(across * 0.37 + 9.0, offset * 420.0, 5.0 + inner)
        amount *= 1.0 + seen * 0.55 * (min(1.0, max(0.0, (hair - 0.15) * 1.7)) - 0.6)
    return min(0.86, max(0.0, 0.92 * amount))


@lean
def _hump(t: float) -> float:
    return 4.0 * t * (1.0 - t)


@lean
def stubble_cover(
    x: float,
    y: float,
    z: float,
    landmarks: NDArray[np.float64],
    zone: int,
    density: float,
    footprint: float,
    seed: float,
) -> float:
    """Share of short beard hair; zone 0 the whole beard, 1 the moustache, 2 moustache and chin."""
    corner, nose, chin = landmarks[54], landmarks[33], landmarks[8]
    scale = (landmarks[45, 0] - landmarks[36, 0]) / 0.088
    side = abs(x)
    mouth = 0.5 * (landmarks[51, 1] + landmarks[57, 1])
    behind = (z - landmarks[0, 2]) / (0.026 * scale) + 1.0  # fades behind the corner of the jaw
    # it runs out before the ear, which it would end at in a line
    beside = min(1.0, max(0.0, (y - landmarks[1, 1]) / (0.016 * scale) + 1.2))
    behind += beside * ((z - landmarks[0, 2]) / (0.012 * scale) + 0.3 - behind)
    if y > landmarks[36, 1] + 0.01 or behind <= 0.0:
        return 0.0
    soft = 0.007 * scale
    tail = max(0.0, side - 0.75 * corner[0])
    upper = 0.0
    if side < corner[0] + 0.008 * scale + 0.5 * soft:
        upper = _ramp(nose[1] - 0.002 - 0.6 * tail - y, soft) * _ramp(
            y - mouth + 0.010 + 0.8 * tail, soft
        )
        upper *= _ramp(corner[0] + 0.008 * scale - side, soft)
    if side < corner[0]:
        top = mouth - 0.006 * scale
    else:  # from the corner of the mouth up to the sideburn
        share = min(1.0, (side - corner[0]) / max(1e-4, landmarks[15, 0] - corner[0]))
        top = (
            mouth + 0.004 * scale + share * sqrt(share) * (landmarks[36, 1] - 0.020 * scale - mouth)
        )
    # A wandering border, so that no line of the face is followed to the millimetre.
    ragged = 0.0
    if top - y > -1.8 * soft - 0.003 * scale:
        ragged = 0.006 * scale * (value_noise(x * 130.0 + seed, y * 130.0, z * 130.0) - 0.5)
    elif upper <= 0.0:
        return 0.0
    neck = _ramp(y - (chin[1] - 0.036 * scale - 0.35 * (z - chin[2])) + ragged, 3.4 * soft)
    jaw = _smooth(_ramp(top - y + ragged, 3.6 * soft)) * _smooth(neck)
    jaw *= _smooth(min(1.0, behind + ragged / (0.026 * scale)))
    if zone == 1:
        jaw = 0.0
    elif zone == 2:
        jaw *= _ramp(corner[0] + 0.002 - side, soft) * _ramp(y - chin[1] + 0.02 * scale, soft)
    amount = max(upper, jaw)
    if amount <= 0.0:
        return 0.0
    amount *= density * (0.75 + 0.5 * value_noise(x * 60.0 + seed, y * 60.0, z * 60.0))
    seen = min(1.0, max(0.0, 0.0011 / footprint - 0.8))
    if seen > 0.0:
        dots = hash2(int(x * 2600.0) * 7919 + int(z * 2600.0), int(y * 2200.0))
        amount *= 1.0 + seen * (1.4 * dots - 0.7) * (0.8 - 0.75 * density)
    return min(0.9, max(0.0, amount))


@lean
def _ramp(distance: float, soft: float) -> float:
    return min(1.0, max(0.0, 0.5 + distance / soft))


@lean
def _smooth(t: float) -> float:
    """Hermite's step of a share 0 to 1."""
    t = min(1.0, max(0.0, t))
    return t * t * (3.0 - 2.0 * t)


@lean
def eye_frame(landmarks: NDArray[np.float64]) -> EyeFrame:
    """Scale of the head by the distance of its eyes, and their mean y and z."""
    left = right = height = depth = 0.0
    for k in range(6):
        right += landmarks[36 + k, 0] / 6.0
        left += landmarks[42 + k, 0] / 6.0
        height += (landmarks[36 + k, 1] + landmarks[42 + k, 1]) / 12.0
        depth += (landmarks[36 + k, 2] + landmarks[42 + k, 2]) / 12.0
    return (left - right) / EYE_DISTANCE, height, depth


@lean
def scalp_cover(
    x: float,
    y: float,
    z: float,
    eyes: EyeFrame,
    thinning: float,
    footprint: float,
    seed: float,
) -> float:
    """Share of hair roots on the scalp: 1 well inside the hairline (scalp.py)."""
    unit, height, depth = eyes
    up = (y - height) / unit
    if up < -0.09:
        return 0.0
    # Lids lie about 12 mm before the centres of the eyes.
    forward = (z - depth) / unit + 0.012 + EYE_DEPTH
    # the face, under any hairline of this person: those of children lie low
    if up < 0.045 + 0.065 * min(0.0, thinning) and abs(x) < 0.8 * forward * unit:
        return 0.0
    turn = abs(atan2(x / unit, forward)) * 57.29578
    above = _above_hairline(turn, up, thinning, sqrt(x * x / (unit * unit) + forward * forward))
    soft, wander = 0.034 + 0.025 * thinning, 0.010 + 0.016 * thinning
    if above < -0.35 * soft - 0.5 * wander:
        return 0.0
    ragged = wander * (value_noise(x * 110.0 + seed, y * 110.0, z * 110.0) - 0.5)
    inside = _smooth(0.35 + (above + ragged) / soft)
    if inside <= 0.0:
        return 0.0
    side, back = x / unit / 0.05, (forward + 0.02) / 0.055
    crown = exp(-side * side - back * back)
    inside *= 1.0 - min(1.0, 1.6 * max(0.0, thinning - 0.15) * crown)
    mottled = 0.84 + 0.16 * value_noise(x * 180.0 + seed, y * 180.0, z * 180.0)
    mottled += 0.16 * value_noise(x * 560.0, y * 560.0, z * 560.0 + seed)
    seen = min(1.0, max(0.0, 0.0011 / footprint - 0.8))
    if seen > 0.0:
        dots = hash2(int(x * 2400.0) * 7919 + int(z * 2400.0), int(y * 2400.0))
        mottled *= 1.0 + seen * (0.45 * dots - 0.26)
    return min(1.0, max(0.0, inside * mottled))


@lean
def _above_hairline(turn: float, up: float, thinning: float, radius: float) -> float:
    """Distance of a place on the head to the hairline, metres; below 0 on the bare side.

    turn    degrees from the middle of the face, about an axis that lies `radius` metres inwards
    up      metres above the eyes; of an adult's head
    """
    arc = max(0.02, radius) / 57.29578  # metres around the head in a degree
    k = 0
    while k < 8 and turn > _AZIMUTH[k + 1]:
        k += 1
    nearest, inside = 1.0, False
    for j in range(9):  # all: of some alone, the distance would jump where their number changes
        low = _HAIRLINE[j] + thinning * _RECESSION[j]
        rise = _HAIRLINE[j + 1] + thinning * _RECESSION[j + 1] - low
        run = (_AZIMUTH[j + 1] - _AZIMUTH[j]) * arc
        x, y = (turn - _AZIMUTH[j]) * arc, up - low
        if j == k:
            inside = y * run > x * rise
        share = min(1.0, max(0.0, (x * run + y * rise) / (run * run + rise * rise)))
        dx, dy = x - share * run, y - share * rise
        nearest = min(nearest, dx * dx + dy * dy)
    return sqrt(nearest) if inside else -sqrt(nearest)
