"""A choose: keeps records whose value is even."""

from dataclasses import dataclass
from typing import Annotated

from headkit.status import USAGE, Stop
from headkit.tool import Drop, Failure, Opt

EXAMPLES = ()


@dataclass(frozen=True)
class Options:
    least: Annotated[int, Opt("the least value kept")] = 0
    keep_errors: Annotated[bool, Opt("keep records with an error")] = False


def check(options, context, record):
    if options.least > 1000:
        raise Stop(USAGE, f"--least {options.least}: is more than 1000")


def start(options, context):
    def process(records):
        return [result(record) for record in records]

    def result(record):
        if "error" in record:
            return {} if options.keep_errors else Drop("error")
        if record.get("do") == "fail":
            return Failure("bad value", "value is bad")
        if record["value"] % 2:
            return Drop("odd")
        if record["value"] < options.least:
            return Drop("small", float(record["value"]), options.least)
        return {}

    return process
