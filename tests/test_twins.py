"""Twins among vectors: the same pairs as float64 on all of them, whatever the tiles, the threads and the interruptions."""

import threading

import numpy as np
import pytest

from headkit.twins import ledger as books
from headkit.twins import pruning
from headkit.twins.cosines import cosines, directions, margin, squares, stored
from headkit.twins.grid import Grid
from headkit.twins.search import Means, digest, equal_rows, search

WIDTH = 128


def everything(vectors, threshold):
    """Every pair by the definition: float64 products of all rows with all rows."""
    wide = vectors.astype(np.float64)
    lengths = np.sqrt(np.outer(squares(vectors), squares(vectors)))
    cosine = np.divide(wide @ wide.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    first, second = np.nonzero(np.triu(cosine >= threshold, 1))
    return list(zip(first.tolist(), second.tolist(), cosine[first, second].tolist(), strict=True))


def planted(rng, count=800):
    """Strangers, near twins of some, equal rows, and rows of nothing."""
    rows = rng.standard_normal((count, WIDTH))
    rows[count // 2 : -50] = rows[: count - count // 2 - 50]
    rows[count // 2 :] += 0.4 * rng.standard_normal((count - count // 2, WIDTH))
    rows[-20:-10] = rows[3]
    rows[-5:] = 0
    return stored(rows)


def clustered(rng, count=800):
    """As embeddings are: a direction that all share, clusters around 40 centres, little that is a row's own."""
    centres = rng.standard_normal((40, WIDTH)) * np.linspace(3, 0.1, WIDTH)
    rows = 1.5 + centres[rng.integers(40, size=count)]
    return stored(rows + 0.6 * rng.standard_normal((count, WIDTH)))


def at_the_threshold(rng, threshold=0.9):
    """Partners of one row at the threshold, give or take a millionth, among them exactly there."""
    one = stored(rng.standard_normal((1, WIDTH)))
    away = rng.standard_normal((8000, WIDTH))
    away -= (away @ one[0].astype(float))[:, None] * one.astype(float)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    rows = stored(threshold * one.astype(float) + np.sqrt(1 - threshold**2) * away)
    first = np.repeat(one, len(rows), axis=0)
    found = cosines(first, rows, squares(first), squares(rows))
    return np.concatenate([one, rows[np.abs(found - threshold) < 1e-6]])


def small_samples(monkeypatch):
    for name, value in (("FEWEST", 0), ("_LEARN", 300), ("_JUDGE", 200)):
        monkeypatch.setattr(pruning, name, value)


@pytest.fixture(params=[planted, clustered, at_the_threshold], ids=lambda make: make.__name__)
def vectors(request):
    return request.param(np.random.default_rng(4))


@pytest.mark.parametrize("threshold", [0.9, 0.999])
def test_the_pairs_are_those_of_float64_on_everything(vectors, threshold, monkeypatch):
    small_samples(monkeypatch)
    expected = everything(vectors, threshold)
    assert threshold > 0.9 or len(expected) > 20
    for means in (
        Means(),
        Means(prune=False),
        Means(tile=97, jobs=3),
        Means(tile=300, prune=False),
    ):
        assert search(vectors, threshold, means).all_pairs().tolist() == expected


def test_at_the_threshold_is_over_it_and_just_below_is_not():
    vectors = at_the_threshold(np.random.default_rng(8))
    found = [cosine for first, _, cosine in everything(vectors, 0.8) if first == 0]
    assert sum(0.9 - 1e-6 < cosine < 0.9 for cosine in found) > 20
    assert sum(0.9 <= cosine < 0.9 + 1e-6 for cosine in found) > 20
    exactly = sorted(found)[len(found) // 2]
    pairs = search(vectors, exactly).all_pairs()
    assert exactly in pairs["cosine"]
    assert pairs["cosine"].min() == exactly
    above = search(vectors, np.nextafter(exactly, 1)).all_pairs()
    assert len(above) == len(pairs) - (pairs["cosine"] == exactly).sum()


def mirrors(rng, vectors):
    """Vectors of mirrored pictures: of some rows near those of others, of some of themselves, of two equal ones not."""
    rows = rng.standard_normal(vectors.shape)
    rows[100:180] = vectors[300:380].astype(float) + 0.03 * rng.standard_normal((80, WIDTH))
    rows[300:340] = vectors[100:140].astype(float) + 0.04 * rng.standard_normal((40, WIDTH))
    rows[200:220] = vectors[200:220]
    return stored(rows)


def test_the_mirrored_are_found_as_well(monkeypatch):
    small_samples(monkeypatch)
    rng = np.random.default_rng(5)
    vectors = planted(rng)
    mirrored = mirrors(rng, vectors)
    wide = vectors.astype(np.float64)
    lengths = np.sqrt(np.outer(squares(vectors), squares(vectors)))
    turned = np.sqrt(np.outer(squares(vectors), squares(mirrored)))
    cosine = np.divide(wide @ wide.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    other = np.divide(
        wide @ mirrored.astype(float).T, turned, out=np.zeros_like(turned), where=turned > 0
    )
    best = np.triu(np.maximum(cosine, other), 1)
    found = search(vectors, 0.9, Means(tile=170), mirrored=mirrored)
    kept = (found.groups == np.arange(len(vectors))) & (squares(vectors) > 0)
    first, second = np.nonzero(best >= 0.9)
    first, second = (side[kept[first] & kept[second]] for side in (first, second))
    pairs = list(zip(first.tolist(), second.tolist(), best[first, second].tolist(), strict=True))
    assert found.pairs.tolist() == pairs
    assert len(pairs) > len(search(vectors, 0.9).pairs) + 40
    assert search(vectors, 0.9, Means(prune=False), mirrored=mirrored).pairs.tolist() == pairs
    # Rows that are equal only one way are not one.
    assert found.groups[-20:-10].tolist() == list(range(len(vectors) - 20, len(vectors) - 10))


# ---- by an index --------------------------------------------------------------------------------


@pytest.mark.parametrize("turned", [False, True])
def test_an_index_invents_nothing_and_knows_what_it_misses(turned, monkeypatch):
    pytest.importorskip("faiss")
    from headkit.twins import approximate

    rng = np.random.default_rng(9)
    vectors = planted(rng, 3000)
    mirrored = mirrors(rng, vectors) if turned else None
    exact = search(vectors, 0.9, mirrored=mirrored)
    found, recall = approximate.search_lists(vectors, 0.9, mirrored=mirrored)
    assert (found.groups == exact.groups).all()
    pairs = set(exact.pairs.tolist())
    assert set(found.pairs.tolist()) <= pairs
    assert len(found.pairs) >= 0.95 * len(pairs) > 500
    assert 1 <= recall.probes < recall.lists
    # A quarter of the rows judge: most pairs have two chances to be of one of them.
    assert 0.35 * len(pairs) < recall.there < 0.5 * len(pairs)
    assert recall.interval[0] < len(found.pairs) / len(pairs) <= recall.interval[1]

    # An index that is looked at too little misses twins, and says so.
    monkeypatch.setattr(approximate, "RECALL", 0.0)
    monkeypatch.setattr(approximate, "SAMPLE", 1000)
    found, recall = approximate.search_lists(vectors, 0.9, mirrored=mirrored)
    assert (recall.probes, recall.rows) == (1, 500)
    assert recall.share is not None
    assert recall.share < 0.99
    assert recall.interval[0] < len(found.pairs) / len(pairs) < recall.interval[1]


def test_the_interval_of_a_recall_is_wilsons():
    """Values of scipy.stats.binomtest(...).proportion_ci(method="wilson")."""
    from headkit.twins.approximate import Recall

    for found, there, low, high in (
        (15, 15, 0.796117, 1),
        (7, 10, 0.396778, 0.892209),
        (0, 3, 0, 0.561497),
    ):
        assert Recall(9, 1, 99, there, found).interval == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_an_index_of_hardly_anything(count):
    pytest.importorskip("faiss")
    from headkit.twins.approximate import search_lists

    vectors = stored(np.random.default_rng(9).standard_normal((count, WIDTH)))
    found, recall = search_lists(vectors, 0.9)
    assert len(found.pairs) == 0
    assert recall.share is None


def test_torch_finds_the_same(monkeypatch):
    from headkit.twins import search as module
    from headkit.twins.products import TorchProducts

    vectors = planted(np.random.default_rng(2), 800)
    expected = search(vectors, 0.9).all_pairs().tolist()
    monkeypatch.setattr(module, "products", TorchProducts)
    assert search(vectors, 0.9, Means(tile=300)).all_pairs().tolist() == expected


def test_products_in_float32_stay_within_the_margin():
    """Long sums of one sign, where roundings add up."""
    rng = np.random.default_rng(3)
    vectors = stored(np.abs(rng.standard_normal((400, 2048))))
    rows = directions(vectors, squares(vectors))
    exact = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    exact /= np.sqrt(np.outer(squares(vectors), squares(vectors)))
    assert np.abs(rows @ rows.T - exact).max() <= margin(2048)
    running = np.zeros(len(rows), np.float32)  # the longest chain of additions that there can be
    for column in range(2048):
        running += rows[0, column] * rows[:, column]
    assert np.abs(running - exact[0]).max() <= margin(2048)


def test_the_bound_is_never_below_the_cosine(vectors, monkeypatch):
    small_samples(monkeypatch)
    bound = pruning.bound(vectors, squares(vectors), 0.98)
    assert bound is not None
    rows = bound.rows(vectors, squares(vectors))
    assert rows.shape[1] <= WIDTH // 2
    wide = vectors.astype(np.float64)
    lengths = np.sqrt(np.maximum(np.outer(squares(vectors), squares(vectors)), 1e-300))
    assert (rows @ rows.T >= wide @ wide.T / lengths - bound.margin).all()


def test_no_bound_where_it_does_not_pay(monkeypatch):
    small_samples(monkeypatch)
    vectors = stored(np.random.default_rng(1).standard_normal((2000, WIDTH)))
    assert pruning.bound(vectors, squares(vectors), 0.9) is not None
    assert pruning.bound(vectors, squares(vectors), 0.3) is None


def test_equal_rows_are_found_and_equal_hashes_do_not_make_them():
    vectors = planted(np.random.default_rng(5), 300)
    groups = equal_rows(vectors)
    assert groups[-20:-10].tolist() == [3] * 10
    assert set(groups[-5:].tolist()) == {295}
    assert (groups[:280] == np.arange(280)).all()
    pairs = search(vectors, 0.9).all_pairs()
    assert 295 not in pairs["first"] or (pairs["cosine"][pairs["first"] == 295] == 1).all()


def test_vectors_that_are_not_stored_ones_are_refused():
    with pytest.raises(ValueError, match="longer than"):
        search(np.full((2, 64), 2, np.float16), 0.9)
    with pytest.raises(ValueError, match="finite"):
        stored(np.array([[np.nan, 1]]))
    with pytest.raises(ValueError, match="over 0"):
        search(np.zeros((2, 64), np.float16), 0)
    assert (squares(stored(np.array([[1e300, 1e300], [1e-300, 0]]))).round(3) == 1).all()


# ---- the ledger ---------------------------------------------------------------------------------


class Killed(BaseException):
    pass


def killed_after(tiles, monkeypatch):
    """Every further tile ends the search, as kill -9 does: nothing is written any more."""
    count = iter(range(tiles))
    whole = books._File.append

    def append(self, compared, found):
        if next(count, None) is None:
            raise Killed
        whole(self, compared, found)

    monkeypatch.setattr(books._File, "append", append)


def test_a_killed_search_goes_on_at_the_tile_where_it_was(tmp_path, monkeypatch):
    vectors = planted(np.random.default_rng(6), 1000)
    expected = search(vectors, 0.9).all_pairs().tolist()
    means = Means(tile=100, folder=tmp_path / "search")
    with monkeypatch.context() as patch:
        killed_after(14, patch)
        with pytest.raises(Killed):
            search(vectors, 0.9, means)
    torn = tmp_path / "search" / "band-000001"
    torn.write_bytes(torn.read_bytes()[:-5])
    done = []
    whole = books._File.append
    monkeypatch.setattr(
        books._File, "append", lambda *given: (done.append(given[0].number), whole(*given))[1]
    )
    assert search(vectors, 0.9, means).all_pairs().tolist() == expected
    assert len(done) == 55 - 14 + 1  # of 10 blocks; the last entry was torn
    assert search(vectors, 0.9, means).all_pairs().tolist() == expected
    assert len(done) == 55 - 14 + 1


def test_searches_that_share_a_folder_share_the_work(tmp_path):
    vectors = clustered(np.random.default_rng(7), 1000)
    expected = search(vectors, 0.9).all_pairs().tolist()
    means = Means(tile=50, folder=tmp_path)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(search(vectors, 0.9, means)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.all_pairs().tolist() for result in results] == [expected] * 3


def test_a_folder_begins_anew_for_other_vectors_unless_somebody_works_there(tmp_path):
    first, second = (planted(np.random.default_rng(seed), 300) for seed in (1, 2))
    means = Means(tile=100, folder=tmp_path)
    search(first, 0.9, means)
    assert search(second, 0.9, means).all_pairs().tolist() == everything(second, 0.9)
    assert search(second, 0.8, means).all_pairs().tolist() == everything(second, 0.8)
    grid = Grid(300, 100)
    working = books.FolderLedger(tmp_path, grid, books.Purpose("x", 300, 100, 0.9))
    with pytest.raises(books.BusyError):
        search(first, 0.9, means)
    working.close()
    assert search(first, 0.9, means).all_pairs().tolist() == everything(first, 0.9)


def test_a_missing_tile_is_noticed(tmp_path):
    grid = Grid(300, 100)
    ledger = books.FolderLedger(tmp_path, grid, books.Purpose("x", 300, 100, 0.9))
    for number in range(3):
        with ledger.band(number) as band:
            for block in range(number + band.done, 3):
                band.append(grid.pairs(number, block), np.empty(0, books.PAIR))
    assert len(ledger.pairs()) == 0
    (tmp_path / "band-000001").unlink()
    with pytest.raises(AssertionError, match="missing"):
        ledger.pairs()
    with ledger.band(1) as band:
        band.append(grid.pairs(1, 1), np.empty(0, books.PAIR))
        band.append(grid.pairs(1, 2) - 1, np.empty(0, books.PAIR))
    with pytest.raises(AssertionError, match="44849 of 44850"):
        ledger.pairs()
    ledger.close()


def test_a_signal_ends_a_search():
    calls = iter(range(1))

    def check():
        if next(calls, None) is None:
            raise Killed

    vectors = planted(np.random.default_rng(6), 1000)
    with pytest.raises(Killed):
        search(vectors, 0.9, Means(tile=2, check=check))


def test_digests_tell_vectors_apart():
    vectors = planted(np.random.default_rng(6), 300)
    other = vectors.copy()
    other[299, 5] = 1
    assert digest(vectors) != digest(other)
    assert digest(vectors) == digest(vectors.copy())
