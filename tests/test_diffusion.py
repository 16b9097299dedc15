"""generate with a diffusion model: the traps of batches, each sprung once, on tiny networks that are saved and loaded."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import flame_files
import numpy as np
import pytest
import tiny_diffusion
from safetensors.torch import load_file, save_file

from headkit.conditioning import pose_image
from headkit.diffusing.options import recipe_of
from headkit.image import load
from headkit.recipes.presets import PRESETS
from headkit.recipes.recipe import SCHEDULERS, Weights
from headkit.status import Stop
from headkit.tool import Context, Failure
from headkit.tools import generate

POSES = Path(__file__).parent / "data" / "poses.jsonl"
# diffusers reads tensors into numpy in a way that numpy means to end.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WORDS = (
    "a red hat",
    "two people at night",
    "a man smiling in the park",
    "woman, blue",
    "one person",
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of a model, an adapter and ControlNets."""
    folder = tmp_path_factory.mktemp("models")
    tiny_diffusion.save_sdxl(folder / "base")
    tiny_diffusion.save_adapter(folder / "adapter")
    tiny_diffusion.save_controlnet(folder / "controlnet")
    tiny_diffusion.save_controlnet(folder / "union", union=True)
    tiny_diffusion.save_zimage(folder / "zimage-base")
    tiny_diffusion.save_zimage_controlnet(folder / "zimage")
    return folder


@pytest.fixture
def options(models):
    """The tiny model: its options, with those that are given."""

    def of(conditioner="adapter", **given):
        chosen = {"preset": None if conditioner == "adapter" else conditioner}
        chosen |= {"steps": 2, "chunk": 2, "size": 64, "format": "png"}
        base = "zimage-base" if conditioner == "zimage" else "base"
        chosen |= {"model": str(models / base), "conditioner": str(models / conditioner)}
        return generate.Options(**(chosen | given))

    return of


@pytest.fixture(scope="module")
def loaded():
    """Networks by their recipe: each is loaded once."""
    return {}


@pytest.fixture
def painter(options, tmp_path, monkeypatch, loaded):
    """Starts `generate`: a process whose painter can be reached."""
    from headkit.backends.diffusion import network

    plain = network.open_network
    kept = tmp_path / "digests"
    kept.mkdir()

    def once(recipe, found, manner, device):
        if (recipe, manner) not in loaded:
            loaded[recipe, manner] = plain(recipe, found, manner, device)
        return loaded[recipe, manner]

    # Not XDG_CACHE_HOME: a renderer that is first imported now would be compiled into that.
    monkeypatch.setattr("headkit.backends.diffusion.digests.folder", lambda _: kept)
    monkeypatch.setattr(network, "open_network", once)

    def begin(conditioner="adapter", seed=0, **given):
        context = Context("generate", tmp_path, seed, tag="test")
        return generate.start(options(conditioner, **given), context)

    return begin


def rows(count=4, **fields):
    """Records of one shape, with words and a pose of their own each."""
    found = []
    for number, line in enumerate(POSES.read_text().splitlines()[:count]):
        record = json.loads(line)
        record |= {"id": f"r{number}", "prompt": {"text": WORDS[number % 5], "negative": ""}}
        record |= {"width": 600, "height": 600} | fields
        found.append(record)
    return found


def digests(results):
    assert not [result for result in results if isinstance(result, Failure)]
    return [result["image_sha256"] for result in results]


# ---- batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditioner", "guidance"),
    [
        ("adapter", 5.0),
        ("adapter", 0.0),
        ("controlnet", 5.0),
        ("union", 5.0),
        ("zimage", 0.0),
        ("zimage", 3.0),
    ],
)
def test_every_caption_comes_back_with_its_own_pose(painter, conditioner, guidance):
    """num_images_per_prompt pairs [p0, p0, p1, p1] with [a0, a1, a0, a1]; rows of ours never meet another's pose."""
    process = painter(conditioner, chunk=3, guidance=guidance)
    given = rows(3)
    together = digests(process(given))
    assert len(set(together)) == 3
    assert [digests(process([record]))[0] for record in given] == together
    assert digests(process(given[::-1])) == together[::-1]
    swapped = copy.deepcopy(given[:2])
    swapped[0]["poses"], swapped[1]["poses"] = swapped[1]["poses"], swapped[0]["poses"]
    assert not set(digests(process(swapped))) & set(together)  # the pose is heard


