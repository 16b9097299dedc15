"""What a tool is: one row of TOOLS, a frozen `Options` dataclass, and one function.

Parser, help, man pages, completions, schema, README table, examples and workers all come from
this definition. Nothing here imports typer, numpy or a model library.

A tool lives in `headkit/tools/NAME.py` (dashes become underscores) and exports

    Options     frozen dataclass; each field `Annotated[type, Opt(...)] = default`
    EXAMPLES    tuple of Example, run as tests; the module's docstring is the DESCRIPTION of the man page
    and, by kind (a choose or a whole that exports reports(options) is a report where that is true),
    map, choose     start(options, context) -> process;  process(records) -> one Result per record
                    `process.made`, if there, is kept in the record: what decides the result beside the options;
                    with `process.adds`, beside what an earlier run of the tool left there.
                    A batch that raises is tried again record by record, so that `process` keeps no count of calls
                    and does not change its records. An OSError that is not about one file ends the run.
                    A map never sees records with an error, a choose and a report do.
                    `reads(options)`, if exported, says which fields these options need, instead of Tool.reads
                    `selection(options)`, if a choose exports it: the Selection of a record that it reads, or None
                    `tally(options)`, if exported, is a Tally or None: what the summary counts of the rows
                    `batch(options)`, if exported: batch size without -b, or None; `process.sample`: that of a dry run
                    `before(options, context)`, if exported, is called once, in the parent, before a record is read
                    and, where the first record matters, check(options, context, record) -> None: the runner calls it once, in the parent, with the
                    first record that has no error, before `start`; raises Stop
                    Where Tool.photos is set, process(pairs) gets (record, Photo) pairs; its module exports gathering(options, context) -> Gathering;
                    `process.prepare(pairs)`, if there, is called as soon as a batch is read, to begin in threads
    whole           stream(options, context, records) -> one Result per record, in order, once all were read
                    `made` of what it returns is kept as of a process
    report          stream(options, context, records) -> rows (dict) or text (str) for standard output
                    or a Failure for a record that it had to leave out: said on standard error, ends in 1
                    or a Finding: a row that tells of damage, ends in 1
                    Where Tool.opens is set, it opens context.operands itself, and `records` is empty
                    `alone(options)`, if exported: whether nothing is read where no FILE is named
    source          draw(options, context, records, skip) -> records, from number `skip` on, or bytes: a row as it is
    command         text(options, operands) -> lines for standard output; no records, no runner
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, Protocol

Record = dict[str, Any]
Kind = Literal["source", "map", "choose", "whole", "report", "command"]


@dataclass(frozen=True)
class Opt:
    """What people read about one option; its name, type and default come from the dataclass field.

    `decides`: whether the option can change a result. Only such options are kept in `made` and
    compared on resume.
    """

    help: str
    metavar: str | None = None
    flags: tuple[str, ...] = ()  # instead of --field-name, the short one first: ("-d", "--dir")
    decides: bool = True
    minimum: float | None = None  # a number outside is a usage error
    maximum: float | None = None


@dataclass(frozen=True)
class Example:
    """A command line of the manual that is also a test: what it reads and what it writes."""

    command: str
    input: str = ""
    output: str = ""
    status: int = 0


@dataclass(frozen=True)
class Failure:
    """What is wrong with one record; becomes its `error` field. Never used for faults of the machine.

    `model` marks a failure of the model rather than of the input: those count towards --max-failures.
    """

    kind: str
    message: str
    model: bool = False


@dataclass(frozen=True)
class Drop:
    """The decision of a choose or whole tool against one record; goes to the ledger with its reason."""

    reason: str
    score: float | None = None
    threshold: float | None = None
    fields: Record = field(default_factory=dict)  # set on the ledger row as well, as `cluster`
    values: Record = field(default_factory=dict)  # what the rule looked at: kept with the reason


@dataclass(frozen=True)
class Photo:
    """A photo that came with a record: its bytes, read once; of a tool for which Tool.photos is set.

    sha256    of the bytes, hex; empty where there are none
    metadata  what its source says of it: the JSON beside it in a WebDataset
    copy_of   the id of an earlier photo with the same bytes
    fault     why there are no bytes
    """

    data: bytes = b""
    sha256: str = ""
    metadata: Record = field(default_factory=dict)
    copy_of: str | None = None
    fault: Failure | None = None


@dataclass(frozen=True)
class Gathering:
    """How photos are read: the file of the key that ids follow from, and whether records say where photos lie.

    samples  tars and folders are of img2dataset, with a JSON file beside each photo; standard input is a tar
    """

    key: Path
    samples: bool = False
    keep_path: bool = False


@dataclass(frozen=True)
class Finding:
    """A row of a report that tells of damage: written like other rows, and the run ends in 1."""

    row: Record


# A dict holds the fields to set; empty, it changes nothing. `made` in it is of a tool whose work this one did.
Result = Record | Failure | Drop
# Of records; of (record, Photo) pairs where Tool.photos is set.
Process = Callable[[list[Any]], list[Result]]


def nothing() -> None:
    """What Context.check does where nobody watches."""


class Tally(Protocol):
    """What a summary counts of the rows that were written. The counts are kept in the run file."""

    def labels(self, record: Record) -> Iterable[str]:
        """What a row, read again, counts towards: each label once for every time it is given."""
        ...

    def lines(self, counts: Mapping[str, int]) -> Iterable[str]:
        """What the summary says of the counts, by label."""
        ...


@dataclass(frozen=True)
class Context:
    """What the runner knows and a tool may need. Folders are absolute, `root` is resolved."""

    tool: str
    root: Path
    seed: int = 0
    device: str = "cpu"
    output: Path | None = None  # the file of -o, for default folders beside it
    shard: tuple[int, int] = (0, 1)
    limit: int | None = None
    batch_size: int = 1
    verbose: bool = False
    tag: str | None = "run"  # for paths.write_atomic: of this run alone; None in a dry run
    overwrite: bool = False  # an image of another tool may be replaced
    resume: bool = False  # a report takes up its own units of work
    operands: tuple[str, ...] = ()  # as typed; only merge opens them itself
    jobs: int = 1  # of a whole, and a report with Tool.threads: threads that it may use
    ledger: bool = True  # somebody reads why records are dropped
    log: Path | None = None  # the folder of run files and ledgers, of --log
    check: Callable[[], None] = nothing  # called during long work, it raises what ends the run

    def folder(self, typed: str | None, default: str) -> Path:
        """The folder for side files: as typed, else `default` beside the output, else in the root."""
        if typed is not None:
            return Path(typed).absolute()
        return (self.output.parent if self.output is not None else self.root) / default


@dataclass(frozen=True)
class Tool:
    """One row of the table: all that help, completions and checks need before the module is imported."""

    name: str
    kind: Kind
    summary: str
    reads: tuple[str, ...] = ()  # looked for in the first record before any model loads
    writes: tuple[str, ...] = ()  # the fields that the tool may set, and no others
    batch: int = 1
    seeded: bool = False  # shows --seed
    device: bool = False  # shows --device
    files: bool = False  # writes side files: shows --overwrite where it writes `image`
    null: bool = False  # takes image paths with -0
    threads: bool = False  # of a report: works with several threads, shows --jobs
    opens: bool = False  # of a report: takes folders, and reads them itself
    photos: bool = False  # takes folders, image files and tars, and gets the bytes of each photo
    operands: str = "[FILE]..."
    package: str = "headkit.tools"  # where its module is; tests have tools of their own

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(f"{self.package}.{self.name.replace('-', '_')}")


_PICTURED = ("image", "image_sha256", "width", "height", "poses", "camera", "generated", "truth", "target", "scores")  # fmt: skip
# fmt: off
TOOLS: tuple[Tool, ...] = (  # in pipeline order
    Tool(
        "pose-sample", "source", "draw scenes of 2D body poses from a prior; no photo is touched",
        writes=("id", "width", "height", "poses", "camera", "source"), seeded=True,
    ),
    Tool(
        "pose-extract", "map", "find the 2D body poses of everybody in photos; keep no pixels",
        reads=("image",), writes=("width", "height", "source", "poses", "scores"), batch=16, device=True, null=True, photos=True, operands="[PATH]...",
    ),
    Tool(
        "caption", "map", "describe the scene in words, and make a prompt of them",
        reads=("poses",), writes=("caption", "prompt", "poses", "scores"), batch=32, seeded=True, device=True,
    ),
    Tool(
        "generate", "map", "make one image per record, of people in the record's poses",
        reads=("width", "height", "poses"), writes=_PICTURED, batch=4, seeded=True, device=True, files=True,
    ),
    Tool(
        "detect", "map", "find every head in an image",
        reads=("image",), writes=("width", "height", "heads"), batch=8, device=True, null=True,
    ),
    Tool(
        "fit3dmm", "map", "fit landmarks, 3D parameters and pose to every head",
        reads=("heads",), writes=("heads", "camera", "label"), batch=8, device=True,
    ),
    Tool(
        "score", "map", "measure how good images and labels are: numbers, no decisions",
        reads=("image",), writes=("scores", "heads"), batch=8, device=True, null=True,
    ),
    Tool(
        "filter", "choose", "keep the records for which an expression is true",
        writes=("truth", "heads", "scores"), batch=16, device=True,
    ),
    Tool(
        "dedupe", "whole", "remove duplicates, exactly: of images, prompts, poses, or bytes",
        writes=("cluster",), device=True,
    ),
    Tool(
        "pack", "report", "write a dataset that trainers load",
        reads=("image",), threads=True,
    ),
    Tool(
        "verify", "report", "read packed datasets again, and say what is wrong with them",
        threads=True, opens=True, operands="DIR...",
    ),
    Tool(
        "view", "report", "draw contact sheets and overlays to look at",
        reads=("image",),
    ),
    Tool(
        "eval", "report", "measure heads against truth",
        reads=("heads",),
    ),
    Tool(
        "merge", "source", "put the shards of a run together, in the order of its input",
        batch=256, operands="PART...",
    ),
)
# fmt: on

COMMANDS: tuple[Tool, ...] = (  # print their own text, and take none of the shared flags
    Tool(
        "completion",
        "command",
        "print what makes a shell complete headkit commands",
        operands="bash|zsh|fish",
    ),
    Tool("status", "command", "say how far runs are", operands="FILE..."),
)


def find(name: str) -> Tool:
    """The tool of that name; KeyError where there is none."""
    return {tool.name: tool for tool in TOOLS}[name]


# ---- the flags that tools share ------------------------------------------------------------------


@dataclass(frozen=True)
class RunOptions:
    """The flags of the runner. SHOWN says which kinds have which; a tool shows those that mean something for it."""

    # fmt: off
    output: Annotated[str | None, Opt("Write FILE, whole or not at all, instead of standard output.", "FILE", ("-o", "--output"))] = None
    resume: Annotated[bool, Opt("Go on where an earlier run stopped; with -o FILE, where FILE stops.")] = False
    tee: Annotated[bool, Opt("With -o: send every row to standard output too, rows of earlier runs first.")] = False
    retry_errors: Annotated[bool, Opt("With --resume: do this tool's error records again.")] = False
    ledger: Annotated[str | None, Opt("Write dropped records to FILE (default: FILE.dropped beside -o FILE).", "FILE")] = None
    bad_lines: Annotated[Literal["stop", "skip"], Opt("What a malformed line does: stop the run, or be skipped and counted.")] = "stop"
    max_failures: Annotated[int, Opt("Stop after N failures of the model in a row.", "N", minimum=0)] = 100
    batch_size: Annotated[int | None, Opt("Records worked on together; the result does not depend on it.", "N", ("-b", "--batch-size"), minimum=1)] = None
    jobs: Annotated[int, Opt("Worker processes; the result does not depend on it.", "N", ("-j", "--jobs"), minimum=1)] = 1
    timeout: Annotated[float | None, Opt("Give up a record after SECONDS, even where a library hangs; work is then in a process of its own.", "SECONDS", minimum=0.001)] = None
    ray: Annotated[str | None, Opt("Work on the Ray cluster at ADDRESS, or auto; as many actors as it has CPUs or GPUs, or --jobs.", "ADDRESS")] = None
    device: Annotated[str, Opt("cpu, or the numbers of GPUs: 0 or 0,1.", "DEVICE")] = "cpu"
    shard: Annotated[str | None, Opt("Only shard I of N, counted from 0; auto reads the SLURM array variables.", "I/N")] = None
    limit: Annotated[int | None, Opt("Only the first N records.", "N", ("-n", "--limit"), minimum=0)] = None
    seed: Annotated[int, Opt("Every random choice follows from this number and the record's id.", "N", minimum=0)] = 0
    overwrite: Annotated[bool, Opt("Replace an image that another tool put in the record.")] = False
    root: Annotated[str | None, Opt("Folder that paths in records are relative to (default: the current one).", "DIR")] = None
    null: Annotated[bool, Opt("Read image paths, separated by NUL, instead of records.", None, ("-0", "--null"))] = False
    log: Annotated[str | None, Opt("Keep the run file and the ledger in DIR (or HEADKIT_LOG).", "DIR")] = None
    min_free: Annotated[str | None, Opt("Wait while a disk has less than SIZE left, as 20G; 0: never (default: 1% of it, 1G at most).", "SIZE")] = None
    dry_run: Annotated[bool, Opt("Check everything, time a sample, print the cost; write nothing.")] = False
    quiet: Annotated[bool, Opt("No progress bar and no summary.", None, ("-q", "--quiet"))] = False
    verbose: Annotated[bool, Opt("Say more; a bug shows its traceback.", None, ("-v", "--verbose"))] = False
    # fmt: on


SHOWN: dict[str, tuple[Kind, ...]] = {
    "output": ("source", "map", "choose", "whole"),
    "resume": ("source", "map", "choose", "whole", "report"),
    "tee": ("map", "choose", "whole"),
    "retry_errors": ("map",),
    "ledger": ("choose", "whole"),
    "bad_lines": ("source", "map", "choose", "whole", "report"),
    "max_failures": ("map",),
    "batch_size": ("map",),
    "jobs": ("map", "choose", "whole", "report"),  # and Tool.threads
    "timeout": ("map", "choose"),
    "ray": ("map", "choose"),
    "device": ("source", "map", "choose", "whole", "report"),  # and Tool.device
    "shard": ("source", "map", "choose"),
    "limit": ("source", "map", "choose", "whole", "report"),
    "seed": ("source", "map", "choose", "whole", "report"),  # and Tool.seeded
    "overwrite": ("map",),  # and Tool.files
    "root": ("source", "map", "choose", "whole", "report"),
    "null": ("map",),  # and Tool.null
    "log": ("source", "map", "choose", "whole", "report"),
    "min_free": ("source", "map", "choose", "whole", "report"),
    "dry_run": ("map",),
    "quiet": ("source", "map", "choose", "whole", "report"),
    "verbose": ("source", "map", "choose", "whole", "report"),
}


def shown(tool: Tool) -> list[str]:
    """The names of the RunOptions fields that this tool has, in the order of every help page."""
    means = {
        "device": tool.device,
        "seed": tool.seeded,
        "jobs": tool.kind != "report" or tool.threads,
        "min_free": tool.kind != "report" or tool.threads,
        "overwrite": tool.files and "image" in tool.writes,
        "null": tool.null,
        **dict.fromkeys(("resume", "bad_lines", "limit", "root"), not tool.opens),
    }
    return [name for name, kinds in SHOWN.items() if tool.kind in kinds and means.get(name, True)]


Records = Iterable[Record]
