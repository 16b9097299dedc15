"""One look of CLIP at each picture, for all the scores that use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headkit.backends.clip import Clip
from headkit.scoring.score import Study, Subject
from headkit.tool import Context

if TYPE_CHECKING:
    from headkit.scoring.options import ScoreOptions

_SEEN = "clip"


class ClipPass:
    """The network of --clip-model, and what it saw."""

    def __init__(self, study: Study) -> None:
        """Raises Stop: 2, 66 or 69 where the network cannot be had."""
        self.clip = Clip(study.options.clip_model, study.context.device)
        study.made[_SEEN] = {"model": self.clip.name}

    def vectors(self, subjects: Sequence[Subject]) -> NDArray[np.float64]:
        """(n, width) unit vectors of the pictures."""
        new = [subject for subject in subjects if _SEEN not in subject.seen]
        for subject, vector in zip(
            new, self.clip.look([subject.pixels for subject in new]), strict=True
        ):
            subject.seen[_SEEN] = vector
        found = [subject.seen[_SEEN] for subject in subjects]
        return np.array(found, np.float64).reshape(len(found), self.clip.width)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n, width) unit vectors of texts."""
        return self.clip.read(texts).astype(np.float64)


def look_for_clip(options: ScoreOptions, context: Context) -> None:  # noqa: ARG001 - the interface
    """Before a record is read: fetch the weights of --clip-model. Raises Stop (69) where they cannot be had."""
    from headkit.backends.open_clip_files import find_open_clip

    find_open_clip(options.clip_model, "--clip-model")
