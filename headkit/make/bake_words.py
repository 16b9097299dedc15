"""Bakes the word lists of the name remover: `python -m headkit.make.bake_words` writes headkit/data/words.zip.

Names and places are those of faker's providers, ordinary words those of pyspellchecker, and what
headkit/make/word_sources.py reads from dictionaries of single languages. They are baked and not asked
for at run time: with another version of any, the same caption would lose other words.
headkit/data/words.md says what is inside and under which license.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import pkgutil
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import faker.providers.address
import faker.providers.person

from headkit.make import word_sources

# Words kept of each language, the most frequent first; English is needed for nearly every caption.
LANGUAGES = {
    "en": 200_000, "de": 40_000, "es": 25_000, "fr": 25_000, "it": 25_000, "nl": 20_000, "pt": 25_000,
    "ru": 20_000, "ar": 40_000, "fa": 20_000,
}  # fmt: skip
RARE = 50  # what pyspellchecker gives to a word of which it knows only that it exists
PLACES = (
    "cit",
    "state",
    "countr",
    "provinc",
    "prefect",
    "region",
    "department",
    "estados",
    "distrit",
)
VILLAGES = 600  # a longer list of Latin places holds every village, and half of all family names
SOURCES = (
    word_sources.english, word_sources.frequent, word_sources.russian, word_sources.chinese,
    word_sources.japanese, word_sources.korean, word_sources.thai, word_sources.cities,
)  # fmt: skip
OTHERS = {"female": "male", "male": "female"}
NAMED = ("female", "male", "given", "place", "city.latin")


def main() -> None:
    """Write the file; the same libraries give the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data/words.zip")
    parser.add_argument(
        "--only",
        metavar="SOURCE",
        help="bake one source anew (cities), keep what the file has of others",
    )
    options = parser.parse_args()
    out = options.out
    sources = [source for source in SOURCES if options.only in (None, source.__name__)]
    if not sources:
        parser.error(f"no source of that name: {options.only}")
    members = _baked(out) if options.only else _of_all_languages()
    for source in sources:
        members |= source()
    # A German dictionary has names beside nouns, all with a capital.
    members["said.de"] -= set().union(*(members[kind] for kind in NAMED))
    with zipfile.ZipFile(out, "w") as archive:
        for name, words in sorted(members.items()):
            text = "".join(f"{word}\n" for word in sorted(words))
            archive.writestr(zipfile.ZipInfo(name), text.encode(), zipfile.ZIP_LZMA)
            print(f"{name}: {len(words):,} words")
    print(f"{out}: {out.stat().st_size:,} bytes")


def _baked(path: Path) -> dict[str, set[str]]:
    """The members of a file that was made before."""
    with zipfile.ZipFile(path) as archive:
        return {
            name: set(archive.read(name).decode().split("\n")) - {""} for name in archive.namelist()
        }


def _of_all_languages() -> dict[str, set[str]]:
    words = {f"words.{language}": _words(language) for language in LANGUAGES}
    return {**_names(), "place": _places(), **words}


def _names() -> dict[str, set[str]]:
    """Given names by sex ("given" where both have them or it is not said) and family names."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for provider in _providers(faker.providers.person):
        for name, words in _lists(provider):
            if "name" not in name or "language" in name or "format" in name:
                continue
            kind = "family" if "last" in name else "female" if "female" in name else "given"
            if kind == "given" and "male" in name:
                kind = "male"
            for word in words:
                kinds[kind] |= _parts(word)
    both = kinds["female"] & kinds["male"]
    for kind in OTHERS:
        kinds[kind] -= both
        kinds["given"] -= kinds[kind]
    kinds["given"] |= both
    return dict(kinds)


def _places() -> set[str]:
    found: set[str] = set()
    for provider in _providers(faker.providers.address):
        for name, words in _lists(provider):
            kind = any(part in name for part in PLACES)
            if not kind or any(part in name for part in ("fix", "format", "abbr", "code", "cap_")):
                continue
            latin = sum(_is_latin(word) for word in words) > len(words) / 2
            if latin and len(words) > VILLAGES:
                continue
            found |= {_plain(word) for word in words if len(word) > 1 and not word.isdigit()}
    return {word for word in found if word and "(" not in word and ")" not in word}


def _words(language: str) -> set[str]:
    folder = Path(find_spec("spellchecker").origin).parent / "resources"
    counts = json.loads(gzip.decompress((folder / f"{language}.json.gz").read_bytes()))
    known = {word: n for word, n in counts.items() if n > RARE or language in ("fa", "ru")}
    order = sorted(known, key=lambda word: (-known[word], word))[: LANGUAGES[language]]
    return {
        word for word in map(_plain, order) if word.replace("'", "").isalpha() and len(word) > 1
    }


# ---- reading the libraries -----------------------------------------------------------------------


def _providers(package: ModuleType) -> Iterator[type]:
    yield package.Provider
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            yield importlib.import_module(f"{package.__name__}.{module.name}").Provider


def _lists(provider: type) -> Iterator[tuple[str, list[str]]]:
    for name, value in sorted(vars(provider).items()):
        if not name.startswith("_") and isinstance(value, (tuple, list, dict)):
            words = list(_strings(value))
            if words:
                yield name.lower(), words


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "{" not in value and "#" not in value:
            yield value
    elif isinstance(value, (tuple, list, dict, set)):
        for each in value:
            yield from _strings(each)


def _plain(word: str) -> str:
    return unicodedata.normalize("NFC", word).replace("\u2019", "'").strip().lower()


def _parts(name: str) -> set[str]:
    """A name and, where it has several words, each of them."""
    whole = _plain(name)
    parts = {part.strip("()'") for part in whole.replace("-", " ").split()}
    # One letter is a name only where a letter is a syllable or a word.
    return {part for part in parts if len(part) > 1 or ord(part or "a") > 0x2E80}


def _is_latin(word: str) -> bool:
    return all(ord(letter) < 0x250 for letter in word)


if __name__ == "__main__":
    main()
