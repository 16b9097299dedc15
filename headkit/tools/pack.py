"""Write a dataset that trainers load: images and labels in one or more formats, checksums, and documents that were measured.

Images are copied, never encoded again (but by the format crops). A mark is put into each copy of an image that was
generated, unless --no-marks is given: XMP that states IPTC's digital source type, trainedAlgorithmicMedia (diffusion)
or algorithmicMedia (a render). Pixels are not touched. `image_sha256` is of the file before, `published_sha256` in the
sample and in the private file of the marked copy.

Of a record only an allow-list of fields is published (--fields) beside the labels of its heads; all the rest goes to
--private FILE, which only its owner can read. `id` is always published, the path of the image and the hash of a source
photo never. A path, an e-mail address, a key or a person's name in what would be published ends the run (2) before
anything is written; what is harmless all the same is listed in --cleared FILE. So do these in the metadata of an image (PNG
text, EXIF, XMP, IPTC, comments), authors and owners, GPS coordinates and bytes behind its end, once the images of a shard are
read, and before anything is published.

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

Documents. README.md is a card for the Hugging Face hub; DATASHEET.md answers the 57 questions of "Datasheets for
Datasets" (Gebru et al., 2021); LICENSES.md, croissant.json (MLCommons Croissant 1.0 with responsible AI) and plots.svg lie beside
them. Every number in them was counted here, and DATASHEET.md has the command that counts it again. With --log DIR they
tell of the run files (*.run.json) and ledgers (*.dropped) there, too: yields, reasons, hours, thresholds, how often people of
each group were dropped; and of eval*.jsonl, as `headkit eval --json` writes it. A tool with -o FILE keeps its own beside FILE: give their
folder, or copy them into DIR. What only you know is asked by
--init-about and told by --about FILE. A question that nobody has answered is marked "TO ANSWER"; images that no score of nsfw or
identity looked at are "not screened". --license ID is refused (65) where the license of a source photo, of a model, or
of FLAME forbids it, with the first row that does; LICENSES.md lists all parts, and which license headkit does not know.

    headkit pack --init-about > about.toml
    headkit pack -d heads --about about.toml --license cc-by-4.0 --log logs < unique.jsonl

--embeddings publishes the vectors of dedupe, a file a shard with a row for each of its samples: embeddings/*.npz.

A release. --base OLD makes DIR from an older release, of the formats, fields and splits of that one; nothing is read from
standard input. Of --remove FILE each line is an id (or the KEY of a file's name), the sha256 of an image or of a source photo,
a line of the tombstones.txt of a later release, or FIELD=VALUE, as source.author=NAME; --trace PHOTO --key FILE finds what
was made from a photo by the key of pose-extract. What was made from a removed record goes with it, and what has the
same image. Only shards with such a sample
are written anew; all others are linked (or copied), byte for byte. --add FILE puts records into new shards: into the
split of their near-twins, else dealt out by a hash in the proportions of OLD. One whose id is there corrects that
sample: the old one leaves its shard. --about and --license are given again. A line that means no sample is said,
and the run ends in 1. CHANGELOG.md says what changed, tombstones.txt holds an opaque id for each sample that
was removed; neither DIR nor its private file holds anything else of it. What still does, as OLD, manifests and ledgers
in the root, in --log and beside OLD, is listed on standard output, each with the command that cleans it.

    headkit pack -d heads-1.1 --base heads --remove takedown.txt --release 1.1.0
    headkit pack -d heads-1.1 --base heads --trace photo.jpg --key headkit.key --release 1.1.0

REPORT.md is the form by which others ask for it. --about, --license and --log are given again: documents are written anew.

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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit.paths import PathError, stored
from headkit.status import NO_INPUT, USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Example, Opt, Record

if TYPE_CHECKING:
    from headkit.formats.documents import Documents
    from headkit.formats.packing import Plan

PUBLISHED = "width,height,image_sha256,camera,caption,prompt,generated,scores"


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
    embeddings: Annotated[
        str | None,
        Opt("Publish the vectors of FILE, the embeddings.npz of headkit dedupe -d.", "FILE"),
    ] = None
    release: Annotated[
        str | None, Opt("The number of this release, as 1.1.0, for its changelog.", "NUMBER")
    ] = None
    base: Annotated[
        str | None,
        Opt("Make a release from the packed folder OLD; what does not change is linked.", "OLD"),
    ] = None
    base_private: Annotated[
        str | None,
        Opt("The private file of --base (default: OLD.private.jsonl beside it).", "FILE"),
    ] = None
    remove: Annotated[
        str | None,
        Opt(
            "With --base: leave out the samples that FILE names, one a line: id, sha256, tombstone, FIELD=VALUE.",
            "FILE",
        ),
    ] = None
    trace: Annotated[
        str | None,
        Opt("With --base: leave out all that was made from the photo FILE; see --key.", "FILE"),
    ] = None
    key: Annotated[
        str | None,
        Opt("The key of headkit pose-extract (default: headkit.key in the root).", "FILE"),
    ] = None
    add: Annotated[
        str | None,
        Opt("With --base: add the records of FILE; one whose id is there corrects it.", "FILE"),
    ] = None
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
    return options.init_about or options.base is not None


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Any]:
    """A row per shard, once the dataset is published; a Failure for each record that was left out."""
    if options.init_about:
        from headkit.datasheet.about import TEMPLATE

        yield TEMPLATE
        return
    from headkit.formats.folder import workplace
    from headkit.formats.layout import load
    from headkit.formats.packing import Packing
    from headkit.formats.repair import Repair, read_list
    from headkit.privacy.scan import Scan, cleared
    from headkit.publishing import leftovers, plans, release
    from headkit.publishing.embeddings import Embeddings

    target = Path(os.path.realpath(context.folder(options.dir, "dataset")))
    try:
        prefix = stored(context.root, target)
    except PathError as error:
        raise Stop(USAGE, f"-d: {error}") from None
    scan = Scan(cleared(options.cleared))
    base = plans.base_of(options, context, target)
    plan, choices = plans.plan_and_choices(options, base)
    for name in plan.formats:
        load(name)
    documents = _documents(options, context, plan)
    if options.about is not None:
        scan.look_at(options.about, Path(options.about).read_text("utf-8-sig"))
        scan.stop()
    if base is not None:
        records = release.added_records(options.add)
    vectors = Embeddings(options.embeddings) if options.embeddings is not None else None
    if vectors is not None:
        records = vectors.checked(records)
    private = plans.private_file(options.private, target)
    kind = Packing if base is None else release.Releasing
    try:
        with workplace(
            target,
            resume=context.resume and options.only is None,
            private=private,
            mend=options.only is not None,
        ) as place:
            packing = kind(plan, context, place, documents, choices, scan)
            plans.prepare(packing, options, vectors, base)
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
    if base is not None:
        yield from leftovers.rows(base, context.root, context.log)


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
        options.release,
    )
