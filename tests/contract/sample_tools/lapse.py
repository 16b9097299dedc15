"""A map that takes time, fails and crashes as often as the real ones do, but so many times faster."""

import os
import signal
import time
from dataclasses import dataclass
from typing import Annotated

from headkit.tool import Failure, Opt

EXAMPLES = ()


@dataclass(frozen=True)
class Options:
    cost: Annotated[float, Opt("microseconds a record", decides=False)] = 60.0


def start(options, context):
    def process(records):
        for record in records:
            if record.get("do") == "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            if record.get("do") == "hang":
                time.sleep(3600)
        time.sleep(options.cost * len(records) / 1e6)
        return [result(record) for record in records]

    def result(record):
        if record.get("do") == "fail":
            return Failure("unreadable", "the picture is cut short")
        if record.get("do") == "model":
            return Failure("model", "the network gave up", model=True)
        return {"mark": {"sum": record["value"]}}

    return process
