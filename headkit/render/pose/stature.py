"""Child or adult: the age that 2D key points make plausible, from the size of head against body.

A head is nearly grown at six, a body is not: a newborn is four heads tall, an adult seven and a half.
Numpy only, no body is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headkit.render.pose.coco import checked
from headkit.render.pose.skeleton import Array

# Pairs of key points and their distance on an adult (metres, mean of the baked human from 25 to 60
# years, both sexes): the longest in the picture, against these, are the least foreshortened.
_FACE = (((1, 2), 0.063), ((3, 4), 0.155), ((1, 3), 0.099), ((2, 4), 0.099), ((0, 3), 0.135))
_FACE_PAIRS = np.array([*(pair for pair, _ in _FACE), (0, 4)])
_FACE_METRES = np.array([*(metres for _, metres in _FACE), 0.135])
_BODY_PAIRS = np.array(
    [
        (5, 6),
        (11, 12),
        (5, 11),
        (6, 12),
        (5, 7),
        (6, 8),
        (7, 9),
        (8, 10),
        (11, 13),
        (12, 14),
        (13, 15),
        (14, 16),
    ]
)
_BODY_METRES = np.array(
    [0.318, 0.189, 0.488, 0.488, 0.26, 0.26, 0.233, 0.233, 0.38, 0.38, 0.382, 0.382]
)

# `head_to_body` by age, of the baked human facing the camera with arms and legs stretched (tests compare).
AGES = np.array([0.5, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 25, 40, 60, 80])
RATIO = np.array(
    [
        1.67,
        1.6,
        1.48,
        1.395,
        1.325,
        1.225,
        1.14,
        1.075,
        1.01,
        0.955,
        0.93,
        0.93,
        0.93,
        0.935,
        0.945,
        0.955,
    ]
)
# Of the measured logarithm, over 40 drawn adults and the 12 adults of the COCO sample: heads are seen
# a little smaller, since their points lie closer together and turn out of the picture more often.
BIAS, SPREAD = -0.06, 0.15
_YEARS = np.arange(0.5, 90.5, 0.5)
_PRIOR = np.where(_YEARS < 14.0, 0.6, 1.0)  # of people in photographs, roughly
GROWN = 14.0  # years from which the ratio says nothing more
# When a child is drawn: so sure, and with so many segments of the body in the picture. A trunk that is
# bent or cut off looks as short as a child's, and an adult with a child's body is the worse mistake.
SURE, SEGMENTS = 0.6, 5


@dataclass(frozen=True)
class Age:
    """What key points say about an age, in years: mean and spread, and the chance of under 13."""

    mean: float
    spread: float
    child: float


def head_to_body(keypoints: Any) -> float | None:
    """Size of head against body in the picture, 1 for adults; None where too little is seen.

    keypoints (17, 3) x, y, confidence. Needs two points of the face and two segments of the body.
    ValueError as `coco.checked` raises it.
    """
    known = checked(keypoints)
    face = _largest(known, _FACE_PAIRS, _FACE_METRES, 1)
    body = _largest(known, _BODY_PAIRS, _BODY_METRES, 2)
    if face is None or body is None:
        return None
    return face / body


def plausible_age(keypoints: Any) -> Age:
    """The age that the key points make plausible; the prior where they say nothing of it."""
    weights = age_weights(keypoints)
    mean = float(weights @ _YEARS)
    spread = float(np.sqrt(weights @ (_YEARS - mean) ** 2))
    return Age(mean, spread, float(weights[_YEARS < 13.0].sum()))


def draw_age(keypoints: Any, rng: np.random.Generator, least: float = 0.0) -> int:
    """An age in whole years, drawn from what the key points leave: a child's only where they are sure of it.

    rng    takes one number, whatever the key points are
    least  years below which nobody is drawn
    """
    weights = age_weights(keypoints)
    young = _YEARS < GROWN
    child = least < GROWN and weights[young].sum() > SURE and segments(keypoints) >= SEGMENTS
    weights = np.where((young == child) & (least <= _YEARS), weights, 0.0)
    place = np.searchsorted(np.cumsum(weights), rng.random() * weights.sum(), side="right")
    return int(_YEARS[min(int(place), len(_YEARS) - 1)])


def segments(keypoints: Any) -> int:
    """How many segments of trunk and limbs have both ends known."""
    known = checked(keypoints)[:, 2] > 0.0
    return int(known[_BODY_PAIRS].all(axis=1).sum())


def age_weights(keypoints: Any) -> Array:
    """Posterior over ages 0.5, 1 ... 90 years, sums to 1."""
    weights = _PRIOR.copy()
    ratio = head_to_body(keypoints)
    if ratio is not None:
        expected = np.log(np.interp(_YEARS, AGES, RATIO)) + BIAS
        weights *= np.exp(-0.5 * ((np.log(ratio) - expected) / SPREAD) ** 2) + 1e-9
    share: Array = weights / weights.sum()
    return share


def _largest(keypoints: Array, pairs: Array, metres: Array, least: int) -> float | None:
    """Pixels per metre of the longest-looking pairs; None where fewer than `least` are seen."""
    a, b = pairs.T
    both = (keypoints[a, 2] > 0.0) & (keypoints[b, 2] > 0.0)
    if both.sum() < least:
        return None
    ratio = np.linalg.norm(keypoints[a, :2] - keypoints[b, :2], axis=1)[both] / metres[both]
    # The second largest of many: one wrong point must not decide.
    ratio = np.sort(ratio)
    value = float(ratio[-2] if len(ratio) >= 4 else ratio[-1])
    return value if value > 0.0 else None
