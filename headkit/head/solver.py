"""From landmarks to the head: a batched, robust Levenberg-Marquardt solver for coefficients, jaw, pose and camera.

It finds the most probable head: reprojection errors in units of their standard deviations under a Huber loss (after
Wood et al. 2022), plus the coefficients' Gaussian prior at its statistical weight. The posterior covariance of the
pose is the inverse of the Gauss-Newton matrix there. Chunks have a fixed shape and every head is solved by itself, so
that a head's numbers do not depend on the heads beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from headkit.head import refinement
from headkit.head.contour import contour as contour_of
from headkit.head.contour import contour_pool
from headkit.head.jacobian import State, Views
from headkit.head.model import HeadModel
from headkit.head.refinement import Outcome, Priors
from headkit.head.restricted import RestrictedHead, restricted
from headkit.head.rigid_start import LEAST_POINTS_OF_POS, SURE_SHARE, RigidStart

Array = NDArray[Any]

LEAST_POINTS = 4  # points, eight numbers, for six unknowns of pose
CHUNK_BYTES = (
    2 << 20
)  # of the Jacobian of a chunk on the CPU: beyond, each is paid for in page faults
CHUNK_BYTES_DEVICE = 1 << 30
RIGID_CHUNK = 64
BACK_COSINE = (
    -0.17
)  # of the angle between the face's axis and the way to the camera: 100 degrees and more
DEPTH_SHARE = 0.15  # of its depth: a standard deviation beyond which the distance of a head is called ambiguous
OUTLIER_SHARE = 0.05  # of the points
CHI_SQUARE_DEVIATIONS = 5.0


@dataclass(frozen=True)
class Observations:
    """L points of B heads.

    points           (B, L, 2) pixels; a point that is not finite is left out
    deviation        (B, L) pixels, standard deviation of each coordinate; inf, nan or <= 0 leaves the point out
    vertex           (L,) vertices of the model, or a landmark scheme's name ("ibug68", "dense")
    K                (B, 3, 3) or (3, 3)
    focal_deviation  standard deviation of the logarithm of the focal length of K; 0 = K is known
    """

    points: ArrayLike
    deviation: ArrayLike
    vertex: ArrayLike | str
    K: ArrayLike
    focal_deviation: float = 0.0


@dataclass(frozen=True)
class Start:
    """Where to begin as well: rotation (B, 3, 3), translation (B, 3) in the camera frame; rows with NaN are not used."""

    rotation: ArrayLike
    translation: ArrayLike


@dataclass(frozen=True)
class Fit:
    """B heads; float64, camera frame, metres, pixels, radians.

    shape (B, S), expression (B, E), jaw (B, 3)
    rotation (B, 3, 3), translation (B, 3): X = R v + t
    focal               (B,) mean of K's two focal lengths, as fitted
    residual_px         (B,) root mean square distance of the points used, weighted as in the fit
    chi_square          (B,) of the coefficients under their prior; `chi_square_degrees` says how many there are
    rotation_deviation  (B, 3) radians, of a perturbation from the left: exp(d) R
    translation_deviation (B, 3) metres
    covariance          (B, 6, 6) of (rotation, translation)
    converged           (B,) bool
    iterations          (B,) int
    flags               per head, of: few_points, diverged, ambiguous_depth, back, outliers, jaw_limit, unlikely_shape
    A head that could not be fitted has converged = False, its start (or NaN), and flags that say why.
    """

    shape: Array
    expression: Array
    jaw: Array
    rotation: Array
    translation: Array
    focal: Array
    residual_px: Array
    chi_square: Array
    chi_square_degrees: int
    rotation_deviation: Array
    translation_deviation: Array
    covariance: Array
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]
    flags: list[list[str]]


def fit(
    model: HeadModel,
    observations: Observations,
    *,
    start: Start | None = None,
    contour: bool = False,
    shape_count: int | None = None,
    expression_count: int | None = None,
    device: str = "cpu",
) -> Fit:
    """The most probable heads behind the observations.

    contour: points 0 to 16 of the 68 (scheme "ibug68") lie on the visible outline of the face, as marked by hand, and
    not at our fixed points of the jaw.
    shape_count, expression_count: at most so many active modes (of the combinations that the points can see, strongest
    first); None: as many as move a point by more than a fraction of a millimetre.
    Raises ValueError on arrays whose shapes do not agree; a head that cannot be fitted only says so in its flags.
    """
    with torch.inference_mode():
        vertices = _vertices(model, observations.vertex)
        dtype = torch.float32 if device.startswith("mps") else torch.float64
        asked = len(vertices)
        if contour:
            if not np.array_equal(vertices, model.landmarks68):
                raise ValueError("contour: needs the 68 points of the scheme 'ibug68'")
            vertices = np.concatenate([vertices, contour_pool(model)])
        head = restricted(model, vertices, shape_count, expression_count, device, dtype)
        views = _views(observations, head, asked, device, dtype)
        enough = (views.inverse_deviation > 0).sum(dim=1) >= LEAST_POINTS
        rows = torch.nonzero(enough)[:, 0]
        state, kept = _starts(head, views, rows, start)
        priors = Priors.of(head, observations.focal_deviation)
        outcome = Outcome.empty(head, len(views.points))
        size = _chunk(head, device, dtype)
        outline = contour_of(model, vertices, head.order, dtype) if contour else None
        refinement.refine(head, views, priors, state, outcome, rows, kept, size, outline)
        return _fit(head, views, priors, state, outcome, enough)


def _chunk(head: RestrictedHead, device: str, dtype: torch.dtype) -> int:
    """How many heads are solved at a time: a power of two that depends on the problem's shape only."""
    size = torch.finfo(dtype).bits // 8
    room = CHUNK_BYTES if device == "cpu" else CHUNK_BYTES_DEVICE
    count = room // (2 * head.n_points * head.n_unknowns * size)
    return 1 << max(3, min(14, int(count).bit_length() - 1))


