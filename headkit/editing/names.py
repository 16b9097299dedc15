"""Takes names out of a caption: of persons, titles, brands, nicknames, handles, addresses, credits.

Two readers find them: rules (headkit/editing/names_ruled.py), for what marks and lists give away, and a
tagger trained on captions (headkit/editing/tagging.py), for the words that are in no list. What either
finds goes, but for persons that only rules see where the tagger is sure of the contrary. Nothing keeps,
writes or logs the words. tests/data/names.md says what must go and what must stay, and what is reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from headkit.editing import borders, letter_features, tables, tagging, word_features
from headkit.editing.finding import Finding, Kind, merged
from headkit.editing.knowledge import Facts, facts
from headkit.editing.lexicon import lexicon
from headkit.editing.named_places import named_places
from headkit.editing.names_marks import files, signs, tags
from headkit.editing.names_ruled import places, ruled
from headkit.editing.tokens import CASED, script_of, tokens
from headkit.editing.word_features import main_kind

# How far the tagger leans to a name (chosen by folds), and with which leaning that finds none a rule is
# not believed either.
LEANING = 0.5
DOUBT = 3.0
CAUTION = 1.5  # how much more must speak for a name in an ordinary word that opens a sentence
_NOT_ROLES = frozenset(
    ["given", "family", "name", "GIVEN_AR", "GIVEN_HE", "GIVEN_HI", "HONORIFICS", "HONORIFICS_AR", "HONORIFICS_HE", "HONORIFICS_HI"]
)  # fmt: skip
_NAMED = frozenset(
    [
        "given", "family", "name", "~given", "~family", "GIVEN_AR", "GIVEN_HE", "GIVEN_HI", "FAMILY_AR", "FAMILY_HE",
        "FAMILY_HI", "AMBIGUOUS_AR", "AMBIGUOUS_HE", "AMBIGUOUS_HI", "PARTICLES_AR", "STAGE_NAMES", "HONORIFICS_HI",
        "ENDINGS_HI", "HONORIFICS", "HONORIFIC_ENDINGS",
    ]
)  # fmt: skip
_ORDINARY = frozenset(["word", "said", "own said", "ROLES", "~ROLES"])
_COMMON = _ORDINARY | {"often", "own often"}
_FAMILIES = frozenset(["family", "~family"])
_FAMILY_FIRST = ("hu", "vi")
_WORDS = re.compile(r"[^\s,،;.()]+")
_ARTICLES = frozenset(["ο", "η", "τον", "την", "της", "του"])
_JOINS = frozenset(" \u00a0\t-–'’.\"“”„«»・·")
# Kinds of words that a rule may take along with a name ("Jürgen Obermaier in Berlin"): the tagger decides.
_PLAIN = frozenset(["det", "prep", "small", "AND", "verb", "picture", "people", "calendar"])
_KINDS: tuple[Kind, ...] = ("person", "person", "title", "brand")


@dataclass(frozen=True)
class Tagged:
    """A word or letter, its label, and whether it could be of a name at all."""

    start: int
    end: int
    label: int
    possible: bool


def find(text: str) -> list[Finding]:
    """Everything in a caption that names somebody or something; in order, none over another."""
    by_rules = ruled(text)
    tagged = _tagged(text, [(one.start, one.end) for one in by_rules])
    found = [part for one in by_rules for part in _believed(text, one, tagged)]
    found += _outside_marks(text, _runs(text, tagged, by_rules), by_rules)
    said = [*signs(text), *places(text)]
    found = [one for one in found if not _is_within(one, said)]
    listed = [one for one in by_rules if one.kind != "person"]
    found = [one for one in found if one in listed or not _is_within(one, named_places(text))]
    return merged(
        text, [one for one in (_trimmed(text, each) for each in found) if one.end > one.start]
    )


def _is_within(one: Finding, stretches: Iterable[tuple[int, int]]) -> bool:
    return any(start <= one.start and one.end <= end for start, end in stretches)


def _tagged(text: str, by_rules: Sequence[tuple[int, int]]) -> list[Tagged]:
    """The words of the caption, or its letters where words are not parted, in order."""
    scripts = {script for letter in text if (script := script_of(letter))}
    found: list[Tagged] = []
    if scripts - word_features.LETTERWISE:
        units = word_features.units(text)
        tongue, capitals = word_features.caption_language(text)
        known = word_features.word_facts(text, units, tongue, by_rules)
        own = word_features.features(text, units, known, tongue, capitals)
        places = [(unit.start, unit.end) for unit in units]
        plain = [main_kind(each) in _PLAIN for each in known]
        found += _labelled(text, places, own, "words", plain, _openings(units, known))
    if scripts & word_features.LETTERWISE:
        tongue = letter_features.tongue_of(text)
        spans = letter_features.spans(text, tongue, by_rules)
        own = letter_features.features(text, tongue, spans)
        places = letter_features.letters(text)
        none = [False] * len(places)
        found += _labelled(text, places, own, "letters", none, none)
    return sorted(found, key=lambda one: one.start)


def _openings(units: Sequence[word_features.Unit], known: Sequence[Facts]) -> list[bool]:
    """Which words only open a sentence, for all that is known: ordinary ones with no name behind them."""
    found = []
    for k, unit in enumerate(units):
        after = units[k + 1] if k + 1 < len(units) else None
        cased = unit.script in CASED
        named = after is not None and (
            after.text[0].isupper() if cased else not _NAMED.isdisjoint(known[k + 1])
        )
        found.append(unit.first and not named and not _COMMON.isdisjoint(known[k]))
    return found


def _labelled(
    text: str,
    places: Sequence[tuple[int, int]],
    own: Sequence[Sequence[tuple[str, ...]]],
    level: str,
    plain: Sequence[bool],
    openings: Sequence[bool],
) -> Iterator[Tagged]:
    """The units that this level decides: letters of scripts that part no words, or words of the others."""
    weights = tagging.weights(level)
    scores = [
        [score[0], *(each - CAUTION * opening for each in score[1:])]
        for score, opening in zip(tagging.scores(own, level), openings, strict=True)
    ]
    scripts = [script_of(text[start]) for start, _ in places]
    letterwise = level == "letters"
    labels = tagging.best_labels(scores, weights, LEANING)
    possible = tagging.best_labels(scores, weights, DOUBT)
    for k, (start, end) in enumerate(places):
        if (scripts[k] in word_features.LETTERWISE) == letterwise:
            yield Tagged(start, end, labels[k], bool(labels[k] if plain[k] else possible[k]))


def _runs(text: str, tagged: Sequence[Tagged], by_rules: Sequence[Finding]) -> Iterator[Finding]:
    """Neighbours of one label, as one finding."""
    scripts = {script for letter in text if (script := script_of(letter))}
    spans: list[letter_features.Span] | None = None
    start = end = label = 0
    for one in [*tagged, Tagged(len(text), len(text), 0, False)]:
        if label and (one.label != label or not set(text[end : one.start]) <= _JOINS):
            ruled = any(start < each.end and each.start < end for each in by_rules)
            if scripts & {"thai", "kana"} and not ruled:
                if spans is None:
                    spans = letter_features.spans(text, letter_features.tongue_of(text), ())
                start, end = borders.whole(text, start, end, spans)
            if _says_something(text[start:end]):
                yield Finding(
                    start, end, _KINDS[label], _sex(text[start:end]) if label == 1 else None
                )
            label = 0
        if one.label and not label:
            start, label = one.start, one.label
        end = one.end


def _outside_marks(
    text: str, found: Iterable[Finding], by_rules: Sequence[Finding]
) -> Iterator[Finding]:
    """Without what stands in a file name or an address, which rules decide; of a hashtag, all or nothing."""
    marked = [(one.start, one.end) for one in by_rules if one.kind in ("handle", "address")]
    marked += files(text)
    tagged = tags(text)
    for one in found:
        inside = [(a, b) for a, b in tagged if a < one.end and one.start < b]
        if any(a <= one.start and one.end <= b for a, b in marked):
            continue
        if inside:
            start, end = inside[0]
            if 2 * (min(end, one.end) - max(start, one.start)) > end - start - 1:
                yield replace(one, start=start, end=end)
            continue
        for start, end in marked:
            if start < one.end and one.start < end:
                one = replace(one, end=start) if one.start < start else replace(one, start=end)
        yield one


def _says_something(words: str) -> bool:
    """Whether there is more than numbers and function words."""
    return any(
        part.strip("0123456789.,-")
        and main_kind(facts(part.lower(), "en")) not in ("AND", "det", "prep", "small")
        for part in words.split()
    )


def _believed(text: str, one: Finding, tagged: Sequence[Tagged]) -> Iterator[Finding]:
    """A finding of the rules without what the tagger is sure is of no name."""
    doubted: list[Tagged] = []
    named = False
    inside = [each for each in tagged if one.start <= each.start and each.end <= one.end]
    for each in reversed(inside if one.kind == "person" else []):
        if each.possible or (named and _is_honorific(text[each.start : each.end].lower())):
            named = True
        else:
            doubted.insert(0, each)
            named = False
    start = one.start
    for each in [*doubted, Tagged(one.end, one.end, 0, False)]:
        part = text[start : each.start]
        if any(letter.isalpha() for letter in part):
            begin = start + len(part) - len(part.lstrip())
            yield replace(one, start=begin, end=begin + len(part.strip()))
        start = each.end


def _trimmed(text: str, one: Finding) -> Finding:
    """Without what only stands beside a person: an article, an occupation, a verb; with all signs of the last letter."""
    end = one.end
    while end < len(text) and text[end] in "ะาำิีึืฺุู็่้๊๋์ํๆ" and script_of(text[end - 1]) == "thai":
        end += 1
    start = one.start
    if one.kind == "person":
        first, _, rest = text[start:end].partition(" ")
        while rest and (
            first.lower() in _ARTICLES or _is_role(first.lower()) or _only_opens(text, start, end)
        ):
            start = end - len(rest)
            first, _, rest = rest.partition(" ")
        start = _past_role(text, start, end)
        end = _without_deeds(text, start, end)
    return replace(one, start=start, end=end)


def _only_opens(text: str, start: int, end: int) -> bool:
    """Whether an ordinary word opens the sentence and a given name is behind it: "Weaver Saturnina Ccori"."""
    words = tokens(text)
    at = next((k for k, token in enumerate(words) if token.start == start), None)
    if at is None or not words[at].first or at + 1 == len(words) or words[at + 1].start >= end:
        return False
    tongue, capitals = word_features.caption_language(text)
    word, after = words[at], words[at + 1]
    if capitals != "sentence" or tongue in _FAMILY_FIRST or after.gap != " " or not after.cap:
        return False
    own = facts(word.word, tongue)
    given = "given" in facts(after.word, tongue) or after.initials
    # "Miller Anna Roos" is a miller, "Miller Anna" may be called so.
    third = at + 2 < len(words) and words[at + 2].start < end and words[at + 2].cap
    given = given or (third and _ORDINARY.isdisjoint(facts(after.word, tongue)))
    names = _NAMED - _FAMILIES if third else _NAMED
    return given and not _ORDINARY.isdisjoint(own) and names.isdisjoint(own)


def _without_deeds(text: str, start: int, end: int) -> int:
    """Where a person's name ends before words that say what the person does: "ИГОРЬ ЛАПТЕНКО ЗАВОЕВАЛ"."""
    words = list(_WORDS.finditer(text, start, end))
    tongue, capitals = word_features.caption_language(text)
    for k, word in enumerate(words):
        script = script_of(word[0][0])
        small = script in CASED and capitals == "sentence" and word[0].islower()
        if k < (1 if script == "thai" else 2) or (script in CASED and not small and k < 2):
            continue
        if script in ("latin", "greek") and not small:
            continue
        own = facts(word[0].lower(), tongue)
        if "PARTICLES_AR" in facts(words[k - 1][0], tongue):
            continue
        if not _ORDINARY.isdisjoint(own) and _NAMED.isdisjoint(own) and "PARTICLES" not in own:
            return words[k - 1].end()
    return end


def _is_role(word: str) -> bool:
    """Whether a word only says what somebody is ("Schauspieler", "l'acteur", "للكاتب")."""
    bare = word.replace("\u2019", "'").rpartition("'")[2]
    known = facts(bare, "en") if bare.isalpha() else frozenset[str]()
    names = {"given", "family", "name", "GIVEN_AR", "GIVEN_HE", "GIVEN_HI"}
    role = not known.isdisjoint(("ROLES", "FOLK")) and known.isdisjoint(names)
    return role and not _is_honorific(bare)


def _is_honorific(word: str) -> bool:
    return any(fact.startswith("HONORIFICS") for fact in facts(word, "en"))


def _past_role(text: str, start: int, end: int) -> int:
    """Where the name begins behind a role that is grown together with it: "导演贾文涛"."""
    if script_of(text[start]) in word_features.LETTERWISE:
        for size in range(5, 1, -1):
            if end - start - size > 1 and text[start : start + size] in tables.ROLES:
                return start + size
    return start


def _sex(name: str) -> str | None:
    """What the first given name says."""
    for word in name.lower().split():
        if "given" in facts(word, "en"):
            return None if "word" in facts(word, "en") else lexicon().sex(word)
    return None
