"""croissant.json: the dataset as MLCommons Croissant 1.0 describes it, with its vocabulary of responsible AI.

http://mlcommons.org/croissant/1.0 and http://mlcommons.org/croissant/RAI/1.0; the 1.0 context, since validators refuse the
next one (mlcommons/croissant#1018).
"""

from __future__ import annotations

import re
from typing import Any, Final

from headkit import __version__
from headkit.datasheet import answers, composition, screens
from headkit.datasheet import facts_of_people as people
from headkit.datasheet.asked import Asked
from headkit.datasheet.card import NAME, untold
from headkit.datasheet.markup import OPEN, flat
from headkit.datasheet.terms import OTHER, address
from headkit.formats.columns import LABEL
from headkit.formats.layout import Layout

CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"string": "sc:Text", "int32": "sc:Integer", "float32": "sc:Float"}
_ENCODING = {".tar": "application/x-tar", ".parquet": "application/x-parquet"}
_IMAGES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}


def croissant(asked: Asked) -> dict[str, Any]:
    """The whole description, for json.dumps."""
    about, measures = asked.about, asked.measures
    found: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": about.text("dataset.name") or NAME,
        "description": about.text("dataset.description") or _described(asked),
        "version": asked.version,
        "keywords": ["synthetic", "heads", "head pose", "3DMM", *about.texts("dataset.tags")],
        "isLiveDataset": False,
    }
    if about.texts("dataset.creators"):
        found["creator"] = [
            {"@type": "Organization", "name": name} for name in about.texts("dataset.creators")
        ]
    for key, place in (("url", "dataset.url"), ("datePublished", "dataset.published")):
        if about.text(place):
            found[key] = about.text(place)
    where = (
        about.text("dataset.license_url")
        if asked.license == OTHER
        else address(asked.license or "")
    )
    if asked.license is not None:
        found["license"] = where or about.text("dataset.license_name") or asked.license
    found |= _responsible(asked)
    objects, sets = _layouts(measures.packed.layouts, asked)
    found["distribution"] = objects
    found["recordSet"] = sets
    return found


def _described(asked: Asked) -> str:
    census = asked.measures.packed.census
    if asked.measures.untold:
        return (
            f"{census.images} images with {census.heads} labelled heads; {untold(asked.measures)}."
        )
    return f"{census.images} images made by a computer with {census.heads} labelled heads of people who do not exist."


def _responsible(asked: Asked) -> dict[str, Any]:
    """The fields of responsible AI: what was measured, in plain text; what nobody said is left out."""
    measures, about = asked.measures, asked.about
    unscreened = [line for line in screens.lines(measures) if line.startswith("**")]
    drawn = (
        "The truth of the renderer."
        if measures.packed.labels == "truth"
        else "Found by networks and a solver."
    )
    told = {
        "rai:dataCollection": answers.acquired(asked),
        "rai:dataCollectionType": [
            "Others: not told" if measures.untold else "Others: made by a computer"
        ],
        "rai:dataCollectionMissingData": composition.missing(asked),
        "rai:dataCollectionRawData": about.text("processing.raw"),
        "rai:dataPreprocessingProtocol": [answers.processed(asked)],
        "rai:dataAnnotationProtocol": drawn,
        "rai:dataAnnotationPlatform": [f"headkit {__version__}"],
        "rai:dataBiases": answers.effects(asked),
        "rai:dataLimitations": [*(f"Known gap: {gap}" for gap in answers.gaps(asked)), *unscreened],
        "rai:dataSocialImpact": about.text("collection.impact"),
        "rai:dataUseCases": [
            text for text in (answers.uses(asked), about.text("uses.intended")) if text
        ],
        "rai:personalSensitiveInformation": [people.sensitive(measures)],
        "rai:dataReleaseMaintenancePlan": about.text("maintenance.updates"),
    }
    if measures.logs.runs:
        told["rai:dataCollectionTimeframe"] = [measures.logs.began, measures.logs.ended]
    found: dict[str, Any] = {}
    for key, value in told.items():
        texts = [_unmarked(text) for text in ([value] if isinstance(value, str) else value)]
        texts = [text for text in texts if text]
        if texts:
            found[key] = texts[0] if isinstance(value, str) else texts
    return found