def _vertices(model: HeadModel, vertex: ArrayLike | str) -> Array:
    if isinstance(vertex, str):
        return model.landmarks(np.arange(len(model.template))[:, None], vertex)[:, 0]
    ids = np.asarray(vertex)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or not len(ids):
        raise ValueError(f"vertex: shape {ids.shape} of {ids.dtype}, must be a list of integers")
    if ids.min() < 0 or ids.max() >= len(model.template):
        raise ValueError(
            f"vertex: {ids.min()} to {ids.max()}, {model.name} has {len(model.template)}"
        )
    return ids


def _views(
    given: Observations, head: RestrictedHead, count: int, device: str, dtype: torch.dtype
) -> Views:
    """The observations of the first `count` points as tensors; what is not finite has inverse deviation 0."""
    points = np.array(given.points, dtype=np.float64)
    deviation = np.asarray(given.deviation, dtype=np.float64)
    if points.ndim != 3 or points.shape[1:] != (count, 2):
        raise ValueError(f"points: shape {points.shape}, must be (B, {count}, 2)")
    batch = len(points)
    if deviation.shape != (batch, count):
        raise ValueError(f"deviation: shape {deviation.shape}, must be {(batch, count)}")
    cameras = np.broadcast_to(np.asarray(given.K, dtype=np.float64), (batch, 3, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / deviation
    used: Array = np.isfinite(points).all(axis=2) & np.isfinite(inverse) & (inverse > 0)
    sane: Array = np.isfinite(cameras).all(axis=(1, 2)) & (np.linalg.det(cameras[:, :2, :2]) > 0)
    used = used & sane.reshape(-1, 1)
    points[np.logical_not(used)] = 0.0
    sound = np.where(used.any(axis=1).reshape(-1, 1, 1), cameras, np.eye(3))

    def tensor(array: Array) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

    def ordered(array: Array) -> Tensor:
        more = [(0, head.n_points - count) if axis == 1 else (0, 0) for axis in range(array.ndim)]
        return tensor(np.pad(array, more))[:, head.order]

    return Views(
        ordered(points - sound[:, None, :2, 2]),
        ordered(np.where(used, inverse, 0.0)),
        tensor(sound[:, :2, :2]),
        tensor(sound[:, :2, 2]),
    )


def _starts(
    head: RestrictedHead, views: Views, rows: Tensor, start: Start | None
) -> tuple[State, Tensor]:
    """The state of every head to begin with, and which points (B, L) to begin with."""
    batch = len(views.points)
    new = views.points.new_zeros
    state = State(
        head.mean.repeat(batch, 1),
        new((batch, 3)),
        new((batch,)),
        torch.eye(3, dtype=head.points.dtype, device=head.points.device).repeat(batch, 1, 1),
        torch.tensor([0.0, 0.0, 1.0]).to(head.points).repeat(batch, 1),
    )
    kept = views.inverse_deviation > 0
    given = None
    if start is not None:
        given = (
            torch.as_tensor(np.array(start.rotation, np.float64)).to(head.points),
            torch.as_tensor(np.array(start.translation, np.float64)).to(head.points),
        )
    unsure = torch.zeros(batch, dtype=torch.bool, device=head.points.device)
    for part in refinement.chunks(rows, RIGID_CHUNK):
        problem = _rigid(head, views.take(part))
        found = problem.solve()
        if given is not None:
            found = problem.with_start(*problem.to_view(given[0][part], given[1][part]), found)
        near = problem.near(found[0], found[1])
        state.rotation[part], state.translation[part] = problem.to_camera(found[0], found[1])
        kept[part] = near
        sure = (near & (problem.inverse > 0)).sum(dim=1) >= SURE_SHARE * problem.count
        unsure[part] = ~sure | (problem.count < LEAST_POINTS_OF_POS)
    for part in refinement.chunks(torch.nonzero(unsure)[:, 0], RIGID_CHUNK):
        problem = _rigid(head, views.take(part))
        own = problem.to_view(state.rotation[part], state.translation[part])
        found = problem.with_start(*own, problem.search())
        kept[part] = problem.near(found[0], found[1])
        state.rotation[part], state.translation[part] = problem.to_camera(found[0], found[1])
    return state, kept


def _rigid(head: RestrictedHead, views: Views) -> RigidStart:
    """The rigid problem behind views: image points become rays by the inverse of K."""
    a, b, c, d = views.matrix.reshape(-1, 4).unbind(dim=1)
    determinant = a * d - b * c
    inverse = torch.stack([d, -b, -c, a], dim=1).reshape(-1, 2, 2) / determinant[:, None, None]
    rays = views.points @ inverse.transpose(1, 2)
    focal = torch.sqrt(determinant)
    return RigidStart(head.points, head.spread, rays, views.inverse_deviation * focal[:, None])


def _fit(
    head: RestrictedHead,
    views: Views,
    priors: Priors,
    state: State,
    outcome: Outcome,
    enough: Tensor,
) -> Fit:
    """What is told about the heads, on the CPU."""

    def array(tensor: Tensor) -> Array:
        return tensor.to("cpu", torch.float64).numpy()

    translation = array(state.translation)
    change = array(state.pose_by_unknowns(free_focal=priors.free_focal))
    covariance = _product(_product(change, array(outcome.covariance)), change.transpose(0, 2, 1))
    deviation = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))
    lifted = [_lifted(state.coefficients, lift) for lift in (head.shape_lift, head.expression_lift)]
    focal = np.exp(array(state.log_focal)) * array(views.matrix.diagonal(dim1=1, dim2=2)).mean(
        axis=1
    )
    result = {
        "shape": array(lifted[0]),
        "expression": array(lifted[1]),
        "jaw": array(state.jaw),
        "rotation": array(state.rotation),
        "translation": translation,
    }
    failed = ~(array(enough) > 0)
    for value in result.values():
        value[failed] = np.nan
    degrees = int((head.shape_lift.abs().sum(dim=0) > 0).sum())
    degrees += int((head.expression_lift.abs().sum(dim=0) > 0).sum())
    chi_square = array(((state.coefficients - head.mean) ** 2 * head.precision).sum(dim=1))
    converged = array(outcome.converged) > 0
    flags = _flags(
        few_points=failed,
        diverged=~converged & ~failed,
        ambiguous_depth=(priors.free_focal | (deviation[:, 5] > DEPTH_SHARE * translation[:, 2]))
        & ~failed,
        back=(_facing(result["rotation"], translation) < BACK_COSINE) & ~failed,
        outliers=(array(outcome.outliers) > OUTLIER_SHARE) & ~failed,
        jaw_limit=array(priors.jaw_beyond(state.jaw)) > 0,
        unlikely_shape=(chi_square > degrees + CHI_SQUARE_DEVIATIONS * np.sqrt(2 * degrees))
        & ~failed,
    )
    return Fit(
        **result,
        focal=np.where(failed, np.nan, focal),
        residual_px=np.where(failed, np.nan, array(outcome.residual)),
        chi_square=np.where(failed, np.nan, chi_square),
        chi_square_degrees=degrees,
        rotation_deviation=deviation[:, :3],
        translation_deviation=deviation[:, 3:],
        covariance=covariance,
        converged=converged,
        iterations=outcome.iterations.cpu().numpy(),
        flags=flags,
    )


def _lifted(coefficients: Tensor, lift: Tensor) -> Tensor:
    """(B, M) coefficients of the model from active ones (B, C); head by head, so that no head changes another's bits."""
    return torch.bmm(coefficients[:, None], lift.T.expand(len(coefficients), -1, -1))[:, 0]


def _product(first: Array, second: Array) -> Array:
    """(B, I, K) matrix products, summed in order: what BLAS does depends on where a matrix lies in memory."""
    out = np.zeros((len(first), first.shape[1], second.shape[2]))
    for j in range(first.shape[2]):
        out += first[:, :, j, None] * second[:, j, None, :]
    return out


def _facing(rotation: Array, translation: Array) -> Array:
    """(B,) cosine between the face's axis and the way from the head to the camera."""
    way = -translation / np.linalg.norm(translation, axis=1, keepdims=True)
    return (rotation[:, :, 2] * way).sum(axis=1)


def _flags(**words: Array) -> list[list[str]]:
    """Per head the words that hold for it."""
    count = len(next(iter(words.values())))
    return [[word for word, holds in words.items() if holds[k]] for k in range(count)]
