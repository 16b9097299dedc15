"""YOLO networks: our own weights, and any detection or pose network in a file of ultralytics.

A file of ultralytics is a pickle, read as yolo_file says. Our own weights are arrays, and the network is built from the
yaml beside them.
"""

from __future__ import annotations

import copy
import importlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headkit.backends.boxes import Candidates
from headkit.backends.finding import MOST
from headkit.backends.quiet_yolo import ultralytics
from headkit.backends.yolo_file import RefusedError, network_in, read

Array = NDArray[Any]
STRIDE = 32  # every side is a multiple of it
COARSER = (
    0.77,
    0.4,
)  # further squares of our own network, as shares of the first: see data/head_detector.md
SIDE = 640  # of ultralytics, where a file does not say for what side its network was trained
HEADS = {"head", "heads", "human head", "human_head", "human-head"}
PEOPLE = {"person", "human", "people"}
_KEY_POINTS = (17, 3)  # COCO's, with confidence


# ---- networks built from a yaml ------------------------------------------------------------------


def architecture(path: str, *, width: float, classes: int) -> dict[str, Any]:
    """The description of a network from a yaml within ultralytics, with its channels scaled by `width`."""
    yaml = ultralytics().utils.YAML.load(Path(str(ultralytics().__file__)).parent / path)
    depth, _width, channels = yaml["scales"]["n"]
    return {**yaml, "nc": classes, "scales": {"n": [depth, width, channels]}, "scale": "n"}


def build(yaml: dict[str, Any]) -> nn.Module:
    """The detection or pose network that a yaml describes, with weights as drawn by torch's generator."""
    tasks = ultralytics().nn.tasks
    kind = tasks.PoseModel if "kpt_shape" in yaml else tasks.DetectionModel
    network: nn.Module = kind(copy.deepcopy(yaml), verbose=False)
    network.args = importlib.import_module("ultralytics.cfg").get_cfg()
    return network


def detection_loss(network: nn.Module) -> Any:
    """The loss of a detection network, for training."""
    return ultralytics().utils.loss.v8DetectionLoss(network)


def pose_loss(network: nn.Module) -> Any:
    """The loss of a pose network of people, for training; COCO's deviations of key points."""
    return ultralytics().utils.loss.v8PoseLoss(network)


