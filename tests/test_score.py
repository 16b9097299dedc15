"""score: what each says of pictures made for it, and that the bugs of the published filters are absent.

The bugs are those found in head_detector 241f44a (KupynOrest/head_detector): the name of a test that is about one
begins with test_published.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from headkit import jsonl, scoring
from headkit import tool as table
from headkit.backends import bodies, detectors
from headkit.backends.boxes import Candidates
from headkit.backends.detectors import Detector
from headkit.backends.finding import Search
from headkit.head.loading import load_head
from headkit.head.rotation import rotation_from_euler
from headkit.image import load
from headkit.record import FIELDS
from headkit.run.batches import Batches
from headkit.scoring import agreement, border, cut, entropy, exposure, matching, regions
from headkit.scoring import sharpness as sharp
from headkit.scoring.mirror_fits import Asked, MirrorFits
from headkit.scoring.score import Study, Subject
from headkit.scoring.table import SCORES, find
from headkit.status import USAGE, Stop
from headkit.tool import Context, Failure
from headkit.tools import score as tool

FIT = Path(__file__).parent / "data" / "fit3dmm"
GREY, BRIGHT = 60, 250
MADE = {"detect": {"model": "blobs", "sha256": "b" * 16}}


class Blobs:
    """Finds bright blobs: a detector whose mirror image finds their mirror images, exactly.

    blind  a blob in this share of the square, from the left, is not seen: not symmetric
    """

    sides, chunk, fill, mirrors = (96,), 3, 0, True

    def __init__(self, blind=0.0, people=False):
        self.blind, self.people = blind, people
        self.seen = []

    def look(self, squares, conf):
        assert squares.shape == (3, 96, 96, 3)
        self.seen += list(squares)
        return [self._found(square) for square in squares]

    def _found(self, square):
        marks, _ = ndimage.label(square.mean(axis=2) > (GREY + BRIGHT) / 2)
        places = ndimage.find_objects(marks)
        boxes = np.array(
            [[x.start, y.start, x.stop, y.stop] for y, x in places], np.float32
        ).reshape(-1, 4)
        boxes = boxes[boxes.mean(axis=1) >= 0]
        boxes = boxes[(boxes[:, 0] + boxes[:, 2]) / 2 >= self.blind * 96]
        scores = 0.5 + 0.001 * (boxes[:, 2] - boxes[:, 0])
        return Candidates(boxes, scores.astype(np.float32))


@pytest.fixture
def blobs(monkeypatch):
    """The detector that the scores open."""
    network = Blobs()
    given = Detector(network, "blobs", "b" * 64, Search(iou=0.5))
    monkeypatch.setattr(detectors, "open_detector", lambda *_: given)
    return network


def picture(path, *boxes, size=(192, 96)):
    pixels = np.full((size[1], size[0], 3), GREY, np.uint8)
    for x1, y1, x2, y2 in boxes:
        pixels[y1:y2, x1:x2] = BRIGHT
    Image.fromarray(pixels).save(path)
    return pixels


def scored(root, records, names, **options):
    options = scoring.ScoreOptions(score=names, **options)
    return scoring.start(options, Context("score", Path(root)))(records)


def one(root, record, names, **options):
    (result,) = scored(root, [{"id": "a", "image": "a.png", **record}], names, **options)
    return result


def head(*box, **more):
    return {"box": list(box), "score": 0.9, **more}


# ---- boxes ----------------------------------------------------------------------------------------


def quality(first, second, ignored=None):
    first, second = (np.array(boxes, float).reshape(-1, 4) for boxes in (first, second))
    ignored = np.zeros(len(first), bool) if ignored is None else np.array(ignored)
    return matching.agreement(first, second, np.ones(len(second)), ignored)


BOX, FAR, NEAR = [0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 8]


def test_quality_is_overlap_times_f1():
    assert quality([BOX], [BOX]).quality == 1
    assert quality([BOX], [NEAR]).quality == pytest.approx(0.8)
    both = quality([BOX, FAR], [NEAR])
    assert (both.quality, both.iou, both.count) == pytest.approx((0.8 / 1.5, 0.8, 0.5))
    assert both.partners.tolist() == [0, -1]
    assert both.overlaps == pytest.approx([0.8, 0])


def test_nobody_and_nobody_agree():
    nobody = quality([], [])
    assert (nobody.quality, nobody.iou, nobody.count) == (1, None, 1)
    assert quality([], [BOX]).quality == quality([BOX], []).quality == 0


def test_hundredths_that_records_round_away_do_not_count():
    rounded = quality([[0.12, 0, 10, 10]], [[0.1149, 0.005, 10.004, 10]])
    assert rounded.quality == 1


def test_ignored_heads_may_be_found_or_not():
    assert quality([BOX, FAR], [BOX], [False, True]).quality == 1
    assert quality([BOX, FAR], [BOX, FAR], [False, True]).quality == 1
    assert quality([BOX, FAR], [BOX, FAR], [False, True]).count == 1


def test_published_pairs_below_the_threshold_are_missed_and_surplus():
    """metrics/functional.py counts them nowhere, and mixes up the two when the numbers differ."""
    apart = [0, 6, 10, 16]  # overlaps by 0.25
    assert quality([BOX], [apart]).quality == 0
    assert quality([BOX, FAR, [90, 90, 99, 99]], [apart, FAR]).quality == pytest.approx(1 / 2.5)
    assert quality([apart, FAR], [BOX, FAR, [90, 90, 99, 99]]).quality == pytest.approx(1 / 2.5)


# ---- flip -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(192, 96), (97, 131), (131, 97)])
def test_a_symmetric_detector_has_exactly_1(blobs, tmp_path, size):
    picture(tmp_path / "a.png", (7, 20, 36, 50), (60, 30, 81, 55), size=size)
    made = one(tmp_path, {}, "flip")["scores"]
    assert made == {"flip": 1.0, "flip_iou": 1.0, "flip_count": 1.0}


def test_published_flip_looks_at_the_mirror_image(blobs, tmp_path):
    """filter_pipeline.py:42 gives the same picture to the detector twice."""
    blobs.blind = 0.5
    picture(tmp_path / "a.png", (10, 20, 40, 50), (120, 30, 150, 60), (160, 60, 190, 90))
    made = one(tmp_path, {}, "flip")["scores"]
    assert made["flip"] == 0
    assert made["flip_count"] == 0.5
    whole, mirror = blobs.seen[0], blobs.seen[3]  # a chunk each
    assert np.array_equal(whole[:, ::-1], mirror)
    assert not np.array_equal(whole, mirror)


def test_published_flip_compares_boxes_and_not_counts_alone(blobs, tmp_path):
    """filter_pipeline.py:56 is content where both have as many heads."""
    blobs.blind = 0.5
    picture(tmp_path / "a.png", (10, 20, 40, 50), (120, 30, 150, 60))
    made = one(tmp_path, {}, "flip")["scores"]
    assert (made["flip_count"], made["flip"]) == (1, 0)


def test_heads_of_the_record_are_taken_where_the_detector_found_them(blobs, tmp_path):
    picture(tmp_path / "a.png", (10, 20, 40, 50), (120, 30, 150, 60))
    heads = [head(10, 20, 40, 50), head(70, 0, 90, 20), head(120, 30, 150, 60, ignore="hidden")]
    made = one(tmp_path, {"heads": heads, "made": MADE}, "flip")
    assert len(blobs.seen) == 3  # the chunk of the mirror image alone
    assert made["scores"]["flip"] == pytest.approx(1 / 1.5, abs=0.02)
    assert [one["scores"]["flip"] for one in made["heads"]] == pytest.approx([1, 0, 1], abs=0.05)
    fresh = one(tmp_path, {"heads": heads}, "flip")
    assert fresh["scores"]["flip"] == 1
    assert "heads" not in fresh


def test_heads_of_another_detector_need_its_name(tmp_path):
    record = {
        "id": "a",
        "image": "a.png",
        "heads": [],
        "made": {"detect": {"model": "y.pt", "sha256": "c" * 16}},
    }
    with pytest.raises(Stop) as stop:
        scoring.check(scoring.ScoreOptions(score="flip"), Context("score", tmp_path), record)
    assert stop.value.status == USAGE
    assert "y.pt" in stop.value.message
    assert "--detector" in stop.value.message
    scoring.check(scoring.ScoreOptions(score="sharpness"), Context("score", tmp_path), record)
    named = scoring.ScoreOptions(score="flip", detector="headkit")
    scoring.check(named, Context("score", tmp_path), record)


def test_a_later_record_of_another_detector_has_an_error(blobs, tmp_path):
    picture(tmp_path / "a.png", (10, 20, 40, 50))
    others = {"heads": [], "made": {"detect": {"model": "y.pt", "sha256": "c" * 16}}}
    records = [
        {"id": "a", "image": "a.png", "heads": [], "made": MADE},
        {"id": "b", "image": "a.png", **others},
    ]
    good, bad = scored(tmp_path, records, "flip")
    assert good["scores"]["flip"] == 0
    assert isinstance(bad, Failure)
    assert bad.kind == "other-detector"


def test_published_landmarks_and_pose_of_the_mirror_image_at_all_angles():
    """Against the truth of a render, and against it turned by 170 degrees.

    evaluate_pose.py:80 puts 0 in the place of angles over 135 degrees, and leaves out what is not found.
    """
    record = json.loads((FIT / "scene.jsonl").read_text())
    heads = [as_fitted(one) for one in record["truth"]["heads"]]
    turned, given = copy.deepcopy(heads)
    view = np.array(turned["pose"]["view"]) @ rotation_from_euler(170, 0, 0)
    turned["pose"]["view"] = (view * (1, -1, -1)).tolist()
    given["fit"]["landmarks"] = "given"  # of another network: nothing that we could look for again
    subject = Subject(record, [*heads, turned, given], load(FIT / record["image"]).pixels)
    asked = [Asked(subject, k, np.array(one["box"])) for k, one in enumerate(subject.heads)]
    study = Study(scoring.ScoreOptions(), Context("score", FIT))
    *same, other, none = MirrorFits(study).apart(asked)
    for one in same:
        assert one.landmarks > 0.97
        assert one.degrees < 10
    assert other.degrees == pytest.approx(170, abs=10)
    assert none is None


def as_fitted(true):
    """A head of `truth` as fit3dmm writes it."""
    return {
        "box": true["box"],
        "landmarks": {"scheme": "ibug68", "points": true["dense"]["points"][:68]},
        "pose": {"view": true["pose"]["view"]},
        "params": {"sha256": load_head().sha256},
        "fit": {"landmarks": "network"},
    }


# ---- cut ------------------------------------------------------------------------------------------


def test_the_line_is_the_nearest_to_the_middle_that_cuts_no_head():
    def line(*boxes):
        return cut.line_between(np.array(boxes, float).reshape(-1, 4), 200)

    assert line() == 100
    assert line([10, 0, 50, 10], [150, 0, 190, 10]) == 100
    assert line([80, 0, 110, 10]) == 113
    assert line([95, 0, 130, 10]) == 91
    assert line([0, 0, 200, 10]) is None
    assert line([20, 0, 110, 10], [100, 0, 180, 10]) is None  # what is left is too narrow


def test_heads_of_halves_are_put_back(blobs, tmp_path):
    picture(tmp_path / "a.png", (12, 20, 40, 48), (120, 30, 148, 58))
    heads = [head(12, 20, 40, 48), head(120, 30, 148, 58)]
    made = one(tmp_path, {"heads": heads, "made": MADE}, "cut")
    assert made["scores"] == {"cut": 1.0, "cut_iou": 1.0, "cut_count": 1.0}
    assert [one["scores"]["cut"] for one in made["heads"]] == [1.0, 1.0]
    assert [square.shape for square in blobs.seen] == [(96, 96, 3)] * 3


def test_no_line_is_no_score_and_an_old_one_goes(blobs, tmp_path):
    picture(tmp_path / "a.png", (2, 20, 190, 48))
    assert one(tmp_path, {"scores": {"cut": 1, "people": 2}}, "cut") == {"scores": {"people": 2}}


# ---- agreement ------------------------------------------------------------------------------------


def test_published_a_face_that_touches_a_head_is_not_in_it():
    """filter_pipeline.py:156 is content with any overlap."""
    face = np.array([[5.0, 5], [8, 5]])
    inside, touching = np.array([[0.0, 0, 20, 20]]), np.array([[7.0, 0, 20, 20]])
    assert agreement.in_heads([face], inside) == 1
    assert agreement.in_heads([face], touching) == 0
    assert agreement.in_heads([face, face + 90], np.concatenate([touching, inside])) == 1
    assert agreement.in_heads([face], np.zeros((0, 4))) == 0


class Seer:
    """Finds the people that it is told of, in pictures of 96 x 96."""

    sides, chunk, fill, mirrors = (96,), 1, 0, True
    people = True

    def __init__(self, *points):
        self.points = np.array(points, np.float32).reshape(-1, 17, 3)

    def look(self, squares, conf):
        low, high = self.points[:, :, :2].min(axis=1), self.points[:, :, :2].max(axis=1)
        scores = np.linspace(0.9, 0.8, len(self.points), dtype=np.float32)
        found = Candidates(np.concatenate([low, high], axis=1), scores, self.points)
        return [found for _ in squares]


def person(x, y, scale=1.0):
    """A person who faces us: head and shoulders, then points below."""
    face = [(0, 0), (3, -3), (-3, -3), (7, -2), (-7, -2), (12, 14), (-12, 14)]
    below = [(12 - 2 * k, 20 + 2 * k) for k in range(10)]
    return [[x + scale * a, y + scale * b, 1.0] for a, b in (*face, *below)]


@pytest.fixture
def seer(monkeypatch):
    def give(*points):
        given = Detector(Seer(*points), "seer", "5" * 64, Search(iou=1.0))
        monkeypatch.setattr(bodies, "open_bodies", lambda *_: given)

    return give


def test_heads_of_bodies_are_a_second_detector(blobs, seer, tmp_path):
    pixels = picture(tmp_path / "a.png", (34, 18, 54, 46), size=(96, 96))
    seer(person(44, 32))
    made = one(tmp_path, {"heads": [head(34, 18, 54, 46)], "made": MADE}, "agreement")
    assert made["scores"]["agreement_faces"] == 1
    assert made["scores"]["agreement_count"] == made["scores"]["agreement"] == 1
    assert made["heads"][0]["scores"] == {"agreement": 1.0}
    seer(person(44, 32), person(75, 32))
    made = one(tmp_path, {"heads": [head(34, 18, 54, 46)], "made": MADE}, "agreement")
    assert made["scores"]["agreement_faces"] == made["scores"]["agreement_count"] == 0.5
    assert made["scores"]["agreement"] == pytest.approx(2 / 3)
    seer()
    made = one(tmp_path, {}, "agreement")
    assert made["scores"] == {"agreement": 0.0, "agreement_count": 0.0}
    assert pixels.shape == (96, 96, 3)


def test_a_second_detector_of_heads_is_compared_by_boxes(blobs, tmp_path):
    picture(tmp_path / "a.png", (10, 20, 40, 50))
    heads = [head(10, 20, 40, 56), head(100, 20, 140, 50)]
    made = one(tmp_path, {"heads": heads, "made": MADE}, "agreement", second="blobs.pt")
    iou = made["scores"]["agreement_iou"]
    assert iou == pytest.approx(30 / 36, abs=0.03)
    assert made["scores"]["agreement"] == pytest.approx(iou / 1.5, abs=1e-5)
    assert "agreement_faces" not in made["scores"]
    assert [one["scores"]["agreement"] for one in made["heads"]] == [pytest.approx(iou), 0]


def test_a_point_in_two_boxes_is_of_the_smaller():
    boxes = np.array([[0.0, 0, 50, 50], [10, 10, 30, 30]])
    points = np.array([[20.0, 20], [40, 40], [90, 90]])
    ignored = np.zeros(2, bool)
    found = matching.agreement_of_points(boxes, points, np.array([0.9, 0.8, 0.7]), ignored)
    assert found.partners.tolist() == [1, 0]
    assert (found.quality, found.overlaps.tolist()) == (0.8, [1, 1])


# ---- pose -----------------------------------------------------------------------------------------


def test_pose_is_object_key_point_similarity(seer, tmp_path):
    picture(tmp_path / "a.png", size=(96, 96))
    first, second = person(30, 30), person(60, 30)
    asked = [{"keypoints": one, "box": [10, 10, 60, 80]} for one in (first, second)]
    seer(second, first)
    made = one(tmp_path, {"poses": asked}, "pose")["scores"]
    assert made == {"pose": 1.0, "pose_head": 1.0, "pose_count": 1.0}
    seer(second)
    made = one(tmp_path, {"poses": asked}, "pose")["scores"]
    assert made == {"pose": 0.5, "pose_head": 0.5, "pose_count": 0.5}
    moved = [[x + 4, y, c] for x, y, c in second]
    seer(moved, first)
    made = one(tmp_path, {"poses": asked}, "pose")["scores"]
    assert 0.55 < made["pose"] < 0.99
    assert made["pose_head"] < made["pose"]  # faces are annotated more closely


def test_points_outside_of_the_picture_are_not_asked_for(seer, tmp_path):
    picture(tmp_path / "a.png", size=(96, 96))
    whole = person(48, 80)  # most of the body is below the edge
    found = [[x, min(y, 96), c] for x, y, c in whole]
    seer(found)
    outside = {"keypoints": person(300, 300), "box": [280, 280, 320, 340]}
    asked = [{"keypoints": whole, "box": [30, 70, 70, 130]}, outside]
    assert one(tmp_path, {"poses": asked}, "pose")["scores"]["pose"] == 1
    assert one(tmp_path, {"poses": []}, "pose")["scores"] == {"pose_count": 0.0}
    bad = one(tmp_path, {"poses": [{"keypoints": [[1, 2, 3]]}]}, "pose")
    assert isinstance(bad, Failure)


# ---- label ----------------------------------------------------------------------------------------


def row(found, degrees, pixels, iou, asked=0):
    return {
        "asked": asked,
        "found": found,
        "delta_deg": degrees,
        "delta_px": pixels,
        "silhouette_iou": iou,
    }


TRUTH = {"truth": {"heads": [head(0, 0, 10, 40)]}}


def labelled(rows, counts, *, accepted=False, **more):
    label = {"head_count": counts, "accepted": accepted, "heads": rows}
    return one(".", {"label": label, **TRUTH, **more}, "label")


def test_label_as_numbers():
    made = labelled([row(0, 4.0, 2.0, 0.9)], [1, 1], accepted=True)["scores"]
    expected = {"label": 0.9, "label_accepted": 1, "label_count": 1, "label_degrees": 4}
    assert made == pytest.approx({**expected, "label_landmarks": 0.9})
    two = labelled([row(0, 4.0, 2.0, 0.9), row(None, None, None, None, 1)], [2, 2])["scores"]
    assert two["label"] == pytest.approx(0.9 / 2)  # one missing, one too many
    assert two["label_accepted"] == 0


def test_published_a_fit_that_failed_is_not_forgotten():
    """mesh_dataset.py:63 drops such heads, and what is left looks perfect."""
    made = labelled([row(0, 4.0, 2.0, 0.9), row(1, None, None, None, 1)], [2, 2])["scores"]
    assert made["label"] == pytest.approx(0.45)


def test_label_without_silhouettes_or_with_nonsense():
    other = labelled([row(0, 4.0, None, None)], [1, 1])["scores"]
    assert "label" not in other
    assert "label_landmarks" not in other
    assert isinstance(labelled({}, [1, 1]), Failure)
    assert isinstance(labelled([], "two"), Failure)
    assert labelled([], [0, 0])["scores"]["label"] == 1


# ---- pixels ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photo():
    """A picture with detail at all scales, as photographs have it: amplitudes fall with frequency."""
    draw = np.random.default_rng(4)
    side = 768
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    frequency[0, 0] = 1
    phases = np.exp(2j * np.pi * draw.random(frequency.shape))
    waves = np.fft.irfft2(phases / frequency**1.1, (side, side))
    return np.clip(128 + 45 * waves / waves.std(), 0, 255).astype(np.uint8)


def smaller(pixels, side):
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def blurred(pixels, share):
    """Blurred by a standard deviation that is a share of the picture's side."""
    sigma = share * len(pixels)
    return ndimage.gaussian_filter(pixels, sigma)