def test_an_image_is_the_library_s_own(painter, tmp_path):
    """Row by row, as its manual does it: alone, from a picture and a string."""
    import torch
    from PIL import Image

    from headkit.conditioning import pose_image
    from headkit.diffusing.asking import asked

    process = painter(chunk=4, guidance=5.0)
    inner = process.painter
    pipeline = inner.network.pipeline
    given = rows()
    for record, made in zip(given, process(given), strict=True):
        wanted = asked(record, inner.recipe, 64)
        drawn = pose_image(wanted.mapped["poses"], 64, 64, inner.recipe.convention)
        (expected,) = pipeline(
            prompt=record["prompt"]["text"], image=Image.fromarray(drawn), num_inference_steps=2,
            guidance_scale=5.0, generator=torch.Generator().manual_seed(wanted.seed(0, 0)), output_type="np",
        ).images  # fmt: skip
        pixels = load(tmp_path / made["image"]).pixels
        assert np.abs(pixels - expected * 255).max() < 1


QUICK = ("euler-a", "sde-dpm++-karras", "lcm")  # a kind each; the others take as long again
SAMPLERS = [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
    for name in SCHEDULERS
    if not name.startswith("flow")
]


@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_noise_is_of_the_image_alone(painter, scheduler):
    process = painter(scheduler=scheduler, chunk=2, steps=3)
    given = rows(2)
    found = digests(process(given))
    process.painter.chunk = 3
    assert digests(process(given[::-1])) == found[::-1]


def test_rows_of_other_shapes_keep_their_order_and_bytes(painter):
    """Sizes and lengths of prompts are not mixed in a call; the order is that of the rows."""
    long = " ".join(["a photo of people in the park at night,"] * 20)
    given = rows(5)
    for record in given[1::2]:
        record["height"] = 900
    given[2]["prompt"] = {"text": long, "negative": "blurry"}
    process = painter(chunk=2)
    together = process(given)
    assert {(made["width"], made["height"]) for made in together} == {
        (64, 64),
        (32, 64),
        (64, 64),
    } | {(made["width"], made["height"]) for made in together[1::2]}
    assert [made["image_sha256"] for made in together] == digests(
        [process([record])[0] for record in given]
    )
    tail = copy.deepcopy(given[2])
    tail["prompt"]["text"] += " one woman smiling"  # far beyond the 77th token
    assert digests(process([tail])) != digests(together[2:3])


def test_images_are_written_while_the_next_chunk_is_drawn(painter, tmp_path, monkeypatch):
    """And what conditions the next batch is drawn meanwhile, to the same bytes."""
    given = rows(4)
    process = painter(chunk=2)
    expected = digests(process(given))
    network = process.painter.network
    plain, calls = network.draw, []

    def watched(orders, pieces):
        calls.append(orders)
        end = time.monotonic() + 20
        while len(calls) == 2 and len(list((tmp_path / "later").rglob("*.png"))) < 2:
            assert time.monotonic() < end, "images of the first chunk wait for the second"
            time.sleep(0.01)
        return plain(orders, pieces)

    process = painter(chunk=2, dir=str(tmp_path / "later"))
    monkeypatch.setattr(network, "draw", watched)
    process.prepare(given)
    assert digests(process(given)) == expected
    assert len(calls) == 2


def test_short_chunks_are_filled_from_the_batches_that_come(painter, monkeypatch):
    """With two shapes in every batch half of each chunk would else be copies. Images are those of rows by themselves."""
    given = rows(6)
    for record in given[1::2]:
        record["height"] = 900
    expected = digests(painter(chunk=2)(given))
    process = painter(chunk=2, fill=True)
    network, drawn = process.painter.network, []
    plain = network.draw

    def counted(orders, pieces):
        if any(order.text == "poison" for order in orders):
            raise ValueError("one of them")
        drawn.append(len({order.text for order in orders}))
        return plain(orders, pieces)

    monkeypatch.setattr(network, "draw", counted)
    batches = [given[:2], given[2:4], given[4:]]
    for batch in batches:
        process.prepare(batch)
    process.painter._ahead._thread.shutdown()
    found = [digests(process(batch)) for batch in batches]
    assert [digest for batch in found for digest in batch] == expected
    assert drawn == [2, 2, 1, 1]  # both of the second batch are done before their turn
    drawn.clear()
    process = painter(chunk=2)
    for batch in batches:
        process.prepare(batch)
    assert digests(process(batches[0])) == expected[:2]
    assert drawn == [1, 1]  # without the option a chunk is cut where its rows are
    process, poisoned = painter(chunk=2, fill=True), copy.deepcopy(given[2:4])
    poisoned[0]["prompt"]["text"] = "poison"
    for batch in (given[:2], poisoned):
        process.prepare(batch)
    process.painter._ahead._thread.shutdown()
    assert digests(process(given[:2])) == expected[:2]  # its neighbours are not to pay for it
    with pytest.raises(ValueError, match="one of them"):
        process(poisoned)


