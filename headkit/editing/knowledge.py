"""What is known of a single word, of any script: the lists and tables that have it, as short names.

The tagger's features are made of these facts. `facts("emily")` holds "given" and "female"; facts("rose")
also "word" (an ordinary word of English) and "often" (a frequent one).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

from headkit.editing import tables
from headkit.editing.cased_words import stems
from headkit.editing.lexicon import lexicon, member
from headkit.editing.names_marks import by_first_word
from headkit.editing.tokens import Script, script_of

Facts = frozenset[str]

# Lists of headkit/data/words.zip by script (Latin: by language): fact -> members.
_LATIN = {
    "word": ("word.en",),
    "often": ("often.en",),
    "seen": ("seen.en",),
    "proper": ("proper.en",),
    "city": ("city.latin",),
}
_LISTS: dict[str, dict[str, tuple[str, ...]]] = {
    "cyrillic": {
        "word": ("word.ru",), "often": ("often.uk", "often.bg"), "said": ("said.uk", "said.bg", "said.mk"),
        "seen": ("seen.uk", "seen.bg", "seen.mk"),
        "given": ("given.ru",), "family": ("family.ru",), "place": ("place.ru", "city.cyrillic"),
    },
    "greek": {"often": ("often.el",), "said": ("said.el",), "seen": ("seen.el",), "place": ("city.greek",)},
    "arabic": {
        "often": ("often.ar", "often.fa", "often.ur"), "said": ("said.ar", "said.fa"),
        "seen": ("seen.ar", "seen.fa", "seen.ur"),
        "place": ("city.arabic",),
    },
    "hebrew": {"often": ("often.he",), "said": ("said.he",), "seen": ("seen.he",), "place": ("city.hebrew",)},
    "devanagari": {"often": ("often.hi",), "said": ("said.hi",), "seen": ("seen.hi",), "place": ("city.devanagari",)},
    "han": {"word": ("word.zh",), "name": ("name.zh",), "place": ("place.zh", "city.han")},
    "kana": {
        "word": ("word.ja",), "given": ("given.ja",), "family": ("family.ja",), "name": ("name.ja",),
        "place": ("place.ja", "city.kana", "city.han"), "proper": ("proper.ja",),
    },
    "hangul": {
        "word": ("word.ko",), "name": ("name.ko",), "place": ("place.ko", "city.hangul"), "proper": ("proper.ko",),
        "particle": ("particle.ko",),
    },
    "thai": {"word": ("word.th",), "often": ("often.th",), "given": ("given.th",), "family": ("family.th",), "place": ("city.thai",)},
}  # fmt: skip
# Prefixes that are grown onto a word: and, the, in, to, like, of.
_PREFIXES = {"arabic": ("وال", "بال", "لل", "ال", "و", "ب", "ل", "ف", "ك"), "hebrew": ("וה", "שה", "מה", "ו", "ה", "ב", "ל", "מ", "ש", "כ")}  # fmt: skip
_NAMED = frozenset(["given", "family", "GIVEN_AR", "FAMILY_AR", "GIVEN_HE", "FAMILY_HE"])
_COMPOUNDING = ("de", "nl", "sv", "da", "nb", "fi", "hu")
# Languages that are told by their words where no function word tells them.
_TOLD_APART = (
    "ca", "cs", "da", "de", "es", "fi", "fil", "fr", "hu", "id", "is", "it", "lt", "lv", "nb", "nl", "pl", "pt", "ro", "sh",
    "sk", "sl", "sv", "tr", "vi",
)  # fmt: skip
_UNCOUNTED = ("et", "ga", "gl", "sq", "sw")  # whose frequent words nobody has counted
_LIKELY = 4  # languages whose longer lists are asked
LANGUAGES = {"no": "nb", "sr": "sh", "hr": "sh", "tl": "fil"}


def facts(word: str, language: str) -> Facts:
    """What is known of a word in lower case; `language` of the caption ("en" for other scripts than Latin)."""
    return _facts(word, language)


@lru_cache(maxsize=20_000)
def _facts(word: str, language: str) -> Facts:
    script = script_of(word[0]) or "other"
    found = set(_in_tables(_fold(word, script)))
    own = _own(word, script, language)
    found |= own
    if len(word) > 3:
        found |= {f"~{fact}" for fact in _inflected(word, script, language)} if not own else set()
        found |= _of_persons(word, script, found)
    if any(letter.isdigit() for letter in word):
        found.add("digits")
    return frozenset(found)


def _own(word: str, script: str, language: str) -> set[str]:
    """The facts of the word as it stands, from the lists."""
    word = _fold(word, script)
    found = {fact for fact, words in _lists(script, language) if word in words}
    for fact, words in _named(script):
        if word in words:
            found.add(fact)
    return found


@lru_cache(maxsize=16)
def _named(script: str) -> tuple[tuple[str, frozenset[str]], ...]:
    book = lexicon()
    lists = (("given", book.given), ("family", book.family), ("place", book.place))
    if script not in ("arabic", "greek"):
        return lists
    return tuple(
        (fact, frozenset(_fold(word, script) for word in words if script_of(word[0]) == script))
        for fact, words in lists
    )


def _inflected(word: str, script: str, language: str) -> set[str]:
    """The facts of what the word may be a form of, a compound of, or grown together with."""
    found: set[str] = set()
    if script in ("cyrillic", "greek"):
        for stem in stems(word):
            found |= _own(stem, script, language)
    for prefix in _PREFIXES.get(script, ()):
        if word.startswith(prefix) and len(word) - len(prefix) > 1:
            rest = word[len(prefix) :]
            found |= _own(rest, script, language) | set(_in_tables(_fold(rest, script)))
            break
    if script == "latin":
        for ending in ("s", "es", "'", "ed", "ing", "er", "ly", "y", "ish", "less"):
            if word.endswith(ending) and len(word) - len(ending) > 2:
                found |= _own(word[: -len(ending)], script, language)
        if "-" in word:
            for part in word.split("-"):
                found |= {f"-{fact}" for fact in _own(part, script, language)} if part else set()
        if language in _COMPOUNDING and _is_compound(word, language):
            found.add("word")
    return found


def _of_persons(word: str, script: str, known: set[str]) -> set[str]:
    """Whether a word is a form of what persons are ("turistas", "певицата"), or of a name ("sophies")."""
    found = set()
    if known.isdisjoint(("ROLES", "FOLK")) and len(word) > 5:
        bases = [word[:-cut] for cut in (1, 2, 3) if len(word) - cut > 3]
        found |= {
            f"~{table}"
            for base in bases
            for table in _in_tables(base)
            if table in ("ROLES", "FOLK")
        }
    for prefix in _PREFIXES.get(script, ()):
        rest = word[len(prefix) :]
        unnamed = known.isdisjoint(("given", "family", "often"))
        if word.startswith(prefix) and len(rest) > 2 and unnamed:
            named = _own(rest, script, "en") | set(_in_tables(_fold(rest, script)))
            found |= {f"~{fact}" for fact in named if fact in _NAMED}
            break
    if (
        script == "latin"
        and word[-1] == "s"
        and known.isdisjoint(("given", "family", "word", "own often", "own said"))
    ):
        base = word[:-1].rstrip("'")
        found |= {f"~{fact}" for fact in _own(base, script, "en") if fact in ("given", "family")}
    return found


def _is_compound(word: str, language: str) -> bool:
    known = _of_language(language)
    return any(
        word[:k] in known and word[k:].removeprefix("s") in known for k in range(4, len(word) - 3)
    )


@lru_cache(maxsize=64)
def _lists(script: str, language: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """(fact, words) of a script; in Latin, of English and of the caption's language beside it."""
    found = _LATIN if script == "latin" else _LISTS.get(script, {})
    lists = [(fact, _union(*members)) for fact, members in found.items()]
    language = LANGUAGES.get(language, language)
    if script == "latin" and language not in ("en", "?"):
        lists += [
            (f"own {fact}", _listed(f"{fact}.{language}")) for fact in ("often", "said", "seen")
        ]
    if script not in ("latin", "cyrillic"):
        lists = [
            (
                fact,
                frozenset(_fold(word, script) for word in words)
                if script in ("arabic", "greek")
                else words,
            )
            for fact, words in lists
        ]
    return tuple(lists)


