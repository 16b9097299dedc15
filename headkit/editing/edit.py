"""The one entry to prompt editing: a caption goes in, a caption, a prompt and a log of edits come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from headkit import attributes
from headkit.editing.finding import Kind
from headkit.status import USAGE, Stop
from headkit.tool import Failure, Opt, Record

VARIED = ("origin", "age", "tone", "hair", "expression", "accessories")
POOLS = ("view", "light", "lens", "place")
_NEGATIVE = "blurry, deformed, extra limbs, extra fingers, cartoon, painting, text, watermark"


# Words -> stretches (start, end, kind of an edit) that name somebody.
Finder = Callable[[str], Sequence[tuple[int, int, Kind]]]


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
    vary: Annotated[
        str,
        Opt(
            "What to draw anew for every person that the caption names: all, none, or some of "
            + ",".join(VARIED)
            + ". What poses[].attributes has is kept.",
            metavar="LIST",
        ),
    ] = "none"
    pools: Annotated[
        str,
        Opt(
            "What to add where the caption says nothing of it: all, none, or some of "
            + ",".join(POOLS)
            + "; view is how the pose shows the head (seen from behind).",
            metavar="LIST",
        ),
    ] = "none"
    quality: Annotated[
        float,
        Opt("Share of prompts that end with words about the picture.", minimum=0, maximum=1),
    ] = 1.0
    negative: Annotated[str, Opt("The negative prompt.", metavar="TEXT")] = _NEGATIVE


@dataclass
class Edited:
    """What became of a caption. `edits` have rule, kind and position (code point of the words that the rule saw)."""

    caption: str
    text: str
    negative: str = ""
    edits: list[dict[str, Any]] = field(default_factory=list)
    poses: list[Record] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)


def check_options(options: EditOptions) -> None:
    """Stop (usage) where a list names what cannot be varied or drawn; for the start of a tool."""
    _chosen(options.vary, VARIED, "--vary")
    _chosen(options.pools, POOLS, "--pools")


def edit(
    words: str,
    poses: list[Record],
    options: EditOptions,
    *,
    seed: int,
    id: str,
    earlier: Sequence[Mapping[str, Any]] = (),
    weights: Mapping[str, Mapping[str, float]] | None = None,
    finder: Finder | None = None,
) -> Edited | Failure:
    """The words edited, every draw by (seed, id, rule).

    `earlier` are the edits of the record so far: a rule that adds words is not applied twice. `weights`
    (attribute -> value -> weight) take the place of flat draws; `finder` finds names beside the rules. What must not be stored, and attributes
    of no meaning, are a Failure that holds none of the words.
    """
    from headkit.editing import safety

    if safety.refused(words, poses):
        return _refusal()
    edited = Edited(caption=words, text="", negative=options.negative, poses=poses)
    done = {str(one.get("rule")) for one in earlier}
    take_names_out(edited, options.names, finder)
    try:
        vary_people(edited, options, done, seed, id, weights)
    except ValueError as error:
        return Failure("bad-attributes", str(error))
    draw_from_pools(edited, options, done, seed, id)
    end_prompt(edited, options, seed, id)
    if safety.refused(edited.text, edited.poses):
        return _refusal()
    edited.scores |= safety.scores(words)
    return edited


def take_names_out(edited: Edited, how: str, finder: Finder | None = None) -> None:
    """Names out of the caption, or their number into the scores; by the rules and by `finder`."""
    from headkit.editing.finding import Finding, merged
    from headkit.editing.names import (
        find,  # the lists are read for the first caption, not for --help
    )
    from headkit.editing.replacing import replaced

    if how == "keep":
        return
    found = find(edited.caption)
    if finder is not None:
        more = [Finding(start, end, kind) for start, end, kind in finder(edited.caption)]
        found = merged(edited.caption, [*found, *more])
    if how == "flag":
        edited.scores["names"] = float(len(found))
        return
    if found:
        # A credit may be all there was.
        edited.caption = replaced(edited.caption, found) or "A photo"
        edited.edits += [
            {"rule": "names", "kind": one.kind, "position": one.start} for one in found
        ]


def vary_people(
    edited: Edited,
    options: EditOptions,
    done: set[str],
    seed: int,
    id: str,
    weights: Mapping[str, Mapping[str, float]] | None,
) -> None:
    """Attributes drawn, said and kept in the poses."""
    from headkit.editing.variation import vary

    groups = _chosen(options.vary, VARIED, "--vary")
    if not groups or "attributes" in done:
        return
    draw = attributes.seeded(seed, id, "edit", "attributes")
    edited.caption, edited.poses, edits = vary(edited.caption, edited.poses, groups, draw, weights)
    edited.edits += edits


def draw_from_pools(
    edited: Edited, options: EditOptions, done: set[str], seed: int, id: str
) -> None:
    """How heads are seen, place, light and lens, where the caption says nothing of them."""
    from headkit.editing import pools

    asked = tuple(pool for pool in _chosen(options.pools, POOLS, "--pools") if pool not in done)
    if "view" in asked:
        draw = attributes.seeded(seed, id, "edit", "view")
        edited.caption, edits = pools.say_views(edited.caption, edited.poses, draw)
        edited.edits += edits
    if asked:
        draw = attributes.seeded(seed, id, "edit", "scene")
        edited.caption, edits = pools.say_scene(edited.caption, asked, draw)
        edited.edits += edits


def end_prompt(edited: Edited, options: EditOptions, seed: int, id: str) -> None:
    """The prompt from the caption; the ending is in the prompt only, so it is never doubled."""
    from headkit.editing import pools

    edited.text = edited.caption
    if attributes.seeded(seed, id, "edit", "quality").random() < options.quality:
        draw = attributes.seeded(seed, id, "caption", "ending")
        edited.text, edits = pools.ending(edited.caption, draw)
        edited.edits += edits


def _refusal() -> Failure:
    return Failure("refused", "words: a child and sexual content are joined; they were not kept")


def _chosen(text: str, known: tuple[str, ...], flag: str) -> tuple[str, ...]:
    """The parts of a list "a,b", "all" or "none", in the order of `known`."""
    asked = {part.strip().lower() for part in text.split(",") if part.strip()}
    if asked == {"all"}:
        return known
    if asked <= {"none"}:
        return ()
    unknown = sorted(asked - set(known))
    if unknown:
        choice = ", ".join(("all", "none", *known))
        raise Stop(USAGE, f"{flag} {unknown[0]}: not known; choose from {choice}")
    return tuple(part for part in known if part in asked)
