"""Reads a file of ultralytics as the pickle that it is: only the classes named here, and nothing that runs.

torch's restricted unpickler (weights_only) refuses whatever is not allowed; the names that a file holds are compared
with the lists below before it is read, so that the message can name the one that is refused.
"""

from __future__ import annotations

import importlib
import pathlib
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from headkit.backends.quiet_yolo import ultralytics
from headkit.backends.weights import first_line

# Every layer of the detection and pose networks whose yaml comes with ultralytics 8.4, from YOLOv3 to YOLO26.
_LAYERS: Final = {
    "torch.nn.modules.activation": "GELU Hardswish LeakyReLU ReLU SiLU Sigmoid Tanh",
    "torch.nn.modules.batchnorm": "BatchNorm2d",
    "torch.nn.modules.container": "ModuleList Sequential",
    "torch.nn.modules.conv": "Conv2d ConvTranspose2d",
    "torch.nn.modules.linear": "Identity Linear",
    "torch.nn.modules.loss": "BCEWithLogitsLoss",
    "torch.nn.modules.padding": "ZeroPad2d",
    "torch.nn.modules.pooling": "MaxPool2d",
    "torch.nn.modules.upsampling": "Upsample",
    "ultralytics.nn.modules.block": "A2C2f AAttn ABlock AConv ADown Attention Bottleneck BottleneckCSP C1 C2 C2PSA C2f"
    " C2fAttn C2fCIB C2fPSA C3 C3Ghost C3TR C3k C3k2 C3x CBFuse CBLinear CIB DFL ELAN1 GhostBottleneck PSA PSABlock"
    " RealNVP RepBottleneck RepC3 RepCSP RepNCSPELAN4 RepVGGDW Residual SCDown SPP SPPELAN SPPF",
    "ultralytics.nn.modules.conv": "Concat Conv Conv2 DWConv Focus GhostConv LightConv RepConv",
    "ultralytics.nn.modules.head": "Detect Pose Pose26 v10Detect",
    "ultralytics.nn.tasks": "DetectionModel PoseModel",
    # The loss of a training that was cut short stays in its checkpoint; it is never called here.
    "ultralytics.utils": "IterableSimpleNamespace",
    "ultralytics.utils.loss": "BboxLoss DFLoss E2EDetectLoss E2ELoss KeypointLoss PoseLoss26 RLELoss"
    " v8DetectionLoss v8PoseLoss",
    "ultralytics.utils.tal": "TaskAlignedAssigner",
}
# Names of older versions.
_RENAMED: Final = {
    "ultralytics.nn.modules.block.Silence": "torch.nn.modules.linear.Identity",
    "ultralytics.nn.tasks.YOLOv10DetectionModel": "ultralytics.nn.tasks.DetectionModel",
    "ultralytics.utils.loss.v10DetectLoss": "ultralytics.utils.loss.E2EDetectLoss",
    "ultralytics.yolo.utils.IterableSimpleNamespace": "ultralytics.utils.IterableSimpleNamespace",
}
_ALLOWED: Final = frozenset(
    f"{module}.{name}" for module, names in _LAYERS.items() for name in names.split()
)


class RefusedError(Exception):
    """A file holds something else than a network; in words, with the remedy."""


def read(path: Path) -> dict[str, Any]:
    """What the file holds: `model` or `ema`, a network, and notes on its training.

    Raises RefusedError where it is broken, of another kind, or names anything that is not a layer.
    """
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except ValueError:
        raise RefusedError(
            "not a file of torch.save, or of a version before 1.6; save it again with a current ultralytics"
        ) from None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise RefusedError(f"cut short or damaged ({first_line(error)}); fetch it again") from None
    allowed = [_resolved(name) for name in names]
    if "numpy.dtype" in names:
        allowed.append(type(np.dtype(np.float64)))  # made by numpy, so that no file names it
    try:
        with torch.serialization.safe_globals(allowed):
            kept = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, AttributeError, TypeError) as error:
        raise RefusedError(f"cannot be read ({first_line(error)}); fetch it again") from None
    if not isinstance(kept, dict):
        raise RefusedError("holds no network of ultralytics; name one that its trainer saved")
    return kept


def network_in(kept: dict[str, Any]) -> Any:
    """The network of a file, with what older versions of ultralytics did not store."""
    network = kept.get("ema") or kept.get("model")
    known = importlib.import_module("ultralytics.nn.tasks")
    if not isinstance(network, known.DetectionModel):
        raise RefusedError("holds no network of ultralytics; name one that its trainer saved")
    for module in network.modules():
        if isinstance(module, nn.Upsample) and not hasattr(module, "recompute_scale_factor"):
            module.recompute_scale_factor = None
        if hasattr(module, "inplace"):
            module.inplace = True
    return network


def _resolved(name: str) -> Any:
    """What a name in a file stands for; RefusedError where it is not on the list."""
    entry = _data().get(name)
    if entry is not None:
        return entry, name
    real = _RENAMED.get(name, name)
    if real not in _ALLOWED:
        raise RefusedError(
            f"names {name}, which is no layer of a detection or pose network, and is refused, since to read it could"
            " run code; save the network again with `ultralytics`, and trust its source"
        )
    ultralytics()
    module, _, attribute = real.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute), name
    except (ImportError, AttributeError):
        raise RefusedError(
            f"names {name}, which this version of ultralytics does not have; pip install -U ultralytics"
        ) from None


def _data() -> dict[str, Any]:
    """What is not a layer but harmless: numbers, paths, and getattr of layers."""
    scalar = np.float64(0).__reduce__()[0]
    return {
        "numpy.dtype": np.dtype,
        "numpy.core.multiarray.scalar": scalar,
        "numpy._core.multiarray.scalar": scalar,
        "builtins.getattr": _layer_attribute,
        "__builtin__.getattr": _layer_attribute,
        **{
            f"{module}.{kind}Path": pathlib.PurePosixPath
            for module in ("pathlib", "pathlib._local")
            for kind in ("Posix", "Windows")
        },
    }


def _layer_attribute(owner: Any, name: str) -> Any:
    """Bound `forward` of a layer, which some files hold; nothing else of anything."""
    if isinstance(owner, nn.Module) and name in {"forward", "forward_fuse"}:
        return getattr(type(owner), name).__get__(owner)
    raise pickle.UnpicklingError(f"attribute {name!r} of {type(owner).__name__} is asked for")
