"""identity: random-weight face networks through the real files; aligned faces, galleries, rates that hold, and refusals."""

import hashlib
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from tiny_likeness import faces, save_face_program

from headkit import scoring
from headkit.backends.face_networks import open_face_network
from headkit.faces.alignment import TEMPLATE, aligned, five_points, similarity
from headkit.faces.matching import closest, threshold_at, true_match_rate
from headkit.faces.rates import false_matches
from headkit.scoring import ScoreOptions
from headkit.status import BAD_INPUT, NO_INPUT, UNAVAILABLE, USAGE, Stop
from headkit.tool import Context, Failure
from headkit.twins import reference
from headkit.twins.cosines import stored

DATA = Path(__file__).parent / "data" / "detect"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_face_program(tmp_path_factory.mktemp("faces") / "face.pt"))


@pytest.fixture(scope="module")
def network(model):
    return open_face_network(model, "cpu")


def embedded(network, pictures):
    return stored(network.embed(list(pictures)))


# ---- alignment -----------------------------------------------------------------------------------


def landmarks_about(five):
    """68 points of which the five are these, and the others nowhere near."""
    points = np.full((68, 2), 7.0)
    for group, place in zip((range(36, 42), range(42, 48), [30], [48], [54]), five, strict=True):
        points[list(group)] = place
    return points


def test_a_turned_face_is_put_upright():
    """A face drawn in place, then the picture turned, scaled and moved: the square shows it as it was."""
    face = np.array(Image.fromarray(faces(1, 3)[0, 0]).resize((112, 112)))
    canvas = Image.fromarray(face).resize((448, 448), Image.Resampling.BICUBIC)
    turn = 0.5
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    picture = Image.new("RGB", (700, 800))
    back = matrix.T
    shift = np.array([240.0, 60.0])
    offset = -back @ shift
    picture = canvas.transform(
        picture.size,
        Image.Transform.AFFINE,
        (*back[0], offset[0], *back[1], offset[1]),
        Image.Resampling.BILINEAR,
    )
    five = TEMPLATE * 4 @ matrix.T + shift
    found = aligned(np.array(picture), five)
    inner = (slice(8, -8), slice(8, -8))
    assert np.abs(found[inner].astype(int) - face[inner]).mean() < 2
    assert found.shape == (112, 112, 3)
    # Half a pixel beside: the published numbers count pixel centres otherwise.
    shifted = aligned(np.array(picture), five + 4)
    assert np.abs(shifted[inner].astype(int) - face[inner]).mean() > 3


def test_the_five_points_of_the_68():
    points = landmarks_about(TEMPLATE)
    assert five_points(points, np.ones(68, bool)) == pytest.approx(TEMPLATE)
    profile = np.ones(68, bool)
    profile[42:48] = profile[54] = False
    assert five_points(points, profile) is not None
    profile[30] = False
    assert five_points(points, profile) is None  # from behind
    assert similarity(TEMPLATE, TEMPLATE) == pytest.approx(np.eye(2, 3), abs=1e-12)
    with pytest.raises(ValueError, match="one place"):
        similarity(np.zeros((5, 2)), TEMPLATE)


# ---- networks ------------------------------------------------------------------------------------


