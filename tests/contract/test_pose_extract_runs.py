"""Whole runs of pose-extract: tars in, records out; batches, workers, lists; a folder of broken and odd images."""

from __future__ import annotations

import io
import json
import resource
import shutil
import tarfile

import numpy as np
import odd_images
import pytest
from manifests import parsed
from PIL import Image
from random_networks import SIDE, pose_network

from headkit.backends.boxes import letterbox
from headkit.backends.quiet_yolo import ultralytics


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    return pose_network(folder / "people.pt", "cfg/models/11/yolo11-pose.yaml")


def photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(pixels):
    return odd_images.stored(Image.fromarray(pixels), "PNG")


def extract(cli, *words, **options):
    return cli.out("pose-extract", *words, program="headkit", **options)


def shard(path, photos):
    with tarfile.open(path, "w") as archive:
        for key, (pixels, metadata) in photos.items():
            for name, data in (
                (f"{key}.png", png(pixels)),
                (f"{key}.json", json.dumps(metadata).encode()),
            ):
                header = tarfile.TarInfo(name)
                header.size = len(data)
                archive.addfile(header, io.BytesIO(data))
    return path


# ---- as ultralytics finds them --------------------------------------------------------------------


@pytest.mark.parametrize(
    "yaml", ["cfg/models/11/yolo11-pose.yaml", "cfg/models/26/yolo26-pose.yaml"]
)
def test_tar_in_records_out_with_the_key_points_of_ultralytics(yaml, cli):
    """The same squares: a photo of the network's own size, and one that our letterbox has put into it."""
    path = pose_network(cli.folder / "people.pt", yaml)
    square, wide = photo(SIDE, SIDE), photo(50, 80, seed=1)
    photos = {
        "00000": (square, {"NSFW": "UNLIKELY", "caption": "Ada Lovelace"}),
        "00001": (wide, {}),
    }
    shard(cli.folder / "00000.tar", photos)
    words = "--layout img2dataset --model people.pt --conf 0.001 --point-conf 0 --shorter-side 0"
    out = extract(cli, *words.split(), "00000.tar")
    assert b"Ada" not in out
    rows = parsed(out)
    model = ultralytics().YOLO(str(path), task="pose")
    for row, (pixels, _) in zip(rows, photos.values(), strict=True):
        fitted, place = letterbox(pixels, SIDE)
        [theirs] = model.predict(
            fitted[:, :, ::-1],
            imgsz=SIDE,
            conf=0.001,
            iou=0.7,
            max_det=1000,
            verbose=False,
            project=str(cli.folder / "runs"),
            save=False,
        )
        points = theirs.keypoints.data.numpy().astype(np.float64)
        # They put points outside of the picture on its border; ours stay where the network sees them.
        ours = np.array([pose["keypoints"] for pose in row["poses"]])
        assert len(ours) == len(points) > 3
        scale = np.array([place.scale_x, place.scale_y])
        in_square = ours[:, :, :2] * scale + [place.left, place.top]
        assert np.clip(in_square, 0, SIDE) == pytest.approx(points[:, :, :2], abs=0.01)
        assert ours[:, :, 2] == pytest.approx(points[:, :, 2], abs=0.0051)
        assert [pose["score"] for pose in row["poses"]] == pytest.approx(
            theirs.boxes.conf.numpy(), abs=1e-4
        )
        assert (row["width"], row["height"]) == pixels.shape[1::-1]


@pytest.mark.parametrize(
    "words",
    [("-b", 1), pytest.param(("-b", 2, "-j", 2), marks=pytest.mark.slow)],
    ids=["batch", "workers"],
)
def test_the_result_does_not_depend_on_batch_workers_or_kind_of_input(people, cli, words):
    shutil.copy(people, cli.folder / "people.pt")
    folder = cli.folder / "photos"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.png").write_bytes(png(photo(60 + number, 90, number)))
    usual = "--model", "people.pt", "--conf", 0.01
    whole = extract(cli, *usual, "photos")
    listed = b"".join(b"photos/%d.png\0" % number for number in range(5))
    assert extract(cli, *usual, "-0", *words, input=listed) == whole


# ---- images of all kinds --------------------------------------------------------------------------


def test_a_folder_of_broken_and_odd_images(people, cli):
    """One record each, errors in words, exit 1, nothing lost, memory bounded."""
    shutil.copy(people, cli.folder / "people.pt")
    wanted = odd_images.write(cli.folder / "odd")
    assert len(wanted) >= 50
    words = "pose-extract", "--model", "people.pt", "--keep-path", "odd"
    out, said = cli.run(*words, program="headkit", status=1)
    rows = {row["source"]["path"]: row for row in parsed(out)}
    assert len(rows) == len(parsed(out)) == len(wanted)
    for name, outcome in wanted.items():
        row = rows[
            "odd/"
            + "".join(f"%{ord(c) & 255:02X}" if "\udc80" <= c <= "\udcff" else c for c in name)
        ]
        if isinstance(outcome, str):
            assert row["error"]["tool"] == "pose-extract"
            assert row["error"]["kind"] == "bad-image"
            assert outcome in row["error"]["message"], row["error"]
            assert "poses" not in row
        else:
            assert "error" not in row, (name, row)
            assert tuple(row["source"]["size"]) == outcome
    assert f"{len(wanted)} read" in said
    ours, theirs = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    assert theirs < ours + (700 << 10)  # in KiB; one of the files would take 1.6 GB
