"""One posed person as the builders of hair and clothes see it: the body's arrays under short names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.render.look import Look

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Frustum:
    """What a picture shows: `planes` (4, 3) are unit normals, outwards, of the planes through its sides and the camera."""

    planes: NDArray[np.float64]

    @staticmethod
    def of(K: NDArray[np.float64], width: int, height: int) -> Frustum:
        """The frustum of a picture's camera (3, 3), without skew."""
        sides = np.array([
            [-K[0, 0], 0.0, -K[0, 2]], [K[0, 0], 0.0, K[0, 2] - width],
            [0.0, -K[1, 1], -K[1, 2]], [0.0, K[1, 1], K[1, 2] - height],
        ])  # fmt: skip
        return Frustum(sides / np.linalg.norm(sides, axis=1, keepdims=True))

    def misses(self, points: Floats, reach: float) -> bool:
        """Whether all points (N, 3), camera frame, lie more than `reach` metres outside of one side."""
        return bool(((points @ self.planes.T).min(axis=0) > reach).any())


@dataclass(frozen=True)
class Wearer:
    """All vertex arrays have the body's V rows (helpers of clothes included).

    template   mean human, canonical frame: what fields and paint are functions of
    rest       this person before posing, canonical frame
    posed      this person, camera frame
    normals    unit, camera frame
    bones      pose bone name -> (3, 4) from rest to the camera frame
    joints     pose bone name -> pivot in the rest frame
    landmarks  (68, 3) iBUG points of this person, rest frame; `eyes` (2, 3) centres of the eyeballs, left first
    detail     height of the head in pixels: the fewer, the coarser everything is built
    frustum    what the picture shows, where that is known: what lies outside of it is not built
    """

    template: Floats
    rest: Floats
    posed: Floats
    normals: Floats
    bones: Mapping[str, NDArray[np.float64]]
    joints: Mapping[str, NDArray[np.float64]]
    landmarks: Floats
    eyes: Floats
    look: Look
    owner: int
    detail: float
    frustum: Frustum | None = None

    def rng(self, purpose: str) -> np.random.Generator:
        """Seeded from the look's seed and what the numbers are for."""
        digest = hashlib.blake2b(f"{self.look.seed}/{purpose}".encode(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest, "big"))

    def place(self, bone: str, points: Floats) -> Floats:
        """Points (N, 3) of the rest frame moved rigidly with a bone, camera frame."""
        transform = self.bones[bone]
        return (points @ transform[:, :3].T + transform[:, 3]).astype(np.float32)

    def turn(self, bone: str, vectors: Floats) -> Floats:
        """Directions (N, 3) of the rest frame turned with a bone."""
        return (vectors @ self.bones[bone][:, :3].T).astype(np.float32)
