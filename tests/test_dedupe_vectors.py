"""headkit dedupe of images and prompts: what it drops, what it keeps of its work, and what it refuses."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headkit.alike import embedders, vectors
from headkit.status import BAD_INPUT, NO_INPUT, USAGE, Stop
from headkit.tool import Context, Drop, Failure
from headkit.tools import dedupe as tool
from headkit.twins import ledger as books
from headkit.twins import reference


def dedupe(records, root="/", output=None, **options):
    context = Context("dedupe", Path(root), output=output)
    return list(tool.stream(tool.Options(**options), context, iter(records)))


def picture(seed, size=96):
    """Blobs of colour."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)


@pytest.fixture
def records(tmp_path):
    """a, b: strangers; a2, a3: copies of a; broken: none."""
    picture(1).save(tmp_path / "a.png")
    picture(2).save(tmp_path / "b.png")
    picture(1).save(tmp_path / "a2.jpg", quality=60)
    picture(1).resize((50, 50)).save(tmp_path / "a3.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    names = ("a.png", "b.png", "a2.jpg", "broken.png", "a3.png")
    return [{"id": name.split(".")[0], "image": name} for name in names]


def test_copies_of_a_picture_have_one_that_stays(records, tmp_path):
    error = {"id": "x", "error": {"tool": "generate"}}
    first, second, copy, broken, passed, small = dedupe(
        [*records[:4], error, records[4]], tmp_path, of="image"
    )
    assert (first, second, passed) == ({"cluster": "a"}, {}, {})
    assert broken.kind == "bad-image"
    for drop in (copy, small):
        assert drop.fields == {"cluster": "a"}
        assert drop.threshold == embedders.LIKENESS_THRESHOLD <= drop.score <= 1
        assert drop.reason == f"cosine {drop.score} with a"


def test_prefer_and_policy(records, tmp_path):
    ranked = [{**record, "rank": rank} for rank, record in enumerate(records)]
    results = dedupe(ranked, tmp_path, of="image", prefer="rank")
    assert [type(result) for result in results] == [Drop, dict, Drop, Failure, dict]
    assert results[0].fields == results[2].fields == {"cluster": "a3"}
    by_chain = dedupe(records, tmp_path, of="image", policy="components")
    assert [type(result) for result in by_chain] == [dict, dict, Drop, Failure, Drop]


def test_a_mirrored_picture_is_a_twin_where_that_is_asked(records, tmp_path):
    mirrored = picture(2).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.save(tmp_path / "b2.jpg", quality=80)
    mirrored.resize((70, 70)).save(tmp_path / "b3.png")
    rows = [*records[:3], *({"id": name[:2], "image": name} for name in ("b2.jpg", "b3.png"))]
    plain = dedupe(rows, tmp_path, of="image", dir=str(tmp_path / "kept"))
    assert [type(result) for result in plain] == [dict, dict, Drop, dict, Drop]
    result = dedupe(rows, tmp_path, of="image", mirror=True, dir=str(tmp_path / "kept"))
    assert result[:2] == [{"cluster": "a"}, {"cluster": "b"}]
    assert result[2] == plain[2]
    for drop in result[3:]:
        assert drop.fields == {"cluster": "b"}
        assert drop.reason == f"cosine {drop.score} with b, mirrored"
    against = str(tmp_path / "kept" / "embeddings.npz")
    alone = [{"id": "x", "image": "x.png"}]
    picture(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "x.png")
    assert dedupe(alone, tmp_path, against=against) == [{}]
    assert dedupe(alone, tmp_path, against=against, mirror=True)[0].reason.endswith(
        "with a of the reference set, mirrored"
    )


def test_an_index_finds_copies_and_says_how_many_it_misses(records, tmp_path, monkeypatch):
    pytest.importorskip("faiss")
    options = tool.Options(of="image", index="faiss")
    stream = tool.stream(options, Context("dedupe", tmp_path), iter(records))
    assert [type(result) for result in stream] == [dict, dict, Drop, Failure, Drop]
    assert stream.made["index"] == {"faiss": [1, 1], "recall": 1.0, "pairs": 2, "rows": 1}


def test_an_index_that_is_not_installed_is_refused(records, tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "find_spec", lambda name: None)
    refused(69, records, tmp_path, of="image", index="faiss")


def test_prompts_in_nearly_the_same_words():
    text = "a photo of two women and a man who wait on a wet street at night, seen from the side, one in a red coat"
    others = (text.replace("a wet", "the wet"), text.upper() + "!", "three men at a table")
    rows = [{"id": str(k), "prompt": {"text": said}} for k, said in enumerate((text, *others))]
    one, near, same, other, none = dedupe([*rows, {"id": "n", "prompt": {}}], of="prompt")
    assert (one, other) == ({"cluster": "0"}, {})
    assert near.threshold == embedders.WORDS_THRESHOLD <= near.score < 1
    assert same.score == 1
    assert none.kind == "field"


def test_vectors_are_kept_and_used_again_even_without_the_pictures(records, tmp_path):
    records.pop(3)
    known = [{**record, "image_sha256": digest(tmp_path / record["image"])} for record in records]
    first = dedupe(known, tmp_path, of="image", dir=str(tmp_path / "kept"))
    for record in known:
        (tmp_path / record["image"]).unlink()
    assert dedupe(known, tmp_path, of="image", dir=str(tmp_path / "kept")) == first
    again = dedupe(known, tmp_path, of="image", output=tmp_path / "o.jsonl")
    assert {result.kind for result in again} == {"missing"}
    assert (tmp_path / "o.jsonl.twins" / "embeddings.npz").exists()


def digest(path):
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest()


def test_a_picture_that_has_changed_fails(records, tmp_path):
    changed = [{**records[0], "image_sha256": "0" * 64}]
    assert dedupe(changed, tmp_path, of="image")[0].kind == "changed"


# ---- against a reference set ----------------------------------------------------------------------


def test_what_is_in_the_reference_set_goes_and_wins_nothing(records, tmp_path):
    dedupe(records[:1], tmp_path, of="image", dir=str(tmp_path / "set"))
    against = str(tmp_path / "set" / "embeddings.npz")
    first, second, copy, _, small = dedupe(records, tmp_path, against=against)
    assert first.reason == "cosine 1.0 with a of the reference set"
    assert second == {}
    for leaked in (copy, small):
        assert leaked.reason.endswith("with a of the reference set")
        assert leaked.fields == {}


def test_reference_sets_that_cannot_be_compared_are_refused(records, tmp_path):
    path = tmp_path / "set.npz"
    vectors = np.zeros((1, embedders.embedder("image", None, "cpu").width), np.float16)
    for model, status in (("another", USAGE), ("likeness 1", None)):
        reference.write(path, model, ["r"], vectors.shape[1], iter([vectors]))
        if status is None:
            assert len(dedupe(records, tmp_path, against=str(path))) == 5
        else:
            refused(status, records, tmp_path, against=str(path))
    path.write_bytes(b"nothing")
    refused(BAD_INPUT, records, tmp_path, against=str(path))
    refused(NO_INPUT, records, tmp_path, against=str(tmp_path / "nowhere.npz"))


def refused(status, records, root, **options):
    with pytest.raises(Stop) as caught:
        dedupe(records, root, **options)
    assert caught.value.status == status


# ---- options that make no sense -------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.9},
        {"of": "image", "threshold": 0.9},
        {"of": "prompt", "threshold": 0.9},
        {"of": "pose", "model": "likeness"},
        {"of": "bytes", "policy": "components"},
        {"of": "prompt", "mirror": True},
        {"of": "image", "mirror": True, "calibrate": True},
        {"of": "pose", "index": "faiss"},
        {"of": "image", "verify": True},
        {"of": "image", "model": "likeness", "threshold": 0.0},
        {"of": "image", "model": "words"},
        {"of": "prompt", "model": "likeness"},
        {"of": "prompt", "model": "sscd.torchscript.pt"},
    ],
)
def test_a_threshold_without_its_model_and_flags_that_mean_nothing_are_refused(records, options):
    refused(USAGE, records, "/", **options)


