"""caption with networks, on tiny ones with random weights: what is said depends on the picture alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tiny_captioners
import torch
from PIL import Image

from headkit.backends.captioners import open_captioner
from headkit.backends.describing import Manner
from headkit.status import Stop
from headkit.tool import Context
from headkit.tools import caption


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("captioners")


@pytest.fixture(scope="module", params=["coca", "blip", "llava"])
def model(request, folder):
    return str(getattr(tiny_captioners, f"save_{request.param}")(folder / request.param))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    sizes = ((40, 60), (80, 30), (64, 64))
    return [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]


def test_what_is_said_depends_on_the_picture_alone(model, pictures, monkeypatch):
    monkeypatch.setattr("headkit.backends.coca.CHUNK", 2)
    monkeypatch.setattr("headkit.backends.vision_language.CHUNK", 2)
    network = open_captioner(model, Manner(tokens=8), "cpu").network
    together = network.describe(pictures, [1, 2, 3])
    assert all(together)
    assert together == [network.describe([picture], [9])[0] for picture in pictures]
    assert together[::-1] == network.describe(pictures[::-1], [1, 2, 3])


def test_drawn_words_follow_the_seed(model, pictures):
    network = open_captioner(model, Manner(tokens=8, top_p=0.95), "cpu").network
    said = network.describe([pictures[0]] * 4, [1, 2, 3, 1])
    assert said[0] == said[3]
    assert len(set(said)) > 1
    assert said[2:3] == network.describe([pictures[0]], [3])


def test_coca_takes_the_likeliest_word_every_time(folder, pictures):
    """Against the whole text through open_clip's own forward at once."""
    model = str(tiny_captioners.save_coca(folder / "greedy"))
    coca = open_captioner(model, Manner(tokens=10), "cpu").network
    image = coca.prepare(Image.fromarray(pictures[0]))[None]
    (tokens,) = coca._tokens(image, [None])
    assert len(tokens) == 10
    text = torch.tensor([[coca.begin, *tokens]])
    with torch.no_grad():
        logits = coca.network(image, text, output_labels=False)["logits"][0]
    logits[:, [coca.begin, coca.network.pad_id]] = -torch.inf
    assert logits[:-1].argmax(dim=1).tolist() == tokens


def test_coca_stops_at_the_end_of_its_text(folder, pictures):
    coca = open_captioner(
        str(tiny_captioners.save_coca(folder / "end")), Manner(tokens=10), "cpu"
    ).network
    image = coca.prepare(Image.fromarray(pictures[0]))[None]
    (tokens,) = coca._tokens(image, [None])
    coca.end = tokens[3]
    (cut,) = coca._tokens(image, [None])
    assert cut == tokens[: tokens.index(tokens[3]) + 1]
    assert coca._words(cut) == coca._words(tokens[: tokens.index(tokens[3])])


def test_blip_says_what_transformers_says(folder, pictures):
    from transformers import BlipForConditionalGeneration, BlipProcessor

    model = str(tiny_captioners.save_blip(folder / "plain"))
    said = open_captioner(model, Manner(tokens=8), "cpu").network.describe(pictures, [0, 0, 0])
    network = BlipForConditionalGeneration.from_pretrained(model).eval()
    processor = BlipProcessor.from_pretrained(model)
    for words, pixels in zip(said, pictures, strict=True):
        inputs = processor(images=Image.fromarray(pixels), return_tensors="pt")
        tokens = network.generate(**inputs, max_new_tokens=8, do_sample=False)
        assert words == processor.decode(tokens[0], skip_special_tokens=True)


def test_the_answer_is_kept_without_the_question(folder, pictures):
    model = str(tiny_captioners.save_llava(folder / "asked"))
    network = open_captioner(
        model, Manner(tokens=5, ask="hat hat hat hat hat hat hat hat"), "cpu"
    ).network
    assert "hat hat hat hat hat hat hat hat" in network.prompt
    (words,) = network.describe(pictures[:1], [0])
    assert len(words.split()) <= 5


@pytest.mark.parametrize(
    ("model", "status", "words"),
    [
        ("coca_ViT-Z-99", 69, "choose from .*coca_ViT-B-32"),
        ("coca_ViT-L-14:sure", 69, "choose from"),
        ("coca_base", 69, "no weights are named"),
        ("coca_ViT-B-32:./gone.pt", 66, "no such file"),
        ("./gone", 66, "no such folder"),
    ],
)
def test_what_cannot_be_had_is_said(model, status, words):
    with pytest.raises(Stop, match=words) as stop:
        open_captioner(model, Manner(), "cpu")
    assert stop.value.status == status


def test_weights_that_are_not_here_are_missing_not_random(monkeypatch):
    """open_clip only warns where weights are missing, and leaves random ones."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for model in ("coca_ViT-B-32", "nobody/captioner"):
        with pytest.raises(Stop, match="--dry-run where there is a network") as stop:
            open_captioner(model, Manner(), "cpu")
        assert stop.value.status == 69


def test_a_pickle_that_runs_something_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = tiny_captioners.save_coca(folder / "pickle")
    (model / "open_clip_model.safetensors").unlink()
    (model / "open_clip_pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(Stop, match="cannot be used") as stop:
        open_captioner(str(model), Manner(), "cpu")
    assert stop.value.status == 69
    assert not (tmp_path / "ran").exists()


def test_the_tool_looks_at_images_and_photos(folder, pictures, tmp_path):
    model = tiny_captioners.save_blip(folder / "tool")
    Image.fromarray(pictures[0]).save(tmp_path / "a.png")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "a.png", "a.png")
    rows = [
        {"id": "image", "image": "a.png"},
        {"id": "photo", "source": {"path": "a.png"}},
        {"id": "in-tar", "source": {"path": "a.tar", "member": "a.png"}},
        {"id": "neither"},
        {"id": "gone", "image": "gone.png"},
    ]
    done = subprocess.run(
        [sys.executable, "-m", "headkit", "caption", "--model", str(model), "--tokens", "6"],
        input="".join(json.dumps(row) + "\n" for row in rows),
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    first, second, third, fourth, fifth = map(json.loads, done.stdout.splitlines())
    assert first["caption"] == second["caption"] == third["caption"]
    assert first["prompt"]["text"].startswith(first["caption"])
    assert fourth["error"]["kind"] == "no-image"
    assert fifth["error"]["kind"] == "bad-image"
    assert first["made"]["caption"]["sha256"]


def test_options_of_networks_need_one():
    for options in (caption.Options(tokens=5), caption.Options(model="truth", top_p=0.5)):
        with pytest.raises(Stop, match="nothing looks at the image"):
            caption.start(options, Context("caption", Path()))
