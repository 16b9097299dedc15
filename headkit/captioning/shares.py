"""What a manifest has of its targets, and of what no words decide: for the summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from headkit.targets import SCENE, Targets
from headkit.tool import Record

_QUARTERS = ("facing the camera", "to the right", "from behind", "to the left")


class Shares:
    """Counts of people by the groups of the targets, of pictures by the people in them, of heads by their yaw."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets

    def labels(self, record: Record) -> Iterator[str]:
        """See tool.Tally. A label is a name and the number of a group, as "sex 0"."""
        poses = record.get("poses")
        poses = poses if isinstance(poses, list) else []
        yield f"people {self._number('people', len(poses))}"
        for pose in poses:
            yield "person"
            words = pose.get("attributes") or {}
            for name in self.targets.groups:
                if name not in SCENE and words.get(name) is not None:
                    yield f"{name} {self._number(name, words[name])}"
            yaw = (pose.get("head") or {}).get("yaw")
            if isinstance(yaw, int | float):
                yield f"yaw {self._number('yaw', (yaw + 180) % 360 - 180)}"

    def lines(self, counts: Mapping[str, int]) -> Iterable[str]:
        """See tool.Tally."""
        yield f"{counts.get('person', 0)} people; asked for -> what is there:"
        words = [name for name in self.targets.groups if name not in SCENE]
        for name in (*words, *SCENE):
            found = self._line(name, counts)
            if found:
                yield found

    def _number(self, name: str, value: float | str) -> int:
        if name in self.targets.groups:
            return self.targets.number(name, value)
        if name == "people":
            return int(value)
        return int((float(value) + 45) // 90) % 4

    def _line(self, name: str, counts: Mapping[str, int]) -> str:
        found = {
            int(label.split()[1]): number
            for label, number in counts.items()
            if label.split()[0] == name
        }
        total = sum(found.values())
        if not total:
            return ""  # another tool decides it
        if name in self.targets.groups:
            labels = [*(group.label for group in self.targets.groups[name]), "others"]
            shares = self.targets.shares(name)
            parts = [
                f"{label} {share:.1%} -> {found.get(number, 0) / total:.1%}"
                for number, (label, share) in enumerate(zip(labels, shares, strict=True))
                if share > 0 or number in found
            ]
        else:
            parts = [
                f"{_QUARTERS[number] if name == 'yaw' else number} {found[number] / total:.1%}"
                for number in sorted(found)
            ]
        return f"  {name}: " + ", ".join(parts)
