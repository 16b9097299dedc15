"""What a rule has found: a stretch of the caption that names somebody or something."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["person", "title", "brand", "handle", "address", "credit", "nickname"]


@dataclass(frozen=True)
class Finding:
    """Code points [start, end) of a caption to be taken out."""

    start: int
    end: int
    kind: Kind
    sex: str | None = None


def merged(text: str, findings: Iterable[Finding]) -> list[Finding]:
    """The findings in order, none over another; names side by side are one name."""
    order = sorted(findings, key=lambda finding: (finding.start, -finding.end))
    kept: list[Finding] = []
    for finding in order:
        if kept and finding.start < kept[-1].end:
            last = kept[-1]
            kept[-1] = replace(last, end=max(last.end, finding.end), sex=last.sex or finding.sex)
            continue
        between = text[kept[-1].end : finding.start] if kept else ""
        if kept and kept[-1].kind == "credit" and between.strip(" ") == "/":
            kept[-1] = replace(kept[-1], end=finding.end)
            continue
        same = kept and kept[-1].kind == finding.kind == "person"
        if same and between and not between.strip(" \t"):
            last = kept[-1]
            kept[-1] = replace(last, end=finding.end, sex=last.sex or finding.sex)
            continue
        kept.append(finding)
    return kept
