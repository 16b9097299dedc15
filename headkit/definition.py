"""The command line as data: every flag of every tool, read from the dataclasses that define it.

The parser, the manual, the completions and the README table all start here, so they cannot
disagree. Reading a tool's own flags imports its module, and nothing heavier.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from headkit import tool as table
from headkit.tool import Opt, RunOptions, Tool

Completes = Literal["choices", "files", "folders", "nothing"]
METAVAR = {int: "N", float: "NUMBER", str: "TEXT"}


@dataclass(frozen=True)
class Flag:
    """One option as a person meets it."""

    field: str  # name of the dataclass field
    names: tuple[str, ...]  # as typed, the short one first: ("-b", "--batch-size")
    type: type[bool | int | float | str]  # of one value
    default: Any
    opt: Opt
    choices: tuple[str, ...] = ()
    optional: bool = False  # may be None, which is the default
    repeated: bool = False  # may be given many times; the values make a tuple

    @property
    def takes_value(self) -> bool:
        return self.type is not bool

    @property
    def negative(self) -> str | None:
        """The spelling that switches off a flag that is on by default."""
        return "--no-" + self.names[-1].removeprefix("--") if self.default is True else None

    @property
    def metavar(self) -> str:
        """What stands for the value in help: its choices, or a word in capitals."""
        if self.choices:
            return "|".join(self.choices)
        return self.opt.metavar or METAVAR.get(self.type, "")

    @property
    def completes(self) -> Completes:
        """What a shell offers for the value."""
        if self.choices:
            return "choices"
        return completes(self.metavar.replace("|", " "))  # N|N-N shows a form, not words to choose

    @property
    def default_text(self) -> str:
        """The default as a person would type it; empty where there is nothing to say."""
        if self.default in (None, "", (), True, False):
            return ""
        if isinstance(self.default, tuple):
            return " ".join(str(value) for value in self.default)
        return str(self.default)


def completes(metavar: str) -> Completes:
    """What a shell offers where such an operand or value stands."""
    if "|" in metavar:
        return "choices"
    if any(word in metavar for word in ("FILE", "PART", "PATH")):
        return "files"
    return "folders" if "DIR" in metavar else "nothing"


def flags(tool: Tool) -> list[Flag]:
    """Every flag of a tool, in the order of its help page."""
    return [*own_flags(tool), *common_flags(tool), *talking_flags(tool)]


def own_flags(tool: Tool) -> list[Flag]:
    """The flags that only this tool has. Imports the tool's module."""
    return read_flags(tool.module.Options)


def common_flags(tool: Tool) -> list[Flag]:
    """The runner's flags that mean something for this tool, in the order of every help page."""
    flags = {flag.field: flag for flag in read_flags(RunOptions)}
    return [flags[name] for name in table.shown(tool)]


def talking_flags(tool: Tool) -> list[Flag]:
    """The flags that print something and end."""
    schema = Flag(
        "schema", ("--schema",), bool, False, Opt("Print the JSON Schema of the records, and exit.")
    )
    version = Flag("version", ("--version",), bool, False, Opt("Print the version, and exit."))
    help_ = Flag("help", ("-h", "--help"), bool, False, Opt("Print this help, and exit."))
    return [version, help_] if tool.kind == "command" else [schema, version, help_]


def read_flags(options: type) -> list[Flag]:
    """The flags of a dataclass whose fields are `Annotated[type, Opt(...)] = default`."""
    hints = get_type_hints(options, include_extras=True)
    return [_read_flag(field.name, hints[field.name], field.default) for field in fields(options)]


def _read_flag(name: str, hint: Any, default: Any) -> Flag:
    if get_origin(hint) is not Annotated or default is MISSING:
        raise TypeError(f"option {name}: write it as Annotated[type, Opt(...)] = default")
    hint, opt = get_args(hint)[:2]
    optional = get_origin(hint) in (Union, types.UnionType)
    if optional:
        hint = next(part for part in get_args(hint) if part is not types.NoneType)
    repeated = get_origin(hint) is tuple
    if repeated:
        hint = get_args(hint)[0]
    choices: tuple[str, ...] = ()
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), str
    if hint not in (bool, int, float, str):
        raise TypeError(f"option {name}: {hint} is not bool, int, float, str or a Literal of str")
    names = opt.flags or ("--" + name.replace("_", "-"),)
    return Flag(name, names, hint, default, opt, choices, optional, repeated)
