"""README.md: what somebody reads who has found the dataset, and a card with its front matter for the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator

from headkit.datasheet.about import About
from headkit.datasheet.composition import SHOWN
from headkit.datasheet.markup import code, listed, number, paragraphs, percent, plain, table
from headkit.datasheet.measures import Measures
from headkit.datasheet.screens import lines as screened
from headkit.datasheet.terms import OTHER
from headkit.formats.census import RANGES
from headkit.formats.columns import front_matter
from headkit.formats.documents import Packed
from headkit.record import FIELDS

NAME = "A dataset of heads"
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))  # fmt: skip
TASKS = {"box": "object-detection", "landmarks": "keypoint-detection", "params": "image-to-3d"}
SOURCES = {
    "truth": "`heads` is the truth of the renderer: the images were drawn from it (`labels` is `truth`).",
    "heads": "`heads` was found in the images by a detector and a fit (`labels` is `heads`).",
    "none": "No record was packed.",
}

_FRAME = "Coordinates are pixels of the upright picture: origin top left, x right, y down, pixel centres at .5."

MORE = {
    "REPORT.md": "the form by which anybody can ask for a sample to be taken out or corrected.",
    "CHANGELOG.md": "what changed since the release before.",
    "tombstones.txt": "an opaque id for each sample that was taken out.",
    "embeddings/": "the vectors of `headkit dedupe`, a row for each sample of a shard.",
}


def card(measures: Measures, about: About, license: str | None) -> str:
    """The README.md."""
    packed = measures.packed
    name = plain(about.text("dataset.name")) or NAME
    said = paragraphs(about.text("dataset.description"))
    meanings = "\n".join(f"- {code(field)}: {text}" for field, text in _meanings(measures))
    sections = [
        f"# {name}",
        said or "Images with labels for their heads.",
        "\n\n".join(_notices(measures)),
        f"## In short\n\n{_summary(measures)}",
        "![Counts of images, heads and people by what they show](plots.svg)",
        f"## Measured\n\n{table(('what', 'how many'), _measured(measures))}",
        "Each number is in [DATASHEET.md](DATASHEET.md) with the command that counts it again.",
        f"## Labels\n\n{SOURCES[packed.labels]} {_FRAME}\n\n{meanings}",
        f"## Files\n\n{_files(packed)}",
        f"## License and use\n\n{_license(license, about)}\n\n{paragraphs(about.text('uses.avoid'))}",
        "What this dataset is, how it was made and what it should not be used for: [DATASHEET.md](DATASHEET.md).",
    ]
    if about.text("maintenance.contact"):
        sections.append(f"Contact: {paragraphs(about.text('maintenance.contact'))}")
    return _front_matter(measures, about, license) + "\n\n".join(sections) + "\n"


def _notices(measures: Measures) -> list[str]:
    nobody = "**The people in these images do not exist**: every image was made by a computer."
    if measures.untold:
        nobody = f"**Not all is known to be synthetic**: {untold(measures)}."
    return [nobody, *screened(measures)]


def untold(measures: Measures) -> str:
    """How many images nobody may call synthetic."""
    images = number(measures.packed.census.images)
    return f"{number(measures.untold)} of {images} images do not say that a computer made them, and may show people who exist"


def _summary(measures: Measures) -> str:
    packed, count = measures.packed, measures.count
    images, heads = packed.census.images, packed.census.heads
    if not images:
        return "The dataset is empty."
    made = sorted({model.partition(",")[0] for model in measures.facts.counts["models"]} - {""})
    by = "the renderer of headkit" if made == ["render"] else listed([plain(m) for m in made[:6]])
    lines = [f"{number(images)} images with {number(heads)} heads"]
    if made:
        lines.append(f"made by {by}")
    missing = [
        f"{number(heads - count('labels', kind))} lack {what}"
        for kind, what in SHOWN.items()
        if heads - count("labels", kind)
    ]
    whole = "Every head has a box, landmarks, 3D parameters and a pose." if heads else ""
    gaps = f"Of these, {listed(missing)}." if missing else whole
    return f"{', '.join(lines)}. {gaps}"


def _meanings(measures: Measures) -> list[tuple[str, str]]:
    """The published fields, and of scores those that an image has; a head found and a head drawn have the same, and what is said of the latter says more."""
    packed = measures.packed
    paths = {row.path: row.meaning for row in FIELDS if not row.path.startswith("truth.")}
    drawn = [row for row in FIELDS if row.path.startswith("truth.")]
    if packed.labels == "truth":
        paths |= {row.path.removeprefix("truth."): row.meaning for row in drawn}
    else:
        paths = {row.path.removeprefix("truth."): row.meaning for row in drawn} | paths
    known = packed.census.fields - {"heads", "schema"}
    return [
        (path, text)
        for path, text in paths.items()
        if any(path == name or path.startswith(name + ".") for name in known)
        and (not path.startswith("scores.") or measures.count("scores", path[len("scores.") :]))
    ]


def _measured(measures: Measures) -> Iterator[tuple[str, str]]:
    census, packed, total = (
        measures.packed.census,
        measures.packed,
        max(measures.packed.census.heads, 1),
    )
    yield "images", number(census.images)
    yield "heads", number(census.heads)
    for kind, found in (("split", packed.splits), ("subset", packed.subsets)):
        for name, count in found.items():
            yield f"images of {kind} {name}", number(count)
    for label, count in sorted(census.labels.items()):
        yield f"heads with {label}", number(count)
    for why, count in sorted(census.ignored.items()):
        yield f"heads to ignore: {plain(why, 60)}", number(count)
    for part in RANGES:
        if census.per_image[part]:
            yield (
                f"images of {part} head{'' if part == '1' else 's'}",
                number(census.per_image[part]),
            )
    for name, what in (("heights", "head height {}"), ("yaws", "head yaw {} degrees")):
        for row in measures.known[name].rows if name in measures.known else ():
            yield what.format(row[1]), f"{number(int(row[0]))} ({percent(int(row[0]), total)})"
    for why, count in sorted(census.left_out.items()):
        yield f"records left out: {plain(why, 60)}", number(count)


def _files(packed: Packed) -> str:
    lines = [line for layout in packed.layouts for line in layout.about(packed.parts)]
    others = [f"- `{name}`: {MORE[name]}" for name in packed.more if name in MORE]
    return "\n".join((*lines, _FILES, *others))


_FILES = """
Images are copies of the pixels that were made; where several formats keep images as files, these are hard links to one
copy. `KEY` is the id, with every byte but letters, digits, `-` and `_` as `=XX`.

