"""The Levenberg-Marquardt iterations of the solver, on chunks of a fixed number of heads.

Each round takes one step of all heads that are not yet done, in full chunks, so that heads that need many steps do not
hold up those beside them.

The most probable coefficients and depth taken together are not the most probable depth: seen from nearer, the same
coefficients move the points by more pixels, so that smaller ones do, and heads come out too near, by two standard
deviations with 68 exact points. The coefficients are therefore marginalised (Laplace): half the logarithm of the
determinant of their Gauss-Newton matrix is added to the cost. It grows by one per effective coefficient and unit of
log(f / z), and is taken as linear in that. Within an iteration the robust weights' threshold, the points' deviations and the limits in
force are held constant, and a step that does not lower that cost is undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from headkit.head.contour import POINTS as CONTOUR_POINTS
from headkit.head.contour import Contour
from headkit.head.jacobian import Rows, State, Views, jacobian, posed, seen
from headkit.head.restricted import (
    ACTION_SLACK,
    JAW_DEVIATION,
    JAW_LOWER,
    JAW_MEAN,
    JAW_SLACK,
    JAW_UPPER,
    RestrictedHead,
)

HUBER = 3.0  # standard deviations beyond which a point's pull stays the same
REJECT = 6.0  # standard deviations beyond which a point is left out once the rest is fitted
REJECT_SHARE = (
    0.45  # of the points: where more lie so far off, the fit is not what they should be judged by
)
REJECT_ROUNDS = 2
RAYLEIGH_MEDIAN = 1.1774  # of the distance of two Gaussian coordinates
MOST_ITERATIONS = 40
DONE = 0.02  # half the squared length, in standard deviations of the posterior, of a step that is the last
ROUGH_ROUNDS = (
    2  # first rounds, far from the end: their matrices are multiplied in single precision
)
FIRST_DAMPING = 1e-4
LEAST_DAMPING = 1e-9
MOST_DAMPING = 1e6
FACTOR_RETRIES = 8
PROBES = 16
SLIDING_ITERATIONS = (
    12  # after which contour points stay where they are, so that the rest comes to an end
)


@dataclass(frozen=True)
class Priors:
    """Gaussians with soft limits over the unknowns before the pose: (C + 4,) coefficients, jaw, log focal length."""

    mean: Tensor
    precision: Tensor
    lower: Tensor
    upper: Tensor
    slack: Tensor  # precision of the push back from beyond a limit
    free_focal: bool

    @classmethod
    def of(cls, head: RestrictedHead, focal_deviation: float) -> Self:
        new = head.points.new_tensor
        free = focal_deviation > 0
        # A jaw that no point sees stays at rest, as does the focal length of a known camera.
        jaw_precision = [d**-2 for d in JAW_DEVIATION] if head.has_jaw else [1.0] * 3
        jaw_mean = JAW_MEAN if head.has_jaw else (0.0,) * 3
        focal_precision = focal_deviation**-2 if free else 1.0
        limits = float("inf")
        size = head.n_coefficients
        return cls(
            torch.cat([head.mean, new([*jaw_mean, 0.0])]),
            torch.cat([head.precision, new([*jaw_precision, focal_precision])]),
            torch.cat([head.lower, new([*JAW_LOWER, -limits])]),
            torch.cat([head.upper, new([*JAW_UPPER, limits])]),
            new([ACTION_SLACK**-2] * size + [JAW_SLACK**-2] * 3 + [0.0]),
            free,
        )

    def cost(self, value: Tensor) -> Tensor:
        """(B,) minus log of the prior of (B, C + 4) values, up to a constant."""
        beyond = self.beyond(value)
        square = self.precision * (value - self.mean) ** 2 + self.slack * beyond**2
        return 0.5 * square.sum(dim=1)

    def beyond(self, value: Tensor) -> Tensor:
        """How far values lie beyond their limits, signed, 0 inside."""
        return value - torch.minimum(torch.maximum(value, self.lower), self.upper)

    def terms(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient and diagonal of the second derivative, (B, C + 4) each."""
        beyond = self.beyond(value)
        gradient = self.precision * (value - self.mean) + self.slack * beyond
        return gradient, self.precision + self.slack * (beyond != 0)

    def jaw_beyond(self, jaw: Tensor) -> Tensor:
        """(B,) whether the jaw lies clearly beyond its limits."""
        place = slice(-4, -1)
        outside = torch.maximum(jaw - self.upper[place], self.lower[place] - jaw)
        return (outside > JAW_SLACK).any(dim=1)


