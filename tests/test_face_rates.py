"""Rates of false and true matches: thresholds hold on people who were not there, and intervals hold what they say."""

import math

import numpy as np
import pytest

from headkit.faces.matching import (
    UnsupportedRateError,
    closest,
    one_each,
    threshold_at,
    true_match_rate,
)
from headkit.faces.rates import clopper_pearson, false_matches, true_matches
from headkit.twins.cosines import stored


def people(count, seed, width=24, spread=0.6):
    """Directions about a common one, as the vectors of an untrained network are; some people are nearer to it."""
    random = np.random.default_rng(seed)
    own = random.normal(size=(count, width)) * random.uniform(0.7, 1.3, (count, 1))
    own[:, 0] += spread * math.sqrt(width)
    return stored(own)


def cosines_of(vectors):
    """All pairs, by another way: float64 and no tiles."""
    wide = vectors.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide @ wide.T)[np.triu_indices(len(wide), 1)]


def test_clopper_and_pearson_as_in_tables():
    assert clopper_pearson(0.0, 10) == (0, pytest.approx(0.308, abs=5e-4))
    assert clopper_pearson(1.0, 10) == (pytest.approx(0.692, abs=5e-4), 1)
    assert clopper_pearson(0.2, 10) == pytest.approx((0.0252, 0.5561), abs=5e-4)
    # None among N: about 3.7 / N two-sided, 3 / N one-sided.
    assert clopper_pearson(0.0, 1e6)[1] == pytest.approx(3.689e-6, rel=1e-3)


def test_the_nearest_is_by_cosine_and_not_by_angle():
    """Of 60 degrees the cosine is 0.5, the angular distance of the screening that is followed 1, the angle a third."""
    east = np.array([[1.0, 0.0]])
    gallery = stored(np.array([[math.cos(a), math.sin(a)] for a in np.radians([60, 120, 180])]))
    assert closest(stored(east), gallery)[0] == pytest.approx(0.5, abs=1e-3)
    assert closest(stored(east * 100), gallery)[0] == pytest.approx(0.5, abs=1e-3)
    assert closest(stored(east), gallery[2:])[0] == -1


def test_the_nearest_is_exact_whatever_stands_beside_it():
    gallery, asked = people(5000, 1), people(7, 2)
    together = closest(asked, gallery)
    wide = [rows.astype(np.float64) for rows in (asked, gallery)]
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in wide]
    assert together == pytest.approx((unit[0] @ unit[1].T).max(axis=1), abs=1e-12)
    alone = [closest(asked[k : k + 1], gallery[::-1])[0] for k in range(7)]
    assert together.tolist() == alone


@pytest.mark.parametrize("tile", [2048, 64])
def test_the_threshold_is_the_lowest_with_the_rate(tile, monkeypatch):
    monkeypatch.setattr("headkit.faces.matching._TILE", tile)
    vectors = people(300, 3)
    all_pairs = cosines_of(vectors)
    for rate in (0.01, 3.001 / len(all_pairs)):
        found = threshold_at(vectors, rate)
        matches = int((all_pairs >= found.cosine).sum())
        assert matches <= rate * len(all_pairs)
        assert (all_pairs >= found.cosine - 1.01e-5).sum() > int(rate * len(all_pairs))
        assert found.false.share == matches / len(all_pairs)
        assert found.false.low < rate < found.false.high


def test_a_rate_that_the_pairs_do_not_support_is_refused():
    with pytest.raises(
        UnsupportedRateError, match=r"50 people make 1225 pairs.*0\.0024.*2450 people"
    ):
        threshold_at(people(50, 4), 1e-6)
    with pytest.raises(UnsupportedRateError):
        threshold_at(people(1, 4), 0.5)
    with pytest.raises(UnsupportedRateError, match="several names"):
        threshold_at(people(1, 4)[[0] * 40], 0.1)


def test_each_person_is_compared_once_and_more_people_than_needed_are_drawn():
    assert one_each(["b", "a", "b", "c", "a"], 0.5) == [0, 1, 3]
    many = one_each([str(k) for k in range(6000)], 0.01)
    assert len(many) == 4473
    assert many == sorted(set(many))
    assert many != list(range(4473))


def test_intervals_of_false_matches_hold_the_rate_of_everybody():
    """Thresholds from 100 samples of people, each against a population: 95 of 100 intervals hold its rate, nearly.

    Intervals that took pairs for independent would be too narrow: some people look like many.
    """
    population = people(1500, 5)
    every = cosines_of(population)
    held = naive = 0
    for seed in range(100):
        found = threshold_at(people(120, 100 + seed), 0.01)
        rate = float((every >= found.cosine).mean())
        held += found.false.low <= rate <= found.false.high
        low, high = clopper_pearson(found.false.share, found.false.comparisons)
        naive += low <= rate <= high
    assert held >= 88
    assert naive < held - 5


def test_intervals_of_true_matches_count_people():
    random = np.random.default_rng(6)
    held = 0
    for _ in range(200):
        photos = random.integers(1, 9, 60)
        found = random.binomial(photos, random.beta(4, 1, 60))  # some people are harder than others
        rate = true_matches(found, photos)
        held += rate.low <= 0.8 <= rate.high
    assert 184 <= held <= 200
    sure = true_matches(np.array([9, 9, 9]), np.array([9, 9, 9]))
    assert (sure.share, sure.high, sure.people, sure.comparisons) == (1, 1, 3, 27)
    assert sure.low == pytest.approx(0.292, abs=1e-3)  # of three people, not of 27 photos


def test_false_matches_of_pairs_that_share_a_person_count_less():
    chain = np.ones(200, np.int64)  # 100 matches among 200 people
    hub = np.zeros(200, np.int64)
    hub[0], hub[1:101] = 100, 1  # all of them with one
    independent, shared = false_matches(chain), false_matches(hub)
    assert independent.share == shared.share == 100 / 19900
    assert (independent.low, independent.high) == pytest.approx(clopper_pearson(100 / 19900, 19900))
    assert shared.high > 2 * independent.high


def test_true_matches_are_of_photos_of_the_same_person():
    gallery = people(40, 7)
    ids = [str(k) for k in range(40)]
    near = stored(
        gallery.astype(np.float64) + np.random.default_rng(8).normal(scale=0.02, size=gallery.shape)
    )
    assert true_match_rate(near, ids, gallery, ids, 0.9).share == 1
    assert true_match_rate(near, ids[::-1], gallery, ids, 0.99).share == 0
    assert true_match_rate(near, ["nobody"] * 40, gallery, ids, 0.9) is None
