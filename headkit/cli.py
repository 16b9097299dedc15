"""The command line: arguments in, exit status out. The only importer of typer.

`headkit --help` imports no tool, `headkit TOOL --help` imports that tool alone; neither loads
numpy or a model library. The parser is built from `definition`, and has no rule of its own about
any tool.
"""

from __future__ import annotations

import inspect
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from headkit import __version__, status
from headkit import tool as table
from headkit.tool import RunOptions, Tool

# typer carries a click of its own, which has no public name: a public error leads to its base.
ClickException: type[Exception] = typer.BadParameter.__mro__[2]
STDOUT_CLOSED = "standard output is closed; nothing could be printed"
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True)
class Invocation:
    """What a command line asked for."""

    tool: Tool
    options: Any  # the tool's own Options
    run_options: RunOptions
    operands: list[str]


def main() -> NoReturn:
    """The console script."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a run takes over: no traceback
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names that are not UTF-8
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit status, having said on standard error what is wrong."""
    try:
        asked = _answer(arguments)
        if isinstance(asked, int):
            return asked
        from headkit import run

        return run.run(asked.tool, asked.options, asked.run_options, asked.operands)
    except status.Stop as stop:
        _complain(f"{_path(arguments)}: {stop.message}")
        return stop.status
    except Exception as error:  # noqa: BLE001  a bug of ours: say so in one line
        if "-v" in arguments or "--verbose" in arguments:
            traceback.print_exc()
        what = f"{type(error).__name__}: {error}"
        _complain(f"{_path(arguments)}: bug: {what}; run with -v to see where, and report it")
        return status.BUG


def parse(arguments: Sequence[str]) -> Invocation | int:
    """What the arguments ask for; an exit status where the answer is printed already.

    Raises Stop(USAGE) for a flag that does not exist, a bad value, a missing operand.
    """
    try:
        command = typer.main.get_command(_application())
        with command.make_context("headkit", list(arguments)) as context:
            result: Invocation = command.invoke(context)
            return result
    except typer.Exit as done:
        if sys.stdout is None:
            raise status.Stop(status.WRITE_FAILED, STDOUT_CLOSED) from None
        return done.exit_code
    except ClickException as error:
        message = getattr(error, "format_message", error.__str__)().rstrip(".")
        message = message[:1].lower() + message[1:]
        raise status.Stop(status.USAGE, f"{message}; see {_path(arguments)} --help") from None


def _answer(arguments: Sequence[str]) -> Invocation | int:
    """What is to be run; the exit status, where the answer was a text and is printed.

    Raises Stop(WRITE_FAILED) where it cannot be printed.
    """
    try:
        asked = parse(arguments)
        if isinstance(asked, Invocation) and asked.tool.kind == "command":
            for line in asked.tool.module.text(asked.options, asked.operands):
                _say(line)
            asked = status.OK
        if sys.stdout is not None:
            sys.stdout.flush()
        return asked
    except BrokenPipeError:
        _die_of_broken_pipe()
    except OSError as error:
        _forget_standard_output()
        message = f"standard output: {error.strerror}"
        raise status.Stop(status.WRITE_FAILED, message) from None


def _path(arguments: Sequence[str]) -> str:
    """What a message begins with: headkit, or headkit and the command that is named."""
    name = next((word for word in arguments if not word.startswith("-")), "")
    return f"headkit {name}" if name in _commands() else "headkit"


# ---- the parser ----------------------------------------------------------------------------------


def _commands() -> dict[str, Tool]:
    return {tool.name: tool for tool in (*table.TOOLS, *table.COMMANDS)}


class _Group(TyperGroup):
    """`headkit`: lists its commands from the table, and imports only the one that is asked for."""

    def list_commands(self, _context: Any) -> list[str]:
        return list(_commands())

    def get_command(self, _context: Any, name: str) -> Any:
        tool = _commands().get(name)
        return None if tool is None else _command(tool)

    def format_commands(self, _context: Any, formatter: Any) -> None:
        for title, tools in (
            ("Tools, in the order of a pipeline", table.TOOLS),
            ("Other commands", table.COMMANDS),
        ):
            with formatter.section(title):
                formatter.write_dl([(tool.name, tool.summary) for tool in tools])


