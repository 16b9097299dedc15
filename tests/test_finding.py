"""Finding with a network that sees white blobs: squares, tiles, mirror, suppression, whatever the network is."""

import numpy as np
import pytest
from scipy import ndimage

from headkit.backends.boxes import Candidates, letterbox, overlaps, suppress, voted
from headkit.backends.finding import MOST, Search, find

BLACK, WHITE = 40, 250


class Blobs:
    """Finds white rectangles of at least `least` pixels of its square; left ones with the better score."""

    fill = 114
    mirrors = True

    def __init__(self, *sides, chunk=3, least=4):
        self.sides, self.chunk, self.least = sides or (256,), chunk, least
        self.looks = 0

    def look(self, squares, conf):
        assert squares.shape == (self.chunk, *[squares.shape[1]] * 2, 3)
        assert squares.shape[1] in self.sides
        self.looks += 1
        return [self._one(square, conf) for square in squares]

    def _one(self, square, conf):
        marked, _count = ndimage.label(square[:, :, 0] > (BLACK + WHITE) / 2)
        boxes = [
            (x.start, y.start, x.stop, y.stop)
            for y, x in ndimage.find_objects(marked)
            if min(x.stop - x.start, y.stop - y.start) >= self.least
        ]
        boxes = np.array(boxes, np.float32).reshape(-1, 4)
        scores = (0.9 - 0.5 * boxes[:, 0] / len(square)).astype(np.float32)
        return Candidates(boxes, scores).chosen(scores > conf)


def picture(width, height, *boxes):
    pixels = np.full((height, width, 3), BLACK, np.uint8)
    for x1, y1, x2, y2 in boxes:
        pixels[y1:y2, x1:x2] = WHITE
    return pixels


def by_place(boxes):
    return boxes[np.lexsort((boxes[:, 0], boxes[:, 1]))]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("size", [(256, 256), (300, 200), (200, 300), (1000, 37), (90, 90)])
