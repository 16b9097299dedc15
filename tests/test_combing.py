"""Hair averaged along its strands, and locks that keep company: on small examples with known answers."""

import numpy as np
import pytest

from headkit.render.drawing.samples import place
from headkit.render.shading.combing import comb
from headkit.render.wardrobe.hanging import rejoined

SIDE = 24
HAIR = (slice(6, 18), slice(5, 19))  # rows and columns of the picture that show hair
WHOLE = (0, 0, SIDE, SIDE)


def combed(picture, course, *, behind=2.0, spare=()):
    """The picture with a patch of hair, 1 m away, combed along `course` (right, down); `spare` pixels show something else."""
    chosen = np.zeros((SIDE, SIDE), bool)
    chosen[HAIR] = True
    for pixel in spare:
        chosen[pixel] = False
    y, x = np.nonzero(chosen)
    count = len(y)
    inverse_at = np.full((2 * SIDE + 1, 2 * SIDE + 1), 1.0 / behind)
    inverse_at[2 * y + 1, 2 * x + 1] = 1.0
    at = np.array([place(2 * j + 1, 2 * i + 1) for j, i in zip(y, x, strict=True)], np.int64)
    points = np.ones((count, 3), np.float32)
    ways = np.tile(np.array(course, np.float32), (count, 1))
    result = picture.copy()
    owners = np.zeros(count, np.int32)
    comb(np.arange(count), at, owners, points, ways, inverse_at, WHOLE, result)
    return result, chosen


def noise():
    return np.random.default_rng(3).random((SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("course", [(1.0, 0.0), (0.0, -1.0), (0.6, 0.6), (-0.3, 0.9)])
def test_strands_are_even_along_and_differ_across(course):
    down, right = np.mgrid[:SIDE, :SIDE]
    across = (right * course[1] - down * course[0]) / np.hypot(*course)  # pixels beside a strand
    lines = 0.5 + 0.3 * np.sin(across * 0.9)
    dots = 0.15 * np.random.default_rng(5).choice((-1.0, 1.0), (SIDE, SIDE))
    picture = np.repeat((lines + dots)[..., None], 3, axis=2).astype(np.float32)
    result, _ = combed(picture, course, behind=1.0)
    inner = (slice(10, 14), slice(9, 15))
    left = result[inner][..., 0] - lines[inner]
    assert left.std() < 0.55 * dots[inner].std()
    assert np.corrcoef(result[inner][..., 0].ravel(), lines[inner].ravel())[0, 1] > 0.9


def test_only_hair_and_the_ends_of_its_strands_change():
    picture = noise()
    result, hair = combed(picture, (1.0, 0.0))
    changed = (result != picture).any(axis=2)
    beyond = np.zeros_like(hair)
    beyond[HAIR[0], [HAIR[1].start - 1, HAIR[1].stop]] = True
    assert np.array_equal(changed, hair | beyond)


def test_strands_fade_into_what_lies_behind_their_ends_and_not_into_what_covers_them():
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    picture[HAIR] = 1.0
    result, _ = combed(picture, (1.0, 0.0), behind=2.0)
    row = result[12, :, 0]
    last = HAIR[1].stop - 1
    assert 0.3 < row[last] < 0.8
    assert 0.2 < row[last + 1] < row[last]
    assert row[last + 2] == 0.0
    assert row[last - 3] == row[8] == 1.0
    covered, _ = combed(picture, (1.0, 0.0), behind=0.5)
    assert np.array_equal(covered, picture)


def test_hair_at_the_borders_of_the_picture():
    y, x = np.mgrid[:SIDE, :SIDE]
    y, x = y.ravel(), x.ravel()
    count = len(y)
    at = (2 * y + 1) << 16 | (2 * x + 1)
    inverse_at = np.ones((2 * SIDE + 1, 2 * SIDE + 1))
    angle = np.random.default_rng(1).uniform(0.0, 6.28, count)
    ways = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    picture = np.full((SIDE, SIDE, 3), 0.25, np.float32)
    comb(
        np.arange(count), at, np.zeros(count, np.int32), np.ones((count, 3), np.float32), ways,
        inverse_at, WHOLE, picture,
    )  # fmt: skip
    assert np.allclose(picture, 0.25)


def test_a_lock_that_hangs_apart_joins_its_neighbours():
    t = np.linspace(0.0, 1.0, 12)
    down = np.stack([0.09 + 0.0 * t, 0.05 - 0.3 * t, 0.0 * t], axis=1)
    line = np.stack([down + np.array([0.0, 0.0, 0.002 * n]) for n in range(8)]).astype(np.float32)
    line[7] += (np.stack([0.0 * t, 0.0 * t, 0.2 * t], axis=1)).astype(np.float32)  # to the front
    outward = np.tile(np.array([1.0, 0.0, 0.0], np.float32), (8, 12, 1))
    among = np.arange(8) < 7
    moved, turned = rejoined(line, outward, among, np.zeros(3, np.float32))
    assert len(moved) == 8, "none is lost"
    assert np.array_equal(moved[:7], line[:7])
    assert np.allclose(moved[7, 0], line[7, 0])
    assert np.allclose(moved[7, 6:], line[6, 6:], atol=1e-5)
    assert np.allclose(np.linalg.norm(turned, axis=2), 1.0, atol=1e-5)
