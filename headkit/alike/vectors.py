"""Pictures and prompts: twins by the cosine of their vectors, found exactly, and who stays of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headkit.alike.embedders import Embedder, Of, embedder
from headkit.alike.embedding import Embedded, Embedding
from headkit.alike.rows import Preference
from headkit.backends.devices import torch_device
from headkit.status import BAD_INPUT, NO_INPUT, TRY_LATER, UNAVAILABLE, USAGE, Stop
from headkit.tool import Context, Drop, Record, Result
from headkit.twins import reference
from headkit.twins.approximate import Recall, search_lists
from headkit.twins.choice import STAYS, Policy, choose
from headkit.twins.cosines import cosines, squares
from headkit.twins.ledger import BusyError
from headkit.twins.nearest import NOBODY, Nearest, nearer, nearest_over
from headkit.twins.search import Means, TooManyError, Twins, search

Index = Literal["exact", "faiss"]

SEARCH = "search"  # the folder of the tile ledger, in that of the vectors
MIRRORED = ", mirrored"  # of a reason
ADVISED = 10_000_000  # records above which an index is advised


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
    mirror: bool = False
    index: Index = "exact"


@dataclass(frozen=True, eq=False)
class Leaked(Nearest):
    """Rows near one of a reference set; turned (N,) whether mirrored."""

    turned: NDArray[np.bool_]


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
            embedding = Embedding(
                wanted.of, network, wanted.prefer, folder, context, mirror=wanted.mirror
            )
            rows = embedding.all(records)
            leaked = _leaked(rows, against, threshold, context)
            twins = self._twins(rows, threshold, folder / SEARCH if kept else None)
            winners = _winners(rows, twins, leaked, wanted.policy)
            yield from _results(rows, leaked, against, winners, threshold)

    def _twins(self, rows: Embedded, threshold: float, folder: Path | None) -> Twins:
        """All pairs of twins. Raises Stop."""
        context = self.context
        try:
            if self.wanted.index == "faiss":
                twins, recall = search_lists(
                    rows.vectors,
                    threshold,
                    mirrored=rows.mirrored,
                    jobs=context.jobs,
                    check=context.check,
                )
                self.made["index"] = _kept(recall)
                _tell(context, _said(recall))
                return twins
            if len(rows.rows) > ADVISED:
                _tell(context, f"{len(rows.rows)} records: --index faiss compares fewer pairs")
            means = Means(
                jobs=context.jobs,
                device=torch_device(context.device),
                folder=folder,
                check=context.check,
            )
            return search(rows.vectors, threshold, means, mirrored=rows.mirrored)
        except TooManyError as error:
            raise Stop(
                USAGE, f"--threshold: {error}: that is a kind, not a copy; see --calibrate"
            ) from None
        except BusyError as error:
            raise Stop(TRY_LATER, f"{error}; try later, or name another folder with -d") from None


def check_index(index: Index) -> None:
    """Refuse, before anything is read, an index that is not installed. Raises Stop (69)."""
    if index == "faiss" and find_spec("faiss") is None:
        raise Stop(UNAVAILABLE, "--index faiss: needs faiss; pip install 'headkit[faiss]'")


def _kept(recall: Recall) -> dict[str, Any]:
    """What a record keeps of how its twins were found."""
    share = recall.share
    measured = None if share is None else round(share, 4)
    return {
        "faiss": [recall.lists, recall.probes],
        "recall": measured,
        "pairs": recall.there,
        "rows": recall.rows,
    }


def _said(recall: Recall) -> str:
    how = f"{recall.probes} of {recall.lists} lists probed"
    if recall.share is None:
        return f"{how}; recall not measured: no twins of {recall.rows} records compared with all"
    low, high = recall.interval
    return (
        f"{how}; finds {recall.share:.2%} of twins (95% interval {low:.2%} to {high:.2%}: {recall.found} of "
        f"{recall.there} pairs of {recall.rows} records compared with all)"
    )


def _tell(context: Context, said: str) -> None:
    if context.verbose or sys.stderr.isatty():
        sys.stderr.write(f"headkit dedupe: {said}\n")


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
) -> Leaked | None:
    """Rows that have a twin in the reference set."""
    if against is None:
        return None
    if len(rows.rows) and against.vectors.shape[1] != rows.vectors.shape[1]:
        raise Stop(
            BAD_INPUT,
            f"--against: vectors of {against.vectors.shape[1]} numbers, not {rows.vectors.shape[1]}",
        )
    try:
        found = [
            nearest_over(
                side,
                against.vectors,
                threshold,
                device=torch_device(context.device),
                check=context.check,
            )
            for side in (rows.vectors, rows.mirrored)
            if side is not None
        ]
    except ValueError as error:
        raise Stop(BAD_INPUT, f"--against: {error}; write the file again") from None
    nearest, turned = found[0], np.zeros(len(rows.rows), bool)
    if len(found) > 1:
        nearest, turned = nearer(*found)
    many = int((nearest.rows != NOBODY).sum())
    if many:
        of = f"{many} of {len(rows.rows)}"
        _tell(context, f"{of} are in the reference set of {len(against.vectors)}")
    return Leaked(nearest.rows, nearest.cosine, turned)


def _winners(
    rows: Embedded, twins: Twins, leaked: Leaked | None, policy: Policy
) -> NDArray[np.int64]:
    """(n,) for each row the one that stays in its place, or STAYS."""
    order = np.argsort(-np.array(rows.ranks), kind="stable")
    if leaked is not None:
        order = order[leaked.rows[order] == NOBODY]
    return choose(twins, order, policy)


def _won(
    rows: Embedded, winners: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n,) the cosine of each row that goes with its winner, and whether one of the two is mirrored for it."""
    cosine = np.full(len(winners), np.nan)
    turned = np.zeros(len(winners), bool)
    goes = np.flatnonzero(winners != STAYS)
    for part in np.array_split(goes, 1 + len(goes) // 4096):
        first, second = np.minimum(part, winners[part]), np.maximum(part, winners[part])
        a, b = rows.vectors[first], rows.vectors[second]
        cosine[part] = cosines(a, b, squares(a), squares(b))
        if rows.mirrored is not None:  # as the search has it: of the later one
            b = rows.mirrored[second]
            other = cosines(a, b, squares(a), squares(b))
            turned[part] = other > cosine[part]
            cosine[part] = np.maximum(cosine[part], other)
    return cosine, turned


def _results(
    rows: Embedded,
    leaked: Leaked | None,
    against: reference.Reference | None,
    winners: NDArray[np.int64],
    threshold: float,
) -> Iterator[Result]:
    """One per record, in order."""
    loses = winners != STAYS
    staying = np.zeros(len(winners), bool)
    staying[winners[loses]] = True
    cosine, turned = _won(rows, winners)
    row = 0
    for number, id in enumerate(rows.ids):
        if row == len(rows.rows) or rows.rows[row] != number:
            yield rows.failures.get(number, {})
            continue
        if leaked is not None and against is not None and leaked.rows[row] != NOBODY:
            name = against.name(int(leaked.rows[row]))
            far = round(float(leaked.cosine[row]), 5)
            how = f"cosine {far} with {name} of the reference set"
            yield Drop(how + (MIRRORED if leaked.turned[row] else ""), far, threshold)
        elif loses[row]:
            winner = rows.ids[rows.rows[int(winners[row])]]
            near = round(float(cosine[row]), 5)
            chain = "" if cosine[row] >= threshold else "a chain of twins leads to it: "
            how = f"{chain}cosine {near} with {winner}"
            yield Drop(
                how + (MIRRORED if turned[row] else ""), near, threshold, fields={"cluster": winner}
            )
        else:
            yield {"cluster": id} if staying[row] else {}
        row += 1
