"""What libraries read from the environment before they load; the one place that sets thread counts."""

from __future__ import annotations

import ctypes
import gc
import os

from headkit.cache import folder

# One thread per process, whatever the user's environment says: the order of a sum, and so the last bits of
# a picture, depend on the number of threads. --jobs scales better than threads inside a library do.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
# No telemetry, no installing behind the user's back.
QUIET = {
    "YOLO_AUTOINSTALL": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",
}


# glibc's mallopt: an array below the first is taken from memory that the process holds, and up to the second of what
# is free is held. Else every picture's arrays go back to the system, and come again page by page, zeroed: 7% of a drawing.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_HELD, _ARRAY = 256 << 20, 32 << 20


def tune() -> None:
    """Fit the process to its work: results stay the same.

    Python looks for cycles less often: records are thousands of lists each, and have none.
    """
    gc.set_threshold(100_000, 50, 50)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    mallopt(_M_MMAP_THRESHOLD, _ARRAY)
    mallopt(_M_TRIM_THRESHOLD, _HELD)


def prepare() -> None:
    """Set the threads, and what is unset of caches and telemetry. Workers inherit it."""
    for name in THREADS:
        os.environ[name] = "1"
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if (
        "YOLO_CONFIG_DIR" not in os.environ
    ):  # numba's cache is set where its kernels are (render/jit.py)
        os.environ["YOLO_CONFIG_DIR"] = str(folder("ultralytics"))