def test_boxes_come_back_to_the_picture(size, flip):
    width, height = size
    box = (width // 2, height // 3, width // 2 + width // 4, height // 3 + height // 2)
    [found] = find(Blobs(), [picture(*size, box)], Search(flip=flip))
    pixel = max(size) / 256
    assert len(found) == 1
    assert np.abs(found.boxes[0] - box).max() <= pixel


def test_a_head_at_the_border_is_cut_there():
    [found] = find(Blobs(), [picture(300, 200, (250, 150, 300, 200))], Search())
    assert found.boxes[0].tolist() == pytest.approx([250, 150, 300, 200], abs=1.2)
    assert (found.boxes[0, 2:] <= [300, 200]).all()


def test_a_picture_without_heads_and_no_pictures():
    [found] = find(Blobs(), [picture(100, 80)], Search())
    assert found.boxes.shape == (0, 4)
    assert find(Blobs(), [], Search()) == []


def test_400_heads():
    places = [
        (20 + 40 * k, 20 + 40 * j, 36 + 40 * k, 36 + 40 * j) for k in range(20) for j in range(20)
    ]
    [found] = find(Blobs(832), [picture(820, 820, *places)], Search())
    assert len(found) == 400
    assert np.abs(by_place(found.boxes) - by_place(np.array(places))).max() < 1.5


@pytest.mark.parametrize("flip", [False, True])
def test_tiles_find_what_is_small_and_do_not_cut_what_is_large(flip):
    small = (700, 300, 712, 310)
    large = (100, 100, 500, 420)
    across = (240, 30, 264, 54)  # over the border of a tile
    pixels = picture(1000, 600, small, large, across)
    [whole] = find(Blobs(128, least=6), [pixels], Search(flip=flip))
    [tiled] = find(Blobs(256), [pixels], Search(tile=256, flip=flip))
    assert len(whole) == 1
    assert np.abs(by_place(tiled.boxes) - by_place(np.array([small, large, across]))).max() <= 4


def test_a_second_square_finds_each_head_once():
    network = Blobs(256, 96)
    heads = [(20, 20, 400, 460), (450, 30, 474, 60), (450, 300, 462, 312)]
    [found] = find(network, [picture(512, 512, *heads)], Search(flip=True))
    assert network.looks == 2  # of three squares at most, of one size each
    assert np.abs(by_place(found.boxes) - by_place(np.array(heads))).max() <= 6


def test_a_strip_of_20000_by_200():
    heads = [(19_000, 50, 19_060, 120), (10, 20, 90, 150)]
    pixels = picture(20_000, 200, *heads)
    [plain] = find(Blobs(), [pixels], Search())
    [tiled] = find(Blobs(), [pixels], Search(tile=256))
    assert len(plain) == 0  # they are less than a pixel high
    assert np.abs(by_place(tiled.boxes) - by_place(np.array(heads))).max() <= 2


def test_neighbours_do_not_matter():
    random = np.random.default_rng(3)
    pictures = [
        picture(int(w), int(h), (int(w) // 3, int(h) // 4, int(w) // 2, int(h) // 2))
        for w, h in random.integers(60, 500, (7, 2))
    ]
    search = Search(tile=200, flip=True)
    together = find(Blobs(chunk=4), pictures, search)
    for pixels, found in zip(pictures, together, strict=True):
        [alone] = find(Blobs(chunk=4), [pixels], search)
        assert alone.boxes.tobytes() == found.boxes.tobytes()
        assert alone.scores.tobytes() == found.scores.tobytes()


def test_suppression_keeps_the_best_of_a_heap_and_at_most_so_many():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 6]], np.float32)
    scores = np.array([0.5, 0.9, 0.7, 0.95], np.float32)
    assert suppress(boxes, scores, 0.52, 10).tolist() == [3, 1, 2]  # IoU of 3 and 1 is 54 / 106
    assert suppress(boxes, scores, 0.5, 10).tolist() == [3, 2]
    assert suppress(boxes, scores, 0.5, 1).tolist() == [3]
    assert suppress(boxes[:0], scores[:0], 0.5, 9).tolist() == []
    assert suppress(boxes, scores, 0.52, 10, inside=0.8).tolist() == [3, 1, 2]  # 0.54 of 1 in 3
    other = scores[::-1].copy()
    assert suppress(boxes, other, 0.7, 10).tolist() == [0, 2, 3]
    assert suppress(boxes, other, 0.7, 10, inside=0.8).tolist() == [0, 2]  # all of 3 lies in 0
    same = np.repeat(boxes[:1], 3, axis=0)
    assert suppress(same, np.ones(3, np.float32), 0.5, 9).tolist() == [0]


def test_votes_by_hand():
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 0, 60, 10], [5, 5, 5, 9]], np.float32)
    scores = np.array([0.9, 0.6, 0.8, 0.7], np.float32)
    shared = 80 / 120
    moved = voted(boxes, scores, np.array([0, 2, 3]), 0.6)
    right = 2 * 0.6 * shared / (0.9 + 0.6 * shared)
    assert moved[0] == pytest.approx([right, 0, 10 + right, 10])
    assert moved[1:].tolist() == boxes[[2, 3]].tolist()
    assert voted(boxes, scores, np.array([0]), 0.7).tolist() == [[0, 0, 10, 10]]


def test_overlap_by_hand():
    box = np.array([0, 0, 4, 2])
    others = np.array([[0, 0, 4, 2], [2, 0, 6, 2], [4, 0, 8, 2], [1, 1, 1, 1], [0, 0, 2, 1]])
    assert overlaps(box, others) == pytest.approx([1, 1 / 3, 0, 0, 1 / 4])


def test_the_letterbox_is_square_and_grey():
    square, place = letterbox(picture(200, 50), 128)
    assert square.shape == (128, 128, 3)
    assert (place.left, place.top) == (0, 48)
    assert (square[:48] == 114).all()
    assert (square[48:80] == BLACK).all()
    assert (square[80:] == 114).all()
    assert letterbox(picture(20_000, 20), 128)[0].shape == (128, 128, 3)
    assert MOST >= 400
