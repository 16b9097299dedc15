"""Head models by name: our own, or a FLAME file."""

from __future__ import annotations

import functools
from pathlib import Path

from headkit.head.flame import load_flame
from headkit.head.model import HeadModel
from headkit.head.own import own_head


@functools.lru_cache(maxsize=4)
def load_head(name: str = "headkit") -> HeadModel:
    """The head model of that name, loaded once: "headkit", which comes with the package, or a FLAME file (.pkl, .npz).

    Raises ValueError on a name that is not known or a file that is no head model, OSError where it cannot be read.
    """
    if name == "headkit":
        return own_head()
    if not name.endswith((".pkl", ".npz")):
        raise ValueError(
            f"head model {name!r}: neither 'headkit', which comes with the package, nor a FLAME file (.pkl, .npz)"
        )
    return load_flame(Path(name))
