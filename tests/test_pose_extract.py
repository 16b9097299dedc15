"""pose-extract: key points as ultralytics finds them, images of all kinds, what is kept and what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import odd_images
import pytest
from PIL import Image
from random_networks import pose_network

from headkit import licenses
from headkit.backends.bodies import open_bodies
from headkit.backends.boxes import Candidates
from headkit.backends.detectors import Detector
from headkit.backends.finding import Search
from headkit.image import decode
from headkit.status import Stop
from headkit.tool import Context, Photo
from headkit.tools import pose_extract
from headkit.tools.pose_extract import Admission, Extraction, Options


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    return pose_network(folder / "people.pt", "cfg/models/11/yolo11-pose.yaml")


def photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(pixels):
    return odd_images.stored(Image.fromarray(pixels), "PNG")


# ---- a network that sees what we say --------------------------------------------------------------


class Seer:
    """One person wherever it looks: the box and the points are given in shares of the square."""

    sides = (64,)
    chunk = 2
    fill = 114
    mirrors = True

    def __init__(self, box=(0.25, 0.25, 0.75, 0.75), confidence=0.9, score=0.8):
        self.box, self.confidence, self.score = box, confidence, score

    def look(self, squares, conf):
        assert squares.shape == (self.chunk, 64, 64, 3)
        points = np.full((1, 17, 3), 32, np.float32)
        points[:, :, 2] = self.confidence
        points[:, 1:3, 2] = 0.1
        boxes = np.array([self.box], np.float32) * 64
        return [Candidates(boxes, np.array([self.score], np.float32), points) for _ in squares]


def extraction(options=None, **seer):
    options = options or Options()
    detector = Detector(Seer(**seer), "seer", "0" * 64, Search())
    return Extraction(detector, Admission.of(options), options)


def looked(data, record=None, options=None, metadata=None, **seer):
    pair = ({"id": "a", **(record or {})}, Photo(data, "5" * 64, metadata or {}))
    (result,) = extraction(options, **seer)([pair])
    return result


def test_coordinates_are_of_the_canvas():
    made = looked(png(photo(300, 400)))
    assert (made["width"], made["height"]) == (1365, 1024)
    assert made["poses"][0]["keypoints"][0] == pytest.approx([682.5, 512, 0.9])
    assert made["poses"][0]["box"] == pytest.approx(
        [1365 / 4, 512 - 1365 / 4, 1365 * 3 / 4, 512 + 1365 / 4], abs=0.5
    )
    assert made["source"] == {"sha256": "5" * 64, "size": [400, 300]}
    own = looked(png(photo(300, 400)), options=Options(shorter_side=0))
    assert (own["width"], own["height"]) == (400, 300)
    turned = odd_images.stored(odd_images.scene(30, 70), "JPEG", exif=odd_images._turned(6))
    assert looked(turned)["source"]["size"] == [30, 70]


class Finder(Seer):
    """Sees the blue corner of odd_images.scene."""

    sides = (256,)

    def look(self, squares, conf):
        found = []
        for square in squares:
            rows, columns = np.nonzero((square[..., 2] > 150) & (square[..., 0] < 60))
            whole = len(rows) > 0
            box = (
                [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if whole else [0] * 4
            )
            points = np.ones((1, 17, 3), np.float32)
            found.append(Candidates(np.array([box], np.float32), np.ones(1, np.float32), points))
        return found


def test_a_jpeg_that_is_decoded_smaller_has_the_same_coordinates():
    large = odd_images.scene(601, 1003)
    detector = Detector(Finder(), "finder", "0" * 64, Search())
    process = Extraction(detector, Admission.of(Options()), Options(shorter_side=0))
    for kind in ("PNG", "JPEG"):
        data = odd_images.stored(large, kind)
        (made,) = process([({"id": kind}, Photo(data, "5" * 64))])
        assert (made["width"], made["height"]) == (1003, 601)
        assert made["poses"][0]["box"] == pytest.approx([0, 0, 250, 150], abs=4.5)
    assert decode(odd_images.stored(large, "JPEG"), least=256).reduced == 2


def test_a_point_that_is_not_sure_is_unknown():
    points = looked(png(photo(64, 64)))["poses"][0]["keypoints"]
    assert [point[2] for point in points[:4]] == pytest.approx([0.9, 0, 0, 0.9])
    points = looked(png(photo(64, 64)), options=Options(point_conf=0.05))["poses"][0]["keypoints"]
    assert points[1][2] == pytest.approx(0.1)


def test_scores_say_how_good_a_source_is():
    made = looked(png(photo(100, 250)), metadata={"NSFW": "UNSURE"})
    assert made["scores"] == pytest.approx(
        {
            "aspect": 2.5,
            "people": 1,
            "person_confidence": 0.8,
            "visible_heads": 1,
            "person_height": 1.0,
            "source_unsafe": 0.5,
        },
        abs=1e-3,
    )
    for metadata, share in (
        ({"nsfw": "NSFW"}, 1.0),
        ({"NSFW": "UNLIKELY"}, 0.0),
        ({"punsafe": 0.2}, 0.2),
        ({"NSFW": True}, 1.0),
        ({"NSFW": None}, None),
    ):
        scores = looked(png(photo(64, 64)), metadata=metadata)["scores"]
        assert scores.get("source_unsafe") == share
    assert looked(png(photo(64, 64)), confidence=0.2)["scores"]["visible_heads"] == 0
    kept = looked(png(photo(64, 64)), record={"scores": {"mine": 1}, "source": {"path": "x"}})
    assert kept["scores"]["mine"] == 1
    assert kept["source"]["path"] == "x"


def test_a_picture_of_generate_keeps_its_own_size():
    made = looked(png(photo(64, 64)), record={"image": "images/a.png", "made": {"generate": {}}})
    assert (made["width"], made["height"]) == (64, 64)


LEAST_FOUND = 3  # of 8; 4 are


FFHQ = {
    "metadata": {
        "author": "Jane Doe",
        "license": "Attribution-NonCommercial License",
        "license_url": "https://creativecommons.org/licenses/by-nc/2.0/",
    }
}


def test_license_and_author_are_kept_where_the_source_has_them():
    source = looked(png(photo(64, 64)), metadata=FFHQ)["source"]
    assert (source["license"], source["author"]) == ("cc-by-nc-2.0", "Jane Doe")
    source = looked(png(photo(64, 64)), record={"source": {"license": "CC0"}})["source"]
    assert source["license"] == "cc0-1.0"


@pytest.mark.parametrize(
    ("allowed", "metadata", "kind"),
    [
        ("cc0,cc-by-nc-2.0", FFHQ, None),
        ("cc-by-nc", FFHQ, None),
        ("cc-by", FFHQ, "license"),
        ("cc-by-nc-4.0", FFHQ, "license"),
        ("cc0", {"LICENSE": "?"}, "license"),
        ("cc0", {}, "license"),
        ("cc0", {"LICENSE": "https://creativecommons.org/publicdomain/zero/1.0/"}, None),
    ],
)
def test_only_licenses_that_are_allowed(allowed, metadata, kind):
    result = looked(png(photo(64, 64)), options=Options(allow_license=allowed), metadata=metadata)
    assert getattr(result, "kind", None) == kind


def test_who_has_opted_out_is_left_out_unseen(tmp_path):
    options = Options(opt_out=str(tmp_path / "out.txt"))
    for line in ("a", "5" * 64, "JANE doe"):
        (tmp_path / "out.txt").write_text(f"other\n{line}  \n\n")
        result = looked(b"not even a picture", options=options, metadata=FFHQ)
        assert result.kind == "opt-out"
        assert "doe" not in result.message.lower()
    (tmp_path / "out.txt").write_text("nobody\n")
    assert looked(png(photo(64, 64)), options=options, metadata=FFHQ)["poses"]
    copy = ({"id": "x-2"}, Photo(b"", "6", copy_of="nobody"))
    assert extraction(options)([copy])[0].kind == "opt-out"
    with pytest.raises(Stop) as stopped:
        Admission.of(Options(opt_out=str(tmp_path / "missing")))
    assert stopped.value.status == 66


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CC BY 4.0", "cc-by-4.0"),
        ("Creative Commons Attribution-ShareAlike 3.0", "cc-by-sa-3.0"),
        ("http://creativecommons.org/licenses/by-nc-nd/2.0/", "cc-by-nc-nd-2.0"),
        ("Attribution-NonCommercial-NoDerivs License", "cc-by-nc-nd"),
        ("cc0", "cc0-1.0"),
        ("CC0-1.0", "cc0-1.0"),
        ("Public Domain Mark 1.0", "pdm-1.0"),
        ("All rights reserved", "all-rights-reserved"),
        ("MIT", "mit"),
        ("", ""),
    ],
)
def test_names_of_licenses(text, name):
    assert licenses.normal(text) == name


def test_prepared_photos_are_not_decoded_twice_and_the_wait_is_measured():
    process = extraction()
    pairs = [({"id": str(k)}, Photo(png(photo(64, 64)), "5" * 64)) for k in range(3)]
    process.prepare(pairs)
    futures = dict(process.underway)
    process.prepare(pairs)
    assert process.underway == futures
    results = process(pairs)
    assert [len(result["poses"]) for result in results] == [1, 1, 1]
    assert not process.underway
    assert 0 <= process.waited <= process.worked
    assert process(pairs) == results


# ---- our own weights ------------------------------------------------------------------------------


def test_own_weights_find_people_in_held_out_renders():
    """Most of their known points, as far as a seventh of the person off: the network is small, and a first state."""
    folder = Path(__file__).parent / "data" / "detect"
    rows = [json.loads(line) for line in (folder / "images.jsonl").read_text().splitlines()]
    process = pose_extract.start(Options(shorter_side=0, conf=0.2), Context("pose-extract", folder))
    pairs = [({"id": row["id"]}, Photo((folder / row["image"]).read_bytes(), "5")) for row in rows]
    found = []
    for row, made in zip(rows, process(pairs), strict=True):
        assert (made["width"], made["height"]) == (row["width"], row["height"])
        for pose in row["poses"]:
            points = np.array(pose["keypoints"])
            known = points[:, 2] > 0
            away = [
                np.linalg.norm((np.array(one["keypoints"]) - points)[known, :2], axis=1)
                for one in made["poses"]
            ]
            least = min((np.median(distances) for distances in away), default=np.inf)
            found.append(least < np.ptp(points[known, :2], axis=0).max() / 7)
    assert len(found) == 8
    assert sum(found) >= LEAST_FOUND


# ---- networks -------------------------------------------------------------------------------------


def refused(model):
    with pytest.raises(Stop) as stopped:
        open_bodies(model, None, "cpu")
    return stopped.value.status, stopped.value.message


def test_networks_that_are_refused(tmp_path, monkeypatch):
    assert refused("missing.pt")[0] == 66
    assert refused(str(tmp_path / "missing.pt"))[0] == 66
    (tmp_path / "text.pt").write_text("no weights")
    assert refused(str(tmp_path / "text.pt"))[0] == 69
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    status, message = refused("yolo26x-pose.pt")
    assert status == 69
    assert "HF_HUB_OFFLINE is set" in message
    assert "give its path" in message
    heads = Path(pose_extract.__file__).parents[1] / "data" / "head_detector.npz"
    assert "finds heads, not people" in refused(str(heads))[1]


def test_weights_in_the_cache_are_taken_by_name(people, tmp_path, monkeypatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    (tmp_path / "weights").mkdir()
    shutil.copy(people, tmp_path / "weights" / "yolo26n-pose.pt")
    assert open_bodies("yolo26n-pose.pt", None, "cpu").name == "yolo26n-pose.pt"


def test_options_that_cannot_be():
    context = Context("pose-extract", Path("/"))
    for options, word in (
        (Options(imgsz=100), "multiple of 32"),
        (Options(allow_license=","), "names no"),
    ):
        with pytest.raises(Stop, match=word):
            pose_extract.start(options, context)
