"""Names in Japanese, by kanji and kana."""

from __future__ import annotations

import re
from functools import lru_cache

from headkit.editing.east_asian_phrases import longest_first, phrases
from headkit.editing.finding import Finding
from headkit.editing.lexicon import lexicon
from headkit.editing.tables import (
    AMBIGUOUS_JA,
    BRANDS_JA,
    CUES_JA,
    GIVEN_JA,
    HONORIFICS_JA,
    KATAKANA_WORDS_JA,
    NOT_HONORED_JA,
    SURNAMES_JA,
    TITLES_JA,
)

_HAN = r"\u3005\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF"
_KANA = r"\u3041-\u3096\u30A1-\u30FA\u30FC"
_PARTICLES_JA = (
    "は",
    "が",
    "と",
    "の",
    "を",
    "に",
    "も",
    "へ",
    "、",
    "。",
    "，",
    " ",
    ")",
    "）",
    "「",
    "」",
    "』",
    "・",
    ":",
    "：",
    "さ",
    "ち",
    "く",
)


@lru_cache(maxsize=1)
def _japanese() -> tuple[frozenset[str], frozenset[str]]:
    han = {
        word
        for word in lexicon().given
        if re.fullmatch(f"[{_HAN}{_KANA}]+", word) and len(word) > 1
    }
    return frozenset(han | GIVEN_JA), SURNAMES_JA


def japanese(text: str) -> list[Finding]:
    """Names in Japanese: family names with given names, honorifics, cues, foreign names with a dot."""
    found = phrases(text, longest_first(tuple(BRANDS_JA)), "brand") + phrases(
        text, longest_first(tuple(TITLES_JA)), "title"
    )

    def free(start: int, end: int) -> bool:
        return not any(start < other.end and other.start < end for other in found)

    for match in re.finditer(r"[\u30A1-\u30FA\u30FC]+(?:[・＝][\u30A1-\u30FA\u30FC]+)+", text):
        if free(*match.span()) and not any(
            part in ("アイス", "ワン", "ツー", "ピース") for part in match[0].split("・")
        ):
            found.append(Finding(match.start(), _honorific_end(text, match.end()), "person"))
    position = 0
    while position < len(text):
        finding = _japanese_at(text, position)
        if finding and free(finding.start, finding.end):
            found.append(finding)
            position = finding.end
        else:
            position += 1
    return found


def _honorific_end(text: str, end: int) -> int:
    rest = text[end:]
    gap = len(rest) - len(rest.lstrip(" "))
    for honorific in sorted(HONORIFICS_JA, key=len, reverse=True):
        if text.startswith(honorific, end + gap):
            return end + gap + len(honorific)
    return end


