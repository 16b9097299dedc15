"""Words to attributes and back."""

from __future__ import annotations

from typing import Any

import pytest

from headkit import attributes
from headkit.prompt import read
from headkit.wording import Framing, Person, article, describe, listing

CASES: list[tuple[str, list[dict[str, Any]]]] = [
    (
        "a man in his 60s with a gray beard and a red hat",
        [
            {
                "sex": "male",
                "age": 64,
                "beard": "full beard",
                "beard_color": "gray",
                "headwear": "hat",
                "headwear_color": "red",
            }
        ],
    ),
    ("Three children", [{"age": 8}] * 3),
    ("THREE CHILDREN.", [{"age": 8}] * 3),
    (
        "two men and a girl with glasses",
        [{"sex": "male"}, {"sex": "male"}, {"sex": "female", "age": 8, "glasses": "glasses"}],
    ),
    (
        "A young woman, long red hair; without glasses or a hat. She is laughing!",
        [
            {
                "sex": "female",
                "age": 24,
                "hair": "long",
                "hair_color": "red",
                "glasses": "none",
                "headwear": "none",
                "expression": "laugh",
            }
        ],
    ),
    (
        "a black man in a black hat and an asian woman in a white dress",
        [
            {
                "sex": "male",
                "origin": "african",
                "headwear": "hat",
                "headwear_color": "black",
            },
            {
                "sex": "female",
                "origin": "east asian",
                "clothes": "dress",
                "clothes_color": "white",
            },
        ],
    ),
    (  # said later of one who was counted before
        "Two people stand here. The man has a beard. The woman wears a red jacket.",
        [
            {"sex": "male", "beard": "full beard"},
            {"sex": "female", "clothes": "jacket", "clothes_color": "red"},
        ],
    ),
    ("a couple", [{}, {}]),
    (
        "a 30-year-old bald man not wearing glasses",
        [{"sex": "male", "age": 30, "hair": "bald", "glasses": "none"}],
    ),
    (
        "an elderly lady with grey hair in a bun, wearing a hijab",
        [
            {
                "sex": "female",
                "age": 79,
                "hair": "bun",
                "hair_color": "gray",
                "headwear": "headscarf",
            }
        ],
    ),
    ("five smiling friends", [{"expression": "smile"}] * 5),
    ("a woman who isn't smiling", [{"sex": "female", "expression": "neutral"}]),
    (
        "a clean-shaven man with spectacles",
        [{"sex": "male", "beard": "none", "glasses": "glasses"}],
    ),
    ("a man with no hair", [{"sex": "male", "hair": "bald"}]),
    (
        "a woman in a navy t-shirt",
        [{"sex": "female", "clothes": "t-shirt", "clothes_color": "navy"}],
    ),
    ("an empty street, no people", []),
    ("", []),
    ("\u4e00 \U0001f600 !!! 999999999999999999999", []),
]


@pytest.mark.parametrize(("text", "people"), CASES, ids=[text[:40] for text, _ in CASES])
def test_people_of_a_prompt(text: str, people: list[dict[str, Any]]) -> None:
    assert read(text).people == people


def test_people_without_a_number_share_what_is_said() -> None:
    scene = read("a crowd of people with umbrellas, all wearing glasses")
    assert scene.people == []
    assert scene.count is None
    assert scene.of(0) == scene.of(11) == {"glasses": "glasses"}


def test_both_is_said_of_both() -> None:
    scene = read("a man and a woman, both wearing sunglasses")
    assert [scene.of(index)["glasses"] for index in range(2)] == ["sunglasses"] * 2


@pytest.mark.parametrize(
    ("text", "light", "background"),
    [
        ("a woman at sunset on the beach", "sunset", "beach"),
        ("studio headshot of a man", "studio", "plain"),
        ("two men at night in a street", "night", "street"),
        ("a girl in the forest, foggy", "overcast", "forest"),
        ("an office worker", None, "office"),
        ("a man", None, None),
    ],
)
def test_places(text: str, light: str | None, background: str | None) -> None:
    scene = read(text)
    assert (scene.light, scene.background) == (light, background)


def test_age_words_are_drawn_over_their_span() -> None:
    ages = {
        read("an elderly man", attributes.seeded(0, str(k))).people[0]["age"] for k in range(200)
    }
    assert min(ages) >= 66
    assert max(ages) <= 88
    assert len(ages) > 12


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("apple", "an apple"),
        ("European man", "a European man"),
        ("18-year-old girl", "an 18-year-old girl"),
        ("11-year-old boy", "an 11-year-old boy"),
        ("81-year-old man", "an 81-year-old man"),
        ("9-year-old boy", "a 9-year-old boy"),
        ("East Asian woman", "an East Asian woman"),
        ("orange hat", "an orange hat"),
    ],
)
def test_article(phrase: str, expected: str) -> None:
    assert article(phrase) == expected


def test_listing() -> None:
    assert [listing(["a", "b", "c"][:k]) for k in range(4)] == ["", "a", "a and b", "a, b and c"]


def scene_of(index: int, most: int = 3) -> tuple[str, list[dict[str, Any]], str, str]:
    draw = attributes.seeded(5, str(index))
    words = [attributes.complete({}, draw) for _ in range(draw.randint(1, most))]
    people = [Person(one, draw.choice(("front", "profile", "behind"))) for one in words]
    background = draw.choice(attributes.BACKGROUND)
    light = draw.choice(attributes.LIGHTS_OF[background])
    framing: Framing = draw.choice(("close-up", "portrait", "half", "full", "wide"))
    return describe(people, framing, light, background, draw), words, light, background


def near(said: Any, true: Any, name: str) -> bool:
    """Whether a word read from a text says what is true; ages and tones are told in steps."""
    if name == "age":
        return bool(abs(said - true) <= 12)
    if name == "tone":
        return bool(abs(said - true) <= 1)
    return bool(said == true)


def test_what_is_told_is_true_and_read_back() -> None:
    told = 0
    for index in range(400):
        text, words, light, background = scene_of(index)
        scene = read(text)
        assert len(scene.people) == len(words), text
        assert (scene.light, scene.background) == (light, background), text
        for said, true in zip(scene.people, words, strict=True):
            for name, value in said.items():
                assert near(value, true[name], name), (text, name, value, true[name])
                told += 1
    assert told > 400 * 5  # the test is not empty: it compares several words of each person


def test_crowds_are_counted() -> None:
    for index in range(400):
        draw = attributes.seeded(6, str(index))
        words = [attributes.complete({}, draw) for _ in range(draw.randint(4, 12))]
        text = describe([Person(one) for one in words], "wide", "daylight", "street", draw)
        scene = read(text)
        assert len(scene.people) == len(words), text
        for said in scene.people:  # everybody read back is somebody of the picture
            assert any(
                all(near(value, true[name], name) for name, value in said.items()) for true in words
            ), (text, said)
