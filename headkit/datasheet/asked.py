"""What answers are made of, and the mark of a question that is still open."""

from __future__ import annotations

from dataclasses import dataclass

from headkit.datasheet.about import About
from headkit.datasheet.markup import OPEN, code, listed, rate
from headkit.datasheet.measures import Measures
from headkit.datasheet.terms import FROM_A_PHOTO


@dataclass(frozen=True)
class Asked:
    """What answers are made of."""

    measures: Measures
    about: About
    license: str | None
    split_by: tuple[str, ...]
    version: str

    @property
    def photos(self) -> int:
        """Images whose poses came from photos."""
        return self.measures.count("sources", FROM_A_PHOTO)

    @property
    def is_drawn(self) -> bool:
        """Whether no photo was behind any image, as the records say."""
        found = self.measures.facts.counts["sources"]
        return bool(found) and all(name.startswith("drawn") for name in found)

    @property
    def is_rendered(self) -> bool:
        """Whether headkit's renderer made all images."""
        return set(self.measures.facts.counts["models"]) == {"render"}


def mark(place: str, why: str = "") -> str:
    """The line of an open question; verify --strict finds it."""
    return (
        f"{OPEN} {why or 'Only its maker knows.'} (about.toml: {place.replace('_', chr(92) + '_')})"
    )


def kept_of_read(m: Measures) -> str:
    """What share of the records came through each tool that drops some."""
    told = [
        f"`{tool}` kept {m.say('runs', run.out)} of {m.say('runs', run.read)}: {rate(run.out, run.read)}"
        for tool, run in ((tool, m.logs.runs[tool]) for tool in m.logs.tools)
        if run.dropped and run.read
    ]
    return f"Of the records that came to them, {listed(told)}." if told else ""


def settings(m: Measures, tool: str) -> str:
    """The options that a tool ran with, as far as they may be published."""
    shown = [
        code(f"--{name.replace('_', '-')} {value}")
        for name, value in sorted(m.logs.settings.get(tool, {}).items())
        if value not in ("None", "False", "")
    ]
    return ", ".join(shown[:16]) or "its defaults"


def reasons(m: Measures) -> str:
    """Why records were dropped, the most frequent reasons first."""
    found = sorted(m.logs.reasons.items(), key=lambda each: (-each[1], each[0]))
    shown = [f"{code(why)} ({m.say('reasons', count)})" for why, count in found[:12]]
    return ", ".join(shown) + (f" and {len(found) - 12} more reasons" if len(found) > 12 else "")
