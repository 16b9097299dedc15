"""Write a dataset that trainers load: images and labels in one or more formats, an index, checksums and a card.

Images are copied, never encoded again (but by the format crops). A mark is put into each copy of an image that was
generated, unless --no-marks is given: XMP that states IPTC's digital source type, trainedAlgorithmicMedia (diffusion)
or algorithmicMedia (a render). Pixels are not touched. `image_sha256` is of the file before, `published_sha256` in the
sample and in the private file of the marked copy.

Of a record only an allow-list of fields is published (--fields) beside the labels of its heads; all the rest goes to
--private FILE, which only its owner can read. `id` is always published, the path of the image and the hash of a source
photo never. A path, an e-mail address, a key or a person's name in what would be published ends the run (2) before
anything is written; what is harmless all the same is listed in --cleared FILE.

Labels are `truth` where every record has it, else the `heads` that were found; --labels decides otherwise. Either
way a sample calls them `heads`, and its `labels` says which they are.

Records with an error are left out and counted. So is, and the run then ends in 1, a record whose image is missing,
changed since it was labelled, of another size than its record says, or asks to be turned by EXIF: its labels would
speak of another picture.

--format takes one or more of

    webdataset  tar files of KEY.png and KEY.json
    parquet     Parquet files with the bytes of the images, for `datasets` of Hugging Face (extra `parquet`)
    coco        images, and a JSON a split with boxes and 68 key points; a head to ignore is `iscrowd`
    yolo        images, a text file each with the boxes, data.yaml for ultralytics
    yolo-pose   the same with the 68 landmarks
    vggheads    the folders and npz files of VGGHeads, with the 413-vector of each head; needs --head, and heads that
                fit3dmm --head has fitted with the same file
    crops       a square of --crop-size for each head with a pose, 0.4 m wide at its distance, seen by a virtual camera that
                looks at the head and holds it upright, whatever its yaw; camera and labels in metadata.jsonl. These
                pixels are resampled and encoded again (PNG)

One format lies in DIR, several lie in DIR/NAME, and each folder is whole by itself: it can be copied or moved alone.
Formats that keep images as files share one copy of the bytes by hard links. Readers of YOLO and VGGHeads cannot ignore a
head: images with one are left out of these formats, and counted. Formats of boxes refuse records with a head that has
neither a box in the picture nor `ignore`; such a record is then in none of the formats.

With --split no near-twin crosses: records that share a cluster (of dedupe), a source (photo, or record that a pose was
copied from) or a prompt stay together, and groups that share one are one (--split-by). Groups are taken in the order
of a hash of their ids, so that the order of the input does not matter: the smallest split takes from the front what
fits, the largest what is left. Numbers are kept exactly, shares to the record where groups allow it; what cannot be
filled so is status 65. A record whose image turns out to be unfit is then missing from its split. A --subset is drawn
from all splits, to be checked by hand, and lies beside them a second time.

DIR appears whole or not at all: the work is done in .DIR.pack beside it. An older dataset of headkit's in DIR is
replaced; a folder that holds anything else is left alone. The same records make the same bytes. Standard output
has one row per shard and format. With --resume, a run that ended early leaves its whole shards in .DIR.pack, and the next one
goes on behind them; without it, the next one sweeps them away.

With --only, DIR is mended: of the same records, and with the same options, the shards that FILE lists are made anew, the
rest is left. What comes out must have the checksums of DIR; else nothing is changed, and the status is 65. Standard output
has a row per file that was replaced.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit.paths import PathError, stored
from headkit.status import NO_INPUT, USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Example, Opt, Record

if TYPE_CHECKING:
    from headkit.formats.documents import Documents
    from headkit.formats.layout import Choices
    from headkit.formats.packing import Plan

PUBLISHED = "width,height,image_sha256,camera,caption,prompt,generated,scores"
NEVER = (
    "image",
    "error",
    "truth",
    "heads",
    "schema",
    "id",
)  # paths, and what has its own place in a sample


@dataclass(frozen=True)
class Options:
    """The options of headkit pack."""

    dir: Annotated[
        str | None,
        Opt("Write the dataset to DIR (default: dataset).", "DIR", ("-d", "--dir"), decides=False),
    ] = None
    format: Annotated[
        str,
        Opt(
            "Formats, separated by commas: webdataset, parquet, coco, yolo, yolo-pose, vggheads, crops.",
            "NAMES",
        ),
    ] = "webdataset"
    split: Annotated[
        str | None,
        Opt(
            "Split by shares or numbers: train=0.98,val=0.02, train=60000,val=10000, val=10000,train=rest.",
            "NAME=N[,...]",
        ),
    ] = None
    split_by: Annotated[
        str,
        Opt("Records that share one of these are never divided: cluster, source, prompt.", "NAMES"),
    ] = "cluster,source,prompt"
    stratify: Annotated[
        str | None,
        Opt(
            "Give every split and subset the same mixture of a field: heads (their number), yaw (band of 30 degrees "
            "of the largest head), or a field with few values.",
            "FIELD",
        ),
    ] = None
    subset: Annotated[
        str | None,
        Opt(
            "Publish so many records once more, as a part of this name: small=10000.",
            "NAME=N[,...]",
        ),
    ] = None
    labels: Annotated[
        Literal["truth", "heads"] | None,
        Opt("Which labels to publish (default: truth where every record has it)."),
    ] = None
    fields: Annotated[str, Opt("Publish these fields, separated by commas.", "NAMES")] = PUBLISHED
    private: Annotated[
        str | None,
        Opt(
            "Write what is not published to FILE (default: DIR.private.jsonl beside DIR).",
            "FILE",
            decides=False,
        ),
    ] = None
    cleared: Annotated[
        str | None,
        Opt(
            "Words and phrases that may be published though they look private, a line each.", "FILE"
        ),
    ] = None
    no_marks: Annotated[
        bool, Opt("Leave the mark that says an image is synthetic out of the copies.")
    ] = False
    head: Annotated[
        str | None,
        Opt("The FLAME file (.pkl, .npz) that parameters refer to; vggheads needs it.", "FILE"),
    ] = None
    crop_size: Annotated[
        int, Opt("Width and height of a crop, in pixels.", "N", minimum=16, maximum=4096)
    ] = 256
    about: Annotated[
        str | None,
        Opt("What only you know of the dataset, for its documents; see --init-about.", "FILE"),
    ] = None
    init_about: Annotated[
        bool, Opt("Print an about file to fill in, and do nothing else.", decides=False)
    ] = False
    license: Annotated[
        str | None,
        Opt(
            "License of the dataset, as the Hugging Face hub calls it: cc-by-4.0, cc0-1.0, other. Refused where a part forbids it.",
            "ID",
        ),
    ] = None
    only: Annotated[
        str | None,
        Opt(
            "Mend DIR: make anew what FILE lists, as headkit verify -o writes it, from the same records and options.",
            "FILE",
        ),
    ] = None
    shard_size: Annotated[
        str,
        Opt(
            "Close a shard before it has more samples or bytes than this: 1000, 500MB, or both.",
            "SIZE",
        ),
    ] = "10000,1GB"


EXAMPLES = (
    Example("headkit pack -d heads", ""),
    Example(
        "headkit pack -d heads --shard-size 1000,500MB --fields width,height,caption",
        '{"id":"a","error":{"tool":"generate","kind":"image","message":"left out and counted"}}\n',
    ),
    Example(
        "headkit pack -d heads --split train=0.98,val=0.02 --stratify yaw --subset small=1000", ""
    ),
    Example("headkit pack -d all --format webdataset,coco,yolo,yolo-pose -j 2", ""),
    Example(
        "headkit pack --format vggheads --labels heads --head flame2023.pkl", "", status=NO_INPUT
    ),
    Example("headkit pack --split train=0.9,val=0.2", "", status=USAGE),
    Example("headkit pack --shard-size many", "", status=USAGE),
    Example("headkit pack --license cc-by", "", status=USAGE),
    Example("headkit pack -d heads --only repair.jsonl", "", status=NO_INPUT),
)


def alone(options: Options) -> bool:
    """Whether nothing is read where no FILE is named."""
    return options.init_about


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Any]:
    """A row per shard, once the dataset is published; a Failure for each record that was left out."""
    if options.init_about:
        from headkit.datasheet.about import TEMPLATE

        yield TEMPLATE
        return
    from headkit.formats.folder import workplace
    from headkit.formats.layout import FORMATS, load
    from headkit.formats.packing import Packing, Plan
    from headkit.formats.repair import Repair, read_list
    from headkit.formats.splits import GROUPED_BY, parse
    from headkit.privacy.scan import Scan, cleared

    choices = _choices(options)
    scan = Scan(cleared(options.cleared))
    plan = Plan(
        _fields(options.fields),
        *_shard_size(options.shard_size),
        formats=_chosen("--format", options.format, tuple(FORMATS)),
        split=parse("--split", options.split) if options.split else (),
        split_by=_chosen("--split-by", options.split_by, GROUPED_BY),
        stratify=options.stratify,
        subsets=parse("--subset", options.subset, counts_only=True) if options.subset else (),
        head=choices.head.sha256 if choices.head is not None else "",
        crop_size=options.crop_size,
        marks=not options.no_marks,
    )
    _refuse_doubles(plan)
    for name in plan.formats:
        load(name)
    documents = _documents(options, context, plan)
    target = Path(os.path.realpath(context.folder(options.dir, "dataset")))
    try:
        prefix = stored(context.root, target)
    except PathError as error:
        raise Stop(USAGE, f"-d: {error}") from None
    try:
        with workplace(
            target,
            resume=context.resume and options.only is None,
            private=_private(options.private, target),
            mend=options.only is not None,
        ) as place:
            packing = Packing(plan, context, place, documents, choices, scan)
            yield from packing.spool(records, options.labels)
            if options.only is not None:
                repair = Repair(packing, target, read_list(options.only))
                yield from repair.run(options.labels)
                yield from ({"path": f"{prefix}/{name}"} for name in repair.replaced)
                return
            yield from packing.write(options.labels)
            place.publish()
    except OSError as error:
        raise Stop(
            WRITE_FAILED, f"{error.filename or target}: {error.strerror or error}"
        ) from error
    for shard in packing.rows:
        yield {**shard, "path": f"{prefix}/{shard['path']}"}


def _documents(options: Options, context: Context, plan: Plan) -> Documents:
    """Who writes the documents; Stop(USAGE, BAD_INPUT, NO_INPUT) for what they cannot use."""
    from headkit.datasheet import about, logs, terms
    from headkit.datasheet.writing import Writing

    return Writing(
        plan.fields,
        plan.split_by,
        about.read(Path(options.about)) if options.about is not None else about.About(),
        terms.chosen(options.license) if options.license is not None else None,
        logs.read(context.log, context.check),
    )


def _chosen(option: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a list, in the order of those known; Stop(USAGE) for another one."""
    names = {name.strip() for name in text.split(",")} - {""}
    for name in names:
        if name not in known:
            raise Stop(USAGE, f"{option}: {name!r} is none of {', '.join(known)}")
    if not names and option == "--format":
        raise Stop(USAGE, f"{option}: names none; choose of {', '.join(known)}")
    return tuple(name for name in known if name in names)


