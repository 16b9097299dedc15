"""What is particular to Z-Image: a transformer of flow matching, whose prompts are read by a language model."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

LONGEST = 512  # tokens of a prompt, its template among them
STEP = 32  # the transformer fills prompts up to a multiple of it
_KEPT = 256  # embeddings in memory, up to 2.6 MB each in half precision


class ChatTexts:
    """Tokenizer and language model of Z-Image.

    A prompt goes through the language model alone, filled up to LONGEST, as in the library; what is filled is cut off
    again. Prompts whose lengths fill up to the same multiple of STEP can go through the transformer together without
    one changing the length of another.
    """

    most = LONGEST // STEP

    def __init__(self, pipeline: Any, device: str, *, offload: bool) -> None:
        self.tokenizer, self.encoder = pipeline.tokenizer, pipeline.text_encoder
        self.device, self.offload = device, offload
        self._known: OrderedDict[str, torch.Tensor] = OrderedDict()

    def pieces(self, text: str) -> int:
        """How many times STEP tokens a prompt takes, in its template."""
        tokens = self.tokenizer(self._templated(text), truncation=False)["input_ids"]
        return -(-len(tokens) // STEP)

    def encode(self, text: str) -> torch.Tensor:
        """(tokens, width), on the device."""
        if text not in self._known:
            given = self.tokenizer(
                [self._templated(text)],
                padding="max_length",
                max_length=LONGEST,
                truncation=True,
                return_tensors="pt",
            ).to(self.device)
            mask = given.attention_mask.bool()
            if self.offload:
                self.encoder.to(self.device)
            out = self.encoder(
                input_ids=given.input_ids, attention_mask=mask, output_hidden_states=True
            )
            if self.offload:
                self.encoder.to("cpu")
            self._known[text] = out.hidden_states[-2][0][mask[0]]
        self._known.move_to_end(text)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return self._known[text]

    def _templated(self, text: str) -> str:
        said: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=True,
        )
        return said
