"""Boxes and visible landmarks of truth against rays: the small version in every run, 1,000 scenes on request."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headkit.render.drawing.frame import Frame
from headkit.render.scene import Scene, Wanted, compose, picture
from headkit.render.surface import Material, Part, Surface
from headkit.render.truth import head_alone, labels
from headkit.tool import Context
from headkit.tools import pose_sample

from .edges import edge  # noqa: TID252 - tests are no installed package
from .rays import NEAR, Scenery, strand_noise  # noqa: TID252

ALLOWED = 0.5  # pixels between an edge of truth and that of the rays
SEED = 12  # of the thousand scenes
FLESH = (Material.SKIN, Material.MOUTH, Material.TEETH, Material.EYE)


def scenes(
    first: int, count: int, seed: int, **options: str
) -> Iterator[tuple[Scene, list[dict[str, Any]]]]:
    """Sampled scenes and the labels of their heads.

    No picture is drawn: boxes and landmarks come from the surfaces alone.
    """
    asked = pose_sample.Options(**options)  # type: ignore[arg-type]
    context = Context("pose-sample", Path(), seed, limit=first + count)
    for record in islice(pose_sample.draw(asked, context, [], 0), first, None):
        people = [
            Wanted(
                np.array(pose["keypoints"]), pose["box"], pose["head"], pose["attributes"], number
            )
            for number, pose in enumerate(record["poses"])
            if any(point[2] > 0 for point in pose["keypoints"])
        ]
        scene = compose(
            people,
            record["width"],
            record["height"],
            seed=record["source"]["index"],
            K=np.array(record["camera"]["K"]),
            up=np.array(record["camera"]["up"]),
        )
        yield scene, labels(scene, blank(scene.width, scene.height))


@lru_cache
def blank(width: int, height: int) -> Frame:
    """A picture of nobody, so that every head is hidden in it; that is not what is checked here."""
    place = np.zeros((height, width, 3), np.uint8)
    return picture(compose([], width, height, seed=0, place=place), shaded=False)


@dataclass
class Tally:
    """What a number of scenes came to."""

    scenes: int = 0
    edges: int = 0
    worst: float = 0.0  # pixels
    wrong: list[str] = field(default_factory=list)
    landmarks: int = 0
    agreed: int = 0
    unmeasured: int = 0  # heads that reach the camera

    def add(self, other: Tally) -> None:
        """Put another tally to this one."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, max(mine, theirs) if one.name == "worst" else mine + theirs)

    def __str__(self) -> str:
        return (
            f"{self.scenes} scenes: {self.edges} edges, worst {self.worst:.3f} px, "
            f"{len(self.wrong)} beyond {ALLOWED}; {self.agreed} of {self.landmarks} landmarks agree; "
            f"{self.unmeasured} heads at the camera"
        )


def check_scene(number: int, scene: Scene, heads: list[dict[str, Any]]) -> Tally:
    """One scene against rays."""
    tally = Tally(scenes=1)
    scenery = Scenery(scene.surfaces, scene.K)
    for owner, head in enumerate(heads):
        _check_landmarks(tally, scenery, scene, owner, head)
        if head.get("ignore") != "outside":
            _check_box(tally, f"scene {number} head {owner}", scene, owner, head["box"])
    return tally


def _check_box(tally: Tally, name: str, scene: Scene, owner: int, box: list[float]) -> None:
    alone = Scenery(head_alone(scene, owner), scene.K)
    measured = [edge(alone, side) for side in range(4)]
    if any(one is not None and np.isnan(one) for one in measured):
        tally.unmeasured += 1
        return
    for side, (said, found) in enumerate(zip(box, measured, strict=True)):
        limit = (scene.width, scene.height)[side % 2]
        apart = np.inf if found is None else abs(said - min(max(found, 0.0), limit))
        tally.worst, tally.edges = max(tally.worst, apart), tally.edges + 1
        if apart > ALLOWED:
            tally.wrong.append(f"{name} side {side}: {said:.2f}, by rays {found}")


