"""Answers about what is in a dataset, measured. Every number is a link to its command."""

from __future__ import annotations

from headkit.datasheet import screens
from headkit.datasheet.asked import Asked, kept_of_read, mark, reasons, settings
from headkit.datasheet.markup import OPEN, code, interval, listed, number, plain, rate, table
from headkit.datasheet.measures import Measures
from headkit.datasheet.terms import known_license
from headkit.record import FIELDS

SHOWN = {"box": "a box", "landmarks": "landmarks", "params": "3D parameters", "pose": "a pose"}
PRIVATE = ("poses", "source", "made")  # fields that are published only where --fields asks


def instances(asked: Asked) -> str:
    """What an instance is."""
    m = asked.measures
    if m.untold:
        made, images = m.packed.census.images - m.untold, m.say("images", m.packed.census.images)
        text = f"An image with heads, and each of these heads, with its labels. Of {images} images {number(made)} say that a computer made them; others may be photos, and show people who exist."
        consent = "collection.consent"
        open_question = mark(consent, "Who is in the images that no computer made?")
        return text if asked.about.text(consent) else f"{text}\n\n{open_question}"
    return "An image, made by a computer, in which there are heads of people who do not exist; and each of these heads, with its labels."


def how_many(asked: Asked) -> str:
    """Images, heads, their sizes, and what was left out."""
    m, census = asked.measures, asked.measures.packed.census
    if not census.images:
        return "None."
    lines = [f"{m.say('images', census.images)} images with {m.say('heads', census.heads)} heads."]
    lines.append(f"Heads of an image: {_spread(m, 'heads-per-image', 'images')}.")
    lines.append(f"Sizes in pixels: {m.told('sizes')}.")
    if census.left_out:
        total = sum(census.left_out.values())
        told = listed(
            [f"{plain(why)} ({m.say('left-out', n)})" for why, n in sorted(census.left_out.items())]
        )
        lines.append(f"{m.say('left-out', total)} records were left out by `pack`: {told}.")
    return "\n\n".join((" ".join(lines), _distributions(m)))


def _spread(m: Measures, name: str, unit: str) -> str:
    rows = m.known[name].rows if name in m.known else []
    return ", ".join(f"{row[1]} in {m.say(name, int(row[0]))}" for row in rows[:8]) + (
        f", more in the rest of the {unit}" if len(rows) > 8 else f" {unit}"
    )


def _distributions(m: Measures) -> str:
    lines = []
    for name, what in (
        ("heights", "Height of the box"),
        ("yaws", "Yaw in degrees"),
        ("visibility", "Visible share"),
    ):
        if name in m.known:
            bands = ", ".join(f"{row[1]}: {m.say(name, int(row[0]))}" for row in m.known[name].rows)
            lines.append(f"- {what}: {bands}")
    return "\n".join(lines) + ("\n\n![the same as bars](plots.svg)" if lines else "")


def sample(asked: Asked) -> str:
    """Where records came from, and what share of them is here."""
    m = asked.measures
    lines = [
        f"A sample of what could be made, which has no end. Poses: {m.told('sources') or 'not told'}."
    ]
    kept = kept_of_read(m)
    if kept:
        lines.append(kept)
    lines.append(
        "It represents the prior, prompts and models that it was drawn with, not a population of people."
    )
    if "pose-sample" in m.logs.settings:
        lines.append(f"The prior was asked with {settings(m, 'pose-sample')}.")
    return " ".join(lines)


def data(asked: Asked) -> str:
    """The fields of a label."""
    m = asked.measures
    meanings = {field.path: field.meaning for field in FIELDS}
    rows = [
        (
            code(name),
            plain(meanings.get(name, "a field of the maker's own")),
            m.say("fields", int(count)),
        )
        for count, name in (m.known["fields"].rows if "fields" in m.known else [])
        if name not in ("schema", "labels", "heads")
    ]
    made = "pixels that were made, not recorded" if m.packed.census.images else "nothing"
    return (
        f"The image file ({made}; its pixels are never encoded again here, but for crops), and with it a label:\n\n"
        + table(("field", "meaning", "images that have it"), rows)
    )


