"""Under what terms the parts of a dataset came, and whether a license of the whole goes with them; LICENSES.md.

Cautious where terms say nothing of images: what came for non-commercial use alone makes a dataset that is for
non-commercial use alone. No lawyer has read this.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from headkit.datasheet.markup import code, number, plain, table
from headkit.licenses import normal
from headkit.recipes.licenses import FORBIDDING
from headkit.recipes.presets import PRESETS
from headkit.recipes.recipe import License
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Record

OTHER = "other"
MOST = 200  # components that are told apart
UNKNOWN = "unknown"
FROM_A_PHOTO = "from a photo"
PHOTOS = (
    "sources.license"  # of about.toml: what the maker says of photos whose license no record tells
)


@dataclass(frozen=True)
class Grant:
    """What a license of a dataset lets others do, as far as parts can forbid it."""

    commercial: bool = True
    derivatives: bool = True
    share_alike: bool = False
    free_of_credit: bool = False  # nobody needs to be named


# As the hub of Hugging Face calls them in a card's front matter.
GRANTS: dict[str, Grant] = {
    "cc0-1.0": Grant(free_of_credit=True),
    "pddl": Grant(free_of_credit=True),
    "unlicense": Grant(free_of_credit=True),
    "mit": Grant(),
    "apache-2.0": Grant(),
    "cc-by-4.0": Grant(),
    "cc-by-sa-4.0": Grant(share_alike=True),
    "cc-by-nd-4.0": Grant(derivatives=False),
    "cc-by-nc-4.0": Grant(commercial=False),
    "cc-by-nc-sa-4.0": Grant(commercial=False, share_alike=True),
    "cc-by-nc-nd-4.0": Grant(commercial=False, derivatives=False),
    "odc-by": Grant(),
    "odbl": Grant(share_alike=True),
    "cdla-permissive-2.0": Grant(),
    "cdla-sharing-1.0": Grant(share_alike=True),
    "openrail++": Grant(),
}
_ADDRESS = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "mit": "https://opensource.org/license/mit",
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
    "odbl": "https://opendatacommons.org/licenses/odbl/1-0/",
    "pddl": "https://opendatacommons.org/licenses/pddl/1-0/",
    "unlicense": "https://unlicense.org/",
    "cdla-permissive-2.0": "https://cdla.dev/permissive-2-0/",
    "cdla-sharing-1.0": "https://cdla.dev/sharing-1-0/",
    "openrail++": "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
}
_WEIGHTS: dict[str, License] = FORBIDDING | {
    weights.name: weights.license
    for recipe in PRESETS.values()
    for _, weights in recipe.weights()
    if weights.license is not None
}
RENDERER = "the renderer of headkit and its parametric human"
_FLAME = License(
    "flame",
    "research alone, unless yours is FLAME 2023 Open (CC BY 4.0); commercial use asks for a contract",
    "https://flame.is.tue.mpg.de/modellicense.html",
)
_NON_COMMERCIAL = ("sai-nc-research", "flux-dev-nc", "cc-by-nc-4.0")


def chosen(text: str) -> str:
    """The license by its name on the hub. Raises Stop (2) for one that is not known."""
    name = text.strip().lower()
    for known in (name, normal(text), name.removeprefix("spdx:")):
        if known in GRANTS or known == OTHER:
            return known
    known = ", ".join((*GRANTS, OTHER))
    raise Stop(USAGE, f"--license: {text!r} is none of {known}; see about.toml for another")


def address(license: str) -> str:
    """Where the text of a known license stands; empty where that is not known."""
    if license.startswith("cc-"):
        _, *terms, version = license.split("-")
        return f"https://creativecommons.org/licenses/{'-'.join(terms)}/{version}/"
    return _ADDRESS.get(license, "")


class Terms:
    """The parts of a dataset and their terms, gathered row by row; checks each against the license of the whole."""

    def __init__(self, license: str | None) -> None:
        self.license = license
        self.grant = GRANTS.get(license or "")
        self.sources: Counter[str] = Counter()  # license of photos -> images
        self.models: Counter[tuple[str, str]] = Counter()  # (role, name) -> images

    def count(self, photo: str | None, parts: list[tuple[str, str]], images: int) -> None:
        """Count the parts of so many images: the license of the photo behind them, and the models."""
        if photo is not None:
            _add(self.sources, photo, images)
        for part in parts:
            _add(self.models, part, images)

    def check(self, record: Record) -> None:
        """Raises Stop (65) where a part of the record forbids the license of the whole."""
        if self.grant is None:
            return
        source = photo_license(record)
        why = "" if source is None else self._forbids_photo(source)
        if why:
            self._refuse(f"record {record.get('id')!r}", f"its photo came under {source}: {why}")
        for role, name in parts(record):
            known = known_license(role, name)
            why = "" if known is None else self._forbids_model(known)
            if known is not None and why:
                self._refuse(
                    f"record {record.get('id')!r}",
                    f"{role} {name} came under {known.name}: {why} ({known.source})",
                )

    def _refuse(self, where: str, why: str) -> None:
        raise Stop(
            BAD_INPUT,
            f"{where}: forbids --license {self.license}: {why}; choose another license, or leave such rows out with "
            "headkit filter",
        )

    def _forbids_photo(self, source: str) -> str:
        """Why a dataset under the license cannot hold poses of a photo under this one; empty where it can."""
        assert self.grant is not None
        words = source.split("-")
        if "reserved" in words or source == "copyright":
            return "all rights are reserved"
        if words[0] != "cc":
            return ""
        if "nd" in words:
            return "it allows no derivatives, and whether poses are one is for a court to say"
        if "nc" in words and self.grant.commercial:
            return "it allows no commercial use"
        if "sa" in words and not (self.license or "").startswith("-".join(words[:-1] or words)):
            return "what is made of it must be under the same license"
        if words[0] == "cc" and "by" in words and self.grant.free_of_credit:
            return "it asks for the author's name, and this license asks for nothing"
        return ""

    def _forbids_model(self, known: License) -> str:
        assert self.grant is not None
        if not known.training:
            return known.terms
        if self.grant.commercial and (known.name in _NON_COMMERCIAL or known is _FLAME):
            return known.terms
        return ""

    def state(self) -> list[Any]:
        """The counts as JSON."""
        return [
            sorted(self.sources.items()),
            sorted([*key, count] for key, count in self.models.items()),
        ]

    def restore(self, state: list[Any]) -> None:
        """Take up what `state` gave."""
        self.sources = Counter(dict(state[0]))
        self.models = Counter({(role, name): count for role, name, count in state[1]})


def _add(counts: Counter[Any], key: Any, number: int) -> None:
    if key in counts or len(counts) < MOST:
        counts[key] += number


def pose_origin(source: Any) -> str:
    """Where a pose came from, in words. A copy of `pose-sample --from` came from where its original did."""
    if not source:
        return "not told"
    if not isinstance(source, dict) or not isinstance(source.get("sampler"), str):
        return FROM_A_PHOTO
    if source["sampler"] != "copies":
        return f"drawn by sampler {source['sampler']}"
    if isinstance(source.get("original"), str):
        return f"drawn by sampler {source['original']}, varied"
    return FROM_A_PHOTO if source.get("sha256") else "copied from poses of which nothing is told"


def photo_license(record: Record) -> str | None:
    """The license of the photo that the poses came from; UNKNOWN where none is told, None where there was no photo."""
    source = record.get("source")
    if pose_origin(source) != FROM_A_PHOTO:
        return None
    told = source.get("license") if isinstance(source, dict) else None
    return (normal(told) or UNKNOWN) if isinstance(told, str) else UNKNOWN


def parts(record: Record) -> list[tuple[str, str]]:
    """The models that made the image and its labels: (role, name)."""
    found: list[tuple[str, str]] = []
    generated = record.get("generated")
    if isinstance(generated, dict):
        weights = generated.get("weights")
        if isinstance(weights, dict):
            found += [
                (f"image model, {part}", str(kept.get("name", UNKNOWN)))
                for part, kept in weights.items()
                if isinstance(kept, dict)
            ]
        elif generated.get("model") == "render":
            found.append(("images", RENDERER))
        elif "model" in generated:
            found.append(("image model", str(generated["model"])))
    made = record.get("made")
    for tool, kept in made.items() if isinstance(made, dict) else ():
        if isinstance(kept, dict):
            places = {} if tool == "generate" else {tool: kept}
            places |= {f"{tool}.{part}": inner for part, inner in kept.items()}
            for place, each in places.items():
                name = (each.get("model") or each.get("name")) if isinstance(each, dict) else None
                if isinstance(name, str):
                    found.append((f"model of {place}", name))
    return found


def known_license(role: str, name: str) -> License | None:
    """The terms of a part, where headkit knows them; None for its own, and for those that it does not know."""
    if name in _WEIGHTS:
        return _WEIGHTS[name]
    if role == "model of fit3dmm" and "flame" in name.lower():
        return _FLAME
    return None


def _own(name: str) -> bool:
    """Whether a model comes with headkit."""
    return name in (RENDERER, "headkit", "head_detector.npz", "body_pose.npz", "scene")


def licenses_md(terms: Terms, *, name: str, url: str, photos: str, open_mark: str) -> str:
    """LICENSES.md: the license of the whole, and what each part came under.

    name, url  of a license that headkit does not know
    photos     what the maker says of photos whose license no record tells, as Markdown; empty for nothing
    """
    lines = ["# Licenses", ""]
    if terms.license is None:
        lines += [f"{open_mark} No license was chosen (`pack --license`): nobody but its makers"]
        lines += ["may use this dataset.", ""]
    else:
        called = plain(name) if terms.license == OTHER and name else f"`{terms.license}`"
        where = plain(url) if terms.license == OTHER else address(terms.license)
        lines += [f"This dataset is under the license {called}{f' ({where})' if where else ''}."]
        if terms.license == OTHER:
            lines += [
                "headkit cannot check a license that it does not know against the parts below."
            ]
            if not name:
                lines += [
                    "",
                    f"{open_mark} What is the license called? (about.toml, dataset.license\\_name)",
                ]
        else:
            lines += [
                "Each part below was looked at: none that headkit knows forbids it. Terms are given in short;"
            ]
            lines += ["read them. No lawyer has read this page."]
        lines += [""]
    rows = [
        (plain(role), code(part) if not _own(part) else plain(part), *_told(role, part), number(n))
        for (role, part), n in sorted(terms.models.items())
    ]
    lines += ["## Models and data that made images and labels", ""]
    lines += [table(("part", "name", "license", "what it says", "images"), rows), ""]
    if not rows:
        lines[-2] = "Records do not say (`made`, `generated`)."
    lines += ["## Photos that poses came from", ""]
    if terms.sources:
        rows_of_photos = [(code(told), number(n)) for told, n in sorted(terms.sources.items())]
        lines += [table(("license", "images"), rows_of_photos), ""]
        lines += [
            "Of these photos the dataset holds body poses (17 points a person), no pixel.",
            "",
        ]
        if terms.sources[UNKNOWN]:
            asks = f"{open_mark} The license of photos is unknown: may their poses be published?"
            lines += [photos or f"{asks} (about.toml: {PHOTOS})", ""]
    else:
        lines += ["None: no record says that its poses came from a photo.", ""]
    lines += ["## headkit itself", ""]
    lines += [
        "The code that made this dataset is MIT. `ultralytics`, which `detect` and `pose-extract` load, is"
    ]
    lines += [
        "AGPL-3.0; its authors claim weights trained with it for that license, not pictures or boxes.",
        "",
    ]
    return "\n".join(lines)


def _told(role: str, name: str) -> tuple[str, str]:
    known = known_license(role, name)
    if known is not None:
        return code(known.name), f"{known.terms}: {known.source}"
    if name == RENDERER:
        return "MIT, CC0-1.0", "what is rendered is free"
    if _own(name):
        return "as headkit", "comes with headkit; see headkit/data/README.md"
    return "unknown to headkit", "read its terms"
