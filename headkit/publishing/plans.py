"""From the options of `pack` to what is packed: the plan, the formats' choices, the release that it is made from.

`options` is that of headkit/tools/pack.py.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from headkit.formats.layout import FORMATS, Choices
from headkit.formats.packing import WHOLE, Packing, Plan
from headkit.formats.reading import DamageError, Packed
from headkit.formats.sample import unmarked
from headkit.formats.splits import GROUPED_BY, parse
from headkit.head import loading
from headkit.publishing import history, marks
from headkit.publishing.embeddings import Embeddings
from headkit.publishing.release import Base, Releasing, added_records
from headkit.publishing.takedown import Requests
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Context

_COMPARED = 1000  # samples by which a private file is known
KEY_FILE = "headkit.key"  # where pose-extract keeps the key of ids, below the root
# Paths, and what has its own place in a sample.
NEVER = ("image", "error", "truth", "heads", "schema", "id")


def plan_of(options: Any) -> Plan:
    """What the options ask for; Stop(USAGE)."""
    from headkit.formats.packing import Plan

    plan = Plan(
        _fields(options.fields),
        *_shard_size(options.shard_size),
        formats=_chosen("--format", options.format, tuple(FORMATS)),
        split=parse("--split", options.split) if options.split else (),
        split_by=_chosen("--split-by", options.split_by, GROUPED_BY),
        stratify=options.stratify,
        subsets=parse("--subset", options.subset, counts_only=True) if options.subset else (),
        crop_size=options.crop_size,
        marks=not options.no_marks,
    )
    _refuse_doubles(plan)
    return plan


_OF_THE_BASE = (
    "format",
    "split",
    "split_by",
    "stratify",
    "subset",
    "labels",
    "fields",
    "crop_size",
    "shard_size",
    "no_marks",
)


def base_of(options: Any, context: Context, target: Path) -> Base | None:
    """The release of --base, and what of it goes; None without. Stop for options that make no sense together."""
    if options.base is None:
        for name in ("remove", "trace", "key", "add", "base_private"):
            if getattr(options, name) is not None:
                option = "--" + name.replace("_", "-")
                raise Stop(USAGE, f"{option} changes an older release; name that with --base")
        return None
    for name in _OF_THE_BASE:
        if getattr(options, name) != getattr(type(options), name):
            raise Stop(USAGE, f"--{name.replace('_', '-')}: --base decides that; leave it out")
    if context.operands:
        raise Stop(USAGE, f"{context.operands[0]}: with --base, records are added by --add FILE")
    if options.only is not None:
        raise Stop(
            USAGE, "--only mends a folder with the records that it was packed from; without --base"
        )
    if options.release is None:
        raise Stop(USAGE, "--base needs the number of the new release; see --release")
    folder = Path(os.path.realpath(options.base))
    if folder == target:
        raise Stop(USAGE, "-d is the folder of --base; name another one")
    if options.remove is None and options.trace is None and options.add is None:
        raise Stop(USAGE, "--base: nothing to change; see --remove, --trace and --add")
    key = options.key
    if key is None and options.trace is not None and (context.root / KEY_FILE).is_file():
        key = str(context.root / KEY_FILE)
    requests = Requests.read(options.remove, options.trace, key)
    private = Path(os.path.realpath(options.base_private)) if options.base_private else None
    base = Base.open(folder, private, requests)
    if ("embeddings" in base.packed.index) != (options.embeddings is not None) and options.add:
        raise Stop(USAGE, f"--add and --embeddings: {options.base} and what is added must agree")
    base.find({record["id"] for record in added_records(options.add)})
    return base


def plan_and_choices(options: Any, base: Base | None) -> tuple[Plan, Choices]:
    """What is packed, by the options or by the base; Stop(USAGE, NO_INPUT)."""
    if base is None:
        plan = plan_of(options)
        choices = choices_of(options, plan)
        head = choices.head.sha256 if choices.head is not None else ""
        return replace(plan, head=head), choices
    plan = replace(base.plan, base=f"{base.digest} {options.release}")
    choices = choices_of(options, plan)
    if (choices.head.sha256 if choices.head is not None else "") != plan.head:
        raise Stop(USAGE, f"--head: is not the file that {options.base} was packed with")
    return plan, choices


def prepare(packing: Packing, options: Any, vectors: Embeddings | None, base: Base | None) -> None:
    """Give a packing what lies beside shards and card, what the index says of it, and the base of a release."""
    if isinstance(packing, Releasing):
        assert base is not None
        packing.begin(base, options.release)

    plan = packing.plan
    packing.more[history.REPORT] = history.report_form(plan.formats, plan.fields)
    if options.release is not None:
        packing.said["release"] = options.release
        packing.more.setdefault(history.CHANGELOG, history.first_changelog(options.release))
    packing.sidecar = vectors
    if vectors is not None:
        packing.said["embeddings"] = vectors.about
    elif base is not None and "embeddings" in base.packed.index:
        packing.said["embeddings"] = base.packed.index["embeddings"]


def _chosen(option: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a list, in the order of those known; Stop(USAGE) for another one."""
    names = {name.strip() for name in text.split(",")} - {""}
    for name in names:
        if name not in known:
            raise Stop(USAGE, f"{option}: {name!r} is none of {', '.join(known)}")
    if not names and option == "--format":
        raise Stop(USAGE, f"{option}: names none; choose of {', '.join(known)}")
    return tuple(name for name in known if name in names)


