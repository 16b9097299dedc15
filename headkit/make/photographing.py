"""What happens to a picture between the scene and the file: exposure, colour, lens, sensor, compression. BGR, as OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Draw = np.random.Generator


def recoloured(pixels: Pixels, draw: Draw, often: float = 0.8) -> Pixels:
    """Another exposure, contrast, white balance, saturation; sometimes grey. `often`: chance of each."""
    colour = pixels.astype(np.float32) / 255
    if draw.random() < often:
        grey = colour.mean(axis=2, keepdims=True)
        saturation = 0.0 if draw.random() < 0.1 else float(draw.uniform(0.4, 1.6))
        colour = grey + (colour - grey) * saturation
        colour = colour * np.exp(draw.normal(0, 0.12, 3)).astype(np.float32) + draw.normal(
            0, 0.02, 3
        ).astype(np.float32)
    if draw.random() < often:
        gamma = float(np.exp(draw.normal(0, 0.35)))
        contrast = float(np.exp(draw.normal(0, 0.25)))
        colour = np.clip(colour, 0, 1) ** np.float32(gamma)
        colour = (colour - 0.5) * contrast + 0.5 + float(draw.normal(0, 0.08))
    if draw.random() < 0.03:
        colour = 1 - colour
    if draw.random() < 0.05:
        colour = colour[:, :, draw.permutation(3)]
    return (np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8)


def photographed(pixels: Pixels, draw: Draw) -> Pixels:
    """What a lens, a sensor and a file do: blur, coarser pixels, sharpening, noise, JPEG."""
    size = len(pixels)
    kind = draw.random()
    if kind < 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(draw.uniform(0.4, 2.0)))
    elif kind < 0.22:
        length = int(draw.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        angle = draw.uniform(0, np.pi)
        reach = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
        middle = np.array([(length - 1) / 2] * 2)
        start, end = (tuple(int(v) for v in np.round(middle + s * reach)) for s in (-1, 1))
        cv2.line(kernel, start, end, 1.0)
        pixels = cv2.filter2D(pixels, -1, kernel / kernel.sum())
    elif kind < 0.35:
        small = max(16, int(size * draw.uniform(0.4, 0.9)))
        way = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[int(draw.integers(3))]
        pixels = cv2.resize(
            cv2.resize(pixels, (small, small), interpolation=way),
            (size, size),
            interpolation=cv2.INTER_LINEAR,
        )
    elif kind < 0.5:
        soft = cv2.GaussianBlur(pixels, (0, 0), 1.0)
        pixels = cv2.addWeighted(
            pixels, 1 + (gain := float(draw.uniform(0.3, 1.5))), soft, -gain, 0
        )
    if draw.random() < 0.4:
        noise = draw.standard_normal(pixels.shape, dtype=np.float32) * float(
            np.exp(draw.uniform(0, np.log(18)))
        )
        if draw.random() < 0.5:
            noise = noise.mean(axis=2, keepdims=True) * 1.7
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if draw.random() < 0.35:
        quality = int(draw.integers(25, 95))
        file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        pixels = cv2.imdecode(file, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(pixels)
