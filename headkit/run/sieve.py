"""Deciding about many records at once: the loop of a choose that says which parts of a record it reads.

Small inputs go line by line, as in any tool. Large ones go through a scanner, which checks lines as strictly and parses
those parts alone; what it is not sure of goes line by line too, in its place. The rows are the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from headkit.jsonl import MAX_LINE
from headkit.run import ids
from headkit.run.batches import Batches
from headkit.run.books import Books, Sifted
from headkit.run.inputs import Chunk, Line, Lines, Place
from headkit.run.records import Row, Rows
from headkit.selection import Selection
from headkit.tool import Drop, Failure, Record

if TYPE_CHECKING:
    from headkit.scanning.blocks import Block, Scanner

# From so many bytes or records of input on, loading the scanner (up to a second) pays.
LARGE, MANY = 128 << 20, 32_000
HOPELESS = 8  # chunks, mostly of lines that the scanner is not sure of


class Sieve:
    """Reads lines in chunks, has the tool decide about their records, and writes what it keeps."""

    def __init__(
        self,
        lines: Lines,
        rows: Rows,
        books: Books,
        selection: Selection,
        *,
        start: Callable[[], Batches],  # called when the first record needs it
        check: Callable[[], None],  # raises what has happened
        show: Callable[[int], None],
        size: int,  # of the input in bytes, as far as it is known
    ) -> None:
        self.lines = lines
        self.rows = rows
        self.books = books
        self.selection = selection
        self.start = start
        self.check = check
        self.show = show
        self.size = size
        self.batches: Batches | None = None
        self.scanner: Scanner | None = None
        self.doubtful = 0  # chunks

    def run(self) -> None:
        """Work until the input ends, or until a fault; what was read before it is written."""
        if self.rows.enough():
            return
        seen = 0
        for chunk in self.lines.chunks():
            self.check()
            if isinstance(chunk, Line):
                self._exactly(iter((chunk,)))
            else:
                seen += len(chunk.data)
                if self._large(chunk, seen):
                    self._scanned(chunk)
                else:
                    self._exactly(self.lines.lines(chunk))
            if self.rows.enough():
                return

    def _large(self, chunk: Chunk, seen: int) -> bool:
        """Whether the chunk goes through the scanner."""
        limit = self.rows.limit
        size = max(self.size, seen)
        return (
            (size >= LARGE or size * chunk.lines >= MANY * len(chunk.data))
            and self.rows.checked
            and self.doubtful < HOPELESS
            and len(chunk.data) <= MAX_LINE
            and (limit is None or self.rows.read + chunk.lines <= limit)
        )

    # ---- line by line ----

    def _exactly(self, lines: Iterator[Line]) -> None:
        """Parse the lines and decide, one batch; what precedes a bad line is written before the Stop goes on."""
        found: list[Row] = []
        try:
            for line in lines:
                row = self.rows.row(line)
                if row is not None:
                    found.append(row)
                if self.rows.enough():
                    break
        finally:
            self._commit(found)

    def _commit(self, rows: list[Row]) -> None:
        if rows:
            self.books.commit(rows, self._started().outcomes(rows))
            self.show(len(rows))

    def _started(self) -> Batches:
        if self.batches is None:
            self.batches = self.start()
        return self.batches

    # ---- many at once ----

    def _scanned(self, chunk: Chunk) -> None:
        from headkit.scanning.blocks import Scanner

        if self.scanner is None:
            self.scanner = Scanner(self.selection)
        block = self.scanner.block(chunk.data, chunk.lines)
        if 4 * len(block.doubted) > len(block.sure):
            self.doubtful += 1
            self._exactly(self.lines.lines(chunk))
            return
        done = 0
        for number in block.doubted.tolist():
            upto = int(block.sure.searchsorted(number))
            self._decide(chunk, block, done, upto)
            self._exactly(iter((self._line(chunk, block, number),)))
            done = upto
        self._decide(chunk, block, done, len(block.sure))

    def _decide(self, chunk: Chunk, block: Block, first: int, end: int) -> None:
        """Decide about the sure lines from number `first` up to `end` of them."""
        index, count = self.rows.shard
        while first < end:
            mine = range(first, end)
            keys = block.keys[first:end]
            if count > 1:
                ours = (keys % count == index).nonzero()[0]
                mine, keys = (first + ours).tolist(), keys[ours]
            added = self.rows.seen.add_until(keys)
            twice = mine[added] if added < len(keys) else end
            self.rows.read += twice - first
            if added:
                last = int(block.sure[mine[added - 1]])
                others = twice - 1 - mine[added - 1]  # of other shards, behind it
                place = Place(
                    chunk.file,
                    chunk.begin + int(block.starts[last + 1]),
                    chunk.number + last + 1,
                    self.rows.read - others,
                    self.rows.skipped,
                )
                self._sift(chunk, block, mine[:added], Sifted(keys[:added], place))
                self.show(added)
            if twice < end:  # refused or skipped there
                self._exactly(iter((self._line(chunk, block, int(block.sure[twice])),)))
                twice += 1
            first = twice

    def _sift(self, chunk: Chunk, block: Block, mine: Any, sifted: Sifted) -> None:
        batches, counts = self._started(), sifted.counts
        records = [block.records[at] for at in mine]
        numbers = (
            block.sure[mine.start : mine.stop] if isinstance(mine, range) else block.sure[mine]
        )
        results = batches.results(records)
        if any(isinstance(result, Failure) and result.model for result in results):
            self._commit_as_rows(chunk, block, numbers.tolist(), records)
            return
        begin = end = -1  # of lines that are kept as they are, one after the other
        for number, record, result in zip(numbers.tolist(), records, results, strict=True):
            if type(result) is dict and not result:
                counts.out += 1
                if "error" in record:
                    counts.passed += 1
                if number != end:
                    self._keep(block, begin, end, sifted)
                    begin = number
                end = number + 1
            elif type(result) is Drop and self.books.ledger is None:
                counts.dropped += 1
            else:
                self._keep(block, begin, end, sifted)
                begin = end = -1
                outcome = batches.writer.outcome(block.line(number), record, result)
                if outcome.row is None:
                    counts.dropped += 1
                    sifted.ledger.append(outcome.ledger or b"")
                else:
                    counts.failed += outcome.failed
                    counts.out += not outcome.failed
                    sifted.rows.append(outcome.row + b"\n")
                    sifted.last = block.id(number)
        self._keep(block, begin, end, sifted)
        counts.read = len(records)
        self.books.commit_many(sifted)

    def _keep(self, block: Block, begin: int, end: int, sifted: Sifted) -> None:
        if begin < end:
            sifted.rows.append(block.data[block.starts[begin] : block.starts[end]])
            sifted.last = block.id(end - 1)

    def _commit_as_rows(
        self, chunk: Chunk, block: Block, numbers: list[int], records: list[Record]
    ) -> None:
        """The tool broke down: one record at a time, and counted."""
        read = self.rows.read - len(records)
        rows = []
        for number, record in zip(numbers, records, strict=True):
            line = self._line(chunk, block, number)
            read += 1
            place = Place(line.file, line.end, line.number, read, self.rows.skipped)
            where = self.lines.where(line.file, line.number)
            rows.append(Row(line.raw, record, ids.key(record["id"]), place, where))
        self._commit(rows)

    def _line(self, chunk: Chunk, block: Block, number: int) -> Line:
        """A line of the chunk, as it is read alone."""
        place = chunk.number + number + 1
        end = chunk.begin + int(block.starts[number + 1])
        return Line(self.lines.clean(block.line(number), place), chunk.file, place, end, cut=False)