def test_sharpness_compares_across_sizes(photo):
    sizes = [smaller(photo, side) for side in (512, 640, 768)]
    whole = [sharp.sharpness(pixels, sharp.SIDE) for pixels in sizes]
    assert max(whole) - min(whole) < 0.06
    for share in (0.002, 0.006):
        soft = [sharp.sharpness(blurred(pixels, share), sharp.SIDE) for pixels in sizes]
        assert max(soft) - min(soft) < 0.06, share
        assert max(soft) < min(whole) - 0.1, share


def test_sharpness_falls_with_blur_and_not_with_contrast(photo):
    pixels = smaller(photo, 512)
    levels = [
        sharp.sharpness(blurred(pixels, s), sharp.SIDE) for s in (0, 0.001, 0.003, 0.01, 0.03)
    ]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 0.7
    assert levels[-1] < 0.05  # rounding makes steps of smooth slopes, which are no edges
    pale = (128 + (pixels.astype(float) - 128) * 0.4).round().astype(np.uint8)
    assert sharp.sharpness(pale, sharp.SIDE) == pytest.approx(levels[0], abs=0.04)


def test_a_small_picture_made_large_is_not_sharp(photo):
    small = smaller(photo, 128)
    large = np.asarray(Image.fromarray(small).resize((768, 768), Image.Resampling.BICUBIC))
    both = [sharp.sharpness(pixels, sharp.SIDE) for pixels in (small, large)]
    assert both[0] == pytest.approx(both[1], abs=0.03)
    assert both[0] < sharp.sharpness(photo, sharp.SIDE) - 0.2


