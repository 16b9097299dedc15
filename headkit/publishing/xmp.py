"""The statement that an image is synthetic, as XMP: IPTC's Digital Source Type.

XMP is ISO 16684-1. The property is `Iptc4xmpExt:DigitalSourceType` of the IPTC Photo Metadata Standard, its value a
concept of the NewsCodes scheme http://cv.iptc.org/newscodes/digitalsourcetype/:

    trainedAlgorithmicMedia   made by a model that was trained on pictures: diffusion
    algorithmicMedia          made by an algorithm that was trained on none: the renderer
    compositeSynthetic        put together, with a synthetic part: a render before a photo
"""

from __future__ import annotations

import re
from functools import lru_cache

SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED, ALGORITHM = SCHEME + "trainedAlgorithmicMedia", SCHEME + "algorithmicMedia"
COMPOSITE = SCHEME + "compositeSynthetic"
# Concepts that say of themselves that at least a part is synthetic: an image that states one is marked already.
SYNTHETIC = frozenset(
    SCHEME + name
    for name in (
        "trainedAlgorithmicMedia",
        "algorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "dataDrivenMedia",
        "virtualRecording",
    )
)
_NAMESPACE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_STATED = re.compile(
    rb"DigitalSourceType\s*(?:=\s*[\"']\s*|>\s*|\s+rdf:resource\s*=\s*[\"']\s*)([^\"'<\s]+)"
)
_END = re.compile(rb"</(?:\w+:)?RDF\s*>")
_PADDING = re.compile(rb"\s+(?=<\?xpacket\s+end=)")


class MarkError(ValueError):
    """Why an image cannot be marked."""


@lru_cache(maxsize=8)
def packet(source_type: str) -> bytes:
    """A whole XMP packet that states nothing else."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f"{_description(source_type)}</rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    ).encode()


def states(existing: bytes) -> bool:
    """Whether a packet states a synthetic kind, and none other; MarkError where it states another."""
    found = [match[1].decode("utf-8", "replace") for match in _STATED.finditer(existing)]
    for value in found:
        if value not in SYNTHETIC:
            raise MarkError(f"its XMP calls it {value.removeprefix(SCHEME)[:60]!r}, not synthetic")
    return bool(found)


def stating(existing: bytes, source_type: str) -> bytes:
    """A packet with the statement beside all that it says already; the same bytes where it states one.

    Raises MarkError where it says that the image is none of the synthetic kinds, or is not UTF-8 or no RDF.
    """
    if states(existing):
        return existing
    end = None
    for end in _END.finditer(existing):  # noqa: B007 - the last one
        pass
    if end is None:
        raise MarkError("its XMP is not to be read")
    at = end.start()
    found = existing[:at] + _description(source_type).encode() + existing[at:]
    return _PADDING.sub(b"\n", found)  # room that editors leave for themselves


def _description(source_type: str) -> str:
    return (
        f'<rdf:Description xmlns:rdf="{_RDF}" rdf:about="" xmlns:Iptc4xmpExt="{_NAMESPACE}">'
        f"<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>"
        "</rdf:Description>"
    )