def save_weights(path: Path, network: nn.Module, yaml: dict[str, Any], *, imgsz: int) -> None:
    """Half-precision arrays and the yaml as a npz file that `load` reads."""
    arrays = {
        name: value.half().numpy() if value.is_floating_point() else value.numpy()
        for name, value in network.cpu().state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    description = json.dumps({"yaml": yaml, "imgsz": imgsz})
    np.savez_compressed(path, description=np.array(description), **arrays)


# ---- networks that look --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class YoloNetwork:
    """A network of ultralytics and which of its outputs are heads; see finding.Network.

    people   its boxes are of people with 17 key points, and heads follow from those
    coarser  sides of further squares, in which heads that fill the picture look like most heads in training
    """

    module: Any  # a network of ultralytics: an nn.Module with names and a list of layers
    imgsz: int
    wanted: int  # the class that is a head, or a person
    classes: int
    people: bool
    device: str = "cpu"
    fill: int = 114
    mirrors: bool = True
    coarser: tuple[int, ...] = ()

    @property
    def sides(self) -> tuple[int, ...]:
        """Of the squares, pixels."""
        return (self.imgsz, *self.coarser)

    @property
    def chunk(self) -> int:
        """Squares at a time: on one core more than one gains nothing (measured), on a GPU it does."""
        return 1 if self.device == "cpu" else 16

    @property
    def final(self) -> bool:
        """Whether what it proposes needs no suppression (YOLO26, YOLOv10)."""
        return bool(getattr(self.module.model[-1], "end2end", False))

    def look(self, squares: NDArray[np.uint8], conf: float) -> list[Candidates]:
        """What is in each of (chunk, imgsz, imgsz, 3) uint8 RGB squares, with scores above conf."""
        pixels = torch.from_numpy(np.ascontiguousarray(squares)).to(self.device)
        images = pixels.permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            out = self.module(images)
        rows = (out[0] if isinstance(out, tuple) else out).float().cpu().numpy()
        return [
            self._ready(one, conf) if self.final else self._decoded(one.T, conf) for one in rows
        ]

    def _decoded(self, rows: Array, conf: float) -> Candidates:
        """From (anchors, 4 + classes + more) rows: centre and sides, score of each class, key points."""
        scores = rows[:, 4 : 4 + self.classes]
        best = scores[:, self.wanted]
        rows = rows[(best > conf) & (best >= scores.max(axis=1))]
        half = rows[:, 2:4] / 2
        boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
        return self._candidates(boxes, rows[:, 4 + self.wanted], rows[:, 4 + self.classes :])

    def _ready(self, rows: Array, conf: float) -> Candidates:
        """From (n, 6 + more) rows of a network without suppression: corners, score, class, key points."""
        rows = rows[(rows[:, 4] > conf) & (rows[:, 5] == self.wanted)]
        return self._candidates(rows[:, :4], rows[:, 4], rows[:, 6:])

    def _candidates(self, boxes: Array, scores: Array, more: Array) -> Candidates:
        points = np.ascontiguousarray(more).reshape(-1, *_KEY_POINTS) if self.people else None
        return Candidates(np.ascontiguousarray(boxes), np.ascontiguousarray(scores), points)


def load_weights(path: Path, *, imgsz: int | None = None, device: str = "cpu") -> YoloNetwork:
    """Our own head detector, or body-pose network, from a npz file of `save_weights`.

    imgsz  as it was trained for, unless given. A pose network gives boxes of people with their key points. Raises
           RefusedError where the file is something else, or broken.
    """
    module, description = stored(path)
    side = imgsz or int(description["imgsz"])
    people = "kpt_shape" in description["yaml"]
    shares = () if people else COARSER
    coarser = {max(STRIDE, round(share * side / STRIDE) * STRIDE) for share in shares} - {side}
    return YoloNetwork(
        _ready_to_look(module, device),
        imgsz=side,
        wanted=0,
        classes=1,
        people=people,
        device=device,
        coarser=tuple(sorted(coarser, reverse=True)),
    )


def stored(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network in a npz file of `save_weights`, as it was trained, with its `yaml` and `imgsz`. Raises RefusedError."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            description = json.loads(str(arrays["description"]))
            kept = {
                name: torch.from_numpy(arrays[name])
                for name in arrays.files
                if name != "description"
            }
        module = build(description["yaml"])
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RefusedError(
            f"holds no weights of ours ({error}); name one of headkit/make"
        ) from None
    missing = [name for name in module.state_dict() if name not in kept]
    if any(not name.endswith("num_batches_tracked") for name in missing):
        raise RefusedError(f"lacks {missing[0]} and more; name one of headkit/make")
    module.load_state_dict(kept, strict=False)
    return module, description


def load_file(path: Path, *, imgsz: int | None = None, device: str = "cpu") -> YoloNetwork:
    """A detection network with a class named head, or a pose network of people, from a file of ultralytics.

    imgsz  as it was trained for, unless given. Raises RefusedError where it is neither, or not safe to read.
    """
    kept = read(path)
    module: Any = network_in(kept)
    try:
        people = isinstance(module, ultralytics().nn.tasks.PoseModel)
        names = {int(k): str(name) for k, name in module.names.items()}
        points = tuple(module.model[-1].kpt_shape) if people else _KEY_POINTS
        side = imgsz or _trained_at(kept, module) or SIDE
        ready = _ready_to_look(module, device)
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise RefusedError(f"lacks a part of a network ({error}); fetch it again") from None
    if points != _KEY_POINTS:
        raise RefusedError(
            f"its people have {points[0]} key points, not COCO's 17; name another pose network"
        )
    accepted = HEADS | PEOPLE if people else HEADS
    wanted = [k for k, name in names.items() if name.lower() in accepted]
    if not wanted:
        classes = ", ".join(list(names.values())[:5])
        raise RefusedError(
            f"has no class named head, but {classes}; name a head detector, or a pose network"
        )
    return YoloNetwork(ready, side, wanted[0], len(names), people, device)


def _trained_at(kept: dict[str, Any], module: Any) -> int | None:
    """The side of the pictures that a network was trained with, where its file says so."""
    arguments = getattr(module, "args", None)
    stored = arguments if isinstance(arguments, dict) else getattr(arguments, "__dict__", {})
    for source in (kept.get("train_args"), stored):
        side = source.get("imgsz") if isinstance(source, dict) else None
        if isinstance(side, int) and side > 0:
            return side
    return None


def _ready_to_look(module: Any, device: str) -> Any:
    module.float().eval().requires_grad_(requires_grad=False)
    module.fuse(verbose=False)
    last = module.model[-1]
    last.max_det = MOST  # of networks that need no suppression; 300 is too few for a crowd
    return module.to(device)
