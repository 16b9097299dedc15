"""Words drawn from pools: how heads are seen, light, lens, place; and what a prompt ends with.

A pool says something only where the caption says nothing of the kind yet.
"""

from __future__ import annotations

import random
from math import isfinite
from typing import Any, Literal

from headkit import attributes
from headkit.editing.tokens import tokens
from headkit.prompt import read
from headkit.prompt_words import PEOPLE

_SCENE = ("light", "lens", "place")

_LIGHTS = {
    "studio": ("studio lighting", "lit by a softbox"),
    "window": ("soft window light",),
    "indoor": ("warm lamp light", "artificial light"),
    "daylight": ("bright sunlight", "daylight"),
    "overcast": ("an overcast sky", "cloudy weather"),
    "sunset": ("golden hour", "low evening light"),
    "night": ("night", "neon light at night"),
}
_LENSES = (
    "24mm wide-angle lens",
    "35mm lens",
    "50mm lens",
    "85mm portrait lens",
    "135mm telephoto lens",
    "phone camera",
)
_LENS_WORDS = ("mm", "lens", "wide-angle", "telephoto", "fisheye", "macro", "bokeh", "f/")
_PLACES = {
    "plain": "against a plain background",
    "wall": "in front of a brick wall",
    "room": "in a living room",
    "office": "in an office",
    "street": "on a busy street",
    "park": "in a park",
    "forest": "in a forest",
    "beach": "on a beach",
    "field": "in an open field",
    "stage": "on a stage",
}
_ENDINGS = (
    "photo", "natural colors", "sharp focus", "35mm photo", "documentary photo", "realistic skin texture",
    "shallow depth of field", "high resolution", "candid photo", "50mm lens",
)  # fmt: skip
_VIEWS = {
    "behind": ("seen from behind", "facing away from the camera"),
    "profile": ("in profile", "seen from the side"),
}
_VIEW_SAID = (
    "behind",
    "profile",
    "side view",
    "back view",
    "facing away",
    "from the side",
    "from the back",
)
_NOSE, _EYES = 0, (1, 2)


def seen_from(pose: dict[str, Any]) -> Literal["front", "profile", "behind"]:
    """How a head is seen: by its yaw where that is known, else by the face points that are there."""
    head = pose.get("head")
    yaw = head.get("yaw") if isinstance(head, dict) else None
    if isinstance(yaw, int | float) and not isinstance(yaw, bool) and isfinite(yaw):
        turned = abs((float(yaw) + 180) % 360 - 180)
        return "behind" if turned > 115 else "profile" if turned > 55 else "front"
    points = pose.get("keypoints")
    if not isinstance(points, list) or len(points) != 17:
        return "front"
    known = [isinstance(point, list) and len(point) == 3 and bool(point[2]) for point in points]
    unseen = not known[_NOSE] and not any(known[eye] for eye in _EYES)
    return "behind" if unseen and any(known) else "front"


def say_views(
    words: str, poses: list[dict[str, Any]], draw: random.Random
) -> tuple[str, list[dict[str, Any]]]:
    """Behind the noun of each single person, how the pose shows the head, where it is not from the front."""
    if any(phrase in words.lower() for phrase in _VIEW_SAID):
        return words, []
    nouns = [token for token in tokens(words) if token.word in PEOPLE and not PEOPLE[token.word][1]]
    edits: list[dict[str, Any]] = []
    for token, pose in reversed(list(zip(nouns, poses, strict=False))):
        phrases = _VIEWS.get(seen_from(pose))
        if phrases:
            words = f"{words[: token.end]} {draw.choice(phrases)}{words[token.end :]}"
            edits.append({"rule": "view", "kind": seen_from(pose), "position": token.end})
    return words, edits[::-1]


def say_scene(
    words: str, pools: tuple[str, ...], draw: random.Random
) -> tuple[str, list[dict[str, Any]]]:
    """Place, light and lens at the end, each where its pool is asked for and the words say nothing of it."""
    numbers = {pool: random.Random(draw.getrandbits(64)) for pool in _SCENE}
    scene = read(words)
    end = len(words.rstrip(" .!"))
    text, tail = words[:end], words[end:].strip()
    added: list[tuple[str, str, str]] = []
    place = scene.background
    if "place" in pools and place is None:
        place = numbers["place"].choice(attributes.BACKGROUND)
        added.append(("place", place, " " + _PLACES[place]))
    if "light" in pools and scene.light is None:
        likely = attributes.LIGHTS_OF.get(place or "", attributes.LIGHT)
        light = numbers["light"].choice(likely)
        added.append(("light", light, ", " + numbers["light"].choice(_LIGHTS[light])))
    if "lens" in pools and not any(word in words.lower() for word in _LENS_WORDS):
        added.append(("lens", "lens", ", " + numbers["lens"].choice(_LENSES)))
    edits = [{"rule": rule, "kind": kind, "position": end} for rule, kind, _ in added]
    return text + "".join(phrase for _, _, phrase in added) + tail, edits


def ending(caption: str, draw: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """The prompt: the caption, and one to three phrases about the picture."""
    stem = caption.rstrip(". ")
    endings = draw.sample(_ENDINGS, draw.randint(1, 3))
    edit = {"rule": "quality", "kind": "ending", "position": len(stem)}
    return ", ".join([stem, *endings]), [edit]