class _Command(TyperCommand):
    """One tool: help shows its own options first, then those that all tools share."""

    common: frozenset[str] = frozenset()
    operands: str = ""

    def collect_usage_pieces(self, _context: Any) -> list[str]:
        return ["[OPTION]...", self.operands]

    def format_options(self, context: Any, formatter: Any) -> None:
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for param in self.get_params(context):
            record = param.get_help_record(context)
            if record is not None and param.param_type_name == "option":
                (common if param.name in self.common else own).append(record)
        for title, records in (("Options", own), ("Common options", common)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _application() -> typer.Typer:
    application = typer.Typer(
        cls=_Group,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
        subcommand_metavar="COMMAND [OPTION]... [FILE]...",
        options_metavar="",
        epilog="Records go from command to command as JSON Lines: headkit-record(5). "
        "Help on one: headkit COMMAND --help",
    )

    @application.callback(help="Composable tools that build synthetic human-head datasets.")
    def headkit(
        *,
        version: Annotated[
            bool,
            typer.Option(
                "--version", help="Print the version, and exit.", is_eager=True, callback=_version
            ),
        ] = False,
    ) -> None:
        pass

    return application


def _command(tool: Tool) -> Any:
    """The click command of one tool, from its definition."""
    from headkit import definition

    own, common = definition.own_flags(tool), definition.common_flags(tool)

    def invoke(**values: Any) -> Invocation:
        def take(flags: list[definition.Flag]) -> dict[str, Any]:
            return {
                flag.field: _plain(values[flag.field]) if flag.repeated else values[flag.field]
                for flag in flags
            }

        options, run_options = tool.module.Options(**take(own)), RunOptions(**take(common))
        return Invocation(tool, options, run_options, list(_plain(values["operands"])))

    parameters = [_parameter(flag) for flag in (*own, *common)]
    parameters += [
        _talking(flag, tool) for flag in definition.talking_flags(tool) if flag.field != "help"
    ]
    invoke.__signature__ = inspect.Signature([*parameters, _operands(tool)])  # type: ignore[attr-defined]

    application = typer.Typer(
        rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
    )
    application.command(
        tool.name,
        cls=_Command,
        help=_help(tool),
        context_settings=SETTINGS,
        options_metavar="[OPTION]...",
    )(invoke)
    command: Any = typer.main.get_command(application)
    command.operands = tool.operands
    if tool.kind != "command":
        command.common = frozenset(flag.field for flag in common) | {"schema", "version", "help"}
    return command


def _help(tool: Tool) -> str:
    """The module's docstring; lists and examples in it are kept as they are, not filled."""
    blocks = (inspect.getdoc(tool.module) or tool.summary).replace("`", "").split("\n\n")
    return "\n\n".join(
        "\b\n" + block if block.startswith(("- ", "    ")) else block for block in blocks
    )


def _parameter(flag: Any) -> inspect.Parameter:
    """One flag as typer reads it: a keyword parameter with an annotated type."""
    kind: Any = Literal[flag.choices] if flag.choices else flag.type
    if flag.repeated:
        kind = _list_of(flag.choices) if flag.choices else list[kind]
    if flag.optional:
        kind = kind | None
    names = list(flag.names)
    if flag.negative:
        names[-1] += "/" + flag.negative
    extra: dict[str, Any] = {"metavar": flag.metavar} if flag.takes_value else {}
    if flag.type in (int, float):
        extra |= {"min": flag.opt.minimum, "max": flag.opt.maximum}
    option = typer.Option(*names, help=flag.opt.help, show_default=bool(flag.default_text), **extra)
    default = list(flag.default) if flag.repeated and flag.default is not None else flag.default
    return _keyword(flag.field, Annotated[kind, option], default)


def _talking(flag: Any, tool: Tool) -> inspect.Parameter:
    """A flag that prints and ends, before anything else is looked at."""
    callback = _version if flag.field == "version" else _schema(tool)
    option = typer.Option(*flag.names, help=flag.opt.help, is_eager=True, callback=callback)
    return _keyword(flag.field, Annotated[bool, option], default=False)


def _operands(tool: Tool) -> inspect.Parameter:
    argument = typer.Argument(metavar=tool.operands, show_default=False)
    kind = _list_of(tool.operands.split("|")) if "|" in tool.operands else list[str]
    required = not tool.operands.startswith("[")
    return _keyword(
        "operands",
        Annotated[kind if required else kind | None, argument],
        inspect.Parameter.empty if required else None,
    )


def _list_of(choices: Iterable[str]) -> Any:
    """A list of some of these words: typer takes an Enum there, and no Literal."""
    return list[Enum("Choice", {choice: choice for choice in choices})]  # type: ignore[misc]


def _plain(values: list[Any] | None) -> tuple[Any, ...]:
    """What was given of an option or operand that repeats."""
    return tuple(value.value if isinstance(value, Enum) else value for value in values or ())


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


# ---- what is printed here ------------------------------------------------------------------------


def _version(value: bool) -> None:  # noqa: FBT001  typer calls it so
    if value:
        _say(f"headkit {__version__}")
        raise typer.Exit


def _schema(tool: Tool) -> Callable[[bool], None]:
    def show(value: bool) -> None:  # noqa: FBT001
        if value:
            from headkit import schema

            _say(schema.text(tool))
            raise typer.Exit

    return show


def _say(text: str) -> None:
    if sys.stdout is None:  # closed by the caller: what would be lost must not look like success
        raise status.Stop(status.WRITE_FAILED, STDOUT_CLOSED)
    print(text)


def _complain(line: str) -> None:
    if sys.stderr is not None:
        print(line, file=sys.stderr)


def _die_of_broken_pipe() -> NoReturn:
    """End as other programs do when their reader has gone: of the signal, without a word."""
    _forget_standard_output()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
    raise SystemExit(128 + signal.SIGPIPE)  # where the signal is blocked


def _forget_standard_output() -> None:
    """Keep the interpreter from flushing what cannot be written, and from complaining about it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
