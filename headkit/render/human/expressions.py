"""Expressions as weights of the facial actions (the 52 names of ARKit), with seeded variation."""

from __future__ import annotations

from math import radians

import numpy as np

Vector = tuple[float, float, float]

# word -> action without its side -> lowest and highest weight; Left and Right are drawn alike.
_ACTIONS: dict[str, dict[str, tuple[float, float]]] = {
    "neutral": {"mouthSmile": (0.02, 0.14), "browOuterUp": (0.0, 0.12), "eyeWide": (0.0, 0.08)},
    "smile": {"mouthSmile": (0.4, 0.8), "cheekSquint": (0.2, 0.6), "eyeSquint": (0.1, 0.35), "mouthDimple": (0.0, 0.3)},
    "laugh": {"mouthSmile": (0.65, 0.95), "cheekSquint": (0.5, 0.9), "eyeSquint": (0.3, 0.6), "mouthUpperUp": (0.2, 0.5)},
    "surprised": {"browInnerUp": (0.6, 1.0), "browOuterUp": (0.5, 1.0), "eyeWide": (0.5, 1.0)},
    "sad": {"mouthFrown": (0.35, 0.75), "browInnerUp": (0.4, 0.9), "browDown": (0.0, 0.25), "mouthShrugLower": (0.0, 0.35)},
    "angry": {"browDown": (0.6, 1.0), "noseSneer": (0.2, 0.5), "eyeSquint": (0.2, 0.5), "mouthFrown": (0.15, 0.4), "mouthPress": (0.2, 0.6)},
    "disgusted": {"noseSneer": (0.55, 1.0), "mouthUpperUp": (0.3, 0.7), "browDown": (0.3, 0.6), "eyeSquint": (0.3, 0.6), "mouthFrown": (0.1, 0.4)},
    "talking": {"mouthSmile": (0.0, 0.25), "mouthFunnel": (0.0, 0.4), "mouthLowerDown": (0.05, 0.35), "mouthUpperUp": (0.0, 0.2)},
    "eyes closed": {"eyeBlink": (0.95, 1.0), "mouthSmile": (0.02, 0.25)},
}  # fmt: skip
# How far the jaw opens, degrees.
_JAW: dict[str, tuple[float, float]] = {
    "laugh": (5.0, 14.0),
    "surprised": (5.0, 16.0),
    "talking": (2.0, 9.0),
    "smile": (0.0, 2.5),
}
# What a face does beside its expression: the spread of weights, none of them below 0.
_IDLE = {"browInnerUp": 0.08, "browOuterUp": 0.06, "browDown": 0.07, "mouthPress": 0.08, "mouthDimple": 0.08,
         "mouthShrugLower": 0.07, "mouthUpperUp": 0.03, "mouthFrown": 0.05, "cheekSquint": 0.08, "eyeSquint": 0.08}  # fmt: skip
_UNSIDED = {"browInnerUp", "mouthFunnel", "mouthShrugLower", "mouthPucker"}


def express(word: str, rng: np.random.Generator) -> tuple[dict[str, float], Vector]:
    """Weights by action name and the jaw's rotation vector (radians, +x opens) of an expression word."""
    weights: dict[str, float] = {}
    strength = float(rng.uniform(0.0, 1.0))  # one person smiles a little or a lot with all muscles
    lopsided = float(np.clip(rng.normal(0.0, 0.12), -0.3, 0.3))
    for action, (low, high) in _ACTIONS[word].items():
        share = float(np.clip(strength + rng.normal(0.0, 0.15), 0.0, 1.0))
        weight = low + (high - low) * share
        if action in _UNSIDED:
            weights[action] = weight
        else:
            weights[action + "Left"] = float(np.clip(weight * (1 + lopsided), 0.0, 1.0))
            weights[action + "Right"] = float(np.clip(weight * (1 - lopsided), 0.0, 1.0))
    if word not in ("eyes closed", "surprised"):  # no stare: lids of everyday life hang a little
        blink = float(np.clip(rng.normal(0.04, 0.05), 0.0, 0.25))
        weights["eyeBlinkLeft"] = weights["eyeBlinkRight"] = blink
    low, high = _JAW.get(word, (0.0, 0.6))
    opening = low + (high - low) * float(np.clip(strength + rng.normal(0.0, 0.15), 0.0, 1.0))
    return weights, (radians(opening), 0.0, 0.0)


def enlivened(weights: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
    """The weights with a little of what a face does beside its expression, so that no two smile alike."""
    moved = dict(weights)
    for action, spread in _IDLE.items():
        weight = max(0.0, float(rng.normal(0.0, spread)))
        for name in (action,) if action in _UNSIDED else (action + "Left", action + "Right"):
            moved[name] = min(1.0, moved.get(name, 0.0) + weight)
    return moved
