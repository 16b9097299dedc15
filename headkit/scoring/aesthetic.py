"""How good a photo looks, 0 to 1: CLIP's choice between two opposite texts, as CLIP-IQA makes it.

Wang, Chan and Loy, Exploring CLIP for Assessing the Look and Feel of Images (AAAI 2023): the softmax over the scaled cosines
of the picture with "Good photo." and "Bad photo.". The paper's network sees a picture in its own size, ours the square that
--clip-model was trained on, so that the numbers are not the paper's.

With --aesthetic-model also LAION's aesthetic predictor, a linear head on vectors of ViT-L-14:openai, which was trained on
ratings from 1 to 10. Both prefer some subjects to others, as groups and studio portraits: no preset of filter uses them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headkit.scoring.clip_pass import ClipPass, look_for_clip
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

TEXTS = ("Good photo.", "Bad photo.")


def start(study: Study) -> Measure:
    """Measure with --clip-model, and with the head of --aesthetic-model where it is given."""
    from headkit.backends.clip_heads import read_head

    looked = study.shared(ClipPass)
    good, bad = looked.texts(TEXTS)
    head = None
    if study.options.aesthetic_model is not None:
        path = Path(study.options.aesthetic_model)
        head = read_head(path, looked.clip.width, "--aesthetic-model")
        study.made["aesthetic"] = {"model": head.name, "sha256": head.sha256[:16]}

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        vectors = looked.vectors(subjects)
        better = np.array([vector @ good - vector @ bad for vector in vectors])
        shares = 1 / (1 + np.exp(-np.clip(looked.clip.scale * better, -700, 700)))
        ratings = [{}] * len(vectors) if head is None else [{"aesthetic_laion": r} for r in head(vectors).tolist()]  # fmt: skip
        return [
            Marks({"aesthetic": share, **rating})
            for share, rating in zip(shares.tolist(), ratings, strict=True)
        ]

    return measure


SCORE = Score(
    "aesthetic",
    start,
    fields=("aesthetic", "aesthetic_laion"),
    options=("clip_model", "aesthetic_model"),
    before=look_for_clip,
)
