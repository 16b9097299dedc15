"""What the CPU's tests prove, once more on a GPU: run with `pytest -m gpu`."""

import json

import pytest
import tiny_diffusion

from headkit.tool import Context
from headkit.tools import generate

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("compiled", [False, True])
def test_an_image_is_the_same_in_every_slot_and_beside_every_neighbour(tmp_path, compiled):
    """Where this fails, a resumed run may differ from a whole one in the last bits: chunks are then to be pinned."""
    tiny_diffusion.save_sdxl(tmp_path / "base")
    tiny_diffusion.save_adapter(tmp_path / "adapter")
    options = generate.Options(
        model=str(tmp_path / "base"), conditioner=str(tmp_path / "adapter"), steps=3, size=512, chunk=8, compile=compiled
    )  # fmt: skip
    process = generate.start(options, Context("generate", tmp_path, device="0"))
    given = [
        {"id": f"r{k}", "width": 8, "height": 8, "poses": [], "prompt": {"text": f"a photo {k}"}}
        for k in range(8)
    ]
    whole = [row["image_sha256"] for row in process(given)]
    assert [row["image_sha256"] for row in process(given[::-1])] == whole[::-1]
    assert [process([record])[0]["image_sha256"] for record in given] == whole
    rows = [record | row for record, row in zip(given, process(given), strict=True)]
    replay = generate.Options(
        replay=True,
        dir=str(tmp_path / "again"),
        model=options.model,
        conditioner=options.conditioner,
    )
    again = generate.start(replay, Context("generate", tmp_path, device="0"))(
        json.loads(json.dumps(rows))
    )
    assert [row["image_sha256"] for row in again] == whole
