"""Many heads of one model at once, in torch, on any device: the arithmetic of HeadModel.vertices, batched."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from headkit.head.model import HeadModel


class BatchedHead(torch.nn.Module):
    """The vertices of B heads from (B, <= S) shape, (B, <= E) expression and (B, 3) jaw.

    chosen: (L,) model vertices to compute, all where None; landmarks cost what they are, not the whole head.
    Differentiable; float32 by default. Equal to HeadModel.vertices within its rounding, not to the byte, since a
    batched product sums in another order.
    """

    template: Tensor
    basis: Tensor
    joint: Tensor
    joint_basis: Tensor
    weights: Tensor
    correctives: Tensor | None

    def __init__(
        self,
        model: HeadModel,
        chosen: np.ndarray | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        rows = slice(None) if chosen is None else np.asarray(chosen)
        self.n_shape, self.n_expression = model.n_shape, model.n_expression
        basis = np.concatenate([model.shape_basis[:, rows], model.expression_basis[:, rows]])
        kept = {
            "template": model.template[rows],
            "basis": basis.reshape(len(basis), -1),
            "joint": model.jaw_joint,
            "joint_basis": model.jaw_joint_basis,
            "weights": model.jaw_weights[rows],
        }
        for name, array in kept.items():
            self.register_buffer(name, torch.tensor(array, dtype=dtype, device=device))
        correctives = None
        if model.pose_basis is not None:
            flat = model.pose_basis[:, rows].reshape(9, -1)
            correctives = torch.tensor(flat, dtype=dtype, device=device)
        self.register_buffer("correctives", correctives)

    def forward(
        self, shape: Tensor, expression: Tensor | None = None, jaw: Tensor | None = None
    ) -> Tensor:
        """(B, V or L, 3) vertices in the canonical frame, metres.

        Raises ValueError on more coefficients than the model has.
        """
        coefficients = self._coefficients(shape, expression)
        out = self.template + (coefficients @ self.basis).view(len(shape), -1, 3)
        if jaw is None:
            return out
        turn = rodrigues(jaw) - torch.eye(3, dtype=jaw.dtype, device=jaw.device)
        if self.correctives is not None:
            out = out + (turn.reshape(-1, 9) @ self.correctives).view_as(out)
        joint = self.joint + coefficients @ self.joint_basis
        moved = (out - joint[:, None]) @ turn.transpose(1, 2)
        return out + self.weights[:, None] * moved

    def _coefficients(self, shape: Tensor, expression: Tensor | None) -> Tensor:
        if expression is None:
            expression = shape.new_zeros(len(shape), 0)
        for name, given, room in (
            ("shape", shape, self.n_shape),
            ("expression", expression, self.n_expression),
        ):
            if given.ndim != 2 or given.shape[1] > room:
                raise ValueError(
                    f"{name}: {tuple(given.shape)}, but the model takes (B, <= {room})"
                )
        pad = torch.nn.functional.pad
        return torch.cat(
            [
                pad(shape, (0, self.n_shape - shape.shape[1])),
                pad(expression, (0, self.n_expression - expression.shape[1])),
            ],
            dim=1,
        )


def rodrigues(vector: Tensor) -> Tensor:
    """(B, 3, 3) rotations by |vector| radians about (B, 3) vectors; differentiable at 0 as well."""
    squared = (vector**2).sum(dim=-1)[:, None, None]
    small = squared < 1e-8  # series there: sqrt has no derivative at 0
    angle = torch.sqrt(torch.where(small, torch.ones_like(squared), squared))
    first = torch.where(small, 1 - squared / 6, torch.sin(angle) / angle)
    second = torch.where(small, 0.5 - squared / 24, (1 - torch.cos(angle)) / angle**2)
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).view(-1, 3, 3)
    eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return eye + first * cross + second * (cross @ cross)
