"""Trains the name tagger on the captions of tests/data (torch needed; some minutes of one core).

python -m headkit.make.train_names tests/data/names_{open,blind,more,practice,drill,drill_2,blind_2,blind_3,blind_4}.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headkit.editing import letter_features, word_features
from headkit.editing.lexicon import member
from headkit.editing.names_ruled import ruled
from headkit.editing.tagging import LABELS
from headkit.editing.tokens import script_of

LETTERWISE = word_features.LETTERWISE
VARIANTS = 3
EPOCHS = 4
SMALL = 0.065  # a weight that is nearer to 0 decides nothing
RECASED = 0.4  # share of captions that are also learned in other capitals
UNLISTED = 0.25  # share of occupations and places that are learned as if no list had them
DECAY = 2e-5
RARE = 2  # a feature that is in fewer examples has no weight


@dataclass
class Example:
    """Features of each unit, and the labels that each may have."""

    features: list[list[str]]
    allowed: list[tuple[bool, ...]]


def examples(row: dict[str, Any], draw: random.Random, level: str, variants: int) -> list[Example]:
    """A caption as it is, and variants in which lists know its names less well."""
    found = []
    for variant in range(variants):
        if level == "words":
            again = _recased(row, draw) if variant == 1 and draw.random() < RECASED else None
            found += [example for example in [again and _words(again, draw)] if example]
            example = _words(row, draw if variant else None)
        else:
            example = _letters(_renamed(row, draw) if variant else row, draw if variant else None)
        if example:
            found.append(example)
    return found


def _recased(row: dict[str, Any], draw: random.Random) -> dict[str, Any] | None:
    """The caption in small letters, in capitals, or as a headline; None where that is no other text."""
    text = row["text"]
    how = draw.choice(["small", "small", "capitals", "headline"])
    if how == "small":
        changed = text.lower()
    elif how == "capitals":
        changed = text.upper()
    else:
        changed = re.sub(
            r"(?<![\w'\u2019])[^\W\d_](?=[^\W\d_]{3})", lambda match: match[0].upper(), text
        )
    mute = (
        row["kind"] in ("handle", "email") or "@" in text or "#" in text or "." in text.rstrip(".")
    )
    if mute or changed == text or len(changed) != len(text):
        return None
    return {**row, "text": changed, "ruled": _ruled(changed)}


# What lists say of a name, of a place or what somebody does, and of a word: what learning hides now and then.
_NAME_FACTS = frozenset([
    "given", "family", "~given", "~family", "name", "proper", "place", "city", "-given", "-family", "-proper", "GIVEN_AR",
    "FAMILY_AR", "GIVEN_HE", "FAMILY_HE", "GIVEN_HI", "FAMILY_HI", "STAGE_NAMES", "BRANDS", "TITLES", "CASED_TITLES",
    "CLUBS", "BRANDS_AR", "BRANDS_HE", "BRANDS_HI", "TITLES_AR", "TITLES_HE", "TITLES_HI", "AMBIGUOUS_AR", "AMBIGUOUS_HE",
    "AMBIGUOUS_HI", "STRONG", "DUAL", "seen", "~seen", "~proper", "~place", "AMBIGUOUS_RUSSIAN", "ruled", "in BRANDS",
    "in TITLES", "in STAGE_NAMES", "in AGENCIES", "own seen",
])  # fmt: skip
_PLAIN_FACTS = frozenset([
    "place", "~place", "city", "in CITIES", "in SIGHTS", "LANDMARKS", "ROLES", "~ROLES", "FOLK", "~FOLK",
])  # fmt: skip
_WORD_FACTS = frozenset([
    "word", "said", "seen", "~word", "~said", "~seen", "own said", "own seen", "proper",
])  # fmt: skip


def _words(row: dict[str, Any], draw: random.Random | None) -> Example | None:
    text = row["text"]
    units = word_features.units(text)
    if not any(unit.script not in LETTERWISE for unit in units):
        return None
    tongue, capitals = word_features.caption_language(text)
    known = word_features.word_facts(text, units, tongue, row["ruled"])
    allowed = [_allowed(row, unit.start, unit.end) for unit in units]
    if draw is not None:
        hide = draw.random() < 0.7
        for k, choice in enumerate(allowed):
            if not choice[0] and hide and draw.random() < 0.6:
                known[k] = known[k] - _NAME_FACTS
            elif not choice[0] and row.get("mended") and draw.random() < 0.3:
                known[k] = known[k] - {"ruled"}
            elif choice[0] and draw.random() < 0.04:
                known[k] = known[k] - _WORD_FACTS
            elif choice[0] and draw.random() < UNLISTED:
                known[k] = known[k] - _PLAIN_FACTS
    groups = word_features.features(text, units, known, tongue, capitals)
    return Example(_flat(groups), allowed)


def _letters(row: dict[str, Any], draw: random.Random | None) -> Example | None:
    text = row["text"]
    if not any(script_of(letter) in LETTERWISE for letter in text):
        return None
    tongue = letter_features.tongue_of(text)
    known = letter_features.spans(text, tongue, row["ruled"])
    if draw is not None:
        for start, end in row["spans"]:
            if draw.random() < 0.5:
                known = [
                    (
                        s,
                        e,
                        facts
                        if e <= start or end <= s
                        else tuple(
                            f
                            for f in facts
                            if f not in ("given", "family", "name", "proper", "place")
                            and not f.startswith(
                                ("RULED", "GIVEN", "TITLES", "BRANDS", "SURNAMES_JA", "AMBIG")
                            )
                        ),
                    )
                    for s, e, facts in known
                ]
        known = [span for span in known if span[2]]
    cut = letter_features.letters(text)
    allowed = [_allowed(row, start, end) for start, end in cut]
    return Example(_flat(letter_features.features(text, tongue, known)), allowed)


def _flat(groups: Sequence[Sequence[tuple[str, ...]]]) -> list[list[str]]:
    return [[feature for group in own for feature in group] for own in groups]


def _allowed(row: dict[str, Any], start: int, end: int) -> tuple[bool, ...]:
    """The labels that the unit [start, end) may have: what is optional may have any."""
    kind = {"title": 2, "brand": 3}.get(row["kind"], 1)
    letters = [k for k in range(start, end) if unicodedata.category(row["text"][k])[0] in "LMN"]
    if any(a <= k < b for a, b in row["spans"] for k in letters):
        return tuple(k == kind for k in range(len(LABELS)))
    if not letters:
        inside = any(a <= start < b for a, b in row["spans"])
        return (True, *(k == kind or not inside for k in range(1, len(LABELS))))
    if any(a <= k < b for a, b in row["optional"] for k in letters):
        return (True, *(k == kind for k in range(1, len(LABELS))))
    return (True, *(False for _ in LABELS[1:]))


_POOLS: dict[str, list[list[str]]] = {}


def _pool(script: str) -> list[list[str]]:
    if script not in _POOLS:
        if script == "kana":
            kana = [n for n in member("given.ja") if all("\u3041" <= k <= "\u30fc" for k in n)]
            lists = [sorted(member("family.ja")), sorted(member("given.ja")), sorted(kana)]
        elif script == "thai":
            lists = [sorted(member("given.th")), sorted(member("family.th"))]
        else:
            names = member("name.zh" if script == "han" else "name.ko")
            lists = [
                sorted(n for n in names if len(n) == 3),
                sorted(n for n in names if len(n) == 2),
            ]
            lists += [sorted(n for n in names if len(n) == 4)]
        _POOLS[script] = lists
    return _POOLS[script]


def _renamed(row: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The caption with other names of persons, of the same script and about the same make."""
    if row["kind"] in ("title", "brand", "none", "handle", "email") or draw.random() < 0.25:
        return row
    text = ""
    parts = sorted(
        [(a, b, "spans") for a, b in row["spans"]]
        + [(a, b, "optional") for a, b in row["optional"]]
    )
    position = 0
    new: dict[str, list[list[int]]] = {"spans": [], "optional": []}
    for start, end, which in parts:
        text += row["text"][position:start]
        piece = row["text"][start:end]
        script = letter_features.tongue_of(row["text"])
        if which == "spans" and all(script_of(k) in LETTERWISE or k in " ・" for k in piece):
            piece = _other_name(piece, script, draw)
        new[which].append([len(text), len(text) + len(piece)])
        text += piece
        position = end
    text += row["text"][position:]
    return {**row, "text": text, "ruled": _ruled(text), **new}


