"""How well and how fast the solver fits heads: python tests/bench/bench_solver.py [--heads 1000] [--speed | --ladder].

Ladder: random heads over the full circle (pitch and roll up to 30 degrees, views of 10 to 60 degrees, 160 px high),
their landmarks projected and disturbed, and fitted again. Every point counts as seen. Rows below the first are
disturbed in the way they say; `mean head` may turn, shift and open its jaw only; `weak perspective` has a camera
twenty times as far away. Columns: rotation error in degrees (median, 95th percentile), landmark error in
pixels (median), vertices of the skull and face in mm (median of the means, in the head's frame), depth in per cent (median), root
mean square rotation error over what the posterior says, share of the stated 95% intervals that hold the truth
(rotation, translation), share converged.
Speed: heads/s of one process and of two at once, one thread each, and how many times longer
scipy.optimize.least_squares takes for the same problem (same unknowns, residuals, prior and loss, its default
tolerances, a start 5 degrees and 3 per cent off).
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import time

import numpy as np
import torch
from scipy.optimize import least_squares

from headkit.head.camera import camera_rotation, project
from headkit.head.loading import load_head
from headkit.head.model import HeadModel
from headkit.head.restricted import ACTION_SLACK, JAW_DEVIATION, JAW_MEAN, restricted
from headkit.head.rotation import geodesic, rodrigues, rotation_from_euler, rotation_vector
from headkit.head.solver import Fit, Observations, fit

SIDE, HEAD_PX = 512, 160
HEAD = f"{'':34}{'rot':>6}{'p95':>7}{'px':>7}{'mm':>7}{'z %':>6}{'ratio':>7}{'cov R':>7}{'cov t':>7}{'conv':>7}"


@dataclasses.dataclass
class Heads:
    vertices: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    camera: np.ndarray

    def pixels(self, vertices, rotation, translation, focal=None):
        points = vertices @ np.swapaxes(rotation, 1, 2) + translation[:, None]
        camera = self.camera.copy()
        if focal is not None:
            camera[:, 0, 0] = camera[:, 1, 1] = focal
        return np.stack([project(p, k) for p, k in zip(points, camera, strict=True)])


def random_heads(model: HeadModel, count: int, seed: int = 0) -> Heads:
    rng = np.random.default_rng(seed)
    active = rng.random((count, model.n_expression)) < 0.3
    expression = np.where(active, rng.uniform(0, 0.8, active.shape), 0)
    vertices = np.stack(
        [
            model.vertices(rng.normal(size=model.n_shape), row, (abs(rng.normal(0, 0.1)), 0, 0))
            for row in expression
        ]
    )
    focal = SIDE / 2 / np.tan(np.radians(rng.uniform(10, 60, count)) / 2)
    place = rng.uniform(130 - SIDE / 2, SIDE / 2 - 130, (count, 2)) / focal[:, None]
    camera = np.zeros((count, 3, 3))
    camera[:, 0, 0] = camera[:, 1, 1] = focal
    camera[:, :2, 2], camera[:, 2, 2] = SIDE / 2, 1
    depth = (focal * 0.26 / HEAD_PX)[:, None]
    angles = [rng.uniform(-limit, limit, count) for limit in (180, 30, 30)]
    translation = np.concatenate([place, np.ones((count, 1))], axis=1) * depth
    return Heads(vertices, rotation_from_euler(*angles), translation, camera)


def resampled(model: HeadModel, people: int = 60) -> HeadModel:
    """The model whose shape basis is the principal components of a few random people of the given one."""
    draws = np.random.default_rng(7).normal(size=(people, model.n_shape))
    middle = draws.mean(axis=0)
    centred = (draws - middle) / np.sqrt(people - 1)
    flat = model.shape_basis.reshape(model.n_shape, -1)
    left, _, _ = np.linalg.svd(centred @ flat, full_matrices=False)
    mixing = (left.T @ centred)[: people - 1].astype(np.float32)  # new modes in terms of old ones
    count = model.n_shape
    joint = model.jaw_joint_basis
    return dataclasses.replace(
        model,
        name="resampled",
        template=model.vertices(middle),
        shape_basis=(mixing @ flat).reshape(people - 1, -1, 3),
        jaw_joint=(model.jaw_joint + middle @ joint[:count]).astype(np.float32),
        jaw_joint_basis=np.concatenate([mixing @ joint[:count], joint[count:]]),
    )


def disturbed(points, noise, share, rng):
    """Gaussian noise on every coordinate; a share of the points 25 px off in random directions."""
    points = points + rng.normal(size=points.shape) * noise
    wild = rng.random(points.shape[:2]) < share
    angle = rng.uniform(0, 2 * np.pi, points.shape[:2])
    return points + 25 * wild[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=2)


def report(name: str, model: HeadModel, heads: Heads, ids, found: Fit, rotation=None) -> None:
    """One row of the table; `rotation` in place of the fit's own."""
    turn = found.rotation if rotation is None else rotation
    rows = zip(found.shape, found.expression, found.jaw, strict=True)
    vertices = np.stack([model.vertices(*row) for row in rows])
    error = geodesic(turn, heads.rotation)
    seen = heads.pixels(vertices[:, ids], found.rotation, found.translation, found.focal)
    truth = heads.pixels(heads.vertices[:, ids], heads.rotation, heads.translation)
    pixels = np.median(np.linalg.norm(seen - truth, axis=2))
    apart = np.linalg.norm(vertices - heads.vertices, axis=2)[:, model.head_mask].mean(axis=1)
    depth = np.abs(found.translation[:, 2] / heads.translation[:, 2] - 1)
    small = rotation_vector(turn @ np.swapaxes(heads.rotation, 1, 2))
    shift = np.abs(found.translation - heads.translation)
    line = f"{name:34}{np.median(error):6.2f}{np.percentile(error, 95):7.2f}"
    if rotation is None:
        ratio = np.sqrt((small**2).mean() / (found.rotation_deviation**2).mean())
        cover = (np.abs(small) < 1.96 * found.rotation_deviation).mean()
        covers = (shift < 1.96 * found.translation_deviation).mean()
        line += f"{pixels:7.2f}{1e3 * np.median(apart):7.2f}{100 * np.median(depth):6.1f}"
        line += f"{ratio:7.2f}{cover:7.2f}{covers:7.2f}{found.converged.mean():7.3f}"
    print(line, flush=True)


