"""Captions that say where every head is and how it is turned, from the labels of a rendered image.

As ImageNet3D (Ma et al. 2024) does: words that a model can learn 3D from. Distances are to the nearest tenth of a
metre (half a metre from 5 m on), angles to 5 degrees; left and right are those of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from headkit.prompt_words import NUMBERS
from headkit.tool import Failure, Record
from headkit.wording import article

_NUMBER_WORDS = {number: word for word, number in NUMBERS.items()}
_FRONT, _SIDE = 7.5, 115.0  # degrees of yaw: facing the camera up to here; from behind from here on
_LEAST = 12.5  # degrees of pitch and roll that are worth a word


def tell(record: Record) -> str | Failure:
    """The facts of `truth`: how many people there are, then one clause a head, nearest first."""
    truth = record.get("truth")
    heads = truth.get("heads") if isinstance(truth, dict) else None
    if not isinstance(heads, list):
        return Failure(
            "bad-truth", "truth.heads: a list is needed, as `headkit generate` writes it"
        )
    told: list[tuple[float, str]] = []
    for number, head in enumerate(heads):
        try:
            if head.get("ignore") == "outside":
                continue
            distance = _number(head, "distance")
            told.append((distance, f"{_who(head.get('attributes'))} {_where(head, distance)}"))
        except (AttributeError, KeyError, TypeError, ValueError):
            return Failure(
                "bad-truth", f"truth.heads[{number}]: no distance and pose; see headkit-record(5)"
            )
    if not told:
        return "Nobody is in the picture."
    clauses = [clause for _, clause in sorted(told)]
    first = clauses[0][0].upper() + clauses[0][1:]
    if len(clauses) == 1:
        return first + "."
    count = _NUMBER_WORDS.get(len(clauses), str(len(clauses))).capitalize()
    return f"{count} people. " + "; ".join([first, *clauses[1:]]) + "."


def _number(head: Mapping[str, Any], name: str) -> float:
    value = head[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(name)
    return float(value)


def _who(attributes: Any) -> str:
    """As "a man", "a girl", "a person": what the head was drawn as."""
    words = attributes if isinstance(attributes, dict) else {}
    sex, age = words.get("sex"), words.get("age")
    if sex not in ("male", "female"):
        return "a person"
    young = isinstance(age, int | float) and age < 18
    if young:
        return article("boy" if sex == "male" else "girl")
    return article("man" if sex == "male" else "woman")


def _where(head: Mapping[str, Any], distance: float) -> str:
    pose = head["pose"]
    yaw, pitch, roll = (_number(pose, name) for name in ("yaw", "pitch", "roll"))
    yaw = (yaw + 180) % 360 - 180
    parts = [f"about {_metres(distance)} m away", _turned(yaw)]
    if abs(pitch) >= _LEAST and abs(yaw) < _SIDE:
        parts.append(f"looking {'up' if pitch > 0 else 'down'} {_degrees(pitch)}")
    if abs(roll) >= _LEAST:
        parts.append(f"head tilted {_degrees(roll)} to the {'right' if roll > 0 else 'left'}")
    return ", ".join(parts)


def _metres(distance: float) -> str:
    return f"{distance:.1f}" if distance < 5 else f"{round(distance * 2) / 2:g}"


def _turned(yaw: float) -> str:
    side = "right" if yaw > 0 else "left"
    if abs(yaw) < _FRONT:
        return "facing the camera"
    if abs(yaw) > 180 - _FRONT:
        return "seen from behind"
    if abs(yaw) < _SIDE:
        return f"turned {_degrees(yaw)} to the {side}"
    rest = _degrees(180 - abs(yaw))
    return f"seen from behind, turned {rest} to the {side}"


def _degrees(angle: float) -> str:
    return f"{5 * round(abs(angle) / 5)} degrees"
