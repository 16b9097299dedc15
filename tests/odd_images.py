"""A folder of broken and odd image files, made anew: what each is, and what should come of it."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms


def scene(height=48, width=64):
    """A picture without symmetry."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(20, 230, width)
    pixels[..., 1] = np.linspace(10, 200, height)[:, None]
    pixels[: height // 4, : width // 4] = (0, 0, 250)
    return Image.fromarray(pixels)


def stored(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(side=40_000):
    """A whole PNG of 1.6 thousand million pixels, in 200 kB."""
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", rows), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _several():
    """Options to save two frames; new pictures, since Pillow's encoders leave their marks on those they save."""
    second = scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return {"save_all": True, "append_images": [second]}


def readable():
    """Files that hold a picture: name, bytes, and the size of the upright picture."""
    picture, size = scene(), (64, 48)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    deep = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    palette = picture.quantize(16)
    half = picture.convert("RGBA")
    half.putalpha(128)
    cut_exif = stored(picture, "JPEG", exif=_turned(1)).replace(b"Exif\0\0", b"Exif\0\1", 1)
    return {
        "plain.jpg": (stored(picture, "JPEG"), size),
        "progressive.jpeg": (stored(picture, "JPEG", progressive=True), size),
        "turned 6.jpg": (stored(picture, "JPEG", exif=_turned(6)), (48, 64)),
        "turned 3.jpg": (stored(picture, "JPEG", exif=_turned(3)), size),
        "exif broken.jpg": (cut_exif, size),
        "cmyk.jpg": (stored(picture.convert("CMYK"), "JPEG"), size),
        "grey.jpg": (stored(picture.convert("L"), "JPEG"), size),
        "icc.jpg": (stored(picture, "JPEG", icc_profile=profile), size),
        "icc broken.jpg": (stored(picture, "JPEG", icc_profile=b"no profile"), size),
        "two views.mpo": (stored(scene(), "MPO", **_several()), size),
        "16 bit.png": (stored(Image.fromarray(deep), "PNG"), size),
        "16 bit.tif": (stored(Image.fromarray(deep), "TIFF"), size),
        "1 bit.png": (stored(picture.convert("1"), "PNG"), size),
        "palette.png": (stored(palette, "PNG", transparency=0), size),
        "alpha.png": (stored(half, "PNG"), size),
        "grey alpha.png": (stored(half.convert("LA"), "PNG"), size),
        "interlaced.gif": (stored(palette, "GIF", interlace=1), size),
        "animated.gif": (stored(scene(), "GIF", **_several()), size),
        "animated.webp": (stored(scene(), "WEBP", **_several()), size),
        "animated.png": (stored(scene(), "PNG", **_several()), size),
        "lossless.webp": (stored(picture, "WEBP", lossless=True), size),
        "many.tiff": (stored(scene(), "TIFF", **_several()), size),
        "plain.bmp": (stored(picture, "BMP"), size),
        "plain.ppm": (stored(picture, "PPM"), size),
        "plain.jp2": (stored(picture, "JPEG2000"), size),
        "png by another name.jpg": (stored(picture, "PNG"), size),
        "one pixel.png": (stored(scene(1, 1), "PNG"), (1, 1)),
        "long.png": (stored(scene(2, 3000), "PNG"), (3000, 2)),
        "large.jpg": (stored(scene(700, 900), "JPEG"), (900, 700)),
        os.fsdecode(b"not \xff utf-8.png"): (stored(picture, "PNG"), size),
        "line\nbreak 'and quote\".png": (stored(picture, "PNG"), size),
    }


def broken():
    """Files that hold none: name, bytes, and a word of the message."""
    picture = scene()
    jpeg, png = stored(picture, "JPEG"), stored(picture, "PNG")
    damaged = bytearray(png)
    damaged[60] ^= 0xFF
    floats = Image.fromarray(np.asarray(picture.convert("L"), np.float32))
    return {
        "bad bits.png": (bytes(damaged), "broken"),
        "bomb.png": (bomb(), "million pixels"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "broken"),
        "cut.png": (png[: len(png) // 2], "broken"),
        "empty.jpg": (b"", "empty"),
        "film.jpg": (b"\0\0\0\x18ftypisom\0\0\0\0", "film"),
        "floats.tif": (stored(floats, "TIFF"), "floating-point"),
        "head only.jpg": (jpeg[:20], "image"),
        "lfs.png": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        "page.jpg": (b"<!DOCTYPE html><html>gone</html>", "web page"),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        "layers.psd": (b"8BPS\0\1" + bytes(20), "Photoshop"),
        "new.jxl": (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        "raw.dng": (stored(picture, "TIFF", tiffinfo={254: 1}), "raw file"),
        "text.jpg": (b"no picture", "known format"),
        "zeros.png": (bytes(2000), "known format"),
        "zip.jpg": (b"PK\3\4" + bytes(40), "known format"),
    }


def write(folder):
    """Write all, and what is no plain file; what should come of each by its name: a size, or a word."""
    folder.mkdir()
    wanted = {}
    for name, (data, outcome) in {**readable(), **broken()}.items():
        (folder / name).write_bytes(data)
        wanted[name] = outcome
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    wanted["dangling.jpg"] = wanted["pipe.jpg"] = "cannot be read"
    return wanted
