"""Draw a contact sheet of images, with their labels over them, into one PNG.

    headkit view -o sheet.png --boxes --landmarks --mesh images.jsonl

One tile per record, or with --heads one per head in the picture, cut out around its box. Below a tile
stand the id and what is known of its heads: their yaw, where there are few; of a single head yaw, pitch,
roll and the share of it that is visible. Labels are those of `truth` where a record has it, else the
`heads` found; --labels decides otherwise.

--boxes draws the box of each whole head with a line, and with dashes, where much is hidden, the box of
what is seen of it. --landmarks fills visible points and leaves hidden ones hollow. --mesh lays the 3D head
that the parameters stand for over the picture; those of a FLAME head need its file, with --head. --axes draws each head's own axes: red to its left, green
up, blue out of the face. --poses draws the skeletons that were asked for, blue on the subject's left,
orange on the right. Heads that training ignores are grey.

A record with an error, or whose image or labels cannot be drawn, has a tile that says so, with what can be drawn. The same records make
the same picture.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit.paths import PathError, resolve, write_atomic
from headkit.status import NO_INPUT, USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Example, Failure, Opt, Record

if TYPE_CHECKING:
    from headkit.head.model import HeadModel
    from headkit.overlay import Canvas, Color
    from headkit.overlay.sheet import Tile


# The runner keeps the real standard output to itself, and writes the bytes that a report yields.
STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


@dataclass(frozen=True)
class Options:
    """The options of headkit view."""

    output: Annotated[
        str,
        Opt(
            "Write the picture to FILE, a PNG; - is standard output.",
            "FILE",
            ("-o", "--output"),
            decides=False,
        ),
    ] = "sheet.png"
    boxes: Annotated[bool, Opt("Draw the boxes of heads, whole and visible.")] = False
    landmarks: Annotated[bool, Opt("Draw landmarks, visible and hidden.")] = False
    mesh: Annotated[bool, Opt("Draw the 3D head of each head's parameters.")] = False
    axes: Annotated[bool, Opt("Draw the axes of each head's pose.")] = False
    poses: Annotated[bool, Opt("Draw the skeletons of the poses.")] = False
    heads: Annotated[bool, Opt("Show one tile per head instead of one per record.")] = False
    head: Annotated[
        str | None, Opt("The FLAME file (.pkl, .npz) that parameters refer to.", "FILE")
    ] = None
    labels: Annotated[
        Literal["truth", "heads"] | None,
        Opt("Which labels to draw (default: truth where a record has it)."),
    ] = None
    columns: Annotated[int, Opt("Tiles side by side.", "N", minimum=1, maximum=200)] = 8
    tile: Annotated[
        int, Opt("Width and height of a tile, in pixels.", "N", minimum=32, maximum=4096)
    ] = 256


EXAMPLES = (
    Example("headkit view -o sheet.png --boxes --landmarks", ""),
    Example(
        "headkit view -o heads.png --heads --mesh --axes --columns 4 --tile 320",
        '{"id":"a","error":{"tool":"generate","kind":"image","message":"a tile says what is wrong"}}\n',
    ),
    Example("headkit view --tile 3", "", status=USAGE),
)


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Any]:
    """A Failure for each record that could not be drawn; the sheet is written at the end."""
    from headkit import image
    from headkit.overlay.sheet import Sheet, capacity

    sheet, most = Sheet(options.columns, options.tile), capacity(options.columns, options.tile)
    if not most:
        raise Stop(USAGE, "--columns and --tile make a sheet that no viewer opens; lower one")
    models = _models(options.head)
    for tile, failure in _tiles(options, context.root, records, models):
        if len(sheet.tiles) == most:
            sys.stderr.write(
                f"headkit view: a sheet has room for {most} tiles; see --tile and --limit\n"
            )
            break
        sheet.add(tile)
        if failure is not None:
            yield failure
    picture = image.encode(sheet.pixels(), "png")
    if options.output in STANDARD_OUTPUT:
        yield picture
    else:
        _write(Path(options.output).absolute(), picture, context.tag)


def _write(path: Path, data: bytes, tag: str | None) -> None:
    """Replace a file whole or not at all; write through what is none: a device, a pipe."""
    try:
        if str(path).startswith(("/dev/", "/proc/")) or (path.exists() and not path.is_file()):
            path.write_bytes(data)
        else:
            write_atomic(path, data, tag)
    except OSError as error:
        raise Stop(WRITE_FAILED, f"{path}: {error.strerror or error}") from error


def _models(file: str | None) -> list[HeadModel]:
    """The head model of --head."""
    from headkit.head.loading import load_head

    try:
        return [] if file is None else [load_head(file)]
    except OSError as error:
        raise Stop(NO_INPUT, f"--head {file}: {error.strerror or error}; check the path") from None
    except ValueError as error:
        raise Stop(USAGE, f"--head {error}") from None


def _tiles(
    options: Options, root: Path, records: Iterator[Record], models: list[HeadModel]
) -> Iterator[tuple[Tile, Failure | None]]:
    """The tiles of each record; a Failure beside the tile that shows it."""
    from headkit.image import ImageError, load
    from headkit.overlay import OverlayError
    from headkit.overlay.sheet import Tile

    for record in records:
        name = record["id"]
        if "error" in record:
            yield Tile(None, name, message=_error_text(record["error"])), None
            continue
        try:
            pixels = load(resolve(root, _image(record))).pixels
            heads = _heads(record, options.labels)
        except (ImageError, PathError, OverlayError) as error:
            yield (
                Tile(None, name, message=str(error)),
                Failure("image", f"record {name!r}: {error}"),
            )
            continue
        scene = _Scene(options, record, pixels, heads, models)
        tiles = list(scene.tiles())
        problems = "; ".join(dict.fromkeys(tile.message for tile in tiles if tile.message))
        failure = Failure("label", f"record {name!r}: {problems}") if problems else None
        for number, tile in enumerate(tiles):
            yield tile, None if number else failure


class _Scene:
    """A record that is drawn, whole or head by head."""

    def __init__(
        self,
        options: Options,
        record: Record,
        pixels: Any,
        heads: list[Any],
        models: list[HeadModel],
    ) -> None:
        self.options, self.record, self.pixels, self.heads = options, record, pixels, heads
        self.models = models
        self.surfaces: dict[int, Any] = {}  # number of a head -> its mesh, made once for all tiles

    def tiles(self) -> Iterator[Tile]:
        """The tile of all heads, or one for each head in the picture."""
        if not self.options.heads:
            yield self.tile(None)
            return
        for number, head in enumerate(self.heads):
            if not _is_outside(head):
                yield self.tile(number)

    def tile(self, only: int | None) -> Tile:
        """The picture, or the part around one head, with what can be drawn; the message says what cannot."""
        from headkit import overlay
        from headkit.overlay.sheet import Tile

        title = self.record["id"] if only is None else f"{self.record['id']} #{only}"
        try:
            window = None if only is None else _around(self.heads[only])
        except overlay.OverlayError as error:
            return Tile(None, title, message=str(error))
        canvas = overlay.Canvas.of(self.pixels, self.options.tile, self.options.tile, window)
        problems = []
        for draw in self.drawings(canvas, only, window):
            try:
                draw()
            except overlay.OverlayError as error:
                problems.append(str(error))
        message = "; ".join(dict.fromkeys(problems))
        return Tile(canvas.finish(), title, _detail(self.heads, only), message)

    def drawings(
        self, canvas: Canvas, only: int | None, window: Any
    ) -> Iterator[Callable[[], None]]:
        """What there is to draw, from the bottom up; each may raise OverlayError."""
        shown = [
            k
            for k, head in enumerate(self.heads)
            if window is None or k == only or _meets(head, window)
        ]
        if self.options.mesh:
            yield partial(self.draw_meshes, canvas, shown)
        if self.options.poses:
            yield partial(self.draw_poses, canvas)
        for number in shown:
            yield partial(self.draw_head, canvas, number)

    def draw_poses(self, canvas: Canvas) -> None:
        from headkit.overlay import draw_pose

        for pose in _listed(self.record.get("poses"), "poses"):
            draw_pose(canvas, pose)

    def color(self, number: int) -> Color:
        from headkit.overlay import color_of

        return color_of(number, ignored=bool(self.heads[number].get("ignore")))

    def draw_head(self, canvas: Canvas, number: int) -> None:
        from headkit import overlay

        head, color, options = self.heads[number], self.color(number), self.options
        if options.landmarks and head.get("landmarks"):
            overlay.draw_landmarks(canvas, head["landmarks"], color)
        if options.boxes and head.get("box") and not _is_outside(head):
            overlay.draw_box(canvas, head["box"], color)
            if _is_smaller(head.get("box_visible"), head["box"]):
                overlay.draw_box(canvas, head["box_visible"], color, dashed=True)
        if options.axes and head.get("pose"):
            overlay.draw_axes(canvas, head, self.record.get("camera"))

    def draw_meshes(self, canvas: Canvas, numbers: list[int]) -> None:
        from headkit.overlay.mesh import draw_meshes, has_mesh, head_surface

        with_mesh = [number for number in numbers if has_mesh(self.heads[number])]
        for number in with_mesh:
            if number not in self.surfaces:
                self.surfaces[number] = head_surface(self.heads[number], self.models)
        if with_mesh:
            surfaces = [self.surfaces[number] for number in with_mesh]
            draw_meshes(
                canvas, surfaces, list(map(self.color, with_mesh)), self.record.get("camera")
            )


def _is_smaller(visible: Any, whole: Any) -> bool:
    """Whether so much of a box is hidden that a second one can be told from it: 3% of its size at an edge."""
    import numpy as np

    from headkit.overlay import numbers

    if visible is None:
        return False
    seen, box = numbers(visible, (4,), "box_visible"), numbers(whole, (4,), "box")
    return bool(np.abs(seen - box).max() > 0.03 * (box[2:] - box[:2]).max())


def _is_outside(head: Any) -> bool:
    """Whether nothing of the head is in the picture: its box is empty, and no tile can be cut out."""
    box = head.get("box")
    return isinstance(box, list) and len(box) == 4 and box[0] == box[2] and box[1] == box[3]


def _meets(head: Any, window: Any) -> bool:
    """Whether a head's box and a window have a point in common; without a box it may be anywhere."""
    from headkit.overlay import OverlayError, numbers

    try:
        x1, y1, x2, y2 = numbers(head.get("box"), (4,), "box").tolist()
    except OverlayError:
        return True
    return bool(x1 < window[2] and x2 > window[0] and y1 < window[3] and y2 > window[1])