@dataclass
class Outcome(Rows):
    """What is known of heads beside their state; see solver.Fit. covariance (B, 7, 7): of the last seven unknowns."""

    covariance: Tensor
    residual: Tensor
    outliers: Tensor
    converged: Tensor
    iterations: Tensor

    @classmethod
    def empty(cls, head: RestrictedHead, batch: int) -> Self:
        new = head.points.new_zeros
        return cls(
            torch.full(
                (batch, 7, 7), torch.nan, dtype=head.points.dtype, device=head.points.device
            ),
            new((batch,)),
            new((batch,)),
            torch.zeros(batch, dtype=torch.bool, device=head.points.device),
            torch.zeros(batch, dtype=torch.int64, device=head.points.device),
        )


@dataclass
class Search(Rows):
    """Where the iterations stand.

    damping, iterations done, rounds of rejection (B,); effective (B,) see effective_count; kept (B, L) points;
    slid (B, 17) places of the contour points.
    """

    damping: Tensor
    iterations: Tensor
    effective: Tensor
    rounds: Tensor
    kept: Tensor
    slid: Tensor


def chunks(rows: Tensor, size: int) -> Iterator[Tensor]:
    """`rows` in pieces of exactly `size`, the last filled up with its last row."""
    for place in range(0, len(rows), size):
        part = rows[place : place + size]
        yield torch.cat([part, part[-1:].expand(size - len(part))])


def refine(
    head: RestrictedHead,
    views: Views,
    priors: Priors,
    state: State,
    outcome: Outcome,
    rows: Tensor,
    kept: Tensor,
    size: int,
    contour: Contour | None = None,
) -> None:
    """Iterates the heads `rows` of `state` in place until each is done; `size` at a time.

    kept (B, L): the points to begin with.
    """
    batch = len(views.points)
    search = Search(
        views.points.new_full((batch,), FIRST_DAMPING),
        torch.zeros(batch, dtype=torch.int64, device=rows.device),
        views.points.new_zeros(batch),
        torch.zeros(batch, dtype=torch.int64, device=rows.device),
        kept.clone(),
        torch.zeros((batch, CONTOUR_POINTS), dtype=torch.int64, device=rows.device),
    )
    waiting, rounds = rows, 0
    shape = (size, head.n_points, 2, head.n_unknowns)
    rough = views.points.new_empty(shape, dtype=torch.float32)
    fine = views.points.new_empty(shape)
    while len(waiting):
        room = rough if rounds < ROUGH_ROUNDS else fine
        rounds += 1
        going = []
        for place in range(0, len(waiting), size):
            count = len(waiting[place : place + size])
            part = next(chunks(waiting[place : place + size], size))
            new_state, new_search, result, done = iterate(
                head, views.take(part), priors, state.take(part), search.take(part), contour, room
            )
            state.put(part, new_state)
            search.put(part, new_search)
            finished = torch.nonzero(done)[:, 0]
            outcome.put(part[finished], result.take(finished))
            going.append(part[:count][~done[:count]])
        waiting = torch.cat(going)