@lru_cache(maxsize=64)
def _union(*members: str) -> frozenset[str]:
    return frozenset().union(*(member(name) for name in members))


@lru_cache(maxsize=256)
def _listed(name: str) -> frozenset[str]:
    """A list of words.zip; empty where there is none of that name."""
    try:
        return member(name)
    except KeyError:
        return frozenset()


@lru_cache(maxsize=64)
def _of_language(language: str) -> frozenset[str]:
    """All words of a language that are known; names are among them."""
    return frozenset().union(*(_listed(f"{kind}.{language}") for kind in ("often", "said", "seen")))


@lru_cache(maxsize=1)
def _tables() -> dict[str, tuple[str, ...]]:
    """Word -> the tables of headkit/data/words/*.txt that have it."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(vars(tables)):
        table = getattr(tables, name)
        if not name.isupper() or not isinstance(table, (frozenset, dict)) or name in _UNUSED:
            continue
        for entry in table:
            word = _fold(entry, script_of(entry[0]) or "other")
            found[word].append(name)
    return {word: tuple(names) for word, names in found.items()}


_UNUSED = frozenset(
    [
        "FUNCTION_WORDS",
        "CHILD_TERMS",
        "GROWN_TERMS",
        "HARMLESS_TERMS",
        "SEXUAL_TERMS",
        "VIOLENT_TERMS",
        "FEMALE",
        "MALE",
        "UNISEX",
        "FAMILY",
        "GROWN_ENDINGS",
        "PLACE_JOINS",
        "PLACE_LEADS",
        "PLACE_STOPS",
        "PROPER_OPENINGS",
        "SAINTS",
        "SIGHT_OPENINGS",
        "SIGHT_ENDINGS",
        "SOFT_ENDINGS",
        "STREET_OPENINGS",
    ]
)


def _in_tables(word: str) -> tuple[str, ...]:
    return _tables().get(word, ())


_GREEK_FORMS = str.maketrans("άέήίόύώϊϋΐΰς", "αεηιουωιυιυσ")
_ARABIC_FORMS = str.maketrans(
    "أإآٱيكئ", "اااایکی", "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670\u0640\u200c"
)


def _fold(word: str, script: Script | str) -> str:
    """Spellings made one: the forms of Alef, Yeh and Kaf; vowel marks, accents and final forms of Greek."""
    if script == "arabic":
        return word.translate(_ARABIC_FORMS).replace("ة", "ه")
    if script == "greek":
        return word.translate(_GREEK_FORMS)
    return word


def likeliest_language(words: Sequence[str]) -> str:
    """The language that knows most of the words, where English knows few of them."""
    english = _union("word.en", "often.en")
    strange = [word for word in words if word not in english]
    if 2 * len(strange) <= len(words) or len(words) < 2:
        return "en"
    often = {name: sum(word in _listed(f"often.{name}") for word in words) for name in _TOLD_APART}
    likely = sorted(filter(often.get, often), key=lambda name: -often[name])[:_LIKELY]
    scores = {name: _share(name, words) for name in (*likely, *_UNCOUNTED)}
    scores["en"] = 1.0 * (len(words) - len(strange)) + 0.5
    return max(scores, key=lambda name: (scores[name], name == "en"))


def likeliest(words: Sequence[str], languages: Sequence[str]) -> str:
    """Of these languages, the one that knows most of the words, frequent ones before others."""
    scores = {name: _share(LANGUAGES.get(name, name), words) for name in languages}
    return max(scores, key=lambda name: scores[name], default=languages[0])


def _share(language: str, words: Sequence[str]) -> float:
    """How many of the words a language knows; frequent ones count more."""
    often = _listed(f"often.{language}")
    said, seen = _listed(f"said.{language}"), _listed(f"seen.{language}")
    return sum(
        1.0 if word in often else 0.8 if word in said else 0.6 if word in seen else 0.0
        for word in words
    )


def known_words(word: str, script: str) -> tuple[str, ...]:
    """What is known of a stretch of letters, in a script that parts no words; empty: it is no word."""
    found = [fact for fact, words in _lists(script, "en") if word in words]
    book = lexicon()
    if len(word) > 1:
        found += [
            fact
            for fact, words in (("given", book.given), ("family", book.family))
            if word in words and fact not in found
        ]
    return (*found, *_in_tables(word))


@lru_cache(maxsize=1)
def phrase_tables() -> tuple[tuple[str, dict[str, tuple[str, ...]]], ...]:
    """(name, phrases by their first word) of the tables of several words."""
    found = {
        "EPONYMS": tables.EPONYMS, "PLACES": tables.PLACES, "BRANDS": tables.BRANDS, "TITLES": tables.TITLES,
        "STAGE_NAMES": tables.STAGE_NAMES, "AGENCIES": tables.AGENCIES,
    }  # fmt: skip
    return tuple((name, by_first_word(phrases)) for name, phrases in found.items())


@lru_cache(maxsize=16)
def cities(script: str) -> dict[str, tuple[str, ...]]:
    """Cities of several words in a script, by their first word."""
    try:
        found = member(f"city.{script}")
    except KeyError:
        return {}
    return by_first_word(frozenset(name.replace("_", " ") for name in found if "_" in name))
