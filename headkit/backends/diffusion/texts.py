"""Prompts for SDXL's two text encoders, of any length.

CLIP reads 77 tokens. A longer prompt is encoded in pieces of 75 between the marks of beginning and end, which follow
each other along the sequence, as the diffusers documentation advises; what is pooled is of the first piece. Every piece
goes through the encoders alone, so that an embedding depends on nothing but its words.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

PIECE = 75  # tokens of a piece without its marks
_KEPT = 512  # embeddings of pieces in memory, 0.3 MB each in half precision


class Texts:
    """The tokenizers and encoders of a pipeline.

    Embeddings of a piece: (77, width of both encoders) and pooled (width of the second).
    """

    most = 8  # pieces of a prompt

    def __init__(self, pipeline: Any, device: str, *, offload: bool) -> None:
        self.tokenizers = [pipeline.tokenizer, pipeline.tokenizer_2]
        self.encoders = [pipeline.text_encoder, pipeline.text_encoder_2]
        self.device, self.offload = device, offload
        self.zero_if_empty = bool(pipeline.config.get("force_zeros_for_empty_prompt", True))
        self._known: OrderedDict[tuple[tuple[int, ...], ...], tuple[Any, Any]] = OrderedDict()

    def pieces(self, text: str) -> int:
        """How many pieces a prompt needs, at least one."""
        longest = max(len(self._tokens(tokenizer, text)) for tokenizer in self.tokenizers)
        return max(1, -(-longest // PIECE))

    def encode(self, text: str, pieces: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(pieces * 77, width) and pooled (width of the second), on the device; short prompts end in empty pieces."""
        tokens = [self._tokens(tokenizer, text) for tokenizer in self.tokenizers]
        parts = [
            self._piece(tuple(tuple(some[at : at + PIECE]) for some in tokens))
            for at in range(0, pieces * PIECE, PIECE)
        ]
        return torch.cat([part for part, _ in parts]), parts[0][1]

    def negative(self, text: str, pieces: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The same of what an image should not show; zeros for nothing, where the model was trained with them."""
        embedded, pooled = self.encode(text, pieces)
        if text or not self.zero_if_empty:
            return embedded, pooled
        return torch.zeros_like(embedded), torch.zeros_like(pooled)

    def _tokens(self, tokenizer: Any, text: str) -> list[int]:
        found = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)
        return list(found["input_ids"])

    def _piece(self, tokens: tuple[tuple[int, ...], ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """One piece through both encoders, or from memory."""
        if tokens in self._known:
            self._known.move_to_end(tokens)
            return self._known[tokens]
        hidden, pooled = [], None
        for tokenizer, encoder, some in zip(self.tokenizers, self.encoders, tokens, strict=True):
            row = [tokenizer.bos_token_id, *some, tokenizer.eos_token_id]
            row += [tokenizer.pad_token_id] * (PIECE + 2 - len(row))
            if self.offload:
                encoder.to(self.device)
            given = torch.tensor([row], device=self.device)
            out = encoder(given, output_hidden_states=True)
            hidden.append(out.hidden_states[-2][0])
            pooled = out[0][0]  # of the second, the one that projects
            if self.offload:
                encoder.to("cpu")
        assert pooled is not None
        self._known[tokens] = torch.cat(hidden, dim=-1), pooled
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return self._known[tokens]
