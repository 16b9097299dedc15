"""Who stays of twins, and what is kept of vectors on disk."""

import threading
from pathlib import Path

import numpy as np
import pytest

from headkit.twins import reference
from headkit.twins.choice import STAYS, choose
from headkit.twins.cosines import cosines, squares, stored
from headkit.twins.ledger import PAIR
from headkit.twins.nearest import NOBODY, nearest_over, neighborhood
from headkit.twins.search import Twins, search
from headkit.twins.store import Store

WIDTH = 128


def twins(count, *pairs, equal=()):
    groups = np.arange(count)
    for first, row in equal:
        groups[row] = first
    return Twins(groups, np.array(sorted(pairs), PAIR))


# ---- who stays ----------------------------------------------------------------------------------


def test_a_chain_does_not_take_its_far_end_along():
    chain = twins(4, (0, 1, 0.95), (1, 2, 0.95), (2, 3, 0.95))
    order = np.arange(4)
    assert choose(chain, order).tolist() == [STAYS, 0, STAYS, 2]
    assert choose(chain, order, "components").tolist() == [STAYS, 0, 0, 0]
    assert choose(chain, order[::-1]).tolist() == [1, STAYS, 3, STAYS]
    assert choose(chain, order[::-1], "components").tolist() == [3, 3, 3, STAYS]


def test_the_nearest_that_stays_and_is_preferred_wins():
    near = twins(4, (0, 3, 0.91), (1, 3, 0.97), (2, 3, 0.97))
    assert choose(near, np.array([0, 1, 2, 3])).tolist() == [STAYS, STAYS, STAYS, 1]
    assert choose(near, np.array([3, 2, 1, 0])).tolist() == [3, 3, 3, STAYS]


def test_rows_that_do_not_take_part_take_nobodys_place():
    chain = twins(3, (0, 1, 0.95), (1, 2, 0.95))
    assert choose(chain, np.array([1, 2])).tolist() == [STAYS, STAYS, 1]
    assert choose(chain, np.array([0, 2])).tolist() == [STAYS] * 3
    assert choose(chain, np.array([0, 2]), "components").tolist() == [STAYS] * 3


def test_equal_rows_go_with_the_preferred_of_them():
    equal = twins(5, (0, 1, 0.95), equal=[(0, 2), (0, 4)])
    assert choose(equal, np.array([2, 0, 1, 3, 4])).tolist() == [2, 2, STAYS, STAYS, 2]
    assert choose(equal, np.array([1, 0, 2, 3, 4])).tolist() == [1, STAYS, 1, STAYS, 1]
    assert choose(equal, np.array([4, 3, 2, 0])).tolist() == [4, STAYS, 4, STAYS, STAYS]


@pytest.mark.parametrize("seed", range(8))
def test_independent_is_greedy_over_all_pairs(seed):
    """Against the definition on every pair, equal rows written out."""
    rng = np.random.default_rng(seed)
    rows = stored(rng.standard_normal((60, 12)))
    rows[40:50] = rows[rng.integers(40, size=10)]
    found = search(rows, 0.6)
    order = rng.permutation(60)[:55]
    near = {(a, b): c for a, b, c in found.all_pairs().tolist()}
    near |= {(b, a): c for (a, b), c in near.items()}
    stays, expected = [], np.full(60, STAYS)
    for row in order.tolist():
        rivals = [(-near[row, other], other) for other in stays if (row, other) in near]
        if rivals:
            expected[row] = min(rivals)[1]
        else:
            stays.append(row)
    assert (expected != STAYS).sum() > 5
    assert choose(found, order).tolist() == expected.tolist()


# ---- against another set ------------------------------------------------------------------------


def test_nearest_of_another_set_is_exact():
    rng = np.random.default_rng(1)
    reference_rows = stored(rng.standard_normal((5000, WIDTH)))
    rows = stored(reference_rows[:600].astype(float) + 0.06 * rng.standard_normal((600, WIDTH)))
    rows[5] = 0
    reference_rows[4000] = reference_rows[10]  # equally near: the first is named
    exact = rows.astype(float) @ reference_rows.astype(float).T
    exact /= np.maximum(np.sqrt(np.outer(squares(rows), squares(reference_rows))), 1e-300)
    threshold = float(np.median(exact.max(axis=1)))
    found = nearest_over(rows, reference_rows, threshold)
    near = exact.max(axis=1) >= threshold
    assert 200 < near.sum() < 400
    assert found.rows.tolist() == np.where(near, exact.argmax(axis=1), NOBODY).tolist()
    assert (found.cosine[near] == exact.max(axis=1)[near]).all()


def test_a_sample_sees_its_neighbours_and_not_itself():
    rng = np.random.default_rng(2)
    rows = stored(rng.standard_normal((3000, WIDTH)))
    rows[1000:1100] = stored(rows[:100].astype(float) + 0.03 * rng.standard_normal((100, WIDTH)))
    sample = np.arange(0, 3000, 5)
    edges = np.array([0.2, 0.5, 0.9])
    seen = neighborhood(rows, sample, edges)
    exact = rows[sample].astype(float) @ rows.astype(float).T
    exact /= np.sqrt(np.outer(squares(rows[sample]), squares(rows)))
    exact[np.arange(len(sample)), sample] = -2
    assert seen.nearest.rows.tolist() == exact.argmax(axis=1).tolist()
    assert seen.nearest.cosine == pytest.approx(exact.max(axis=1), abs=1e-9)
    assert seen.counts.tolist() == np.histogram(exact, [*edges, 2])[0].tolist()


