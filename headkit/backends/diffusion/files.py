"""Finds the files of a recipe's weights on this machine; fetches those of the hub that are named and missing.

All is looked for before a library loads anything, so that what is missing is said before the first record is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headkit.backends.diffusion.digests import digest
from headkit.backends.weights import first_line
from headkit.recipes.presets import PRESETS
from headkit.recipes.recipe import Recipe, Weights
from headkit.status import NO_INPUT, UNAVAILABLE, Stop

VARIANT = "fp16"  # weights in half precision: half the bytes, and all that images need
_INDEX = "model_index.json"
_NO_WEIGHTS = ("tokenizer", "scheduler", "feature_extractor", "image_processor")
_TEXTS = (".json", ".txt", ".model", ".jinja")


@dataclass(frozen=True)
class Found:
    """A part of a recipe on this machine.

    path      a folder as diffusers saves it, or a file of weights
    files     the files of weights that are read, relative to a folder
    variant   what stands in their names before the ending
    revision  commit of the hub; None for what was here
    config    folder of the config.json that says the shapes of a network in a single file
    """

    name: str
    path: Path
    files: tuple[str, ...]
    variant: str | None = None
    revision: str | None = None
    config: Path | None = None

    def made(self) -> dict[str, Any]:
        """What rows keep of it: name, revision, and the beginning of the digest of each file."""
        folder = self.path if self.path.is_dir() else self.path.parent
        kept: dict[str, Any] = {"name": self.name}
        if self.revision is not None:
            kept["revision"] = self.revision
        kept["sha256"] = {file: digest(folder / file)[:16] for file in self.files}
        return kept


def find(recipe: Recipe) -> dict[str, Found]:
    """Every part of the recipe, here.

    Raises Stop: 66 where a folder or file is not there, 69 where weights are not whole, or of the hub and not to be had.
    """
    lookers: dict[str, Callable[[Weights], Found]] = {
        "base": lambda weights: _pipeline(
            weights, without=("vae",) if recipe.vae is not None else ()
        ),
        "conditioner": _network,
        "vae": _network,
        "lora": _file,
    }
    found = {part: lookers[part](weights) for part, weights in recipe.weights()}
    preset = PRESETS[recipe.name]
    if found["base"].path.is_file():
        found["config"] = _configuration(preset.base)
    for part in ("conditioner", "vae"):
        if part in found and found[part].path.is_file():
            found[part] = replace(found[part], config=_shapes(part, found, preset))
    return found


def _shapes(part: str, found: dict[str, Found], preset: Recipe) -> Path:
    """The folder of the config.json of a network in a single file: beside it, or else of the preset's own."""
    beside = found[part].path.parent
    if (beside / "config.json").is_file():
        return beside
    if part == "vae":  # a model has the shapes of its own
        return found.get("config", found["base"]).path / "vae"
    assert preset.conditioner is not None
    place = _Place.of(preset.conditioner)
    place.text("config.json")
    return place.found(["config.json"], [], None).path


def _configuration(weights: Weights) -> Found:
    """What a single file of weights does not say: the shapes of its networks, tokenizers, the scheduler it was trained with."""
    place = _Place.of(weights, _INDEX)
    place.text(_INDEX)
    texts = [name for name in place.names if name.endswith(_TEXTS) and name.count("/") == 1]
    return place.found([_INDEX, *texts], [], None)


def find_classifier(weights: Weights) -> Found:
    """A network of transformers in a folder or on the hub. Raises Stop as `find` does."""
    place = _Place.of(weights)
    _, files = place.choose("", "model", plain=True)
    return place.found(["config.json", "preprocessor_config.json"], files, None)


def _pipeline(weights: Weights, without: tuple[str, ...]) -> Found:
    """A whole model: a folder with an index of its networks, or one file that holds them all."""
    place = _Place.of(weights, _INDEX)
    if place.path is not None and place.path.is_file():
        return _one_file(weights, place.path)
    index = place.text(_INDEX)
    parts = {
        name: value[0]
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and value[0] is not None
    }
    heavy = {
        name: library
        for name, library in parts.items()
        if not name.startswith(_NO_WEIGHTS) and name not in without
    }
    chosen = {
        name: place.choose(f"{name}/", "model" if library == "transformers" else None)
        for name, library in heavy.items()
    }
    variant = VARIANT if all(kind == VARIANT for kind, _ in chosen.values()) else None
    if variant is None:
        chosen = {
            name: place.choose(
                f"{name}/", "model" if library == "transformers" else None, plain=True
            )
            for name, library in heavy.items()
        }
    texts = [
        name
        for name in place.names
        if name.split("/")[0] in parts and name.endswith(_TEXTS) and name.count("/") == 1
    ]
    files = [file for _, names in chosen.values() for file in names]
    return place.found([_INDEX, *texts], files, variant)


def _network(weights: Weights) -> Found:
    """One network: a folder with config.json, or a file."""
    place = _Place.of(weights)
    if place.path is not None and place.path.is_file():
        return _one_file(weights, place.path)
    variant, files = place.choose("", None)
    return place.found(["config.json"], files, variant)


def _file(weights: Weights) -> Found:
    """A file of weights that change others (LoRA)."""
    place = _Place.of(weights)
    if place.path is not None and place.path.is_file():
        return _one_file(weights, place.path)
    if weights.file is not None:
        return place.found([], [weights.file], None)
    names = [name for name in place.names if name.endswith(".safetensors") and "/" not in name]
    if len(names) != 1:
        raise place.missing(f"one file of safetensors (there are {len(names)})")
    return place.found([], names, None)