def ladder(count: int) -> None:
    model = load_head()
    heads = random_heads(model, count)
    other = resampled(model)
    for scheme, ids in (("68", model.landmarks68), ("dense", model.dense)):
        print(f"{scheme} points, {count} heads\n{HEAD}")
        exact = heads.pixels(heads.vertices[:, ids], heads.rotation, heads.translation)

        def solve(noise, share=0.0, basis=model, camera=heads.camera, exact=exact, ids=ids, **more):
            rng = np.random.default_rng(3)
            points = disturbed(exact, noise, share, rng)
            deviation = np.full(points.shape[:2], max(noise, 0.1))
            focal = more.pop("focal_deviation", 0.0)
            return fit(basis, Observations(points, deviation, ids, camera, focal), **more)

        for noise in (0, 1, 2.5, 5):
            report(f"noise {noise} px", model, heads, ids, solve(noise))
        for share in (0.1, 0.3):
            name = f"noise 1 px, {share:.0%} outliers of 25 px"
            report(name, model, heads, ids, solve(1, share))
        guess = heads.camera.copy()
        guess[:, :2, :2] *= np.exp(np.random.default_rng(5).normal(0, 0.35, count))[:, None, None]
        report("1 px, focal length wrong", model, heads, ids, solve(1, camera=guess))
        free = solve(1, camera=guess, focal_deviation=0.35)
        report("1 px, focal length free", model, heads, ids, free)
        for noise in (0, 1, 2.5):
            name = f"noise {noise} px, another basis"
            report(name, other, heads, ids, solve(noise, basis=other))
        for noise in (0, 1, 2.5):
            mean = solve(noise, shape_count=0, expression_count=0)
            report(f"noise {noise} px, mean head", model, heads, ids, mean)
        far = heads.camera.copy()
        far[:, :2, :2] *= 20
        far[:, :2, 2] = exact.mean(axis=1)  # as in a crop: its rotation is that of the view
        weak = solve(1, camera=far)
        turned = camera_rotation(weak.rotation, heads.translation)
        report("1 px, weak perspective", model, heads, ids, weak, rotation=turned)
        print()


