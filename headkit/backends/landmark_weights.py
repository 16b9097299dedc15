"""The file of the landmark network: read without loading what runs it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources

NAME = "landmarks.safetensors"


@dataclass(frozen=True)
class Calibration:
    """Factors found on held-out renders.

    deviation    on what the network states for a point, so that 95% intervals of points hold 95%
    correlation  on the deviations that a fit is told beyond that: errors of neighbouring points agree, so that many
                 points say less than as many independent ones
    doubt        on the deviations of rotation and translation that come out, so that 95% intervals hold 95%: errors
                 that all points of a head share turn and move it, and no residual shows them
    """

    deviation: float = 1.0
    correlation: float = 1.0
    doubt: float = 1.0


@dataclass(frozen=True, eq=False)
class Weights:
    """The bytes of a safetensors file, their digest, and what its metadata say.

    size  side of the crops that the network was trained on, pixels
    """

    data: bytes
    sha256: str
    size: int
    calibration: Calibration


def read_weights() -> Weights:
    """The weights that come with the package. OSError passes where they are missing."""
    return weights_in((resources.files("headkit") / "data" / NAME).read_bytes())


def weights_in(data: bytes) -> Weights:
    """The weights in the bytes of a safetensors file: the length of its head in 8 bytes, then JSON, then numbers."""
    length = int.from_bytes(data[:8], "little")
    kept = json.loads(data[8 : 8 + length])["__metadata__"]
    calibration = Calibration(**json.loads(kept.get("calibration", "{}")))
    return Weights(data, hashlib.sha256(data).hexdigest(), int(kept["size"]), calibration)