def test_pictures_that_do_not_fit_are_refused(painter):
    from headkit.backends.diffusion.network import Order

    network = painter(guidance=0.0).painter.network
    picture = np.zeros((64, 64, 3), np.uint8)
    fitting = Order("a", "", (picture,), 0)
    for other in (
        Order("a", "", (), 0),
        Order("a", "", (picture, picture), 0),
        Order("a", "", (picture[:32],), 0),
    ):
        with pytest.raises(ValueError, match="expected 1 of one size"):
            network.draw([fitting, other], 1)


def test_words_are_encoded_as_the_library_does(painter):
    import torch

    texts = painter().painter.network.texts
    pipeline = painter().painter.network.pipeline
    with torch.inference_mode():
        for text in ("a red hat", ""):
            embedded, pooled = texts.encode(text, 1)
            expected, _, expected_pooled, _ = pipeline.encode_prompt(
                text, do_classifier_free_guidance=False
            )
            assert torch.allclose(embedded, expected[0], atol=1e-6)
            assert torch.allclose(pooled, expected_pooled[0], atol=1e-6)
        assert texts.negative("", 2)[0].shape == (154, sum(tiny_diffusion.WIDTHS))
        assert not texts.negative("", 2)[0].any()
        assert texts.negative("hat", 1)[0].any()


# ---- what goes wrong -----------------------------------------------------------------------------


def poison(painter, monkeypatch, when):
    """Latents of the images for which `when(attempt, slot)` become not finite."""
    network = painter.network
    plain, calls = network._decoded, []

    def decoded(latents):
        calls.append(len(latents))
        for slot in range(len(latents)):
            if when(len(calls) - 1, slot):
                latents[slot] = np.nan
        return plain(latents)

    monkeypatch.setattr(network, "_decoded", decoded)


def test_what_is_not_finite_is_drawn_again_and_harms_no_neighbour(painter, monkeypatch):
    given = rows(3)
    process = painter(chunk=4)
    clean = process(given)
    process = painter(chunk=4)
    poison(process.painter, monkeypatch, lambda call, slot: call == 0 and slot == 1)
    again = process(given)
    assert [made["generated"]["attempt"] for made in again] == [0, 1, 0]
    assert [a["image_sha256"] == b["image_sha256"] for a, b in zip(again, clean, strict=True)] == [
        True, False, True,
    ]  # fmt: skip
    process = painter(chunk=4)
    poison(process.painter, monkeypatch, lambda _call, slot: slot == 0)
    failed, second, third = process(given)
    assert isinstance(failed, Failure)
    assert (failed.kind, failed.model) == ("bad-pixels", True)
    assert digests([second, third]) == digests(clean[1:])


def test_black_is_no_image(painter, monkeypatch):
    process = painter()
    network = process.painter.network
    plain = network._decode
    monkeypatch.setattr(network, "_decode", lambda latent: plain(latent) * 0 - 1)
    (failed,) = process(rows(1))
    assert failed.kind == "bad-pixels"


def test_memory_that_is_too_small_halves_the_chunk_and_rows_say_so(painter):
    """Inside the pipeline, whose denoiser sees both halves of guidance."""
    import torch

    given = rows(3)
    expected = digests(painter(chunk=2)(given))
    process = painter(chunk=4)
    with memory_for(2, process, torch.OutOfMemoryError("CUDA out of memory")):
        made = process(given)
    assert digests(made) == expected
    assert {row["generated"]["chunk"] for row in made} == {2}
    full = RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    )
    with memory_for(1, process, full), pytest.raises(Stop, match="smaller --size") as stop:
        process(given[:1])
    assert stop.value.status == 69