# ---- on disk ------------------------------------------------------------------------------------


def keys(count, first=0):
    return [number.to_bytes(32, "big") for number in range(first, first + count)]


def test_vectors_are_found_again_and_a_torn_entry_is_cut(tmp_path):
    vectors = stored(np.random.default_rng(3).standard_normal((10, WIDTH)))
    path = tmp_path / "vectors"
    store = Store(path, WIDTH)
    assert store.add(keys(6), vectors[:6]) == list(range(6))
    store.close()
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"torn")
    store = Store(path, WIDTH)
    assert path.stat().st_size == whole
    assert store.find(keys(1, 5)[0]) == 5
    assert store.find(keys(1, 6)[0]) is None
    assert store.add(keys(4, 6), vectors[6:]) == [6, 7, 8, 9]
    assert (store.gather(np.array([9, 0, 3])) == vectors[[9, 0, 3]]).all()
    store.close()


def test_a_damaged_vector_is_made_again(tmp_path):
    vectors = stored(np.random.default_rng(3).standard_normal((3, WIDTH)))
    path = tmp_path / "vectors"
    store = Store(path, WIDTH)
    store.add(keys(3), vectors)
    store.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    store = Store(path, WIDTH)
    assert [store.find(key) for key in keys(3)] == [0, None, 2]
    assert store.add(keys(1, 1), vectors[1:2]) == [3]
    store.close()


def test_several_runs_may_add_to_one_file(tmp_path):
    vectors = stored(np.random.default_rng(4).standard_normal((40, WIDTH)))

    def add():
        store = Store(tmp_path / "vectors", WIDTH)
        for number in range(40):
            places = store.add(keys(1, number), vectors[number : number + 1])
            assert (store.gather(np.array(places)) == vectors[number]).all()
        store.close()

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store(tmp_path / "vectors", WIDTH)
    places = np.array([store.find(key) for key in keys(40)])
    assert (store.gather(places) == vectors).all()
    store.close()


def written(path: Path, model="m", ids=("a", "ä", "c"), rows=3):
    vectors = stored(np.random.default_rng(5).standard_normal((rows, WIDTH)))
    reference.write(path, model, list(ids), WIDTH, iter([vectors[:2], vectors[2:]]))
    return vectors


def test_a_reference_set_is_an_npz_that_stays_on_disk(tmp_path):
    path = tmp_path / "set.npz"
    vectors = written(path)
    with np.load(path) as file:
        assert (file["vectors"] == vectors).all()
        assert file["model"].item() == b"m"
    found = reference.read(path)
    assert isinstance(found.vectors, np.memmap)
    assert (found.vectors == vectors).all()
    assert (found.model, found.name(1)) == ("m", "ä")
    first = path.read_bytes()
    written(path)
    assert path.read_bytes() == first


def test_what_numpy_saves_is_read_and_what_cannot_be_compared_is_not(tmp_path):
    path = tmp_path / "set.npz"
    vectors = stored(np.random.default_rng(5).standard_normal((3, WIDTH)))
    np.savez(path, vectors=vectors, model=np.array("clip"))
    found = reference.read(path)
    assert (found.model, found.name(2)) == ("clip", "2")
    for wrong, why in (
        ({"model": np.array("m")}, "no array"),
        ({"vectors": vectors}, "which model"),
        ({"vectors": vectors.astype(np.float32), "model": np.array("m")}, "need"),
        ({"vectors": vectors * 9, "model": np.array("m")}, "longer"),
        ({"vectors": vectors, "model": np.array("m"), "ids": np.array([b"a"])}, "ids"),
    ):
        np.savez(path, **wrong)
        with pytest.raises(reference.ReferenceError, match=why):
            reference.read(path)
    np.savez_compressed(path, vectors=vectors, model=np.array("m"))
    with pytest.raises(reference.ReferenceError, match="compressed"):
        reference.read(path)
    path.write_bytes(b"nothing")
    with pytest.raises(reference.ReferenceError):
        reference.read(path)


def test_cosines_are_the_same_in_any_order_of_the_sum():
    """What makes the result the same on any machine: the float64 products are exact."""
    rng = np.random.default_rng(6)
    a, b = (stored(rng.standard_normal((20, 2048))) for _ in range(2))
    order = rng.permutation(2048)
    assert (
        cosines(a, b, squares(a), squares(b))
        == cosines(a[:, order], b[:, order], squares(a[:, order]), squares(b[:, order]))
    ).all()
    scaled = ([[int(x * 2**24) for x in row] for row in rows.astype(float)] for rows in (a, b))
    exact = [sum(map(int.__mul__, *rows)) for rows in zip(*scaled, strict=True)]
    products = np.einsum("ij,ij->i", a.astype(float), b.astype(float))
    assert [int(product * 2**48) for product in products] == exact