def iterate(
    head: RestrictedHead,
    views: Views,
    priors: Priors,
    state: State,
    search: Search,
    contour: Contour | None,
    room: Tensor,
) -> tuple[State, Search, Outcome, Tensor]:
    """One iteration of each head: the new state, and what it came to for those (B,) that are done.

    room: for the Jacobian, whose precision is that of its products; kept, since fresh memory costs more than sums.
    """
    at = posed(head, state)
    pixels, _ = seen(views, state, at.camera)
    slid, unknown = search.slid, head.rest_deviation
    if contour is not None:
        sliding = (search.iterations < SLIDING_ITERATIONS)[:, None]
        slid = torch.where(sliding, contour.slid(views, pixels, at.camera, state.rotation), slid)
        views = contour.applied(views, slid)
        unknown = torch.hypot(unknown, contour.deviation)
    focal = torch.sqrt(torch.linalg.det(views.matrix)) * torch.exp(state.log_focal)
    rest = (focal / state.translation[:, 2])[:, None] * unknown
    inverse = views.inverse_deviation / torch.sqrt(1 + (rest * views.inverse_deviation) ** 2)
    inverse = torch.where(search.kept, inverse, 0.0)
    error = pixels - views.points
    distance = error.norm(dim=2) * inverse
    scale = noise_scale(distance, inverse > 0)
    threshold = HUBER * scale[:, None]
    weight = torch.sqrt((threshold / distance.clamp(min=1e-12)).clamp(max=1.0)) * inverse
    free = priors.free_focal
    rows = jacobian(head, views, state, at, pixels, weight, room, free_focal=free)
    residual = (error * weight[..., None]).reshape(len(rows), -1, 1)
    columns = rows.transpose(1, 2)
    normal = (columns @ rows).to(residual.dtype)
    gradient = (columns @ residual.to(room.dtype))[..., 0].to(residual.dtype)
    value = torch.cat([state.coefficients, state.jaw, state.log_focal[:, None]], dim=1)
    prior_gradient, prior_normal = priors.terms(value)
    size = value.shape[1]
    gradient[:, :size] += prior_gradient
    diagonal = normal.diagonal(dim1=1, dim2=2)
    diagonal[:, :size] += prior_normal

    factor, damping = factored(normal, search.damping)
    effective = search.effective
    first = search.iterations == 0
    if bool(first.any()):
        effective = torch.where(first, effective_count(factor, prior_normal), effective)
    gradient[:, -1] -= effective
    step = -torch.cholesky_solve(gradient[..., None], factor)[..., 0]
    decrement = -0.5 * (gradient * step).sum(dim=1)
    cost = huber(distance, threshold) + priors.cost(value) + effective * log_scale(state)
    candidate = state.moved(step)
    new_pixels, front = seen(views, candidate, posed(head, candidate).camera)
    new_distance = (new_pixels - views.points).norm(dim=2) * inverse
    new_value = torch.cat(
        [candidate.coefficients, candidate.jaw, candidate.log_focal[:, None]], dim=1
    )
    new_cost = (
        huber(new_distance, threshold) + priors.cost(new_value) + effective * log_scale(candidate)
    )
    better = front & (new_cost <= cost)  # false where either is not a number
    new_state = candidate.where(better, state)

    still = (decrement < DONE) & (search.iterations >= ROUGH_ROUNDS)
    iterations = search.iterations + 1
    spent = (iterations >= MOST_ITERATIONS) | (damping > MOST_DAMPING) | ~torch.isfinite(cost)
    new_damping = torch.where(better, (damping * 0.03).clamp(min=LEAST_DAMPING), damping * 10)

    # Where all is still, points that lie far off are left out, and the search goes on without them.
    all_distance = (new_pixels - views.points).norm(dim=2) * views.inverse_deviation
    used = views.inverse_deviation > 0
    far = used & (all_distance > REJECT * scale[:, None])
    share = far.sum(dim=1) / used.sum(dim=1).clamp(min=1)
    kept = ~far
    again = (
        still
        & (share < REJECT_SHARE)
        & (search.rounds < REJECT_ROUNDS)
        & (kept != search.kept).any(dim=1)
    )
    new_search = Search(
        torch.where(again, FIRST_DAMPING, new_damping),
        iterations,
        effective,
        search.rounds + again,
        torch.where(again[:, None], kept, search.kept),
        slid,
    )
    done = (still & ~again) | spent
    weighted = weight**2
    total = weighted.sum(dim=1).clamp(min=1e-30)
    mean_square = (weighted * error.square().sum(dim=2)).sum(dim=1) / total
    inliers = ((distance < threshold) & (inverse > 0)).sum(dim=1)
    # Eight unknowns, so that every matrix begins at a multiple of 64 bytes and all are inverted alike.
    tail = torch.cholesky_inverse(factor[:, -8:, -8:].contiguous())[:, 1:, 1:]
    result = Outcome(
        tail * (scale**2)[:, None, None],
        torch.sqrt(mean_square),
        1 - (inliers / used.sum(dim=1).clamp(min=1)).to(distance.dtype),
        still,
        iterations,
    )
    return new_state, new_search, result, done