@contextmanager
def memory_for(images, process, error):
    def check(_network, given):
        if len(given[0]) > 2 * images:
            raise error

    hook = process.painter.network.denoiser.register_forward_pre_hook(check)
    yield
    hook.remove()


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"width": 0}, "bad-size"),
        ({"poses": [{"keypoints": [[1, 2, 1]]}]}, "bad-pose"),
        ({"poses": "none"}, "bad-pose"),
        ({"truth": {"heads": []}}, "truth exists"),
        ({"camera": {"K": [[1, 2], [3, 4]]}}, "bad-camera"),
        ({"prompt": {"text": "hat " * 1000}}, "long-prompt"),
        ({"id": "x" * 300}, "bad-id"),
    ],
)
def test_what_is_wrong_with_a_record_is_its_own_error(painter, fields, kind):
    bad, good = painter()([*rows(1, **fields), rows(2)[1]])
    assert bad.kind == kind
    assert good["image_sha256"]


# ---- rows ----------------------------------------------------------------------------------------


def test_a_row_says_how_it_was_made(painter, tmp_path):
    (record,) = rows(
        1, width=600, height=500, camera={"K": [[500, 0, 300], [0, 500, 250], [0, 0, 1]]}
    )
    del record["prompt"]
    process = painter(seed=7, guidance=5.0)
    (made,) = process([record])
    generated = made["generated"]
    assert (made["width"], made["height"]) == (64, 64)
    scale = 64 / 500
    affine = [[scale, 0.0, -(600 * scale - 64) / 2], [0.0, scale, 0.0]]
    assert np.allclose(generated.pop("canvas_to_image"), affine)
    kept = generated.pop("weights")
    assert len(generated.pop("words")) == 16
    assert generated == {
        "model": "base", "preset": "sdxl", "seed": 7, "attempt": 0, "size": [64, 64], "steps": 2, "guidance": 5.0,
        "scheduler": {"name": "euler-a"}, "control": {"pose": 1.0}, "convention": "t2i-adapter", "chunk": 2,
        "dtype": "float32", "compiled": False, "watermark": False, "prompt": "a photo of a person",
    }  # fmt: skip
    for before, after in zip(
        record["poses"][0]["keypoints"], made["poses"][0]["keypoints"], strict=True
    ):
        if before[2]:
            assert np.allclose(np.array(affine) @ [*before[:2], 1], after[:2], atol=0.006)
    assert np.allclose(made["camera"]["K"], np.array([*affine, [0, 0, 1]]) @ record["camera"]["K"])
    assert "truth" not in made
    assert made["scores"]["memorisation"] > 0
    assert "scores" not in painter(guidance=1.0)([record])[0]
    assert process.made["model"] == "base"
    assert set(kept["base"]["sha256"]) == {
        "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors", "text_encoder_2/model.safetensors",
    }  # fmt: skip
    assert list((tmp_path / "digests").glob("*.json"))


def test_what_conditions_an_image_is_what_its_row_keeps():
    """Rounded before anything is drawn: a replay sees the row alone."""
    from headkit.diffusing.asking import asked
    from headkit.run.numbers import rounded

    (record,) = rows(
        1, camera={"K": [[500, 0, 300], [0, 500, 250], [0, 0, 1]], "up": [0.1234567, -1, 0]}
    )
    record["poses"][0]["head"] = {"yaw": 12.34567, "pitch": 0.1, "roll": 3}
    mapped = asked(record, PRESETS["sdxl"], 1024).mapped
    for name in ("poses", "camera"):
        assert mapped[name] == rounded(name, mapped[name])
    assert asked(mapped, replace(PRESETS["sdxl"], sizes=((1024, 1024),)), None).mapped == mapped


