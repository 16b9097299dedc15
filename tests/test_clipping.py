"""Arms and sleeves pass before and beside the wearer's own head, not through it."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from headkit import attributes
from headkit.render.human.body import load_body
from headkit.render.pose import staging
from headkit.render.scene import Wanted, compose
from headkit.render.surface import Material, Part

BODY = load_body()
SLEEVE = 0.004  # metres that cloth may lie in the head: its mesh is coarser than the skin's
ARM = 0.02  # and flesh, which gives


def skull(rest):
    """Points of the head's skin above the jaw in the frame of the rest body, and their middle."""
    faces = BODY.faces[BODY.face_groups["skin"]]
    head = np.zeros(len(BODY.template), bool)
    head[BODY.head_vertices[BODY.head.head_mask]] = True
    kept = head & (BODY.masks["ears"] < 0.5) & (BODY.masks["inside_mouth"] < 0.5)
    corners = rest.vertices[faces[kept[faces].all(axis=1)]]
    corners = corners[corners[:, :, 1].min(axis=1) > rest.eye_centers[:, 1].mean() - 0.08]
    steps = [(i / 3, j / 3) for i in range(4) for j in range(4 - i)]
    a, b, c = corners.transpose(1, 0, 2)
    points = np.concatenate([a * (1 - u - v) + b * u + c * v for u, v in steps])
    return points, (points.min(axis=0) + points.max(axis=0)) / 2


def depth_in(points, skin, middle):
    """How deep (N,) points lie under the skin, seen from the middle of the head; 0 outside."""
    away = points - middle
    distance = np.linalg.norm(away, axis=1)
    shell = skin - middle
    radius = np.linalg.norm(shell, axis=1)
    apart, nearest = cKDTree(shell / radius[:, None]).query(
        away / np.maximum(distance, 1e-9)[:, None], distance_upper_bound=0.12
    )
    depth = radius[np.minimum(nearest, len(radius) - 1)] - distance
    return np.where(np.isfinite(apart), np.maximum(depth, 0.0), 0.0)


def to_head(keypoints):
    """How near (P,) an arm comes to the middle of the face in the picture, pixels; 256 without either."""
    known = keypoints[:, :, 2] > 0
    seen = known[:, :5, None]
    face = (keypoints[:, :5, :2] * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    least = np.full(len(keypoints), 256.0)
    for elbow, wrist in ((7, 9), (8, 10)):
        for share in (0.0, 0.5, 1.0, 1.3):
            point = (1 - share) * keypoints[:, elbow, :2] + share * keypoints[:, wrist, :2]
            apart = np.linalg.norm(point - face, axis=1)
            told = known[:, elbow] & known[:, wrist] & known[:, :5].any(axis=1)
            least = np.minimum(least, np.where(told, apart, 256.0))
    return least


def people(count, framing, seed, of=1500):
    """Of many sampled people alone in a picture those whose arms come nearest to the head in it."""
    prior = staging.Prior(people=(1, 1), framing=framing, sizes=((256, 256),))
    scenes = staging.draw(prior, seed, 0, of)
    for place, number in enumerate(np.argsort(to_head(scenes.keypoints), kind="stable")[:count]):
        words = {
            "age": int(scenes.age[number]),
            "sex": "male" if scenes.male[number] else "female",
            "clothes": attributes.CLOTHES[place % len(attributes.CLOTHES)],
            "headwear": "none",
        }
        yaw, pitch, roll = scenes.head[number]
        wanted = Wanted(
            scenes.keypoints[number], scenes.boxes[number],
            {"yaw": yaw, "pitch": pitch, "roll": roll}, words, int(number),
        )  # fmt: skip
        yield number, compose([wanted], 256, 256, seed=int(number), place="plain")


@pytest.mark.slow
@pytest.mark.parametrize("framing", ["portrait", "half"])
def test_arms_and_sleeves_do_not_pass_through_the_head(framing):
    deepest = {"sleeve": [], "arm": []}
    for _, scene in people(40, framing, 3):
        person = scene.people[0]
        skin, middle = skull(person.rest)
        turn = person.posed.bone_transforms[BODY.bones.index("head")]
        for surface in scene.surfaces:
            kind = {Material.SKIN: "arm"}.get(
                surface.material, "sleeve" if (surface.parts == Part.CLOTHES).all() else None
            )
            if kind is None:
                continue
            arm = np.abs(surface.rest[:, 0]) > 0.26  # the mean human's arms, off the trunk
            arm &= surface.occlusion > 0.5  # not the inside of a turned-in edge
            used = np.zeros(len(arm), bool)
            used[surface.faces] = True
            points = (surface.vertices[arm & used] - turn[:, 3]) @ turn[:, :3]
            if len(points):
                deepest[kind].append(float(depth_in(points, skin, middle).max()))
    assert len(deepest["arm"]) == 40
    assert max(deepest["sleeve"]) < SLEEVE
    # These are the worst 40 of 1,500; where an arm may end is said by key points, too.
    assert sum(depth > ARM for depth in deepest["arm"]) <= 1