def log_scale(state: State) -> Tensor:
    """(B,) logarithm of the pixels per metre at the head's depth, up to a constant."""
    return state.log_focal - torch.log(state.translation[:, 2])


def effective_count(factor: Tensor, prior_normal: Tensor) -> Tensor:
    """(B,) how many unknowns the points decide rather than the prior, of those whose effect in pixels grows with f / z.

    That is the sum of 1 - (prior precision) x (posterior variance) over coefficients and jaw, and the rotation's 3;
    `factor` is the Cholesky factor of the Gauss-Newton matrix, whose last unknown is log depth. The sum is a trace,
    estimated with fixed random signs (Hutchinson 1990): within about one, of fifty.
    """
    count, size = factor.shape[1] - 1, prior_normal.shape[1] - 1
    generator = torch.Generator().manual_seed(0)
    signs = 2.0 * torch.randint(0, 2, (size, PROBES), generator=generator) - 1
    probes = factor.new_zeros((len(factor), count, PROBES))
    probes[:, :size] = torch.sqrt(prior_normal[:, :size, None]) * signs.to(factor)
    half = torch.linalg.solve_triangular(factor[:, :-1, :-1], probes, upper=False)
    return size - half.square().sum(dim=(1, 2)) / PROBES + 3


def huber(distance: Tensor, threshold: Tensor) -> Tensor:
    """(B,) sum over points of Huber's loss of distances in standard deviations."""
    near = torch.minimum(distance, threshold)
    return (near * (distance - 0.5 * near)).sum(dim=1)


def noise_scale(distance: Tensor, used: Tensor) -> Tensor:
    """(B,) by how much points lie farther off than their deviations say: robust, and at least 1."""
    ordered = torch.where(used, distance, torch.inf).sort(dim=1).values
    place = ((used.sum(dim=1) - 1) // 2).clamp(min=0)
    median = ordered.gather(1, place[:, None])[:, 0]
    return torch.nan_to_num(median / RAYLEIGH_MEDIAN, posinf=1.0).clamp(min=1.0)


def factored(normal: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
    """Lower Cholesky factors of the damped matrices, and the damping at which each succeeded; `normal` is changed."""
    diagonal = normal.diagonal(dim1=1, dim2=2)
    undamped = diagonal.clone()
    least = 1e-15 * undamped.amax(dim=1, keepdim=True)
    diagonal += damping[:, None] * undamped + least
    # The transposed view of a symmetric matrix lies in memory as LAPACK wants it.
    factor, info = torch.linalg.cholesky_ex(normal.mT)
    for _ in range(FACTOR_RETRIES):
        failed = info != 0
        if not bool(failed.any()):
            break
        damping = torch.where(failed, damping * 100 + 1e-8, damping)
        diagonal.copy_(undamped + damping[:, None] * undamped + 1e3 * least)
        again, again_info = torch.linalg.cholesky_ex(normal.mT)
        factor = torch.where(failed[:, None, None], again, factor)
        info = torch.where(failed, again_info, info)
    return factor, damping
