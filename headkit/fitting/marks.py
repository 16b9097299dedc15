"""Which vertices of a head model the landmarks of a record mark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.fitting.request import VERTICES, Given
from headkit.head.embedding import Embedding, embedded
from headkit.head.landmarks import from_mediapipe
from headkit.head.model import HeadModel

Array = NDArray[np.float64]


class Marks:
    """The landmarks of one head model.

    solved  the model that the vertices are of: it decodes as the one that it was made from, but may have more vertices
    """

    def __init__(self, model: HeadModel, embedding: Embedding | None = None) -> None:
        """Raises ValueError on an embedding of another model."""
        self.solved = model if embedding is None else embedded(model, embedding)
        self.mesh: Embedding | None = None  # of MediaPipe's points
        if embedding is not None and embedding.scheme == "mediapipe478":
            self.mesh = embedding
        self.first = len(model.template)

    def of(self, given: Given) -> tuple[NDArray[np.int32], Array, Array]:
        """Vertices (L,) of given landmarks, their points (L, 2) and deviations (L,), pixels."""
        if given.scheme == VERTICES and given.vertices is not None:
            return given.vertices.astype(np.int32), given.points, given.deviation
        table = np.column_stack([given.points, given.deviation])
        if given.scheme.startswith("mediapipe"):
            if self.mesh is not None:
                known = self.mesh.marks < len(table)  # the irises are among 478 only
                vertices = (self.first + np.flatnonzero(known)).astype(np.int32)
                table = table[self.mesh.marks[known]]
                return vertices, table[:, :2], table[:, 2]
            table = from_mediapipe(table)
        vertices = self.solved.dense[: len(table)]
        return vertices, table[:, :2], table[:, 2]
