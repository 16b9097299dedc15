"""Names that marks give away, in any script: handles, addresses, hashtags, file names, credits, quotations."""

from __future__ import annotations

import re
from functools import lru_cache

from headkit.editing.finding import Finding
from headkit.editing.lexicon import lexicon, member
from headkit.editing.patterns import CREDIT, KNOWN_AS
from headkit.editing.tables import AGENCIES
from headkit.editing.tokens import lower

_ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s,;)\]]+|[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+"
    r"|(?<![\w@.])[\w\-]+(?:\.[\w\-]+)*\.(?:com|net|org|io|co|me|tv|info|biz|photo|photos|photography|studio|ru|de|fr|es|it|jp|cn|kr|in|br|uk|pl|nl|se|gr|il|th|tr|ir|ae|vn|id)(?:\.[a-z]{2})?(?:/[^\s,;)\]]*)?(?![\w])"
)
_HANDLE = re.compile(r"@\s?[\w][\w.\-]*[\w]|@[\w]|(?<!\w)u/[\w\-]{3,}")
_ACCOUNT = re.compile(
    r"\b(?:snapchat|snap|instagram|insta|ig|tiktok|twitter|telegram|skype|facebook|fb|vk|wechat|weibo|kakao|line id|onlyfans|youtube)\s*[:：]\s*([\w][\w.\-]*\w)",
    re.IGNORECASE,
)
_HASHTAG = re.compile(r"[#＃]([^\W][\w]*)")
_USERNAME = re.compile(r"(?<![\w@#.])(?=[\w.]*[^\W\d_])(?=\w*_)[^\W_]\w*[^\W_](?![\w@])")
_FILE = re.compile(
    r"(?<![\w/])[\w\-]+(?:[ _\-]?\(\d+\))?\.(?:jpe?g|png|gif|webp|tiff?|heic|cr2|nef|raw|bmp|psd|mp4|mov)\b",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    rf"(?:©|\(c\)|ⓒ|{CREDIT}\s*(?:by|by:|credit|credits|courtesy of|courtesy|from|via|โดย|จาก|:|©|/|\||-)\s*[:：/©]?"
    rf")\s*(?:\d{{4}}\s+)?",
    re.IGNORECASE,
)
_WHOSE = re.compile(rf"(?<!\w)(?:{KNOWN_AS})\s*:?\s*", re.IGNORECASE)
_QUOTES = {
    '"': '"',
    "“": "”",
    "„": "“”",
    "«": "»",
    "‘": "’",
    "‹": "›",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    "»": "«",
    "'": "'",
}
_RUN = r"[^\W_\u0600-\U0010FFFF]+|[^\W_\u0000-\u05FF]+"
_STOP = re.compile(r"[,;(){}\[\]\n.!?|]|\s[-–—]\s|[:：]\s|\s(?=[a-zа-яα-ω]{3,})")
_SIGNS = re.compile(
    r"(?:sign|signs|says|saying|said|read|reads|reading|text|words|word|written|lettering|slogan|banner|caption|label|tattoo|placard|inscription|"
    r"message|titled? page|плакат|надпис\w+|schild|aufschrift|letrero|cartel|pancarta)\W*(?:that\s+)?(?:says|reads|saying|reading)?\W*$",
    re.IGNORECASE,
)

_SIGN_AFTER = re.compile(
    r"\W{1,3}(?:sign|banner|placard|sticker|label|lettering|tattoo)\b", re.IGNORECASE
)


def addresses(text: str) -> list[Finding]:
    """E-mail and web addresses, handles, user names."""
    found = [Finding(*match.span(), "address") for match in _ADDRESS.finditer(text)]
    found += [Finding(*match.span(), "handle") for match in _HANDLE.finditer(text)]
    found += [Finding(*match.span(1), "handle") for match in _ACCOUNT.finditer(text)]
    found += [
        Finding(*match.span(), "handle")
        for match in _USERNAME.finditer(text)
        if not _only_parts(match[0])
    ]
    return found


def _only_parts(name: str) -> bool:
    """Whether a name with underscores is words and numbers, as a camera or a clerk writes them."""
    parts = [part for part in re.split(r"[\W_]+", lower(name)) if part]
    return all(
        part.isdigit() or part in ("img", "dsc", "dscn", "pxl", "dcim") or _is_word(part)
        for part in parts
    )


def signs(text: str) -> list[tuple[int, int]]:
    """What a sign, a shirt or a banner says: quotations led by such a word, or followed by one."""
    found = []
    for place, letter in enumerate(text):
        quoted = _quotation(text, place) if letter in _QUOTES else None
        if quoted and (
            _SIGNS.search(text[max(0, place - 40) : place]) or _SIGN_AFTER.match(text, quoted[1])
        ):
            found.append(quoted)
    return found


def hashtags(text: str) -> list[Finding]:
    """Hashtags, but for those that only words make up (#goldenhour)."""
    return [
        Finding(start, end, "handle")
        for start, end in tags(text)
        if not _only_words(text[start + 1 : end])
    ]


