"""The tagger: a linear-chain model that says of each word (or letter) whether it is of a name.

A conditional random field (Lafferty, McCallum and Pereira 2001) over four labels. Its weights, in
headkit/data/name_tagger.zip, are those of headkit.make.train_names.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

LABELS = ("", "person", "title", "brand")  # "": of no name
Weights = Mapping[str, Sequence[float]]
Scores = list[list[float]]  # of a unit and a label

_FILE = Path(__file__).parents[1] / "data/name_tagger.zip"


@lru_cache(maxsize=2)
def weights(level: str) -> Weights:
    """Weights of features, one for each label but the first; of "words" or of "letters"."""
    with zipfile.ZipFile(_FILE) as archive:
        found: Weights = json.loads(archive.read(level))
    return found


def scores(features: Sequence[Sequence[tuple[str, ...]]], level: str) -> Scores:
    """How much the features of each unit, in groups, speak for each label; 0 for the first."""
    found = []
    for groups in features:
        person = title = brand = 0.0
        for group in groups:
            one, two, three = _sum(group, level)
            person += one
            title += two
            brand += three
        found.append([0.0, person, title, brand])
    return found


@lru_cache(maxsize=50_000)
def _sum(group: tuple[str, ...], level: str) -> tuple[float, float, float]:
    known = weights(level)
    found = [known[feature] for feature in group if feature in known]
    return sum(one[0] for one in found), sum(one[1] for one in found), sum(one[2] for one in found)


def best_labels(found: Scores, known: Weights, bias: float) -> list[int]:
    """The likeliest labels (Viterbi 1967); `bias` is added to the score of every label of a name."""
    every = range(len(LABELS))
    moves = [known[f"> {label}"] for label in LABELS]
    # Where no label can make up for the moves to it and back, all units are of no name.
    gain = max(each - moves[0][0] for move in moves for each in move)
    if all(max(score[1:]) + bias + 2 * gain < 0 for score in found):
        return [0] * len(found)
    best: list[float] = []
    back: list[list[int]] = []
    for place, score in enumerate(found):
        own = [score[0], *(each + bias for each in score[1:])]
        if not place:
            best = own
            continue
        step = [max(every, key=lambda j, k=k: best[j] + moves[j][k]) for k in every]  # type: ignore[misc]
        best = [best[j] + moves[j][k] + own[k] for k, j in enumerate(step)]
        back.append(step)
    path = [max(every, key=best.__getitem__)]
    for step in reversed(back):
        path.append(step[path[-1]])
    return path[::-1]