def _private(typed: str | None, target: Path) -> Path | None:
    """The file of --private; Stop(USAGE) where it would be published."""
    if typed is None:
        return None
    path = Path(os.path.realpath(typed))
    if path.is_relative_to(target) or not path.parent.is_dir() or path.is_dir():
        raise Stop(USAGE, f"--private {typed}: is no file in a folder beside -d; name another")
    return path


def _choices(options: Options) -> Choices:
    """What formats need beside records; Stop(USAGE, NO_INPUT) where it is missing."""
    from headkit.formats.layout import Choices
    from headkit.formats.sample import unmarked
    from headkit.head import loading
    from headkit.publishing import marks

    mark = unmarked if options.no_marks else marks.mark
    if options.head is None:
        if "vggheads" in options.format.split(","):
            raise Stop(
                USAGE, "--format vggheads needs the FLAME file of the parameters; see --head"
            )
        return Choices(crop_size=options.crop_size, mark=mark)
    try:
        return Choices(loading.load_head(options.head), options.crop_size, mark)
    except FileNotFoundError as error:
        raise Stop(NO_INPUT, f"--head {options.head}: {error.strerror}; check the path") from None
    except (ValueError, OSError) as error:
        raise Stop(USAGE, f"--head {error}") from None


def _refuse_doubles(plan: Plan) -> None:
    """Stop(USAGE) where a subset has the name of another part."""
    from headkit.formats.packing import WHOLE

    taken = {each.name for each in plan.split} or {WHOLE}
    for each in plan.subsets:
        if each.name in taken:
            raise Stop(USAGE, f"--subset: {each.name} is the name of a split; choose another")


def _fields(text: str) -> tuple[str, ...]:
    """The names of --fields; Stop(USAGE) for one that is never published."""
    names = tuple(filter(None, (name.strip() for name in text.split(","))))
    for name in names:
        if name in NEVER:
            raise Stop(USAGE, f"--fields: {name} cannot be asked for; leave it out")
    return names


def _shard_size(text: str) -> tuple[int, int]:
    """The most samples and the most bytes of a shard, from "1000", "500MB" or "1000,500MB"."""
    units = {"": 0, "KB": 10**3, "MB": 10**6, "GB": 10**9}
    samples, size = 10**6, 8 * 10**9
    for part in text.split(","):
        match = re.fullmatch(
            r"\s*([1-9][0-9]{0,11})\s*(|KB|MB|GB)\s*", part, re.IGNORECASE | re.ASCII
        )
        if match is None:
            raise Stop(
                USAGE, f"--shard-size: {part!r} is neither a number of samples nor of KB, MB or GB"
            )
        number, unit = int(match[1]), units[match[2].upper()]
        if unit:
            size = number * unit
        else:
            samples = number
    return samples, size
