"""From the landmarks of heads in pictures to fitted heads: cameras that are not known, and doubts of the mirror.

The solver knows neither pictures nor mirrors. Here the heads of a picture share a camera: where it is not known, each
head first says what focal length suits it, and all are fitted again with the median. And heads whose landmarks were
looked for in the mirror too are fitted to both separately: a head of which nothing is seen that tells left from right,
or front from back, comes out differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.fitting.request import Camera
from headkit.head.camera import view_rotation
from headkit.head.model import HeadModel
from headkit.head.rotation import euler_from_rotation, geodesic
from headkit.head.solver import Fit, Observations, fit

Array = NDArray[np.float64]

FOCAL_DEVIATION = 0.35  # standard deviation of the logarithm of a guessed focal length
DISAGREES = 20.0  # degrees between the fits of a head and of its mirror image, from which on they are told apart
FAILED = ("few_points", "diverged")
SIDE_MODES = (
    20,
    8,
)  # of shape and expression where two sides are compared: enough for a pose, in a third of the time


@dataclass(frozen=True, eq=False)
class Points:
    """Landmarks of a head: points (L, 2) pixels and deviation (L,) pixels; a point with NaN is not known."""

    points: Array
    deviation: Array


@dataclass(frozen=True, eq=False)
class Asked:
    """A head to fit.

    picture   number of the picture it is in
    vertices  (L,) vertices of the head model
    points    of them; `sides` are the same found in the picture as it is, and in its mirror, where that was done
    contour   the vertices are the 68, and points 0 to 16 lie on the visible outline
    doubt     factor on the deviations of rotation and translation, for errors that all points share
    """

    picture: int
    vertices: NDArray[np.int32]
    points: Points
    sides: tuple[Points, Points] | None = None
    contour: bool = False
    doubt: float = 1.0


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head: arrays as in solver.Fit, of one head; angles in degrees. `mirror` is NaN where it was not looked for.

    mirror  degrees between the fits of the head as it is and in the mirror
    """

    shape: Array
    expression: Array
    jaw: Array
    rotation: Array
    translation: Array
    residual_px: float
    rotation_deviation: Array
    translation_deviation: Array
    converged: bool
    flags: list[str]
    mirror: float = np.nan
    view: Array = field(init=False)
    angles: Array = field(init=False)

    def __post_init__(self) -> None:
        view = view_rotation(self.rotation, self.translation) if self.sound else np.eye(3)
        object.__setattr__(self, "view", view)
        object.__setattr__(self, "angles", euler_from_rotation(view))

    @property
    def sound(self) -> bool:
        """Whether there is a head at all."""
        numbers = (self.shape, self.expression, self.jaw, self.rotation, self.translation)
        finite = all(np.isfinite(value).all() for value in numbers)
        return bool(finite and not set(FAILED) & set(self.flags))


def fit_heads(
    model: HeadModel, asked: Sequence[Asked], cameras: Sequence[Camera], device: str = "cpu"
) -> tuple[list[Fitted], list[Camera]]:
    """Each head fitted, and the cameras of the pictures: as given, or with the focal length that suits their heads."""
    fitted: list[Fitted | None] = [None] * len(asked)
    used = list(cameras)
    for rows in _alike(asked):
        known = [row for row in rows if cameras[asked[row].picture].known]
        guessed = [row for row in rows if not cameras[asked[row].picture].known]
        for row, one in zip(known, _solved(model, asked, known, cameras, 0.0, device), strict=True):
            fitted[row] = one[0]
        free = _solved(model, asked, guessed, cameras, FOCAL_DEVIATION, device)
        _agree_on_focal(used, [asked[row].picture for row in guessed], [one[1] for one in free])
        fixed = _solved(model, asked, guessed, used, 0.0, device)
        for row, loose, firm in zip(guessed, free, fixed, strict=True):
            fitted[row] = _with_doubt(firm[0], loose[0])
        _look_in_the_mirror(model, asked, rows, used, fitted, device)
    return [one for one in fitted if one is not None], used


