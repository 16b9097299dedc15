"""The faces of pictures as vectors: heads of a record, and heads that are looked for in a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.backends.face_networks import open_face_network
from headkit.faces.alignment import aligned, five_points
from headkit.fitting.request import array, read_landmarks
from headkit.head.landmarks import from_mediapipe
from headkit.image import Pixels
from headkit.tool import Record
from headkit.twins.cosines import Vectors, stored

Array = NDArray[np.float64]
Points = tuple[Array, NDArray[np.bool_]]  # the 68 iBUG landmarks (68, 2), and whether each is seen

_SEEN = 0.5  # probability from which on a point is called visible
_SCHEMES = ("ibug68", "dense", "mediapipe468", "mediapipe478")


class FaceLooker:
    """Finds the points of faces, turns them upright, and embeds them. What is found of a face depends on it alone."""

    def __init__(self, model: str, device: str) -> None:
        """`model` is the file of a face network. Raises Stop as open_face_network does."""
        self.network = open_face_network(model, device)
        self._device = device
        self._finder: Any = None
        self._detector: Any = None

    def of_records(self, looks: Sequence[tuple[Pixels, Sequence[Record]]]) -> list[list[Vectors]]:
        """Of each head of each picture (H, W, 3) its face, (1, D) as twins stores vectors, or (0, D) where none is seen.

        Landmarks of a head are used where it has some, and looked for otherwise. Raises ValueError where a face network
        gives what is no number, or landmarks of a record are none.
        """
        asked = [(pixels, head) for pixels, heads in looks for head in heads]
        points: list[Points | None] = [_given(head) for _, head in asked]
        boxes = [_box(head) for _, head in asked]
        wanted = [
            place for place, box in enumerate(boxes) if points[place] is None and box is not None
        ]
        found = self._find([(asked[place][0], boxes[place]) for place in wanted])
        for place, one in zip(wanted, found, strict=True):
            points[place] = one
        faces = iter(self._embed([(asked[k][0], points[k]) for k in range(len(asked))]))
        return [[next(faces) for _ in heads] for _, heads in looks]

    def in_photo(self, pixels: Pixels) -> Vectors:
        """(n, D) the faces found in a photo (H, W, 3), the one of the largest head first."""
        from headkit.backends.detectors import open_detector
        from headkit.backends.finding import find

        if self._detector is None:
            self._detector = open_detector(None, None, self._device)
        (heads,) = find(self._detector.network, [pixels], self._detector.search)
        boxes = heads.boxes[np.argsort(heads.boxes[:, 1] - heads.boxes[:, 3], kind="stable")]
        points = self._find([(pixels, box.astype(np.float64)) for box in boxes])
        return self.together(self._embed([(pixels, one) for one in points]))

    def together(self, faces: Sequence[Vectors]) -> Vectors:
        """(n, D) of faces (0 or 1, D)."""
        return np.concatenate([np.empty((0, self.network.width), np.float16), *faces])

    def _find(self, heads: Sequence[tuple[Pixels, Any]]) -> list[Points]:
        """The landmarks of heads by their boxes (4,)."""
        if not heads:
            return []
        from headkit.backends.devices import torch_device
        from headkit.backends.landmark_weights import read_weights
        from headkit.backends.landmarks import LandmarkFinder

        if self._finder is None:
            self._finder = LandmarkFinder(read_weights(), torch_device(self._device))
        return [
            (sight.both.points[:68], sight.both.seen[:68] > _SEEN)
            for sight in self._finder.find(heads)
        ]

    def _embed(self, faces: Sequence[tuple[Pixels, Points | None]]) -> list[Vectors]:
        none = np.empty((0, self.network.width), np.float16)
        crops: dict[int, Pixels] = {}
        for place, (pixels, points) in enumerate(faces):
            five = None if points is None else five_points(*points)
            if five is not None:
                try:
                    crops[place] = aligned(pixels, five)
                except ValueError:  # points in one place, or a face that is not in the picture
                    continue
        vectors = stored(self.network.embed(list(crops.values()))) if crops else none
        found = dict(zip(crops, vectors[:, None], strict=True))
        return [found.get(place, none) for place in range(len(faces))]


def _box(head: Record) -> Array | None:
    box = array(head.get("box"), (4,))
    return None if box is None or (box[2:] <= box[:2]).any() else box


def _given(head: Record) -> Points | None:
    """The landmarks that a head has, None where there are none of the 68. Raises ValueError on what is no landmarks."""
    landmarks = head.get("landmarks")
    if not isinstance(landmarks, dict) or landmarks.get("scheme") not in _SCHEMES:
        return None
    # Hidden points have places too, and a face is turned by them: which are seen is asked separately.
    read = read_landmarks({**landmarks, "visible": None}, _box(head))
    if read.scheme.startswith("mediapipe"):
        return from_mediapipe(read.points), np.ones(68, bool)
    visible = landmarks.get("visible")
    seen = np.ones(68, bool)
    if isinstance(visible, str) and len(visible) >= 68:
        seen = np.array([letter == "1" for letter in visible[:68]])
    return read.points[:68], seen
