"""Manual pages: headkit(1), headkit-TOOL(1) and headkit-record(5), from the definitions."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from headkit import __version__, status, troff
from headkit import tool as table
from headkit.definition import Flag, common_flags, own_flags, read_flags, talking_flags
from headkit.record import FIELDS, SCHEMA, Field
from headkit.tool import Example, RunOptions, Tool
from headkit.troff import bold, definition, italic, paragraphs, prose, section

OVERVIEW = """\
headkit builds synthetic datasets of human heads: images with a box and a full 3D head mesh, given by the parameters of a 3D morphable model, for every head. It is a set of tools. Each reads a manifest of records in JSON Lines, the format of headkit-record(5), on standard input, and writes one on standard output, so that tools run alone, in pipes and from cron.

No tool loses a record silently: a tool that adds fields writes one record for each that it reads, in order, and what is wrong with a record is that record with an `error` field. The same record gives the same bytes whatever the batch size, the number of processes, the shard, or how often a run was cut short.

No tool uses the network unless a model of a hub is named."""

STREAMS = """\
Standard output carries records and nothing else; reports and help print their own text. Messages, the progress bar and the summary go to standard error: the bar only to a terminal, the summary to a terminal, with -v, or where anything failed. A run from cron that succeeds prints nothing.

No FILE, or -, is standard input; several FILEs are read in turn; -- ends the options. Where an option is given twice, the last one counts.

Paths in records are relative to --root, by default the current folder, in every tool; one that leaves the root is refused. What is typed may be absolute."""

RESUMING = """\
With -o FILE alone, FILE is replaced when the run ends, and only then. With -o FILE --resume, records are added to FILE as they are done; the same command, given again after a crash, a full disk or the end of a time limit, goes on where FILE stops. Running a finished job again does nothing. Options that change results must be the same, and records that were done must not have changed: otherwise the run ends with status 2 and says what differs.

The first INT, TERM or HUP lets the batch in hand finish and be written; the second ends the run at once. Nothing is lost or doubled by kill -9 either. USR1 makes a run say in one line how far it is; headkit-status(1) says it of many.

With -j, a worker process that dies (a crash of a library, memory that ran out) is replaced. The records that it held are done again, each alone while nothing else runs; one that kills its worker again gets an `error` of kind crash or out of memory, and the run goes on. --timeout does the same to a record that takes too long, with the kind timeout: a library that hangs is killed, and so work is in a process of its own even without -j. The time is that of one record; loading models and the first batch, which may compile code, have more. A device that has failed ends the run with status 69, and no record gets an error for it.

While a disk that the run writes to has less than --min-free left, or takes fewer than 1000 files more, the run waits, says so, and goes on when there is room; after ten minutes it ends with status 74. --dry-run says how many bytes and files a run will take.

One run at a time writes a FILE; another one ends with status 75. On disks without locks (Lustre, some NFS mounts) a file .FILE.lock is held, with host, process and job; a run that finds one which nobody has touched for two minutes takes it over, and says so."""

SHARDING = """\
With --shard I/N a run does only those records whose `id` hashes to I of N, counted from 0, so that N machines need no coordination. `{shard}` in the arguments of -o and -d is replaced by the number. headkit-merge(1) puts the shards together in the order of their input, and fails unless all of them are there and whole."""

RECIPES = """\
Every night from ten on, for eight hours, until it is done (timeout ends with status 124; a second run that meets the first, with 75):

    0 22 * * * cd /data && timeout -s TERM 8h headkit generate -o images.jsonl --resume -j 8 poses.jsonl

A pipe of tools that can each be resumed, in six hours a day; the same command goes on with all of them:

    timeout -s TERM 6h sh -c 'headkit caption -o prompts.jsonl --resume --tee poses.jsonl | headkit generate -o images.jsonl --resume --tee | headkit detect -o heads.jsonl --resume'