def _check_landmarks(
    tally: Tally, scenery: Scenery, scene: Scene, owner: int, head: dict[str, Any]
) -> None:
    person = scene.people[owner]
    model = head_model()
    vertices = model.vertices(person.rest.identity.shape, person.expression, person.jaw)
    points = vertices[model.landmarks68].astype(float) @ person.rotation.T + person.translation
    places = np.array(head["landmarks"]["points"])[:, :2]
    size = (scene.width, scene.height)
    inside = ((places >= 0) & (places < size)).all(axis=1) & (points[:, 2] > NEAR)
    said = np.array([letter == "1" for letter in head["landmarks"]["visible"]])
    assert not said[~inside].any()
    if not inside.any():
        return
    own, away = places[inside], points[inside, 2]
    hits = scenery.hits(own[:, 0], own[:, 1])
    hiding = np.array([_slack(surface, owner) for surface in scene.surfaces])[hits.surface]
    seen = np.ones(len(own), bool)
    seen[hits.ray[hits.depth < away[hits.ray] - hiding]] = False
    tally.landmarks += len(own)
    tally.agreed += int((seen == said[inside]).sum())


def _slack(surface: Surface, owner: int) -> float:
    """Metres that a surface must lie before a landmark of `owner` to hide it; infinite where it never does."""
    if surface.material == Material.LENS:
        return np.inf
    if surface.material == Material.HAIR and (surface.parts == Part.EYE).all():
        return np.inf  # lashes
    return 0.005 if surface.owner == owner and surface.material in FLESH else 0.0005


def head_model() -> Any:
    from headkit.render.human.body import load_body

    return load_body().head


def check(first: int, count: int, seed: int, **options: str) -> Tally:
    """Scenes first to first + count - 1 of a seed against rays."""
    tally = Tally()
    for number, (scene, heads) in enumerate(scenes(first, count, seed, **options), first):
        tally.add(check_scene(number, scene, heads))
    return tally


def judge(tally: Tally) -> None:
    """What the labels must keep to: every edge, and 99% of the landmarks."""
    assert not tally.wrong, f"{tally}: " + "; ".join(tally.wrong[:8])
    assert tally.edges > 2 * tally.scenes
    assert tally.landmarks > 20 * tally.scenes
    assert tally.agreed >= 0.99 * tally.landmarks, str(tally)


def test_truth_agrees_with_rays_on_a_few_scenes() -> None:
    judge(check(0, 3, seed=11, canvas="160x160,128x192", people="1-3"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("hundred", range(10))
def test_truth_agrees_with_rays_on_a_hundred_scenes(hundred: int) -> None:
    judge(check(100 * hundred, 100, SEED))


def test_noise_written_twice_is_one() -> None:
    """Else the strand test would differ everywhere, and the rays would say little."""
    from headkit.render.drawing import noise

    rng = np.random.default_rng(1)
    s, t = rng.uniform(-9, 9000, 3000), rng.uniform(-9, 90, 3000)
    first = [noise.strand_noise(a, b) for a, b in zip(s, t, strict=True)]
    assert np.abs(strand_noise(s, t) - first).max() < 1e-6


def main() -> int:
    """python -m tests.independent.test_truth_by_rays FIRST END: a line for every hundred, 1 where one fails."""
    first, end = (int(word) for word in sys.argv[1:])
    failed = False
    for start in range(first, end, 100):
        began = time.monotonic()
        tally = check(start, min(100, end - start), SEED)
        seconds = (time.monotonic() - began) / tally.scenes
        print(
            f"from {start}, {tally}, {seconds:.2f} s a scene", *tally.wrong, sep="\n  ", flush=True
        )
        failed |= bool(tally.wrong) or tally.agreed < 0.99 * tally.landmarks
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
