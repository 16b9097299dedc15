"""headkit.image: every kind of file becomes upright sRGB, broken ones say so, encoding is exact."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from headkit.image import ImageError, cover, decode, encode, load, resize


def scene(height: int = 12, width: int = 16) -> NDArray[np.uint8]:
    """A picture without symmetry: red grows to the right, green downwards, a blue corner."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(20, 230, width).astype(np.uint8)
    pixels[..., 1] = np.linspace(10, 200, height).astype(np.uint8)[:, None]
    pixels[:3, :4] = (0, 0, 250)
    return pixels


def stored(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def test_png_round_trip_and_missing_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(scene(), "png"))
    picture = load(tmp_path / "a.png")
    assert (picture.width, picture.height, picture.turned, picture.frames) == (16, 12, False, 1)
    np.testing.assert_array_equal(picture.pixels, scene())
    with pytest.raises(ImageError, match=r"b\.png: No such file"):
        load(tmp_path / "b.png")
    with pytest.raises(ImageError, match="directory"):
        load(tmp_path)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_truncated_files_are_errors(format: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = stored(Image.fromarray(noise), format)
    assert decode(data).width == 64
    with pytest.raises(ImageError, match=r"broken|empty|not an image"):
        decode(data[: int(len(data) * share)])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12))
def test_damaged_bytes_never_raise_anything_else(seed: int, damage: int) -> None:
    random = np.random.default_rng(seed)
    data = bytearray(stored(Image.fromarray(scene()), ["PNG", "JPEG", "GIF", "TIFF"][seed % 4]))
    for place in random.integers(0, len(data), damage):
        data[place] = random.integers(0, 256)
    with contextlib.suppress(ImageError):
        assert decode(bytes(data)).pixels.dtype == np.uint8