def labels(asked: Asked) -> str:
    """What heads are labelled with, and whence."""
    m, census = asked.measures, asked.measures.packed.census
    if m.packed.labels == "none" or not census.heads:
        return "There are no labelled heads."
    rows = [
        (
            f"`{kind}`",
            m.say("labels", m.count("labels", kind)),
            rate(m.count("labels", kind), census.heads),
        )
        for kind in ("box", "landmarks", "params", "pose", "visibility", "attributes")
        if m.count("labels", kind)
    ]
    how = {
        "truth": "They are the truth of the renderer: the image was drawn from them, so that they are exact as far as numbers are rounded.",
        "heads": "They were **found** by a detector and a fit, and can be wrong: see errors below.",
    }[m.packed.labels]
    ignored = m.total("ignored")
    skipped = (
        f" {m.say('ignored', ignored)} heads say `ignore`: {m.told('ignored')}." if ignored else ""
    )
    return f"Each head has labels. {how}{skipped}\n\n{table(('label', 'heads', 'share'), rows)}"


def missing(asked: Asked) -> str:
    """Labels and fields that are not everywhere."""
    m, census = asked.measures, asked.measures.packed.census
    found = [
        f"{m.say('labels', census.heads - m.count('labels', kind))} lack {SHOWN[kind]}"
        for kind in SHOWN
        if census.heads - m.count("labels", kind) > 0
    ]
    lines = [
        f"Of the {m.say('heads', census.heads)} heads {listed(found)}."
        if found
        else "Every head has a box, landmarks, parameters and a pose."
    ]
    partial = [
        f"{code(name)}, which {m.say('fields', int(count))} of {m.say('images', census.images)} images have"
        for count, name in (m.known["fields"].rows if "fields" in m.known else [])
        if int(count) < census.images
    ]
    if partial:
        lines.append(f"Fields that only some images have: {'; '.join(partial)}.")
    kept = [f"`{name}`" for name in PRIVATE if not m.count("fields", name)]
    told = listed(["paths", "hashes of photos", *kept])
    lines.append(f"Kept back on purpose, in a private file of the maker: {told}.")
    return " ".join(lines)


def relations(asked: Asked) -> str:
    """Near-twins, and what stays together."""
    m = asked.measures
    twins = m.count("cluster", "yes")
    by = listed([f"`{name}`" for name in asked.split_by])
    lines = [f"Images with a near-twin in the set share a `cluster`: {m.say('cluster', twins)} images." if twins
             else "No image is known to have a near-twin in the set (`cluster`, of `headkit dedupe`)."]  # fmt: skip
    lines.append("No person appears twice on purpose: each is drawn for its image alone.")
    if m.packed.splits and by:
        lines.append(f"Records that share {by} are in the same split.")
    return " ".join(lines)


def splits(asked: Asked) -> str:
    """Splits, subsets, and what does not cross."""
    m, packed = asked.measures, asked.measures.packed
    if not packed.splits:
        return "No: it is one part. Whoever splits it should keep images together that share a cluster."
    told = listed(
        [
            f"{code(name)} with {m.say('parts', count)} images"
            for name, count in packed.splits.items()
        ]
    )
    lines = [f"Yes: {told}."]
    by = listed([f"`{name}`" for name in asked.split_by])
    if by:
        lines.append(
            f"No near-twin crosses: what shares {by} stays together. Which group goes where follows from a hash of ids."
        )
    if packed.subsets:
        drawn = listed(
            [
                f"{code(name)} with {m.say('parts', count)} images"
                for name, count in packed.subsets.items()
            ]
        )
        lines.append(f"Drawn from all splits a second time, to be looked at by hand: {drawn}.")
    return " ".join(lines)


def noise(asked: Asked) -> str:
    """Errors of labels, reviews, duplicates, reasons."""
    m = asked.measures
    blocks: list[str] = []
    lines: list[str] = []
    if m.packed.labels == "truth":
        blocks.append(
            "Labels are what the image was drawn from, so that they have no noise but rounding: pixels to 0.01, parameters to 0.00001."
        )
    elif m.packed.labels == "heads":
        blocks.append("Labels were found by networks and a solver.")
    if m.logs.evaluated and "errors" in m.known:
        blocks.append(_errors(m))
    elif m.packed.labels == "heads":
        blocks.append(
            f"{OPEN} How large are their errors? Put `headkit eval --json > DIR/eval.jsonl` into the folder of `--log`."
        )
    if "fits" in m.known:
        lines.append(f"Fits of the 3D head: {m.told('fits')}.")
    if "reviews" in m.known:
        lines.append(
            f"A person looked at {m.say('reviews', m.total('reviews'))} heads: {m.told('reviews')}."
        )
    if "accepted" in m.known:
        total, good = m.total("accepted"), m.count("accepted", "accepted")
        lines.append(
            f"Images that show what was asked for: {m.say('accepted', good)} of {m.say('accepted', total)}, {rate(good, total)}."
        )
    lines.append(_duplicates(m))
    if m.logs.reasons:
        lines.append(f"Records that tools dropped: {reasons(m)}.")
    return "\n\n".join((*blocks, " ".join(lines)))


