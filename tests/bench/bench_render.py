"""How fast one person is drawn: python tests/bench/bench_render.py [--size 512] [--mitsuba].

Prints milliseconds of CPU per stage for a close-up, a portrait and a whole body: the least of several
runs on one thread. --mitsuba draws the same triangles, as many pixels and the same view with Mitsuba 3
(`pip install mitsuba`; variant scalar_rgb, integrator path, 16 samples a pixel) in turns with our own
`draw`, and prints the median of the pairs' ratios of CPU time and how far they spread. A pair is the mean
of five draws and one picture of theirs. Mitsuba's time is that of its render call alone, without the
building of its scene; ours is the whole of `draw`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import fmean, median
from typing import Any, TypeVar

import numpy as np

from headkit.head.camera import intrinsics
from headkit.head.rotation import rotation_from_euler
from headkit.image import encode
from headkit.render import look
from headkit.render.drawing import frame
from headkit.render.human.body import load_body
from headkit.render.shading import background, light, tone
from headkit.render.shading.paint import row
from headkit.render.surface import Surface
from headkit.render.wardrobe.dress import dress
from headkit.render.wardrobe.tailoring import vertex_normals
from headkit.render.wardrobe.wearer import Frustum
from headkit.run import environment

T = TypeVar("T")
RUNS = 7
PAIRS = 5
DRAWS = 5  # of ours in a pair, in a row, as a run draws picture after picture
VIEWS = {"close-up": 0.5, "portrait": 1.0, "whole body": 3.0}  # metres to the head


class Clock:
    """The least CPU time of each named stage, in milliseconds."""

    def __init__(self) -> None:
        self.least: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], T]) -> T:
        start = time.process_time()
        result = work()
        spent = 1e3 * (time.process_time() - start)
        self.least[name] = min(spent, self.least.get(name, np.inf))
        return result


def once(
    clock: Clock, distance: float, size: int, seed: int
) -> tuple[list[Surface], Callable[[], frame.Frame]]:
    """One picture, from a seed to bytes, every stage on the clock: its surfaces, and what draws them again."""
    body, rng = load_body(), np.random.default_rng(seed)
    person = clock.run("look", lambda: look.resolve({"age": 30, "hair": "short"}, rng))
    identity = clock.run(
        "identity",
        lambda: body.identity(
            sex=person.sex, age=person.age, origin=person.words["origin"], rng=rng
        ),
    )
    rest = clock.run(
        "rest",
        lambda: body.rest(
            identity, body.head.expression(**person.expression), person.jaw, gaze=person.gaze
        ),
    )
    rotation = rotation_from_euler(20.0, 5.0, 0.0)
    offset = np.array([0.0, 0.0, distance]) - rotation @ rest.head_translation
    transforms = np.tile(np.column_stack([rotation, offset]), (len(body.bones), 1, 1))
    posed = clock.run("skin", lambda: body.skin(rest, transforms))
    normals = clock.run("normals", lambda: vertex_normals(posed, body.faces))
    K = intrinsics(size, size, 1.2 * size)
    detail = float(K[1, 1]) * 0.24 / distance
    surfaces = clock.run(
        "dress",
        lambda: dress(
            body, rest, posed, normals, transforms, person, 0, detail, Frustum.of(K, size, size)
        ),
    )
    lighting = light.lighting("daylight", rng)
    behind = clock.run(
        "background", lambda: background.background("park", lighting, size, size, rng)
    )
    landmarks = body.template[body.head_vertices[body.head.landmarks68]]
    film = tone.film(lighting.exposure, lighting.warmth, rng)

    def draw() -> frame.Frame:
        return frame.draw(
            surfaces, lighting, behind, K, size, size,
            paint=row(person)[None], landmarks=landmarks, film=film, seed=seed,
        )  # fmt: skip

    made = clock.run("draw", draw)
    clock.run("png", lambda: encode(made.color, "png"))
    return surfaces, draw


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def mitsuba_renderer(surfaces: list[Surface], size: int) -> Callable[[], object]:
    """What renders the same triangles with Mitsuba, all of one principled material."""
    import mitsuba as mi  # type: ignore[import-not-found, unused-ignore]

    mi.set_variant("scalar_rgb")
    up_right = mi.ScalarTransform4f().look_at(origin=[0, 0, 0], target=[0, 0, 1], up=[0, -1, 0])
    scene: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "path"},
        "sensor": {
            "type": "perspective",
            "fov": float(np.degrees(2 * np.arctan(0.5 / 1.2))),
            "to_world": up_right,
            "film": {"type": "hdrfilm", "width": size, "height": size},
            "sampler": {"type": "independent", "sample_count": 16},
        },
        "sky": {"type": "constant", "radiance": {"type": "rgb", "value": 0.4}},
        "sun": {
            "type": "directional",
            "direction": [0.4, 0.8, 0.5],
            "irradiance": {"type": "rgb", "value": 2.0},
        },
    }
    matter = mi.load_dict({"type": "twosided", "nested": {"type": "principled", "roughness": 0.5}})
    for number, surface in enumerate(surfaces):
        mesh = mi.Mesh(f"mesh{number}", len(surface.vertices), len(surface.faces))
        parameters = mi.traverse(mesh)
        parameters["vertex_positions"] = np.ascontiguousarray(surface.vertices, np.float32).ravel()
        parameters["faces"] = np.ascontiguousarray(surface.faces, np.uint32).ravel()
        parameters.update()
        mesh.set_bsdf(matter)
        scene[f"mesh{number}"] = mesh
    loaded = mi.load_dict(scene, parallel=False)
    return lambda: np.array(mi.render(loaded, spp=16))


def compare(draw: Callable[[], object], theirs: Callable[[], object]) -> str:
    """Both in turns, so that a slow moment of the machine meets both; a line about it."""
    draw()
    pairs = [(fmean(seconds(draw) for _ in range(DRAWS)), seconds(theirs)) for _ in range(PAIRS)]
    ratios = sorted(slow / fast for fast, slow in pairs)
    return (
        f"Mitsuba 3 scalar_rgb {median(slow for _, slow in pairs):.2f} s, draw"
        f" {1e3 * median(fast for fast, _ in pairs):.0f} ms of CPU: {median(ratios):.1f} times as fast"
        f" (median of {PAIRS} pairs; {ratios[0]:.1f} to {ratios[-1]:.1f})"
    )


def main() -> None:
    """Prints the tables."""
    environment.tune()  # as every worker does
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--mitsuba", action="store_true")
    options = parser.parse_args()
    for name, distance in VIEWS.items():
        once(Clock(), distance, options.size, 0)  # compiles
        clock = Clock()
        for _ in range(RUNS):
            surfaces, draw = once(clock, distance, options.size, 1)
        whole = sum(clock.least.values())
        stages = "  ".join(f"{stage} {spent:.1f}" for stage, spent in clock.least.items())
        print(f"{name}: {whole:.0f} ms, {2000 / whole:.1f} images/s on two cores")
        print(f"  {sum(len(s.faces) for s in surfaces)} triangles; ms: {stages}")
        if options.mitsuba:
            print(f"  {compare(draw, mitsuba_renderer(surfaces, options.size))}")


if __name__ == "__main__":
    main()
