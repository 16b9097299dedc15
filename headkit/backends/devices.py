"""The device of --device as torch calls it."""

from __future__ import annotations

from headkit.status import UNAVAILABLE, Stop


def torch_device(device: str) -> str:
    """`cpu`, or `cuda:N` of the first number in "0" or "0,1". Raises Stop (69) where there is no such GPU."""
    if device == "cpu":
        return device
    first = device.split(",", maxsplit=1)[0]
    import torch

    if not torch.cuda.is_available() or int(first) >= torch.cuda.device_count():
        raise Stop(UNAVAILABLE, f"--device {first}: no such GPU; use --device cpu")
    return f"cuda:{first}"
