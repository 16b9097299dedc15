"""Looks through all that would be published for what must not be: paths, e-mail addresses, keys, names of persons.

A hundred thousand records have few different words. A word that was found harmless once is not looked at again, so
that most texts cost one split and one comparison of sets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headkit.privacy import names, patterns
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Record

A_NAME = "a person's name"
_SHOWN = 5  # places that a message names
_ENOUGH = 1000  # findings with which the run stops before all records are read
_REMEMBERED = 200_000  # words and short strings
_SHORT = 200  # characters of a string that is remembered
# Fields in words of people, where names are looked for; a license wants its author named.
_IN_WORDS = frozenset(["caption", "prompt.text", "prompt.negative", "generated.prompt"])
_UNIQUE = frozenset(["caption", "prompt.text"])  # hardly ever the same twice
_ATTRIBUTION = frozenset(["source.author"])
_TAKE_OUT = "Take it out of the records, leave the field out with --fields"
_STRIP = (
    "Strip the images before they are labelled (exiftool -all= FILE, or, coded anew, magick FILE -strip FILE; "
    "the records hold the sha256 of the old files)"
)
# A checksum is no secret in a field that is named for it, and never the same twice.
_CHECKSUMS = frozenset(["image_sha256", "published_sha256"])
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_NUMBERS = frozenset([float, int])
_DIGITS = str.maketrans("", "", "0123456789")


class Scan:
    """The findings in the records of a run.

    cleared  words and phrases that somebody has looked at: what lies in one of them is no finding
    """

    def __init__(self, cleared: Iterable[str] = ()) -> None:
        self.cleared = tuple(cleared)
        self.places: list[str] = []
        self.in_images = False  # whether files were looked into
        self.kinds: Counter[str] = Counter()
        self._harmless: set[str] = set()  # words of texts
        self._harmless_strings: set[str] = set()
        self._harmful: set[str] = set()  # words that may be, or may be of, something else

    def look(self, id: str, fields: Record) -> None:
        """Note what is in the fields of a record that are published; Stop(USAGE) after very many findings."""
        harmless = self._harmless_strings
        digits = id.isalnum() and id.islower() and len(id) <= 64 and not id.isalpha()
        if not digits and (shape := id.translate(_DIGITS)) not in harmless:
            self._look_at_id(id, shape)
        for name, value in fields.items():
            if name == "prompt" and type(value) is dict:
                self._look_at_prompt(id, value, fields.get("caption"))
            elif name != "id":
                self._look_into(id, name, value)
        if self.kinds and self.kinds.total() >= _ENOUGH:
            self.stop()

    def look_at(self, place: str, text: str) -> None:
        """Note the paths and keys in a document: names and addresses of its makers, and names of its files, are meant."""
        for kind, rule in patterns.KINDS.items():
            for found in rule.finditer(text) if rule is not patterns.ADDRESS else ():
                if rule is not patterns.PATH or patterns.OUTSIDE.match(found[0]):
                    line = text.count("\n", 0, found.start()) + 1
                    self.note(f"{place}:{line}", kind, found[0])

    def stop(self) -> None:
        """Stop(USAGE) where anything was found."""
        if not self.kinds:
            return
        more = self.kinds.total() - len(self.places)
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        rest = f", and {more} more places ({counts})" if more > 0 else ""
        raise Stop(
            USAGE,
            f"this would be published: {'; '.join(self.places)}{rest}. {_STRIP if self.in_images else _TAKE_OUT}, or, "
            "where it is harmless, put the words into a file for --cleared",
        )

    def _look_at_id(self, id: str, shape: str) -> None:
        """An id whose like, but for the digits, was not seen yet."""
        before, place = self.kinds.total(), f"id {id!r}"
        for kind, rule in patterns.KINDS.items():
            if found := rule.search(id):
                self.note(place, kind, found[0])
        if names.names_in_id(id):
            self.note(place, A_NAME, id)
        if self.kinds.total() == before:
            _remember(self._harmless_strings, shape)

    def _look_at_prompt(self, id: str, prompt: Record, caption: Any) -> None:
        """A prompt, which mostly begins as the caption does: that is read once."""
        text = prompt.get("text")
        if type(text) is not str or type(caption) is not str or not text.startswith(caption):
            self._look_into(id, "prompt", prompt)
            return
        self._look_into(id, "prompt", {**prompt, "text": None})
        rest = text[len(caption) :]
        if rest not in self._harmless_strings:
            self.read(id, "prompt.text", text)
            if not set(rest.split()) & self._harmful:
                _remember(self._harmless_strings, rest)

    def _look_into(self, id: str, name: str, value: Any) -> None:
        """Look at every string below a value."""
        harmless = self._harmless_strings
        if type(value) is str:
            if value not in harmless and not (name in _CHECKSUMS and _CHECKSUM.fullmatch(value)):
                self._look_at_string(id, name, value)
        elif _holds_new(value, harmless):
            for path, text in _strings(name, value):
                if text not in harmless:
                    self._look_at_string(id, path, text)

    def _look_at_string(self, id: str, path: str, text: str) -> None:
        """Read it, where it is in words, or look for what it is else."""
        if path not in _ATTRIBUTION and (path in _IN_WORDS or " " in text):
            self.read(id, path, text)
        else:
            self._check(id, path, text, named=False)

    def read(self, id: str, path: str, text: str) -> None:
        """A text in words: looked at only where one of its words may be something."""
        words = text.split()
        if self._harmless.issuperset(words):  # no set of them is made: most texts end here
            if path not in _UNIQUE and len(text) <= _SHORT:
                _remember(self._harmless_strings, text)
            return
        new = set(words) - self._harmless
        for word in new - self._harmful:
            if patterns.BEGINS.search(word) or names.may_name(word):
                _remember(self._harmful, word)
            else:
                _remember(self._harmless, word)
        suspicious = new & self._harmful
        if suspicious:
            self._check(id, path, text, named=any(names.may_name(word) for word in suspicious))

    def _check(self, id: str, path: str, text: str, *, named: bool) -> None:
        """Apply every rule to a text."""
        before = self.kinds.total()
        found = [(m.span(), kind) for kind, rule in patterns.KINDS.items() for m in rule.finditer(text)]  # fmt: skip
        if named:
            taken = [span for span, _ in found]
            found += [
                (span, A_NAME)
                for span in names.named_in(text)
                if not any(span[0] < end and start < span[1] for start, end in taken)
            ]
        for (start, end), kind in found:
            self.note(f"{path}[{start}:{end}] of {id!r}", kind, text[start:end], text)
        if not named and len(text) <= _SHORT and self.kinds.total() == before:
            _remember(self._harmless_strings, text)

    def note(self, place: str, kind: str, found: str, text: str = "") -> None:
        """Add a finding, unless it is cleared: `found` are the words, in `text`."""
        whole = text or found
        if any(found in words and words in whole for words in self.cleared):
            return
        self.kinds[kind] += 1
        if len(self.places) < _SHOWN:
            self.places.append(f"{place}, {kind}")


def cleared(file: str | None) -> tuple[str, ...]:
    """The lines of --cleared FILE; Stop(NO_INPUT) where it cannot be read."""
    if file is None:
        return ()
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not UTF-8"
        raise Stop(NO_INPUT, f"--cleared {file}: {why}; check the path") from None
    return tuple(line.strip() for line in lines if line.strip())


def _holds_new(value: Any, known: set[str]) -> bool:
    """Whether there is a string below a value, or a name of a field, that is not known."""
    kind = type(value)
    if kind is str:
        return value not in known
    if kind is dict:
        if not value.keys() <= known:
            return True
        for each in value.values():
            kind = type(each)
            if kind is str:
                if each not in known:
                    return True
            elif (kind is dict or kind is list) and _holds_new(each, known):
                return True
    elif kind is list and value:
        if _are_numbers(value):
            return False
        for each in value:
            if _holds_new(each, known):
                return True
    return False


def _are_numbers(value: list[Any]) -> bool:
    """Whether a list holds numbers alone, or lists of numbers: of the quick ways to tell, a sum is the quickest."""
    first = value[0]
    try:
        if type(first) in _NUMBERS:
            sum(value)
        elif type(first) is list and first and type(first[0]) in _NUMBERS:
            sum(map(sum, value))
        else:
            return False
    except TypeError:  # there is text among them
        return False
    return True


def _strings(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(path, text) of every string below a value, and of names of fields."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield f"{name}.*", key
            yield from _strings(f"{name}.{key}", each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(f"{name}[]", each)


def _remember(known: set[str], word: str) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known.add(word)
