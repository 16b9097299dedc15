"""Names in Chinese, simplified and traditional."""

from __future__ import annotations

import re
from functools import lru_cache

from headkit.editing.east_asian_phrases import longest_first, phrases
from headkit.editing.finding import Finding
from headkit.editing.lexicon import lexicon
from headkit.editing.tables import (
    BRANDS_ZH,
    CUES_ZH,
    DOUBLE_SURNAMES_ZH,
    GIVEN_NAMES_ZH,
    GIVEN_ZH,
    NOT_NAMES_ZH,
    NOT_PREFIXED_ZH,
    STOPS_ZH,
    SURNAMES_ZH,
    TITLES_OF_ZH,
    TITLES_ZH,
)

STOPS = STOPS_ZH | {" "}
PREFIXES_ZH = "老小阿大"
_HAN = r"\u3005\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF"


def chinese(text: str) -> list[Finding]:
    """Names in Chinese characters, in a caption without Japanese letters."""
    found = phrases(text, longest_first(tuple(BRANDS_ZH)), "brand") + phrases(
        text, longest_first(tuple(TITLES_ZH)), "title"
    )
    position = 0
    while position < len(text):
        finding = _chinese_at(text, position)
        if finding and not any(
            finding.start < other.end and other.start < finding.end for other in found
        ):
            found.append(finding)
            position = finding.end
        else:
            position += 1
    return found


def _chinese_at(text: str, position: int) -> Finding | None:
    if not re.match(f"[{_HAN}]", text[position]):
        return None
    cued = _cued_zh(text, position)
    opens = (
        position == 0
        or not re.match(rf"[{_HAN}]", text[position - 1])
        or text[position - 1] in "和与與跟同及是叫给給向对對由被"
    )
    if text[position] in PREFIXES_ZH and (opens or cued):
        after = text[position + 1 : position + 2]
        ahead = text[position + 2 : position + 3]
        named = after in SURNAMES_ZH or (after in GIVEN_ZH and text[position] in "小阿")
        word = text[position : position + 2]
        if named and (not ahead or ahead in STOPS) and word not in NOT_PREFIXED_ZH:
            return Finding(position, position + 2, "person")
    surname = next((name for name in DOUBLE_SURNAMES_ZH if text.startswith(name, position)), "")
    if not surname and text[position] in SURNAMES_ZH:
        surname = text[position]
    begin = position + len(surname)
    if surname:
        for length in (0, 2, 1, 3):
            title = next((t for t in TITLES_OF_ZH if text.startswith(t, begin + length)), None)
            given = text[begin : begin + length]
            single = title is not None and len(title) == 1
            if (
                title
                and (opens or cued)
                and len(given) == length
                and not _blocked_zh(surname + given + ("" if length else title))
            ):
                if single and (
                    length == 0 or text[begin + length + 1 : begin + length + 2] not in STOPS
                ):
                    continue
                if length and not (
                    length <= 2
                    and all(re.match(f"[{_HAN}]", c) and c not in "的在和" for c in given)
                ):
                    continue
                return Finding(position, begin + length + len(title), "person", _sex_zh(title))
        for length in (2, 1):
            given, ahead = text[begin : begin + length], text[begin + length : begin + length + 1]
            if (
                len(given) < length
                or not re.fullmatch(f"[{_HAN}]+", given)
                or _blocked_zh(surname + given)
            ):
                continue
            if ahead and ahead not in STOPS and not _title_ahead(text, begin + length):
                continue
            likely = all(letter in GIVEN_ZH for letter in given)
            stops = any(letter in STOPS and letter not in GIVEN_ZH for letter in given)
            strong = opens or cued
            if cued and not stops and (likely or length == 2):
                return Finding(position, begin + length, "person")
            if strong and likely and (length == 2 or len(surname) == 2 or cued):
                return Finding(position, begin + length, "person")
            if (
                strong
                and length == 1
                and likely
                and ahead in ("在", "和", "与", "與", "抱", "穿", "、", "的")
            ):
                return Finding(position, begin + length, "person")
            if likely and length == 2 and position and text[position - 1] in "和与與、":
                return Finding(position, begin + length, "person")
    for length in (2, 3):
        name = text[position : position + length]
        if (name in GIVEN_NAMES_ZH or (length == 2 and name in _faker_han() and cued)) and (
            opens or cued
        ):
            ahead = text[position + length : position + length + 1]
            if not ahead or ahead in STOPS:
                return Finding(position, position + length, "person")
    return None


def _blocked_zh(word: str) -> bool:
    return any(word[:length] in NOT_NAMES_ZH for length in (2, 3, 4))


def _cued_zh(text: str, position: int) -> bool:
    before = text[:position].rstrip(' :：“"「『')
    return any(before.endswith(cue) for cue in CUES_ZH)


def _title_ahead(text: str, position: int) -> bool:
    return any(text.startswith(title, position) for title in TITLES_OF_ZH if len(title) > 1)


def _sex_zh(title: str) -> str | None:
    if title in (
        "女士",
        "小姐",
        "太太",
        "夫人",
        "阿姨",
        "奶奶",
        "大妈",
        "大娘",
        "婆婆",
        "姐",
        "姊",
        "嫂",
        "妈妈",
        "媽媽",
    ):
        return "female"
    if title in (
        "先生",
        "叔叔",
        "大叔",
        "爷爷",
        "爺爺",
        "大爷",
        "伯伯",
        "公公",
        "哥",
        "伯",
        "叔",
        "爸爸",
    ):
        return "male"
    return None


@lru_cache(maxsize=1)
def _faker_han() -> frozenset[str]:
    return frozenset(word for word in lexicon().given if re.fullmatch(f"[{_HAN}]{{2,3}}", word))
