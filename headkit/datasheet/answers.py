"""Answers that were measured: a function for each key of questions.py, and those about how a dataset came to be."""

from __future__ import annotations

import re
from collections.abc import Callable

from headkit import __version__
from headkit.datasheet import composition
from headkit.datasheet import facts_of_people as people
from headkit.datasheet.asked import Asked, kept_of_read, mark, reasons, settings
from headkit.datasheet.counting import OTHERS
from headkit.datasheet.logs import hours, place_in_pipe
from headkit.datasheet.markup import OPEN, code, listed, number, paragraphs, plain, table
from headkit.datasheet.measures import Measures
from headkit.datasheet.terms import OTHER, PHOTOS, UNKNOWN, known_license
from headkit.datasheet.vocabulary import YAW_BANDS


def acquired(asked: Asked) -> str:
    """Poses, images, labels: how each was made."""
    m = asked.measures
    return (
        f"Made, not observed. Poses: {m.told('sources') or 'not told'}. Images: {m.told('models') or 'not told'}. "
        f"Labels: {'the truth of the renderer' if m.packed.labels == 'truth' else 'found by networks and a solver'}."
    )


def mechanisms(asked: Asked) -> str:
    """Tools, models, digests, thresholds."""
    m = asked.measures
    if "made" not in m.known:
        return "Records do not tell which tools made them (`made`)."
    rows = [[code(name), m.say("made", int(count))] for count, name in m.known["made"].rows]
    lines = [
        "The tools of headkit, each with its version, its model and the start of its weights' sha256:",
        "",
        table(("tool, version, model", "images"), rows),
    ]
    options = [
        f"- `{tool}`: {settings(m, tool)}" for tool in m.logs.tools if m.logs.settings.get(tool)
    ]
    if options:
        lines += ["", "Options and thresholds of the runs:", "", *options]
    lines += [
        "",
        "How the tools were validated is in headkit's README, with the command of each figure.",
    ]
    return "\n".join(lines)


def sampling(asked: Asked) -> str:
    """How records were drawn and dropped."""
    m = asked.measures
    drawn = (
        "Drawn at random from a prior, seeded by run and id"
        if asked.is_drawn
        else "See where poses came from, above"
    )
    if m.logs.reasons or any(run.dropped for run in m.logs.runs.values()):
        return f"{drawn}; then tools dropped records by rule. {kept_of_read(m)}".strip()
    if m.logs.runs:
        return f"{drawn}. No run of a tool that is known here dropped a record."
    return (
        f"{drawn}. Whether tools dropped records is not known here (`pack --log DIR` would tell)."
    )


def period(asked: Asked) -> str:
    """When the runs were, and how long; empty without run files."""
    m = asked.measures
    if not m.logs.runs:
        return ""
    spent = m.say("hours", float(hours(m.logs.seconds)))
    devices = listed([plain(device) for device in sorted(m.logs.devices - {""})])
    rows = [
        [f"`{row[0]}`", *(m.say("runs", cell) for cell in row[1:])] for row in m.known["runs"].rows
    ]
    header = m.known["runs"].header
    return (
        f"Runs began {m.say('period', m.logs.began)} and ended {m.say('period', m.logs.ended)}; {spent} hours of work on {devices}.\n\n"
        + table(header, rows)
    )


def from_people(asked: Asked) -> str:
    """Whether somebody was recorded."""
    if asked.is_drawn:
        return "From nobody: no person was recorded, asked or photographed for it."
    if asked.photos:
        n = asked.measures.say("sources", asked.photos)
        return f"Poses of {n} images came from photos that others took; the people in them did not give them."
    return mark("collection.consent", "Records do not tell where poses came from.")


def _nobody(asked: Asked) -> str:
    return (
        "There was nobody to ask: no person was recorded or photographed for it."
        if asked.is_drawn
        else ""
    )


def processed(asked: Asked) -> str:
    """The tools in their order, and what they dropped."""
    m = asked.measures
    tools = listed([code(tool) for tool in tools_of(asked)])
    lines = [f"Records went through {tools or 'tools that are not told'}, then `pack`."]
    lines.append(
        "Images were copied; metadata that says they were made by a computer may be added, pixels stay."
    )
    if m.logs.reasons:
        lines.append(f"Dropped on the way: {reasons(m)}.")
    elif not m.logs.runs:
        lines.append("What was dropped on the way is not known here (`pack --log DIR` would tell).")
    return " ".join(lines)


def tools_of(asked: Asked) -> list[str]:
    """The tools that records or run files name, in the order of a pipe."""
    m = asked.measures
    made = {re.split("[ .]", name, maxsplit=1)[0] for name in m.facts.counts["made"]}
    return sorted(made - {OTHERS} | set(m.logs.runs), key=place_in_pipe)


def raw(_: Asked) -> str:
    """What the maker keeps."""
    return "What was not published is kept by the maker in a private file beside the dataset."


def software(asked: Asked) -> str:
    """headkit and the libraries of the runs."""
    versions = ", ".join(
        f"{plain(name)} {plain(version)}"
        for name, version in sorted(asked.measures.logs.libraries.items())
    )
    return f"Yes: headkit {__version__}, MIT." + (
        f" Libraries of the runs: {versions}." if versions else ""
    )


def uses(asked: Asked) -> str:
    """What the labels are good for."""
    m = asked.measures
    can = {
        "box": "finding heads",
        "landmarks": "placing landmarks",
        "pose": "telling where a head looks",
        "params": "fitting a 3D head",
    }
    found = [what for kind, what in can.items() if m.count("labels", kind)]
    return f"Its labels allow to train and test {listed(found)}." if found else ""


