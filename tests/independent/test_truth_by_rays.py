"""Boxes and visible landmarks of truth against rays: the small version in every run, 1,000 scenes on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headkit.head.camera import project
from headkit.render.drawing.frame import Frame
from headkit.render.scene import Scene, Wanted, compose, picture
from headkit.render.surface import Material, Part
from headkit.render.truth import head_alone, labels
from headkit.tool import Context
from headkit.tools import pose_sample

from .rays import Scenery, directions, strand_noise  # noqa: TID252 - tests are no installed package

BAND = 2.5  # pixels on either side of an edge that are searched
ACROSS, ALONG = 0.2, 0.05  # pixels between rays


def scenes(
    count: int, seed: int, **options: str
) -> Iterator[tuple[Scene, list[dict[str, Any]], Frame]]:
    asked = pose_sample.Options(**options)  # type: ignore[arg-type]
    for record in pose_sample.draw(asked, Context("pose-sample", Path(), seed, limit=count), [], 0):
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
        frame = picture(scene)
        yield scene, labels(scene, frame), frame


def edges_by_rays(scenery: Scenery, scene: Scene, box: list[float]) -> list[float | None]:
    """left, top, right, bottom: outside of each half a square pixel of head, counted in rays.

    Searched about the edges of `box`; an edge cut at the picture is returned as it is.
    """
    places = project(scenery.vertices, scene.K)
    low, high = np.nanmin(places, axis=0) - 1, np.nanmax(places, axis=0) + 1
    found: list[float | None] = []
    for side in range(4):
        axis, edge = side % 2, box[side]
        if edge <= 0 or edge >= (scene.width, scene.height)[axis]:
            found.append(edge)
            continue
        across = np.arange(edge - BAND, edge + BAND, ACROSS)
        along = np.arange(low[1 - axis], high[1 - axis], ALONG)
        a, b = (values.ravel() for values in np.meshgrid(across, along, indexing="ij"))
        x, y = (a, b) if axis == 0 else (b, a)
        hits = scenery.hits(directions(x, y, scene.K))
        lines = np.unique(hits.ray) // len(along)
        areas = np.bincount(lines, minlength=len(across)) * ALONG * ACROSS
        inwards = slice(None) if side < 2 else slice(None, None, -1)
        enough = across[inwards][np.cumsum(areas[inwards]) >= 0.5]
        found.append(float(enough[0]) if len(enough) else None)
    return found


def agreement(scene: Scene, heads: list[dict[str, Any]]) -> tuple[int, int]:
    """Landmarks inside the picture: how many, and on how many rays and truth agree."""
    scenery = Scenery(scene.surfaces)
    total = agreed = 0
    flesh = (Material.SKIN, Material.MOUTH, Material.TEETH, Material.EYE)
    for owner, head in enumerate(heads):
        person = scene.people[owner]
        model = head_model()
        vertices = model.vertices(person.rest.identity.shape, person.expression, person.jaw)
        points = vertices[model.landmarks68].astype(float) @ person.rotation.T + person.translation
        places = np.array(head["landmarks"]["points"])[:, :2]
        inside = ((places >= 0) & (places < (scene.width, scene.height))).all(axis=1) & (
            points[:, 2] > 0.05
        )
        said = np.array([letter == "1" for letter in head["landmarks"]["visible"]])
        assert not said[~inside].any()
        numbers = np.flatnonzero(inside)
        hits = scenery.hits(points[numbers] / points[numbers, 2:])
        seen = np.ones(len(numbers), bool)
        for ray, surface, depth in zip(hits.ray, hits.surface, hits.depth, strict=True):
            other = scene.surfaces[surface]
            if other.material == Material.LENS:
                continue
            if other.material == Material.HAIR and (other.parts == Part.EYE).all():
                continue  # lashes
            slack = 0.005 if other.owner == owner and other.material in flesh else 0.0005
            if depth < points[numbers[ray], 2] - slack:
                seen[ray] = False
        total += len(numbers)
        agreed += int((seen == said[numbers]).sum())
    return total, agreed


def head_model() -> Any:
    from headkit.render.human.body import load_body

    return load_body().head


def check(count: int, seed: int, **options: str) -> None:
    total = agreed = edges = 0
    worst = 0.0
    wrong: list[str] = []
    for number, (scene, heads, _) in enumerate(scenes(count, seed, **options)):
        one, two = agreement(scene, heads)
        total, agreed = total + one, agreed + two
        for owner, head in enumerate(heads):
            if head.get("ignore") == "outside":
                continue
            found = edges_by_rays(Scenery(head_alone(scene, owner)), scene, head["box"])
            for side, (edge, expected) in enumerate(zip(head["box"], found, strict=True)):
                apart = np.inf if expected is None else abs(edge - expected)
                worst, edges = max(worst, apart), edges + 1
                if apart > 0.5:
                    wrong.append(
                        f"scene {number} head {owner} side {side}: {edge} against {expected}"
                    )
    # Where a lock of long hair ends a tenth of a pixel wide, no two samplings agree on its last pixel.
    assert len(wrong) <= 0.005 * edges, (
        f"{len(wrong)} of {edges} edges, worst {worst}: " + "; ".join(wrong[:8])
    )
    assert edges > 2 * count
    assert total > 20 * count
    assert agreed >= 0.99 * total, f"{agreed} of {total}"


def test_truth_agrees_with_rays_on_a_few_scenes() -> None:
    check(3, seed=11, canvas="160x160,128x192", people="1-3")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_truth_agrees_with_rays_on_a_thousand_scenes() -> None:
    check(1000, seed=12)


def test_noise_written_twice_is_one() -> None:
    """Else the strand test would differ everywhere, and the rays would say little."""
    from headkit.render.drawing import noise

    rng = np.random.default_rng(1)
    s, t = rng.uniform(-9, 9000, 3000), rng.uniform(-9, 90, 3000)
    first = [noise.strand_noise(a, b) for a, b in zip(s, t, strict=True)]
    assert np.abs(strand_noise(s, t) - first).max() < 1e-6
