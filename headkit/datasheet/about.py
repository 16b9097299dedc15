"""about.toml: what only the maker of a dataset knows. The template that --init-about prints, and its strict reader."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headkit.status import NO_INPUT, USAGE, Stop

LARGEST = 1 << 20  # bytes
WITHOUT_A_FILE = ("uses.avoid", "dataset.version")  # defaults that hold where there is no file, too
TEMPLATE = '''\
# What only the maker of a dataset knows: answers for README.md, DATASHEET.md, LICENSES.md and croissant.json.
#
#     headkit pack --init-about > about.toml
#     headkit pack --about about.toml ...
#
# A text may have paragraphs ("""...""") and links. What stays empty is marked in DATASHEET.md, and `headkit verify
# --strict` finds the mark. Write "None." where that is the answer. This file is not published, what it says is.

[dataset]
name = ""            # as people read it: "Heads of nobody"
version = "1.0.0"
description = ""     # a sentence or two, for the head of README.md and for croissant.json
url = ""             # where the dataset is, or will be
published = ""       # the day, YYYY-MM-DD
creators = []        # persons or institutions: ["Example Lab"]
tags = []            # further tags for the hub
license_name = ""    # with --license other: what it is called,
license_url = ""     # and where its text stands

[motivation]
purpose = ""         # what was it made for, and which gap does it fill?
creators = ""        # who made it, and on behalf of whom?
funding = ""         # who paid for it? Name grants
comments = "None."

[collection]
people = ""          # who took part (students, annotators, contractors), and what were they paid?
timeframe = ""       # when, where the run files (--log) do not tell
review = ""          # was there an ethical review? By whom, with what outcome?
consent = ""         # if photos of people were used: were these told, did they agree, and how? If not, say why that is lawful
revocation = ""      # how does somebody withdraw, and what happens then?
impact = ""          # was the effect on people studied (a data protection impact assessment, say)?
comments = "None."

[sources]
license = ""         # where records do not tell the license of the photos behind poses: what is it, and why may these be published?

[composition]
confidential = ""    # anything confidential, or protected by law? Images were made, so that the usual answer is "No."
offensive = ""       # what was found by looking at a sample of the images?
comments = "None."

[processing]
raw = ""             # are poses, prompts and images that are not published kept? Where, for how long?
comments = "None."

[uses]
done = ""            # what was it used for already?
papers = ""          # where are such uses listed?
intended = ""        # what is it for?
avoid = """
Do not report results on this dataset as performance in the real world: its people do not exist, and nothing here was \\
measured on people who do. Do not train or test face recognition, or any system that tells who somebody is, with it. Do \\
not use its attributes to sort real people by sex, age or origin."""
comments = "None."

[distribution]
third_parties = ""   # who may have it, beyond those who made it?
how = ""             # as what (archive, hub), under which DOI?
when = ""            # since when, or from when on?
export = ""          # do export controls or other rules of states apply?
comments = "None."

[maintenance]
who = ""             # who keeps and hosts it?
contact = ""         # how to reach them; an address that may be published
errata = ""          # where are errors listed?
updates = ""         # will it be corrected, added to, taken from? How often, by whom, and how is that told?
retention = ""       # how long is what relates to people kept (photos, keys, private files)?
older = ""           # what becomes of older versions?
contribute = ""      # how can others add to it, and who checks what they add?
comments = "None."
'''


def _shape() -> dict[str, dict[str, Any]]:
    """Sections and keys with their defaults."""
    return tomllib.loads(TEMPLATE)


@dataclass(frozen=True)
class About:
    """What the maker says: section -> key -> text, or a list of texts.

    given  whether there was a file; without one even the defaults are not the maker's words
    """

    sections: dict[str, dict[str, Any]] = field(default_factory=_shape)
    given: bool = False

    def text(self, place: str) -> str:
        """What stands at "section.key"; empty where nothing does."""
        section, key = place.split(".")
        if not self.given and place not in WITHOUT_A_FILE:
            return ""
        return str(self.sections[section][key]).strip()

    def texts(self, place: str) -> list[str]:
        """The list at "section.key"."""
        section, key = place.split(".")
        return [text.strip() for text in self.sections[section][key] if text.strip()]


def read(path: Path) -> About:
    """The about file. Raises Stop 66 where it cannot be read, 2 with the line for what does not belong there."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Stop(
            NO_INPUT,
            f"--about {path}: {error.strerror}; see headkit pack --init-about",
        ) from None
    if len(data) > LARGEST:
        raise Stop(USAGE, f"--about {path}: is larger than {LARGEST} bytes; shorten it")
    try:
        text = data.decode("utf-8-sig")
        found = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Stop(USAGE, f"--about {path}:{line}: is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        reason = re.sub(r" \(at .*\)$", "", str(error))
        raise Stop(USAGE, f"--about {path}:{line}: {reason}; see tomllib's TOML 1.0") from None
    shape = _shape()
    for section, keys in found.items():
        where = f"--about {path}:{_line(text, section)}"
        if section not in shape:
            raise Stop(USAGE, f"{where}: {section!r} is none of [{'], ['.join(shape)}]")
        if not isinstance(keys, dict):
            raise Stop(USAGE, f"{where}: {section!r} is a section; write [{section}]")
        for key, value in keys.items():
            where = f"--about {path}:{_line(text, section, key)}"
            if key not in shape[section]:
                known = ", ".join(shape[section])
                raise Stop(USAGE, f"{where}: [{section}] has no {key!r}; it has {known}")
            _check_type(f"{where}: {key}", value, shape[section][key])
            shape[section][key] = value
    day = shape["dataset"]["published"]
    if day and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
        where = f"--about {path}:{_line(text, 'dataset', 'published')}"
        raise Stop(USAGE, f"{where}: published: {day!r} is no day as 2026-01-31")
    return About(shape, given=True)


def _check_type(where: str, value: Any, default: Any) -> None:
    if isinstance(default, list):
        if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            raise Stop(USAGE, f'{where} is a list of texts, as ["one", "two"]')
    elif not isinstance(value, str):
        raise Stop(USAGE, f'{where} is a text; write it in quotes, as "{value}"')


def _line(text: str, section: str, key: str | None = None) -> int:
    """The line on which a section or one of its keys begins, as well as it can be told; else 1."""
    quoted = rf"[\"']?{re.escape(section)}[\"']?"
    head = re.compile(rf"\s*(\[\[?\s*{quoted}\s*[\].]|{quoted}\s*[.=])")
    name = None if key is None else re.compile(rf"\s*(\S+\.)?[\"']?{re.escape(key)}[\"']?\s*[.=]")
    begins = 0
    for number, line in enumerate(text.split("\n"), 1):
        if head.match(line):
            begins = begins or number
            if name is None or (name.match(line) and not line.lstrip().startswith("[")):
                return number
        elif begins and name is not None and name.match(line):
            return number
    return begins or 1