def problem(points: int, count: int) -> tuple[HeadModel, Heads, np.ndarray, Observations]:
    """Heads with 1 px of noise, seen at 68 or more points."""
    model = load_head()
    heads = random_heads(model, count, seed=1)
    ids = model.landmarks68
    if points != 68:
        rng = np.random.default_rng(2)
        ids = rng.choice(np.flatnonzero(model.head_mask), points, replace=False)
    seen = heads.pixels(heads.vertices[:, ids], heads.rotation, heads.translation)
    seen = disturbed(seen, 1.0, 0.0, np.random.default_rng(4))
    observed = Observations(seen, np.ones(seen.shape[:2]), ids, heads.camera)
    return model, heads, ids, observed


def rate(points: int, count: int, runs: int, start: float) -> tuple[float, float]:
    """Heads per second of wall time and of CPU time of the fastest run; the first one begins at `start`."""
    torch.set_num_threads(1)
    model, _, _, observed = problem(points, count)
    fit(model, observed)
    time.sleep(max(0.0, start - time.time()))
    walls, works = [], []
    for _ in range(runs):
        wall, work = time.perf_counter(), time.process_time()
        fit(model, observed)
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - work)
    return count / min(walls), count / min(works)


def scipy_seconds(points: int, count: int) -> tuple[float, float]:
    """CPU seconds a head of scipy.optimize.least_squares, and its rotation's median distance from ours in degrees."""
    model, heads, ids, observed = problem(points, count)
    ours = fit(model, observed)
    head = restricted(model, ids, None, None, "cpu", torch.float64)
    order = head.order.numpy()
    modes, mean = head.modes.numpy(), head.points.numpy()
    size = len(modes)
    found = []
    start = time.process_time()
    for k in range(count):
        seen, camera = np.asarray(observed.points)[k, order], heads.camera[k]
        about = heads.rotation[k]

        def residual(x, seen=seen, camera=camera, about=about):
            c, jaw, turn, place = np.split(x, [size, size + 3, size + 6])
            points = mean + np.tensordot(c, modes, 1)
            joint = head.jaw_joint.numpy() + c @ head.jaw_joint_modes.numpy()
            moved = (points - joint) @ (rodrigues(jaw) - np.eye(3)).T
            points = points + head.jaw_weights.numpy()[:, None] * moved
            rays = points @ (rodrigues(turn) @ about).T + place
            error = (rays[:, :2] / rays[:, 2:]) * camera[0, 0] + camera[:2, 2] - seen
            prior = (c - head.mean.numpy()) * np.sqrt(head.precision.numpy())
            beyond = (c - np.clip(c, head.lower.numpy(), head.upper.numpy())) / ACTION_SLACK
            jaw_prior = (jaw - JAW_MEAN) / JAW_DEVIATION
            return np.concatenate([error.ravel(), prior, beyond, jaw_prior])

        first = np.concatenate(
            [head.mean.numpy(), np.zeros(3), 0.05 * np.ones(3), heads.translation[k] * 1.03]
        )
        result = least_squares(residual, first, x_scale="jac", loss="huber", f_scale=3.0)
        found.append(rodrigues(result.x[size + 3 : size + 6]) @ about)
    spent = (time.process_time() - start) / count
    return spent, float(np.median(geodesic(np.stack(found), ours.rotation)))


def speed(count: int) -> None:
    print(
        f"{'points':>7}{'heads/s':>10}{'by CPU':>9}{'two procs':>11}{'scipy s':>9}{'ratio':>7}{'apart':>7}"
    )
    for points, heads, slow in ((68, count, 4), (160, count // 2, 3), (445, count // 4, 2)):
        alone, work = rate(points, heads, 3, 0.0)
        context = multiprocessing.get_context("spawn")
        with context.Pool(2) as pool:
            arguments = [(points, heads, 3, time.time() + 20)] * 2
            both = sum(pair[0] for pair in pool.starmap(rate, arguments, chunksize=1))
        seconds, apart = scipy_seconds(points, slow)
        print(
            f"{points:7}{alone:10.0f}{work:9.0f}{both:11.0f}{seconds:9.2f}{seconds * work:7.0f}{apart:7.2f}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--heads", type=int, default=1000)
    parser.add_argument("--speed", action="store_true", help="only how fast")
    parser.add_argument("--ladder", action="store_true", help="only how well")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if not asked.speed:
        ladder(asked.heads)
    if not asked.ladder:
        speed(asked.heads)
