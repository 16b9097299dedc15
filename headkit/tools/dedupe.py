"""Remove duplicates: records whose image files are equal, or whose people stand in the same arrangement.

    headkit dedupe --of bytes       the same image file, byte for byte
    headkit dedupe --of pose        key points that are nearly the same

Bytes. `image_sha256` is believed where a record has it; with --verify every file is read, and a record whose image
has changed fails. Files without a hash are read either way.

Poses. Place and size in the picture do not count, nor the order of the people. The distance of two arrangements is the
largest displacement of any joint, in heights of its person (of one lying down, lengths); they are twins where it is at
most --threshold. The same joints must be known in both, 6 of them at least. Mirror images are different, unless --mirror.
The search is exact.

Who stays. Records are taken in their order, or, with --prefer EXPR, by that number, the highest first. One stays
unless one that stays already is its twin. So every dropped record has a twin in the output, the nearest of them named
in the ledger with the distance; and a chain of small steps does not take its far end along. `cluster`, in the ledger and
in a record that stays for others, is the id of the one that stays.

Records with an error pass untouched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from headkit import __version__
from headkit.expression import Expression, ExpressionError, WrongTypeError
from headkit.paths import PathError, resolve
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Context, Drop, Example, Failure, Opt, Record, Result


@dataclass(frozen=True)
class Options:
    """The options of headkit dedupe."""

    of: Annotated[Literal["bytes", "pose"], Opt("What makes two records duplicates.")] = "bytes"
    threshold: Annotated[
        float,
        Opt("Poses: no joint further apart than this, in person heights.", minimum=0, maximum=1),
    ] = 0.05
    mirror: Annotated[bool, Opt("Poses: a mirror image is a duplicate too.")] = False
    verify: Annotated[
        bool, Opt("Bytes: read every image instead of believing image_sha256.", decides=False)
    ] = False
    prefer: Annotated[
        str | None,
        Opt("Of twins keep the one with the highest number (default: the first).", "EXPR"),
    ] = None


EXAMPLES = (
    Example(
        "headkit dedupe",
        '{"id":"a","image":"a.png","image_sha256":"5fd9"}\n'
        '{"id":"b","image":"b.png","image_sha256":"077c"}\n'
        '{"id":"c","image":"c.png","image_sha256":"5fd9"}\n',
        '{"id":"a","image":"a.png","image_sha256":"5fd9","cluster":"a",'
        f'"made":{{"dedupe":{{"headkit":"{__version__}"}}}},"schema":1}}\n'
        '{"id":"b","image":"b.png","image_sha256":"077c"}\n',
    ),
    Example(
        "headkit dedupe --prefer width",
        '{"id":"a","image":"a.png","image_sha256":"5fd9","width":320}\n'
        '{"id":"b","image":"b.png","image_sha256":"5fd9","width":640}\n',
    ),
    Example("headkit dedupe --of pose --threshold 0.03 --mirror", ""),
    Example("headkit dedupe --prefer 'width >'", '{"id":"a","image":"a.png"}\n', status=USAGE),
)

Near = tuple[float, int]  # distance, and the row that stays


@dataclass
class _Row:
    """What is kept of a record while the others are read."""

    id: str
    subject: Any = None  # a hash or an arrangement; None: never a twin
    rank: float = 0.0  # by --prefer; the highest stays
    failure: Failure | None = None


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Result]:
    """One Result per record, in order, once all are read."""
    prefer = _expression(options.prefer)
    describe = _bytes(context.root, options.verify) if options.of == "bytes" else _pose
    rows: list[_Row] = []
    first = True
    for record in records:
        if "error" in record:
            rows.append(_Row(record["id"]))
            continue
        if first:
            _check_first(record, options.of, prefer)
            first = False
        rows.append(_row(record, describe, prefer))
    matcher = _same_bytes() if options.of == "bytes" else _same_pose(options)
    twins = _decide(rows, matcher)
    staying = {row for _, row in twins.values()}
    for number, row in enumerate(rows):
        if row.failure is not None:
            yield row.failure
        elif number in twins:
            yield _drop(rows, twins[number], options)
        else:
            yield {"cluster": row.id} if number in staying else {}


def _decide(rows: list[_Row], matcher: Callable[[int, Any], Near | None]) -> dict[int, Near]:
    """For each row that goes, the nearest one that stays."""
    order = sorted(range(len(rows)), key=lambda number: (-rows[number].rank, number))
    twins = {}
    for number in order:
        subject = rows[number].subject
        if subject is not None:
            near = matcher(number, subject)
            if near is not None:
                twins[number] = near
                rows[number].subject = None  # no longer needed
    return twins


def _same_bytes() -> Callable[[int, Any], Near | None]:
    kept: dict[bytes, int] = {}

    def match(number: int, digest: bytes) -> Near | None:
        found = kept.setdefault(digest, number)
        return None if found == number else (0.0, found)

    return match


def _same_pose(options: Options) -> Callable[[int, Any], Near | None]:
    from headkit.arrangement import Neighborhood

    kept = Neighborhood(options.threshold)

    def match(number: int, subject: Any) -> Near | None:
        near = [kept.nearest(subject)]
        if options.mirror:
            near.append(kept.nearest(subject.mirrored()))
        found = min((pair for pair in near if pair is not None), default=None)
        if found is None:
            kept.add(number, subject)
        return found

    return match


def _drop(rows: list[_Row], near: Near, options: Options) -> Drop:
    far, winner = near[0], rows[near[1]].id

    if options.of == "bytes":
        return Drop(f"the same image file as {winner}", fields={"cluster": winner})
    far = round(far, 5)
    reason = f"poses within {far} person heights of {winner}"
    return Drop(reason, far, options.threshold, fields={"cluster": winner})


def _row(record: Record, describe: Callable[[Record], Any], prefer: Expression | None) -> _Row:
    try:
        rank = 0.0 if prefer is None else prefer.evaluate(record)
        subject = describe(record)
    except WrongTypeError as error:
        return _Row(record["id"], failure=Failure("type", f"--prefer: {error}"))
    except _CannotCompareError as error:
        return _Row(record["id"], failure=Failure(error.kind, str(error)))
    return _Row(record["id"], subject, float("-inf") if rank is None else rank)


class _CannotCompareError(ValueError):
    """What is wrong with one record."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _pose(record: Record) -> Any:
    """The arrangement of the record's poses, None where too few joints are known."""
    from headkit.arrangement import PoseError, arrangement

    if "poses" not in record:
        raise _CannotCompareError("field", "no poses; run headkit pose-extract first")
    try:
        return arrangement(record["poses"])
    except PoseError as error:
        raise _CannotCompareError("pose", str(error)) from None


