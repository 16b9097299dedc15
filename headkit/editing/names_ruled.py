"""What rules find in a caption: what marks, lists and the places of words give away, script by script.

headkit/editing/names.py joins it with what the tagger finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from headkit.editing import names_marks as marks
from headkit.editing.finding import Finding, merged
from headkit.editing.lexicon import lexicon
from headkit.editing.names_cased import Cased
from headkit.editing.names_chinese import chinese
from headkit.editing.names_flat import Flat
from headkit.editing.names_indic_thai import devanagari, thai
from headkit.editing.names_japanese import japanese
from headkit.editing.names_korean import korean
from headkit.editing.names_semitic import arabic, hebrew
from headkit.editing.tables import (
    BRANDS,
    CASED_TITLES,
    CLUB_NOUNS,
    CLUBS,
    DUAL,
    EPONYMS,
    GENERIC_NOUNS,
    PLACES,
    STAGE_NAMES,
    TITLE_CUES,
    TITLE_NEIGHBOURS,
    TITLES,
)
from headkit.editing.tokens import CASED, Script, Token, language, lower, regime, script_of, tokens


def ruled(text: str) -> list[Finding]:
    """What the rules find in a caption; in order, none over another."""
    marked = [
        *marks.addresses(text),
        *marks.file_names(text),
        *marks.hashtags(text),
        *marks.credits(text),
        *marks.nicknames(text),
    ]
    words = tokens(text)
    safe = _safe(text, words)
    public = _public(text, words, safe)
    marked += public
    found = [*marked, *_by_script(text, words, _covered(words, safe, marked))]
    found += [one for one in marks.quotations(text) if not _inside_name(one, found)]
    return merged(text, [one for one in found if one.end > one.start])


def _by_script(text: str, words: tuple[Token, ...], safe: list[bool]) -> Iterator[Finding]:
    scripts = {script for letter in text if (script := script_of(letter))}
    if any(script in CASED for script in scripts):
        cased = tuple(token for token in words if script_of(token.text[0]) in CASED)
        how, tongue = regime(cased), language(cased)
        if how == "title" and tongue == "de":
            how = "sentence"  # every noun has a capital
        if scripts - set(CASED):
            safe = _words_within(text, words, safe)
        if how == "sentence":
            yield from Cased(text, words, safe, tongue).find()
        yield from Flat(words, safe, how, tongue).find()
    if "arabic" in scripts:
        yield from arabic(text)
    if "hebrew" in scripts:
        yield from hebrew(text)
    if "devanagari" in scripts:
        yield from devanagari(text)
    if "thai" in scripts:
        yield from thai(text)
    if "hangul" in scripts:
        yield from korean(text)
    if "kana" in scripts or ("han" in scripts and ("撮影" in text or "写真" in text)):
        yield from japanese(text)
    elif "han" in scripts:
        yield from chinese(text)
    if any(script in CASED for script in scripts) and scripts - set(CASED):
        yield from _foreign(text)


def _words_within(text: str, words: tuple[Token, ...], safe: list[bool]) -> list[bool]:
    """Where a caption is in a script without capitals, English words in it are no names ("Polo 衫")."""
    letters = [script for letter in text if (script := script_of(letter))]
    if sum(script in CASED for script in letters) > 0.5 * len(letters):
        return safe
    return [
        flag or token.word in lexicon().english for token, flag in zip(words, safe, strict=True)
    ]


def _foreign(text: str) -> Iterator[Finding]:
    """A run of another script inside an English caption: "K-pop star 김하늘", "Wang Xiaoli (王小丽)"."""
    letters = [script for letter in text if (script := script_of(letter))]
    latin = sum(script == "latin" for script in letters)
    if latin < 0.5 * len(letters):
        return
    for match in re.finditer(r"[^\W\d_a-zA-Z\u00C0-\u024F\u1E00-\u1EFF][^\x00-\u024F]*", text):
        run = match[0].rstrip(" ,.;:)（）」』\u3000")
        own: Script | None = script_of(run[0])
        if own in (None, "latin", "other") or own in CASED:
            continue
        before = text[: match.start()].rstrip(' (:（「"').lower()
        cue = re.search(
            r"(?:star|singer|actor|actress|player|bride|groom|photo|by|portrait of|named|called|girl|boy|artist|model|idol|chef|teacher|dancer|painter|author|poet|mr\.?|ms\.?|mrs\.?|dr\.?|of|and|with|credit|for)$",
            before,
        )
        named = text[: match.start()].rstrip().endswith(("(", "（"))
        if (
            (cue or named)
            and len(run.split()) <= 4
            and len(run) <= 24
            and not (named and not _name_before(text, match.start()))
        ):
            end = match.start() + len(run)
            place = lower(run) in lexicon().place
            if not place:
                yield Finding(match.start(), end, "person")


def _name_before(text: str, position: int) -> bool:
    """Whether capitals stand right before an opening bracket."""
    before = re.search(r"([^\W\d_]\S*)\s*[(（]\s*$", text[:position])
    return bool(before and before[1][0].isupper())


# ---- what is safe, what is public ----------------------------------------------------------------


def _safe(text: str, words: tuple[Token, ...]) -> list[bool]:
    """Which words belong to a thing called after somebody, a feast, a breed, a dish."""
    spans = _safe_spans(text)
    return [any(start <= token.start < end for start, end in spans) for token in words]


def places(text: str) -> list[tuple[int, int]]:
    """Things of several words that are called after somebody, feasts, sights: no name in them is one."""
    plain = lower(text)
    return [
        (start, end)
        for start, end in marks.phrases_in(plain, _eponyms())
        if " " in plain[start:end]
    ]


@lru_cache(maxsize=16)
def _safe_spans(text: str) -> tuple[tuple[int, int], ...]:
    plain = lower(text)
    return tuple(
        [
            (start, end)
            for start, end in marks.phrases_in(plain, _eponyms())
            if " " in plain[start:end]
            or plain[start:end] not in CELESTIAL
            or not re.match(r"\s[A-Z]", text[end : end + 2])
        ]
    )


CELESTIAL = (
    "moon",
    "sun",
    "earth",
    "mars",
    "venus",
    "god",
    "oxford",
    "jersey",
    "champagne",
    "corona",
    "oxfords",
    "paisley",
    "madeleine",
    "sandwich",
    "caesar",
    "apollo",
    "zeus",
    "jesus",
    "christ",
    "buddha",
    "krishna",
    "moses",
    "shiva",
    "hollywood",
)


def _public(text: str, words: tuple[Token, ...], safe: list[bool]) -> list[Finding]:
    """Brands, titles, characters and stage names of the lists."""
    plain = lower(text)
    spans = _safe_spans(text)
    found: list[Finding] = []
    for table, kind in ((_brands(), "brand"), (_titles(), "title"), (_stars(), "nickname")):
        for start, end in marks.phrases_in(plain, table):
            phrase = plain[start:end]
            short = phrase in DUAL and phrase in lexicon().english
            if short and not text[start].isupper():
                continue
            if any(s <= start and end <= e for s, e in spans) or (
                short and _opens(words, start) and text[end : end + 1] != "'"
            ):
                continue
            head, _, noun = phrase.rpartition(" ")
            small = text[start].isupper() and text[end - len(noun) : end].islower()
            if head and (noun in GENERIC_NOUNS or (small and kind == "brand")):
                end = start + len(head)  # "joker costume", "Gillette razor": the noun stays
            if kind == "brand":
                end = _model_end(text, end)
            elif kind == "nickname":
                start = _given_before(words, start)
            found.append(
                Finding(
                    start,
                    end,
                    "brand" if kind == "brand" else "title" if kind == "title" else "person",
                )
            )
    return found + _cased_titles(words, safe)


def _given_before(words: tuple[Token, ...], start: int) -> int:
    """Back over a given name that stands before one that everybody knows."""
    for before, token in pairwise(words):
        if (
            token.start == start
            and token.gap == " "
            and before.cap
            and before.word in lexicon().given
        ):
            return before.start
    return start


def _model_end(text: str, end: int) -> int:
    """Over the name of a model behind a brand: "iPhone 12 Pro", "Canon EOS R5"."""
    model = re.match(
        r"(?:[ \-](?:\d+[\w\-]*|Pro|Max|Plus|Mini|Air|Ultra|Mark [IV]+|[A-Z]+\d+\w*|EOS|GT|XL|SE|XR|XS|Note|Fold|Flip))+(?![\w])",
        text[end:],
    )
    return end + model.end() if model else end


def _cased_titles(words: tuple[Token, ...], safe: list[bool]) -> list[Finding]:
    """Titles and brands of one ordinary word: with a capital inside a sentence, or beside a cue."""
    found = [
        Finding(club.start, club.end, "brand")
        for club, noun in pairwise(words)
        if club.word in CLUBS and noun.word in CLUB_NOUNS and noun.gap == " "
    ]
    how = regime(words)
    cue = any(token.word in TITLE_NEIGHBOURS or token.word in TITLE_CUES for token in words)
    for index, token in enumerate(words):
        if token.word not in CASED_TITLES or safe[index]:
            continue
        before = words[index - 1].word if index else ""
        after = words[index + 1].word if index + 1 < len(words) else ""
        beside = after in TITLE_NEIGHBOURS or (after in ("birthday", "themed", "inspired"))
        led = before in ("of", "from") and index > 1 and words[index - 2].word in TITLE_CUES
        if how == "sentence":
            if (
                token.cap
                and not token.first
                and (beside or led or (before in ("in", "from", "as") and cue))
            ):
                found.append(Finding(token.start, token.end, "title"))
        elif (
            beside
            and any(
                other.word
                in (
                    "elsa",
                    "anna",
                    "olaf",
                    "rachel",
                    "joey",
                    "topper",
                    "cosplay",
                    "costume",
                    "themed",
                    "party",
                    "poster",
                )
                for other in words
            )
            and token.word
            in (
                "frozen",
                "friends",
                "tangled",
                "wicked",
                "moana",
                "avatar",
                "cars",
                "brave",
                "coco",
                "joker",
                "twilight",
            )
        ):
            found.append(Finding(token.start, token.end, "title"))
            found += [
                Finding(other.start, other.end, "title")
                for other in words
                if other.word in ("elsa", "anna", "olaf")
            ]
    return found


def _opens(words: tuple[Token, ...], start: int) -> bool:
    return any(token.first and token.start == start for token in words)


def _covered(words: tuple[Token, ...], safe: list[bool], found: list[Finding]) -> list[bool]:
    """The safe words and those found already: no other rule looks at either."""
    return [
        flag or any(one.start < token.end and token.start < one.end for one in found)
        for token, flag in zip(words, safe, strict=True)
    ]


def _inside_name(one: Finding, found: list[Finding]) -> bool:
    return any(other.start <= one.start and one.end <= other.end for other in found)


_TABLES: dict[str, dict[str, tuple[str, ...]]] = {}


def _table(name: str, phrases: frozenset[str]) -> dict[str, tuple[str, ...]]:
    if name not in _TABLES:
        _TABLES[name] = marks.by_first_word(phrases)
    return _TABLES[name]


@lru_cache(maxsize=1)
def _eponyms() -> dict[str, tuple[str, ...]]:
    return _table("eponyms", EPONYMS | {place for place in PLACES if " " in place})


def _brands() -> dict[str, tuple[str, ...]]:
    return _table("brands", BRANDS)


def _titles() -> dict[str, tuple[str, ...]]:
    return _table("titles", TITLES)


def _stars() -> dict[str, tuple[str, ...]]:
    return _table("stars", STAGE_NAMES)
