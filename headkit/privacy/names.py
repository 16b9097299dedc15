"""Names of persons in what is published.

The finder of `caption` (headkit/editing) is believed where one of the words is known as a name and is no ordinary
word: that stops a run, so that a word too many costs more here than there. It takes milliseconds, and is asked only of
texts with such a word. An id names somebody where two names stand side by side in it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from headkit.editing.knowledge import facts
from headkit.editing.names import find
from headkit.editing.tokens import script_of

_NAMED = frozenset(["given", "family"])
_ORDINARY = frozenset(["word", "STRONG"])
_OF_PERSONS = frozenset(["person", "handle", "credit", "nickname"])
# Words of machines that are given names as well.
_TECHNICAL = frozenset(
    ["max", "val", "min", "dev", "ada", "mel", "sol", "ray", "sim", "gen", "cam", "art", "van", "del", "pat", "les", "bin"]
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PARTED = re.compile(r"[A-Za-z]+")


def may_name(word: str) -> bool:
    """Whether a text with this word (as it stands between spaces) must be read by the finder."""
    return any(_may_be_name(part.lower()) for part in _WORD.findall(word))


def named_in(text: str) -> list[tuple[int, int]]:
    """The places of names in a text, in code points."""
    return [
        (one.start, one.end)
        for one in find(text)
        if one.kind in _OF_PERSONS and (one.kind != "person" or may_name(text[one.start : one.end]))
    ]


def names_in_id(id: str) -> bool:
    """Whether an id, or a part of a file name, holds a given name beside another name."""
    parts: list[str] = []
    for word in re.split(r"[^A-Za-z0-9]+", id):
        # Letters between digits are of a number (7ada31), not of a name.
        parts += _PART.findall(word) if _PARTED.fullmatch(word) else [""]
    return any(_are_names(*pair) for pair in pairwise(parts))


@lru_cache(maxsize=20_000)
def _may_be_name(word: str) -> bool:
    script = script_of(word[0])
    if script not in ("latin", "greek", "cyrillic"):
        return script is not None  # no spaces, or no lists to go by: the finder reads it
    if len(word) < 3 or word in _TECHNICAL:
        return False
    found = facts(word, "en")
    if found.isdisjoint(_NAMED) or not found.isdisjoint(_ORDINARY):
        return False
    return "often" not in found or "proper" in found  # she, seven, among: names somewhere


@lru_cache(maxsize=20_000)
def _are_names(first: str, second: str) -> bool:
    one, two = first.lower(), second.lower()
    if min(len(one), len(two)) < 3:
        return False
    known = facts(one, "en"), facts(two, "en")
    given = "given" in known[0] and _may_be_name(one)
    return given and two not in _TECHNICAL and not known[1].isdisjoint(_NAMED)