Shards with GNU parallel, on this machine or, with --sshlogin, on several that see the same disk; and together again:

    parallel headkit generate --shard {}/4 -o parts/{}.jsonl --resume poses.jsonl ::: 0 1 2 3
    headkit merge --order poses.jsonl parts/*.jsonl > images.jsonl

An array of SLURM, whose tasks begin again on another node when theirs is lost, and end in order before their time limit; run.sh holds the second and third line:

    sbatch --array=0-63 --requeue --signal=B:TERM@180 run.sh

    #!/bin/bash
    exec headkit generate --shard auto -o 'parts/{shard}.jsonl' --resume < poses.jsonl

    headkit status parts/*.jsonl

To begin again after the time limit too, until all is done, with `--open-mode=append` for one log:

    #!/bin/bash
    trap 'kill -TERM $run; wait $run; scontrol requeue ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID' TERM
    headkit generate --shard auto -o 'parts/{shard}.jsonl' --resume poses.jsonl & run=$!
    wait $run

A Ray cluster (`pip install 'headkit[ray]'`) whose nodes see the same disk and have the same headkit, as many actors as it has CPUs, or GPUs with --device; when a node is lost, its records are done on another one, and the same command goes on after any end:

    headkit generate --ray auto -o images.jsonl --resume poses.jsonl

How long will it take, and does the disk hold it?

    headkit generate --dry-run -j 8 < poses.jsonl"""

FRAMES = """\
Coordinates are pixels of the upright picture: the origin is its top left corner, x goes right, y goes down, and the centre of the first pixel is at (0.5, 0.5).

The frame of the head model has +y up, +z out of the face, +x to the subject's left, and its own origin; lengths are metres. The camera is OpenCV's: x right, y down, z forward. A point X of the model is at R X + t in the camera's frame, with full perspective.

Yaw, pitch and roll are degrees of the intrinsic YXZ angles of diag(1, -1, -1) R, relative to the ray through the head, over the full circle."""

PIPELINE = """\
    headkit pose-sample -n 200 --seed 7 | headkit caption | headkit generate | headkit pack -d heads/"""


def pages(tools: Sequence[Tool]) -> dict[str, str]:
    """Every page by its file name."""
    found = {"headkit.1": overview(tools), "headkit-record.5": record()}
    found |= {f"headkit-{tool.name}.1": page(tool) for tool in tools}
    return found


def page(tool: Tool) -> str:
    """The page of one command."""
    description = inspect.getdoc(tool.module) or tool.summary
    own, common = own_flags(tool), [*common_flags(tool), *talking_flags(tool)]
    name = f"headkit-{tool.name}"
    return _page(
        name,
        section("NAME", f"{troff.literal(name)} \\- {prose(tool.summary)}"),
        section(
            "SYNOPSIS",
            f"{bold(f'headkit {tool.name}')} [{italic('OPTION')}]... {_operands(tool.operands)}",
        ),
        section("DESCRIPTION", paragraphs(description)),
        section("OPTIONS", _flags(own), ".SS Common options" if own else "", _flags(common)),
        section("RECORDS", *_records(tool)),
        section(
            "EXIT STATUS",
            _statuses(
                status.MEANING
                if tool.kind != "command"
                else {0: "done", **_some(2, 65, 66, 70, 74)}
            ),
        ),
        section("FILES", *_files(tool)),
        section("ENVIRONMENT", *_environment(tool)),
        section("EXAMPLES", *(_example(example) for example in tool.module.EXAMPLES)),
        section("SEE ALSO", _see_also(tool)),
    )


def overview(tools: Sequence[Tool]) -> str:
    """headkit(1): what all tools have in common."""
    everything = [*read_flags(RunOptions), *talking_flags(table.TOOLS[0])]
    return _page(
        "headkit",
        section("NAME", "headkit \\- composable tools that build synthetic human\\-head datasets"),
        section(
            "SYNOPSIS",
            f"{bold('headkit')} {italic('COMMAND')} [{italic('OPTION')}]... [{italic('FILE')}]...",
        ),
        section("DESCRIPTION", paragraphs(OVERVIEW)),
        section(
            "COMMANDS",
            *(
                definition(f"{bold('headkit-' + tool.name)}(1)", _sentence(tool.summary))
                for tool in tools
            ),
        ),
        section(
            "OPTIONS",
            prose(
                "A command has those of these options that mean something for it, and its own, which its page lists first."
            ),
            _flags(everything),
        ),
        section("STREAMS", paragraphs(STREAMS)),
        section("RESUMING", paragraphs(RESUMING)),
        section("MORE THAN ONE MACHINE", paragraphs(SHARDING)),
        section("RECIPES", paragraphs(RECIPES)),
        section("EXIT STATUS", _statuses(status.MEANING)),
        section(
            "FILES",
            *(definition(bold(path), text) for path, text in (RUN_FILE, LEDGER, LOCK, CACHE)),
        ),
        section(
            "ENVIRONMENT", *(definition(bold(name), text) for name, text in (LOG, SLURM, JOB, XDG))
        ),
        section(
            "EXAMPLES", prose("From nothing to a dataset of 200 images:"), paragraphs(PIPELINE)
        ),
        section(
            "SEE ALSO",
            ", ".join(
                f"{bold(page)}({number})"
                for page, number in (
                    ("headkit-record", 5),
                    *((f"headkit-{tool.name}", 1) for tool in tools),
                )
            ),
        ),
    )


def record() -> str:
    """headkit-record(5): the fields of a record."""
    return _page(
        "headkit-record",
        section("NAME", "headkit\\-record \\- the records that headkit tools read and write"),
        section(
            "DESCRIPTION",
            paragraphs(
                "A manifest is JSON Lines: one JSON object a line, in UTF-8. A record has an `id` that no other "
                "record of its manifest has. A tool adds fields, or replaces its own; fields that it does not know "
                "pass through unharmed and in order. Numbers are rounded as given here.\n\n"
                f"This is major version {SCHEMA} of the format. Records of older ones are read, of newer ones refused. "
                "`headkit COMMAND --schema` prints the same as a JSON Schema."
            ),
        ),
        section("FIELDS", *(_field(field) for field in FIELDS)),
        section("FRAMES AND UNITS", paragraphs(FRAMES)),
        section(
            "EXAMPLES",
            prose("The least that headkit-generate(1) reads, on one line:"),
            troff.example(
                '{"id": "a", "width": 640, "height": 480,\n "poses": [{"keypoints": [[320.0, 170.0, 1], ...]}]}'
            ),
        ),
        section("SEE ALSO", f"{bold('headkit')}(1), {bold('jq')}(1)"),
        number=5,
    )


# ---- parts of a page -----------------------------------------------------------------------------

RUN_FILE = (
    "FILE.run.json, FILE.run.ids",
    "Beside the FILE of -o: what was run, how far it got and how fast. headkit-status(1) shows it.",
)
LEDGER = (
    "FILE.dropped",
    "Beside the FILE of -o: the records that were dropped, each with its reason. --ledger names another file.",
)
LOCK = (
    ".FILE.lock",
    "Beside a FILE on a disk without locks, while a run writes it: who does. It may be removed where that run is dead.",
)
IMAGES = (
    "images/",
    "Images, spread over 256 folders, where no option names another folder: beside the FILE of -o, or in the root.",
)
CACHE = (
    "$XDG_CACHE_HOME/headkit",
    "Compiled code; ~/.cache/headkit without the variable. It may be deleted.",
)
LOG = ("HEADKIT_LOG", "As --log.")
SLURM = (
    "SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_MIN, SLURM_ARRAY_TASK_MAX, SLURM_ARRAY_TASK_COUNT",
    "What --shard auto reads.",
)
JOB = (
    "SLURM_JOB_ID, SLURM_ARRAY_JOB_ID, SLURMD_NODENAME, SLURM_RESTART_COUNT",
    "What run files and lock files say of the job. One that was requeued waits up to three minutes for its former self.",
)
SHORT = 400  # characters of records that an example shows
XDG = ("XDG_CACHE_HOME", "Where caches go.")


def _page(name: str, *sections: str, number: int = 1) -> str:
    title = (
        f'.TH {troff.literal(name.upper())} {number} "" "headkit {__version__}" "headkit manual"'
    )
    head = '.\\" Generated by python -m headkit.doc; do not edit.'
    # No hyphenation (HY) and no adjusting: options and field names are searched for and copied.
    return (
        "\n".join([head, ".nr HY 0", title, ".ad l", *(text for text in sections if text)]) + "\n"
    )


def _flags(flags: Sequence[Flag]) -> str:
    return "\n".join(_flag(flag) for flag in flags)


def _flag(flag: Flag) -> str:
    names = [*flag.names, *([flag.negative] if flag.negative else [])]
    term = ", ".join(bold(name) for name in names)
    if flag.takes_value:
        term += " " + ("|".join(bold(choice) for choice in flag.choices) or italic(flag.metavar))
    notes = []
    if flag.repeated:
        notes.append("May be given more than once.")
    if flag.default is True:
        notes.append(f"The default is {flag.names[-1]}.")
    elif flag.default_text:
        notes.append(f"The default is `{flag.default_text}`.")
    return definition(term, " ".join([flag.opt.help, *notes]))


def _operands(operands: str) -> str:
    """An operand's metavar, its words in italics or, where they are to be typed, in bold."""
    if "|" in operands:
        return "|".join(bold(word) for word in operands.split("|"))
    word = operands.strip("[].")
    before, _, after = operands.partition(word)
    return f"{before}{italic(word)}{after}"


def _records(tool: Tool) -> list[str]:
    if tool.kind == "command":
        return []
    blocks = []
    for verb, names in (("Reads", tool.reads), ("Writes", tool.writes)):
        if names:
            blocks.append(f"{verb} {', '.join(bold(name) for name in names)}.")
    where = f"Fields are described in {bold('headkit-record')}(5)"
    return [
        "\n.PP\n".join(
            [
                *blocks,
                where + (f"; {bold('--schema')} prints them as a JSON Schema." if names else "."),
            ]
        )
    ]


def _statuses(meaning: dict[int, str]) -> str:
    return "\n".join(definition(bold(str(code)), _sentence(text)) for code, text in meaning.items())


def _some(*codes: int) -> dict[int, str]:
    return {code: status.MEANING[code] for code in codes}


def _files(tool: Tool) -> list[str]:
    shown = table.shown(tool)
    rows = [
        *([IMAGES] if tool.files and "image" in tool.writes else []),
        *([RUN_FILE] if "resume" in shown or tool.name == "status" else []),
        *([LEDGER] if "ledger" in shown else []),
        *([CACHE] if tool.files else []),
    ]
    return [definition(bold(path), text) for path, text in rows]


def _environment(tool: Tool) -> list[str]:
    shown = table.shown(tool)
    rows = [
        *([LOG] if "log" in shown else []),
        *([SLURM] if "shard" in shown else []),
        *([XDG] if tool.files else []),
    ]
    return [definition(bold(name), text) for name, text in rows]


def _example(example: Example) -> str:
    """The command as typed, with what it reads and writes where that is short."""
    reads = example.input and "in.jsonl" not in example.command
    lines = [f"$ {example.command} < in.jsonl" if reads else f"$ {example.command}"]
    if example.input and len(example.input) < SHORT:
        lines = ["$ cat in.jsonl", *example.input.splitlines(), *lines]
    if len(example.output) < SHORT:
        lines += example.output.splitlines()
    if example.status:
        lines += ["$ echo $?", str(example.status)]
    return troff.example("\n".join(lines))


def _see_also(tool: Tool) -> str:
    rows = list(table.TOOLS)
    near = []
    if tool in rows:
        place = rows.index(tool)
        near = [rows[other].name for other in (place - 1, place + 1) if 0 <= other < len(rows)]
    pages = [("headkit", 1), *((f"headkit-{name}", 1) for name in near), ("headkit-record", 5)]
    return ", ".join(f"{bold(name)}({number})" for name, number in pages)


def _field(field: Field) -> str:
    facts = [
        field.type,
        field.unit,
        f"{field.decimals} decimals" if field.decimals is not None else "",
    ]
    term = f"{bold(field.path)} ({', '.join(fact for fact in facts if fact)})"
    written = (
        f"Written by {', '.join(f'headkit-{name}(1)' for name in field.tools)}."
        if field.tools
        else ""
    )
    return definition(term, f"{_sentence(field.meaning)} {written}")


def _sentence(text: str) -> str:
    """A line of a table as a sentence."""
    start = text if text.split(" ", 1)[0] in {"id", "poses"} else text[:1].upper() + text[1:]
    return start if start.endswith(".") else start + "."