def tags(text: str) -> list[tuple[int, int]]:
    """Where hashtags stand."""
    return [match.span() for match in _HASHTAG.finditer(text)]


_OF_FILES = frozenset(
    ["img", "dsc", "dscn", "dscf", "pxl", "dcim", "mvi", "vid", "pict", "screenshot", "hires", "lowres", "jpeg"]
)  # fmt: skip


def files(text: str) -> list[tuple[int, int]]:
    """Where file names stand."""
    return [match.span() for match in _FILE.finditer(text)]


def file_names(text: str) -> list[Finding]:
    """The names in file names: "marcus-delgado-headshot-2021.jpg" without what is words and numbers."""
    found = []
    for start, end in files(text):
        stem = text[start:end].rsplit(".", 1)[0]
        parts = list(re.finditer(r"[^\W\d_]+", stem))
        weights = [_as_name(part[0]) for part in parts]
        first = 0
        while first < len(parts):
            last = first
            while last < len(parts) and weights[last]:
                last += 1
            if 2 in weights[first:last]:
                begin, stop = parts[first].start(), parts[last - 1].end()
                found.append(Finding(start + begin, start + stop, "handle"))
            first = last + 1
    return found


def _as_name(part: str) -> int:
    """2: this part of a file name is a name; 1: it is one beside another, as a word that is also a name; 0."""
    pieces = [piece for piece in lower(_uncamel(part)).split() if len(piece) > 2]
    book = lexicon()
    strange = [
        piece for piece in pieces
        if piece not in _OF_FILES and not (_is_word(piece) or piece in member("word.en") or piece in member("often.en"))
    ]  # fmt: skip
    if strange:
        return 2
    return int(any(piece in book.given or piece in book.family for piece in pieces))


def credits(text: str) -> list[Finding]:
    """Who made or sold the picture: capitals after "photo:", "by" and such, and agencies wherever they stand."""
    found = []
    for match in _CREDIT.finditer(text):
        begin = match.end()
        if match.start() and text[match.start() - 1].isalnum() and match[0][0].isalnum():
            continue
        found += _credited(text, begin)
    plain = lower(text)
    for start, end in _phrases(plain, _agencies()):
        if (
            text[start].isupper()
            or " " in plain[start:end]
            or plain[start:end] not in ("magnum", "imago", "epa", "efe", "tass", "getty", "canva")
        ):
            found.append(Finding(start, end, "credit"))
    return found


def _credited(text: str, begin: int) -> list[Finding]:
    """The names from `begin` on, parted by strokes: "Reuters/Nadia Kamal", up to a comma or a word."""
    found: list[Finding] = []
    position = begin
    while position < len(text):
        piece = re.match(
            r"(?:the\s+)?(@?[^\W\d_](?:[\w.'’\-&]|(?<=\w)\s(?=[^\W\d_]))*)", text[position:]
        )
        if not piece:
            break
        start, stop = position + piece.start(1), position + piece.end(1)
        words = list(re.finditer(r"[^\s]+", text[start:stop]))
        last = start
        for word in words:
            cased = word[0][0].isupper() or word[0].lower() in (
                "van",
                "de",
                "der",
                "von",
                "al",
                "el",
                "bin",
                "da",
                "di",
                "dos",
                "dpa",
                "afp",
                "and",
                "&",
            )
            uncased = not word[0][0].islower() and not word[0][0].isupper() and word[0][0] != "@"
            if not cased and (not uncased or text[last : start + word.start()].strip()):
                break
            if uncased and (last > start + 24 or (last > start and text[start] > "\u2e80")):
                break
            last = start + word.end()
        stop = last
        if stop <= start:
            break
        end = start + len(text[start:stop].rstrip(" .-&"))
        if (
            all(_is_word(lower(part)) for part in re.findall(r"[^\W\d_]+", text[start:end]))
            and len(words) == 1
        ):
            break  # "photo of Grandma", "Portrait: Woman": no name
        found.append(Finding(start, end, "credit"))
        joined = re.match(r"\s*(?:/|\||&|,?\s+for\s+|\s+via\s+|\s+@\s*)\s*", text[end:])
        if not joined or not joined[0].strip():
            break
        position = end + joined.end()
    return found


def nicknames(text: str) -> list[Finding]:
    """What stands after "known as" and "nicknamed", in quotation marks or with capitals."""
    found = []
    for match in _WHOSE.finditer(text):
        begin = match.end()
        quoted = _quotation(text, begin)
        if quoted:
            found.append(Finding(*quoted, "nickname"))
            continue
        piece = re.match(
            r"(?:the\s+|der\s+|la\s+|el\s+)?(?:[^\W\d_a-zа-яα-ω][\w.'’\-]*)(?:\s+(?:of|the|de|del|von|and|o|ο|n')?\s?[^\W\d_a-zа-яα-ωà-ÿ][\w.'’\-]*)*",
            text[begin:],
            re.IGNORECASE if False else 0,
        )
        if piece:
            found.append(Finding(begin, begin + len(piece[0].rstrip(".")), "nickname"))
    return found


