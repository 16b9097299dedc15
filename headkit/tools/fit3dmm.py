"""Fits the 3D head to every head: landmarks, parameters, pose over the full circle, and how good they are.

For each of `heads`, landmarks are found in the image by a small network: 160 points over the whole head, each with a
standard deviation, also of points that cannot be seen. Where a head brings `landmarks` of another tool (schemes ibug68,
dense, mediapipe468, mediapipe478, or vertices, which lists the vertices of --head that its points mark), those are used,
unless --search says otherwise: rows [x, y] or [x, y, standard deviation]; of points that `visible` calls 0, and of rows
with null, nothing is taken. A robust solver then finds the most probable shape, expression, jaw and pose in full
perspective. The camera is the record's `camera.K`; where there is none, the heads of an image agree on
a focal length near --focal, `camera` says `estimated`, and every head has the flag ambiguous_depth.

Set in each head: `landmarks` (the 68, with deviations), `params`, `pose` (of what a crop shows: yaw, pitch, roll),
and `fit`: the residual in pixels and as a share of the box's longer side, standard deviations of rotation (degrees, about
the camera's axes) and translation (metres), `mirror`, the angle between the fits of the head as it is and in the mirror,
where the landmarks come from, and flags: few_points, diverged, outliers, unlikely_shape, jaw_limit, back,
ambiguous_depth, mirror_disagrees.
A head that cannot be fitted stays, with `ignore` "fit failed" and the reason among the flags. A record without heads
is passed on as it is.

With --check, the heads are compared with those of `target` (else `truth`), and `label` says for each asked one how far
the found one is off: degrees of rotation, pixels of the landmarks, overlap of the silhouettes; and whether the image is
`accepted`: all within fixed limits, nobody missing, nobody there who was not asked for.

With --head, a FLAME file that you bring is fitted instead of our own head, and `params` are its own. Our mean head, laid
over it, says where the landmarks lie on it; --embedding takes a landmark embedding instead for given ones: 51 of the 68
from landmark_embedding.npy or flame_static_embedding.pkl, or 105 of MediaPipe's from mediapipe_landmark_embedding.npz.

With --export, each fitted head is also written as a mesh with texture coordinates, standing as the camera sees it.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from headkit.paths import PathError, image_path, stored, write_atomic
from headkit.status import NO_INPUT, UNAVAILABLE, USAGE, Stop
from headkit.tool import Context, Example, Failure, Opt, Process, Record, Result

if TYPE_CHECKING:
    from headkit.backends.landmark_weights import Weights
    from headkit.backends.landmarks import LandmarkFinder, Sight
    from headkit.fitting.heads import Fitted
    from headkit.fitting.request import Camera, Request
    from headkit.head.embedding import Embedding
    from headkit.head.model import HeadModel

Place = tuple[int, int]  # number of a record, and of a head in it


@dataclass(frozen=True)
class Options:
    """The options of headkit fit3dmm."""

    head: Annotated[
        str,
        Opt(
            "Head model: headkit, which comes with the package, or a FLAME file (.pkl, .npz).",
            "FILE",
        ),
    ] = "headkit"
    embedding: Annotated[
        str | None,
        Opt(
            "Landmark embedding of the FLAME file (.npy, .npz, .pkl), for landmarks that the record brings.",
            "FILE",
        ),
    ] = None
    search: Annotated[
        bool, Opt("Look for landmarks in the image also where the record brings some.")
    ] = False
    contour: Annotated[
        bool,
        Opt(
            "Points 0 to 16 of given ibug68 landmarks lie on the face's outline, as people mark it."
        ),
    ] = False
    focal: Annotated[
        float,
        Opt(
            "Focal length in longer sides of the image, where a record knows no camera.",
            "NUMBER",
            minimum=0.1,
            maximum=100,
        ),
    ] = 1.2
    check: Annotated[
        bool, Opt("Compare the heads with those that the image was asked to show, and write label.")
    ] = False
    export: Annotated[
        Literal["obj", "ply", "glb"] | None, Opt("Also write each fitted head as a mesh file.")
    ] = None
    dir: Annotated[
        str | None,
        Opt(
            "Folder of the mesh files (default: meshes, beside the file of -o).",
            "DIR",
            ("-d", "--dir"),
            decides=False,
        ),
    ] = None


EXAMPLES = (
    Example("headkit fit3dmm", '{"id":"nobody","image":"a.png","heads":[]}\n'),
    Example("headkit fit3dmm --head flame2023.npz heads.jsonl", "", status=NO_INPUT),
    Example("headkit fit3dmm --check images.jsonl", "", status=NO_INPUT),
    Example("headkit fit3dmm --export ply -d meshes", ""),
)


def start(options: Options, context: Context) -> Process:
    """Load the head model; the network is loaded when the first head needs it."""
    from headkit.head.loading import load_head

    try:
        model = load_head(options.head)
    except FileNotFoundError as error:
        raise Stop(NO_INPUT, f"--head {options.head}: {error.strerror}; check the path") from None
    except (ValueError, OSError) as error:
        raise Stop(USAGE, f"--head {error}") from None
    folder = context.folder(options.dir, "meshes")
    if options.export is not None:
        try:
            stored(context.root, folder / "00" / "mesh")
        except PathError as error:
            raise Stop(USAGE, str(error)) from None
    embedding, digest = _embedding(options)
    try:
        fitter = _Fitter(options, context, model, folder, embedding)
    except ValueError as error:
        raise Stop(USAGE, f"--embedding {options.embedding}: {error}") from None

    def process(records: list[Record]) -> list[Result]:
        return fitter.process(records)

    process.made = {  # type: ignore[attr-defined]
        "model": model.name,
        "sha256": model.sha256[:16],
        "landmarks": fitter.weights.sha256[:16],
        **digest,
    }
    return process


class _Fitter:
    """Fits records; holds what is the same for all of them."""

    def __init__(
        self,
        options: Options,
        context: Context,
        model: HeadModel,
        folder: Path,
        embedding: Embedding | None,
    ) -> None:
        """Raises ValueError on an embedding of another model."""
        from headkit.fitting.marks import Marks

        self.options, self.context, self.model, self.folder = options, context, model, folder
        self.marks = Marks(model, embedding)
        self.weights = _weights()

    @functools.cached_property
    def finder(self) -> LandmarkFinder:
        """The network, loaded when the first head needs it."""
        from headkit.backends.devices import torch_device
        from headkit.backends.landmarks import LandmarkFinder

        return LandmarkFinder(self.weights, torch_device(self.context.device))

    def process(self, records: list[Record]) -> list[Result]:
        """One result per record; the heads of all go through network and solver together."""
        from headkit.fitting.request import Reader, Request, RequestError

        options, model = self.options, (self.model.name, len(self.model.template))
        reader = Reader(
            self.context.root, options.focal, not options.search, model, check=options.check
        )
        read: list[Request | Failure] = []
        for record in records:
            try:
                read.append(reader.read(record))
            except RequestError as error:
                read.append(Failure(error.kind, str(error)))
        results = iter(self._fit([one for one in read if isinstance(one, Request)]))
        return [one if isinstance(one, Failure) else next(results) for one in read]

    def _fit(self, requests: list[Request]) -> list[Record]:
        """The fields of each record."""
        sights = self._look(requests)
        if not any(head.given or head.wanted for one in requests for head in one.heads):
            fitted: dict[Place, Fitted] = {}
            cameras = [request.camera for request in requests]
        else:
            fitted, cameras = self._solve(requests, sights)
        return [
            self._fields(number, request, fitted, sights, cameras[number])
            for number, request in enumerate(requests)
        ]

    def _look(self, requests: list[Request]) -> dict[Place, Sight]:
        """What the network finds, by number of record and head."""
        places, heads = [], []
        for number, request in enumerate(requests):
            for place, head in enumerate(request.heads):
                if head.given is None and head.box is not None and request.pixels is not None:
                    places.append((number, place))
                    heads.append((request.pixels, head.box))
        return dict(zip(places, self.finder.find(heads), strict=True)) if heads else {}

    def _solve(
        self, requests: list[Request], sights: dict[Place, Sight]
    ) -> tuple[dict[Place, Fitted], list[Camera]]:
        from headkit.fitting.heads import Asked, Points, fit_heads

        spread = self.weights.calibration.correlation
        places, asked = [], []
        for number, request in enumerate(requests):
            for place, head in enumerate(request.heads):
                sight = sights.get((number, place))
                if head.given is not None:
                    vertices, points, deviation = self.marks.of(head.given)
                    slides = self.options.contour and head.given.scheme == "ibug68"
                    given = Points(points, deviation)
                    asked.append(Asked(number, vertices, given, contour=slides))
                elif sight is not None:
                    found = (sight.both, sight.plain, sight.mirrored)
                    both, *sides = (Points(f.points, f.deviation * spread) for f in found)
                    two = sides[0], sides[1]
                    doubt = self.weights.calibration.doubt
                    asked.append(Asked(number, self.model.dense, both, two, doubt=doubt))
                else:
                    continue
                places.append((number, place))
        cameras = [request.camera for request in requests]
        fitted, used = fit_heads(self.marks.solved, asked, cameras, self.context.device)
        return dict(zip(places, fitted, strict=True)), used

    def _fields(
        self,
        number: int,
        request: Request,
        fitted: dict[Place, Fitted],
        sights: dict[Place, Sight],
        camera: Camera,
    ) -> Record:
        from headkit.fitting import labels

        heads = []
        for place, head in enumerate(request.heads):
            one, sight = fitted.get((number, place)), sights.get((number, place))
            given = head.given is not None
            said = labels.label(head.record, self.model, one, head.box, given=given)
            if sight is not None and request.pixels is not None:
                height, width = request.pixels.shape[:2]
                said["landmarks"] = labels.landmarks(sight.both, width, height)
            if self.options.export is not None and one is not None and one.sound:
                said["mesh"] = self._export(request.record["id"], place, one)
            heads.append(said)
        fields: Record = {"heads": heads}
        if heads and not camera.known:
            before = request.record.get("camera")
            kept = before if isinstance(before, dict) else {}
            fields["camera"] = {**kept, "K": camera.K.tolist(), "estimated": True}
        if self.options.check:
            fields["label"] = self._label(request, heads, camera)
        return fields

    def _label(self, request: Request, heads: list[Record], camera: Camera) -> Record:
        from headkit.fitting.agreement import label

        # What was asked for is in the record's own camera; where it has none, in the one that was guessed.
        return label(request.asked or [], heads, (request.camera.K, camera.K), self.model)

    def _export(self, id: str, place: int, one: Fitted) -> str:
        from headkit.head.mesh_export import export

        assert self.options.export is not None
        vertices = self.model.vertices(one.shape, one.expression, one.jaw)
        data = export(self.model, vertices, self.options.export, one.rotation, one.translation)
        path = image_path(self.folder, id, f"{place}.{self.options.export}")
        write_atomic(path, data, self.context.tag)
        return stored(self.context.root, path)


def _embedding(options: Options) -> tuple[Embedding | None, dict[str, str]]:
    """What --embedding names, and what is noted of it."""
    from headkit.head.embedding import read_embedding

    if options.embedding is None:
        return None, {}
    if options.head == "headkit":
        raise Stop(USAGE, "--embedding is of a FLAME file; name that with --head")
    path = Path(options.embedding)
    try:
        found = read_embedding(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Stop(
            NO_INPUT,
            f"--embedding {path}: {error.strerror}; check the path, or leave --embedding out: "
            "our mean head then says where the landmarks lie",
        ) from None
    except ValueError as error:
        raise Stop(USAGE, f"--embedding {path}: {error}") from None
    return found, {"embedding": digest[:16]}


def _weights() -> Weights:
    from headkit.backends.landmark_weights import NAME, read_weights

    try:
        return read_weights()
    except OSError as error:
        raise Stop(
            UNAVAILABLE, f"headkit/data/{NAME}: {error.strerror}; install headkit again"
        ) from None
