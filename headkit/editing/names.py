"""Takes names out of a caption: of persons, titles, brands, nicknames, handles, addresses, credits.

Two readers find them: rules (headkit/editing/names_ruled.py), for what marks and lists give away, and a
tagger trained on captions (headkit/editing/tagging.py), for the words that are in no list. What either
finds goes, but for persons that only rules see where the tagger is sure of the contrary. Nothing keeps,
writes or logs the words. tests/data/names.md says what must go and what must stay, and what is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from headkit.editing import letter_features, tagging, word_features
from headkit.editing.finding import Finding, Kind, merged
from headkit.editing.knowledge import facts
from headkit.editing.lexicon import lexicon
from headkit.editing.names_marks import signs
from headkit.editing.names_ruled import ruled
from headkit.editing.tokens import script_of
from headkit.editing.word_features import main_kind

# How far the tagger leans to a name (chosen by folds), and with which leaning that finds none a rule is
# not believed either.
LEANING = 0.0
DOUBT = 2.0
_JOINS = frozenset(" \u00a0\t-–'’.\"“”„«»・·")
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
    found += _runs(text, tagged)
    said = signs(text)
    found = [one for one in found if not any(a <= one.start and one.end <= b for a, b in said)]
    return merged(
        text, [one for one in (_trimmed(text, each) for each in found) if one.end > one.start]
    )


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
        found += _labelled(text, places, own, "words")
    if scripts & word_features.LETTERWISE:
        tongue = letter_features.tongue_of(text)
        spans = letter_features.spans(text, tongue, by_rules)
        own = letter_features.features(text, tongue, spans)
        found += _labelled(text, letter_features.letters(text), own, "letters")
    return sorted(found, key=lambda one: one.start)


def _labelled(
    text: str,
    places: Sequence[tuple[int, int]],
    own: Sequence[Sequence[tuple[str, ...]]],
    level: str,
) -> Iterator[Tagged]:
    """The units that this level decides: letters of scripts that part no words, or words of the others."""
    weights = tagging.weights(level)
    scores = tagging.scores(own, level)
    scripts = [script_of(text[start]) for start, _ in places]
    letterwise = level == "letters"
    labels = tagging.best_labels(scores, weights, LEANING)
    possible = tagging.best_labels(scores, weights, DOUBT)
    for (start, end), each, label, other in zip(places, scripts, labels, possible, strict=True):
        if (each in word_features.LETTERWISE) == letterwise:
            yield Tagged(start, end, label, bool(other))


def _runs(text: str, tagged: Sequence[Tagged]) -> Iterator[Finding]:
    """Neighbours of one label, as one finding."""
    start = end = label = 0
    for one in [*tagged, Tagged(len(text), len(text), 0, False)]:
        if label and (one.label != label or not set(text[end : one.start]) <= _JOINS):
            if _says_something(text[start:end]):
                yield Finding(
                    start, end, _KINDS[label], _sex(text[start:end]) if label == 1 else None
                )
            label = 0
        if one.label and not label:
            start, label = one.start, one.label
        end = one.end


def _says_something(words: str) -> bool:
    """Whether there is more than numbers and function words."""
    return any(
        part.strip("0123456789.,-")
        and main_kind(facts(part.lower(), "en")) not in ("AND", "det", "prep", "small")
        for part in words.split()
    )


def _believed(text: str, one: Finding, tagged: Sequence[Tagged]) -> Iterator[Finding]:
    """A finding of the rules without what the tagger is sure is of no name."""
    doubted = [
        each for each in tagged
        if one.kind == "person" and not each.possible and one.start <= each.start and each.end <= one.end
    ]  # fmt: skip
    start = one.start
    for each in [*doubted, Tagged(one.end, one.end, 0, False)]:
        part = text[start : each.start]
        if any(letter.isalpha() for letter in part):
            begin = start + len(part) - len(part.lstrip())
            yield replace(one, start=begin, end=begin + len(part.strip()))
        start = each.end


def _trimmed(text: str, one: Finding) -> Finding:
    """Without an article before a person ("Ο Γιώργος"), and with all signs of the last letter."""
    end = one.end
    while end < len(text) and text[end] in "ะาำิีึืฺุู็่้๊๋์ํๆ" and script_of(text[end - 1]) == "thai":
        end += 1
    start = one.start
    if one.kind == "person":
        first, _, rest = text[start:end].partition(" ")
        if rest and first.lower() in ("ο", "η", "τον", "την", "της", "του"):
            start = end - len(rest)
    return replace(one, start=start, end=end)


def _sex(name: str) -> str | None:
    """What the first given name says."""
    for word in name.lower().split():
        if "given" in facts(word, "en"):
            return None if "word" in facts(word, "en") else lexicon().sex(word)
    return None
