"""Scores that look with CLIP, on a tiny one of random weights: one look at a picture, LAION's heads, published formulas."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_diffusion import save_classifier
from tiny_likeness import save_aesthetic_head, save_clip, save_nsfw_head

from headkit import scoring
from headkit.backends.clip import Clip
from headkit.backends.clip_heads import read_head
from headkit.scoring import ScoreOptions, nsfw
from headkit.scoring.clipscore import clipscore
from headkit.status import BAD_INPUT, NO_INPUT, UNAVAILABLE, USAGE, Stop
from headkit.tool import Context, Failure

PICTURES = [
    np.array(Image.fromarray(small).resize((90, 70)))
    for small in np.random.default_rng(1).integers(0, 256, (6, 6, 6, 3), np.uint8)
]
TEXTS = ["a man in the park", "a woman at night", "two men", "a dog", "snow", "a red hat"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clip")


@pytest.fixture(scope="module")
def clip(folder):
    return str(save_clip(folder / "clip"))


@pytest.fixture(scope="module")
def records(folder):
    for number, pixels in enumerate(PICTURES):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return [
        {"id": str(k), "image": f"{k}.png", "prompt": {"text": text}}
        for k, text in enumerate(TEXTS)
    ]


@pytest.fixture
def scored(folder, clip):
    def run(given, **options):
        process = scoring.start(
            ScoreOptions(clip_model=clip, **options), Context("score", Path(folder))
        )
        rows = process(given)
        return [row if isinstance(row, Failure) else row["scores"] for row in rows], process.made

    return run


def refused(status, call, **options):
    with pytest.raises(Stop) as caught:
        call(ScoreOptions(**options), Context("score", Path()))
    assert caught.value.status == status
    return str(caught.value)


def test_one_look_at_each_picture_for_all_scores(scored, records, monkeypatch):
    looks = []
    look = Clip.look

    def counted(self, pictures):
        looks.append(len(pictures))
        return look(self, pictures)

    monkeypatch.setattr(Clip, "look", counted)
    found, made = scored(records, score="nsfw,aesthetic,clipscore")
    assert looks[1:] == [6, 0, 0]  # the first is at nothing, as it is loaded
    assert all(set(one) == {"nsfw", "aesthetic", "clipscore"} for one in found)
    assert made["clip"]["model"].startswith("open_clip clip ")
    for name in ("nsfw", "aesthetic"):
        assert len({round(one[name], 5) for one in found}) > 1
    alone = [scored([record], score="nsfw,aesthetic,clipscore")[0][0] for record in records[4:]]
    assert alone == found[4:]


def test_scores_are_those_of_the_published_formulas(scored, records, clip):
    found, _ = scored(records, score="nsfw,aesthetic,clipscore")
    network = Clip(clip, "cpu")
    pictures = network.look(PICTURES).astype(np.float64)
    prompts = network.read([f"A photo depicts {text}" for text in TEXTS]).astype(np.float64)
    good, bad = network.read(["Good photo.", "Bad photo."]).astype(np.float64)
    for picture, prompt, one in zip(pictures, prompts, found, strict=True):
        assert one["clipscore"] == pytest.approx(2.5 * max(0, picture @ prompt), abs=1e-9)
        chances = torch.tensor([picture @ good, picture @ bad]) * network.scale
        assert one["aesthetic"] == pytest.approx(float(chances.softmax(0)[0]), abs=1e-9)
    assert clipscore(pictures[:1], -pictures[:1]) == 0
    assert clipscore(pictures[:1], pictures[:1]) == pytest.approx(2.5)


def test_zero_shot_is_a_half_at_laions_threshold_and_stricter_with_children():
    """Concepts along the axes, so that the numbers of a picture are its cosines."""
    count = len(nsfw.CONCEPTS) + len(nsfw.CHILDREN)
    axes = np.eye(count)
    nude = list(nsfw.CONCEPTS).index("nude")
    picture = np.zeros((4, count))
    picture[0, nude] = 0.19
    picture[1, nude] = 0.2
    picture[2, nude], picture[2, -1] = 0.19, 0.3  # beside "baby"
    found = nsfw.zero_shot(picture, axes, 100.0)
    assert found[0] == pytest.approx(0.5)
    assert found[1] == pytest.approx(1 / (1 + math.exp(-1)))
    assert found[2] == pytest.approx(found[1])
    assert found[3] < 1e-8


def test_laions_heads_as_torch_runs_them(scored, records, folder, clip):
    vectors = torch.from_numpy(Clip(clip, "cpu").look(PICTURES))
    files = folder / "nsfw.pth", folder / "laion.pth", folder / "h14.pth"
    heads = save_nsfw_head(files[0]), save_aesthetic_head(files[1]), save_aesthetic_head(files[2], relu=True)  # fmt: skip
    for file, head in zip(files, heads, strict=True):
        expected = head(vectors)[:, 0].detach().numpy()
        assert read_head(file, 24, "--x")(vectors.numpy()) == pytest.approx(expected, abs=1e-6)
        assert np.ptp(expected) > 1e-4
    found, made = scored(
        records, score="nsfw,aesthetic", nsfw_model=str(files[0]), aesthetic_model=str(files[1])
    )
    assert [one["nsfw"] for one in found] == pytest.approx(heads[0](vectors)[:, 0].tolist(), abs=1e-6)  # fmt: skip
    ratings = heads[1](vectors)[:, 0].tolist()
    assert [one["aesthetic_laion"] for one in found] == pytest.approx(ratings, abs=1e-6)
    assert made["nsfw"]["model"] == "nsfw.pth"
    assert len(made["aesthetic"]["sha256"]) == 16


def test_a_classifier_says_what_it_says_to_generate(scored, records, folder):
    from headkit.backends.diffusion.files import find_classifier
    from headkit.backends.diffusion.screening import Screen
    from headkit.recipes.recipe import Weights

    model = str(save_classifier(folder / "classifier"))
    found, made = scored(records, score="nsfw", nsfw_model=model)
    screen = Screen(find_classifier(Weights(model)), "cpu")
    assert [one["nsfw"] for one in found] == screen.scores(PICTURES)
    assert "clip" not in made  # nobody asked for it
    assert made["nsfw"]["name"] == "classifier"


def test_a_record_without_words_has_no_clipscore(scored, records):
    caption = {"id": "c", "image": "0.png", "caption": "a dog"}
    found, _ = scored([{"id": "a", "image": "0.png"}, caption], score="clipscore")
    assert found[0] == {}
    assert found[1].keys() == {"clipscore"}
    with pytest.raises(Stop, match=r"'a' has no prompt.text") as caught:
        scoring.check(ScoreOptions(score="clipscore"), Context("score", Path()), {"id": "a"})
    assert caught.value.status == BAD_INPUT


def test_missing_weights_are_69_before_a_record_is_read(folder, monkeypatch, clip):
    def unreachable(_):
        raise OSError("no network")

    monkeypatch.setattr("open_clip.download_pretrained", unreachable)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in ("nsfw", "aesthetic", "clipscore"):
        said = refused(UNAVAILABLE, scoring.before, score=name)
        assert "--clip-model ViT-L-14:openai" in said
        assert "ViT-L-14-quickgelu:FILE" in said
    said = refused(UNAVAILABLE, scoring.before, score="nsfw", nsfw_model="nobody/model")
    assert "hf download nobody/model" in said
    (folder / "weights.pt").touch()
    for other in ("ViT-B-32:openai", f"ViT-L-14:{folder / 'weights.pt'}"):
        refused(USAGE, scoring.before, score="nsfw", clip_model=other)
    scoring.before(
        ScoreOptions(score="nsfw", clip_model=f"ViT-L-14-quickgelu:{folder / 'weights.pt'}"),
        Context("score", Path()),
    )
    refused(USAGE, scoring.before, score="sharpness", nsfw_model="nobody/model")
    given = {"clip_model": clip, "score": "aesthetic"}
    refused(NO_INPUT, scoring.start, aesthetic_model="nowhere.pth", **given)
    (folder / "page.pth").write_bytes(b"<html>")
    assert "fetch it again" in refused(
        UNAVAILABLE, scoring.start, aesthetic_model=str(folder / "page.pth"), **given
    )
    torch.save({"layers.0.weight": torch.zeros(1, 768), "layers.0.bias": torch.zeros(1)}, folder / "768.pth")  # fmt: skip
    assert "768 numbers, not 24" in refused(
        UNAVAILABLE, scoring.start, aesthetic_model=str(folder / "768.pth"), **given
    )
