"""Marks in published copies: read back by Pillow, pixels and all other bytes as they were."""

import hashlib
import io
import json
import tarfile
import zlib
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from packs import pack, records_in
from PIL import Image, PngImagePlugin

from headkit.formats.sample import LeftOutError
from headkit.publishing import xmp
from headkit.publishing.marks import mark

RENDER, DIFFUSION = {"generated": {"model": "render"}}, {"generated": {"model": "sdxl"}}
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"
NOISE = np.random.default_rng(3).integers(0, 255, (13, 17, 4), np.uint8)
FILES = {
    "png": ("png", "RGB", {}),
    "png-alpha": ("png", "RGBA", {}),
    "jpg": ("jpg", "RGB", {"format": "JPEG", "quality": 90}),
    "jpg-progressive": ("jpg", "RGB", {"format": "JPEG", "progressive": True}),
    "jpg-exif": ("jpg", "RGB", {"format": "JPEG", "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    "webp": ("webp", "RGB", {"format": "WEBP", "quality": 80}),
    "webp-lossless": ("webp", "RGB", {"format": "WEBP", "lossless": True}),
    "webp-alpha": ("webp", "RGBA", {"format": "WEBP", "lossless": True, "exact": True}),
    "webp-lossy-alpha": ("webp", "RGBA", {"format": "WEBP", "quality": 80}),
}


def written(name, **more):
    suffix, mode, options = FILES[name]
    sink = io.BytesIO()
    picture = Image.fromarray(NOISE[..., : len(mode)], mode)
    picture.save(sink, **{"format": "PNG", **options, **more})
    return suffix, sink.getvalue()


def statement(data):
    """The source types that Pillow and a parser of XML find, and all that the packet says."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        packet = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"]
    tree = ET.fromstring(packet)
    assert tree.tag == "{adobe:ns:meta/}xmpmeta"
    found = {each.tag: each.text for each in tree.iterfind(f"{RDF}RDF/{RDF}Description/*")}
    return [text for tag, text in found.items() if tag == TYPE], found


def pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        return picture.mode, np.asarray(picture)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("record", "term"), [(RENDER, "algorithmicMedia"), (DIFFUSION, "trainedAlgorithmicMedia")]
)
def test_another_reader_finds_the_mark_and_the_same_pixels(name, record, term):
    suffix, data = written(name)
    marked = mark(data, suffix, record)
    assert statement(marked)[0] == [SCHEME + term]
    before, after = pixels(data), pixels(marked)
    assert before[0] == after[0]
    np.testing.assert_array_equal(before[1], after[1])
    assert mark(marked, suffix, record) == marked  # once is enough


@pytest.mark.parametrize("name", ["png", "jpg", "webp"])
def test_what_a_file_says_already_stays(name):
    said = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:CreatorTool>headdraw'
        b"</xmp:CreatorTool></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    more = {"xmp": said}
    if name == "png":
        more = {"pnginfo": PngImagePlugin.PngInfo()}
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", said.decode(), zip=True)
    suffix, data = written(name, **more)
    marked = mark(data, suffix, RENDER)
    terms, found = statement(marked)
    assert terms == [SCHEME + "algorithmicMedia"]
    assert found["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == "headdraw"
    np.testing.assert_array_equal(pixels(data)[1], pixels(marked)[1])


@pytest.mark.parametrize("name", ["png", "jpg", "webp"])
@pytest.mark.parametrize("form", ["element", "attribute"])
def test_a_file_that_calls_itself_a_photo_is_not_marked(name, form):
    suffix, data = written(name)
    photo = mark(data, suffix, RENDER).replace(b"algorithmicMedia<", b"digitalCapture<  ", 1)
    if form == "attribute":
        text = b' Iptc4xmpExt:DigitalSourceType="%sdigitalCapture"' % SCHEME.encode()
        assert xmp.SYNTHETIC.isdisjoint([text.decode()])
        with pytest.raises(xmp.MarkError, match="digitalCapture"):
            xmp.stating(b"<rdf:RDF><rdf:Description" + text + b"/></rdf:RDF>", xmp.TRAINED)
    if suffix == "png":  # its checksum
        at = photo.index(b"iTXt")
        size = int.from_bytes(photo[at - 4 : at], "big")
        fixed = zlib.crc32(photo[at : at + 4 + size]).to_bytes(4, "big")
        photo = photo[: at + 4 + size] + fixed + photo[at + 8 + size :]
    with pytest.raises(LeftOutError, match="digitalCapture"):
        mark(photo, suffix, RENDER)


def test_a_photo_is_left_alone_and_a_render_before_a_photo_is_a_composite():
    suffix, data = written("png")
    assert mark(data, suffix, {"source": {"license": "cc0"}}) is data
    made = {"generate": {"options": {"background": "rooms"}}}
    marked = mark(data, suffix, {**RENDER, "made": made})
    assert statement(marked)[0] == [SCHEME + "compositeSynthetic"]


def test_pack_marks_and_keeps_both_hashes(tmp_path):
    records = records_in(tmp_path)
    records[0] |= RENDER
    pack(tmp_path, records)
    with tarfile.open(tmp_path / "out/heads-000000.tar") as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}
    original = (tmp_path / "images/0.png").read_bytes()
    label = json.loads(found["row-0.json"])
    private = [
        json.loads(line) for line in (tmp_path / "out.private.jsonl").read_text().splitlines()
    ]
    before, after = (hashlib.sha256(data).hexdigest() for data in (original, found["row-0.png"]))
    assert before != after
    for row in (label, private[0]):
        assert (row["image_sha256"], row["published_sha256"]) == (before, after)
    assert statement(found["row-0.png"])[0] == [SCHEME + "algorithmicMedia"]
    assert found["row-1.png"] == (tmp_path / "images/1.png").read_bytes()
    assert "published_sha256" not in private[1]
    pack(tmp_path, records, no_marks=True, dir=str(tmp_path / "bare"))
    with tarfile.open(tmp_path / "bare/heads-000000.tar") as tar:
        assert tar.extractfile("row-0.png").read() == original


@pytest.mark.parametrize("first", [b"", b"Another"])
def test_every_packet_of_a_file_is_read_before_one_is_believed(first):
    """Two chunks of XMP: the first says nothing, or what we would say; the second is a photo's."""
    _, bare = written("png")
    marked = mark(bare, "png", RENDER)
    chunk = marked[33 : len(marked) - len(bare) + 33]
    photo = text_chunk(chunk[8:-4].replace(b"algorithmicMedia<", b"digitalCapture<"))
    other = (
        text_chunk(chunk[8:-4].replace(b"DigitalSourceType", first + b"SourceType"))
        if first
        else chunk
    )
    with pytest.raises(LeftOutError, match="digitalCapture"):
        mark(bare[:33] + other + photo + bare[33:], "png", RENDER)
    assert mark(bare[:33] + chunk + bare[33:], "png", RENDER) == marked


def text_chunk(content):
    body = b"iTXt" + content
    return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
