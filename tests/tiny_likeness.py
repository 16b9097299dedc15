"""Networks of random weights for scores that look: a CLIP, LAION's heads, face networks; saved as they are published."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image

CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "layers": 1, "heads": 2, "width": 16},
}


def save_clip(folder: Path) -> Path:
    """A CLIP in a folder as open_clip's `local-dir:` reads it."""
    import open_clip
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": CLIP, "preprocess_cfg": {"size": 32}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(11)
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim > 0:  # not the scale
                value.copy_(torch.randn_like(value) * 0.3)
    arrays = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(arrays, folder / "open_clip_model.safetensors")
    return folder


def save_nsfw_head(path: Path) -> torch.nn.Module:
    """LAION's of ViT-L-14, narrower: a standardization, ReLUs, a logistic function. Returns it as torch runs it."""

    class Head(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = torch.nn.Module()
            self.norm.register_buffer("mean", torch.randn(24) / 10)
            self.norm.register_buffer("variance", torch.rand(24) / 10)
            self.linear_1, self.linear_2 = torch.nn.Linear(24, 8), torch.nn.Linear(8, 16)
            self.linear_3 = torch.nn.Linear(16, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = (x - self.norm.mean) / (self.norm.variance.sqrt() + 1e-10)
            x = self.linear_2(self.linear_1(x).relu()).relu()
            return self.linear_3(x).sigmoid()

    torch.manual_seed(12)
    head = Head().eval()
    torch.save(head.state_dict(), path)
    return head


def save_aesthetic_head(path: Path, *, relu: bool = False) -> torch.nn.Module:
    """LAION's aesthetic predictor, narrower: linear layers and dropouts; with `relu` as its h14_nsfw.pth is made."""
    nn = torch.nn
    between = [nn.ReLU()] if relu else []
    torch.manual_seed(13)
    head = nn.Module()
    head.layers = nn.Sequential(
        nn.Linear(24, 16), *between, nn.Dropout(0.2), nn.Linear(16, 8), *between, nn.Dropout(0.1),
        nn.Linear(8, 4), nn.Linear(4, 1),
    )  # fmt: skip
    torch.save(head.eval().state_dict(), path)
    return head.layers


def face_network(width: int = 512) -> torch.nn.Module:
    """Of the shape of an ArcFace network, (n, 3, 112, 112) to (n, width)."""
    torch.manual_seed(14)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 24, 16, stride=16), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(24 * 49, width)
    ).eval()  # fmt: skip


def save_face_program(path: Path, width: int = 512) -> Path:
    """The face network as TorchScript, or ONNX by its suffix."""
    network = face_network(width)
    if path.suffix == ".onnx":
        _save_onnx(network, path)
        return path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own advice about TorchScript
        torch.jit.trace(network, torch.zeros(2, 3, 112, 112)).save(str(path))
    return path


def _save_onnx(network: torch.nn.Module, path: Path) -> None:
    """The same graph by hand: torch's exporter takes a second."""
    from onnx import TensorProto, helper, numpy_helper, save

    names = {"0.weight": "a", "0.bias": "b", "3.weight": "c", "3.bias": "d"}
    weights = [numpy_helper.from_array(v.numpy(), names[k]) for k, v in network.state_dict().items()]  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["faces", "a", "b"], ["x"], strides=[16, 16]),
        helper.make_node("Tanh", ["x"], ["y"]),
        helper.make_node("Flatten", ["y"], ["z"]),
        helper.make_node("Gemm", ["z", "c", "d"], ["vectors"], transB=1),
    ]
    given = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 3, 112, 112])
    found = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", None])
    graph = helper.make_graph(nodes, "face", [given], [found], weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def faces(count: int, seed: int, photos: int = 1, noise: float = 0.0) -> np.ndarray:
    """(count, photos, 112, 112, 3) uint8: of each person a blot of colours, and more or less of another one on each photo."""
    random = np.random.default_rng(seed)
    blots = random.normal(size=(count, 1, 7, 7, 3))
    changed = random.normal(size=(count, photos, 7, 7, 3))
    mixed = np.sqrt(1 - noise**2) * blots + noise * changed
    small = np.clip(128 + 50 * mixed, 0, 255).astype(np.uint8)
    return np.stack(
        [
            [np.array(Image.fromarray(one).resize((112, 112), Image.Resampling.BICUBIC)) for one in person]
            for person in small
        ]
    )  # fmt: skip
