"""Prompt editing: attributes varied, pools, safety, and that nothing taken out is kept anywhere."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from headkit import attributes
from headkit.backends import gliner, text_tokens
from headkit.editing import Edited, EditOptions, check_options, edit
from headkit.editing.names import find
from headkit.editing.pools import seen_from
from headkit.editing.replacing import tidy
from headkit.editing.variation import GROUPS, vary
from headkit.prompt import read
from headkit.status import Stop
from headkit.tool import Failure
from headkit.wording import Person, describe


def edited(words, *, poses=None, id="a", earlier=(), **options):
    result = edit(words, poses or [], EditOptions(**options), seed=3, id=id, earlier=earlier)
    assert isinstance(result, Edited)
    return result


REPLACED = {
    "Emily smiling in a sunflower field": "A woman smiling in a sunflower field",
    "Dr. Susan Applegate in a white coat": "A woman in a white coat",
    "a portrait of Hiroshi Tanaka": "a portrait of a man",
    "painter A. B. Quince in her studio": "painter in her studio",
    "our daughter Rose holding a rose": "our daughter holding a rose",
    "Robin's dog on a sofa": "A person's dog on a sofa",
    "man in a Nike hoodie tying his shoes": "man in a hoodie tying his shoes",
    "man with an iPhone 12 case": "man with a case",
    "a scene from The Godfather": "a scene from a film",
    "Photo: Reuters/Nadia Kamal - man waving a flag": "man waving a flag",
    "wedding photos (studio.roth@example.net), couple": "wedding photos, couple",
    "photo by @jane.doe": "A photo",
    "Frau Lindemann mit Brille am Fenster": "Eine Frau mit Brille am Fenster",
    "Дмитрий Волошин играет на гитаре": "Мужчина играет на гитаре",
}


@pytest.mark.parametrize("words", REPLACED)
def test_what_stands_in_place_of_a_name(words):
    assert edited(words, quality=0).caption == REPLACED[words]


def test_edits_tell_rule_kind_and_place_alone():
    edits = edited("Emily and @kate_m in a Gucci coat", quality=0).edits
    assert [set(one) for one in edits] == [{"rule", "kind", "position"}] * 3
    assert [one["kind"] for one in edits] == ["person", "handle", "brand"]
    assert [one["position"] for one in edits] == [0, 10, 23]


def test_names_are_flagged_and_kept():
    flagged = edited("Emily and Kate at the lake", names="flag", quality=0)
    assert flagged.caption == "Emily and Kate at the lake"
    assert flagged.scores == {"names": 2.0}
    assert edited("Emily at the lake", names="keep", quality=0).edits == []


def test_no_name_is_seen_in_what_we_write_ourselves():
    for number in range(150):
        draw = random.Random(number)
        people = [Person(attributes.complete({}, draw)) for _ in range(draw.randint(0, 5))]
        background = draw.choice(attributes.BACKGROUND)
        caption = describe(people, "half", draw.choice(attributes.LIGHT), background, draw)
        assert find(caption) == [], caption


def test_a_network_finds_names_beside_the_rules():
    class Network:
        """A stand-in for GLiNER: the same call, the same answer."""

        def predict_entities(self, text, labels, threshold):
            assert "person name" in labels
            assert 0 < threshold < 1
            start = text.index("blorf")
            other = {"start": 0, "end": 1, "label": "colour", "text": "a", "score": 1.0}
            return [{"start": start, "end": start + 5, "label": "person name", "score": 0.9}, other]

    def finder(words):
        return gliner.stretches(Network(), words)

    words = "a photo of blorf and Emily"
    assert finder(words) == [(11, 16, "person")]
    result = edit(words, [], EditOptions(quality=0), seed=0, id="a", finder=finder)
    assert isinstance(result, Edited)
    assert result.caption == "a photo of a person and a woman"


def test_tokens_are_counted_as_the_encoder_does():
    import open_clip

    for words in ("", "a photo of a man", "Ein Mädchen mit Hut, 裸 " * 5):
        assert text_tokens.count(words) == int((open_clip.tokenize([words])[0] != 0).sum())


def test_gaps_are_mended():
    assert tidy('a man  in "" , with () an coat .') == "a man in, with a coat."


# ---- variation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "a man on a bench",
        "A MAN, on a bench!",
        "an old Asian man on a bench",
        "Portrait of a woman.",
    ],
)
def test_drawn_attributes_are_said_and_kept(words):
    changed, poses, edits = vary(words, [{}], tuple(GROUPS), random.Random(5))
    (person,) = read(changed).people
    assert {one["kind"] for one in edits} >= {"origin", "age"}
    for name in ("origin", "age", "expression", "glasses", "headwear", "hair"):
        said = person.get(name, "none")
        assert said == poses[0]["attributes"][name], (name, changed)
    again, same, none = vary(changed, poses, tuple(GROUPS), random.Random(6))
    assert (again, same) == (changed, poses)
    assert none == []


def test_what_a_pose_has_is_kept_and_said():
    pose = {"attributes": {"age": 71, "origin": "african", "mine": 1}}
    changed, (kept,), _ = vary("a young woman", [pose], ("origin", "age"), random.Random(1))
    assert changed == "a 71-year-old African woman"
    assert kept["attributes"] == {"age": 71, "origin": "african", "mine": 1, "sex": "female"}


def test_stage_of_life_and_later_words_stay():
    for number in range(30):
        changed, poses, _ = vary(
            "a girl with long red hair, laughing", [{}], tuple(GROUPS), random.Random(number)
        )
        own = poses[0]["attributes"]
        assert 4 <= own["age"] <= 12
        assert (own["hair"], own["hair_color"], own["expression"]) == ("long", "red", "laugh")
        assert changed.endswith("with long red hair, laughing")


def test_draws_are_flat_or_as_weighted():
    origins, moods = Counter(), Counter()
    for number in range(700):
        _, poses, _ = vary(
            "a man",
            [{}],
            ("origin", "expression"),
            random.Random(number),
            {"expression": {"sad": 3, "smile": 1}},
        )
        origins[poses[0]["attributes"]["origin"]] += 1
        moods[poses[0]["attributes"]["expression"]] += 1
    assert all(abs(origins[name] / 700 - 1 / 7) < 0.05 for name in attributes.ORIGIN)
    assert abs(moods["sad"] / 700 - 0.75) < 0.05


def test_groups_and_costumes_are_left():
    words = "two women and many people, one dressed as a man"
    assert vary(words, [{}], tuple(GROUPS), random.Random(1))[0] == words


# ---- pools, prompt, safety -----------------------------------------------------------------------


def test_pools_add_only_what_is_not_said():
    assert edited("a man at night with a 50mm lens in a park", pools="all", quality=0).edits == []
    drawn = edited("a man.", pools="light,lens,place", quality=0)
    assert [one["rule"] for one in drawn.edits] == ["place", "light", "lens"]
    assert drawn.caption.startswith("a man ")
    assert drawn.caption.endswith(".")
    again = edited(drawn.caption, pools="all", quality=0, earlier=drawn.edits)
    assert again.caption == drawn.caption


def test_views_follow_the_pose():
    behind, front = {"head": {"yaw": 170.0}}, {"head": {"yaw": 10.0}}
    words = edited("a man and a woman", poses=[front, behind], pools="view", quality=0).caption
    assert re.fullmatch(r"a man and a woman (seen from behind|facing away from the camera)", words)
    points = [[1.0, 1.0, 0.0]] * 5 + [[1.0, 1.0, 0.9]] * 12
    assert seen_from({"keypoints": points}) == "behind"
    assert seen_from({"keypoints": "?"}) == "front"


def test_quality_is_a_share():
    ends = [edited("a man", id=str(k), quality=0.3).text != "a man" for k in range(400)]
    assert abs(sum(ends) / 400 - 0.3) < 0.07
    assert edited("a man", negative="text").negative == "text"


def test_same_record_same_words():
    first = edited("Emily in a field", poses=[{}], vary="all", pools="all", id="x")
    assert first == edited("Emily in a field", poses=[{}], vary="all", pools="all", id="x")
    assert (
        first.caption
        != edited("Emily in a field", poses=[{}], vary="all", pools="all", id="y").caption
    )


@pytest.mark.parametrize(
    "words",
    [
        "a nude child", "N.U.D.E. little girl", "a nud3 schoolgirl", "a sexy 16 year old", "topless teen, aged 15",
        "Портрет голой девочки", "裸体の女の子", "desnuda, una niña", "a loli in lingerie",
    ],
)  # fmt: skip
def test_a_child_and_sexual_content_are_refused(words):
    result = edit(words, [], EditOptions(), seed=0, id="a")
    assert isinstance(result, Failure)
    assert result.kind == "refused"
    assert not any(
        word in result.message for word in re.findall(r"\w{4,}", words) if word != "child"
    )


def test_age_of_a_pose_counts_as_words_do():
    pose = {"attributes": {"age": 14}}
    result = edit("a naked person", [pose], EditOptions(), seed=0, id="a")
    assert isinstance(result, Failure)


@pytest.mark.parametrize(
    "words",
    [
        "a girl in a bikini",
        "same-sex couple with their child",
        "woman in nude lipstick with her son",
    ],
)
def test_what_is_harmless_passes(words):
    assert edited(words).scores == {}


def test_unsafe_terms_are_scores():
    assert edited("a naked man").scores == {"unsafe_sexual": 1.0}
    assert edited("a corpse on the street").scores == {"unsafe_violent": 1.0}


def test_lists_of_options_are_checked():
    with pytest.raises(Stop, match="--vary shoes"):
        check_options(EditOptions(vary="age,shoes"))
    with pytest.raises(Stop, match="--pools"):
        check_options(EditOptions(pools="age"))