def test_the_first_record_must_have_what_is_compared(tmp_path):
    refused(BAD_INPUT, [{"id": "a"}], tmp_path, of="image")
    refused(BAD_INPUT, [{"id": "a"}], tmp_path, of="prompt")
    refused(USAGE, [{"id": "a", "image": "a.png"}], tmp_path, of="image", prefer="nothing")


def test_a_threshold_that_makes_twins_of_everything_is_refused(records, tmp_path, monkeypatch):
    from headkit.twins import search

    monkeypatch.setattr(search, "MOST", 1)
    refused(USAGE, records, tmp_path, of="image")


def test_another_search_in_the_folder_is_waited_for(records, tmp_path):
    purpose = books.Purpose("another", 3, 3, 0.5)
    working = books.FolderLedger(tmp_path / "kept" / "search", books.Grid(3, 3), purpose)
    refused(75, records, tmp_path, of="image", dir=str(tmp_path / "kept"))
    working.close()


# ---- killed ---------------------------------------------------------------------------------------


def test_a_killed_run_goes_on_in_the_middle_of_its_search(tmp_path):
    """kill -9 between two tiles; then the same command: the same rows, and only the tiles that were left."""
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{word}" for word in rng.integers(300, size=12)) for _ in range(1500)]
    texts[700:1000] = [text + " more" for text in texts[:300]]
    rows = [{"id": str(k), "prompt": {"text": text}} for k, text in enumerate(texts)]
    (tmp_path / "in").write_text("".join(json.dumps(row) + "\n" for row in rows))
    script = (
        "import sys, time, headkit.twins.products as p; p.NumpyProducts.tile = 100\n"
        "plain = p.NumpyProducts.reaching\n"
        "def reaching(*given):\n    time.sleep(PAUSE)\n    return plain(*given)\n"
        "p.NumpyProducts.reaching = reaching\n"
        "from headkit.cli import main\n"
        "sys.argv = ['headkit', 'dedupe', '--of', 'prompt', '-q', '-o', 'out', 'in']\n"
        "if __name__ == '__main__':\n    main()\n"
    )

    def start(pause):
        (tmp_path / "run.py").write_text(f"PAUSE = {pause}\n{script}")
        return subprocess.Popen([sys.executable, "run.py"], cwd=tmp_path)

    killed = start(0.02)
    band = tmp_path / "out.twins" / "search" / "band-000003"
    limit = time.monotonic() + 120
    while not (band.exists() and band.stat().st_size) and time.monotonic() < limit:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = {path.name: path.read_bytes() for path in band.parent.glob("band-*")}
    assert 3 < len(done) < 15
    assert not (tmp_path / "out").exists()
    assert start(0).wait() == 0
    for name, data in done.items():
        assert (band.parent / name).read_bytes().startswith(data[: len(data) // 2])
    assert len(list(band.parent.glob("band-*"))) == 15
    expected = {
        row["id"]: result for row, result in zip(rows, dedupe(rows, of="prompt"), strict=True)
    }
    dropped = [json.loads(line) for line in (tmp_path / "out.dropped").read_bytes().splitlines()]
    kept = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    assert len(dropped) >= 250
    assert len(kept) + len(dropped) == 1500
    assert all(row["dropped"]["reason"] == expected[row["id"]].reason for row in dropped)
    assert all(row.get("cluster") == expected[row["id"]].get("cluster") for row in kept)


# ---- a page of thresholds -------------------------------------------------------------------------


def page_of(records, root, **options):
    given = tool.Options(calibrate=True, **options)
    assert tool.reports(given)
    return list(tool.stream(given, Context("dedupe", Path(root)), iter(records)))


def test_the_page_counts_twins_and_shows_pairs(records, tmp_path):
    for seed in range(10, 25):
        picture(seed).save(tmp_path / f"{seed}.png")
    strangers = [{"id": str(seed), "image": f"{seed}.png"} for seed in range(10, 25)]
    error = {"id": "x", "error": {"tool": "generate"}}
    failure, page = page_of([*records, error, *strangers], tmp_path)
    assert failure.kind == "bad-image"
    assert "Twins among 19 pictures" in page
    assert "<td>0.9<td>3<td>15.79%<td>3" in page  # a, a2 and a3, each twin of both others
    assert "data:image/jpeg;base64," in page
    assert "a / a2" in page or "a2 / a" in page or "a / a3" in page
    assert "http" not in page
    assert "<script" not in page


def test_the_page_escapes_what_comes_from_records(tmp_path):
    text = "<script>alert(1)</script> a man & a woman in front of a house by night"
    rows = [{"id": f"<b>{k}", "prompt": {"text": text}} for k in range(3)]
    (page,) = page_of(rows, tmp_path, of="prompt")
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; a man &amp; a woman" in page
    assert "&lt;b&gt;0 / &lt;b&gt;1" in page


@pytest.mark.parametrize("count", [0, 1])
def test_a_page_of_nothing(count, tmp_path):
    (page,) = page_of([{"id": "a", "prompt": {"text": "a man"}}] * count, tmp_path, of="prompt")
    assert f"Twins among {count} prompts" in page


def test_the_page_goes_to_the_file_of_o_and_nothing_is_kept_beside_it(records, tmp_path):
    (tmp_path / "in").write_text("".join(json.dumps(record) + "\n" for record in records))
    command = [sys.executable, "-m", "headkit", "dedupe", "--calibrate", "-o", "page.html", "in"]
    before = {path.name for path in tmp_path.iterdir()}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1  # one picture is broken
    assert "broken.png" in done.stderr
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    new = {path.name for path in tmp_path.iterdir()} - before
    assert new == {"page.html", "page.html.run.json"}