def test_low_rank_changes_are_added_to_the_weights(painter, tmp_path):
    import torch

    layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    down, up = torch.randn(4, 64), torch.randn(64, 4)
    save_file(
        {f"unet.{layer}.lora_A.weight": down, f"unet.{layer}.lora_B.weight": up},
        tmp_path / "change.safetensors",
    )
    plain = painter().painter.network.pipeline.unet.get_submodule(layer).weight
    changed = painter(lora=str(tmp_path / "change.safetensors"))
    weight = changed.painter.network.pipeline.unet.get_submodule(layer).weight
    assert torch.allclose(weight, plain + up @ down, atol=1e-5)
    assert changed.painter.settings["weights"]["lora"]["name"] == "change.safetensors"
    save_file({"text_encoder.x.lora_A.weight": down}, tmp_path / "other.safetensors")
    with pytest.raises(Stop) as stop:
        painter(lora=str(tmp_path / "other.safetensors"))
    assert stop.value.status == 69


def again(options, tmp_path, given, folder="again", **places):
    """The rows, made again from nothing but themselves."""
    first = options()
    places = {"model": first.model, "conditioner": first.conditioner} | places
    replay = generate.Options(replay=True, dir=str(tmp_path / folder), **places)
    context = Context("generate", tmp_path, tag="test")
    generate.before(replay, context)
    return generate.start(replay, context)(given)


def test_rows_are_made_again_to_the_byte(painter, options, tmp_path):
    given = rows(4)
    del given[1]["prompt"]
    given[2]["height"] = 900
    given[3]["prompt"]["negative"] = "blurry"
    made = painter(seed=3, scheduler="sde-dpm++-karras", chunk=3, guidance=5.0)(given)
    kept = [
        json.loads(json.dumps(before | after)) for before, after in zip(given, made, strict=True)
    ]
    for row in kept:  # as the runner rounds it
        rows_of = row["generated"]["canvas_to_image"]
        row["generated"]["canvas_to_image"] = [
            [round(value, 6) for value in line] for line in rows_of
        ]
    replayed = again(options, tmp_path, kept[::-1])[::-1]
    assert digests(replayed) == digests(made)
    for row, before in zip(replayed, kept, strict=True):
        assert row["generated"] == before["generated"] | {"replay": {"equal": True}}
        assert row["image"].startswith("again/")
    changed = copy.deepcopy(kept[:3])
    changed[0]["generated"]["seed"] = 4
    changed[1]["generated"]["prompt"] = "another photo"
    changed[2]["generated"]["weights"]["base"]["sha256"]["vae/x"] = "0"
    other, words, weights = again(options, tmp_path, changed)
    assert not other["generated"]["replay"]["equal"]
    assert 3 < other["generated"]["replay"]["psnr"] < 60
    assert (words.kind, weights.kind) == ("other-words", "other-weights")
    with pytest.raises(Stop, match=r"^adapter: .*; --conditioner says where it is"):
        again(options, tmp_path, kept[:1], conditioner=None)
    (same,) = again(options, tmp_path, kept[:1], "images")
    assert same.kind == "same-place"
    (rendered,) = again(options, tmp_path, [rows(1)[0] | {"generated": {"model": "render"}}])
    assert rendered.kind == "no-recipe"


def test_a_rendered_control_gives_a_target_and_is_made_again(painter, options, tmp_path):
    """What was asked for is known exactly; what came of it is not: target, and never truth."""
    given = rows(2, width=512, height=512)
    process = painter("union", control="depth,normals", steps=1)
    made = process(given)
    assert {"target", "camera"} <= made[0].keys()
    assert "truth" not in made[0]
    assert made[0]["generated"]["control"] == {"depth": 1.0, "normals": 1.0}
    assert made[0]["target"]["heads"][0]["box"]
    kept = [
        json.loads(json.dumps(before | after)) for before, after in zip(given, made, strict=True)
    ]
    place = options("union").conditioner
    assert digests(again(options, tmp_path, kept, conditioner=place)) == digests(made)


