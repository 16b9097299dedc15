"""`python -m sample_tools TOOL [--flag value]...`: as headkit itself, for the tools of the tests."""

import argparse
import dataclasses
import sys
import typing

from headkit.run import run
from headkit.tool import RunOptions
from sample_tools import TOOLS


def add_flags(parser, options):
    for field in dataclasses.fields(options):
        hint = typing.get_type_hints(options)[field.name]
        names = {
            "output": ["-o"],
            "limit": ["-n"],
            "batch_size": ["-b"],
            "jobs": ["-j"],
            "dir": ["-d"],
            "verbose": ["-v"],
            "quiet": ["-q"],
            "null": ["-0"],
        }.get(field.name, [])
        names = [*names, "--" + field.name.replace("_", "-")]
        if hint is bool:
            parser.add_argument(*names, action="store_true")
        else:
            kind = next(
                (kind for kind in (int, float) if kind in (hint, *typing.get_args(hint))), str
            )
            parser.add_argument(*names, type=kind, default=field.default)


def main():
    tool = TOOLS[sys.argv[1]]
    parser = argparse.ArgumentParser()
    add_flags(parser, tool.module.Options)
    add_flags(parser, RunOptions)
    parser.add_argument("operands", nargs="*")
    given = vars(parser.parse_intermixed_args(sys.argv[2:]))
    chosen = [
        kind(**{field.name: given[field.name] for field in dataclasses.fields(kind)})
        for kind in (tool.module.Options, RunOptions)
    ]
    return run(tool, *chosen, given["operands"])


if __name__ == "__main__":
    sys.exit(main())
