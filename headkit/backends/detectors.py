"""Opens a head detector by the file that it is in: ours, ultralytics', or VGGHeads."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from headkit.backends.devices import torch_device
from headkit.backends.finding import Network, Search
from headkit.backends.weights import digest_of
from headkit.status import UNAVAILABLE, USAGE, Stop

OWN = "head_detector.npz"  # in headkit/data
OWN_SEARCH = Search(
    conf=0.3, iou=0.5, inside=0.9, vote=0.5
)  # best on held-out renders, headkit/data/README.md
YOLO_SEARCH = Search(conf=0.25, iou=0.7)  # ultralytics' own defaults
VGGHEADS_SEARCH = Search(conf=0.5, iou=0.5)  # as its authors run it


@dataclass(frozen=True)
class Detector:
    """A network, what it is called, the digest of its file, and how it is used where nothing else is asked for."""

    network: Network
    name: str
    sha256: str
    search: Search


def own_weights() -> Path:
    """The file of our own detector."""
    return Path(str(resources.files("headkit") / "data" / OWN))


def open_detector(
    model: str | None, imgsz: int | None, device: str, option: str = "--model"
) -> Detector:
    """The detector in the file `model`, or our own.

    Raises Stop, which names `option`: 66 where the file cannot be opened, 69 where it is refused or a library is
    missing, 2 where imgsz cannot be had.
    """
    device = torch_device(device)
    path = Path(model) if model is not None else own_weights()
    digest = digest_of(path, option)
    try:
        network, search = _opened(path, imgsz, device, option)
    except ImportError as error:
        raise Stop(
            UNAVAILABLE, f"{option} {path.name}: {error}; pip install {error.name}"
        ) from None
    return Detector(network, path.name if model is not None else "headkit", digest, search)


def _opened(path: Path, imgsz: int | None, device: str, option: str) -> tuple[Network, Search]:
    from headkit.backends import programs, vggheads, yolo
    from headkit.backends.yolo_file import RefusedError

    kind = path.suffix.lower()
    try:
        if kind == ".npz":
            own = yolo.load_weights(path, imgsz=imgsz, device=device)
            return own, YOLO_SEARCH if own.people else OWN_SEARCH
        if kind == ".onnx" or programs.is_torchscript(path):
            if imgsz not in (None, vggheads.SIDE):
                raise Stop(
                    USAGE, f"--imgsz {imgsz}: VGGHeads sees {vggheads.SIDE} pixels; leave it out"
                )
            load = vggheads.load_onnx if kind == ".onnx" else vggheads.load_torchscript
            return load(path, device=device), VGGHEADS_SEARCH
        return yolo.load_file(path, imgsz=imgsz, device=device), YOLO_SEARCH
    except RefusedError as error:
        raise Stop(UNAVAILABLE, f"{option} {path}: {error}") from None