def test_flame_s_mesh_is_drawn_on_rendered_heads_and_is_the_target(
    painter, options, models, tmp_path, monkeypatch
):
    """--preset mesh, with a ControlNet of ours in the place of the published one, which knows no other head."""
    published = Weights(str(models / "controlnet"))
    monkeypatch.setitem(PRESETS, "mesh", replace(PRESETS["mesh"], conditioner=published))
    head = str(flame_files.write_npz(tmp_path / "flame.npz"))
    given = rows(2, width=512, height=512)
    chosen = {"preset": "mesh", "size": 128, "steps": 1, "maps": "control"}
    with pytest.raises(Stop, match="name your FLAME file"):
        before(preset="mesh", model=str(models / "base"))
    made = painter("controlnet", **chosen, head=head)(given)
    (path,) = (tmp_path / "images").rglob("r0.control-mesh.png")
    pixels = load(path).pixels
    (told,) = made[0]["target"]["heads"]
    assert told["params"]["model"] == made[0]["generated"]["head"]["name"]
    assert told["params"]["sha256"].startswith(made[0]["generated"]["head"]["sha256"])
    assert 0 < told["fit"]["residual_mm"] < 1
    ys, xs = np.nonzero(pixels.any(axis=2))
    nose = np.array(told["landmarks"]["points"][30][:2])
    assert (nose > (xs.min() - 1, ys.min() - 1)).all()
    assert (nose < (xs.max() + 2, ys.max() + 2)).all()
    assert pixels[..., 2].max() > 200  # blue is how far to the front a vertex lies
    assert all("truth" not in row for row in made)
    kept = [
        json.loads(json.dumps(before | after)) for before, after in zip(given, made, strict=True)
    ]
    place = published.name
    replayed = again(options, tmp_path, kept, conditioner=place, head=head)
    assert digests(replayed) == digests(made)
    kept[0]["generated"]["head"]["sha256"] = "0" * 16
    other, same = again(options, tmp_path, kept, "third", conditioner=place, head=head)
    assert (other.kind, same["generated"]["replay"]) == ("other-head", {"equal": True})
    with pytest.raises(Stop, match="with --head FILE"):
        again(options, tmp_path, kept, "fourth", conditioner=place)


def test_what_the_model_was_shown_can_be_looked_at(painter, tmp_path):
    (made,) = painter(maps="control", steps=1)(rows(1))
    path = tmp_path / made["image"]
    beside = path.with_name(f"{path.stem}.control-pose.png")
    shown = pose_image(
        made["poses"], made["width"], made["height"], made["generated"]["convention"]
    )
    assert (load(beside).pixels == shown).all()
    assert shown.any()


def test_what_is_not_fit_to_be_seen_is_never_written(painter, tmp_path):
    """A classifier of random weights; its own opinion is the threshold."""
    looks = tiny_diffusion.save_classifier(tmp_path / "looks")
    given = rows(3)
    screened = {"screen": "nsfw", "screen_model": str(looks)}
    made = painter(**screened, screen_above=1.0)(given)
    scores = [row["scores"]["nsfw"] for row in made]
    assert len(set(scores)) == 3
    assert all(0 < score < 1 for score in scores)
    process = painter(**screened, screen_above=sorted(scores)[1], dir=str(tmp_path / "fit"))
    again = process(given)
    refused = [isinstance(row, Failure) and row.kind == "screened" for row in again]
    assert refused == [score >= sorted(scores)[1] for score in scores]
    assert len(list((tmp_path / "fit").rglob("*.png"))) == 1
    assert process.made["screen"]["sha256"]
    (alone,) = painter(**screened, screen_above=1.0)(given[2:])
    assert alone["scores"] == made[2]["scores"]


# ---- what cannot be had --------------------------------------------------------------------------


def test_a_dry_run_times_rows_of_one_shape(painter):
    """As chunks are in a long run: of three shapes each would else be a chunk of copies."""
    given = rows(5)
    given[0]["height"] = given[2]["height"] = 900
    given[3]["width"] = 0
    assert painter(chunk=2).sample(given) == [0, 2]
    assert painter(chunk=3).sample(given[1:]) == [0, 3]


def before(**given):
    generate.before(generate.Options(**given), Context("generate", Path()))


def test_weights_that_are_missing_are_said_before_a_record_is_read(models, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for given, name in (
        ({"model": "nobody/model"}, "nobody/model"),
        ({"preset": "vggheads"}, "SG161222/RealVisXL_V4.0"),
        ({"model": str(models / "base")}, "TencentARC/t2i-adapter-openpose-sdxl-1.0"),
    ):
        with pytest.raises(
            Stop, match=rf"^{name}: .* with --dry-run, or: hf download {name}$"
        ) as stop:
            before(**given)
        assert stop.value.status == 69


def test_nothing_is_loaded_or_read_where_weights_are_missing(tmp_path):
    """In a process of its own, whose input never comes: status 69 does not wait for it."""
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "headkit", "generate", "--preset", "vggheads"],
        stdin=reading, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path)},
    )  # fmt: skip
    os.close(reading)
    os.close(writing)
    assert done.returncode == 69, done.stderr
    assert (
        "headkit generate: SG161222/RealVisXL_V4.0: model_index.json is not in the cache"
        in done.stderr
    )
    assert not re.search(r"\| +(torch|diffusers|transformers)$", done.stderr, re.MULTILINE)