def test_onnx_and_torchscript_say_the_same(network, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    other = open_face_network(str(save_face_program(tmp_path / "face.onnx")), "cpu")
    pictures = faces(11, 1)[:, 0]
    found = network.embed(list(pictures))
    assert found.shape == (11, 512)
    assert other.embed(list(pictures)) == pytest.approx(found, abs=1e-4)
    assert (network.embed([pictures[9]])[0] == found[9]).all()
    white = network.run(np.ones((8, 3, 112, 112), np.float32))[0]
    assert (network.embed([np.full((112, 112, 3), 255, np.uint8)])[0] == white).all()


def test_files_that_are_no_face_network_are_refused(tmp_path, monkeypatch):
    import importlib

    def status(model):
        with pytest.raises(Stop) as caught:
            open_face_network(str(model), "cpu")
        return caught.value.status, str(caught.value)

    (tmp_path / "page.onnx").write_bytes(b"<html>")
    (tmp_path / "page.pt").write_bytes(b"<html>")
    assert status(tmp_path / "nowhere.onnx")[0] == NO_INPUT
    assert status(tmp_path / "page.pt")[0] == UNAVAILABLE
    real = importlib.import_module

    def without(name, *rest):
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    assert status(tmp_path / "page.onnx") == (
        UNAVAILABLE,
        "--face-model page.onnx: needs onnxruntime; pip install 'headkit[onnx]'",
    )


# ---- rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.01, 0.001])
def test_the_rate_holds_on_people_who_were_not_there(network, rate):
    known, others = (embedded(network, faces(400, seed)[:, 0]) for seed in (21, 22))
    found = threshold_at(known, rate)
    wide = others.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    matches = wide @ wide.T >= found.cosine
    np.fill_diagonal(matches, val=False)
    held_out = false_matches(matches.sum(axis=1))
    assert held_out.low <= rate <= held_out.high
    assert found.false.low <= held_out.share <= found.false.high


def test_planted_people_are_found_at_the_stated_rate(network):
    """Gallery, probes, and planted photos are each of their own; strangers are found at the rate of false matches."""
    photos = faces(150, 31, photos=5, noise=0.82)
    vectors = embedded(network, photos.reshape(-1, 112, 112, 3)).reshape(150, 5, 512)
    ids = [str(k) for k in range(150)]
    threshold = threshold_at(vectors[:, 0], 0.001).cosine
    probes = vectors[:, 1:3].reshape(-1, 512)
    rate = true_match_rate(probes, [id for id in ids for _ in range(2)], vectors[:, 0], ids, threshold)  # fmt: skip
    assert 0.5 < rate.share < 0.97  # a rate that says something
    planted = [closest(vectors[k, 3:], vectors[k : k + 1, 0]) for k in range(150)]
    assert rate.low <= (np.concatenate(planted) >= threshold).mean() <= rate.high
    everywhere = closest(vectors[:, 3:].reshape(-1, 512), vectors[:, 0])
    assert (everywhere >= threshold).mean() >= rate.low
    strangers = embedded(network, faces(150, 32)[:, 0])
    flagged = (closest(strangers, vectors[:, 0]) >= threshold).mean()
    assert flagged == pytest.approx(1 - 0.999**150, abs=0.08)


# ---- the score -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Renders of people as photos: a folder for each, and other, lighter photos; and a head seen from behind."""
    folder = tmp_path_factory.mktemp("photos")
    rows = [json.loads(line) for line in (DATA / "images.jsonl").read_text().splitlines()]
    heads = [(rows[k]["image"], rows[k]["truth"]["heads"][n]["box"]) for k, n in ((0, 0), (2, 1), (4, 0))]  # fmt: skip
    for number, (image, (x1, y1, x2, y2)) in enumerate(heads):
        name = "behind" if image == "4.jpg" else f"person {number}"
        x, y, half = (x1 + x2) / 2, (y1 + y2) / 2, 0.75 * max(x2 - x1, y2 - y1)
        corners = tuple(round(value) for value in (x - half, y - half, x + half, y + half))
        with Image.open(DATA / image) as picture:
            part = picture.convert("RGB").crop(corners)
        for kind, light in (("people", 1.0), ("more", 1.2))[: 1 if name == "behind" else 2]:
            (folder / kind / name).mkdir(parents=True)
            ImageEnhance.Brightness(part).enhance(light).save(folder / kind / name / "one.png")
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory, network):
    """A file of people who can be told apart, enough for a rate of 0.01."""
    path = tmp_path_factory.mktemp("many") / "many.npz"
    vectors = embedded(network, faces(120, 41)[:, 0])
    reference.write(path, network.name, [str(k) for k in range(120)], 512, [vectors])
    return path