def private_file(typed: str | None, target: Path) -> Path | None:
    """The file of --private; Stop(USAGE) where it would be published, or is there and is not that of `target`."""
    if typed is None:
        return None
    path = Path(os.path.realpath(typed))
    if path.is_relative_to(target) or not path.parent.is_dir() or path.is_dir():
        raise Stop(USAGE, f"--private {typed}: is no file in a folder beside -d; name another")
    if path.exists() and not _is_private_of(path, target):
        raise Stop(USAGE, f"--private {typed}: is there and is not of {target}; name another")
    return path


def _is_private_of(path: Path, target: Path) -> bool:
    """Whether a file is what a packed folder has not published: of as many samples, and the first are among its first."""
    try:
        packed = Packed.open(target)
        keys = [row.get("key") for row in packed.private_rows(path)]
        first = islice(packed.items(images=False), _COMPARED) if keys else ()
        samples = {item.key for item in first}
    except (Stop, DamageError, OSError, UnicodeDecodeError):
        return False
    some = not keys or not samples.isdisjoint(keys[:_COMPARED])
    return some and len(keys) == packed.index.get("images")


def choices_of(options: Any, plan: Plan) -> Choices:
    """What formats need beside records; Stop(USAGE, NO_INPUT) where it is missing."""
    mark = marks.mark if plan.marks else unmarked
    if options.head is None:
        if "vggheads" in plan.formats:
            raise Stop(
                USAGE, "--format vggheads needs the FLAME file of the parameters; see --head"
            )
        return Choices(crop_size=plan.crop_size, mark=mark)
    try:
        return Choices(loading.load_head(options.head), plan.crop_size, mark)
    except FileNotFoundError as error:
        raise Stop(NO_INPUT, f"--head {options.head}: {error.strerror}; check the path") from None
    except (ValueError, OSError) as error:
        raise Stop(USAGE, f"--head {error}") from None


def _refuse_doubles(plan: Plan) -> None:
    """Stop(USAGE) where a subset has the name of another part."""
    taken = {each.name for each in plan.split} or {WHOLE}
    for each in plan.subsets:
        if each.name in taken:
            raise Stop(USAGE, f"--subset: {each.name} is the name of a split; choose another")


def _fields(text: str) -> tuple[str, ...]:
    """The names of --fields; Stop(USAGE) for one that is never published."""
    names = tuple(filter(None, (name.strip() for name in text.split(","))))
    for name in names:
        if name in NEVER:
            raise Stop(USAGE, f"--fields: {name} cannot be asked for; leave it out")
    return names


def _shard_size(text: str) -> tuple[int, int]:
    """The most samples and the most bytes of a shard, from "1000", "500MB" or "1000,500MB"."""
    units = {"": 0, "KB": 10**3, "MB": 10**6, "GB": 10**9}
    samples, size = 10**6, 8 * 10**9
    for part in text.split(","):
        match = re.fullmatch(
            r"\s*([1-9][0-9]{0,11})\s*(|KB|MB|GB)\s*", part, re.IGNORECASE | re.ASCII
        )
        if match is None:
            raise Stop(
                USAGE, f"--shard-size: {part!r} is neither a number of samples nor of KB, MB or GB"
            )
        number, unit = int(match[1]), units[match[2].upper()]
        if unit:
            size = number * unit
        else:
            samples = number
    return samples, size
