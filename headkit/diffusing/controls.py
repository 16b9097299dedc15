"""The pictures that condition an image: drawn from its poses, or rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headkit.conditioning import pose_image, prepare, rendered
from headkit.recipes.presets import reads_flame
from headkit.recipes.recipe import Recipe
from headkit.tool import Record

if TYPE_CHECKING:
    from headkit.backends.diffusion.network import Pixels

OWN = "headkit"  # the head model of the renderer


@dataclass(frozen=True)
class Conditions:
    """(H, W, 3) of each control, in the recipe's order; and what a row says of a scene that was rendered for them."""

    pictures: tuple[Pixels, ...]
    fields: Record = field(default_factory=dict)


class Controls:
    """Makes the pictures of a recipe's controls.

    head  OWN, or a FLAME file: whose mesh is drawn, and in whose terms `target` tells the heads
    Raises Stop where the recipe's conditioner knows another head model, and for a file that is none.
    """

    def __init__(self, recipe: Recipe, head: str | None) -> None:
        self.recipe = recipe
        self._rendered = tuple(name for name in recipe.control if name != "pose")
        self._fitter = None
        if self._rendered:
            published = reads_flame(recipe)
            self._fitter = prepare(self._rendered, head or OWN, published_mesh=published)

    @property
    def head(self) -> Record | None:
        """What rows keep of a head model that is not our own."""
        if self._fitter is None:
            return None
        model = self._fitter.model
        return {"name": model.name, "sha256": model.sha256[:16]}

    def of(self, mapped: Record, seed: int) -> Conditions:
        """The pictures for a record in pixels of the image. RequestError says what is wrong with it.

        seed  of the run: whom the renderer draws follows from it and the id
        """
        pictures: dict[str, Pixels] = {}
        fields: Record = {}
        if "pose" in self.recipe.control:
            width, height = mapped["width"], mapped["height"]
            pictures["pose"] = pose_image(mapped["poses"], width, height, self.recipe.convention)
        if self._rendered:
            scene = rendered(mapped, self._rendered, seed, self._fitter)
            pictures |= scene.images
            fields = {"target": scene.target, "camera": scene.camera}
        return Conditions(tuple(pictures[name] for name in self.recipe.control), fields)