@pytest.fixture(scope="module")
def gallery(photos, model):
    path = photos / "made" / "celebs.npz"
    options = given(model, path, gallery_from=str(photos / "people"))
    scoring.before(options, Context("score", photos, tag="test"))
    return path


def given(model, gallery, **more):
    return ScoreOptions(score="identity", face_model=model, gallery=str(gallery), **more)


def rows_of(photos, kind):
    found = []
    for path in sorted((photos / kind).glob("person*/*.png")):
        with Image.open(path) as picture:
            width, height = picture.size
        box = [width / 6, height / 6, width * 5 / 6, height * 5 / 6]
        found.append({"id": str(path.parent.name), "image": str(path.relative_to(photos)), "heads": [{"box": box}]})  # fmt: skip
    return found


def test_a_gallery_is_made_of_photos_by_person(gallery, photos, model, capsys):
    made = reference.read(gallery)
    assert oct(gallery.stat().st_mode & 0o777) == "0o600"
    assert made.vectors.shape == (2, 512)
    assert len({made.name(row) for row in range(2)}) == 2
    assert b"person 1" not in gallery.read_bytes()  # no name is kept
    with np.load(gallery, allow_pickle=False) as arrays:
        assert set(arrays) == {"model", "ids", "vectors"}
    before = gallery.stat().st_mtime_ns
    options = given(model, gallery, gallery_from=str(photos / "people"))
    scoring.before(options, Context("score", photos, tag="test"))
    assert gallery.stat().st_mtime_ns == before
    dry = photos / "dry.npz"
    options = given(model, dry, gallery_from=str(photos / "people" / "person 0"))
    scoring.before(options, Context("score", photos, tag=None))
    assert scoring.start(options, Context("score", photos, tag=None)).made["identity"]["gallery"]["people"] == 1  # fmt: skip
    assert not dry.exists()


def test_the_score_is_the_highest_cosine_of_a_head(gallery, photos, model, network):
    process = scoring.start(given(model, gallery), Context("score", photos))
    rows = rows_of(photos, "more")
    found = process(rows)
    own = reference.read(gallery)
    assert len(rows) == len(own.vectors)
    for row in found:
        assert row["scores"]["identity"] == row["heads"][0]["scores"]["identity"]
        assert -1 <= row["scores"]["identity"] <= 1
    scores = [row["scores"]["identity"] for row in found]
    assert scores == [process([row])[0]["scores"]["identity"] for row in rows]
    assert process.made["identity"]["false_match_rate"] == "not measured"
    # A head whose landmarks are given needs no network to find them, and two heads count by the nearer.
    points = landmarks_about(TEMPLATE).tolist()
    with Image.open(photos / rows[0]["image"]) as picture:
        picture.resize((112, 112)).save(photos / "square.png")
        square = np.array(picture.resize((112, 112)))
    one = {"box": [0, 0, 112, 112], "landmarks": {"scheme": "ibug68", "points": points, "visible": "1" * 68}}  # fmt: skip
    behind = {**one, "landmarks": {**one["landmarks"], "visible": "0" * 68}}
    (row,) = process([{"id": "s", "image": "square.png", "heads": [behind, one, {}]}])
    expected = closest(embedded(network, [square]), own.vectors)[0]
    assert row["heads"][1]["scores"]["identity"] == row["scores"]["identity"]
    assert row["scores"]["identity"] == pytest.approx(expected, abs=1e-3)
    assert "identity" not in row["heads"][0].get("scores", {})
    (none,) = process([{"id": "n", "image": "square.png", "heads": [behind]}])
    assert none["scores"] == {}
    bad = {**one, "landmarks": {"scheme": "ibug68", "points": [[1]]}}
    results = process([{"id": "b", "image": "square.png", "heads": [bad]}, rows[0]])
    assert isinstance(results[0], Failure)
    assert results[1]["scores"]["identity"] == scores[0]


