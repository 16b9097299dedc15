"""Imports ultralytics without what its import does to a process.

It looks up host names, takes a thread count and a settings file, wraps PIL.Image.open and torch.save, stops OpenCV's
threads, changes how arrays print, sets environment variables, logs to standard output and reports use over the
network. All of that is off or put back here. (ultralytics 8.4.190: utils/__init__.py, utils/patches.py)
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image

from headkit.cache import folder

SWITCHES = {
    "YOLO_OFFLINE": "true",  # else two host names are looked up, and a use is reported
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",  # layers by name, never by eval
}
# Set by the import for the benefit of others' libraries; children of ours should not inherit them.
LEFT_BEHIND = (
    "NUMEXPR_MAX_THREADS",
    "TF_CPP_MIN_LOG_LEVEL",
    "TORCH_CPP_LOG_LEVEL",
    "KINETO_LOG_LEVEL",
    "LD_LIBRARY_PATH",
    "QT_QPA_FONTDIR",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
    "OMP_NUM_THREADS",
)


@functools.cache
def ultralytics() -> ModuleType:
    """The package, with `nn.tasks` and `utils.loss` loaded. Raises ImportError."""
    os.environ.update(SWITCHES)
    if "YOLO_CONFIG_DIR" not in os.environ:  # outside of a run
        os.environ["YOLO_CONFIG_DIR"] = str(folder("ultralytics"))
    kept = {name: os.environ.get(name) for name in LEFT_BEHIND}
    image_open, torch_save, threads = Image.open, torch.save, torch.get_num_threads()
    numbers = np.get_printoptions()
    opencv = importlib.import_module("cv2")
    opencv_threads = opencv.getNumThreads()
    try:
        package = importlib.import_module("ultralytics")
        importlib.import_module("ultralytics.nn.tasks")
        importlib.import_module("ultralytics.utils.loss")
    finally:
        Image.open, torch.save = image_open, torch_save
        torch.set_num_threads(threads)
        opencv.setNumThreads(opencv_threads)
        printing: Any = torch.set_printoptions
        printing(profile="default")
        np.set_printoptions(**numbers)
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    _log_to_stderr()
    return package


def _log_to_stderr() -> None:
    """Its logger writes to standard output, where a manifest goes."""
    for handler in logging.getLogger("ultralytics").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
