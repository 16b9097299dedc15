"""The options of the scores that look with CLIP, and of identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headkit.tool import Opt


@dataclass(frozen=True, kw_only=True)
class LikenessOptions:
    """Networks that say what a picture means, or whose face it shows."""

    clip_model: Annotated[
        str,
        Opt(
            "CLIP of nsfw, aesthetic and clipscore: NAME:TAG or NAME:FILE of open_clip, or a folder.",
            "MODEL",
        ),
    ] = "ViT-L-14:openai"
    nsfw_model: Annotated[
        str | None,
        Opt(
            "Who says nsfw: LAION's head for CLIP vectors in a FILE, or an image classifier of transformers (default: "
            "CLIP alone, by LAION's safety concepts).",
            "MODEL",
        ),
    ] = None
    aesthetic_model: Annotated[
        str | None,
        Opt("LAION's aesthetic head for CLIP vectors, for aesthetic_laion as well.", "FILE"),
    ] = None
    face_model: Annotated[
        str | None,
        Opt("Face network of identity: ONNX or TorchScript, faces of 112 x 112.", "FILE"),
    ] = None
    gallery: Annotated[
        str | None,
        Opt(
            "Who must not be recognised: a FILE of embeddings, or the folder of the photos that the records come from.",
            "PATH",
        ),
    ] = None
    gallery_from: Annotated[
        str | None,
        Opt(
            "Make the FILE of --gallery, where there is none, from photos: a folder for each person.",
            "DIR",
        ),
    ] = None
    probes: Annotated[
        str | None,
        Opt(
            "Other photos of the people in the gallery, which the true-match rate is measured on: a folder for each "
            "person, or a file as --gallery takes it.",
            "PATH",
        ),
    ] = None
    impostors: Annotated[
        str | None,
        Opt(
            "People on whom the false-match rate is measured: a file as --gallery takes it (default: the gallery).",
            "FILE",
        ),
    ] = None
    fmr: Annotated[
        float | None,
        Opt(
            "Measure the threshold at which this share of pairs of different people match.",
            "RATE",
            minimum=0,
            maximum=0.5,
        ),
    ] = None