- `DATASHEET.md`: the questions of "Datasheets for Datasets", answered from what was measured.
- `LICENSES.md`: what each model and source came under.
- `croissant.json`: the same facts for machines (MLCommons Croissant 1.0, with its fields of responsible AI).
- `plots.svg`: the picture above.
- `index.json`: the shards, with counts, bytes and sha256.
- `SHA256SUMS`: check everything with `sha256sum -c SHA256SUMS`, or `headkit verify`."""


def _license(license: str | None, about: About) -> str:
    if license is None:
        return "No license was chosen, so that nobody but its makers may use this dataset. See [LICENSES.md](LICENSES.md)."
    shown = license if license != OTHER else about.text("dataset.license_name") or license
    return f"{plain(shown)}; what its parts came under is in [LICENSES.md](LICENSES.md)."


def _front_matter(measures: Measures, about: About, license: str | None) -> str:
    """YAML for the hub; JSON is YAML, so that no text of the maker can be anything else."""
    packed = measures.packed
    size = next((name for most, name in SIZES if packed.census.images < most), "n>10M")
    head: dict[str, object] = {"pretty_name": about.text("dataset.name") or NAME}
    if license is not None:
        head["license"] = license
    if license == OTHER:
        named = {key: about.text(f"dataset.{key}") for key in ("license_name", "license_url")}
        head |= {
            "license_name": named["license_name"] or OTHER,
            "license_link": named["license_url"] or "LICENSES.md",
        }
    if "caption" in packed.census.fields:
        head["language"] = ["en"]
    tasks = [task for kind, task in TASKS.items() if measures.count("labels", kind)]
    if tasks:
        head["task_categories"] = tasks
    head |= {
        "size_categories": [size],
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original"],
        "tags": ["synthetic", "headkit", "head-pose", "3dmm", *about.texts("dataset.tags")],
    }
    lines = "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in head.items()
    )
    return f"---\n{lines}{_configs(packed).removeprefix('---').lstrip() or '---' + chr(10)}\n"


def _configs(packed: Packed) -> str:
    """What `datasets` of Hugging Face shall load; it takes one format, Parquet before WebDataset."""
    readable = [layout for layout in packed.layouts if layout.hub is not None]
    if not readable or not packed.parts:
        return ""
    layout = min(readable, key=lambda each: each.name)
    subsets = list(packed.subsets)
    splits = [
        part.name for part in packed.parts if part.name not in subsets and part.shards[layout.name]
    ]
    suffixes = sorted(packed.census.formats)
    alike = suffixes[0] if layout.name == "webdataset" and len(suffixes) == 1 else None
    return front_matter(f"{layout.output.prefix}{layout.hub}", splits, subsets, alike)
