"""The vocabulary of people, and the draws of what is not said."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given as example
from hypothesis import settings
from hypothesis import strategies as some

from headkit import attributes

PEOPLE = [attributes.complete({}, attributes.seeded(1, str(k))) for k in range(6000)]


def shares(name: str) -> dict[Any, float]:
    counts = Counter(person[name] for person in PEOPLE)
    return {value: count / len(PEOPLE) for value, count in counts.items()}


def test_every_attribute_is_drawn_within_its_vocabulary() -> None:
    for person in PEOPLE:
        assert tuple(person) == attributes.NAMES
        assert attributes.check(person) == person


def test_sex_age_origin_and_tone_are_flat() -> None:
    for name, values in (("sex", 2), ("origin", 7), ("tone", 10)):
        found = shares(name)
        assert len(found) == values
        for value, share in found.items():
            assert share * values == pytest.approx(1, abs=0.15), (name, value)
    decades = Counter(person["age"] // 10 for person in PEOPLE if 10 <= person["age"] < 90)
    mean = sum(decades.values()) / len(decades)
    assert all(abs(count / mean - 1) < 0.15 for count in decades.values())


def test_draws_are_plausible_together() -> None:
    for person in PEOPLE:
        if person["sex"] == "female" or person["age"] < attributes.ADULT:
            assert person["beard"] == "none"
        if person["headwear"] == "headscarf":
            assert person["sex"] == "female"
        if person["clothes"] == "dress":
            assert person["sex"] == "female"
        if person["age"] < 30:
            assert person["hair_color"] not in ("gray", "white")
    old = [person for person in PEOPLE if person["age"] > 75]
    gray = sum(person["hair_color"] in ("gray", "white") for person in old) / len(old)
    assert gray > 0.6
    tones = {
        origin: [person["tone"] for person in PEOPLE if person["origin"] == origin]
        for origin in attributes.ORIGIN
    }
    means = {origin: sum(values) / len(values) for origin, values in tones.items()}
    assert means["african"] > 7.0
    assert means["european"] < 4.0
    assert all(max(values) - min(values) >= 4 for values in tones.values())  # wide on purpose


def test_what_is_given_stays_and_leaves_the_rest_as_it_was() -> None:
    before = attributes.complete({}, attributes.seeded(3, "x"))
    after = attributes.complete({"glasses": "sunglasses"}, attributes.seeded(3, "x"))
    assert after == {**before, "glasses": "sunglasses"}


def test_a_beard_asked_for_makes_a_man_and_red_hair_a_likely_origin() -> None:
    for k in range(200):
        person = attributes.complete({"beard": "goatee"}, attributes.seeded(4, str(k)))
        assert person["sex"] == "male"
        assert person["age"] >= 18
    origins = Counter(
        attributes.complete({"hair_color": "red"}, attributes.seeded(5, str(k)))["origin"]
        for k in range(300)
    )
    assert origins["european"] > 180


def test_seeds() -> None:
    first = attributes.seeded(1, "a", "b").random()
    assert attributes.seeded(1, "a", "b").random() == first
    assert attributes.seeded(1, "ab").random() != first
    assert attributes.seeded(2, "a", "b").random() != first
    attributes.seeded(0, "\udcff")  # an id of odd bytes is no reason to fail


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hair": "mohawk"}, "attribute hair 'mohawk' is not known; choose from bald,"),
        ({"age": 120}, "attribute age 120: a number from 0 to 95 is needed"),
        ({"age": True}, "attribute age True"),
        ({"age": float("nan")}, "attribute age nan"),
        ({"tone": 0}, "from 1 to 10"),
        ({"sex": 3}, "attribute sex 3 is not known"),
        ([], "an object is needed, found list"),
    ],
)
def test_faults_are_told_in_words(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match="attribute") as fault:
        attributes.check(given)
    assert words in str(fault.value)


def test_check_is_kind_to_case_none_and_strangers() -> None:
    given = {"hair": " Long ", "beard": None, "shoe_size": 44, "tone": 3.5}
    assert attributes.check(given) == {"hair": "long", "tone": 3.5}


@settings(max_examples=60)
@example(
    some.dictionaries(
        some.sampled_from([*attributes.NAMES, "other"]),
        some.none() | some.booleans() | some.floats() | some.text(max_size=5),
    )
)
def test_check_accepts_or_explains_anything(given: dict[str, Any]) -> None:
    try:
        known = attributes.check(given)
    except ValueError:
        return
    assert attributes.complete(known, attributes.seeded(0)).items() >= known.items()