def _one_file(weights: Weights, path: Path) -> Found:
    if path.suffix != ".safetensors":
        raise Stop(
            UNAVAILABLE,
            f"{weights.name}: only safetensors are loaded, since other files of weights can run code; convert it",
        )
    return Found(path.name, path, (path.name,))


@dataclass
class _Place:
    """Where one name leads: a path here, or a repository of the hub, whose file names are `names`."""

    weights: Weights
    path: Path | None
    names: list[str]
    commit: str | None = None
    online: bool = False

    @classmethod
    def of(cls, weights: Weights, sought: str = "config.json") -> _Place:
        """Where the name leads; `sought` is the file that says whether a repository is in the cache."""
        typed = Path(weights.name).expanduser()
        if typed.exists():
            return cls(weights, typed, _files_of(typed))
        if weights.name.startswith((".", "/", "~")) or weights.name.count("/") != 1:
            raise Stop(NO_INPUT, f"{weights.name}: no such folder or file; check the path")
        return cls._of_hub(weights, weights.file or sought)

    @classmethod
    def _of_hub(cls, weights: Weights, sought: str) -> _Place:
        import huggingface_hub as hub
        from huggingface_hub import constants

        trouble: Exception | None = None
        if not constants.HF_HUB_OFFLINE:
            try:
                info = hub.HfApi().model_info(weights.name, revision=weights.revision)
                names = [file.rfilename for file in info.siblings or ()]
                return cls(weights, None, names, info.sha, online=True)
            except Exception as error:  # noqa: BLE001 - of the network, of many kinds; the cache may have it all
                trouble = error
        try:
            folder = Path(
                hub.snapshot_download(
                    weights.name, revision=weights.revision, local_files_only=True
                )
            )
        except Exception:  # noqa: BLE001 - not in the cache
            why = f" ({first_line(trouble)})" if trouble is not None else ""
            raise Stop(
                UNAVAILABLE,
                f"{weights.name}: {sought} is not in the cache of the hub{why}; {_command(weights)}",
            ) from None
        return cls(weights, folder, _files_of(folder), folder.name)

    def choose(
        self, folder: str, stem: str | None, *, plain: bool = False
    ) -> tuple[str | None, list[str]]:
        """The files of one network in `folder`, whole or in shards: in half precision where there are such.

        Raises Stop 69 where there are none of safetensors.
        """
        stem = stem or "diffusion_pytorch_model"
        for variant in (None,) if plain else (VARIANT, None):
            dotted = f".{variant}" if variant else ""
            whole = f"{folder}{stem}{dotted}.safetensors"
            if whole in self.names:
                return variant, [whole]
            shard = re.compile(
                re.escape(f"{folder}{stem}{dotted}") + r"-\d+-of-(\d+)\.safetensors"
                if variant is None
                else re.escape(f"{folder}{stem}")
                + rf"(?:\.{variant})?-\d+-of-(\d+)(?:\.{variant})?\.safetensors"
            )
            shards = [name for name in self.names if shard.fullmatch(name)]
            if shards and any(int(m[1]) == len(shards) for m in map(shard.fullmatch, shards) if m):
                return variant, sorted(shards)
        raise self.missing(f"{folder}{stem}.safetensors")

    def text(self, name: str) -> dict[str, Any]:
        """A file of JSON that says what else there is."""
        if name not in self.names:
            raise self.missing(name)
        if self.path is None:
            self._fetch([name])
        assert self.path is not None
        try:
            read: dict[str, Any] = json.loads((self.path / name).read_bytes())
        except (OSError, ValueError) as error:
            raise Stop(UNAVAILABLE, f"{self.weights.name}: {name}: {first_line(error)}") from None
        return read

    def found(self, texts: Iterable[str], files: list[str], variant: str | None) -> Found:
        """What was chosen, here: fetched, where the hub has it and we do not."""
        texts = list(texts)
        for name in (*texts, *files):
            if name not in self.names:
                raise self.missing(name)
        if self.online:
            endings = (".index.json", f".index.{VARIANT}.json")
            indices = [name for name in self.names if name.endswith(endings)]
            self._fetch([*texts, *indices, *files])
        assert self.path is not None
        local = self.commit is None
        name = self.path.resolve().name if local else self.weights.name
        return Found(name, self.path, tuple(files), variant, self.commit)

    def missing(self, name: str) -> Stop:
        """The Stop that names what is not there, and what to do about it."""
        if self.commit is not None and not self.online:
            return Stop(
                UNAVAILABLE,
                f"{self.weights.name}: {name} is not in the cache of the hub; {_command(self.weights, name)}",
            )
        return Stop(
            UNAVAILABLE, f"{self.weights.name}: {name} is not there; name a model that has it"
        )

    def _fetch(self, names: list[str]) -> None:
        import huggingface_hub as hub

        try:
            self.path = Path(
                hub.snapshot_download(self.weights.name, revision=self.commit, allow_patterns=names)
            )
        except Exception as error:
            raise Stop(
                UNAVAILABLE,
                f"{self.weights.name}: cannot be fetched ({first_line(error)}); {_command(self.weights)}",
            ) from error


def _files_of(folder: Path) -> list[str]:
    if folder.is_file():
        return []
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _command(weights: Weights, name: str | None = None) -> str:
    """How to fetch it where there is a network: a dry run fetches no file that is not used."""
    file = weights.file or (name if name is not None and name.endswith(".safetensors") else None)
    words = ["hf download", weights.name, *([file] if file else [])]
    if weights.revision is not None:
        words += ["--revision", weights.revision]
    return f"where there is a network, run this command with --dry-run, or: {' '.join(words)}"
