"""What rendered controls need before the first record: the head model that is asked for, and compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headkit.conditioning.mesh_colors import colored, published_subset
from headkit.conditioning.mesh_fit import MeshFitter
from headkit.conditioning.scenes import pictures
from headkit.head.loading import load_head
from headkit.render.scene import picture
from headkit.render.truth import labels
from headkit.render.warmup import rehearsal
from headkit.status import NO_INPUT, USAGE, Stop

OWN = "headkit"  # the head that comes with the package


def start(controls: Sequence[str], head: str, *, published_mesh: bool) -> MeshFitter | None:
    """See headkit.conditioning.prepare."""
    if published_mesh and head == OWN:
        raise Stop(
            USAGE,
            "--head: the published mesh ControlNet knows the colours of FLAME and would misread those of our own head;"
            " name your FLAME file with --head FILE",
        )
    fitter = None if head == OWN else _fitter(head)
    scene = rehearsal()
    frame = picture(scene, shaded=False)
    labels(scene, frame)
    pictures(scene, frame, controls)
    return fitter


def _fitter(head: str) -> MeshFitter:
    try:
        return MeshFitter(colored(load_head(head), published_subset(Path(head).parent)))
    except FileNotFoundError as error:
        raise Stop(NO_INPUT, f"--head {head}: {error.strerror}; check the path") from None
    except (ValueError, OSError) as error:
        raise Stop(USAGE, f"--head {error}") from None
