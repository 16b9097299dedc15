"""headkit verify on vggheads: vectors are finite, and show each head in its box."""

import io

import numpy as np
import pytest
from damage import redo_sums, replace, verified
from test_pack_vggheads import fitted, flame, row, vggheads  # noqa: F401 - flame is a fixture


@pytest.fixture
def out(tmp_path):
    scenes = [fitted(seed, distance=2.0, focal=900.0) for seed in range(3)]
    records = [
        row(tmp_path, number, [head], camera) for number, (head, camera, _) in enumerate(scenes)
    ]
    _, failures = vggheads(tmp_path, records, shard_size="2")
    assert not failures
    return tmp_path / "out"


def edit(out, change):
    """Change the arrays of one image, and the checksums."""
    path = out / "heads/split_00000/annotations/image-1.npz"
    with np.load(io.BytesIO(path.read_bytes())) as stored:
        arrays = {name: stored[name] for name in stored.files}
    change(arrays)
    data = io.BytesIO()
    np.savez(data, **arrays)
    replace(path, data.getvalue())
    redo_sums(out)


def test_a_clean_set_passes(out):
    assert verified(out, head="flame.npz") == ([], [])
    strict, _ = verified(out, head="flame.npz", strict=True)
    assert {each["kind"] for each in strict} == {"open", "screen"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda arrays: arrays["3dmm_params"].__setitem__((0, 0, 7), np.nan), "params"),
        (lambda arrays: arrays["3dmm_params"].__setitem__((0, 0, 409), 9.0), "reprojection"),
        (lambda arrays: arrays["bbox"].__setitem__((0, 0), 1000), "box"),
        (lambda arrays: arrays.pop("residual_px"), "label"),
    ],
)
def test_damage_is_found(out, change, kind):
    edit(out, change)
    found, _ = verified(out, head="flame.npz")
    assert (f"{out}/heads/split_00000/annotations/image-1.npz", kind) in {
        (each["file"], each["kind"]) for each in found
    }
