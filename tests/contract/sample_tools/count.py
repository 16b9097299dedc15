"""A source: draws records from number `skip` on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from headkit.tool import Opt

EXAMPLES = ()


@dataclass(frozen=True)
class Options:
    step: Annotated[int, Opt("between values")] = 1
    started: Annotated[str | None, Opt("file that gets the number begun at", decides=False)] = None


def draw(options, context, records, skip):
    if options.started:
        with Path(options.started).open("a") as file:
            file.write(f"{skip}\n")
    for number in range(skip, 1000):
        yield {"id": f"n{number}", "value": number * options.step}
