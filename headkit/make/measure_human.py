"""Measures the heads of drawn people beside published anthropometry: `python -m headkit.make.measure_human`.

Prints the table of headkit/data/README.md. Needs scipy (extra `make`). Deterministic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make.head_measures import measures
from headkit.render.human.body import Body, load_body
from headkit.render.human.phenotype import ORIGINS

Array = NDArray[Any]

EACH = 12  # people of every origin, sex and age
SEED = 7
# Years and sex (0 female), then published breadth, length, circumference, pupils in millimetres; None: no source.
PUBLISHED: tuple[tuple[float, int, tuple[float | None, ...]], ...] = (
    (0, 0, (None, None, 339, 41)),
    (0, 1, (None, None, 345, 41)),
    (1, 0, (118, 160, 449, 46)),
    (1, 1, (118, 160, 461, 46)),
    (3, 0, (131, 176, 485, 50)),
    (3, 1, (131, 176, 495, 50)),
    (6, 0, (136, 182, 508, 51)),
    (6, 1, (136, 182, 517, 51)),
    (12, 0, (141, 187, 534, 57)),
    (12, 1, (141, 187, 543, 58)),
    (30, 0, (147, 187, 561, 62)),
    (30, 1, (154, 199, 574, 64)),
    (75, 0, (None, None, None, None)),
    (75, 1, (None, None, None, None)),
)


def main() -> None:
    """Prints one line of the table for each age and sex."""
    body = load_body()
    print("| age | sex | breadth | length | circumference | eyes apart |")
    print("|---|---|---|---|---|---|")
    for age, sex, published in PUBLISHED:
        found = sample(body, float(sex), age)
        cells = [
            f"{mean:.0f} ± {spread:.0f}" + (f" ({known:.0f})" if known is not None else "")
            for mean, spread, known in zip(
                found.mean(axis=0), found.std(axis=0), published, strict=True
            )
        ]
        print(f"| {age:g} | {'fm'[sex]} | " + " | ".join(cells) + " |")


def sample(body: Body, sex: float, age: float) -> Array:
    """(n, 4) breadth, length, circumference, eye distance in millimetres of people of every origin."""
    rng = np.random.default_rng(SEED)
    rows = []
    for origin in ORIGINS:
        for _ in range(EACH):
            rest = body.rest(body.identity(sex=sex, age=age, origin=origin, rng=rng))
            points = rest.vertices.astype(np.float64)
            size = measures(points, body.faces, body.masks["ears"])
            rows.append((size.breadth, size.length, size.circumference, size.eyes))
    return 1000 * np.array(rows)


if __name__ == "__main__":
    main()
