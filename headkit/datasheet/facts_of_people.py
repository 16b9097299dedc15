"""Answers about people: who is asked for and shown, who was dropped more often, what is sensitive."""

from __future__ import annotations

from dataclasses import dataclass

from headkit.datasheet import vocabulary
from headkit.datasheet.counting import CONFUSED
from headkit.datasheet.logs import after
from headkit.datasheet.markup import interval, listed, plain, rate, table
from headkit.datasheet.measures import Measures

LEAST = 5  # people of a group: a share of fewer says nothing


@dataclass(frozen=True)
class Rejection:
    """How many people of a group a tool dropped, of those that came to it."""

    tool: str
    attribute: str
    word: str
    dropped: int
    came: int
    best: float  # the least share of a group of the same attribute

    @property
    def share(self) -> float:
        return self.dropped / self.came


def rejections(measures: Measures) -> list[Rejection]:
    """For each tool with a ledger and each attribute, the share of each group's people that were in dropped records.

    To a tool came who is packed, who it dropped, and who a later tool dropped. Records that failed are in no group.
    """
    rejected, found = measures.logs.rejected, []
    tools = sorted({tool for tool, _ in rejected})
    for tool in tools:
        for name in vocabulary.GROUPED:
            shares: list[tuple[str, int, int]] = []
            for word in vocabulary.order(name):
                came = measures.count(f"asked-{name}", word) + sum(
                    counts[word]
                    for (other, attribute), counts in rejected.items()
                    if attribute == name and after(tool, other)
                )
                if came >= LEAST:
                    shares.append(
                        (word, rejected[tool, name][word] if (tool, name) in rejected else 0, came)
                    )
            best = min((dropped / came for _, dropped, came in shares), default=0.0)
            found += [Rejection(tool, name, *each, best) for each in shares]
    return found


def subpopulations(measures: Measures) -> str:
    """Who was asked for, what the heads show, and who was dropped."""
    asked = [name for name in vocabulary.GROUPED if f"asked-{name}" in measures.known]
    if not asked:
        return (
            "Records do not say what people were asked for (`poses[].attributes`), so that nobody can tell how groups are "
            "spread. That is a gap: a prior or prompts may leave out groups."
        )
    lines = ["Yes. People were asked for by these words (drawn, not measured of anybody):", ""]
    for name in asked:
        rows = measures.known[f"asked-{name}"].rows
        shown = ", ".join(
            f"{plain(word)}: {measures.say(f'asked-{name}', int(count))}" for count, word in rows
        )
        lines.append(f"- {name}: {shown}")
    lines += ["", _confusions(measures)]
    told = _rejection_table(measures)
    if told:
        lines += ["", told]
    elif measures.logs.runs:
        lines += [
            "",
            "No ledger holds dropped people with attributes, so that no rate of rejection can be told.",
        ]
    else:
        lines += [
            "",
            "Without ledgers (`pack --log DIR`) nobody can tell whether tools dropped some groups more often.",
        ]
    return "\n".join(lines)


def _confusions(measures: Measures) -> str:
    """Asked for against what the heads show: a table for each attribute in which both differ anywhere."""
    shown = "drawn" if measures.packed.labels == "truth" else "found"
    alike, tables = [], []
    for name in CONFUSED:
        known = measures.known.get(f"confusion-{name}")
        if known is None:
            continue
        cells = {tuple(row[1].split(" | ", 1)): int(row[0]) for row in known.rows}
        total, same = sum(cells.values()), sum(cells[pair] for pair in cells if len(set(pair)) == 1)
        alike.append(f"- {name}: {measures.say(known.name, same)} of {measures.say(known.name, total)} heads as asked, {rate(same, total)}")  # fmt: skip
        if same < total:
            tables.append(_confusion(measures, name, cells))
    if not alike:
        return (
            "What the heads **appear** to show was not measured (`heads[].attributes`): only what was asked for is known, "
            "and an image model may have drawn something else."
        )
    head = f"Asked for against what the heads show ({shown}):\n\n" + "\n".join(alike)
    return "\n\n".join((head, *tables))


def _confusion(measures: Measures, name: str, cells: dict[tuple[str, ...], int]) -> str:
    """The confusion table of an attribute."""
    order = vocabulary.order(name)
    columns = [word for word in order if any(pair[1] == word for pair in cells)]
    rows = [
        [
            plain(word),
            *(
                measures.say(f"confusion-{name}", cells[word, other])
                if (word, other) in cells
                else ""
                for other in columns
            ),
        ]
        for word in order
        if any(pair[0] == word for pair in cells)
    ]
    return table([f"{name}: asked for in rows, seen in columns", *map(plain, columns)], rows)


def _rejection_table(measures: Measures) -> str:
    """The groups that tools dropped, with their ratio to the best group; those beyond chance first."""
    found = rejections(measures)
    if not found:
        return ""
    more = [each for each in found if _is_beyond_chance(each)]
    text = (
        f"How often tools dropped people of a group, for groups of {LEAST} people and more (came: packed, dropped here, or "
        "dropped by a later tool; intervals after Wilson). "
    )
    if more:
        text += f"More often than the best group, by more than its interval:\n\n{_rates(measures, more)}"
    else:
        text += "No group was dropped more often than the best one by more than its interval."
    return f"{text}\n\n<details><summary>All groups</summary>\n\n{_rates(measures, found)}\n\n</details>"


def _rates(measures: Measures, found: list[Rejection]) -> str:
    rows = [
        (
            f"{plain(each.tool)}, {each.attribute}",
            plain(each.word),
            f"{measures.say(f'rejected-{each.attribute}', each.dropped)} of {each.came:,}",
            rate(each.dropped, each.came),
            f"{each.share / each.best:.2f}" if each.best else "-",
        )
        for each in found
    ]
    header = ("tool, attribute", "group", "people dropped, of those that came", "rate", "ratio to the best group")  # fmt: skip
    return table(header, rows)


def _is_beyond_chance(each: Rejection) -> bool:
    return interval(each.dropped, each.came)[0] > each.best


def sensitive(measures: Measures) -> str:
    """Whether words of origin, headscarves, tones were asked for: then yes, of people who do not exist."""
    found = []
    for name, what in (
        ("origin", "words of origin"),
        ("tone", "skin tones"),
        ("sex", "sex"),
        ("age", "age"),
    ):
        if f"asked-{name}" in measures.known:
            found.append(
                f"{what} of {measures.say(f'asked-{name}', measures.total(f'asked-{name}'))} people"
            )
    scarves = measures.count("asked-headwear", vocabulary.SENSITIVE_HEADWEAR)
    if scarves:
        found.append(
            f"{measures.say('asked-headwear', scarves)} headscarves, which may be read as religion"
        )
    if not found:
        return (
            "No word of origin, skin tone, sex, age or headscarf is in the records. The images show heads, and people read "
            "such things in a face: a model can learn them from pixels."
        )
    return (
        f"**Yes, synthetic**: {listed(found)}. They describe drawn people, who do not exist; no real person's data is "
        "behind them. They are words that a picture was asked for by, not measurements, and say nothing about people."
    )


def groups_with_more_rejections(measures: Measures) -> list[Rejection]:
    """Groups that a tool dropped more often than the best group, beyond what chance explains."""
    return [each for each in rejections(measures) if _is_beyond_chance(each)]
