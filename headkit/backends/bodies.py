"""Opens a network that finds people and their 17 key points: ours, or any pose network of ultralytics.

A file of weights may be named as ultralytics names it (yolo26x-pose.pt): where no such file is there, it is fetched
once by ultralytics' own downloader, into headkit's cache.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from headkit.backends.detectors import YOLO_SEARCH, Detector
from headkit.backends.devices import torch_device
from headkit.backends.finding import Search
from headkit.backends.weights import digest_of
from headkit.status import NO_INPUT, UNAVAILABLE, Stop

OWN = "body_pose.npz"  # in headkit/data
OWN_SEARCH = Search(conf=0.3, iou=0.6)  # below, doors and bushes are people to it


def open_bodies(
    model: str | None, imgsz: int | None, device: str, option: str = "--model"
) -> Detector:
    """The pose network in the file `model`, or of that name at ultralytics, or our own.

    Raises Stop, which names `option`: 66 where the file cannot be opened, 69 where it is refused or cannot be fetched, or a library is missing.
    """
    device = torch_device(device)
    try:
        from headkit.backends import yolo
        from headkit.backends.yolo_file import RefusedError
    except ImportError as error:
        raise Stop(UNAVAILABLE, f"{error}; pip install {error.name}") from None
    path = _own() if model is None else _located(model, option)
    digest = digest_of(path, option)
    try:
        if path.suffix == ".npz":
            network, search = yolo.load_weights(path, imgsz=imgsz, device=device), OWN_SEARCH
        else:
            network = yolo.load_file(path, imgsz=imgsz, device=device)
            # What needs no suppression gets none, as in ultralytics.
            search = replace(YOLO_SEARCH, iou=1.0) if network.final else YOLO_SEARCH
    except RefusedError as error:
        raise Stop(UNAVAILABLE, f"{option} {path}: {error}") from None
    if not network.people:
        raise Stop(
            UNAVAILABLE,
            f"{option} {path}: finds heads, not people with key points; name a pose network",
        )
    return Detector(network, path.name if model is not None else "headkit", digest, search)


def _own() -> Path:
    path = Path(str(resources.files("headkit") / "data" / OWN))
    if not path.exists():
        raise Stop(
            UNAVAILABLE,
            f"{OWN}: the weights that come with headkit are missing; install it again, or name others with --model",
        )
    return path


def _located(model: str, option: str) -> Path:
    """The file of that path, or of that name among ultralytics' weights."""
    path = Path(model)
    if path.exists() or path.name != model:
        return path
    from headkit.backends.quiet_yolo import ultralytics

    ultralytics()
    downloads: Any = importlib.import_module("ultralytics.utils.downloads")
    if model not in downloads.GITHUB_ASSETS_NAMES:
        raise Stop(
            NO_INPUT,
            f"{option} {model}: no such file, nor weights of ultralytics of that name; name a file of weights",
        )
    return _fetched(model, downloads, option)


def _fetched(name: str, downloads: Any, option: str) -> Path:
    """Weights of ultralytics in the cache, fetched where they are not there; Stop 69 where they cannot be."""
    folder = Path(os.environ["YOLO_CONFIG_DIR"]) / "weights"
    path = folder / name
    if path.exists():
        return path
    reason = "HF_HUB_OFFLINE is set"
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("1", "true", "yes", "on"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f".{name}.lock").open("w") as lock:  # workers begin together
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists():
                    downloads.attempt_download_asset(path, progress=sys.stderr.isatty(), retry=1)
        except (OSError, ValueError, RuntimeError) as error:  # requests' errors are OSErrors
            reason = " ".join(str(error).replace("❌", "").split())
        if path.exists():
            return path
    raise Stop(
        UNAVAILABLE,
        f"{option} {name}: could not be fetched ({reason}); fetch it elsewhere and give its path, or leave {option} out",
    )
