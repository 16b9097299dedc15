"""A map that takes photos: how long each is, and what is said of it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from headkit.tool import Gathering, Opt

EXAMPLES = ()


@dataclass(frozen=True)
class Options:
    key: Annotated[str | None, Opt("file of the key", decides=False)] = None
    samples: Annotated[bool, Opt("read metadata")] = False
    keep_path: Annotated[bool, Opt("say where photos lie")] = False
    sleep: Annotated[float, Opt("seconds per batch", decides=False)] = 0.0
    story: Annotated[str | None, Opt("file that gets a line for each call", decides=False)] = None


def reads(options):
    return ()


def gathering(options, context):
    key = Path(options.key) if options.key else context.root / "headkit.key"
    return Gathering(key, options.samples, options.keep_path)


def start(options, context):
    return Process(options)


class Process:
    def __init__(self, options):
        self.options = options

    def prepare(self, pairs):
        self.tell("prepare", pairs)

    def __call__(self, pairs):
        self.tell("process", pairs)
        time.sleep(self.options.sleep)
        return [photo.fault or self.result(record, photo) for record, photo in pairs]

    def result(self, record, photo):
        said = {"bytes": len(photo.data), "metadata": photo.metadata}
        return {"mark": said | ({"copy_of": photo.copy_of} if photo.copy_of else {})}

    def tell(self, what, pairs):
        if self.options.story:
            with Path(self.options.story).open("a") as file:
                file.write(f"{what} {len(pairs)}\n")
