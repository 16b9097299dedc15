"""Which of MediaPipe's 478 face landmarks lie where the 68 of iBUG do.

Face Mesh (Kartynnik et al. 2019; 468 points, and 10 of the irises) is a mesh of the face with fixed meaning. Its points
along the edge of the face are taken for 0 to 16: both lie on the jaw as such, not on the visible contour.
"""

from __future__ import annotations

from typing import Final

COUNTS: Final = (468, 478)  # without and with the irises

# fmt: off
IBUG68: Final[tuple[int, ...]] = (
    127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lip
    78, 82, 13, 312, 308, 317, 14, 87,  # inner lip
)
# fmt: on
