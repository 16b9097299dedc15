"""Networks of ultralytics with weights drawn at random: what they find means nothing, but is always the same."""

from __future__ import annotations

import torch

from headkit.backends import yolo

SIDE = 96  # of the square they see


def pose_network(path, yaml):
    """A pose network of a few thousand weights, drawn at random, whose scores differ."""
    torch.manual_seed(5)
    network = yolo.build(yolo.architecture(yaml, width=0.02, classes=1))
    last = network.model[-1]
    for branches in (last.cv3, getattr(last, "one2one_cv3", ())):
        for branch in branches:
            torch.nn.init.normal_(branch[-1].weight, std=5.0)
    network.names, network.task = {0: "person"}, "pose"
    torch.save({"model": network, "train_args": {"imgsz": SIDE}}, path)
    return path
