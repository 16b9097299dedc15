"""GLiNER (Zaratiana et al., NAACL 2024): a network that finds names, beside the rules of headkit.editing.

Not run here with real weights: tests drive it with a stand-in of the same interface.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from headkit.status import UNAVAILABLE, Stop

SURE = 0.5  # score from which a stretch counts, the library's own default

Kind = Literal["person", "title", "brand", "handle", "credit", "nickname"]
Stretch = tuple[int, int, Kind]
# What the network is asked for -> the kind of an edit.
LABELS: dict[str, Kind] = {
    "person name": "person",
    "nickname": "nickname",
    "social media handle": "handle",
    "film, book, song or game title": "title",
    "fictional character": "title",
    "brand or company": "brand",
    "photographer or agency credit": "credit",
}


def finder(model: str, device: str = "cpu") -> Callable[[str], list[Stretch]]:
    """A function from words to stretches (start, end in code points, kind), by weights `model`.

    `model` is a folder or a name on the hub. Stop (69) where the library or the weights are missing.
    """
    try:
        from gliner import GLiNER
    except ImportError:
        raise Stop(
            UNAVAILABLE, "gliner is not installed; install it with pip install 'headkit[gliner]'"
        ) from None
    try:
        network = GLiNER.from_pretrained(model, map_location=device).eval()
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise Stop(
            UNAVAILABLE, f"names model {model}: {reason}; name a folder or a model of the hub"
        ) from None
    return lambda words: stretches(network, words)


def stretches(network: Any, words: str) -> list[Stretch]:
    """What the network finds in `words`, in order; stretches outside of the words are left out."""
    found = network.predict_entities(words, list(LABELS), threshold=SURE)
    kept = [
        (int(one["start"]), int(one["end"]), LABELS[one["label"]])
        for one in found
        if one["label"] in LABELS
    ]
    return sorted(one for one in kept if 0 <= one[0] < one[1] <= len(words))