def _around(head: Any) -> Any:
    """The square window that shows a head with some of what is around it."""
    import numpy as np

    from headkit.overlay import numbers

    box = numbers(head.get("box"), (4,), "box").reshape(2, 2)
    half = max(4.0, 0.72 * float((box[1] - box[0]).max()))
    middle = box.mean(axis=0)
    return np.concatenate([middle - half, middle + half])


def _image(record: Record) -> str:
    from headkit.image import ImageError

    if not isinstance(record.get("image"), str):
        raise ImageError("no image; run headkit generate first")
    return str(record["image"])


def _heads(record: Record, labels: str | None) -> list[Any]:
    """The heads to draw: of `truth` where the record has it, unless --labels says otherwise."""
    from headkit.overlay import OverlayError

    if labels == "truth" or (labels is None and "truth" in record):
        truth = record.get("truth")
        found = truth.get("heads") if isinstance(truth, dict) else None
    else:
        found = record.get("heads")
    heads = _listed(found, "heads")
    if not all(isinstance(head, dict) for head in heads):
        raise OverlayError("heads has something in it that is not an object")
    return heads


def _listed(value: Any, name: str) -> list[Any]:
    from headkit.overlay import OverlayError

    if value is None:
        return []
    if not isinstance(value, list):
        raise OverlayError(f"{name} is not a list")
    return value


def _detail(heads: list[Any], only: int | None) -> str:
    """What is known of the heads, in a line."""
    if only is None and len(heads) != 1:
        yaws = [_angles(head, ("yaw",)) for head in heads[:6]]
        turned = "  ".join(yaw.removeprefix("yaw ") for yaw in yaws if yaw)
        return f"{len(heads)} heads" + (f"  yaw {turned}" if turned else "")
    head = heads[only or 0]
    parts = [_angles(head, ("yaw", "pitch", "roll"))]
    if type(head.get("visibility")) in (int, float):
        parts.append(f"{100 * head['visibility']:.0f}%")
    if head.get("ignore"):
        parts.append(str(head["ignore"]))
    return "  ".join(filter(None, parts))


def _angles(head: Any, names: tuple[str, ...]) -> str:
    pose = head.get("pose")
    known = [
        name for name in names if isinstance(pose, dict) and type(pose.get(name)) in (int, float)
    ]
    return " ".join(f"{name} {round(pose[name])}" for name in known)


def _error_text(error: Any) -> str:
    if not isinstance(error, dict):
        return "error"
    return f"{error.get('tool', '?')}: {error.get('message', '?')}"