def test_half_a_download_is_named_by_its_file(models, tmp_path, monkeypatch):
    """The cache holds the snapshot of a repository, but not all of its files."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--some--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("c0ffee")
    shutil.copytree(models / "base", folder / "snapshots" / "c0ffee")
    given = {"model": "some/model", "conditioner": str(models / "adapter")}
    before(**given)
    (folder / "snapshots/c0ffee/unet/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(
        Stop, match=r"unet/diffusion_pytorch_model\.safetensors is not in the cache"
    ):
        before(**given)


def test_only_safetensors_are_loaded(models, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(models / "adapter", folder)
    (folder / "diffusion_pytorch_model.safetensors").rename(folder / "diffusion_pytorch_model.bin")
    for conditioner in (folder, folder / "diffusion_pytorch_model.bin"):
        with pytest.raises(Stop, match="safetensors") as stop:
            before(model=str(models / "base"), conditioner=str(conditioner))
        assert stop.value.status == 69


def test_a_single_file_is_the_model_of_a_folder(painter, options, models, tmp_path, monkeypatch):
    """As it is published: one file of the authors' own spelling. Its shapes are those of the preset's model."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    file = tiny_diffusion.save_single_file(models / "base", tmp_path / "finetune.safetensors")
    with pytest.raises(Stop, match=r"^stabilityai/stable-diffusion-xl-base-1\.0: .*hf download"):
        before(model=str(file), conditioner=str(models / "adapter"))
    monkeypatch.setitem(
        PRESETS, "sdxl", replace(PRESETS["sdxl"], base=Weights(str(models / "base")))
    )
    given = rows(2)
    parts = {
        "conditioner": str(models / "adapter/diffusion_pytorch_model.safetensors"),
        "vae": str(models / "base/vae/diffusion_pytorch_model.safetensors"),
    }
    made = painter(**parts, model=str(file), preset=None)(given)
    assert digests(painter(model=str(file))(given)) == digests(made)
    assert digests(made) == digests(painter()(given))
    weights = made[0]["generated"]["weights"]
    assert list(weights["base"]["sha256"]) == ["finetune.safetensors"]
    kept = [before | after for before, after in zip(given, made, strict=True)]
    assert digests(again(options, tmp_path, kept, **parts, model=str(file))) == digests(made)
    tensors = load_file(file)
    for name in (
        "model.diffusion_model.out.2.bias", "first_stage_model.decoder.norm_out.bias",
        "conditioner.embedders.1.model.ln_final.bias",
    ):  # fmt: skip
        save_file({key: tensors[key] for key in tensors if key != name}, file)
        with pytest.raises(Stop, match=r"^finetune\.safetensors: lacks 1 weights, as .*bias"):
            loaded_anew(options(model=str(file)))


def loaded_anew(given):
    import torch

    from headkit.backends.diffusion.files import find
    from headkit.backends.diffusion.loading import load_pipeline

    recipe = recipe_of(given)
    return load_pipeline(recipe, find(recipe), torch.float32)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder_2"])
def test_a_model_that_lacks_weights_is_refused(options, models, tmp_path, part):
    """The library would leave random ones in their place."""
    folder = tmp_path / "torn"
    shutil.copytree(models / "base", folder)
    (file,) = (folder / part).glob("*.safetensors")
    tensors = load_file(file)
    del tensors[max(tensors)]
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(Stop, match=r"^torn: lacks 1 weights, as .*; fetch it again") as stop:
        loaded_anew(options(model=str(folder)))
    assert stop.value.status == 69


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: an illegal memory access was encountered",
        "Triton Error [CUDA]: device-side assert triggered",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    ],
)
def test_a_device_that_fails_ends_the_run(options, painter, tmp_path, monkeypatch, words):
    from headkit.run.batches import Batches
    from headkit.tool import find

    network = painter().painter.network

    def broken(_orders, _pieces):
        raise RuntimeError(words)

    monkeypatch.setattr(network, "draw", broken)
    batches = Batches(find("generate"), options(), Context("generate", tmp_path, tag="test"))
    (record,) = rows(1)
    item = SimpleNamespace(raw=json.dumps(record).encode(), record=record, photo=None)
    with pytest.raises(Stop, match="device has failed") as stop:
        batches.outcomes([item])
    assert stop.value.status == 69


