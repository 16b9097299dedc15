"""What people wear and what grows on them: every word of the vocabulary on babies, adults and the old."""

import hashlib
import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import cKDTree

from headkit import attributes
from headkit.head.rotation import rodrigues
from headkit.render import look
from headkit.render.drawing import coverage, raster, samples, silhouette
from headkit.render.drawing.mesh import pack
from headkit.render.human.body import load_body
from headkit.render.shading import face_paint
from headkit.render.surface import HEAD_PARTS, Material, Part
from headkit.render.wardrobe import bends, cut_lines, dress, scalp, suit
from headkit.render.wardrobe.scarf import face_opening
from headkit.render.wardrobe.tailoring import Piece, loop_subdivision, vertex_normals
from headkit.render.wardrobe.wearer import Frustum, Wearer

BODY = load_body()
SIZE = 160
AGES = {"baby": 1, "adult": 30, "old": 82}
POSES = {
    "rest": {},
    "arms up": {"upper_arm_left": (0, 0, 2.2), "upper_arm_right": (0, 0, -2.2)},
    "crouch": {
        "thigh_left": (-1.9, 0, 0.2), "thigh_right": (-1.9, 0, -0.2), "shin_left": (2.1, 0, 0),
        "shin_right": (2.1, 0, 0), "spine_3": (0.6, 0, 0), "head": (0.3, 0.5, 0.1),
    },
}  # fmt: skip


@dataclass
class Person:
    look: look.Look
    rest: object
    bones: np.ndarray
    posed: np.ndarray
    normals: np.ndarray
    surfaces: list

    def parts(self, *parts):
        """Vertices that faces of these parts use, camera frame."""
        found = [s.vertices[np.unique(s.faces[np.isin(s.parts, parts)])] for s in self.surfaces]
        return np.concatenate(found)


def pose_bones(rest, pose, turn, distance):
    """Bone transforms: the pose, turned by `turn` degrees, the head before the camera."""
    moved = []
    for number, name in enumerate(BODY.bones):
        own, joint = np.eye(4), rest.joints[number]
        own[:3, :3] = rodrigues(np.array(pose.get(name, (0, 0, 0)), float))
        own[:3, 3] = joint - own[:3, :3] @ joint
        parent = BODY.parents[number]
        moved.append(own if parent < 0 else moved[parent] @ own)
    head = BODY.bones.index("head")
    camera = np.eye(4)
    camera[:3, :3] = np.diag([1, -1, -1]) @ rodrigues(np.array([0, np.radians(turn), 0]))
    place = (moved[head] @ np.append(rest.joints[head], 1))[:3]
    camera[:3, 3] = [0, 0, distance] - camera[:3, :3] @ place
    return np.stack([(camera @ transform)[:3] for transform in moved])


def person(given, seed=0, pose=None, turn=0.0, detail=200.0, distance=1.4, change=None):
    rng = np.random.default_rng(seed)
    drawn = look.resolve(given, rng)
    if change:
        drawn = change(drawn)
    identity = BODY.identity(
        sex=drawn.sex, age=drawn.age, origin=dict(drawn.origin), rng=rng, weight=drawn.weight
    )
    rest = BODY.rest(identity)
    bones = pose_bones(rest, pose or {}, turn, distance)
    posed = BODY.skin(rest, bones)
    normals = vertex_normals(posed, BODY.faces)
    surfaces = dress.dress(BODY, rest, posed, normals, bones, drawn, 0, detail)
    return Person(drawn, rest, bones, posed, normals, surfaces)


def plain(age="adult", **given):
    words = {
        "sex": "male", "age": AGES.get(age, age), "headwear": "none", "glasses": "none",
        "beard": "none", "hair": "short", "clothes": "t-shirt", "expression": "neutral",
    }  # fmt: skip
    return words | given


