"""How tall people are and how large their heads, by sex and age: published means and standard deviations.

Stature: WHO Child Growth Standards 2006 (birth to 5 years) and WHO Reference 2007 (5 to 19 years), medians;
adults stay at the WHO value for 19 years, and lose 4 cm between 50 and 90 (Sorkin et al. 1999).
Head circumference: WHO Child Growth Standards (birth to 5 years); Rollins et al. 2010 (5 to 18 years);
ANSUR II (adults). `sex` is 0 for female, 1 for male; what lies between is interpolated.
"""

from __future__ import annotations

import numpy as np

_AGES = (0, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 14, 15, 16, 18, 21, 50, 70, 90)  # years
# (mean, standard deviation) in centimetres at those ages
_STATURE = {
    0: (
        (
            49.1,
            59.8,
            65.7,
            74.0,
            86.4,
            95.1,
            102.7,
            109.4,
            115.1,
            126.6,
            138.6,
            151.2,
            156.4,
            159.8,
            161.7,
        )
        + (162.5, 163.1, 163.2, 163.2, 161.0, 158.5),
        (
            1.9,
            2.2,
            2.3,
            2.6,
            3.2,
            3.8,
            4.3,
            4.8,
            5.2,
            5.8,
            6.4,
            6.7,
            6.7,
            6.7,
            6.6,
            6.6,
            6.5,
            6.5,
            6.5,
            6.5,
            6.5,
        ),
    ),
    1: (
        (
            49.9,
            61.4,
            67.6,
            75.7,
            87.8,
            96.1,
            103.3,
            110.0,
            116.0,
            127.3,
            137.8,
            149.1,
            156.0,
            163.2,
            169.0,
        )
        + (172.9, 176.1, 176.5, 176.5, 174.5, 172.0),
        (
            1.9,
            2.0,
            2.1,
            2.4,
            3.1,
            3.7,
            4.2,
            4.6,
            4.9,
            5.6,
            6.3,
            7.0,
            7.5,
            7.8,
            7.8,
            7.5,
            7.2,
            7.0,
            7.0,
            7.0,
            7.0,
        ),
    ),
}
_HEAD = {
    0: (
        (33.9, 39.5, 42.2, 44.9, 47.2, 48.5, 49.3, 49.9, 50.8, 51.6, 52.4, 53.4, 53.9, 54.3, 54.6)
        + (54.9, 55.2, 55.4, 55.6, 55.6, 55.6),
        (
            1.2,
            1.2,
            1.2,
            1.3,
            1.3,
            1.4,
            1.4,
            1.4,
            1.4,
            1.5,
            1.5,
            1.5,
            1.5,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
        ),
    ),
    1: (
        (34.5, 40.5, 43.3, 46.1, 48.3, 49.5, 50.2, 50.7, 51.7, 52.6, 53.4, 54.3, 54.9, 55.5, 56.0)
        + (56.4, 56.9, 57.2, 57.3, 57.3, 57.3),
        (
            1.3,
            1.2,
            1.2,
            1.3,
            1.4,
            1.4,
            1.4,
            1.4,
            1.5,
            1.5,
            1.5,
            1.5,
            1.5,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
            1.6,
        ),
    ),
}


def stature(sex: float, age: float) -> tuple[float, float]:
    """Mean and standard deviation of body height in metres. Below 2 years it is length lying down."""
    return _lookup(_STATURE, sex, age)


def head_circumference(sex: float, age: float) -> tuple[float, float]:
    """Mean and standard deviation of head circumference in metres."""
    return _lookup(_HEAD, sex, age)


def _lookup(
    table: dict[int, tuple[tuple[float, ...], tuple[float, ...]]], sex: float, age: float
) -> tuple[float, float]:
    share = min(max(sex, 0.0), 1.0)
    mean, spread = (
        (1 - share) * float(np.interp(age, _AGES, table[0][row]))
        + share * float(np.interp(age, _AGES, table[1][row]))
        for row in (0, 1)
    )
    return mean / 100, spread / 100
