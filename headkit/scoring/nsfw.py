"""How likely a picture is not fit to be seen at work: 0 to 1, and from 0.5 on its network would refuse it.

By CLIP alone, without further weights: the cosines of the picture and of words, LAION's safety concepts, each with the
threshold that LAION gives it for ViT-L-14:openai (safety_settings.yml of LAION-AI/CLIP-based-NSFW-Detector, MIT). The
score is the logistic function of CLIP's scale times the largest excess over a threshold: 0.5 is a picture at it. Where a
concept of children is over its own, the others count from 0.01 lower on, as in the safety checker that CompVis published
with Stable Diffusion.

By --nsfw-model: LAION's head for CLIP vectors, or a classifier as generate --screen nsfw has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headkit.scoring.clip_pass import ClipPass, look_for_clip
from headkit.scoring.options import ScoreOptions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.status import USAGE, Stop
from headkit.tool import Context, Failure

if TYPE_CHECKING:
    from headkit.backends.diffusion.files import Found

CONCEPTS: dict[str, float] = {
    "sexual": 0.19,
    "nude": 0.19,
    "sex": 0.206,
    "18+": 0.21,
    "naked": 0.195,
    "nsfw": 0.19,
    "porn": 0.194,
    "dick": 0.19,
    "vagina": 0.19,
    "naked child": 0.22,
    "explicit content": 0.19,
    "uncensored": 0.19,
    "fuck": 0.195,
    "nipples": 0.1984,
    "visible nipples": 0.21,
    "naked breasts": 0.214,
    "areola": 0.2,
}
CHILDREN: dict[str, float] = {
    "little girl": 0.21,
    "little boy": 0.21,
    "young child": 0.2,
    "young girl": 0.22,
    "toddler": 0.21,
    "baby": 0.21,
}
_LOWER = 0.01
_CONCEPTS_ARE_OF = (
    "ViT-L-14",
    "ViT-L-14-quickgelu",
)  # with the weights of openai; a file of them needs the second
_HEAD_FILES = (".pt", ".pth", ".safetensors")


def zero_shot(
    vectors: NDArray[np.float64], concepts: NDArray[np.float64], scale: float
) -> NDArray[np.float64]:
    """(n,) scores of pictures (n, width), by the vectors (23, width) of CONCEPTS and CHILDREN in their order."""
    thresholds = np.array([*CONCEPTS.values(), *CHILDREN.values()])
    excess = np.stack([concepts @ vector for vector in vectors]) - thresholds
    unsafe, children = excess[:, : len(CONCEPTS)], excess[:, len(CONCEPTS) :]
    largest = unsafe.max(axis=1) + np.where((children > 0).any(axis=1), _LOWER, 0)
    scores: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(scale * largest, -700, 700)))
    return scores


def _is_head(model: str) -> bool:
    return model.lower().endswith(_HEAD_FILES) and not Path(model).is_dir()


def before(options: ScoreOptions, context: Context) -> None:
    """Look for the weights. Raises Stop: 2 for a CLIP that the thresholds are not of, 66, 69."""
    model = options.nsfw_model
    if model is not None and not _is_head(model):
        _find_classifier(model)
        return
    if model is None:
        name, _, tag = options.clip_model.partition(":")
        known = name in _CONCEPTS_ARE_OF and tag == "openai"
        known |= name == _CONCEPTS_ARE_OF[1] and Path(tag).is_file()
        if not known and not Path(options.clip_model).is_dir():
            raise Stop(
                USAGE,
                f"--clip-model {options.clip_model}: the thresholds of LAION's safety concepts are of ViT-L-14:openai; use "
                f"that, or a file of its weights ({_CONCEPTS_ARE_OF[1]}:FILE), or name an --nsfw-model",
            )
    look_for_clip(options, context)


def _find_classifier(model: str) -> Found:
    from headkit.backends.diffusion.files import find_classifier
    from headkit.recipes.recipe import Weights

    return find_classifier(Weights(model))


def start(study: Study) -> Measure:
    """Measure with what --nsfw-model names."""
    model = study.options.nsfw_model
    if model is not None and not _is_head(model):
        return _by_classifier(study, model)
    looked = study.shared(ClipPass)
    if model is None:
        concepts = looked.texts([*CONCEPTS, *CHILDREN])
        study.made["nsfw"] = {"model": "LAION safety concepts"}

        def measure(subjects: list[Subject]) -> list[Marks | Failure]:
            found = zero_shot(looked.vectors(subjects), concepts, looked.clip.scale)
            return [Marks({"nsfw": score}) for score in found.tolist()]

        return measure
    from headkit.backends.clip_heads import read_head

    head = read_head(Path(model), looked.clip.width, "--nsfw-model")
    study.made["nsfw"] = {"model": head.name, "sha256": head.sha256[:16]}

    def by_head(subjects: list[Subject]) -> list[Marks | Failure]:
        found = np.clip(head(looked.vectors(subjects)), 0, 1)
        return [Marks({"nsfw": score}) for score in found.tolist()]

    return by_head


def _by_classifier(study: Study, model: str) -> Measure:
    from headkit.backends.diffusion.screening import Screen

    found = _find_classifier(model)
    screen = Screen(found, study.context.device)
    study.made["nsfw"] = found.made()

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        scores = screen.scores([subject.pixels for subject in subjects])
        return [Marks({"nsfw": score}) for score in scores]

    return measure


SCORE = Score("nsfw", start, fields=("nsfw",), options=("clip_model", "nsfw_model"), before=before)
