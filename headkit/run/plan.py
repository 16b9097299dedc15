"""What the flags of a run come to: everything that can be known, and refused, before a file is opened."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_type_hints

from headkit import paths
from headkit.run import room, shards
from headkit.run.inputs import Input, inputs
from headkit.run.outputs import is_device
from headkit.run.runfile import shard_name
from headkit.run.streams import STDOUT_NAMES
from headkit.status import USAGE, Stop
from headkit.tool import Context, Kind, Opt, RunOptions, Tool

STATE = (".run.json", ".run.ids")  # what a run adds to the name of its output


@dataclass(frozen=True)
class Plan:
    """One run. Paths are absolute; `output` is None for standard output, `device` a path written through."""

    tool: Tool
    options: Any
    flags: RunOptions
    context: Context
    files: list[Input]
    output: Path | None
    device: str | None
    ledger: Path | None
    run_file: Path | None
    batch_size: int
    devices: tuple[str, ...]
    folders: tuple[Path, ...]  # whose disks are written to
    min_free: int | None  # bytes

    @property
    def workers(self) -> int:
        """Processes beside this one; 0 where this one does the work.

        With a time limit there is one at least: what is stuck in a library can only be killed from outside.
        """
        wanted = max(self.flags.jobs, len(self.devices))
        needed = wanted > 1 or self.flags.timeout is not None or self.flags.ray is not None
        return wanted if needed and self.tool.kind in ("map", "choose") else 0

    @property
    def actors(self) -> int | None:
        """On the cluster of --ray; None: as many as it has room for."""
        return self.flags.jobs if self.flags.jobs > 1 else None

    @property
    def to_stdout(self) -> bool:
        return self.output is None and self.device is None


def plan(
    tool: Tool, options: Any, flags: RunOptions, operands: list[str], environment: Mapping[str, str]
) -> Plan:
    """Stop 2 for flags that cannot be, 66 for an input that cannot be read."""
    for name, least in (
        ("batch_size", 1),
        ("jobs", 1),
        ("limit", 0),
        ("max_failures", 0),
        ("seed", 0),
    ):
        value = getattr(flags, name)
        if value is not None and value < least:
            raise Stop(USAGE, f"--{name.replace('_', '-')} {value}: the least is {least}")
    shard = shards.parse(flags.shard, environment)
    output, device = _output(flags, shard)
    for name in ("resume", "tee"):
        if getattr(flags, name) and output is None and tool.kind != "report":
            raise Stop(USAGE, f"--{name} needs -o FILE, a plain file")
    if flags.retry_errors and not flags.resume:
        raise Stop(USAGE, "--retry-errors needs --resume")
    root = Path(flags.root or ".").resolve()
    if not root.is_dir():
        raise Stop(USAGE, f"--root {flags.root}: is not a folder")
    log = flags.log or environment.get("HEADKIT_LOG") or None
    devices = _devices(flags.device)
    batch_size = flags.batch_size or _batch(tool, options)
    ledger = (
        _ledger(tool, flags, output, log, shard)
        if kind(tool, options) in ("choose", "whole")
        else None
    )
    context = Context(
        tool=tool.name,
        root=root,
        seed=flags.seed,
        device=devices[0],
        output=output,
        shard=shard,
        limit=flags.limit,
        batch_size=batch_size,
        verbose=flags.verbose,
        tag=_tag(output, shard),
        overwrite=flags.overwrite,
        resume=flags.resume,
        operands=tuple(operands),
        jobs=flags.jobs,
        ledger=ledger is not None,
        log=Path(log).absolute() if log is not None else None,
    )
    options = _with_shard(options, shard)
    _check_folder(tool, options, context)
    return Plan(
        tool=tool,
        options=options,
        flags=flags,
        context=context,
        files=_files(tool, options, operands),
        output=output,
        device=device,
        ledger=ledger,
        run_file=_run_file(tool, output, log, shard),
        batch_size=batch_size,
        devices=devices,
        folders=tuple(_folders(tool, options, context, ledger)),
        min_free=None if flags.min_free is None else room.parse(flags.min_free),
    )


def kind(tool: Tool, options: Any) -> Kind:
    """The kind of a tool with these options."""
    reports = getattr(tool.module, "reports", None)
    return "report" if reports is not None and reports(options) else tool.kind


def _files(tool: Tool, options: Any, operands: list[str]) -> list[Input]:
    """What the runner reads records from: FILEs, or standard input where the tool needs records."""
    if tool.opens:
        return []
    alone = getattr(tool.module, "alone", None)
    needs_none = tool.kind == "source" or (alone is not None and alone(options))
    return inputs(operands, folders=tool.photos) if operands or not needs_none else []


def _output(flags: RunOptions, shard: shards.Shard) -> tuple[Path | None, str | None]:
    if flags.output is None or flags.output in STDOUT_NAMES:
        return None, None
    name = shards.name(flags.output, shard)
    if os.path.isdir(name):
        raise Stop(USAGE, f"-o {name}: is a folder")
    if is_device(name):
        return None, name
    # Of a symbolic link, what it names is written, not the link.
    path = Path(os.path.realpath(name))
    _refuse_side_file("-o", name, path)
    return path, None


def _refuse_side_file(flag: str, typed: str, path: Path) -> None:
    """Stop 2 for a name under which a run keeps its own state, or the ledger of another output.

    A resumed run would else take the rows for its state, or lose what it had dropped.
    """
    owner = next((path.name.removesuffix(end) for end in STATE if path.name.endswith(end)), "")
    if not owner and path.name.startswith(".") and path.name.endswith((".tmp", ".lock")):
        owner = path.name[1:].removesuffix(".tmp").removesuffix(".lock")
    if not owner and flag == "-o" and path.name.endswith(".dropped"):
        ledger_of = path.with_name(path.name.removesuffix(".dropped"))
        owner = ledger_of.name if ledger_of.exists() else ""
    if owner:
        raise Stop(
            USAGE, f"{flag} {typed}: is a side file of {owner!r}; write to a file of another name"
        )


def _ledger(
    tool: Tool, flags: RunOptions, output: Path | None, log: str | None, shard: shards.Shard
) -> Path | None:
    if flags.ledger is not None:
        ledger = Path(shards.name(flags.ledger, shard)).absolute()
        _refuse_side_file("--ledger", flags.ledger, ledger)
        return ledger
    if output is not None:
        return output.with_name(output.name + ".dropped")
    if log is not None:
        return Path(log).absolute() / f"{tool.name}{shard_name(shard)}.dropped"
    return None


def _run_file(tool: Tool, output: Path | None, log: str | None, shard: shards.Shard) -> Path | None:
    if output is not None:
        return output.with_name(output.name + ".run.json")
    if log is not None:
        return Path(log).absolute() / f"{tool.name}{shard_name(shard)}.run.json"
    return None


def _batch(tool: Tool, options: Any) -> int:
    """How many records are worked on together where -b does not say."""
    asked = getattr(tool.module, "batch", None)
    wanted: int | None = asked(options) if asked is not None else None
    return wanted or tool.batch


def _devices(text: str) -> tuple[str, ...]:
    if text == "cpu":
        return ("cpu",)
    numbers = tuple(text.split(","))
    if not all(number.isdecimal() for number in numbers):
        raise Stop(USAGE, f"--device {text}: neither cpu nor numbers of GPUs, as 0,1")
    return numbers


def _tag(output: Path | None, shard: shards.Shard) -> str:
    """A name of this run alone. With -o it is the same after a kill, so that leftovers are overwritten."""
    if output is None:
        return f"{os.getpid()}"
    digest = blake2b(os.fsencode(output), digest_size=4).hexdigest()
    return f"{output.name[:24]}{shard_name(shard)}.{digest}"


def _with_shard(options: Any, shard: shards.Shard) -> Any:
    """{shard} replaced in the folder of -d."""
    folder = _folder(options)
    if folder is None:
        return options
    return replace(options, **{folder: shards.name(getattr(options, folder), shard)})


def _folder(options: Any) -> str | None:
    """The name of the option that -d sets, where it is set."""
    hints = get_type_hints(type(options), include_extras=True)
    for option in fields(options):
        notes = getattr(hints[option.name], "__metadata__", ())
        if any(isinstance(note, Opt) and "-d" in note.flags for note in notes):
            return option.name if isinstance(getattr(options, option.name), str) else None
    return None


def _folders(tool: Tool, options: Any, context: Context, ledger: Path | None) -> Iterator[Path]:
    """The folders that a run writes to."""
    for path in (context.output, ledger):
        if path is not None:
            yield path.parent
    named = _folder(options)
    if tool.files or named:
        yield context.folder(getattr(options, named) if named else None, "images")
    if tool.kind == "whole":  # its records wait there
        yield Path(tempfile.gettempdir())


def _check_folder(tool: Tool, options: Any, context: Context) -> None:
    """Refuse a folder for side files that no record could name."""
    if not tool.files:
        return
    name = _folder(options)
    typed = getattr(options, name) if name else None
    try:
        paths.stored(context.root, context.folder(typed, "images"))
    except paths.PathError as error:
        raise Stop(USAGE, f"folder for images: {error}, or -d") from None