def _japanese_at(text: str, position: int) -> Finding | None:
    letter = text[position]
    if not re.match(f"[{_HAN}{_KANA}]", letter):
        return None
    before = text[:position].rstrip(" :：「『")
    opens = (
        not before
        or before[-1] in "、。と・,／/「『（(の"
        or not re.match(f"[{_HAN}{_KANA}]", text[position - 1])
    )
    cued = any(before.removesuffix("の").endswith(cue) for cue in CUES_JA)
    given, families = _japanese()
    if letter == "お" and (opens or cued):  # おみよばあちゃん
        match = re.match(
            r"お([\u3041-\u3096]{2})(ばあちゃん|じいちゃん|さん|ちゃん)", text[position:]
        )
        if match and match[1] in given:
            return Finding(position, position + match.end(), "person", "female")
    kinds = (f"[{_HAN}]", "[\u3041-\u3096]", "[\u30a1-\u30fa\u30fc]")
    kind = next(k for k in kinds if re.match(k, letter))
    starts = position == 0 or not re.match(kind, text[position - 1]) or opens or cued
    if not starts:
        return None
    run_match = re.match(f"{kind}+", text[position:])
    run = run_match[0] if run_match else letter
    honored = _honored_ja(text, position, given, families)
    if honored:
        return honored
    if kind == kinds[0]:
        surname = next((run[:n] for n in (3, 2, 1) if run[:n] in families), "")
        if surname:
            begin = position + len(surname)
            rest = re.match(
                rf"[ 　]?([{_HAN}]{{1,3}}|[\u3041-\u3096]{{2,4}}|[\u30A1-\u30FA\u30FC]{{2,6}})",
                text[begin:],
            )
            if rest:
                name, end = rest[1], begin + rest.end()
                if re.match(f"[{_HAN}]", name):
                    ahead = text[end : end + 1]
                    known = name in given
                    bounded = not ahead or ahead in _PARTICLES_JA or _honorific_end(text, end) > end
                    if known and bounded:
                        return Finding(
                            position, _honorific_end(text, end), "person", lexicon().sex(name)
                        )
                    if (
                        bounded
                        and len(surname) > 1
                        and len(name) <= 3
                        and not _place_ja(surname + name)
                        and (
                            len(name) > 1
                            or name
                            in "翔樹蓮葵凛楓陸律湊颯愛舞茜遥瞳薫望栞渚梓忍健誠学進隆剛徹勉茂清博浩豊正実勇純亮涼直篤昇稔渉拓駿隼匠澪結芽咲杏桜花恵蘭椿紬凪灯"
                        )
                        and (cued or opens)
                        and not re.match("[市県町村区駅川山海湖島寺家]", name[-1])
                    ):
                        return Finding(position, end, "person")
                else:
                    for length in range(len(name), 1, -1):
                        if name[:length] in given:
                            end = begin + rest.start(1) + length
                            return Finding(
                                position,
                                _honorific_end(text, end),
                                "person",
                                lexicon().sex(name[:length]),
                            )
            if cued and run == surname and len(surname) > 1:
                return Finding(position, begin, "person")
    for length in range(min(6, len(run)), 0, -1):
        name = run[:length]
        if name not in given:
            continue
        end = position + length
        ahead = text[end : end + 1]
        particle = not ahead or ahead in "はがとのをにもへ、。」』 ・"
        if not particle or (kind == kinds[0] and len(run) > length):
            continue
        if name in AMBIGUOUS_JA or len(name) == 1:
            again = name in text[end:] and ahead in "がはと"
            listed = ahead in "とは、が" and any(
                other in text[end : end + 6]
                for other in longest_first(given - AMBIGUOUS_JA)
                if len(other) > 1 and text.startswith(other, end + 1)
            )
            if not (cued or again or listed):
                continue
        elif not (opens or cued):
            continue
        if kind == kinds[1] and not (cued or ahead in "はがと、のをに"):
            continue
        return Finding(position, end, "person", lexicon().sex(name))
    if kind == kinds[2] and cued and len(run) > 1 and run not in KATAKANA_WORDS_JA:
        return Finding(position, _honorific_end(text, position + len(run)), "person")
    return None


def _honored_ja(
    text: str, position: int, given: frozenset[str], families: frozenset[str]
) -> Finding | None:
    """A name before an honorific: ゆきちゃん, 渡辺様, ひろし君."""
    for match in re.finditer(
        rf"[{_HAN}{_KANA}]{{1,7}}?(?=[ 　]?({'|'.join(sorted(HONORIFICS_JA, key=len, reverse=True))}))",
        text[position : position + 14],
    ):
        if match.start():
            break
        name = match[0]
        honorific = match[1]
        end = position + match.end()
        if name in NOT_HONORED_JA or (name[-1] in "のがをにはとで" and name not in given):
            continue
        strict = honorific in (
            "君",
            "氏",
            "先生",
            "選手",
            "監督",
            "様",
            "殿",
            "博士",
            "教授",
            "社長",
            "坊",
            "夫妻",
            "夫人",
            "一家",
            "嬢",
            "家の",
            "コーチ",
            "アナ",
            "議員",
            "部長",
            "店長",
            "先輩",
            "たん",
            "医師",
            "さん",
            "教諭",
            "師匠",
            "親方",
            "住職",
            "一家",
        )
        known = (
            name in given
            or name in families
            or any(name.startswith(f) and (len(name) > len(f)) for f in families if len(f) > 1)
        )
        same = re.fullmatch(f"[{_HAN}]+|[\u3041-\u3096]+|[\u30a1-\u30fa\u30fc]+", name)
        if (
            known
            or (honorific in ("ちゃん", "くん") and same and 1 < len(name) < 5)
            or (
                honorific == "さん"
                and same
                and re.match("[\u30a1-\u30fa]", name)
                and name not in KATAKANA_WORDS_JA
            )
        ):
            return Finding(
                position,
                _honorific_end(text, end),
                "person",
                "female"
                if honorific == "ちゃん" and lexicon().sex(name) == "female"
                else lexicon().sex(name),
            )
        if strict and len(name) > 3:
            break
    return None


def _place_ja(word: str) -> bool:
    return (
        word in lexicon().place
        or any(word + end in lexicon().place for end in "市県町村区")
        or word[-1] in "市県町村区駅港橋寺城公園通"
    )
