"""What is counted of every sample while it is packed. Its size does not grow with the number of samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from headkit.datasheet.terms import Terms
from headkit.datasheet.vocabulary import (
    GROUPED,
    NAMED,
    height_band,
    is_number,
    visibility_band,
    yaw_band,
)
from headkit.tool import Record

MOST = 300  # values of one count that are told apart
OTHERS = "(others)"
KINDS = ("box", "landmarks", "params", "pose", "visibility", "attributes")
CONFUSED = ("sex", "age", "origin", "headwear", "glasses", "beard")


class Facts:
    """Counts by name, each a Counter of words; `highest` of some scores; the terms of the parts."""

    def __init__(self, terms: Terms) -> None:
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.highest: dict[str, float] = {}
        self.terms = terms

    def state(self) -> dict[str, Any]:
        """All of it as JSON, for `restore`."""
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
        heads = [head for head in label["heads"] if isinstance(head, dict)]
        self._tick("images", "images")
        self._tick("sizes", f"{size[0]} x {size[1]}")
        self._tick("heads-per-image", str(len(label["heads"])))
        for name in label:
            self._tick("fields", name)
        for head in heads:
            self._add_head(head)
        record = {**rest, **label}
        self._add_scores(record.get("scores"))
        self._add_making(record)
        self.terms.add(record)
        if isinstance(record.get("cluster"), str):
            self._tick("cluster", "yes")
        self._add_agreement(record.get("label"))
        self._add_people(record, heads)

    def _tick(self, name: str, value: str) -> None:
        found = self.counts[name]
        found[value if value in found or len(found) < MOST else OTHERS] += 1

    def _add_head(self, head: Record) -> None:
        tick = self._tick
        for kind in KINDS:
            if kind in head and head[kind] is not None:
                tick("labels", kind)
        why = head.get("ignore")
        if isinstance(why, str):
            tick("ignored", why)
        box = head.get("box")
        if isinstance(box, list) and len(box) == 4 and is_number(box[1]) and is_number(box[3]):
            tick("heights", height_band(box[3] - box[1]))
        pose = head.get("pose")
        yaw = pose.get("yaw") if isinstance(pose, dict) else None
        if isinstance(yaw, int | float) and is_number(yaw):
            tick("yaws", yaw_band(yaw))
        if is_number(head.get("visibility")):
            tick("visibility", visibility_band(head["visibility"]))
        fit = head.get("fit")
        if isinstance(fit, dict) and type(fit.get("converged")) is bool:
            tick("fits", "converged" if fit["converged"] else "not converged")
        if isinstance(head.get("review"), str):
            tick("reviews", head["review"])

    def _add_scores(self, scores: Any) -> None:
        if not isinstance(scores, dict):
            return
        for name, value in scores.items():
            if is_number(value):
                self._tick("scores", name)
                if name in ("nsfw", "identity"):
                    self.highest[name] = max(value, self.highest.get(name, value))

    def _add_making(self, record: Record) -> None:
        source = record.get("source")
        if isinstance(source, dict) and isinstance(source.get("sampler"), str):
            self._tick("sources", f"drawn by sampler {source['sampler']}")
        elif isinstance(source, dict) and source:
            self._tick("sources", "from a photo")
        else:
            self._tick("sources", "not told")
        generated = record.get("generated")
        if isinstance(generated, dict) and isinstance(generated.get("model"), str):
            preset = generated.get("preset")
            preset = f", preset {preset}" if isinstance(preset, str) else ""
            self._tick("models", generated["model"] + preset)
        made = record.get("made")
        for tool, kept in made.items() if isinstance(made, dict) else ():
            if isinstance(kept, dict):
                words = [kept.get(name) for name in ("headkit", "model", "sha256")]
                shown = [tool, *(word for word in words if isinstance(word, str))]
                self._tick("made", " ".join(shown))

    def _add_agreement(self, label: Any) -> None:
        if not isinstance(label, dict):
            return
        if type(label.get("accepted")) is bool:
            self._tick("accepted", "accepted" if label["accepted"] else "not accepted")
        asked = label.get("head_count")
        if isinstance(asked, dict) and {"asked", "found"} <= asked.keys():
            self._tick("head-counts", f"{asked['asked']} asked, {asked['found']} found")

    def _add_people(self, record: Record, heads: list[Record]) -> None:
        poses = record.get("poses")
        people = [_attributes(pose) for pose in poses] if isinstance(poses, list) else []
        for asked in people:
            for name in GROUPED:
                word = NAMED[name](asked.get(name)) if name in asked else None
                if word is not None:
                    self._tick(f"asked-{name}", word)
        for head in heads:
            apparent = _attributes(head)
            for name in GROUPED:
                word = NAMED[name](apparent.get(name)) if name in apparent else None
                if word is not None:
                    self._tick(f"apparent-{name}", word)
        for asked, apparent in _pairs(record, people, heads):
            for name in CONFUSED:
                both = NAMED[name](asked.get(name)), NAMED[name](apparent.get(name))
                if both[0] is not None and both[1] is not None:
                    self._tick(f"confusion-{name}", f"{both[0]} | {both[1]}")


def _attributes(thing: Any) -> Record:
    found = thing.get("attributes") if isinstance(thing, dict) else None
    return found if isinstance(found, dict) else {}


def _pairs(
    record: Record, people: list[Record], heads: list[Record]
) -> list[tuple[Record, Record]]:
    """What was asked of a head and what it shows, for each head of which both can be told."""
    if record["labels"] == "truth":
        at = [(head.get("person"), head) for head in heads]
        return [
            (people[person], _attributes(head))
            for person, head in at
            if type(person) is int and 0 <= person < len(people)
        ]
    label = record.get("label")
    asked = record.get("target") or record.get("truth")
    shown = asked.get("heads") if isinstance(asked, dict) else None
    pairs = label.get("heads") if isinstance(label, dict) else None
    if not (isinstance(shown, list) and isinstance(pairs, list)):
        return []
    found = []
    for pair in pairs:
        first, second = (
            (pair.get("asked"), pair.get("found")) if isinstance(pair, dict) else (None, None)
        )
        if (
            type(first) is int
            and type(second) is int
            and 0 <= first < len(shown)
            and 0 <= second < len(record["heads"])
        ):
            found.append((_attributes(shown[first]), _attributes(record["heads"][second])))
    return found
