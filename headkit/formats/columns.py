"""The fields of a label as columns of fixed types, for readers that want every row alike: Parquet, and `datasets`.

A type is the name of a number or text type, a list of one type, or a dict of names and types.
"""

from __future__ import annotations

import json
from typing import Any, Final

_LIST, _MATRIX = ["float32"], [["float32"]]
HEAD: Final[dict[str, Any]] = {
    "box": _LIST,
    "box_visible": _LIST,
    "score": "float32",
    "visibility": "float32",
    "distance": "float32",
    "ignore": "string",
    "landmarks": {"scheme": "string", "points": _MATRIX, "visible": "string"},
    "params": {
        "model": "string",
        "sha256": "string",
        "shape": _LIST,
        "expression": _LIST,
        "jaw": _LIST,
        "translation": _LIST,
    },
    "pose": {
        "rotation": _MATRIX,
        "view": _MATRIX,
        "yaw": "float32",
        "pitch": "float32",
        "roll": "float32",
    },
}
LABEL: Final[dict[str, Any]] = {
    "id": "string",
    "width": "int32",
    "height": "int32",
    "caption": "string",
    "labels": "string",
    "heads": [HEAD],
}


def feature(kind: Any) -> Any:
    """A type as `datasets` writes it into the metadata of a Parquet file."""
    if isinstance(kind, dict):
        return {name: feature(each) for name, each in kind.items()}
    if isinstance(kind, list):
        return [feature(kind[0])]
    return {"dtype": kind, "_type": "Value"}


def front_matter(
    pattern: str, splits: list[str], subsets: list[str], suffix: str | None = None
) -> str:
    """YAML for the head of a README.md: what `datasets` shall load.

    pattern  of the files of a part, with a place for its name
    suffix   of all images of a WebDataset, whose columns are not in its files: without them `datasets` guesses from
             five samples, and fails at the first with another field
    """
    lines = ["---", "configs:"]
    for name, parts in {"default": splits, **{each: [each] for each in subsets}}.items():
        lines += [f"- config_name: {name}", "  data_files:"]
        for part in parts:
            split = part if name == "default" and part != "heads" else "train"
            lines += [f"  - split: {split}", f"    path: {pattern.format(part=part)}"]
    if suffix is not None:
        columns = {"__key__": "string", "__url__": "string", suffix: "image", "json": LABEL}
        lines += ["dataset_info:"]
        for name in ("default", *subsets):
            features = json.dumps([_named(*each) for each in columns.items()])
            lines += [f"- config_name: {name}", f"  features: {features}"]
    return "".join(line + "\n" for line in [*lines, "---", ""])


def _named(name: str, kind: Any) -> dict[str, Any]:
    """A column as the YAML of `datasets` has it."""
    return {"name": name, **_typed(kind)}


def _typed(kind: Any) -> dict[str, Any]:
    if isinstance(kind, dict):
        return {"struct": [_named(*each) for each in kind.items()]}
    if isinstance(kind, list):
        inner = kind[0]
        found: Any
        if isinstance(inner, dict):
            found = [_named(*each) for each in inner.items()]
        else:
            found = inner if isinstance(inner, str) else _typed(inner)
        return {"list": found}
    return {"dtype": kind}
