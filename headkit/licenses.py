"""Names of licenses, as different sources spell them, made one: the identifiers of SPDX in small letters.

CC BY-NC 2.0, https://creativecommons.org/licenses/by-nc/2.0/, cc-by-nc-2.0       cc-by-nc-2.0
Attribution-ShareAlike License (as Flickr says it, without a version)             cc-by-sa
CC0, Public Domain Dedication (CC0)                                               cc0-1.0
anything else                                                                     its words with dashes
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ADDRESS = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/(\d+\.\d+))?")
_VERSION = re.compile(r"\b\d+\.\d+\b")
# The four conditions of Creative Commons, in the order in which its names have them.
_CONDITIONS = {
    "by": ("by", "attribution"),
    "nc": ("nc", "noncommercial", "commercial"),
    "nd": ("nd", "noderivs", "noderivatives", "derivatives"),
    "sa": ("sa", "sharealike"),
}


def normal(text: str) -> str:
    """The one name of a license; empty where the text says nothing."""
    text = text.strip().lower()
    address = _ADDRESS.search(text)
    if address is not None:
        kind, name, version = address.groups()
        if kind == "publicdomain":
            return "cc0-1.0" if name == "zero" else "pdm-1.0"
        return "-".join(filter(None, ("cc", name, version)))
    words = re.findall(r"[a-z0-9]+(?:\.[0-9]+)*", text)
    if "cc0" in words or ("zero" in words and "cc" in words):
        return "cc0-1.0"
    if "pdm" in words or {"public", "domain", "mark"} <= set(words):
        return "pdm-1.0"
    conditions = [
        name for name, spelled in _CONDITIONS.items() if not set(spelled).isdisjoint(words)
    ]
    if "by" in conditions and not {"cc", "creative", "attribution"}.isdisjoint(words):
        version = _VERSION.search(text)
        return "-".join(["cc", *conditions, *([version[0]] if version else [])])
    return "-".join(words)


def allows(allowed: Iterable[str], license: str) -> bool:
    """Whether a license is among those allowed; one that is allowed without a version is so in every version."""
    name = normal(license)
    return bool(name) and any(
        name == one or re.fullmatch(re.escape(one) + r"-\d+\.\d+", name) is not None
        for one in map(normal, allowed)
    )
