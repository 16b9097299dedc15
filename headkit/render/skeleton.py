"""The pose bones of the human, their degrees of freedom, and from angles to bone transforms.

Frames: the rest pose is canonical (+x the subject's left, +y up, +z out of the face, metres). Every
rotation is about axes of that world-aligned rest frame, so a bone has no roll of its own, and all
angles zero is the rest pose. Only numpy here: `attitudes` samples poses without a compiler.

A degree of freedom turns one bone or is shared along a chain (the spine bends over five bones, so
that no single joint breaks). Ball joints are a swing (two components of a rotation vector, at right
angles to the limb) followed by a twist about the limb: a twisted arm or thigh is one number, with a
limit of its own, and the only singular direction lies behind the opposite shoulder. Elbow, knee and
ankle are hinges. Three length factors (trunk, arms, legs) let a body take limb lengths that its
identity does not have; without them a mismatch of 6 % turns into 20 degrees of lean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bone:
    """A pose bone: its parent's name and the MakeHuman bones whose skin weights it takes.

    The joint (pivot) is the head of the first bone in `sources`; of several finger bones, their mean.
    """

    name: str
    parent: str | None
    sources: tuple[str, ...]


def _side(side: str) -> tuple[Bone, ...]:
    letter = side[0].upper()

    def bone(name: str, parent: str, *sources: str) -> Bone:
        paired = parent if parent in ("spine_5", "pelvis") else f"{parent}_{side}"
        return Bone(f"{name}_{side}", paired, tuple(f"{source}.{letter}" for source in sources))

    return (
        bone("clavicle", "spine_5", "clavicle"),
        bone("shoulder", "clavicle", "shoulder01"),
        bone("upper_arm", "shoulder", "upperarm01"),
        bone("upper_arm_lower", "upper_arm", "upperarm02"),
        bone("forearm", "upper_arm_lower", "lowerarm01"),
        bone("forearm_lower", "forearm", "lowerarm02"),
        bone("hand", "forearm_lower", "wrist"),
        bone("fingers", "hand", *(f"finger{n}-1" for n in (2, 3, 4, 5))),
        bone("fingertips", "fingers", *(f"finger{n}-2" for n in (2, 3, 4, 5))),
        bone("thigh", "pelvis", "upperleg01", "upperleg02"),
        bone("shin", "thigh", "lowerleg01", "lowerleg02"),
        bone("foot", "shin", "foot"),
        bone("toes", "foot", *(f"toe{n}-1" for n in (1, 2, 3, 4, 5))),
    )


# Parents come before their children.
BONES: tuple[Bone, ...] = (
    Bone("pelvis", None, ("root", "pelvis.L", "pelvis.R")),
    Bone("spine_1", "pelvis", ("spine05",)),
    Bone("spine_2", "spine_1", ("spine04",)),
    Bone("spine_3", "spine_2", ("spine03",)),
    Bone("spine_4", "spine_3", ("spine02",)),
    Bone("spine_5", "spine_4", ("spine01",)),
    Bone("neck_1", "spine_5", ("neck01",)),
    Bone("neck_2", "neck_1", ("neck02",)),
    Bone("neck_3", "neck_2", ("neck03",)),
    Bone("head", "neck_3", ("head",)),
    *_side("left"),
    *_side("right"),
)