def check(surface):
    count = len(surface.vertices)
    assert surface.faces.dtype == np.int32
    assert surface.parts.dtype == np.uint8
    assert len(surface.parts) == len(surface.faces) > 0
    assert surface.faces.min() >= 0
    assert surface.faces.max() < count
    for name in ("vertices", "normals", "rest", "occlusion", "strand", "color", "uv"):
        values = getattr(surface, name)
        if values is not None:
            assert len(values) == count, name
            assert values.dtype == np.float32, name
            assert np.isfinite(values).all(), name
    lengths = np.linalg.norm(surface.normals, axis=1)
    used = np.unique(surface.faces)
    assert np.abs(lengths[used] - 1).max() < 1e-3
    if surface.strand is not None:
        strand = surface.strand[used]
        assert (strand[:, 0] >= -1).all()
        assert (strand[:, 3] <= 1).all()
    assert surface.occlusion.min() >= 0
    assert surface.occlusion.max() <= 1
    tubes = surface.parts[0] == Part.HEADWEAR or surface.material == Material.PLASTIC
    if not tubes and surface.material != Material.LENS:  # wires and tapes shade as what they lie on
        assert against(surface) < (
            0.25 if surface.material == Material.HAIR else 0.08
        )  # coils turn


def against(surface):
    """Share of a surface's area that is wound against its normals."""
    a, b, c = np.moveaxis(surface.vertices[surface.faces].astype(float), 1, 0)
    doubled = np.cross(b - a, c - a)
    area = np.linalg.norm(doubled, axis=1)
    wrong = (doubled * surface.normals[surface.faces].sum(axis=1)).sum(axis=1) < 0
    return area[wrong].sum() / area.sum()


def dense_skull(rest):
    """Points of the head's skin, no two neighbours more than some 6 mm apart."""
    inside = np.zeros(len(rest.vertices), bool)
    inside[BODY.head_vertices[BODY.head.faces[BODY.head.parts != Part.NECK]]] = True
    faces = BODY.faces[BODY.face_groups["skin"]]
    corners = rest.vertices[faces[inside[faces].all(axis=1)]]
    steps = [(i / 4, j / 4) for i in range(5) for j in range(5 - i)]
    low = corners[(corners[:, :, 1] > rest.eye_centers[:, 1].mean() - 0.1).all(axis=1)]
    a, b, c = low.transpose(1, 0, 2)
    return np.concatenate([a * (1 - u - v) + b * u + c * v for u, v in steps])[::2]


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("hair", attributes.HAIR)
def test_hair_is_whole_and_stays_on_the_head(hair, age):
    someone = person(plain(age, hair=hair), seed=3)
    for surface in someone.surfaces:
        check(surface)
    hairy = [s for s in someone.surfaces if s.material == Material.HAIR and Part.HAIR in s.parts]
    assert bool(hairy) == (hair != "bald")
    if hair == "bald":
        return
    head = BODY.bones.index("head")
    turn = someone.bones[head]
    locks = (someone.parts(Part.HAIR) - turn[:, 3]) @ turn[:, :3]
    skull = someone.rest.vertices[BODY.head_vertices[BODY.head.head_mask]]
    middle, size = skull.mean(axis=0), np.ptp(skull[:, 1]) / 0.23
    away = np.linalg.norm(locks - middle, axis=1)
    assert away.min() > 0.04 * size  # none inside the brain
    bound = {"long": 0.62, "ponytail": 0.55, "bob": 0.34, "bun": 0.27, "curly": 0.26}.get(
        hair, 0.23
    )
    assert away.max() < bound * size * 1.1
    # A floating wig would leave a gap: the shell under the locks lies on the scalp.
    if hair not in ("afro", "curly"):  # theirs stands off
        shell = (hairy[0].vertices[np.unique(hairy[0].faces)] - turn[:, 3]) @ turn[:, :3]
        if hair in ("side part", "bob", "long"):  # on top it fills the arcs of the locks
            height = shell[:, 1] - someone.rest.eye_centers[:, 1].mean()
            shell = shell[(height > -0.06 * size) & (height < 0.03 * size)]
        gaps = cKDTree(dense_skull(someone.rest)).query(shell[::9])[0]
        assert np.quantile(gaps, 0.95) < 0.006 * size