def test_text_is_not_an_image() -> None:
    with pytest.raises(ImageError, match="not an image"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


def test_cmyk() -> None:
    inks = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    red, green, blue = decode(stored(inks, "JPEG", quality=95)).pixels[4, 4]
    assert red < 30
    assert min(green, blue) > 130


def test_sixteen_bits_keep_their_range() -> None:
    ramp = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    pixels = decode(stored(Image.fromarray(ramp), "PNG")).pixels
    np.testing.assert_array_equal(pixels[..., 1], np.arange(256).reshape(16, 16))


def test_palette_with_transparency_and_alpha_lie_on_white() -> None:
    palette = Image.fromarray(scene()).quantize(8)
    assert decode(stored(palette, "PNG")).pixels.shape == (12, 16, 3)
    holes = Image.new("P", (4, 4), 0)
    holes.putpalette([200, 0, 0, 0, 0, 200])
    np.testing.assert_array_equal(decode(stored(holes, "PNG", transparency=0)).pixels, 255)
    half = Image.new("RGBA", (4, 4), (0, 100, 200, 128))
    assert abs(decode(stored(half, "PNG")).pixels[0, 0].astype(int) - (127, 177, 227)).max() <= 1
    gray = Image.new("LA", (4, 4), (40, 0))
    np.testing.assert_array_equal(decode(stored(gray, "PNG")).pixels, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turn_is_made(orientation: int) -> None:
    """What the tag means, by its definition: where row 0 and column 0 of the stored picture belong."""
    upright = scene()
    undo = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(stored(Image.fromarray(np.ascontiguousarray(undo)), "PNG", exif=exif))
    np.testing.assert_array_equal(picture.pixels, upright)
    assert picture.turned == (orientation != 1)


def test_icc_profile_is_applied_and_a_broken_one_ignored() -> None:
    gray = Image.new("RGB", (4, 4), (128, 128, 128))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    np.testing.assert_array_equal(decode(stored(gray, "PNG", icc_profile=lab)).pixels, 128)
    np.testing.assert_array_equal(decode(stored(gray, "PNG", icc_profile=b"none")).pixels, 128)
    linear = decode(stored(gray, "PNG", icc_profile=_linear_profile())).pixels[0, 0]
    assert (abs(linear.astype(int) - 188) <= 1).all()  # 128/255 linear is 188 in sRGB


def _linear_profile() -> bytes:
    """An ICC profile with sRGB's primaries and a gamma of 1."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    for entry in range(count):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
        if name == b"desc":
            profile[offset + 12 : offset + size] = profile[offset + 12 : offset + size].replace(
                "sRGB".encode("utf-16-be"), "test".encode("utf-16-be")
            )
    return bytes(profile)


def test_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))
    with pytest.raises(ImageError, match="million pixels"):
        decode(bomb)


def test_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (6, 6), color) for color in ("red", "blue", "green")]
    picture = decode(stored(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture.frames == 3
    np.testing.assert_array_equal(picture.pixels[0, 0], (255, 0, 0))


def test_floating_point_pixels_are_refused() -> None:
    data = stored(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF")
    with pytest.raises(ImageError, match="floating-point"):
        decode(data)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (7, 5, 3), (64, 64, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_is_exact_for_other_readers(shape: tuple[int, ...], dtype: Any) -> None:
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(1).integers(0, top, shape, dtype, endpoint=True)
    with Image.open(io.BytesIO(encode(pixels, "png"))) as image:
        read = np.asarray(image)
    if dtype == np.uint16 and len(shape) == 3:  # Pillow keeps the high bytes of 16-bit RGB
        np.testing.assert_array_equal(read, pixels >> 8)
    else:
        np.testing.assert_array_equal(read, pixels)


def test_encode_formats() -> None:
    pixels = resize(scene(), 64, 48)
    np.testing.assert_array_equal(decode(encode(pixels, "webp")).pixels, pixels)
    assert abs(decode(encode(pixels, "jpg")).pixels.astype(int) - pixels).mean() < 2
    assert encode(pixels, "jpg") == encode(pixels, "jpg")
    with pytest.raises(ValueError, match="format is 'bmp'"):
        encode(pixels, "bmp")
    with pytest.raises(ValueError, match="uint8 only"):
        encode(pixels.astype(np.uint16), "jpg")
    with pytest.raises(ValueError, match="shape"):
        encode(np.zeros((3, 3, 4), np.uint8), "png")


def test_cover_crops_where_it_is_told() -> None:
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 30:] = 255
    assert cover(wide, 10, 10, across=0.0).max() == 0
    assert cover(wide, 10, 10, across=1.0).min() == 255
    assert cover(wide, 20, 10, across=0.5).shape == (10, 20, 3)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom", "film"),
        (b"\xff\x0a\xfa\x7f\x01", "JPEG XL"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "SVG"),
        (b"\n <!DOCTYPE html><html>404", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(data: bytes, name: str) -> None:
    with pytest.raises(ImageError, match=name):
        decode(data)


def test_a_cameras_raw_file_is_no_thumbnail() -> None:
    thumbnail = stored(Image.fromarray(scene()), "TIFF", tiffinfo={254: 1})
    with pytest.raises(ImageError, match="raw file"):
        decode(thumbnail)


def test_large_jpegs_are_decoded_smaller_on_request() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth = Image.fromarray(scene(300, 901))
    data = stored(smooth, "JPEG", quality=95, exif=exif)
    whole, reduced = decode(data), decode(data, least=200)
    assert (whole.reduced, reduced.reduced) == (1, 4)
    assert (reduced.width, reduced.height) == (whole.width, whole.height) == (300, 901)
    assert reduced.pixels.shape == (226, 75, 3)
    assert decode(data, least=901).reduced == 1
    assert decode(stored(smooth, "PNG"), least=100).reduced == 1
    coarse = resize(whole.pixels[:900], 75, 225)
    assert np.abs(coarse.astype(int) - reduced.pixels[:225]).mean() < 2
    thin = decode(stored(Image.fromarray(scene(3, 900)), "JPEG"), least=100)
    assert (thin.width, thin.height) == (900, 3)


def test_threads_do_not_let_a_bomb_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns of pictures up to twice its limit, and warnings belong to the whole process."""
    data = encode(scene(40, 40), "png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    small = encode(scene(), "png")

    def outcome(number: int) -> str:
        try:
            return str(decode(data if number % 2 else small).width)
        except ImageError as error:
            return str(error)

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(outcome, range(200)))
    assert set(said[0::2]) == {"16"}
    assert all("pixels" in text for text in said[1::2])
