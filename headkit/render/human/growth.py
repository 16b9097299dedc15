"""How tall people are and how large their heads, by sex and age: published means and standard deviations.

Stature: WHO Child Growth Standards 2006 (birth to 5 years) and WHO Reference 2007 (to 19 years), medians; adults
stay at the WHO value for 19 years and lose 4 to 5 cm by 90 (Sorkin et al. 1999).
Head circumference: WHO Child Growth Standards (to 5 years); after Rollins et al. 2010 (to 18 years, girls
less up to 5 mm; known to 5 mm, the charts not opened); ANSUR II (Gordon et al. 2014) for adults, women less 11 mm: tapes run over their
hair, and at 561 mm their skulls would be broader and longer than the callipers of the same survey say.
Cephalic index: Likus et al. 2014 (to 3 years), Farkas et al. 1992 (children), ANSUR II (adults).
Distance of pupils: means drawn through Pacific University 1993 (to 6 years), MacLachlan and Howland 2002 (to 19
years), ANSUR II and Dodgson 2004 (adults). data/README.md sets the measured people beside these.
`sex` is 0 for female, 1 for male; what lies between is interpolated, and so are ages.
"""

from __future__ import annotations

import numpy as np

# fmt: off
# Years; then female mean and standard deviation, male mean and standard deviation, in centimetres.
STATURE = (
    (0,    49.1, 1.9,  49.9, 1.9), (0.25, 59.8, 2.2,  61.4, 2.0), (0.5,  65.7, 2.3,  67.6, 2.1),
    (1,    74.0, 2.6,  75.7, 2.4), (2,    86.4, 3.2,  87.8, 3.1), (3,    95.1, 3.8,  96.1, 3.7),
    (4,   102.7, 4.3, 103.3, 4.2), (5,   109.4, 4.8, 110.0, 4.6), (6,   115.1, 5.2, 116.0, 4.9),
    (8,   126.6, 5.8, 127.3, 5.6), (10,  138.6, 6.4, 137.8, 6.3), (12,  151.2, 6.7, 149.1, 7.0),
    (13,  156.4, 6.7, 156.0, 7.5), (14,  159.8, 6.7, 163.2, 7.8), (15,  161.7, 6.6, 169.0, 7.8),
    (16,  162.5, 6.6, 172.9, 7.5), (18,  163.1, 6.5, 176.1, 7.2), (21,  163.2, 6.5, 176.5, 7.0),
    (50,  163.2, 6.5, 176.5, 7.0), (70,  161.0, 6.5, 174.5, 7.0), (90,  158.5, 6.5, 172.0, 7.0),
)
HEAD_CIRCUMFERENCE = (
    (0,    33.9, 1.2,  34.5, 1.3), (0.25, 39.5, 1.2,  40.5, 1.2), (0.5,  42.2, 1.2,  43.3, 1.2),
    (1,    44.9, 1.3,  46.1, 1.3), (2,    47.2, 1.3,  48.3, 1.4), (3,    48.5, 1.4,  49.5, 1.4),
    (4,    49.3, 1.4,  50.2, 1.4), (5,    49.9, 1.4,  50.7, 1.4), (6,    50.8, 1.4,  51.7, 1.5),
    (8,    51.6, 1.5,  52.6, 1.5), (10,   52.4, 1.5,  53.4, 1.5), (12,   53.2, 1.5,  54.3, 1.5),
    (14,   53.9, 1.6,  55.5, 1.6), (16,   54.4, 1.6,  56.4, 1.6), (18,   54.7, 1.6,  56.9, 1.6),
    (21,   55.0, 1.6,  57.2, 1.6),
)
# Years, female, male.
CEPHALIC_INDEX = (
    (0, 0.79, 0.79), (0.5, 0.81, 0.81), (1, 0.81, 0.81), (2, 0.80, 0.80), (3, 0.79, 0.79),
    (6, 0.78, 0.78), (10, 0.775, 0.775), (14, 0.775, 0.77), (18, 0.78, 0.772),
)
EYE_DISTANCE = (  # centimetres
    (0, 3.80, 3.85), (0.25, 4.1, 4.15), (0.5, 4.3, 4.4), (1, 4.55, 4.65), (2, 4.7, 4.8), (3, 4.85, 4.95),
    (4, 5.0, 5.1), (6, 5.2, 5.3), (8, 5.4, 5.5), (10, 5.6, 5.7), (12, 5.8, 5.9), (14, 6.0, 6.1),
    (16, 6.1, 6.25), (18, 6.15, 6.3), (21, 6.2, 6.4),
)
# fmt: on
_Rows = tuple[tuple[float, ...], ...]


def stature(sex: float, age: float) -> tuple[float, float]:
    """Mean and standard deviation of body height in metres. Below 2 years it is length lying down."""
    return _between(STATURE, sex, age, 1, 3) / 100, _between(STATURE, sex, age, 2, 4) / 100


def head_circumference(sex: float, age: float) -> tuple[float, float]:
    """Mean and standard deviation of head circumference in metres."""
    rows = HEAD_CIRCUMFERENCE
    return _between(rows, sex, age, 1, 3) / 100, _between(rows, sex, age, 2, 4) / 100


def cephalic_index(sex: float, age: float) -> float:
    """Mean head breadth over head length."""
    return _between(CEPHALIC_INDEX, sex, age, 1, 2)


def eye_distance(sex: float, age: float) -> float:
    """Mean distance of the pupils in metres, eyes on something far."""
    return _between(EYE_DISTANCE, sex, age, 1, 2) / 100


def _between(rows: _Rows, sex: float, age: float, female: int, male: int) -> float:
    """A column for each sex, interpolated by age and mixed by sex."""
    years = [row[0] for row in rows]
    low, high = (float(np.interp(age, years, [row[k] for row in rows])) for k in (female, male))
    share = min(max(sex, 0.0), 1.0)
    return (1 - share) * low + share * high