def _alike(asked: Sequence[Asked]) -> list[list[int]]:
    """Rows of `asked` with the same vertices: the solver takes such together."""
    groups: dict[tuple[bytes, bool], list[int]] = {}
    for row, one in enumerate(asked):
        groups.setdefault((one.vertices.tobytes(), one.contour), []).append(row)
    return list(groups.values())


def _solved(
    model: HeadModel,
    asked: Sequence[Asked],
    rows: list[int],
    cameras: Sequence[Camera],
    focal_deviation: float,
    device: str,
    side: int | None = None,
) -> list[tuple[Fitted, float]]:
    """Heads and the focal lengths that suit them."""
    if not rows:
        return []
    chosen = [asked[row] for row in rows]
    points = [
        one.points if side is None or one.sides is None else one.sides[side] for one in chosen
    ]
    observations = Observations(
        np.stack([one.points for one in points]),
        np.stack([one.deviation for one in points]),
        "ibug68" if chosen[0].contour else chosen[0].vertices,
        np.stack([cameras[one.picture].K for one in chosen]),
        focal_deviation,
    )
    shape, expression = (None, None) if side is None else SIDE_MODES
    done = fit(
        model,
        observations,
        shape_count=shape,
        expression_count=expression,
        device=device,
        contour=chosen[0].contour,
    )
    return [
        (_one(done, number, one.doubt), float(done.focal[number]))
        for number, one in enumerate(chosen)
    ]


def _one(done: Fit, number: int, doubt: float) -> Fitted:
    return Fitted(
        shape=done.shape[number],
        expression=done.expression[number],
        jaw=done.jaw[number],
        rotation=done.rotation[number],
        translation=done.translation[number],
        residual_px=float(done.residual_px[number]),
        rotation_deviation=np.rad2deg(done.rotation_deviation[number]) * doubt,
        translation_deviation=done.translation_deviation[number] * doubt,
        converged=bool(done.converged[number]),
        flags=list(done.flags[number]),
    )


def _agree_on_focal(cameras: list[Camera], pictures: list[int], focal: list[float]) -> None:
    """Give each guessed camera the median focal length of its heads."""
    for picture in set(pictures):
        found = [f for p, f in zip(pictures, focal, strict=True) if p == picture and np.isfinite(f)]
        if found:
            camera = cameras[picture]
            K = camera.K.copy()
            K[0, 0] = K[1, 1] = np.exp(np.median(np.log(found)))
            cameras[picture] = replace(camera, K=K)


def _with_doubt(firm: Fitted, loose: Fitted) -> Fitted:
    """A head fitted with the camera that was agreed on, with the deviations of the fit that left it open."""
    if not (firm.sound and loose.sound):
        return firm
    return replace(
        firm,
        rotation_deviation=np.maximum(firm.rotation_deviation, loose.rotation_deviation),
        translation_deviation=np.maximum(firm.translation_deviation, loose.translation_deviation),
        flags=list(dict.fromkeys([*firm.flags, "ambiguous_depth"])),
    )


def _look_in_the_mirror(
    model: HeadModel,
    asked: Sequence[Asked],
    rows: list[int],
    cameras: Sequence[Camera],
    fitted: list[Fitted | None],
    device: str,
) -> None:
    """Set `mirror`, and the flag where the two sides disagree."""
    both = [row for row in rows if asked[row].sides is not None]
    sides: list[list[Any]] = [
        _solved(model, asked, both, cameras, 0.0, device, side) for side in (0, 1)
    ]
    for row, (plain, _), (mirrored, _) in zip(both, *sides, strict=True):
        one = fitted[row]
        if one is not None and plain.sound and mirrored.sound:
            apart = float(geodesic(plain.rotation, mirrored.rotation))
            flags = [*one.flags, "mirror_disagrees"] if apart > DISAGREES else one.flags
            fitted[row] = replace(one, mirror=apart, flags=flags)