def effects(asked: Asked) -> str:
    """What may harm, as far as it was measured."""
    m = asked.measures
    lines = [
        "- Images are synthetic: a model trained on them alone can fail on photos, and not equally for all people."
    ]
    if asked.is_rendered:
        lines.append(
            "- The parametric human is artists' work; its groups are a painter's idea of people, not measured ones."
        )
    if m.packed.labels == "heads":
        lines.append(
            "- Labels were found by networks, and are worse where these are: heads from behind, small, hidden."
        )
    groups = people.groups_with_more_rejections(m)
    for each in groups[:12]:
        more = (
            f"{each.share / each.best:.2f} times as often as the best group"
            if each.best
            else "and the best group never"
        )
        lines.append(
            f"- `{each.tool}` dropped {each.attribute} {plain(each.word)} {more}: {m.say(f'rejected-{each.attribute}', each.dropped)} of {each.came:,} people."
        )
    if m.logs.rejected and not groups:
        lines.append(
            "- No group was dropped more often than the best one by more than chance explains."
        )
    lines += [f"- Known gap: {gap}" for gap in gaps(asked)]
    return "\n".join(lines)


def gaps(asked: Asked) -> list[str]:
    """What the data cannot show."""
    m, found = asked.measures, []
    if not any(name.startswith("asked-") for name in m.known):
        found.append("who was asked for is not recorded.")
    if not any(name.startswith("confusion-") for name in m.known):
        found.append("whether heads show what was asked for was not measured.")
    empty = _missing_yaw(m) if "yaws" in m.known else []
    if empty:
        found.append(f"no head has a yaw, in degrees, of {', '.join(empty)}.")
    if m.packed.labels == "heads" and not m.logs.evaluated:
        found.append("the errors of its labels are not known.")
    unseen = [tool for tool in tools_of(asked) if tool not in m.logs.runs] if m.logs.runs else []
    if unseen:
        found.append(
            f"of {listed([code(tool) for tool in unseen])} there is no run file in the folder of `--log` (with `-o FILE` it is "
            "`FILE.run.json`), so that their yields, reasons and hours are not known."
        )
    if m.logs.runs:
        found.append(
            "of a tool that ran twice with one folder of `--log` only the last run is told, unless its runs were shards."
        )
    last = m.logs.tools[-1] if m.logs.runs else ""
    read = m.packed.census.images + m.total_left_out
    if last and m.logs.runs[last].out + m.logs.runs[last].failed != read:
        found.append(
            f"the runs of `--log` do not end in this dataset: `{plain(last)}` wrote {number(m.logs.runs[last].out)} "
            f"records, and `pack` read {number(read)}."
        )
    if not m.logs.runs:
        found.append(
            "run files and ledgers were not given: yields, reasons and hours are not known."
        )
    return found


def _missing_yaw(m: Measures) -> list[str]:
    return [band for band in YAW_BANDS if not m.count("yaws", band)]


def as_what(asked: Asked) -> str:
    """The formats."""
    names = listed([f"`{layout.name}`" for layout in asked.measures.packed.layouts])
    return f"As a folder of files: {names}."


def license(asked: Asked) -> str:
    """The license of the whole."""
    if asked.license is None:
        return f"{OPEN} None was chosen (`pack --license`)."
    name = asked.about.text("dataset.license_name") if asked.license == OTHER else asked.license
    return f"{plain(name or OTHER)}. What its parts came under: [LICENSES.md](LICENSES.md)."


def restrictions(asked: Asked) -> str:
    """The terms of the parts."""
    terms, found = asked.measures.facts.terms, []
    for (role, name), count in sorted(terms.models.items()):
        known = known_license(role, name)
        if known is not None:
            found.append(
                f"- {plain(role)} {code(name)}, {number(count)} images: {known.name}, {known.terms}"
            )
    for told, count in sorted(terms.sources.items()):
        if told != UNKNOWN:
            found.append(f"- photos that poses came from, {number(count)} images: {code(told)}")
    unknown = terms.sources[UNKNOWN]
    text = "\n".join(found) if found else "None of the parts that headkit knows restricts it."
    if unknown:
        why = f"Records do not tell the license of the photos that poses came from (images: {number(unknown)})."
        said = paragraphs(asked.about.text(PHOTOS))
        text += f"\n\n{why}\n\n{said}" if said else f"\n\n{mark(PHOTOS, why)}"
    return text


def updates(asked: Asked) -> str:
    """The version."""
    told = [name for name in ("CHANGELOG.md", "REPORT.md") if name in asked.measures.packed.more]
    files = f" See {listed([f'[{name}]({name})' for name in told])}." if told else ""
    return f"This is version {plain(asked.version)}.{files}"


MEASURED: dict[str, Callable[[Asked], str]] = {
    each.__name__: each
    for each in (
        composition.instances, composition.how_many, composition.sample, composition.data, composition.labels,
        composition.missing, composition.relations, composition.splits, composition.noise, composition.alone,
        composition.confidential, composition.offensive, composition.identifiable, acquired, mechanisms, sampling, period, from_people, processed, raw, software, uses, effects,
        as_what, license, restrictions, updates,
    )
} | {
    "subpopulations": lambda asked: people.subpopulations(asked.measures),
    "sensitive": lambda asked: people.sensitive(asked.measures),
    "told": _nobody,
    "consented": _nobody,
    "withdrawn": _nobody,
}  # fmt: skip
# Answers that need no word of the maker where they are not empty.
ENOUGH = {"told", "consented", "withdrawn", "period", "confidential"}


def answer(asked: Asked, key: str, place: str) -> str:
    """The answer to a question, from data and the maker; marked where somebody still has to say something."""
    measured = MEASURED[key](asked) if key else ""
    said = paragraphs(asked.about.text(place)) if place else ""
    if place and not said and not (measured and key in ENOUGH):
        said = mark(place)
    return "\n\n".join(part for part in (measured, said) if part)
