"""Draws scenes of 2D body poses from a prior, so that no photo of a real person is ever touched.

A scene has 1 to 12 people, near or far, who stand, walk, sit or gesture and look anywhere. Head yaw is
flat over the full circle unless told otherwise and stratified by the number of the scene, so that also a
short run covers the circle evenly: faces, profiles and the backs of heads alike. Each person comes with
17 key points in COCO order, labelled as an annotator would (1 seen, 0.5 hidden but known, 0 not known),
a box, the head's angles as the camera sees them, and the sex and age that the pose was drawn for; each
scene with its camera: K, and the direction against gravity in the camera's frame.

With --targets FILE the numbers of people, head yaw, sex and age have the shares that a TOML file asks for;
headkit-caption(1) says how, and takes the same file for what words decide.

With --from, given poses are varied instead: mirrored, moved, scaled, turned a little, and with key
points that are not quite where they were.

Record number N of a seed is the same whatever -n, the shard or the place where a run was resumed.
Without -n, 100 scenes are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit import attributes, targets
from headkit.captioning.shares import Shares
from headkit.status import BAD_INPUT, NO_INPUT, USAGE, Stop
from headkit.tool import Context, Example, Opt, Record, Records, Tally

if TYPE_CHECKING:
    from headkit.render.pose.prior import Prior
    from headkit.render.pose.staging import Scenes

SAMPLER = "prior"
VERSION = 1  # of the sampler: another one may draw another scene for the same seed
UNASKED = 100  # scenes where no -n is given
_BLOCK = 256  # scenes that are drawn at once; the result does not depend on it
# Left and right of COCO's key points change places in a mirror.
_OF_A_PHOTO = ("sha256", "license", "author", "copy_of")  # of `source`; no path
_MIRROR = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


@dataclass(frozen=True)
class Options:
    """The options of pose-sample."""

    people: Annotated[str, Opt("People of a scene: a number or a span, at most 12.", "N|N-N")] = (
        "1-12"
    )
    yaw: Annotated[
        Literal["flat", "frontal"],
        Opt("Head yaw: flat over the span, or gathered around the camera as in photos."),
    ] = "flat"
    yaw_range: Annotated[
        str, Opt("Span of head yaw in degrees, as -60,60; above 0 the image's right.", "LOW,HIGH")
    ] = "-180,180"
    framing: Annotated[
        Literal["any", "close-up", "portrait", "half", "full", "small"],
        Opt("How much of the nearest person is in the picture."),
    ] = "any"
    ages: Annotated[str, Opt("Span of the ages of people, in years.", "LOW-HIGH")] = "2-90"
    canvas: Annotated[
        str, Opt("Sizes of the picture, drawn from with equal odds.", "WxH[,WxH]...")
    ] = "512x512,640x480,480x640"
    targets: Annotated[
        str | None,
        Opt(
            "Draw people, yaw, sex and age to the shares in FILE, as headkit-caption(1) has it.",
            "FILE",
        ),
    ] = None
    source: Annotated[
        str | None,
        Opt("Vary the poses of FILE instead of drawing from the prior.", "FILE", ("--from",)),
    ] = None
    copies: Annotated[
        int, Opt("With --from: how many varied copies of each record.", "N", minimum=1)
    ] = 1


EXAMPLES = (
    Example("headkit pose-sample -n 200 --seed 7"),
    Example("headkit pose-sample -n 50 --people 1 --framing close-up --yaw-range 90,270"),
)


def draw(options: Options, context: Context, records: Records, skip: int) -> Iterator[Record]:  # noqa: ARG001  reads nothing
    """The scenes from number `skip` on."""
    if options.source is not None:
        return _varied(options, context, skip)
    return _drawn(_balanced(_prior(options), options), context, skip)


def tally(options: Options) -> Tally | None:
    """What the summary counts beside the rows."""
    return Shares(targets.read(options.targets)) if options.targets is not None else None


# ---- options -------------------------------------------------------------------------------------


def _prior(options: Options) -> Prior:
    from headkit.render.pose.prior import MOST, Prior

    low, high = _span("--yaw-range", options.yaw_range, r"(-?[\d.]+),(-?[\d.]+)", -360, 360, float)
    if high - low > 360:
        raise Stop(
            USAGE, f"--yaw-range {options.yaw_range}: spans more than the circle; use -180,180"
        )
    return Prior(
        people=_span("--people", options.people, r"(\d+)(?:-(\d+))?", 1, MOST, int),
        yaw=options.yaw,
        yaw_range=(low, high),
        framing=options.framing,
        sizes=_sizes(options.canvas),
        ages=_span("--ages", options.ages, r"(\d+)(?:-(\d+))?", *attributes.AGE, int),
    )


def _balanced(prior: Prior, options: Options) -> Prior:
    """The prior with the shares of --targets."""
    from headkit.render.pose.prior import people_odds

    if options.targets is None:
        return prior
    wanted = targets.read(options.targets)
    usual = Options()
    for name, thing in (("yaw", "yaw"), ("yaw_range", "yaw")):
        if thing in wanted.groups and getattr(options, name) != getattr(usual, name):
            flag = "--" + name.replace("_", "-")
            raise Stop(USAGE, f"{flag}: --targets asks for yaw as well; leave one of them out")
    low, high = prior.ages
    try:
        return replace(
            prior,
            people_shares=tuple(wanted.spread("people", people_odds(prior.people)).values()),
            age_shares=tuple(
                wanted.spread("age", dict.fromkeys(range(low, high + 1), 1.0)).values()
            ),
            male=wanted.spread("sex", {"female": 1.0, "male": 1.0})["male"],
            yaw_pieces=tuple(wanted.pieces("yaw", -180, 180)) if "yaw" in wanted.groups else None,
        )
    except ValueError as error:
        raise Stop(USAGE, f"--targets {options.targets}: {error}") from None


def _span(
    flag: str, text: str, pattern: str, least: float, most: float, kind: type[Any]
) -> tuple[Any, Any]:
    match = re.fullmatch(pattern, text.replace(" ", ""))
    try:
        low = kind(match[1]) if match else None
        high = kind(match[2] if match[2] is not None else match[1]) if match else None
    except ValueError:
        low = high = None
    if low is None or high is None or not least <= low <= high <= most:
        raise Stop(
            USAGE, f"{flag} {text!r}: needs a span within {least} and {most}, the lower end first"
        )
    return low, high


def _sizes(text: str) -> tuple[tuple[int, int], ...]:
    sizes = []
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d+)x(\d+)", part)
        if match is None or not all(16 <= int(side) <= 8192 for side in match.groups()):
            raise Stop(
                USAGE, f"--canvas {part!r}: needs WIDTHxHEIGHT of 16 to 8192 pixels, as 640x480"
            )
        sizes.append((int(match[1]), int(match[2])))
    return tuple(sizes)


# ---- scenes of the prior -------------------------------------------------------------------------


def _drawn(prior: Prior, context: Context, skip: int) -> Iterator[Record]:
    from headkit.render.pose.staging import draw as draw_scenes

    end = context.limit if context.limit is not None else UNASKED
    for start in range(skip, end, _BLOCK):
        scenes = draw_scenes(prior, context.seed, start, min(_BLOCK, end - start))
        yield from _records(scenes, context.seed, start)


def _records(scenes: Scenes, seed: int, start: int) -> Iterator[Record]:
    from headkit.render.pose.staging import FOCAL

    keypoints = scenes.keypoints.round(2).tolist()
    boxes = scenes.boxes.round(2).tolist()
    heads = scenes.head.round(2).tolist()
    ages, male = scenes.age.tolist(), scenes.male.tolist()
    first, size = scenes.first.tolist(), scenes.size.tolist()
    up = scenes.up.round(6).tolist()
    for row, (width, height) in enumerate(size):
        focal = FOCAL * max(width, height)
        poses = [
            {
                "keypoints": keypoints[person],
                "box": boxes[person],
                "score": 1.0,
                "attributes": {"sex": "male" if male[person] else "female", "age": ages[person]},
                "head": dict(zip(("yaw", "pitch", "roll"), heads[person], strict=True)),
            }
            for person in range(first[row], first[row + 1])
        ]
        yield {
            "id": f"pose-{seed}-{start + row:06d}",
            "width": width,
            "height": height,
            "poses": poses,
            "camera": {
                "K": [[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]],
                "up": up[row],
            },
            "source": {"sampler": SAMPLER, "version": VERSION, "seed": seed, "index": start + row},
        }


# ---- copies of given poses -----------------------------------------------------------------------


def _varied(options: Options, context: Context, skip: int) -> Iterator[Record]:
    number = 0
    for record in _read(Path(str(options.source))):
        for copy in range(options.copies):
            if context.limit is not None and number >= context.limit:
                return
            if number >= skip:
                yield _vary(record, copy, context.seed)
            number += 1


def _read(path: Path) -> Iterator[Record]:
    from headkit.jsonl import BOM

    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _checked(line.removeprefix(BOM), f"{path}:{number}")
    except OSError as error:
        raise Stop(NO_INPUT, f"{path}: cannot be read: {error.strerror}") from None


def _checked(line: bytes, where: str) -> Record:
    from headkit.jsonl import LineError, parse

    try:
        record = parse(line.strip())
    except LineError as error:
        raise Stop(BAD_INPUT, f"{where}: {error}") from None
    sides = (record.get("width"), record.get("height"))
    if not isinstance(record.get("id"), str) or not all(
        type(side) is int and side > 0 for side in sides
    ):
        raise Stop(BAD_INPUT, f"{where}: needs an id and a width and height in pixels")
    poses = record.get("poses")
    if not isinstance(poses, list) or not all(_is_pose(pose) for pose in poses):
        raise Stop(BAD_INPUT, f"{where}: every pose needs 17 key points [x, y, confidence]")
    return record


def _is_pose(pose: Any) -> bool:
    points = pose.get("keypoints") if isinstance(pose, dict) else None
    return (
        isinstance(points, list)
        and len(points) == 17
        and all(
            isinstance(point, list)
            and len(point) == 3
            and all(type(value) in (int, float) and isfinite(value) for value in point)
            for point in points
        )
    )


def _vary(record: Record, copy: int, seed: int) -> Record:
    """A copy of the record whose people are mirrored, moved together and each a little out of place."""
    draw = attributes.seeded(seed, record["id"], "pose-sample", str(copy))
    width, height = record["width"], record["height"]
    mirrored = draw.random() < 0.5
    turn, scale = draw.gauss(0.0, 3.0), draw.uniform(0.85, 1.15)
    across, down = draw.gauss(0.0, 0.03) * width, draw.gauss(0.0, 0.03) * height
    from math import cos, radians, sin

    c, s = scale * cos(radians(turn)), scale * sin(radians(turn))

    def move(x: float, y: float) -> tuple[float, float]:
        x = (width - x if mirrored else x) - width / 2
        y -= height / 2
        return c * x - s * y + width / 2 + across, s * x + c * y + height / 2 + down

    poses = []
    for pose in record["poses"]:
        noise = 0.006 * _extent(pose["keypoints"])
        points = []
        for source in _MIRROR if mirrored else range(17):
            x, y, confidence = pose["keypoints"][source]
            x, y = move(x, y)
            x, y = x + draw.gauss(0.0, noise), y + draw.gauss(0.0, noise)
            seen = confidence > 0 and 0 <= x < width and 0 <= y < height
            points.append([round(x, 2), round(y, 2), confidence] if seen else [0.0, 0.0, 0.0])
        moved: Record = {"keypoints": points, "box": _moved_box(pose, points, move, width, height)}
        moved["score"] = pose.get("score", 1.0)
        if "attributes" in pose:
            moved["attributes"] = pose["attributes"]
        head = pose.get("head")
        if isinstance(head, dict) and {"yaw", "pitch", "roll"} <= head.keys():
            sign = -1.0 if mirrored else 1.0
            yaw, roll = sign * head["yaw"], sign * head["roll"] + turn
            moved["head"] = {"yaw": round(yaw, 2), "pitch": head["pitch"], "roll": round(roll, 2)}
        poses.append(moved)
    origin = {
        "sampler": "copies",
        "version": VERSION,
        "seed": seed,
        "from": record["id"],
        "copy": copy,
        **_origin(record.get("source")),
    }
    return {
        "id": f"{record['id']}-{copy}",
        "width": width,
        "height": height,
        "poses": poses,
        "source": origin,
    }


def _origin(source: Any) -> Record:
    """What a copy must still tell of what it is a copy of: the photo and its terms, or the sampler that drew it."""
    if not isinstance(source, dict):
        return {}
    kept = {name: source[name] for name in _OF_A_PHOTO if name in source}
    drawn = source.get("original") if source.get("sampler") == "copies" else source.get("sampler")
    return {**kept, "original": drawn} if isinstance(drawn, str) else kept


def _extent(points: list[list[float]]) -> float:
    known = [(x, y) for x, y, confidence in points if confidence > 0]
    if not known:
        return 0.0
    return max(
        max(x for x, _ in known) - min(x for x, _ in known),
        max(y for _, y in known) - min(y for _, y in known),
    )


def _moved_box(
    pose: Record, points: list[list[float]], move: Any, width: int, height: int
) -> list[float]:
    box = pose.get("box")
    if not (isinstance(box, list) and len(box) == 4):
        known = [point for point in points if point[2] > 0] or [[0.0, 0.0, 0.0]]
        corners = [(x, y) for x, y, _ in known]
    else:
        corners = [move(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs = [min(max(x, 0.0), width) for x, _ in corners]
    ys = [min(max(y, 0.0), height) for _, y in corners]
    return [round(min(xs), 2), round(min(ys), 2), round(max(xs), 2), round(max(ys), 2)]
