"""How many tokens a text encoder makes of a prompt: what is beyond its limit is never seen by the generator."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

LIMIT = 77  # of CLIP's text encoders, the marks of beginning and end among them


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


def count(text: str) -> int:
    """Tokens of `text` by CLIP's byte pairs (Radford et al. 2021), those of beginning and end counted."""
    return len(_tokenizer().encode(text)) + 2
