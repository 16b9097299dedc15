"""The README.md of a dataset, from what was counted while it was packed."""

from __future__ import annotations

from itertools import pairwise

from headkit.formats.census import HEAD_HEIGHTS, RANGES, YAW_BINS, Census


def card(
    census: Census,
    *,
    labels: str,
    fields: list[tuple[str, str]],
    parts: list[tuple[str, dict[str, int]]],
    files: list[str],
    configs: str = "",
) -> str:
    """The README.md of a dataset.

    fields  the published ones with their meanings
    parts   (split or subset, name -> images)
    files   lines of Markdown on the files of each format
    configs front matter, which says what `datasets` of Hugging Face shall load
    """
    total = max(census.heads, 1)
    rows = [("images", f"{census.images:,}"), ("heads", f"{census.heads:,}")]
    rows += [
        (f"images of {kind} {name}", f"{count:,}")
        for kind, found in parts
        for name, count in found.items()
    ]
    rows += [
        (f"heads with {label}", f"{count:,}") for label, count in sorted(census.labels.items())
    ]
    rows += [
        (f"heads to ignore: {_plain(why)}", f"{count:,}")
        for why, count in sorted(census.ignored.items())
    ]
    rows += [
        (f"images of {part} heads", f"{census.per_image[part]:,}")
        for part in RANGES
        if census.per_image[part]
    ]
    rows += [
        (f"head height {span}", _share(census.heights[at], total))
        for at, span in enumerate(_spans())
        if census.heights[at]
    ]
    rows += [
        (f"head yaw {at * 30 - 180} to {at * 30 - 150} degrees", _share(census.yaws[at], total))
        for at in range(YAW_BINS)
        if census.yaws[at]
    ]
    rows += [
        (f"records left out: {why}", f"{count:,}") for why, count in sorted(census.left_out.items())
    ]
    measured = "\n".join(f"| {what} | {count} |" for what, count in rows)
    meanings = "\n".join(f"- `{field}`: {meaning}" for field, meaning in fields)
    return configs + _CARD.format(
        measured=measured,
        meanings=meanings,
        source=_SOURCES[labels],
        files="\n".join(files),
    )


_SOURCES = {
    "truth": "`heads` is the truth of the renderer: the images were drawn from it (`labels` is `truth`).",
    "heads": "`heads` was found in the images by a detector and a fit (`labels` is `heads`).",
    "none": "No record was packed.",
}
_CARD = """\
# A dataset of heads

Images with labels for their heads, packed by `headkit pack`.

## Measured

| what | how many |
|---|---|
{measured}

## Labels

{source} Coordinates are pixels of the upright picture: origin top left, x right, y down, pixel centres at .5.

{meanings}

## Files

{files}

Images are copies, byte for byte; where several formats keep images as files, these are hard links to one copy. `KEY` is
the id, with every byte but letters, digits, `-` and `_` as `=XX`.

- `index.json`: the shards, with counts, bytes and sha256.
- `SHA256SUMS`: check everything with `sha256sum -c SHA256SUMS`.
"""


def _spans() -> list[str]:
    edges = [str(edge) for edge in HEAD_HEIGHTS]
    middle = [f"{low} to {high} px" for low, high in pairwise(edges)]
    return [f"under {edges[0]} px", *middle, f"{edges[-1]} px and more"]


def _share(count: int, total: int) -> str:
    return f"{count:,} ({100 * count / total:.1f}%)"


def _plain(text: str) -> str:
    """Text of a record or a folder for a Markdown table: no markup, no new lines, not long."""
    return "".join(letter if letter.isalnum() or letter in " .-_" else " " for letter in text)[
        :60
    ].strip()
