"""A dataset to be damaged, and ways to change what it holds so that its checksums agree again."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
from packs import pack
from PIL import Image

from headkit.formats import webdataset
from headkit.head.camera import project
from headkit.head.loading import load_head
from headkit.head.rotation import rotation_from_euler
from headkit.tool import Context, Finding
from headkit.tools import verify as tool

SIZE = (128, 96)
K = [[220.0, 0, 64], [0, 220.0, 48], [0, 0, 1]]


def head(seed, x=64.0, distance=0.8):
    """A head with parameters, and what the camera sees of them."""
    draw, model = np.random.default_rng(seed), load_head()
    shape, expression = draw.normal(0, 1, 8).round(5), draw.uniform(0, 0.2, 4).round(5)
    rotation = np.array(rotation_from_euler(float(draw.uniform(-60, 60)), 5.0, 3.0)).round(9)
    place = (np.linalg.solve(K, [x, 48, 1]) * distance).round(5)
    vertices = model.vertices(shape, expression, [0.05, 0, 0]) @ rotation.T + place
    seen = project(vertices, K)
    box = [*seen.min(axis=0).round(2).tolist(), *seen.max(axis=0).round(2).tolist()]
    points = np.c_[project(model.landmarks(vertices), K), np.full(68, 0.5)].round(2)
    return {
        "box": [max(box[0], 0.0), max(box[1], 0.0), min(box[2], 128.0), min(box[3], 96.0)],
        "visibility": 1.0,
        "landmarks": {"scheme": "ibug68", "points": points.tolist(), "visible": "1" * 68},
        "params": {
            "model": model.name,
            "sha256": model.sha256,
            "shape": shape.tolist(),
            "expression": expression.tolist(),
            "jaw": [0.05, 0.0, 0.0],
            "translation": place.tolist(),
        },
        "pose": {"rotation": rotation.tolist(), "yaw": 10.0, "pitch": 5.0, "roll": 3.0},
    }


def records_in(root, count=8):
    """Records with one or two heads."""
    made = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (96, 128, 3), np.uint8)
        path = root / f"images/{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        heads = [head(number, 40.0)] + [head(100 + number, 90.0, 1.2)] * (number % 2)
        made.append(
            {
                "id": f"scene/{number}",
                "width": 128,
                "height": 96,
                "source": {"sampler": "prior", "sha256": f"{number:064d}"},
                "cluster": f"c{number}",
                "camera": {"K": K},
                "image": f"images/{number}.png",
                "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "truth": {"heads": heads},
            }
        )
    return made


def verified(*folders, jobs=1, **options):
    """(findings, remarks) of one run, as rows."""
    context = Context(
        "verify",
        Path.cwd(),
        operands=tuple(str(folder) for folder in folders),
        jobs=jobs,
        tag="test",
    )
    rows = list(tool.stream(tool.Options(**options), context, iter(())))
    found = [each.row for each in rows if isinstance(each, Finding)]
    return found, [each for each in rows if not isinstance(each, Finding)]


def packed(root, records, **options):
    """The folder of a pack that left nothing out."""
    _, failures = pack(root, records, **options)
    assert not failures
    return root / "out"


def redo_sums(folder):
    """Make checksums, and what the index says of shards, agree with what lies there."""
    path = folder / "index.json"
    index = json.loads(path.read_text())
    for row in index["shards"]:
        file = folder / row["path"]
        if file.is_file():
            data = file.read_bytes()
            row |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        elif row["format"] in ("yolo", "yolo-pose", "vggheads"):
            below = [file, Path(str(file).replace("/images/", "/labels/"))]
            row["bytes"] = sum(
                each.stat().st_size
                for each in {*below[0].rglob("*"), *below[1].rglob("*")}
                if each.is_file()
            )
    replace(path, json.dumps(index, indent=1).encode() + b"\n")
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "SHA256SUMS"
    ]
    replace(folder / "SHA256SUMS", "".join(lines).encode())


def replace(path, data):
    """Write a file of its own: the old one may have other names."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def members(shard):
    """[(name, data)] of a tar file."""
    with tarfile.open(shard) as tar:
        return [(info.name, tar.extractfile(info).read()) for info in tar]


def write_tar(shard, content):
    """A tar file as pack writes it, with its index."""
    out, index = io.BytesIO(), []
    for name, data in content:
        out.write(webdataset._header(name, len(data)))
        digest = hashlib.sha256(data).hexdigest()
        row = {"name": name, "offset": out.tell(), "bytes": len(data), "sha256": digest}
        index.append(row)
        out.write(data + bytes(-len(data) % 512))
    out.write(bytes(1024))
    out.write(bytes(-out.tell() % 10240))
    replace(shard, out.getvalue())
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in index)
    replace(shard.with_name(shard.stem + ".index.jsonl"), text.encode())


def edit_index(folder, change):
    """Change index.json in place, and the sums."""
    path = folder / "index.json"
    index = json.loads(path.read_text())
    change(index)
    replace(path, json.dumps(index, indent=1).encode() + b"\n")
    data = {name: line for line, name in _sums(folder)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    data["index.json"] = digest
    text = "".join(f"{line}  {name}\n" for name, line in data.items())
    replace(folder / "SHA256SUMS", text.encode())


def _sums(folder):
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        yield line[:64], line[66:]


def copy(source, target):
    """A copy of a folder that shares no file; and of its private file."""
    shutil.copytree(source, target)
    private = source.with_name(source.name + ".private.jsonl")
    shutil.copy(private, target.with_name(target.name + ".private.jsonl"))
    return target
