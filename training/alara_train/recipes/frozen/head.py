"""What stands on the trunk: evidence maps, findings, class-activation maps and the input gate.

Stage maps and their squares are averaged to the stride-32 grid and stacked to one *evidence* map
[N, C, h, w]. Findings are linear in it, with weights by grid cell, so every logit is exactly its bias plus
the sum of its class-activation map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Float32s = npt.NDArray[np.float32]


def cell_shares(length: int, grid: int) -> Float32s:
    """How much each of `length` positions counts in the mean of each of `grid` cells: [length, grid].

    Cells have equal extent; a position on a border counts in both by its overlap.
    """
    edges = np.arange(length + 1) / length * grid
    cells = np.arange(grid)
    overlap = np.clip(np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells), 0, None)
    shares: Float32s = (overlap / overlap.sum(axis=0)).astype(np.float32)
    return shares


def grid_shares(height: int, width: int, grid: int) -> Float32s:
    """The same in two dimensions: [height * width, grid * grid]."""
    return np.kron(cell_shares(height, grid), cell_shares(width, grid)).astype(np.float32)


class Evidence(nn.Module):
    """Stack stage maps and their squares on the coarsest stage's grid."""

    def forward(self, *maps: Tensor) -> Tensor:
        """Map stages [N, C_i, h_i, w_i], finest first, to [N, 2 * sum(C_i), h, w] of the last."""
        return torch.cat([_coarse(m, maps[-1]) for m in maps] + [_coarse(m * m, maps[-1]) for m in maps], dim=1)


def _coarse(map_: Tensor, like: Tensor) -> Tensor:
    factor = int(map_.shape[-1]) // int(like.shape[-1])
    return map_ if factor == 1 else F.avg_pool2d(map_, factor)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear read-out of pooled evidence: value = pooled . weight + bias."""

    weight: Float32s
    """[outputs, C, cells]"""
    bias: Float32s
    """[outputs]"""


@dataclass(frozen=True, slots=True)
class Familiar:
    """How far a film's mean evidence lies from that of the training films."""

    centre: Float32s
    """[C]"""
    scale: Float32s
    """[C]"""
    axes: Float32s
    """[C, K]: principal directions of the scaled training evidence."""
    spread: Float32s
    """[K]: standard deviation along each."""
    rest: float
    """Root mean square of what the directions leave over."""

    def distance(self, means: Float32s) -> npt.NDArray[np.float64]:
        """Distance of mean evidence [N, C]: about 1 for a training film; no unit."""
        z = (means.astype(np.float64) - self.centre) / self.scale
        along = z @ self.axes
        inside = ((along / self.spread) ** 2).mean(axis=1)
        outside = np.clip((z**2).sum(axis=1) - (along**2).sum(axis=1), 0, None) / self.rest**2
        distance: npt.NDArray[np.float64] = np.sqrt((inside + outside) / 2)
        return distance


class Head(nn.Module):
    """From stage maps to `logits`, `cam` and `gate`, for one input size."""

    weight: Tensor
    bias: Tensor
    pool: Tensor
    spread_out: Tensor
    gate_weight: Tensor
    gate_bias: Tensor
    centre: Tensor
    scale: Tensor
    axes: Tensor
    spread: Tensor

    def __init__(self, findings: Linear, gate: Linear, familiar: Familiar, side_px: int, grid: int) -> None:
        """`findings` reads 14 outputs, `gate` one a class."""
        super().__init__()
        self.size = side_px // 32
        self.cells = grid * grid
        self.evidence = Evidence()
        outputs, channels, cells = findings.weight.shape
        self.outputs = outputs
        by_cell = findings.weight.transpose(0, 2, 1).reshape(outputs * cells, channels, 1, 1)
        shares = grid_shares(self.size, self.size, grid)
        self.register_buffer("weight", torch.from_numpy(np.ascontiguousarray(by_cell)))
        self.register_buffer("bias", torch.from_numpy(findings.bias))
        self.register_buffer("pool", torch.from_numpy(shares))
        self.register_buffer("spread_out", torch.from_numpy(shares.T.reshape(1, 1, cells, -1).copy()))
        self.register_buffer("gate_weight", torch.from_numpy(gate.weight.reshape(len(gate.bias), -1).T.copy()))
        self.register_buffer("gate_bias", torch.from_numpy(gate.bias))
        self.register_buffer("centre", torch.from_numpy(familiar.centre))
        self.register_buffer("scale", torch.from_numpy(familiar.scale))
        self.register_buffer("axes", torch.from_numpy(familiar.axes))
        self.register_buffer("spread", torch.from_numpy(familiar.spread))
        self.rest = familiar.rest

    def forward(self, *maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map stages to logits [N, 14], cam [N, 14, h, w] and gate [N, classes + 1]."""
        evidence = self.evidence(*maps)
        parts = F.conv2d(evidence, self.weight).reshape(-1, self.outputs, self.cells, self.size * self.size)
        cam = (parts * self.spread_out).sum(dim=2)
        logits = cam.sum(dim=2) + self.bias
        pooled = evidence.flatten(2) @ self.pool
        classes = pooled.flatten(1) @ self.gate_weight + self.gate_bias
        z = (pooled.mean(dim=2) - self.centre) / self.scale
        along = z @ self.axes
        inside = ((along / self.spread) ** 2).mean(dim=1, keepdim=True)
        outside = ((z * z).sum(dim=1, keepdim=True) - (along * along).sum(dim=1, keepdim=True)).clamp(min=0)
        distance = torch.sqrt((inside + outside / self.rest**2) / 2)
        return logits, cam.reshape(-1, self.outputs, self.size, self.size), torch.cat([classes, distance], dim=1)
