"""How many tokens a text encoder makes of a prompt: what is beyond its limit is never seen by the generator."""

from __future__ import annotations

import gzip
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from headkit.status import UNAVAILABLE, Stop

LIMIT = 77  # of CLIP's text encoders, the marks of beginning and end among them
_MERGES = 49152 - 256 - 2  # of the file of pairs, as CLIP has it
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def count(text: str) -> int:
    """Tokens of `text` by CLIP's byte pairs (Radford et al. 2021), those of beginning and end counted."""
    return len(_tokenizer().encode(text).ids) + 2


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    """CLIP's byte pairs as a fast tokenizer, from the file that open_clip ships: importing open_clip takes seconds.

    Raises Stop (69) where open_clip is missing.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    found = importlib.util.find_spec("open_clip")
    if found is None or not found.submodule_search_locations:
        raise Stop(UNAVAILABLE, "open_clip is not installed; pip install open_clip_torch")
    file = Path(found.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")[1 : _MERGES + 1]
    merges = [(one, two) for one, _, two in (line.partition(" ") for line in lines)]
    letters = _byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges)]
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(numbers, merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


def _byte_letters() -> list[str]:
    """A letter for each of the 256 bytes: itself where it prints, else one beyond 255 (Radford et al. 2019)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)]
    others = (byte for byte in range(256) if byte not in plain)
    return [chr(byte) for byte in plain] + [chr(256 + k) for k, _ in enumerate(others)]
