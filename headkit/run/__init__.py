"""The runner: streams, batches, failures, resume, shards, jobs, signals; the same for every tool.

plan         what the flags come to, before anything is opened
streams      private descriptors; waiting for input
inputs       files to lines                records   lines to records: ids, schema, shard, limit
batches      a batch through the tool      rows      what becomes of one record
workers      batches in other processes    flow      the loop, in input order
actors       the same on a Ray cluster     quarantine  what the death of a worker says of its records
room         disks that are all but full   shards    which records are this run's
outputs      files, journals, locks        books     what is written, counted and kept
runfile      FILE.run.json                 resume    what an earlier run has done
session      one run, by the kind of its tool
"""

from __future__ import annotations

import os
import traceback
from typing import Any

from headkit.run import environment
from headkit.run.plan import plan
from headkit.run.session import Session
from headkit.run.signals import Interrupted, Signals, die_of
from headkit.run.streams import claim, say
from headkit.status import BUG, Stop
from headkit.tool import RunOptions, Tool


def run(tool: Tool, options: Any, run_options: RunOptions, operands: list[str]) -> int:
    """Run a tool over its input; the exit status. Ends the process by the signal, where one ended the run.

    From the main thread, once per process: descriptors 0 and 1 are no longer the caller's afterwards.
    """
    who = f"headkit {tool.name}"
    session: Session | None = None
    try:
        decided = plan(tool, options, run_options, operands, os.environ)
        environment.prepare()
        environment.tune()
        streams = claim()
        signals = Signals(lambda: session.discard() if session else None)
        signals.listen()
        session = Session(decided, streams, signals, lambda text: say(f"{who}: {text}"))
        return signals.attend(session.work)
    except Interrupted as interrupted:
        die_of(interrupted.number)
    except Stop as stop:
        if run_options.verbose and stop.__cause__ is not None:
            say(traceback.format_exc().rstrip())
        say(f"{who}: {stop.message}")
        return stop.status
    except Exception as error:  # noqa: BLE001 - a bug of ours: one line, and its status
        if run_options.verbose:
            say(traceback.format_exc().rstrip())
        say(f"{who}: bug: {type(error).__name__}: {error}; run with -v to see where, and report it")
        return BUG