def _bytes(root: Path, verify: bool) -> Callable[[Record], bytes]:  # noqa: FBT001 - as the option
    def describe(record: Record) -> bytes:
        known = record.get("image_sha256")
        if isinstance(known, str) and not verify:
            return known.lower().encode()
        if not isinstance(record.get("image"), str):
            raise _CannotCompareError("field", "no image; run headkit generate first")
        digest = _sha256(root, record["image"])
        if isinstance(known, str) and known.lower() != digest:
            raise _CannotCompareError(
                "changed", f"{record['image']}: the image has changed; see image_sha256"
            )
        return digest.encode()

    return describe


def _sha256(root: Path, image: str) -> str:
    """Of the file; a missing file is the record's fault, a failing disk the machine's."""
    try:
        with resolve(root, image).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except PathError as error:
        raise _CannotCompareError("path", str(error)) from None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise _CannotCompareError(
            "missing", f"{image}: {error.strerror}; check the path and --root"
        ) from None


def _expression(source: str | None) -> Expression | None:
    try:
        return None if source is None else Expression(source, "number")
    except ExpressionError as error:
        raise Stop(USAGE, f"--prefer: {error}") from None


def _check_first(record: Record, of: str, prefer: Expression | None) -> None:
    """Stop where the first record shows that the options make no sense."""
    wanted = ("image", "image_sha256") if of == "bytes" else ("poses",)
    if not any(name in record for name in wanted):
        raise Stop(
            BAD_INPUT, f"record {record['id']!r} has no {wanted[0]}, which --of {of} compares"
        )
    try:
        if prefer is not None:
            prefer.check(record)
    except ExpressionError as error:
        raise Stop(USAGE, f"--prefer: {error}") from None
