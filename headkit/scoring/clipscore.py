"""How well a picture fits its prompt: 2.5 max(cosine, 0) of CLIP's vectors of the two.

Hessel, Holtzman, Forbes, Le Bras and Choi, CLIPScore (EMNLP 2021), equation 1, with "A photo depicts " before the text as
there. The paper's CLIP is ViT-B-32:openai; scores of another CLIP cannot be compared with its. The text is prompt.text, or
caption where there is no prompt. CLIP reads 77 tokens: of a longer prompt the beginning counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headkit.scoring.clip_pass import ClipPass, look_for_clip
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.status import BAD_INPUT, Stop
from headkit.tool import Failure, Record

if TYPE_CHECKING:
    from headkit.scoring.options import ScoreOptions

PREFIX = "A photo depicts "
WEIGHT = 2.5


def clipscore(pictures: NDArray[np.float64], texts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) of unit vectors (n, width) of pictures and of texts."""
    cosine = np.array([picture @ text for picture, text in zip(pictures, texts, strict=True)])
    scores: NDArray[np.float64] = WEIGHT * np.maximum(cosine, 0)
    return scores


def text_of(record: Record) -> str | None:
    """What the picture was asked to show, or what a captioner saw in it."""
    prompt = record.get("prompt")
    text = prompt.get("text") if isinstance(prompt, dict) else record.get("caption")
    return text if isinstance(text, str) and text.strip() else None


def check(options: ScoreOptions, record: Record) -> None:  # noqa: ARG001 - the interface
    """Raises Stop (65) where the first record has no text."""
    if text_of(record) is None:
        raise Stop(
            BAD_INPUT,
            f"record {record['id']!r} has no prompt.text and no caption, which clipscore compares the image with; run "
            "headkit caption first",
        )


def start(study: Study) -> Measure:
    """Measure with --clip-model."""
    looked = study.shared(ClipPass)

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        texts = [text_of(subject.record) for subject in subjects]
        wanted = [place for place, text in enumerate(texts) if text is not None]
        pictures = looked.vectors([subjects[place] for place in wanted])
        read = looked.texts([PREFIX + (texts[place] or "") for place in wanted])
        marks: list[Marks | Failure] = [Marks({}) for _ in subjects]
        for place, score in zip(wanted, clipscore(pictures, read).tolist(), strict=True):
            marks[place] = Marks({"clipscore": score})
        return marks

    return measure


SCORE = Score(
    "clipscore",
    start,
    fields=("clipscore",),
    options=("clip_model",),
    check=check,
    before=look_for_clip,
)