def _duplicates(m: Measures) -> str:
    """Whether dedupe ran. It marks only records that have a twin, so that records without a mark do not say that it did not."""
    ran = (
        "dedupe" in m.logs.runs
        or any(why.startswith("dedupe:") for why in m.logs.reasons)
        or any(name.startswith("dedupe ") for name in m.facts.counts["made"])
        or m.count("cluster", "yes")
        or "embeddings/" in m.packed.more
    )
    if ran:
        return "Near-duplicates were looked for by `headkit dedupe`."
    return (
        "Whether near-duplicates were looked for is not known: no record is marked as a twin, and there is no run file of "
        "`headkit dedupe` in the folder of `pack --log` (with `-o FILE` it is `FILE.run.json`)."
    )


def _errors(m: Measures) -> str:
    """What eval measured, as a table; recall with its interval."""
    rows = []
    for row in m.known["errors"].rows:
        cells = [
            plain(row[0]),
            *(m.say("errors", cell) if cell != "-" else cell for cell in row[1:]),
        ]
        if row[1].isdigit() and row[2] != "-":
            low, high = interval(round(float(row[2]) * int(row[1])), int(row[1]))
            cells[2] += f" (95%: {low:.2f} to {high:.2f})"
        rows.append(cells)
    head = "Measured by `headkit eval` against truth (`eval*.jsonl` in the folder of `--log`):"
    return f"{head}\n\n{table(m.known['errors'].header, rows)}"


def alone(asked: Asked) -> str:
    """What else is needed."""
    m = asked.measures
    models = {name.partition(" ")[0] for name in m.facts.counts["models"]}
    lines = ["It stands alone: images, labels and documents are in this folder, with checksums."]
    foreign = {
        name
        for role, name in m.facts.terms.models
        if known_license(role, name) and "flame" in name.lower()
    }
    if foreign:
        lines.append(
            "Parameters of heads belong to a FLAME model, which everybody gets for themselves (https://flame.is.tue.mpg.de)."
        )
    elif m.count("labels", "params"):
        lines.append("Parameters of heads belong to the head model that comes with headkit.")
    if models - {"render"}:
        lines.append(
            "To make images again, the models of [LICENSES.md](LICENSES.md) are needed; their hubs may take them away."
        )
    return " ".join(lines)


def confidential(asked: Asked) -> str:
    """What is not published."""
    made = "" if asked.measures.untold else "Pixels were made by a computer. "
    return f"{made}What would lead to a photo (hashes, paths, names) is not published."


def offensive(asked: Asked) -> str:
    """Whether images were screened."""
    return "\n".join(f"- {line}" for line in screens.lines(asked.measures, asked.measures.say)[:1])


def identifiable(asked: Asked) -> str:
    """Whether somebody is behind a pose or a face."""
    m, lines = asked.measures, []
    if asked.is_drawn and asked.is_rendered:
        lines.append(
            "No photo of a person was used: poses were drawn from a prior, and images from a parametric human."
        )
    elif asked.is_drawn:
        lines.append(
            "Poses were drawn from a prior. The image model was trained by others on pictures that may show real people, and can draw one who looks like them."
        )
    elif asked.photos:
        lines.append(
            f"The body poses of {m.say('sources', asked.photos)} images came from photos; 17 points a person, no pixel. A pose with its scene can in rare cases be recognised by who knows the photo."
        )
    else:
        lines.append("Records do not tell where poses came from.")
    return " ".join(lines) + "\n\n" + "\n".join(f"- {line}" for line in screens.lines(m, m.say)[1:])
