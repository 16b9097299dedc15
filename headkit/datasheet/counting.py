"""What is counted of every sample while it is packed. Its size does not grow with the number of samples.

It is called once a sample, beside work that takes a tenth of a millisecond: what many samples have alike is counted under
a key that costs little, and taken apart when the counts are asked for.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from typing import Any

import orjson

from headkit.datasheet.terms import Terms, parts, photo_license, pose_origin
from headkit.datasheet.vocabulary import (
    GROUPED,
    HEIGHT_BANDS,
    NAMED,
    VISIBILITIES,
    VISIBILITY_BANDS,
    YAW_BANDS,
    is_number,
)
from headkit.formats.census import HEAD_HEIGHTS
from headkit.tool import Record

MOST = 300  # values of one count that are told apart
OTHERS = "(others)"
KINDS = ("box", "landmarks", "params", "pose", "visibility", "attributes")
CONFUSED = ("sex", "age", "origin", "headwear", "glasses", "beard")
HIGHEST = ("nsfw", "identity")  # scores of which the highest is kept
NAMING = ("headkit", "model", "name", "revision", "sha256")  # of what made a row, in words
RATES = ("threshold", "false_match_rate", "true_match_rate")
_OF_POSES = ("sampler", "original", "license")  # of a source
_MADE = ("source", "generated", "made")


class Facts:
    """Counts by name, each a Counter of words; `highest` of some scores; the terms of the parts."""

    def __init__(self, terms: Terms) -> None:
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.highest: dict[str, float] = {}
        self.terms = terms
        # Not taken apart yet.
        self._labels: Counter[tuple[str, ...]] = Counter()  # names of a label's fields
        self._heads: Counter[tuple[str, ...]] = Counter()  # names of a head's fields
        self._numbers: Counter[int] = Counter()  # heads of an image
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._yaws, self._heights = [0] * len(YAW_BANDS), [0] * len(HEIGHT_BANDS)
        self._visible = [0] * len(VISIBILITY_BANDS)
        self._people: defaultdict[tuple[str, str, str], int] = defaultdict(int)  # bounded by words
        self._making: Counter[bytes] = Counter()  # JSON of the fields _MADE, as far as they count

    def state(self) -> dict[str, Any]:
        """All of it as JSON, for `restore`."""
        self.settle()
        return {
            "counts": {name: list(found.items()) for name, found in self.counts.items()},
            "highest": self.highest,
            "terms": self.terms.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave; nothing of an empty one."""
        if state:
            for name, found in state["counts"].items():
                self.counts[name] = Counter(dict(found))
            self.highest = dict(state["highest"])
            self.terms.restore(state["terms"])

    def add(self, label: Record, rest: Record, size: tuple[int, int]) -> None:
        """Count a sample: what is published of it, what is not, and the size of its image."""
        self._sizes[size] += 1
        self._numbers[len(label["heads"])] += 1
        self._labels[tuple(label)] += 1
        heads = [head for head in label["heads"] if isinstance(head, dict)]
        for head in heads:
            self._add_head(head)
        scores = label.get("scores") or rest.get("scores")
        if scores:
            self._add_scores(scores)
        self._add_making(label, rest)
        if label.get("cluster") or rest.get("cluster"):
            self._tick("cluster", "yes")
        agreement = label.get("label") or rest.get("label")
        if agreement:
            self._add_agreement(agreement)
        poses = label.get("poses") or rest.get("poses")
        self._add_people(label, rest, poses if isinstance(poses, list) else [], heads)
        if len(self._sizes) > MOST or len(self._making) > MOST or len(self._heads) > MOST:
            self.settle()

    def settle(self) -> None:
        """Take apart what was counted by keys."""
        for names, count in self._labels.items():
            self._count("images", "images", count)
            for name in names:
                self._count("fields", name, count)
        for names, count in self._heads.items():
            for kind in KINDS:
                if kind in names:
                    self._count("labels", kind, count)
        for number, count in self._numbers.items():
            self._count("heads-per-image", str(number), count)
        for (width, height), count in self._sizes.items():
            self._count("sizes", f"{width} x {height}", count)
        for name, bands, found in (
            ("yaws", YAW_BANDS, self._yaws),
            ("heights", HEIGHT_BANDS, self._heights),
            ("visibility", VISIBILITY_BANDS, self._visible),
        ):
            for at, band in enumerate(bands):
                if found[at]:
                    self._count(name, band, found[at])
                found[at] = 0
        for (role, name, word), count in self._people.items():
            if role in ("asked", "apparent"):
                self._count(f"{role}-{name}", word, count)
            else:  # an attribute, what was asked for, what is seen
                self._count(f"confusion-{role}", f"{name} | {word}", count)
        for key, count in self._making.items():
            self._settle_making(orjson.loads(key), count)
        for counter in (self._labels, self._heads, self._numbers, self._sizes, self._making):
            counter.clear()
        self._people.clear()

    def _count(self, name: str, value: str, count: int) -> None:
        found = self.counts[name]
        found[value if value in found or len(found) < MOST else OTHERS] += count

    def _tick(self, name: str, value: str) -> None:
        self._count(name, value, 1)

    def _add_head(self, head: Record) -> None:
        if None in head.values():
            head = {name: value for name, value in head.items() if value is not None}
        self._heads[tuple(head)] += 1
        why = head.get("ignore")
        if isinstance(why, str):
            self._tick("ignored", why)
        box = head.get("box")
        if isinstance(box, list) and len(box) == 4 and is_number(box[1]) and is_number(box[3]):
            self._heights[bisect_right(HEAD_HEIGHTS, box[3] - box[1])] += 1
        pose = head.get("pose")
        yaw = pose.get("yaw") if isinstance(pose, dict) else None
        if isinstance(yaw, int | float) and type(yaw) is not bool:
            self._yaws[int((yaw + 180) // 30) % 12] += 1
        seen = head.get("visibility")
        if isinstance(seen, int | float) and type(seen) is not bool:
            self._visible[bisect_right(VISIBILITIES, seen)] += 1
        fit = head.get("fit")
        if isinstance(fit, dict) and type(fit.get("converged")) is bool:
            self._tick("fits", "converged" if fit["converged"] else "not converged")
        if isinstance(head.get("review"), str):
            self._tick("reviews", head["review"])

    def _add_scores(self, scores: Any) -> None:
        for name, value in scores.items() if isinstance(scores, dict) else ():
            if is_number(value):
                self._tick("scores", name)
                if name in HIGHEST:
                    self.highest[name] = max(value, self.highest.get(name, value))

    def _add_making(self, label: Record, rest: Record) -> None:
        """Count where the poses came from, and what made image and labels: alike for all rows of a run."""
        found: Record = {}
        for name in _MADE:
            kept = rest.get(name) or label.get(name)
            if isinstance(kept, dict):
                found[name] = kept
        source, generated = found.get("source"), found.get("generated")
        if source is not None:
            kept = {name: source[name] for name in _OF_POSES if name in source}
            if source.get("sha256"):
                kept["sha256"] = True  # that there is a photo counts, not which
            found["source"] = kept or bool(source)
        if generated is not None:
            found["generated"] = {
                name: generated[name]
                for name in ("model", "preset", "weights")
                if name in generated
            }
        self._making[orjson.dumps(found)] += 1

    def _settle_making(self, found: Record, count: int) -> None:
        source, generated, made = (found.get(name) for name in _MADE)
        self._count("sources", pose_origin(source), count)
        if isinstance(generated, dict) and isinstance(generated.get("model"), str):
            preset = generated.get("preset")
            preset = f", preset {preset}" if isinstance(preset, str) else ""
            self._count("models", generated["model"] + preset, count)
        for tool, kept in made.items() if isinstance(made, dict) else ():
            if isinstance(kept, dict):
                self._count("made", _named(tool, kept), count)
                for part, inner in kept.items():
                    if isinstance(inner, dict) and ("model" in inner or "name" in inner):
                        self._count("made", _named(f"{tool}.{part}", inner), count)
                if tool == "score":
                    self._count_rates(kept.get("identity"), count)
        weights = generated.get("weights") if isinstance(generated, dict) else None
        for part, kept in weights.items() if isinstance(weights, dict) else ():
            if isinstance(kept, dict):
                self._count("weights", _named(part, kept), count)
        self.terms.count(photo_license(found), parts(found), count)

    def _count_rates(self, identity: Any, count: int) -> None:
        """Count at which threshold and rates faces were compared, as made.score.identity has them."""
        if isinstance(identity, dict) and "false_match_rate" in identity:
            rates = {name: _whole(identity.get(name)) for name in RATES}
            self._count("identity-rates", json.dumps(rates, separators=(",", ":")), count)

    def _add_agreement(self, label: Any) -> None:
        if not isinstance(label, dict):
            return
        if type(label.get("accepted")) is bool:
            self._tick("accepted", "accepted" if label["accepted"] else "not accepted")
        asked = label.get("head_count")
        if isinstance(asked, dict) and {"asked", "found"} <= asked.keys():
            self._tick("head-counts", f"{asked['asked']} asked, {asked['found']} found")

    def _add_people(
        self, label: Record, rest: Record, poses: list[Any], heads: list[Record]
    ) -> None:
        """Count what people were asked for, what heads show, and both together."""
        asked = [_words(pose) for pose in poses]
        shown = [_words(head) for head in heads]
        seen = self._people
        for role, people in (("asked", asked), ("apparent", shown)):
            for words in people:
                for name, word in words.items():
                    seen[role, name, word] += 1
        if label["labels"] == "truth":
            pairs = [
                (asked[head["person"]], words)
                for head, words in zip(heads, shown, strict=True)
                if words and _is_index(head.get("person"), asked)
            ]
        else:
            pairs = _matched({**rest, **label}, shown)
        for wanted, found in pairs:
            for name in CONFUSED:
                if name in wanted and name in found:
                    seen[name, wanted[name], found[name]] += 1


def _whole(value: Any) -> Any:
    """Whole numbers as integers, as jq writes them; in lists too."""
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _named(place: str, kept: Record) -> str:
    """A model by its place, with its version, name, revision and digest, as far as they are told."""
    words = (kept.get(name) for name in NAMING)
    return " ".join([place, *(word for word in words if isinstance(word, str))])


def _words(thing: Any) -> dict[str, str]:
    """The attributes of a person or head that samples are counted by, as words and bands."""
    attributes = thing.get("attributes") if isinstance(thing, dict) else None
    if not isinstance(attributes, dict):
        return {}
    found = {}
    for name in GROUPED:
        if name in attributes:
            word = NAMED[name](attributes[name])
            if word is not None:
                found[name] = word
    return found


def _is_index(value: Any, among: list[Any]) -> bool:
    return type(value) is int and 0 <= value < len(among)


def _matched(
    record: Record, shown: list[dict[str, str]]
) -> list[tuple[dict[str, str], dict[str, str]]]:
    """What was asked of a head and what it shows, for each head that was found where one was asked for."""
    label, asked = record.get("label"), record.get("target") or record.get("truth")
    pairs = label.get("heads") if isinstance(label, dict) else None
    wanted = asked.get("heads") if isinstance(asked, dict) else None
    if not (isinstance(pairs, list) and isinstance(wanted, list)) or not any(shown):
        return []
    return [
        (_words(wanted[pair["asked"]]), shown[pair["found"]])
        for pair in pairs
        if isinstance(pair, dict)
        and _is_index(pair.get("asked"), wanted)
        and _is_index(pair.get("found"), shown)
    ]