def test_rates_are_kept_beside_the_scores(gallery, photos, model, many, capsys):
    options = given(model, gallery, impostors=str(many), fmr=0.01, probes=str(photos / "more"))
    process = scoring.start(options, Context("score", photos, verbose=True))
    made = process.made["identity"]
    assert made["threshold"] == threshold_at(reference.read(many).vectors, 0.01).cosine
    share, low, high = made["false_match_rate"]
    assert low < share <= 0.01 < high
    assert len(made["true_match_rate"]) == 3
    assert "95%" in capsys.readouterr().err
    assert made["gallery"]["people"] == 2


def test_each_image_against_its_own_photo(photos, model):
    rows = rows_of(photos, "more")
    own = [photos / "people" / row["id"] / "one.png" for row in rows]
    for row, path in zip(rows, own, strict=True):
        row["source"] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    process = scoring.start(given(model, photos / "people"), Context("score", photos))
    found = process([*rows, {**rows[0], "source": {"sampler": "prior"}}])
    assert process.made["identity"]["gallery"] == "source photos"
    assert found[2]["scores"] == {}  # it comes from no photo
    same = [{**row, "image": str(path.relative_to(photos))} for row, path in zip(rows, own, strict=True)]  # fmt: skip
    for row, itself in zip(found, process(same), strict=False):
        assert row["scores"]["identity"] < itself["scores"]["identity"] <= 1
    (gone,) = process([{**rows[0], "source": {"sha256": "0" * 64}}])
    assert gone.kind == "no-source-photo"
    with pytest.raises(Stop, match="has no source") as caught:
        scoring.check(given(model, photos / "people"), Context("score", photos), {"id": "a"})
    assert caught.value.status == BAD_INPUT
    kept = {"sha256": rows[0]["source"]["sha256"], "path": os.path.relpath(own[0], photos)}
    (again,) = process([{**rows[0], "source": kept}])
    assert again["scores"] == found[0]["scores"]


def test_what_cannot_be_measured_is_refused(gallery, photos, model, network, many, tmp_path):
    def status(**options):
        with pytest.raises(Stop) as caught:
            scoring.start(ScoreOptions(score="identity", **options), Context("score", photos))
        return caught.value.status, str(caught.value)

    there = {"face_model": model, "gallery": str(gallery)}
    assert status(gallery=str(gallery))[0] == UNAVAILABLE  # no face network comes with headkit
    assert status(face_model=model)[0] == USAGE
    assert status(face_model=model, gallery="nowhere.npz")[0] == NO_INPUT
    code, said = status(**there, fmr=1e-6)
    assert (code, "support no rate below" in said, "2450 people would" in said) == (USAGE, True, True)  # fmt: skip
    assert status(**there, probes=str(photos / "more"))[0] == USAGE
    assert status(**there, fmr=0.0)[0] == USAGE
    assert status(face_model=model, gallery=str(photos / "people"), fmr=0.1)[0] == USAGE
    assert status(**there, impostors=str(many), fmr=0.1, probes=str(tmp_path))[0] == BAD_INPUT
    code, said = status(**there, impostors=str(many), fmr=0.1, probes=str(gallery))
    assert (code, "no other photo" in said) == (USAGE, True)  # the same photos say nothing
    other = tmp_path / "other.npz"
    reference.write(other, "face 0123", ["a"], 512, [embedded(network, faces(1, 1)[:, 0])])
    assert status(face_model=model, gallery=str(other))[0] == BAD_INPUT
    broken = np.tile(embedded(network, faces(1, 1)[:, 0]), (90, 1))
    broken[80, 0] = np.nan
    reference.write(other, network.name, [str(k) for k in range(90)], 512, [broken])
    assert status(face_model=model, gallery=str(other))[0] == BAD_INPUT
    with (tmp_path / "pickle.npz").open("wb") as file:
        np.savez(file, vectors=np.array([{}], object), model="x")
    assert status(face_model=model, gallery=str(tmp_path / "pickle.npz"))[0] == BAD_INPUT