def test_flat_pictures_are_not_sharp():
    flat = np.random.default_rng(0).integers(127, 129, (64, 64)).astype(np.uint8)
    assert sharp.sharpness(np.zeros((5, 700), np.uint8), sharp.SIDE) == 0
    assert sharp.sharpness(flat, sharp.SIDE) < 0.3


def test_exposure():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    assert exposure.exposure(ramp) == 1
    assert exposure.exposure(ramp // 8) < 0.3
    assert exposure.exposure(255 - ramp // 8) < 0.3
    assert exposure.exposure(np.zeros_like(ramp)) == exposure.exposure(np.full_like(ramp, 255)) == 0
    assert exposure.unclipped(np.repeat(ramp[:, :, None], 3, axis=2)) == pytest.approx(246 / 256)


def test_a_dark_skin_or_a_white_studio_is_well_exposed():
    """What a mean of brightness would call under- or overexposed."""
    draw = np.random.default_rng(0)
    dark = draw.normal(70, 12, (100, 100)).clip(0, 255)
    dark[:8] = 190  # light on forehead and nose, eyes, teeth
    studio = np.full((100, 100), 255.0)
    studio[30:, 30:70] = draw.normal(110, 40, (70, 40)).clip(0, 255)
    assert exposure.exposure(dark.astype(np.uint8)) == 1
    assert exposure.exposure(studio.astype(np.uint8)) == 1


def test_a_head_that_is_blown_out(tmp_path):
    pixels = picture(tmp_path / "a.png")
    pixels[20:60, 20:60] = 255, 255, 180  # yellow of a skin with too much light
    pixels[20:60, 20:60][10:30, 10:20] = 40
    pixels[20:60, 120:160] = 255, 90, 90  # a red hat
    Image.fromarray(pixels).save(tmp_path / "a.png")
    made = one(tmp_path, {"heads": [head(20, 20, 60, 60), head(120, 20, 160, 60)]}, "exposure")
    assert made["heads"][0]["scores"]["exposure"] == pytest.approx(0.35, abs=0.05)
    assert made["heads"][1]["scores"]["exposure"] > 0.8


def test_entropy_of_black_flat_and_broken_pictures(tmp_path):
    draw = np.random.default_rng(0)
    noise = np.repeat(draw.integers(0, 256, (64, 64, 1), np.uint8), 3, axis=2)
    half = noise.copy()
    half[32:] = 0
    Image.fromarray(noise).save(tmp_path / "noise.png")
    Image.fromarray(half).save(tmp_path / "half.png")
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "black.png")
    Image.fromarray(np.full((64, 64), np.nan, np.float32)).save(tmp_path / "nan.tiff")
    files = ("noise.png", "half.png", "black.png", "nan.tiff")
    records = [{"id": name, "image": name} for name in files]
    *made, nan = scored(tmp_path, records, "entropy")
    assert isinstance(nan, Failure)
    whole, part, black = (one["scores"] for one in made)
    assert whole["entropy"] > 0.9
    assert (whole["entropy_blocks"], part["entropy_blocks"]) == (1, 0.5)
    assert black == {"entropy": 0.0, "entropy_blocks": 0.0}
    two = np.zeros((2, 2), np.uint8)
    two[0] = 255
    assert entropy.entropy(two) == 1 / 8


def test_border():
    assert border.distance(np.array([0.0, 5, 10, 25]), 100, 100) == 0
    assert border.distance(np.array([5.0, 5, 15, 25]), 100, 100) == 0.5
    assert border.distance(np.array([40.0, 40, 50, 60]), 100, 100) == 1
    assert border.distance(np.array([-3.0, 40, 50, 60]), 100, 100) == 0
    pixels = np.random.default_rng(0).integers(0, 256, (40, 80, 3), np.uint8)
    assert border.filled(pixels) == 1
    pixels[:10], pixels[:, 60:] = 0, 255
    assert border.filled(pixels) == pytest.approx(30 / 40)  # the other bar is not of one colour
    pixels[:, 60:] = 0
    assert border.filled(pixels) == pytest.approx(30 / 40 * 60 / 80)
    assert border.filled(np.zeros((8, 8, 3), np.uint8)) == 0


def test_published_crops_are_cut_at_the_picture():
    """detection_result.py:66 slices with negative numbers, and gets nothing or the other side."""
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    assert np.array_equal(regions.crop(pixels, np.array([-5.0, -5, 5, 5])), pixels[:5, :5])
    assert np.array_equal(regions.crop(pixels, np.array([8.0, 8, 15, 15])), pixels[8:, 8:])
    assert regions.crop(pixels, np.array([-9.0, 0, -1, 5])) is None


# ---- the framework --------------------------------------------------------------------------------


def test_every_score_is_declared_documented_and_in_the_record():
    paths = {field.path for field in FIELDS}
    for name in SCORES:
        score = find(name)
        assert score.name == name
        assert all(field == name or field.startswith(f"{name}_") for field in score.fields)
        assert {f"scores.{field}" for field in score.fields} <= paths
        assert {f"heads[].scores.{field}" for field in score.heads} <= paths
        assert f"\n    {name} " in tool.__doc__, "the manual lists it"
        assert all(
            field in tool.__doc__ or field.startswith(f"{name}_iou") for field in score.fields
        )
        assert hasattr(scoring.ScoreOptions(), "score")
        assert all(hasattr(scoring.ScoreOptions(), option) for option in score.options)


def test_a_picture_is_decoded_once_for_all_scores(tmp_path, monkeypatch):
    from headkit import picture as reading

    picture(tmp_path / "a.png", (10, 20, 40, 50))
    count = []
    real = reading.load
    monkeypatch.setattr(reading, "load", lambda path: count.append(path) or real(path))
    scored(
        tmp_path, [{"id": "a", "image": "a.png"}], "sharpness,exposure,entropy,border,size,aspect"
    )
    assert len(count) == 1


def test_other_scores_stay_and_old_ones_of_this_score_go(tmp_path):
    picture(tmp_path / "a.png", (10, 20, 40, 50))
    heads = [
        head(10, 20, 40, 50, scores={"flip": 0.5, "size": 7}),
        {"ignore": "small", "scores": {"size": 7}},
    ]
    record = {
        "id": "a",
        "image": "a.png",
        "heads": heads,
        "scores": {"people": 2, "size_head": 7, "flip": 1},
    }
    kept = copy.deepcopy(record)
    (made,) = scored(tmp_path, [record], "size")
    assert record == kept  # published: pncc_processor.py:70 changes what it is given
    assert made["scores"] == {
        "people": 2,
        "flip": 1,
        "size": 96,
        "size_head": 30,
        "size_head_share": 0.3125,
    }
    assert made["heads"] == [
        head(10, 20, 40, 50, scores={"flip": 0.5, "size": 30}),
        {"ignore": "small", "scores": {}},
    ]


def test_what_decided_earlier_scores_stays_in_made(tmp_path):
    options = scoring.ScoreOptions(score="size")
    batches = Batches(table.find("score"), options, Context("score", tmp_path))
    picture(tmp_path / "a.png")
    earlier = {"headkit": "0.0.9", "detector": {"sha256": "d"}, "options": {"score": "flip"}}
    record = {"id": "a", "image": "a.png", "made": {"detect": {"x": 1}, "score": earlier}}
    item = SimpleNamespace(raw=jsonl.extend(b"{}", {}, record), record=record, photo=None)
    (outcome,) = batches.outcomes([item])
    made = json.loads(outcome.row)["made"]
    assert made["score"]["options"] == {"score": "size"}
    assert made["score"]["detector"] == {"sha256": "d"}
    assert made["score"]["headkit"] != "0.0.9"
    assert made["detect"] == {"x": 1}


def test_missing_measures_what_a_record_lacks(tmp_path):
    picture(tmp_path / "a.png")
    record = {"id": "a", "image": "a.png", "scores": {"aspect": 7}}
    (made,) = scored(tmp_path, [record], "aspect,size", missing=True)
    assert made["scores"] == {"aspect": 7, "size": 96}
    assert scored("/nowhere", [record], "aspect", missing=True) == [{}]  # not even opened


def test_ignored_heads_have_scores_that_do_not_count(tmp_path):
    picture(tmp_path / "a.png", (10, 20, 40, 50))
    heads = [head(10, 20, 40, 50), head(0, 0, 3, 3, ignore="small")]
    made = one(tmp_path, {"heads": heads}, "size,border")
    assert made["scores"]["size_head"] == 30
    assert made["scores"]["border"] == pytest.approx(1 / 3)
    assert [one["scores"]["size"] for one in made["heads"]] == [30, 3]


def test_no_heads_is_no_score_of_heads(tmp_path):
    picture(tmp_path / "a.png")
    for heads in ([], [{}], [{"box": "?"}], [head(5, 5, 5, 9)], [head(500, 500, 900, 900)]):
        made = one(tmp_path, {"heads": heads}, "sharpness,exposure")
        assert set(made["scores"]) == {"sharpness", "exposure", "exposure_unclipped"}


def test_published_an_unreadable_picture_is_an_error_and_not_another_one(tmp_path):
    """dataset.py:158 takes another picture instead."""
    picture(tmp_path / "a.png")
    records = [{"id": name, "image": f"{name}.png"} for name in ("gone", "a")]
    gone, there = scored(tmp_path, records, "sharpness,size")
    assert isinstance(gone, Failure)
    assert gone.kind == "bad-image"
    assert there["scores"]["size"] == 96


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"score": "beauty"}, "sharpness"),
        ({"score": ""}, "no such score"),
        ({"score": "size,size"}, "twice"),
        ({"score": "size", "detector": "x.pt"}, "--detector"),
        ({"score": "size,flip", "bodies": "x.pt"}, "--bodies"),
    ],
)
def test_usage(options, word, tmp_path):
    with pytest.raises(Stop) as stop:
        scoring.reads(scoring.ScoreOptions(**options))
    assert stop.value.status == USAGE
    assert word in stop.value.message


