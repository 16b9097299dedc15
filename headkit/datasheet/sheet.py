"""DATASHEET.md: every question of "Datasheets for Datasets", answered from what was measured and what the maker says."""

from __future__ import annotations

from headkit import __version__
from headkit.datasheet.answers import answer
from headkit.datasheet.asked import Asked
from headkit.datasheet.card import NAME
from headkit.datasheet.markup import OPEN, plain
from headkit.datasheet.measures import preamble
from headkit.datasheet.questions import SECTIONS

_SOURCE = (
    "The questions are those of T. Gebru and others, *Datasheets for Datasets*, Communications of the ACM 64(12), 2021 "
    "([doi:10.1145/3458723](https://doi.org/10.1145/3458723)), in shorter words. What could be counted was counted; each "
    "number is a link to the command that counts it again. What only the maker knows stands in the maker's words."
)


def sheet(asked: Asked, fields: list[str]) -> str:
    """The whole document. `fields` are those of `pack --fields`."""
    measures = asked.measures
    name = plain(asked.about.text("dataset.name")) or NAME
    body, number, still = [], 0, 0
    for section, questions in SECTIONS.items():
        body += [f"## {section}", ""]
        for question in questions:
            number += 1
            text = answer(asked, question.key, question.place)
            still += OPEN in text
            body += [f"### {number}. {question.text}", "", text, ""]
    waits = (
        f"{still} of these {number} questions still wait for an answer; look for {OPEN.strip('*')}."
        if still
        else f"All {number} questions are answered."
    )
    head = [
        f"# Datasheet: {name}",
        "",
        _SOURCE,
        "",
        waits,
        "",
        f"Written by headkit {__version__}.",
        "",
    ]
    numbers = [
        "## Where the numbers come from",
        "",
        "Run these in the folder of the dataset, with bash, jq and GNU tar. First, once:",
        "",
        "```sh",
        preamble(measures, fields),
        "```",
        "",
        "Commands that read `$private` or `$log` are for the maker, who has these; the others are for everybody.",
        "",
        *(measure.section() for measure in measures.known.values()),
    ]
    return "\n".join((*head, *body, *numbers))