def _unmarked(text: str) -> str:
    """Markdown of an answer as plain text."""
    kept = " ".join(line for line in text.split("\n") if OPEN not in line)
    kept = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", kept.replace("**", "").replace("`", ""))
    kept = re.sub(r"\\([\\*_\[\]|~#$])", r"\1", kept)
    for entity, letter in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#64;", "@"),
        ("&#58;", ":"),
        ("&#46;", "."),
        ("&amp;", "&"),
    ):
        kept = kept.replace(entity, letter)
    return flat(kept, 4000).strip()


def _layouts(layouts: Any, asked: Asked) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Files and record sets of every format."""
    objects: list[dict[str, Any]] = []
    sets: list[dict[str, Any]] = []
    for layout in layouts:
        shards = [
            row
            for row in asked.measures.packed.shards
            if row["format"] == layout.name and "sha256" in row
        ]
        objects += [_file(row["path"], row["bytes"], row["sha256"]) for row in shards]
        if layout.name == "webdataset" and shards:
            files, records = _webdataset(layout, [row["path"] for row in shards], asked)
            objects += files
            sets += records
        elif layout.name == "parquet" and shards:
            objects.append(
                {
                    "@type": "cr:FileSet",
                    "@id": "parquet-files",
                    "encodingFormat": "application/x-parquet",
                    "includes": f"{layout.output.prefix}data/*.parquet",
                }
            )
            sets.append(_columns("parquet-samples", "parquet-files"))
    return objects, sets


def _file(path: str, size: int, sha256: str) -> dict[str, Any]:
    suffix = path[path.rfind(".") :]
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size} B",
        "encodingFormat": _ENCODING.get(suffix, "application/octet-stream"),
        "sha256": sha256,
    }


def _webdataset(
    layout: Layout, paths: list[str], asked: Asked
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    inside = [{"@id": path} for path in paths]
    files = [
        {
            "@type": "cr:FileSet",
            "@id": f"{layout.name}-labels",
            "containedIn": inside,
            "encodingFormat": "application/json",
            "includes": "*.json",
        }
    ]
    sets = [_texts(f"{layout.name}-samples", f"{layout.name}-labels")]
    for suffix in sorted(asked.measures.packed.census.formats):
        name = f"{layout.name}-{suffix}"
        files.append(
            {
                "@type": "cr:FileSet",
                "@id": name,
                "containedIn": inside,
                "encodingFormat": _IMAGES.get(suffix, "image/" + suffix),
                "includes": f"*.{suffix}",
            }
        )
        sets.append(
            {
                "@type": "cr:RecordSet",
                "@id": f"{name}-pictures",
                "description": "The images; the name of the file is that of its label, but for the suffix.",
                "field": [
                    _field(
                        f"{name}-pictures/filename", "sc:Text", name, {"fileProperty": "filename"}
                    ),
                    _field(
                        f"{name}-pictures/image",
                        "sc:ImageObject",
                        name,
                        {"fileProperty": "content"},
                    ),
                ],
            }
        )
    return files, sets


def _texts(name: str, files: str) -> dict[str, Any]:
    """The labels in tar files as whole texts: loaders of Croissant read no fields of JSON files there."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "description": "A label for each image: JSON with its size, its heads, and the other fields of README.md.",
        "field": [
            _field(f"{name}/filename", "sc:Text", files, {"fileProperty": "filename"}),
            _field(f"{name}/label", "sc:Text", files, {"fileProperty": "content"}),
        ],
    }


def _columns(name: str, files: str) -> dict[str, Any]:
    """The columns of Parquet that hold one value a row."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "description": "A row for each image: its size, and whose labels it has.",
        "field": [
            _field(f"{name}/{key}", _TYPES[LABEL[key]], files, {"column": key})
            for key in ("id", "width", "height", "labels")
        ],
    }


def _field(name: str, kind: str, files: str, extract: dict[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "dataType": kind,
        "source": {"fileSet": {"@id": files}, "extract": extract},
    }