def test_missing_weights_name_the_option(tmp_path):
    for name, score in (("detector", "flip"), ("second", "agreement"), ("bodies", "pose")):
        options = scoring.ScoreOptions(score=score, **{name: str(tmp_path / "gone.pt")})
        with pytest.raises(Stop, match=f"--{name} .*gone.pt") as stop:
            scoring.start(options, Context("score", tmp_path))
        assert stop.value.status == 66


def test_fields_that_scores_need():
    assert scoring.reads(scoring.ScoreOptions(score="label")) == ("label",)
    assert scoring.reads(scoring.ScoreOptions(score="size,pose")) == ("image", "poses")


# ---- the networks that come with the package -------------------------------------------------------


def test_renders_with_our_own_networks(tmp_path):
    """Detect, then score: the batch does not matter, and heads that are ours are not looked for again."""
    from headkit.tools import detect

    data = Path(__file__).parent / "data" / "detect"
    rows = [json.loads(line) for line in (data / "images.jsonl").read_text().splitlines()][:2]
    process = detect.start(detect.Options(imgsz=160), Context("detect", data))
    made = {**process.made, "options": {"imgsz": 160}}
    given = [
        {**record, **found, "made": {"detect": made}}
        for record, found in zip(rows, process(rows), strict=True)
    ]
    together = scored(data, given, "flip,cut")
    assert together[1:] == scored(data, given[1:], "flip,cut")
    for record, result in zip(given, together, strict=True):
        assert 0 <= result["scores"]["flip"] <= 1
        assert all(set(one["scores"]) >= {"flip"} for one in result.get("heads", []))
        assert len(result.get("heads", record["heads"])) == len(record["heads"])
