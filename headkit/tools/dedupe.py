"""Remove duplicates, and what is in a reference set: records that are alike in one respect.

    headkit dedupe --of bytes       the same image file, byte for byte
    headkit dedupe --of image       pictures that are copies of each other, or nearly
    headkit dedupe --of prompt      prompts in nearly the same words
    headkit dedupe --of pose        key points that are nearly the same

Bytes, the default. `image_sha256` is believed where a record has it; with --verify every file is read, and a record
whose image has changed fails. Files without a hash are read either way.

Images and prompts, the default where --model, --against or --calibrate is given. A model makes a vector of each, and
two are twins where the cosine of their vectors is at least --threshold. The search is exact: all pairs are compared,
at a million rows as well, and what is near the threshold by float64 on the stored vectors. --device, --jobs and where
a run was taken up change nothing. Models:

    likeness   images; the default; needs no weights. Of 142 pictures it found at least 99% of the copies that were
               saved as JPEG (quality 20), scaled to a quarter, lightened by 30% or darkened by 40%, made grey,
               blurred, made noisy, turned by 2 degrees or cut by 5% at the edges; 96% of those cut by 10%, 83% of
               those with a line of text over them, 15% of those cut by 20%; hardly any that were mirrored, or had a
               bar over a fifth. None of 866,000 pairs of other pictures of the same kinds of scene reached its
               threshold, 0.88 (the nearest: 0.84), nor did the same poses drawn with other people (0.73)
    words      prompts; the default
    NAME:TAG   a network of open_clip, for images and prompts: what is meant is alike, not the picture alone
    FILE       TorchScript for images, as SSCD is published

A threshold belongs to a model: likeness, words and SSCD have their own, for others give one, and see what it does by
--calibrate -o thresholds.html. That page shows how near the nearest neighbours are, how many pairs each threshold
finds, and pictures of pairs around it.

With -d DIR, or beside FILE with -o FILE (FILE.twins), vectors are kept and used again, and the search goes on where it
stopped: a run that was killed is simply started again. Several runs with the same input and DIR, on machines that
share it, share the search. DIR/embeddings.npz holds the vectors of the records read last: it is what --against takes.

    headkit dedupe --of image -d ffhq < ffhq.jsonl > /dev/null
    headkit dedupe --against ffhq/embeddings.npz < kept.jsonl > unique.jsonl

drops records with a twin in that set before any other, with its name in the ledger. Memory does not grow with the set.

--mirror. A picture is compared with the others as they are and mirrored left to right; the search takes twice as long.
The threshold of likeness holds for both: of 93,096 pairs of different pictures, one of them mirrored, none reached it
(the nearest: 0.83).

Above ten million records, where comparing all pairs takes days, --index faiss (pip install 'headkit[faiss]') deals the
vectors out to lists and compares those of a few. It misses some twins, invents none, and compares 8,192 records with
all to say how many it misses: in `made`, and on standard error with -v. It is not kept in DIR.

Poses. Place and size in the picture do not count, nor the order of the people. The distance of two arrangements is the
largest displacement of any joint, in heights of its person (of one lying down, lengths); they are twins where it is at
most --threshold. The same joints must be known in both, 6 of them at least. Mirror images are different, unless --mirror.
The search is exact.

Who stays. Records are taken in their order, or, with --prefer EXPR, by that number, the highest first. One stays
unless one that stays already is its twin. So every dropped record has a twin in the output, the nearest of them named
in the ledger with the distance or the cosine; and a chain of small steps does not take its far end along, unless
--policy components asks for it. `cluster`, in the ledger and in a record that stays for others, is the id of the one
that stays.

Records with an error pass untouched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit import __version__
from headkit.status import USAGE, Stop
from headkit.tool import Context, Example, Opt, Record

if TYPE_CHECKING:
    from headkit.alike.vectors import Wanted

POSE_THRESHOLD = 0.05


@dataclass(frozen=True)
class Options:
    """The options of headkit dedupe."""

    of: Annotated[
        Literal["bytes", "image", "prompt", "pose"] | None,
        Opt("What makes two records duplicates (default: bytes, or image where a model is asked)."),
    ] = None
    model: Annotated[
        str | None,
        Opt("Who looks: likeness, words, NAME:TAG of open_clip, or a TorchScript file.", "MODEL"),
    ] = None
    threshold: Annotated[
        float | None,
        Opt(
            "Least cosine of twins (default: the model's). Poses: no joint further apart than this, in person heights "
            "(default: 0.05).",
            minimum=0,
            maximum=1,
        ),
    ] = None
    against: Annotated[
        str | None,
        Opt("Drop what has a twin among the vectors in FILE, the embeddings.npz of a -d.", "FILE"),
    ] = None
    prefer: Annotated[
        str | None,
        Opt("Of twins keep the one with the highest number (default: the first).", "EXPR"),
    ] = None
    calibrate: Annotated[
        bool, Opt("Drop nothing: write a page of HTML that shows what each threshold would do.")
    ] = False
    policy: Annotated[
        Literal["independent", "components"],
        Opt("Drop what has a twin that stays, or all but one of what a chain of twins joins."),
    ] = "independent"
    mirror: Annotated[bool, Opt("Images, poses: a mirror image is a duplicate too.")] = False
    index: Annotated[
        Literal["exact", "faiss"],
        Opt("Compare all pairs, or let faiss choose which: misses some, and says how many."),
    ] = "exact"
    verify: Annotated[
        bool, Opt("Bytes: read every image instead of believing image_sha256.", decides=False)
    ] = False
    dir: Annotated[
        str | None,
        Opt(
            "Keep vectors and the search in DIR (default: FILE.twins beside -o FILE).",
            "DIR",
            ("-d", "--dir"),
            decides=False,
        ),
    ] = None


_VECTORS = ("image", "prompt")
_ALIKE = '"prompt":{"text":"a photo of two women on a wet street at night, one in a red coat"}'
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
    Example("headkit dedupe --of image --prefer scores.sharpness", ""),
    Example(
        "headkit dedupe --of prompt",
        f'{{"id":"a",{_ALIKE}}}\n{{"id":"b",{_ALIKE.replace("a wet", "the wet")}}}\n',
    ),
    Example("headkit dedupe --model ViT-L-14:openai --threshold 0.92 -d vectors", ""),
    Example("headkit dedupe --of pose --threshold 0.03 --mirror", ""),
    Example("headkit dedupe --threshold 0.9", '{"id":"a","image":"a.png"}\n', status=USAGE),
    Example("headkit dedupe --prefer 'width >'", '{"id":"a","image":"a.png"}\n', status=USAGE),
)


def reports(options: Options) -> bool:
    """Whether these options make a report of it: a page instead of records."""
    return options.calibrate


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Any]:
    """One Result per record, in order, once all are read; with --calibrate the page, and Failures."""
    from headkit.alike import exact
    from headkit.alike.rows import Preference

    of = _what(options)
    prefer = Preference(options.prefer)
    if of == "bytes":
        return exact.decide(exact.same_bytes(context.root, verify=options.verify), prefer, records)
    if of == "pose":
        threshold = POSE_THRESHOLD if options.threshold is None else options.threshold
        return exact.decide(exact.same_pose(threshold, mirror=options.mirror), prefer, records)
    from headkit.alike.calibration import Calibrating
    from headkit.alike.vectors import Deciding

    work: Any = Calibrating if options.calibrate else Deciding
    result: Iterator[Any] = work(_wanted(options), context, records)
    return result


def _what(options: Options) -> str:
    """What is compared. Raises Stop (2) for options that make no sense together."""
    from headkit.alike.embedders import check_model

    asked = options.model is not None or options.against is not None or options.calibrate
    of = options.of or ("image" if asked else "bytes")
    vectors = of in _VECTORS
    for given, name, sensible in (
        (options.model is not None, "--model", vectors),
        (options.calibrate, "--calibrate", vectors),
        (options.against is not None, "--against", vectors and not options.calibrate),
        (options.policy != "independent", "--policy", vectors),
        (options.mirror, "--mirror", of in ("image", "pose") and not options.calibrate),
        (options.index != "exact", "--index", vectors and not options.calibrate),
        (options.verify, "--verify", of == "bytes"),
        (options.threshold is not None, "--threshold", of != "bytes"),
    ):
        if given and not sensible:
            raise Stop(USAGE, f"{name} means nothing for --of {of}; see headkit dedupe --help")
    if vectors and options.threshold is not None and options.model is None:
        own = "likeness" if of == "image" else "words"
        raise Stop(
            USAGE,
            f"--threshold {options.threshold:g}: a threshold belongs to a model; name it, as --model {own}",
        )
    if vectors:
        check_model("prompt" if of == "prompt" else "image", options.model)
        from headkit.alike.vectors import check_index

        check_index(options.index)
    return of


def _wanted(options: Options) -> Wanted:
    from headkit.alike.rows import Preference
    from headkit.alike.vectors import Wanted

    return Wanted(
        of="prompt" if options.of == "prompt" else "image",
        model=options.model,
        threshold=options.threshold,
        prefer=Preference(options.prefer),
        policy=options.policy,
        against=options.against,
        folder=options.dir,
        mirror=options.mirror,
        index=options.index,
    )