def test_every_gpu_has_a_process_of_its_own(monkeypatch):
    """Workers take the devices in turn, and each calls its own by its number."""
    import torch

    from headkit.backends.devices import torch_device
    from headkit.run import workers

    started = []
    monkeypatch.setattr(workers, "Worker", started.append)
    plan = SimpleNamespace(
        tool=None,
        options=None,
        context=Context("generate", Path()),
        devices=("0", "1"),
        workers=4,
        flags=SimpleNamespace(ray=None, timeout=None),
    )
    workers.Workers(plan, SimpleNamespace(), None)
    assert [assignment.context.device for assignment in started] == ["0", "1", "0", "1"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [torch_device(one) for one in ("0", "1", "cpu")] == ["cuda:0", "cuda:1", "cpu"]
    with pytest.raises(Stop, match="no such GPU"):
        torch_device("2")


def test_another_kind_of_network_is_refused(models):
    with pytest.raises(Stop, match="is a ControlNetModel, where a T2IAdapter is wanted") as stop:
        generate.start(
            generate.Options(model=str(models / "base"), conditioner=str(models / "controlnet")),
            Context("generate", Path.cwd(), tag=None),
        )
    assert stop.value.status == 69


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"steps": 3}, 2, "--steps: the renderer has none"),
        ({"preset": "none"}, 2, "choose from vggheads"),
        ({"model": "sdxk"}, 2, "one of vggheads"),
        ({"model": "./gone"}, 66, "no such folder"),
        ({"model": "sdxl", "scheduler": "dpm-sde"}, 2, "choose from euler"),
        ({"model": "sdxl", "convention": "mine"}, 2, "choose from"),
        ({"model": "sdxl", "maps": "depth"}, 2, "only of --model render"),
        ({"model": "sdxl", "control": "depth"}, 2, "reads pose; name another by --conditioner"),
        ({"preset": "union", "control": "depth,mesh"}, 2, "was not trained on it"),
        ({"preset": "controlnet", "control": "pose,depth"}, 2, "only --preset union"),
        ({"preset": "mesh"}, 2, "name your FLAME file"),
        ({"preset": "union", "control": "faces"}, 2, "choose from pose, depth"),
        ({"model": "sdxl", "head": "flame.npz"}, 2, "no mesh is drawn"),
        ({"replay": True}, 2, "-d names a folder"),
        ({"replay": True, "dir": "again", "steps": 3}, 2, "--steps: --replay reads it"),
        ({"preset": "turbo"}, 2, "--accept-license sai-nc-research goes on"),
        ({"model": "black-forest-labs/FLUX.1-dev"}, 2, "flux-dev-nc"),
    ],
)
def test_options_that_cannot_be(given, status, words):
    with pytest.raises(Stop, match=words) as stop:
        before(**given)
    assert stop.value.status == status


def test_presets_are_whole_and_can_be_changed():
    for name, recipe in PRESETS.items():
        assert recipe.name == name
        assert recipe.scheduler in SCHEDULERS
        assert all(weights.license for _, weights in recipe.weights())
        assert all(side % recipe.stride == 0 for size in recipe.sizes for side in size)
        assert name in generate.__doc__
    vggheads = recipe_of(generate.Options(preset="vggheads"))
    assert (vggheads.steps, vggheads.guidance, vggheads.control_scale) == (40, 7.0, 0.7)
    assert dict(SCHEDULERS[vggheads.scheduler].settings)["algorithm_type"] == "sde-dpmsolver++"
    mine = recipe_of(
        generate.Options(
            model="hyper-8", preset="vggheads", steps=8, accept_license="sai-nc-research"
        )
    )
    hyper = PRESETS["hyper-8"]
    assert (mine.base, mine.lora, mine.control_scale, mine.steps) == (
        hyper.base,
        hyper.lora,
        0.7,
        8,
    )
    assert recipe_of(generate.Options(preset="turbo", accept_license="sai-nc-research")).steps == 4
    assert recipe_of(generate.Options()) is None
