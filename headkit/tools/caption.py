"""Describes the scene of each record in words, and makes a prompt of them.

With --model scene, the default, nothing is looked at but the poses: a plausible scene is drawn from
the seed and the record's id, told in a sentence or two, and every person gets the attributes that the
sentence agrees with. Attributes that a person has already are kept. The draw is flat over sex, age, origin
and skin tone, so that a dataset is not the mirror of a crawl. Others look at the image, or at the labels:

    coca_ViT-L-14[:TAG]      CoCa of open_clip; after the colon a tag of open_clip, or a file of weights
    NAME, FOLDER             an image-to-text model of transformers, on the hub or here: BLIP, BLIP-2,
                             Florence-2, GIT, LLaVA, Qwen-VL. Code that comes with weights is not run
    truth                    where every head is and how it is turned, from `truth` of a rendered image

Weights that are named and not here are fetched by their library; nothing else touches the network.
With --targets FILE the attributes of people who have none are drawn so that the whole manifest has the
shares that FILE asks for, and the summary compares; what goes together in life still does. Sex and age come with
the poses of `pose-sample`: give it the same file, which also asks for numbers of people and for head yaw.

    [sex]
    female = 0.5
    [age]
    "2..17" = 0.2
    [hair]
    afro = 0.15
    [yaw]
    "-45..45" = 0.4

A table for each thing, a share for each value; the values that are not listed share the rest as they would
without targets. Numbers are given singly or as LOW..HIGH.

--merge takes captions that were made elsewhere, by id. An image is the record's `image`, or where that is
missing the photo of `source.path`, which `pose-extract --keep-path` keeps.

Names of persons go out of what was said of an image or made elsewhere before anything is written, and
titles, brands, nicknames, handles and credits with them, found by rules and lists in eleven scripts:
they become "a man", "a person". No rule finds all; `--names flag` counts what it finds for `filter` instead.

--vary draws origin, age, skin, hair, expression, accessories anew for every "a man" and "the girl" of the words,
says them and keeps them in `poses[].attributes`; --pools adds light, lens, place, and how a pose shows the head, where
the words say nothing of them. Terms of sex and violence are numbers in `scores.unsafe_sexual`, `scores.unsafe_violent`.
What joins a child and sexual content is refused: the row gets an error, and its words are kept nowhere.

`prompt.text` is the caption with a photographic ending, `prompt.negative` what an image should not show,
`prompt.edits` what was done to the words: rule, kind and position, never the words. What is said of an image
depends on it and the seed alone, not on the batch or the other images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from headkit import attributes, targets
from headkit.captioning import facts, scene
from headkit.captioning.shares import Shares
from headkit.editing import Edited, EditOptions, check_options, edit
from headkit.status import USAGE, Stop
from headkit.tool import Context, Example, Failure, Opt, Process, Record, Result, Tally

_TOKENS = 60  # SDXL reads 75


@dataclass(frozen=True, kw_only=True)
class Options(EditOptions):
    """The options of caption."""

    model: Annotated[
        str,
        Opt(
            "Who describes: scene, truth, coca_ARCHITECTURE[:TAG], or a model of transformers.",
            "MODEL",
        ),
    ] = "scene"
    merge: Annotated[
        str | None, Opt("Take the captions of FILE, rows of id and caption, instead.", "FILE")
    ] = None
    tokens: Annotated[
        int, Opt("At most N tokens of a network's words.", "N", minimum=1, maximum=1024)
    ] = _TOKENS
    top_p: Annotated[
        float | None,
        Opt(
            "Draw each token from the likeliest that make up SHARE (default: take the likeliest).",
            "SHARE",
            minimum=0,
            maximum=1,
        ),
    ] = None
    targets: Annotated[
        str | None,
        Opt("With --model scene: draw attributes to the shares in FILE, a TOML file.", "FILE"),
    ] = None
    ask: Annotated[str | None, Opt("What a model that answers questions is asked.", "TEXT")] = None
    names_model: Annotated[
        str | None,
        Opt("Find names by a GLiNER network too: a folder, or a name on the hub.", "MODEL"),
    ] = None


EXAMPLES = (
    Example(
        "headkit caption --seed 7",
        input='{"id": "empty", "width": 640, "height": 480, "poses": []}\n',
        output="",
    ),
    Example("headkit generate -n 1 --size 128 < poses.jsonl | headkit caption --model truth"),
)

_LOOKS = ("tokens", "top_p", "ask")  # options of networks alone

Describe = Callable[[list[Record]], list["Said | Failure"]]


@dataclass(frozen=True)
class Said:
    """What is said of a record: the words, and fields that are set beside them."""

    words: str
    fields: Record


def reads(options: Options) -> tuple[str, ...]:
    """The fields that these options need."""
    if options.merge is not None:
        return ()
    return {"scene": ("poses",), "truth": ("truth",)}.get(options.model, ())


def tally(options: Options) -> Tally | None:
    """What the summary counts beside the rows."""
    return Shares(targets.read(options.targets)) if options.targets is not None else None


def start(options: Options, context: Context) -> Process:
    """The tool, ready to describe records."""
    check_options(options)
    describe, made = _describer(options, context)
    prompted = _prompter(options, context)

    def process(records: list[Record]) -> list[Result]:
        return [
            said if isinstance(said, Failure) else prompted(record, said)
            for record, said in zip(records, describe(records), strict=True)
        ]

    process.made = made  # type: ignore[attr-defined]
    return process


def _describer(options: Options, context: Context) -> tuple[Describe, Record]:
    """Who describes, and what `made` keeps of it."""
    usual = Options()
    if options.targets is not None and (options.model != "scene" or options.merge is not None):
        raise Stop(USAGE, "--targets: attributes are drawn by --model scene alone; leave one out")
    looks = options.merge is None and options.model not in ("scene", "truth")
    for name in _LOOKS:
        if getattr(options, name) != getattr(usual, name) and not looks:
            flag = "--" + name.replace("_", "-")
            raise Stop(USAGE, f"{flag}: nothing looks at the image; name a network by --model")
    if options.merge is not None:
        if options.model != usual.model:
            raise Stop(USAGE, "--merge: --model would describe anew; leave one of them out")
        return _merged(Path(options.merge))
    if options.model == "scene":
        return _drawing(options, context.seed)
    if options.model == "truth":
        return lambda records: [_facts(record) for record in records], {}
    return _looked(options, context)


def _drawing(options: Options, seed: int) -> tuple[Describe, Record]:
    complete, made = attributes.complete, {}
    if options.targets is not None:
        from headkit.captioning.balance import Balance

        wanted = targets.read(options.targets)
        complete, made = Balance(wanted).complete, {"targets": wanted.digest}

    def describe(records: list[Record]) -> list[Said | Failure]:
        told = [scene.tell(record, seed, complete) for record in records]
        return [
            one if isinstance(one, Failure) else Said(one[0], {"poses": one[1]}) for one in told
        ]

    return describe, made


def _facts(record: Record) -> Said | Failure:
    told = facts.tell(record)
    return told if isinstance(told, Failure) else Said(told, {})


def _merged(path: Path) -> tuple[Describe, Record]:
    from headkit.captioning.elsewhere import Captions

    captions = Captions(path)

    def describe(records: list[Record]) -> list[Said | Failure]:
        found = [captions.of(record) for record in records]
        return [words if isinstance(words, Failure) else Said(words, {}) for words in found]

    return describe, {"captions": captions.sha256[:16]}


def _looked(options: Options, context: Context) -> tuple[Describe, Record]:
    from headkit.backends.captioners import open_captioner
    from headkit.backends.describing import Manner
    from headkit.picture import photo_of

    manner = Manner(options.tokens, options.top_p, options.ask)
    captioner = open_captioner(options.model, manner, context.device)

    def describe(records: list[Record]) -> list[Said | Failure]:
        opened = [photo_of(record, context.root) for record in records]
        pictures = [picture for picture in opened if not isinstance(picture, Failure)]
        seeds = [
            attributes.seeded(context.seed, str(record["id"]), "caption").getrandbits(63)
            for record, picture in zip(records, opened, strict=True)
            if not isinstance(picture, Failure)
        ]
        words = iter(captioner.network.describe(pictures, seeds))
        return [
            picture if isinstance(picture, Failure) else _spoken(next(words)) for picture in opened
        ]

    return describe, captioner.made


def _spoken(words: str) -> Said | Failure:
    if not words:
        return Failure("no-caption", "the model said nothing; try --top-p 0.9", model=True)
    return Said(words, {})


def _prompter(options: Options, context: Context) -> Callable[[Record, Said], Result]:
    """What makes the caption, edited, and the prompt of what is said of a record."""
    edits = EditOptions(**{one.name: getattr(options, one.name) for one in fields(EditOptions)})
    ours = options.merge is None and options.model in ("scene", "truth")
    if ours:
        edits = replace(edits, names="keep")  # words of ours, that name nobody
    finder = None
    if options.names_model is not None:
        from headkit.backends import gliner
        from headkit.backends.devices import torch_device

        if ours:
            raise Stop(
                USAGE, "--names-model: our own words name nobody; use it with --merge or a network"
            )
        finder = gliner.finder(options.names_model, torch_device(context.device))

    def prompted(record: Record, said: Said) -> Result:
        poses = said.fields.get("poses", record.get("poses"))
        given = poses if isinstance(poses, list) else []
        prompt = record.get("prompt")
        # Words that were edited before are not added to again.
        same = isinstance(prompt, dict) and record.get("caption") == said.words
        earlier = prompt.get("edits") if isinstance(prompt, dict) and same else None
        edited = edit(
            said.words,
            given,
            edits,
            seed=context.seed,
            id=str(record["id"]),
            earlier=earlier if isinstance(earlier, list) else (),
            finder=finder,
        )
        if isinstance(edited, Failure):
            return edited
        return _written(record, edited, given, posed="poses" in said.fields)

    return prompted


def _written(record: Record, edited: Edited, given: list[Record], *, posed: bool) -> Record:
    """The fields of a caption and its prompt."""
    from headkit.backends import text_tokens

    prompt: dict[str, Any] = {
        "text": edited.text,
        "negative": edited.negative,
        "tokens": text_tokens.count(edited.text),
        "edits": edited.edits,
    }
    written: Record = {"caption": edited.caption, "prompt": prompt}
    if posed or edited.poses != given:
        written = {"poses": edited.poses, **written}
    if edited.scores:
        before = record.get("scores")
        written["scores"] = {**(before if isinstance(before, dict) else {}), **edited.scores}
    return written
