"""The one entry to prompt editing: a caption goes in, a caption, a prompt and a log of edits come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from headkit.editing.finding import Finding
from headkit.tool import Failure, Opt, Record


@dataclass(frozen=True, kw_only=True)
class EditOptions:
    """What is done to the words; a tool takes these fields over into its own options."""

    names: Annotated[
        Literal["replace", "flag", "keep"],
        Opt(
            "Names of persons, titles, brands, handles: replace them (a man, a person), or leave them and "
            "write how many there are to scores.names (flag), or leave them (keep)."
        ),
    ] = "replace"


@dataclass
class Edited:
    """What became of a caption. `edits` have rule, kind and position (code point of the words as they came)."""

    caption: str
    text: str
    negative: str = ""
    edits: list[dict[str, Any]] = field(default_factory=list)
    poses: list[Record] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)


def edit(
    words: str,
    poses: list[Record],
    options: EditOptions,
    *,
    seed: int,  # noqa: ARG001
    id: str,  # noqa: ARG001
) -> Edited | Failure:
    """The words edited. Raises nothing: what must not be stored is a Failure without the words."""
    edited = Edited(caption=words, text=words, poses=poses)
    take_names_out(edited, options.names)
    edited.text = edited.caption
    return edited


def take_names_out(edited: Edited, how: str) -> None:
    """Names out of the caption, or their number into the scores."""
    from headkit.editing.names import (
        find,  # the lists are read for the first caption, not for --help
    )
    from headkit.editing.replacing import replaced

    if how == "keep":
        return
    found: list[Finding] = find(edited.caption)
    if how == "flag":
        edited.scores["names"] = float(len(found))
        return
    if found:
        edited.caption = replaced(edited.caption, found) or "A photo"  # a credit was all there was
        edited.edits += [
            {"rule": "names", "kind": one.kind, "position": one.start} for one in found
        ]
