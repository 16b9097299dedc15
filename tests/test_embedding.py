"""Networks that make vectors of pictures and prompts: tiny ones of random weights, as open_clip and SSCD have them."""

import json
import pickle
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_captioners import COCA, save_coca

from headkit.alike.embedders import embedder
from headkit.backends.embedding import SSCD_THRESHOLD
from headkit.status import NO_INPUT, UNAVAILABLE, USAGE, Stop

PICTURES = [
    np.array(Image.fromarray(small).resize((90, 70)))
    for small in np.random.default_rng(1).integers(0, 256, (5, 6, 6, 3), np.uint8)
]
TEXTS = ["a man in the park", "a woman at night", "a photo", "", "x " * 500]


class Average(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(images, (4, 4)).flatten(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_coca(tmp_path_factory.mktemp("models") / "coca")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("programs") / "sscd_disc_mixup.torchscript.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own advice about TorchScript
        torch.jit.trace(Average(), torch.zeros(1, 3, 320, 320)).save(str(path))
    return path


def refused(status, of, model):
    with pytest.raises(Stop) as caught:
        embedder(of, str(model), "cpu")
    assert caught.value.status == status
    return str(caught.value)


def test_open_clip_sees_each_picture_alone(folder):
    network = embedder("image", str(folder), "cpu")
    assert network.threshold is None
    assert network.width == 16
    together = network.embed(PICTURES[:4])
    for one, vector in zip(PICTURES[:4], together, strict=True):
        assert (network.embed([one])[0] == vector).all()
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_open_clip_reads_prompts(folder):
    network = embedder("prompt", str(folder), "cpu")
    found = network.embed(TEXTS[:4])
    assert (network.embed(TEXTS[1:2])[0] == found[1]).all()
    assert network.embed(TEXTS[4:]).shape == (1, 16)
    assert network.name != embedder("image", str(folder), "cpu").name


def test_weights_of_open_clip_in_a_file_are_read_without_running_them(folder, tmp_path):
    import open_clip

    (tmp_path / "tiny.json").write_text(json.dumps(COCA))
    open_clip.add_model_config(tmp_path / "tiny.json")
    network = open_clip.create_model(f"local-dir:{folder}")
    torch.save(network.state_dict(), tmp_path / "tiny.pt")
    loaded = embedder("image", f"tiny:{tmp_path / 'tiny.pt'}", "cpu")
    assert loaded.embed(PICTURES[:1]).shape == (1, 16)

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "evil"), "w"))

    with (tmp_path / "evil.pt").open("wb") as file:
        pickle.dump(Evil(), file)
    refused(UNAVAILABLE, "image", f"tiny:{tmp_path / 'evil.pt'}")
    assert not (tmp_path / "evil").exists()


def test_torchscript_sees_a_square_normalized_as_for_imagenet(program):
    network = embedder("image", str(program), "cpu")
    assert network.threshold == SSCD_THRESHOLD
    assert network.width == 48
    white = network.embed([np.full((50, 80, 3), 255, np.uint8)])[0].reshape(3, 16)
    assert white[:, 0] == pytest.approx(
        [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], abs=1e-3
    )
    assert (network.embed(PICTURES[:3])[1] == network.embed(PICTURES[1:2])[0]).all()


def test_what_is_no_model_is_refused_with_what_to_do(program, tmp_path):
    other = tmp_path / "other.pt"
    other.write_bytes(program.read_bytes())
    assert embedder("image", str(other), "cpu").threshold is None
    refused(NO_INPUT, "image", tmp_path / "nowhere.pt")
    (tmp_path / "broken.ts").write_bytes(b"PK nothing")
    refused(UNAVAILABLE, "image", tmp_path / "broken.ts")
    refused(NO_INPUT, "image", tmp_path)
    refused(USAGE, "image", "nothing:of")
    refused(USAGE, "image", "ViT-B-32:nothing")
    refused(NO_INPUT, "image", "ViT-B-32:nowhere/model.pt")


def test_weights_are_looked_for_here_before_the_network_is_asked(monkeypatch):
    from huggingface_hub import constants

    offline = []

    def unreachable(_):
        offline.append(constants.HF_HUB_OFFLINE)
        raise OSError("no network")

    monkeypatch.setattr("open_clip.download_pretrained", unreachable)
    assert "ViT-B-32-quickgelu:FILE" in refused(UNAVAILABLE, "image", "ViT-B-32:openai")
    assert offline == [True, constants.HF_HUB_OFFLINE]