@pytest.mark.parametrize("detail", [12.0, 40.0, 120.0, 400.0])
def test_far_people_are_built_from_less(detail):
    near = sum(len(s.faces) for s in person(plain(hair="long"), detail=400.0).surfaces)
    this = sum(len(s.faces) for s in person(plain(hair="long"), detail=detail).surfaces)
    assert this <= near
    if detail < 50:
        assert this < 0.6 * near


COMBINATIONS = list(itertools.product(attributes.HEADWEAR, attributes.GLASSES, attributes.BEARD))


@pytest.mark.parametrize("number", range(0, len(COMBINATIONS), 2))
def test_headwear_glasses_and_beards(number):
    headwear, glasses, beard = COMBINATIONS[number]
    age = ("adult", "old")[number // 2 % 2]
    hair = attributes.HAIR[number % len(attributes.HAIR)]
    given = plain(age, headwear=headwear, glasses=glasses, beard=beard, hair=hair)
    someone = person(given, seed=number, turn=50.0 * number)
    for surface in someone.surfaces:
        check(surface)
    shown = {int(part) for s in someone.surfaces for part in np.unique(s.parts)}
    assert (Part.HEADWEAR in shown) == (headwear != "none")
    assert (Part.GLASSES in shown) == (glasses != "none")
    assert (Part.BEARD in shown) == (beard not in ("none", "stubble"))
    assert sum(s.material == Material.LENS for s in someone.surfaces) == (glasses != "none")


@pytest.mark.parametrize("headwear", ["hat", "cap", "beanie"])
@pytest.mark.parametrize("hair", ["short", "bun"])
def test_hair_is_tucked_under_a_hat(headwear, hair):
    someone = person(plain(headwear=headwear, hair=hair, sex="female"), seed=5)
    turn = someone.bones[BODY.bones.index("head")]

    def height(part):
        return (((someone.parts(part) - turn[:, 3]) @ turn[:, :3])[:, 1]).max()

    assert height(Part.HAIR) < height(Part.HEADWEAR) - 0.04


@pytest.mark.parametrize(("shape", "seed"), [("oval", 3), ("cat-eye", 6)])
def test_no_brow_comes_through_a_lens(shape, seed):
    def wear(drawn):
        size = 1.2 if seed == 3 else 1.0
        return replace(drawn, glasses=replace(drawn.glasses, shape=shape, size=size))

    made = person({"glasses": "sunglasses", "age": 70}, seed, change=wear)
    skin = made.surfaces[0]
    (lens,) = [s for s in made.surfaces if s.material == Material.LENS]
    face = skin.vertices[np.unique(skin.faces[skin.parts == Part.FACE])]
    frame = made.bones[BODY.bones.index("head")]
    glass, face = ((points - frame[:, 3]) @ frame[:, :3] for points in (lens.vertices, face))
    for side in (glass[:, 0] > 0, glass[:, 0] < 0):
        before = LinearNDInterpolator(glass[side][:, :2], glass[side][:, 2])(face[:, :2])
        behind = ~np.isnan(before)
        assert behind.sum() > 50
        assert (face[behind, 2] < before[behind] - 0.0008).all()


def test_a_bent_sleeve_presses_against_itself_and_the_trunk_stays():
    """Upper arm and forearm lie apart at the elbow's plane; nothing beside the arm is moved."""
    one = person(plain(), pose={"forearm_left": (0, -2.3, 0)})
    joints = dict(zip(BODY.bones, one.rest.joints, strict=True))
    shape = suit.mold("upper", fine=True)
    points, body = shape.refinement.apply(one.posed[shape.used]), shape.body
    wearer = Wearer(
        template=BODY.template, rest=one.rest.vertices, posed=one.posed, normals=one.normals,
        bones=dict(zip(BODY.bones, one.bones, strict=True)), joints=joints, landmarks=points,
        eyes=points, look=one.look, owner=0, detail=200.0,
    )  # fmt: skip
    shift = bends.pressed(wearer, body, points, 1.0)
    moved = (shift != 0.0).any(axis=1)
    assert not moved[cut_lines.armhole(body) > 0].any()
    assert not moved[body.points[:, 0] < 0].any()  # the other arm is straight
    shoulder, elbow, wrist = (
        wearer.place(name, joints[name][None].astype(np.float32))[0].astype(float)
        for name in ("upper_arm_left", "forearm_left", "hand_left")
    )
    up, down = ((end - elbow) / np.linalg.norm(end - elbow) for end in (shoulder, wrist))
    deep = moved & ((points - elbow) @ (up + down) > 0.03)
    half = np.where(body.arm[deep] < 1.0, 1.0, -1.0)
    before, after = (
        half * ((place - elbow)[deep] @ (up - down)) for place in (points, points + shift)
    )
    assert (before < -0.01).sum() > 10, "the pose presses nothing"
    assert (after > 0.0).all()


@pytest.mark.parametrize("seed", range(4))
def test_buttons_lie_clear_of_the_collar(seed):
    def wear(drawn):
        return replace(drawn, clothes=replace(drawn.clothes, neckline="collar"))

    made = person({"clothes": "shirt", "age": 35, "headwear": "none"}, seed, change=wear)
    _, collar, strip, buttons, *_ = made.surfaces[6:]
    assert buttons.material == Material.PLASTIC
    assert len(strip.faces)
    apart, _ = cKDTree(collar.vertices).query(buttons.vertices)
    assert apart.min() > 0.006


@pytest.mark.parametrize("neckline", ["crew", "v", "scoop"])
def test_ribs_run_all_the_way_around_the_neck(neckline):
    def wear(drawn):
        return replace(drawn, clothes=replace(drawn.clothes, neckline=neckline))

    made = person({"clothes": "t-shirt", "age": 35, "headwear": "none"}, 2, change=wear)
    band = made.surfaces[7]
    assert band.material == Material.KNIT
    turn = np.arctan2(band.rest[:, 0], band.rest[:, 2] - band.rest[:, 2].mean())
    order = np.argsort(turn[turn > 0])
    along = band.uv[turn > 0, 0][order]
    ninths = np.array([np.median(part) for part in np.array_split(along, 9)])
    assert (np.diff(ninths) > 0.004).all()


def test_a_headscarf_hides_hair_ears_and_scalp_but_not_the_face():
    someone = person(plain(headwear="headscarf", hair="long", sex="female"), seed=2)
    shown = {int(part) for s in someone.surfaces for part in np.unique(s.parts)}
    assert Part.HAIR not in shown
    assert Part.FACE in shown
    # Its normals point out: hems are turned in along them.
    hood = next(s for s in someone.surfaces if Part.HEADWEAR in s.parts)
    out = hood.vertices - hood.vertices.mean(axis=0)
    assert ((out * hood.normals).sum(axis=1) > 0).mean() > 0.8
    skin = next(s for s in someone.surfaces if s.material == Material.SKIN)
    grid = dress.plan().grid
    places = ((skin.rest - grid.origin) / grid.unit)[skin.faces].mean(axis=1)
    face = np.isin(skin.parts, (Part.FACE, Part.LIP))
    assert face_opening(places[face & (places[:, 1] > -0.08)]).max() < 0.035
    nose = np.linalg.norm(places - [0, -0.03, 0.12], axis=1).min()
    assert nose < 0.03


def camera(distance, zoom=1.0):
    """Intrinsics of a small picture: of the whole person, or `zoom` times as close to the head."""
    focal = 0.42 * SIZE * distance * zoom
    return np.array(
        [[focal, 0, SIZE / 2], [0, focal, SIZE * (0.3 if zoom == 1 else 0.5)], [0, 0, 1]]
    )


def seen(someone, distance, zoom=1.0):
    """Where the person is, and the part of every pixel centre (strands tested)."""
    mesh = pack([s for s in someone.surfaces if s.material != Material.LENS])
    faces, inverse = raster.buffers(2 * SIZE + 1, 2 * SIZE + 1)
    K = camera(distance, zoom)
    raster.draw(mesh, np.arange(len(mesh.owner)), samples.camera_of(K), faces, inverse)
    centre = faces[1::2, 1::2]
    return centre >= 0, np.where(centre >= 0, mesh.parts[centre], 0)


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("who", ["baby", "adult", "old", "heavy"])
def test_no_skin_shows_through_clothes(who, pose):
    """A closed sweater and trousers leave bare only head, neck, hands and feet."""
    heavy = who == "heavy"

    def change(drawn):
        clothes = replace(drawn.clothes, neckline="high", sleeve=1.0, bottom="trousers")
        return replace(drawn, clothes=clothes, weight=0.98 if heavy else drawn.weight)

    age = "adult" if heavy else who
    for turn in (0.0, 130.0):
        someone = person(
            plain(age, clothes="sweater"), seed=7, pose=POSES[pose], turn=turn, distance=2.5,
            detail=80.0, change=change,
        )  # fmt: skip
        _, part = seen(someone, 2.5)
        clothed = (part == Part.CLOTHES).sum()
        assert clothed > 150
        assert (part == Part.TORSO).sum() <= 0.002 * clothed
        assert (part == Part.LEG).sum() <= 0.02 * clothed  # ankles
        assert (part == Part.ARM).sum() <= 0.02 * clothed  # wrists


@pytest.mark.parametrize("clothes", attributes.CLOTHES)
def test_clothes_cover_the_trunk(clothes):
    someone = person(plain(clothes=clothes), seed=11, distance=2.5, detail=100.0)
    for surface in someone.surfaces:
        check(surface)
    _, part = seen(someone, 2.5)
    # From below the collar bones to the hips, between the arms, all is cloth.
    spine = someone.bones[BODY.bones.index("spine_5")]
    chest = spine[:, :3] @ (someone.rest.joints[BODY.bones.index("spine_5")]) + spine[:, 3]
    column, row, depth = camera(2.5) @ chest
    column, row = int(column / depth), int(row / depth)
    block = part[row + 2 : row + 30, column - 7 : column + 8]
    assert (block == Part.CLOTHES).mean() > 0.99


def test_the_head_silhouette_holds_the_hair():
    for hair in ("long", "curly", "bun", "short"):
        someone = person(plain(hair=hair), seed=4, turn=40.0)
        _, part = seen(someone, 1.4, zoom=5.0)
        head = coverage.person_shape(
            pack(someone.surfaces), 0, coverage.parts_table(HEAD_PARTS), camera(1.4, 5.0)
        )
        outline = silhouette.silhouette(head, camera(1.4, 5.0), SIZE, SIZE)
        rows, columns = np.nonzero(part == Part.HAIR)
        assert len(rows) > 100
        assert outline.mask[rows - outline.top, columns - outline.left].all()


def digest(surfaces):
    total = hashlib.sha256()
    for surface in surfaces:
        for name in (
            "vertices",
            "faces",
            "normals",
            "rest",
            "parts",
            "occlusion",
            "strand",
            "color",
            "uv",
        ):
            values = getattr(surface, name)
            total.update(b"-" if values is None else np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


@pytest.mark.parametrize(("focal", "whole"), [(100.0, True), (480.0, False)])
def test_what_lies_below_the_picture_is_not_built(focal, whole):
    """Of a portrait no shoes and trousers; all that is left lies where it lay, and all of a far picture is there."""
    one = person(plain(), distance=1.4)
    K = np.array([[focal, 0.0, 80.0], [0.0, focal, 80.0], [0.0, 0.0, 1.0]])
    made = dress.dress(
        BODY,
        one.rest,
        one.posed,
        one.normals,
        one.bones,
        one.look,
        0,
        200.0,
        Frustum.of(K, 160, 160),
    )
    assert (len(made) == len(one.surfaces)) == whole
    assert any(s.material == Material.SHOE for s in made) == whole
    there = {surface.vertices.tobytes() for surface in made}
    for surface in one.surfaces:
        # The skin loses its legs, too.
        if surface.material != Material.SKIN and surface.vertices.tobytes() not in there:
            _, y, z = surface.vertices.T
            assert (focal * y / z + 80.0 > 160.0).all()


def test_the_same_person_gives_the_same_bytes():
    given = plain(hair="curly", beard="full beard", headwear="hat", glasses="glasses")
    first = digest(person(given, seed=8).surfaces)
    person(plain(hair="long", clothes="hoodie"), seed=9)
    assert digest(person(given, seed=8).surfaces) == first
    assert digest(person(given, seed=10).surfaces) != first


def test_a_cut_keeps_all_cloth_and_lies_on_the_line():
    faces = BODY.faces[BODY.face_groups["tights"]]
    refinement, used = loop_subdivision(faces)
    points = refinement.apply(BODY.template[used])
    rng = np.random.default_rng(0)
    normal = rng.normal(size=3)
    field = ((points - points.mean(axis=0)) @ normal).astype(np.float32)
    whole = Piece(points, refinement.faces, {})
    one, two = whole.cut("line", field), whole.cut("line", -field)

    def area(piece):
        a, b, c = (piece.attributes[piece.faces[:, k]].astype(np.float64) for k in range(3))
        return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()

    assert abs(area(one) + area(two) - area(whole)) < 1e-6 * area(whole) + 1e-7
    line = np.concatenate(one.seams["line"])
    assert np.abs((one.attributes[line] - points.mean(axis=0)) @ normal).max() < 1e-5
    normals = np.cross(
        one.attributes[one.faces[:, 1]] - one.attributes[one.faces[:, 0]],
        one.attributes[one.faces[:, 2]] - one.attributes[one.faces[:, 0]],
    )
    before = vertex_normals(points, refinement.faces)
    inside = (one.faces < len(points)).all(axis=1)
    agree = (normals[inside] * before[one.faces[inside, 0]]).sum(axis=1)
    assert (agree > -1e-9).mean() > 0.999  # cutting does not turn faces over


def test_the_scalp_grid_lies_on_the_skin():
    grid = dress.plan().grid
    points = grid.on(BODY.template)
    assert np.linalg.norm((points - grid.absolute(grid.template)), axis=1).max() < 1e-5
    away = np.linalg.norm(points - (grid.origin + grid.unit * scalp.CENTER), axis=1)
    assert away.min() > 0.05
    shaped = grid.template.reshape(scalp.ROWS, scalp.COLUMNS, 3)
    assert shaped[0, 0, 1] > 0.09  # the pole is on top
    front = shaped[8, 0]
    assert abs(front[0]) < 0.005
    assert front[2] > 0.05
    mirrored = shaped[:, (-np.arange(scalp.COLUMNS)) % scalp.COLUMNS] * [-1, 1, 1]
    assert np.abs(mirrored - shaped)[:12].max() < 0.004


def test_twins_with_the_same_words_differ():
    one, two = (person(plain(hair="side part"), seed=seed) for seed in (20, 21))
    assert digest(one.surfaces) != digest(two.surfaces)


def test_painted_roots_keep_to_the_hairline_of_the_grown_hair():
    turn, up = (
        axis.ravel() for axis in np.meshgrid(np.arange(1.5, 180, 3), np.arange(-0.05, 0.1, 0.01))
    )
    radius = 0.07
    places = np.stack([radius * np.sin(np.radians(turn)), up, radius * np.cos(np.radians(turn))], 1)
    for thinning in (-0.3, 0.9):
        grown = scalp.above_hairline(places, thinning)
        painted = [
            face_paint._above_hairline(*at, thinning, radius) for at in zip(turn, up, strict=True)
        ]
        assert np.abs(grown - painted).max() < 1e-5
