"""One run of one tool, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from headkit.run import resume, rework, sieve
from headkit.run.batches import Batches, needs, refusal, takes_errors
from headkit.run.books import Books
from headkit.run.drawn import Drawn
from headkit.run.flow import Flow, Inline, Pool, batched
from headkit.run.ids import KeySet
from headkit.run.inputs import Lines, Place, total_size
from headkit.run.opening import NOWHERE, open_patiently
from headkit.run.outputs import Journal
from headkit.run.photo_lines import PhotoLines
from headkit.run.plan import Plan, kind
from headkit.run.progress import Progress, count_records, part_read, standing, summary
from headkit.run.records import Row, Rows
from headkit.run.room import Room
from headkit.run.rows import Outcome, Writer, made_by
from headkit.run.runfile import RunFile, identify, settings
from headkit.run.signals import Signals
from headkit.run.streams import Streams, Wait
from headkit.run.whole import Whole, guarded, report
from headkit.selection import Selection
from headkit.status import BAD_INPUT, OK, SOME_FAILED, USAGE, Stop
from headkit.tool import Context, Failure, Record, Tally


class Session:
    """Opens what the plan names, works, and closes."""

    def __init__(
        self, plan: Plan, streams: Streams, signals: Signals, speak: Callable[[str], None]
    ) -> None:
        self.plan = plan
        self.tool = plan.tool
        self.streams = streams
        self.outputs = (
            NOWHERE if plan.flags.dry_run else open_patiently(plan, streams, speak, signals.check)
        )
        self.wait = Wait(signals, self.outputs.watched)
        self.progress = Progress(
            self.tool.name,
            plan.files,
            streams.input,
            plan.flags.limit,
            quiet=plan.flags.quiet,
            unit="image" if "image" in self.tool.writes else "record",
        )
        self.speak: Callable[[str], None] = lambda text: self.progress.say(speak, text)
        if not plan.flags.dry_run:
            self.wait.room = Room(plan.folders, plan.min_free, self.speak, self.wait.pause).check
        tally = getattr(self.tool.module, "tally", None)
        self.tally: Tally | None = tally(plan.options) if tally is not None else None
        self.books = self._books()
        signals.tell = self._tell
        self.left_out = 0  # records that a report could not take
        self.found = 0  # findings of a report

    def work(self) -> int:
        """The whole run; its exit status. Runs in a thread of its own (see signals)."""
        if self.plan.flags.dry_run:
            self._rehearse()
            return OK
        by_kind = {"source": self._source, "whole": self._whole, "report": self._report}
        try:
            by_kind.get(kind(self.tool, self.plan.options), self._map)()
            self.books.finish()
        except BaseException:
            self.progress.close()
            self.books.abort()
            raise
        self.progress.close()
        return self._status()

    def discard(self) -> None:
        """Remove what is half written: a second signal ends the process.

        No descriptor is closed, since the thread at work may be writing to it: its number could by then be
        another file's.
        """
        books = self.books
        for output in (books.ledger, books.output):
            if output is not None:
                output.discard()

    # ---- by kind ----

    def _map(self) -> None:
        """A map or a choose: batches through the tool."""
        self._before(self.plan.context)
        place, seen = self._begin()
        rows = self._rows(place, seen)
        selection = self._selection()
        if selection is not None:
            self._sieve(rows, selection)
            return
        flow = Flow(self._pool, self.books, self.wait, self.progress.advance)
        try:
            remaining = self._undone(iter(rows), rows, flow)
            # Cut where an uninterrupted run cuts: a tool may put the records of a batch together.
            size = self.plan.batch_size
            first = size - self.books.counts.read % size
            flow.run(batched(self._passing(remaining), size, first))
        finally:
            flow.close()
        self.books.counts.skipped = rows.skipped

    def _selection(self) -> Selection | None:
        """The parts of records that the tool reads, where it says so and its records may go through a sieve."""
        plan = self.plan
        selects = getattr(self.tool.module, "selection", None)
        if selects is None or plan.workers or isinstance(self.books.output, Journal):
            return None
        selection: Selection | None = selects(plan.options)
        return selection

    def _sieve(self, rows: Rows, selection: Selection) -> None:
        plan = self.plan
        assert isinstance(rows.lines, Lines)
        sieve.Sieve(
            rows.lines,
            rows,
            self.books,
            selection,
            start=lambda: Batches(self.tool, plan.options, plan.context),
            check=self.wait.check,
            show=self.progress.advance,
            size=total_size(plan.files, self.streams.input) or 0,
        ).run()
        self.books.counts.skipped = rows.skipped

    def _source(self) -> None:
        """A source: what it draws is written as it comes."""
        plan, context = self.plan, self.plan.context
        place, seen = self._begin()
        records = (row.record for row in self._rows(Place(), KeySet())) if plan.files else iter(())
        draw = self.tool.module.draw(plan.options, context, records, place.read)
        drawn = Drawn(
            guarded(iter(draw)),
            Writer(self.tool, made_by(self.tool, plan.options, context, draw)),
            context.shard,
            skip=place.read,
            limit=plan.flags.limit,
            seen=seen,
            check=self.wait.check,
        )
        flow = Flow(self._pool, self.books, self.wait, self.progress.advance)
        flow.run(batched(self._undone(iter(drawn), drawn, flow), plan.batch_size))

    def _whole(self) -> None:
        plan = self.plan
        if resume.nothing_new(plan, self.books):
            return
        context = replace(plan.context, check=self.wait.check)
        module = self.tool.module
        rows = self._rows(Place(), KeySet())
        work = Whole(self.tool, needs(self.tool, module, plan.options), context)
        stream = module.stream(plan.options, context, work.records(iter(rows)))
        work.write(
            guarded(iter(stream)),
            lambda: made_by(self.tool, plan.options, context, stream),
            self.books,
            self.progress.advance,
        )
        self.books.counts.skipped = rows.skipped

    def _report(self) -> None:
        plan = self.plan
        rows = self._rows(Place(), KeySet())

        def records() -> Iterator[Record]:
            for row in rows:
                self.books.counts.read += 1
                self.progress.advance(1)
                self.wait.check()
                yield row.record

        context = replace(plan.context, check=self.wait.check)
        stream = self.tool.module.stream(plan.options, context, records())
        rows_of = guarded(iter(stream))
        report(rows_of, self.outputs.rows, self._leave_out, self._find, self.wait.check)
        counts = self.books.counts
        counts.skipped = rows.skipped
        counts.failed = min(self.left_out, counts.read)
        counts.out = counts.read - counts.failed

    def _before(self, context: Context) -> None:
        """What the tool looks at before a record is read. A context without a tag: nothing may be written."""
        before = getattr(self.tool.module, "before", None)
        if before is not None:
            before(self.plan.options, context)

    def _rehearse(self) -> None:
        from headkit.run.rehearsal import rehearse

        self._before(replace(self.plan.context, tag=None))
        rows = iter(self._rows(Place(), KeySet()))
        total = count_records(self.plan.files, self.streams.input)
        self.speak(rehearse(self.plan, rows, total))
        self.progress.close()

    # ---- the parts of a run ----

    def _books(self) -> Books:
        plan, outputs = self.plan, self.outputs
        run_file = RunFile(
            plan.run_file, settings(self.tool, plan.options, plan.context), plan.flags.device
        )
        books = Books(
            outputs.rows,
            outputs.ledger,
            outputs.tee,
            run_file,
            tool=self.tool.name,
            max_failures=plan.flags.max_failures,
            inputs=identify(plan.files, self.streams.input),
            limit=plan.flags.limit,
            tallied=self.tally.labels if self.tally is not None else None,
        )
        if plan.output is not None and kind(self.tool, plan.options) not in ("whole", "report"):
            books.keep_keys(plan.output.with_name(plan.output.name + ".run.ids"))
        return books

    def _begin(self) -> tuple[Place, KeySet]:
        """Where reading begins, and the ids that are done there."""
        books = self.books
        if not isinstance(books.output, Journal):
            return Place(), KeySet()
        kept = books.output.offset + (books.ledger.offset if books.ledger else 0)
        checkpoint = books.run_file.load() if kept else None
        if kept and checkpoint is None:
            raise Stop(
                USAGE,
                f"{books.output.name}: has no run file beside it, so --resume cannot tell how it was made; "
                "remove it, or write to another file",
            )
        if checkpoint is None:
            return Place(), KeySet()
        again = self.plan.flags.retry_errors or (
            self.tool.photos and self.plan.context.shard[1] > 1
        )
        if again or not resume.usable(checkpoint, books.state.inputs, books):
            books.expected = checkpoint
            return Place(), KeySet()
        return checkpoint.place, resume.begin_at(books, checkpoint)

    def _undone(self, rows: Iterator[Row], source: Rows | Drawn, flow: Flow) -> Iterator[Row]:
        """The records that an earlier run has not done; what it has done is counted, and teed."""
        books = self.books
        if not isinstance(books.output, Journal):
            return rows
        if self.plan.flags.retry_errors:
            rework.redo_errors(books, rows, source, flow, self.plan.batch_size)
            rest = rows
        else:
            first = resume.replay(books, rows, lambda: source.limited)
            if books.tee is not None:
                resume.copy(books.output, books.tee)
            rest = rows if first is None else chain([first], rows)
        self.progress.begin_at(books.counts.read)
        books.journaled = True
        books.checkpoint()
        return rest

    def _rows(self, place: Place, seen: KeySet) -> Rows:
        plan = self.plan
        lines = Lines(
            plan.files,
            self.streams.input,
            self.wait,
            separator=b"\0" if plan.flags.null else b"\n",
            place=place,
        )
        sharded = self.tool.kind in ("map", "choose")
        return Rows(
            self._photos(lines, seen) if self.tool.photos else lines,
            plan.context.shard if sharded else (0, 1),
            limit=plan.flags.limit if self.tool.kind != "source" else None,
            skip_bad=plan.flags.bad_lines == "skip",
            complain=self.speak,
            root=plan.context.root,
            seen=seen,
            check_first=self._check_first,
        )

    def _photos(self, lines: Lines, seen: KeySet) -> PhotoLines:
        """Photos in the place of lines. Copies are named alike in all shards, so that each shard names all."""
        plan = self.plan
        alone = plan.context.shard[1] == 1
        return PhotoLines(
            lines,
            self.tool.module.gathering(plan.options, plan.context),
            root=plan.context.root,
            names=seen if alone else KeySet(),
            shared=alone,
            make_key=not plan.flags.dry_run,
            skip_bad=plan.flags.bad_lines == "skip",
            complain=self.speak,
            note=(lambda _text: None) if plan.flags.quiet else self.speak,
        )

    def _check_first(self, record: Record, where: str) -> None:
        """Refuse the input, or the options, before a model loads."""
        if self.tool.kind == "source":
            return
        module, plan = self.tool.module, self.plan
        refused = refusal(
            self.tool,
            needs(self.tool, module, plan.options),
            record,
            overwrite=plan.flags.overwrite,
        )
        if refused:
            raise Stop(BAD_INPUT, f"{where}: {refused.message}")
        check = getattr(module, "check", None)
        if check is not None:
            check(plan.options, plan.context, record)

    def _passing(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Errors of earlier tools pass a map untouched, and load no model."""
        for row in rows:
            if "error" in row.record and not takes_errors(self.tool):
                row.done = Outcome(row=row.raw)
            yield row

    def _pool(self) -> Pool:
        plan = self.plan
        if plan.workers:
            from headkit.run.workers import Workers

            return Workers(plan, self.wait, self._shrunk)
        return Inline(Batches(self.tool, plan.options, plan.context), self._shrunk)

    def _shrunk(self, size: int) -> None:
        """Memory ran out: the run file says to what batches were cut."""
        self.books.run_file.shrunk = size

    def _tell(self) -> None:
        """One line for USR1."""
        books = self.books
        done = part_read(books.state)
        self.speak(standing(books.counts, books.fresh, done, books.run_file.spent, self.progress))

    def _leave_out(self, failure: Failure) -> None:
        self.left_out += 1
        self.speak(f"{failure.kind}: {failure.message}; left out")

    def _summary(self) -> str:
        if not self.tool.opens:
            return summary(self.books.counts, self.progress.seconds)
        found = "1 finding" if self.found == 1 else f"{self.found or 'no'} findings"
        return f"{found} in {self.progress.seconds:.1f} s"

    def _find(self) -> None:
        self.found += 1

    def _status(self) -> int:
        counts, flags = self.books.counts, self.plan.flags
        failed = bool(counts.failed or counts.skipped or self.left_out or self.found)
        nothing_to_do = flags.resume and not self.books.fresh and self.tool.kind != "report"
        lost_sight = bool(counts.dropped and self.books.ledger is None)
        if not flags.quiet and (
            self.progress.on_terminal
            or flags.verbose
            or lost_sight
            or (failed and not nothing_to_do)
        ):
            self.speak(self._summary())
            if self.tally is not None:
                for line in self.tally.lines(self.books.state.tally):
                    self.speak(line)
        return SOME_FAILED if failed and not nothing_to_do else OK