def quotations(text: str) -> list[Finding]:
    """Titles and nicknames in quotation marks; what a sign or a shirt says stays."""
    found = []
    position = 0
    while position < len(text):
        if text[position] in _QUOTES and (
            position == 0
            or not text[position - 1].isalnum()
            or text[position - 1] > "\u0600"
            or text[position] in "「『《〈「«“„"
        ):
            quoted = _quotation(text, position)
            if quoted:
                inside = text[quoted[0] : quoted[1]]
                kind = _quoted_kind(text, position, inside)
                if kind:
                    found.append(Finding(*quoted, "title" if kind == "title" else "nickname"))
                position = quoted[1]
        position += 1
    return found


def _quotation(text: str, begin: int) -> tuple[int, int] | None:
    """What stands between the quotation marks that open at `begin`: (start, end), marks left out."""
    if begin >= len(text) or text[begin] not in _QUOTES:
        return None
    closing = _QUOTES[text[begin]]
    for end in range(begin + 1, min(len(text), begin + 80)):
        apostrophe = text[end] in "’'" and "0" <= text[end + 1 : end + 2] < "\u0600"
        if text[end] in closing and not apostrophe:
            return (begin + 1, end) if end > begin + 1 else None
    return None


def _quoted_kind(text: str, position: int, inside: str) -> str | None:
    before = text[max(0, position - 40) : position]
    if _SIGNS.search(before):
        return None
    if text[position] in "『《〈「«":
        return "title"
    words = re.findall(r"[^\W\d_]+", inside)
    if not words or len(words) > 7:
        return None
    cased = [word for word in words if word[0].isupper() or word[0].islower()]
    if cased and not any(word[0].isupper() for word in cased):
        return None
    if text[position] == "'" and cased:
        return None
    return "title"


# ---- words ---------------------------------------------------------------------------------------


def _uncamel(tag: str) -> str:
    return re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)", " ", tag)


def _is_word(word: str) -> bool:
    book = lexicon()
    return word in book.english and word != "grace"


def _only_words(tag: str) -> bool:
    """Whether a hashtag is made of ordinary words only: #goldenhour, #StreetPhotography, #ootd."""
    parts = [part for part in re.split(r"[\s_\d]+", lower(_uncamel(tag))) if part]
    if not all(part.isascii() for part in parts):
        return not any(letter.isupper() for letter in tag) and not _has_given(tag)
    return all(_splits(part) for part in parts)


def _has_given(tag: str) -> bool:
    return any(
        part in lexicon().given for part in re.split(r"[\W\d_]+", lower(tag)) if len(part) > 1
    )


@lru_cache(maxsize=1024)
def _splits(word: str) -> bool:
    """Whether a run of letters is one word, or several of at least three letters."""
    english = lexicon().english
    if word in english and not (word in lexicon().given and len(word) > 12):
        return True
    short = (
        "of",
        "in",
        "the",
        "my",
        "on",
        "at",
        "to",
        "me",
        "we",
        "a",
        "i",
        "up",
        "or",
        "no",
        "go",
    )
    for length in range(len(word) - 1, 0, -1):
        head = word[:length]
        ok = (len(head) >= 3 and head in english) or head in short
        if ok and _splits(word[length:]) and (len(word) - length >= 3 or word[length:] in short):
            return True
    return False


@lru_cache(maxsize=1)
def _agencies() -> dict[str, tuple[str, ...]]:
    return by_first_word(AGENCIES)


@lru_cache(maxsize=16)
def by_first_word(phrases: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Phrases by the letters that they begin with, the longest first."""
    table: dict[str, list[str]] = {}
    for phrase in phrases:
        first = phrase.partition(" ")[0]
        if not (first.isascii() and first.isalnum()):
            run = re.match(_RUN + "|.", phrase)
            first = run[0] if run else phrase
        table.setdefault(first, []).append(phrase)
    return {
        first: tuple(group if len(group) == 1 else sorted(group, key=lambda one: (-len(one), one)))
        for first, group in table.items()
    }


def _phrases(plain: str, table: dict[str, tuple[str, ...]]) -> list[tuple[int, int]]:
    """Where phrases of a table stand in a lower-case text: the longest at each word, none over another."""
    found = []
    end = 0
    for match in re.finditer(_RUN, plain):
        start = match.start()
        if start < end:
            continue
        for phrase in table.get(match[0], ()):
            stop = start + len(phrase)
            if plain.startswith(phrase, start) and not (
                stop < len(plain) and _same(plain[stop], phrase[-1])
            ):
                found.append((start, stop))
                end = stop
                break
    return found


def _same(one: str, other: str) -> bool:
    """Whether two letters stand in one word: both letters, and of scripts that are not mixed."""
    return one.isalnum() and other.isalnum() and (ord(one) < 0x600) == (ord(other) < 0x600)


phrases_in = _phrases