def _other_name(name: str, script: str, draw: random.Random) -> str:
    pool = _pool(script)
    if script == "thai":
        given = draw.choice(pool[0])
        return (
            f"{given} {draw.choice(pool[1])}" if " " in name else given if len(name) > 4 else name
        )
    if script == "kana":
        if "・" in name or len(name) < 2:
            return name
        if all("\u3041" <= k <= "\u30fc" for k in name):
            return draw.choice(pool[2])
        if len(name) < 3:
            return draw.choice(pool[draw.choice([0, 1])])
        return draw.choice(pool[0]) + (" " if " " in name else "") + draw.choice(pool[1])
    if " " in name or len(name) not in (2, 3):
        return name
    if len(name) == 2 and script == "hangul":
        return draw.choice(pool[0])[1:]
    return draw.choice(pool[0] if len(name) == 3 else pool[1])


# ---- the model -----------------------------------------------------------------------------------


def train(
    found: Sequence[Example], *, epochs: int, decay: float, seed: int
) -> dict[str, list[float]]:
    """Weights of the features that most raise the likelihood of what is allowed (Adam, L2)."""
    torch.manual_seed(seed)
    counts = Counter(name for one in found for own in one.features for name in set(own))
    names = sorted(name for name, n in counts.items() if n >= RARE)
    index = {name: k + 1 for k, name in enumerate(names)}
    rows = [
        ([[index[name] for name in own if name in index] for own in one.features], one.allowed)
        for one in found
    ]
    weights = torch.nn.EmbeddingBag(len(names) + 1, len(LABELS), mode="sum")
    torch.nn.init.zeros_(weights.weight)
    moves = torch.nn.Parameter(torch.zeros(len(LABELS), len(LABELS)))
    optimizer = torch.optim.Adam([*weights.parameters(), moves], lr=0.03)
    order = list(range(len(rows)))
    draw = random.Random(seed)
    size = 64
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = 0.03 * (1 - epoch / epochs) + 0.002
        draw.shuffle(order)
        for batch in _batches([rows[k] for k in order], size, draw):
            loss = _loss(weights, moves, batch)
            loss = loss + decay * (weights.weight**2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    table = weights.weight.detach().numpy()
    table = table[:, 1:] - table[:, :1]  # what counts is the difference to no name
    result = {
        name: _rounded(table[k]) for name, k in index.items() if np.abs(table[k]).max() > SMALL
    }
    return result | {f"> {label}": _rounded(moves.detach()[k]) for k, label in enumerate(LABELS)}


def _batches(rows: Sequence[Any], size: int, draw: random.Random) -> list[Sequence[Any]]:
    """Batches of captions of about one length, in any order: a batch takes as long as its longest caption."""
    found = []
    for begin in range(0, len(rows), size * 16):
        block = sorted(rows[begin : begin + size * 16], key=lambda row: len(row[0]))
        found += [block[k : k + size] for k in range(0, len(block), size)]
    draw.shuffle(found)
    return found


def _rounded(numbers: Any) -> list[float]:
    return [round(float(each), 2) for each in numbers]


def _loss(
    weights: torch.nn.EmbeddingBag, moves: torch.Tensor, batch: Sequence[Any]
) -> torch.Tensor:
    """Mean negative log likelihood of the allowed labellings of a batch of captions."""
    flat = [k for units, _ in batch for own in units for k in (own or [0])]
    sizes = [max(len(own), 1) for units, _ in batch for own in units]
    offsets = torch.tensor(np.cumsum([0, *sizes[:-1]]))
    scores = weights(torch.tensor(flat), offsets)
    lengths = [len(units) for units, _ in batch]
    longest = max(lengths)
    count = len(LABELS)
    padded = torch.nn.utils.rnn.pad_sequence(list(scores.split(lengths)), batch_first=True)
    mask = torch.zeros(len(batch), longest, count)
    for k, (_, allowed) in enumerate(batch):
        mask[k, : len(allowed)] = torch.tensor(allowed, dtype=torch.float32)
    held = (1 - mask) * -1e4
    whole, right = padded[:, 0], padded[:, 0] + held[:, 0]
    live = torch.tensor(lengths)
    for place in range(1, longest):
        on = (place < live).unsqueeze(1)
        step = torch.logsumexp(whole.unsqueeze(2) + moves, 1) + padded[:, place]
        whole = torch.where(on, step, whole)
        step = torch.logsumexp(right.unsqueeze(2) + moves, 1) + padded[:, place] + held[:, place]
        right = torch.where(on, step, right)
    return (torch.logsumexp(whole, 1) - torch.logsumexp(right, 1)).mean()


def read(path: Path, *, mended: bool = False) -> list[dict[str, Any]]:
    """The captions of a file; `mended`: the rules know them better than others."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{**row, "ruled": _ruled(row["text"]), "mended": mended} for row in rows]


def _ruled(text: str) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in ruled(text)]


def main() -> None:
    """Train on all captions of the files given and write the weights; the same captions, the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "captions", nargs="+", type=Path, help="the first is what the rules were mended by"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "data/name_tagger.zip"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    weights = learned(options.captions, epochs=options.epochs)
    with zipfile.ZipFile(options.out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for level, own in weights.items():
            text = json.dumps(own, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            archive.writestr(zipfile.ZipInfo(level), text.encode(), zipfile.ZIP_DEFLATED)
            print(f"{level}: {len(own):,} weights")


def learned(captions: Sequence[Path], *, epochs: int = EPOCHS) -> dict[str, dict[str, list[float]]]:
    """The weights of both levels, learned from files of captions; by the first, the rules were mended."""
    torch.set_num_threads(1)
    rows = [row for k, path in enumerate(captions) for row in read(path, mended=k == 0)]
    found = {}
    for level in ("letters", "words"):
        draw = random.Random(1)
        known = [one for row in rows for one in examples(row, draw, level, VARIANTS)]
        found[level] = train(known, epochs=epochs, decay=DECAY, seed=1)
    return found


if __name__ == "__main__":
    main()
