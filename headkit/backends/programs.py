"""Networks in files that hold their own program: TorchScript, and ONNX by onnxruntime."""

from __future__ import annotations

import importlib
import warnings
import zipfile
from pathlib import Path
from typing import Any

from headkit.backends.yolo_file import RefusedError


def is_torchscript(path: Path) -> bool:
    """Whether a file holds a TorchScript program: a zip with code in it, unlike a pickled network."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def load_torchscript(path: Path, device: str) -> Any:
    """The module in a .trcd, .pt or .ts file, on a device as torch calls it. Raises RefusedError where it is broken."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch's own advice about TorchScript
            load: Any = torch.jit.load
            return load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError) as error:
        raise RefusedError(
            f"cannot be read ({str(error).splitlines()[0]}); fetch it again"
        ) from None


def load_onnx(path: Path, device: str) -> Any:
    """The session of an .onnx file, with one thread. Raises RefusedError, or ImportError without onnxruntime."""
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the order of sums
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    if device != "cpu":
        providers.insert(0, "CUDAExecutionProvider")
    try:
        return runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # noqa: BLE001  onnxruntime's errors have no class of their own
        raise RefusedError(
            f"cannot be read ({str(error).splitlines()[0]}); fetch it again"
        ) from None
