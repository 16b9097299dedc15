"""Read packed datasets again, whole, and say what is wrong with them: a row for each finding, nothing where all is well.

Each DIR is a folder that headkit pack has written, in any format or several. Looked at are

- files: their checksums, and whether any are missing or foreign; shards against the index and the index of each tar file.
- images: they are decoded, are the ones that were labelled, and have the size that their labels speak of.
- labels: boxes and landmarks lie in or about the picture, parameters and rotations are finite and sound, and the head that
  they describe lies on its landmarks. For parameters of FLAME that needs --head.
- formats against each other: the same samples, images and heads, and nothing left out but what a format cannot hold.
- splits: no cluster, source, prompt or image on two sides. What was not published is read in DIR.private.jsonl, which is
  not changed; without it a row says what was not looked at.
- counts of the index and the card.
- vectors, where pack --embeddings put them beside the images: the largest cosine between two parts and in all is told in
  a row that is no fault, but with --nearest.
- private data: paths, e-mail addresses, keys and names of persons in labels, documents and names of files.

A row has file, place in it, kind, what is wrong, and the remedy. Exit status 1 says that there was a finding; rows of the kind
`unchecked` alone do not, but with --strict. With -o the parts to make anew are listed for `headkit pack --only`, which mends them
from the manifest; what is wrong in the records themselves has to be corrected there.

With --base, the version before, rows of the kind `version` tell what was added, removed and changed, and how many shards are as
they were. It is a fault where a removed sample has no tombstone, or has left its image, id, vector or private row behind, where one
with a tombstone is there, and where a shard was written anew that holds nothing that changed.

--strict also fails on questions that the datasheet leaves open, and on screens (NSFW, identity) that were not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from headkit.paths import write_atomic
from headkit.status import NO_INPUT, USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Example, Finding, Opt, Record

if TYPE_CHECKING:
    from headkit.formats.reading import Packed
    from headkit.head.model import HeadModel


@dataclass(frozen=True)
class Options:
    """The options of headkit verify."""

    strict: Annotated[
        bool, Opt("Fail on open questions and on what was not screened or not checked, too.")
    ] = False
    base: Annotated[
        str | None,
        Opt(
            "Hold DIR, a later version, against OLD: a row for each sample that was added, removed or changed.",
            "OLD",
        ),
    ] = None
    head: Annotated[
        str | None, Opt("The FLAME file (.pkl, .npz) that parameters refer to.", "FILE")
    ] = None
    nearest: Annotated[
        float | None,
        Opt(
            "Fail where the vectors of --embeddings of two images have this cosine or a larger one.",
            "COSINE",
            minimum=-1,
            maximum=1,
        ),
    ] = None
    output: Annotated[
        str | None,
        Opt(
            "Write what headkit pack --only shall make anew to FILE.",
            "FILE",
            ("-o", "--output"),
            decides=False,
        ),
    ] = None
    private: Annotated[
        str | None,
        Opt("What was not published lies in FILE (default: DIR.private.jsonl beside DIR).", "FILE"),
    ] = None
    cleared: Annotated[
        str | None,
        Opt(
            "Words and phrases that may be published though they look private, a line each.", "FILE"
        ),
    ] = None


EXAMPLES = (
    Example("headkit pack -d heads < /dev/null && headkit verify heads", ""),
    Example("headkit verify nowhere", "", status=NO_INPUT),
)


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Any]:  # noqa: ARG001 - it reads folders
    """A row for each finding, folder after folder."""
    from headkit.formats.reading import Packed
    from headkit.privacy.scan import cleared
    from headkit.verifying.mending import RepairList
    from headkit.verifying.passing import Verification

    packed = [Packed.open(Path(folder)) for folder in context.operands]
    _refuse_output(options.output, context.operands)
    private, words = _private(options.private, context.operands), cleared(options.cleared)
    models, repairs = _models(options.head), RepairList()
    try:
        for folder, each in zip(context.operands, packed, strict=True):
            work = Verification(
                each,
                models,
                context.jobs,
                options.strict,
                context.check,
                private=private,
                nearest=options.nearest,
                cleared=words,
            )
            against = _against(options.base, each, context.check)
            for found in chain(work.findings(), against):
                row = found.row(folder)
                yield Finding(row) if found.damage else row
                repairs.add(each, found)
    except OSError as error:
        raise Stop(
            NO_INPUT, f"{error.filename or folder}: {error.strerror or error}; check the disk"
        ) from error
    if options.output is not None:
        _write(Path(options.output), repairs.text(), context.tag)


def _refuse_output(file: str | None, folders: tuple[str, ...]) -> None:
    """Stop(USAGE) for a repair list of several folders, or in the folder itself."""
    if file is None:
        return
    if len(folders) > 1:
        raise Stop(USAGE, "-o: a repair list belongs to one DIR; name one")
    if Path(file).resolve().is_relative_to(Path(folders[0]).resolve()):
        raise Stop(USAGE, f"-o {file}: would be a foreign file in {folders[0]}; write beside it")


def _against(base: str | None, new: Packed, check: Callable[[], None]) -> Iterator[Any]:
    """The findings against an older version."""
    from headkit.formats.reading import Packed
    from headkit.verifying.versions import Comparison

    return iter(()) if base is None else Comparison(Packed.open(Path(base)), new, check).findings()


def _write(path: Path, text: str, tag: str | None) -> None:
    try:
        write_atomic(path, text.encode(), tag)
    except OSError as error:
        raise Stop(WRITE_FAILED, f"-o {path}: {error.strerror or error}") from error


def _private(file: str | None, folders: tuple[str, ...]) -> Path | None:
    """The file of --private, which belongs to one folder."""
    if file is None:
        return None
    if len(folders) > 1:
        raise Stop(USAGE, "--private: belongs to one DIR; name one")
    if not Path(file).is_file():
        raise Stop(NO_INPUT, f"--private {file}: no such file; check the path")
    return Path(file)


def _models(file: str | None) -> tuple[HeadModel, ...]:
    """Our own head model, and that of --head."""
    from headkit.head.loading import load_head

    if file is None:
        return (load_head("headkit"),)
    try:
        return load_head("headkit"), load_head(file)
    except OSError as error:
        raise Stop(NO_INPUT, f"--head {file}: {error.strerror or error}") from None
    except ValueError as error:
        raise Stop(USAGE, f"--head {error}") from None
