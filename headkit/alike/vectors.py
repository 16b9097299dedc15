"""Pictures and prompts: twins by the cosine of their vectors, found exactly, and who stays of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.alike.embedders import Embedder, Of, embedder
from headkit.alike.embedding import Embedded, Embedding
from headkit.alike.rows import Preference
from headkit.backends.devices import torch_device
from headkit.status import BAD_INPUT, NO_INPUT, TRY_LATER, USAGE, Stop
from headkit.tool import Context, Drop, Record, Result
from headkit.twins import reference
from headkit.twins.choice import STAYS, Policy, choose
from headkit.twins.cosines import cosines, squares
from headkit.twins.ledger import BusyError
from headkit.twins.nearest import NOBODY, Nearest, nearest_over
from headkit.twins.search import Means, TooManyError, search

SEARCH = "search"  # the folder of the tile ledger, in that of the vectors


@dataclass(frozen=True)
class Wanted:
    """What makes two records twins, and who stays; options as typed."""

    of: Of
    model: str | None
    threshold: float | None
    prefer: Preference
    policy: Policy
    against: str | None
    folder: str | None


@dataclass
class Deciding:
    """The decision about all records: an iterator of results. `made` is known once the first is there."""

    wanted: Wanted
    context: Context
    records: Iterator[Record]
    made: dict[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Result]:
        wanted, context = self.wanted, self.context
        against = _reference(wanted.against)
        records = begun(wanted, self.records)
        if records is None:
            return
        network = embedder(wanted.of, wanted.model, torch_device(context.device))
        threshold = threshold_of(wanted, network)
        self.made["model"] = network.name
        self.made["threshold"] = threshold
        if against is not None and against.model != network.name:
            raise Stop(
                USAGE,
                f"--against {wanted.against}: holds vectors of {against.model!r}, which cannot be compared with those "
                f"of {network.name!r}; name its model with --model",
            )
        with folder_of(wanted.folder, context) as (folder, kept):
            rows = Embedding(wanted.of, network, wanted.prefer, folder, context).all(records)
            leaked = _leaked(rows, against, threshold, context)
            means = Means(
                jobs=context.jobs,
                device=torch_device(context.device),
                folder=folder / SEARCH if kept else None,
                check=context.check,
            )
            winners = _winners(rows, leaked, threshold, wanted.policy, means)
            yield from _results(rows, leaked, against, winners, threshold)


def begun(wanted: Wanted, records: Iterator[Record]) -> Iterator[Record] | None:
    """All records; None where there are none. The first is looked at before a model is loaded. Raises Stop."""
    passed = []
    for record in records:
        passed.append(record)
        if "error" not in record:
            wanted.prefer.check_first(record, wanted.of, (wanted.of,))
            break
    return chain(passed, records) if passed else None


def threshold_of(wanted: Wanted, network: Embedder) -> float:
    """As asked for, or the model's own. Raises Stop (2) where it has none, or for one that cannot be."""
    threshold = network.threshold if wanted.threshold is None else wanted.threshold
    if threshold is None:
        raise Stop(
            USAGE,
            f"--model {wanted.model} has no threshold of its own: see headkit dedupe --calibrate, and give --threshold",
        )
    if not 0 < threshold <= 1:
        raise Stop(USAGE, f"--threshold {threshold:g}: a cosine is over 0, up to 1")
    return threshold


def _reference(file: str | None) -> reference.Reference | None:
    if file is None:
        return None
    try:
        return reference.read(Path(file))
    except reference.ReferenceError as error:
        raise Stop(
            BAD_INPUT, f"--against {file}: {error}; use the embeddings.npz of headkit dedupe -d"
        ) from None
    except OSError as error:
        raise Stop(NO_INPUT, f"--against {file}: {error.strerror}; check the path") from None


@contextmanager
def folder_of(
    typed: str | None, context: Context, *, beside: bool = True
) -> Iterator[tuple[Path, bool]]:
    """Where vectors and the search are kept, and whether they are: without -d, or `beside` -o, they go with the run."""
    if typed is None and (context.output is None or not beside):
        with tempfile.TemporaryDirectory(prefix="headkit-") as temporary:
            yield Path(temporary), False
    else:
        assert context.output is not None or typed is not None
        name = context.output.name + ".twins" if context.output is not None else ""
        yield context.folder(typed, name), True


def _leaked(
    rows: Embedded, against: reference.Reference | None, threshold: float, context: Context
) -> Nearest | None:
    """Rows that have a twin in the reference set."""
    if against is None:
        return None
    if len(rows.rows) and against.vectors.shape[1] != rows.vectors.shape[1]:
        raise Stop(
            BAD_INPUT,
            f"--against: vectors of {against.vectors.shape[1]} numbers, not {rows.vectors.shape[1]}",
        )
    try:
        found = nearest_over(
            rows.vectors,
            against.vectors,
            threshold,
            device=torch_device(context.device),
            check=context.check,
        )
    except ValueError as error:
        raise Stop(BAD_INPUT, f"--against: {error}; write the file again") from None
    many = int((found.rows != NOBODY).sum())
    if many and (context.verbose or sys.stderr.isatty()):
        sys.stderr.write(
            f"headkit dedupe: {many} of {len(rows.rows)} are in the reference set of {len(against.vectors)}\n"
        )
    return found


def _winners(
    rows: Embedded, leaked: Nearest | None, threshold: float, policy: Policy, means: Means
) -> NDArray[np.int64]:
    """(n,) for each row the one that stays in its place, or STAYS."""
    try:
        twins = search(rows.vectors, threshold, means)
    except TooManyError as error:
        raise Stop(
            USAGE, f"--threshold: {error}: that is a kind, not a copy; see --calibrate"
        ) from None
    except BusyError as error:
        raise Stop(TRY_LATER, f"{error}; try later, or name another folder with -d") from None
    order = np.argsort(-np.array(rows.ranks), kind="stable")
    if leaked is not None:
        order = order[leaked.rows[order] == NOBODY]
    return choose(twins, order, policy)


def _results(
    rows: Embedded,
    leaked: Nearest | None,
    against: reference.Reference | None,
    winners: NDArray[np.int64],
    threshold: float,
) -> Iterator[Result]:
    """One per record, in order."""
    loses = winners != STAYS
    staying = np.zeros(len(winners), bool)
    staying[winners[loses]] = True
    cosine = np.full(len(winners), np.nan)
    for part in np.array_split(np.flatnonzero(loses), 1 + int(loses.sum()) // 4096):
        a, b = rows.vectors[part], rows.vectors[winners[part]]
        cosine[part] = cosines(a, b, squares(a), squares(b))
    row = 0
    for number, id in enumerate(rows.ids):
        if row == len(rows.rows) or rows.rows[row] != number:
            yield rows.failures.get(number, {})
            continue
        if leaked is not None and against is not None and leaked.rows[row] != NOBODY:
            name = against.name(int(leaked.rows[row]))
            far = round(float(leaked.cosine[row]), 5)
            yield Drop(f"cosine {far} with {name} of the reference set", far, threshold)
        elif loses[row]:
            winner = rows.ids[rows.rows[int(winners[row])]]
            near = round(float(cosine[row]), 5)
            chain = "" if cosine[row] >= threshold else "a chain of twins leads to it: "
            yield Drop(
                f"{chain}cosine {near} with {winner}", near, threshold, fields={"cluster": winner}
            )
        else:
            yield {"cluster": id} if staying[row] else {}
        row += 1
