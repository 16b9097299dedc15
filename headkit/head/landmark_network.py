"""The landmark network: from the crop of a head to its dense landmarks, each with a deviation and whether it is seen.

After Wood et al. 2022 ("3D face reconstruction with dense landmarks"): many points, each with the deviation that the
network states for it, learned by likelihood. A residual encoder (He et al. 2016) goes down to a sixteenth of the
crop's side twice over, a decoder with lateral links (Lin et al. 2017) comes back up to an eighth, where each point has a
map of its own. Its mean place under the map (integral regression, Sun et al. 2018) is the first estimate, and the
features under the map say how good it is. A second stage sees all first estimates together and corrects them: what a
head is as a whole tells where the points that nothing shows must be.

Coordinates are those of head.crop: -1 to 1 over the square.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 96  # pixels of the crop's side: what an hour of one core can train
_WIDTHS = (16, 32, 64, 128, 256)  # channels at 1/2, 1/4, 1/8, 1/16, 1/32 of the side
_FEATURES = 64  # of the decoder
_HIDDEN = 384  # of the second stage
_LEAST, _MOST = -7.0, 1.5  # of the logarithm of the scale, crop coordinates


class Landmarks(NamedTuple):
    """What the network says of B heads with L points.

    points   (B, L, 2) crop coordinates
    scale    (B, L) logarithm of b in exp(-r / b) / (2 pi b^2), the density of the distance r of a point from where it
             truly is; a coordinate's standard deviation is sqrt(3) b
    visible  (B, L) logit of being seen
    first    (B, L, 2) the first estimate, for training
    view     (B, 6) first two columns of the head's rotation as the crop shows it (Zhou et al. 2019), for training
    """

    points: Tensor
    scale: Tensor
    visible: Tensor
    first: Tensor
    view: Tensor


def _convolution(inward: int, outward: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride, 1, bias=False), nn.BatchNorm2d(outward)
    )


class _Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.one = _convolution(inward, outward, stride)
        self.two = _convolution(outward, outward)
        self.short = nn.Conv2d(inward, outward, 1, bias=False)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        wide = self.short(self.pool(x))
        return functional.relu(wide + self.two(functional.relu(self.one(x))))


class LandmarkNetwork(nn.Module):
    """L points of a head in a square crop whose side is a multiple of 32 pixels."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        half, quarter, eighth, sixteenth, last = _WIDTHS
        self.stem = _convolution(3, half, 2)
        self.blocks = nn.ModuleList(
            _Block(inward, outward, 2)
            for inward, outward in (
                (half, quarter), (quarter, eighth), (eighth, sixteenth), (sixteenth, last),
            )
        )  # fmt: skip
        self.whole = nn.Linear(last, _FEATURES)
        self.lateral = nn.ModuleList(nn.Conv2d(width, _FEATURES, 1) for width in _WIDTHS[2:])
        self.mixed = nn.ModuleList(_convolution(_FEATURES, _FEATURES) for _ in range(2))
        self.maps = nn.Conv2d(_FEATURES, count, 1)
        # Of the features under each point's map: correction x, y, scale, visible.
        self.local = nn.Parameter(torch.randn(count, 4, _FEATURES) * 0.02)
        self.local_bias = nn.Parameter(torch.zeros(count, 4))
        self.structure = nn.Sequential(
            nn.Linear(count * 4 + last, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, count * 4 + 6),
        )

    def forward(self, crops: Tensor) -> Landmarks:
        """Landmarks of crops (B, 3, S, S) uint8 RGB."""
        x = (crops.float() - 128.0) / 64.0
        x = functional.relu(self.stem(x))
        levels = []
        for block in self.blocks:
            x = block(x)
            levels.append(x)
        pooled = levels[3].mean(dim=(2, 3))
        features = self._decode(levels[1:], pooled)
        first, local = self._under_maps(features)
        seen = torch.cat([first.detach().flatten(1), local[..., 2:].flatten(1), pooled], dim=1)
        change = self.structure(seen)
        corrected = change[:, :-6].view(-1, self.count, 4)
        points = first + local[..., :2] + corrected[..., :2]
        scale = -3.0 + local[..., 2] + corrected[..., 2]
        return Landmarks(
            points=points,
            scale=_LEAST + (_MOST - _LEAST) * torch.sigmoid((scale - _MIDDLE) * _SLOPE),
            visible=local[..., 3] + corrected[..., 3],
            first=first,
            view=change[:, -6:],
        )

    def _decode(self, levels: list[Tensor], pooled: Tensor) -> Tensor:
        """(B, F, S / 8, S / 8) features that know the whole crop."""
        x = self.lateral[2](levels[2]) + self.whole(pooled)[:, :, None, None]
        for mixed, lateral, level in zip(
            self.mixed, (self.lateral[1], self.lateral[0]), (levels[1], levels[0]), strict=True
        ):
            x = functional.interpolate(x, size=level.shape[2:], mode="bilinear") + lateral(level)
            x = functional.relu(mixed(x))
        return x

    def _under_maps(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, 2) mean places under the points' maps, (B, L, 4) what the features there say."""
        batch, _, rows, columns = features.shape
        share = self.maps(features).flatten(2).softmax(dim=2)  # (B, L, rows * columns)
        y = (torch.arange(rows, device=share.device) + 0.5) * (2 / rows) - 1
        x = (torch.arange(columns, device=share.device) + 0.5) * (2 / columns) - 1
        grid = torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=1)
        under = torch.einsum("blp,bfp->blf", share, features.flatten(2))
        local = torch.einsum("blf,lof->blo", under, self.local) + self.local_bias
        return share @ grid, local.view(batch, self.count, 4)


_MIDDLE, _SLOPE = (_LEAST + _MOST) / 2, 4 / (_MOST - _LEAST)  # a sigmoid of slope 1 in the middle


def count_of(weights: dict[str, Tensor]) -> int:
    """How many points a network with these weights has."""
    return int(weights["local"].shape[0])
