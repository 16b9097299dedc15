"""One batch of records through a tool's `process`, whatever goes wrong on the way.

The same code runs in the process of the runner and in a worker, so that --jobs cannot change a result.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol

from headkit.paths import PathError
from headkit.run.rows import Outcome, Writer, made_by, missing
from headkit.status import BUG, UNAVAILABLE, WRITE_FAILED, Stop
from headkit.tool import Context, Failure, Photo, Process, Record, Result, Tool

# An OSError with one of these numbers is about one file; any other is about the machine.
OF_ONE_FILE = {errno.ENOENT, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}
POISONED = (
    "CUDA error",
    "CUDA driver error",
    "Triton Error [CUDA]",  # of compiled kernels
    "HIP error",
    "CUDNN_STATUS",
    "CUBLAS_STATUS",
    "NCCL error",
)


class Item(Protocol):
    """A record and its own bytes."""

    @property
    def raw(self) -> bytes: ...

    @property
    def record(self) -> Record: ...

    @property
    def photo(self) -> Photo | None: ...


def needs(tool: Tool, module: ModuleType, options: Any) -> tuple[str, ...]:
    """The fields that the tool reads with these options: `reads(options)` of its module, else its row."""
    reads = getattr(module, "reads", None)
    return tuple(reads(options)) if reads is not None else tool.reads


def takes_errors(tool: Tool) -> bool:
    """Whether records that have an error reach the tool: a choose and a report decide about them."""
    return tool.kind in ("choose", "report")


def refusal(
    tool: Tool, reads: tuple[str, ...], record: Record, *, overwrite: bool
) -> Failure | None:
    """Why the tool cannot be given this record."""
    lacking = missing(reads, record)
    if lacking:
        return Failure("missing field", lacking)
    if "image" in tool.writes and "image" in record and not overwrite:
        made = record.get("made")
        if not (isinstance(made, dict) and tool.name in made):
            return Failure(
                "image exists", "image of another tool is in the record; --overwrite replaces it"
            )
    return None


class Batches:
    """A tool, started, that takes batches. Loads its models in the constructor."""

    def __init__(self, tool: Tool, options: Any, context: Context) -> None:
        module = tool.module
        self.tool = tool
        self.context = context
        self.reads = needs(tool, module, options)
        self.process: Process = start(module, options, context)
        made = made_by(tool, options, context, self.process)
        self.writer = Writer(tool, made, adds=getattr(self.process, "adds", False))
        self.chunk: int | None = None  # the size to which memory has shrunk batches

    def outcomes(self, batch: Sequence[Item]) -> list[Outcome]:
        """One outcome per record, in order. Stop where the machine, not a record, is at fault."""
        found: list[Outcome | None] = [None] * len(batch)
        waiting: list[int] = []
        for index, item in enumerate(batch):
            # A choose gets errors of earlier tools, which may lack anything.
            reads = () if "error" in item.record else self.reads
            if refused := refusal(self.tool, reads, item.record, overwrite=self.context.overwrite):
                found[index] = self.writer.failed(item.raw, item.record, refused)
            else:
                waiting.append(index)
        results = self.results([_given(batch[index]) for index in waiting]) if waiting else []
        for index, result in zip(waiting, results, strict=True):
            found[index] = self.writer.outcome(batch[index].raw, batch[index].record, result)
        return [outcome for outcome in found if outcome is not None]

    @property
    def prepares(self) -> bool:
        """Whether the tool begins work on a batch before its turn."""
        return hasattr(self.process, "prepare")

    def prepare(self, batch: Sequence[Item]) -> None:
        """Have the tool begin what it can do before the batch's turn."""
        self.process.prepare([_given(item) for item in batch])  # type: ignore[attr-defined]

    def results(self, records: list[Any]) -> list[Result]:
        """The tool's results; a batch that raises is tried again in halves that fit, or one at a time."""
        if self.chunk is not None and len(records) > self.chunk:
            return self._in_parts(records, self.chunk)
        try:
            results = self.process(records)
        except Stop:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model library raises
            stop_if_machine(error)
            if len(records) == 1:
                if isinstance(error, PathError):  # of the record, not of the model
                    return [Failure("path", str(error))]
                return [Failure(_kind(error), f"{type(error).__name__}: {error}", model=True)]
            if out_of_memory(error):
                self.chunk = len(records) // 2
            return self._in_parts(records, self.chunk if out_of_memory(error) and self.chunk else 1)
        if len(results) != len(records):
            raise Stop(BUG, f"{len(results)} results for {len(records)} records; report it")
        return results

    def _in_parts(self, records: list[Any], size: int) -> list[Result]:
        parts = [records[at : at + size] for at in range(0, len(records), size)]
        return [result for part in parts for result in self.results(part)]


def _given(item: Item) -> Any:
    """What `process` gets for a record: with its photo, where the tool takes photos."""
    return item.record if item.photo is None else (item.record, item.photo)


def start(module: ModuleType, options: Any, context: Context) -> Process:
    """The tool's `process`; a library or file that is missing becomes a Stop."""
    try:
        process: Process = module.start(options, context)
    except ImportError as error:
        raise Stop(
            UNAVAILABLE, f"library is missing or broken: {error}; reinstall headkit"
        ) from error
    except OSError as error:
        raise Stop(
            UNAVAILABLE, f"{error.filename}: {error.strerror}; see to it and run again"
        ) from error
    return process


def stop_if_machine(error: Exception) -> None:
    """Raise Stop where `error` is a fault of the machine: those never become rows."""
    if isinstance(error, ImportError):
        raise Stop(
            UNAVAILABLE, f"library is missing or broken: {error}; reinstall headkit"
        ) from error
    if isinstance(error, OSError) and error.errno is not None and error.errno not in OF_ONE_FILE:
        where = f"{error.filename}: " if error.filename else ""
        raise Stop(
            WRITE_FAILED, f"{where}{error.strerror}; see to the disk and run again"
        ) from error
    cause: BaseException | None = error
    while cause is not None and not out_of_memory(cause):
        if any(word in str(cause) for word in POISONED):
            raise Stop(
                UNAVAILABLE,
                f"device has failed: {str(cause).splitlines()[0]}; run again with --resume",
            ) from error
        cause = cause.__cause__ or cause.__context__  # a library may put words of its own before it


def out_of_memory(error: BaseException) -> bool:
    """Of the process or of the device; by name, since torch need not be loaded."""
    return any(kind.__name__ in ("MemoryError", "OutOfMemoryError") for kind in type(error).__mro__)


def _kind(error: Exception) -> str:
    return "out of memory" if out_of_memory(error) else "exception"
