"""What the renderer draws: triangle surfaces of people, with the material and part of each.

The builders (body, hair, clothes, accessories) make surfaces in the camera frame; raster and shade
read them; labels are read from the part and owner of each pixel. Nothing here knows a file or a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Part(IntEnum):
    """What a pixel shows: the values of the `parts` map. HEAD_PARTS make up a head's silhouette."""

    BACKGROUND = 0
    FACE = 1  # skin of face and skull
    NECK = 2
    EAR = 3
    EYE = 4
    MOUTH = 5  # teeth, tongue, mouth cavity
    LIP = 6
    HAIR = 7
    BEARD = 8
    BROW = 9
    HEADWEAR = 10  # hat, cap, headscarf
    GLASSES = 11
    TORSO = 12  # bare skin of trunk
    ARM = 13
    HAND = 14
    LEG = 15
    FOOT = 16
    CLOTHES = 17
    SHOES = 18


# The head's silhouette and box: skull, face, ears and all that is worn or grows on them; not the neck.
HEAD_PARTS = (
    Part.FACE,
    Part.EAR,
    Part.EYE,
    Part.MOUTH,
    Part.LIP,
    Part.HAIR,
    Part.BEARD,
    Part.BROW,
    Part.HEADWEAR,
    Part.GLASSES,
)


RIB = 0.0056  # metres from rib to rib of KNIT


class Material(IntEnum):
    """How a surface is shaded."""

    SKIN = 0
    EYE = 1
    MOUTH = 2  # cavity, tongue, gums
    TEETH = 3
    HAIR = 4  # scalp hair, beard shells, lashes
    CLOTH = 5
    LENS = 6  # thin, blended over what lies behind; never hides a landmark
    PLASTIC = 7  # frames of glasses, buttons
    SHOE = 8
    KNIT = 9  # ribbed wool


@dataclass(frozen=True)
class Surface:
    """One material's triangles of one person. V vertices, F faces; all float32 unless said.

    vertices  (V, 3) camera frame, metres
    faces     (F, 3) int32, counter-clockwise seen from outside in a right-handed frame
    normals   (V, 3) unit, camera frame, smooth
    rest      (V, 3) position of the vertex on the unposed mean human (canonical frame, metres):
              what is painted (brows, redness, cloth weave) is a function of it, so paint follows the face
    parts     (F,) uint8 Part
    owner     index of the person in the scene
    strand    (V, 4) or None: s, t (strand coordinates), density, threshold. A fragment is drawn where
              noise(floor(s), t) + density - 1 >= threshold, before the depth write: hair, lashes and smooth
              cut lines all come from this one test, so labels take it into account
    occlusion (V,) ambient light that arrives, 0 to 1, baked or by height in the layer
    color     (V, 3) linear albedo, or None where the material paints itself
    uv        (V, 2) or None: direction in the eye's frame for EYE; shares of lip and of the inside of the mouth
              for SKIN; texture coordinates in metres for CLOTH, which then has the owner's pattern, and for KNIT, whose
              ribs run along the second
    two_sided hair, lashes, clothes; one-sided surfaces are culled from behind
    """

    material: Material
    owner: int
    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    rest: np.ndarray
    parts: np.ndarray
    occlusion: np.ndarray
    strand: np.ndarray | None = None
    color: np.ndarray | None = None
    uv: np.ndarray | None = None
    two_sided: bool = False
