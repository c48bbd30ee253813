"""The head on a frozen trunk: evidence maps, findings, class-activation maps and the input gate.

Stage maps and their squares are averaged to the stride-32 grid and stacked to one *evidence* map [N, C, h, w]. Findings
are linear in the evidence, with one weight per channel and grid cell, so every logit is exactly its bias plus the sum
of its class-activation map.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alara_train.export.graph import to_onnx
from alara_train.input_gate.gate import Gate, GatedHead
from alara_train.networks.efficientnet_lite import Trunk
from alara_train.networks.pooling import Linear, grid_shares
from alara_train.recipes.frozen.trunk import stage_shapes

EVIDENCE_OUTPUT = "evidence"


class Evidence(nn.Module):
    """Stack stage maps and their squares on the coarsest stage's grid."""

    def forward(self, *maps: Tensor) -> Tensor:
        """Map stages [N, C_i, h_i, w_i], finest first, to [N, 2 * sum(C_i), h, w] of the last stage."""
        return torch.cat([_coarse(m, maps[-1]) for m in maps] + [_coarse(m * m, maps[-1]) for m in maps], dim=1)


def _coarse(map_: Tensor, like: Tensor) -> Tensor:
    factor = int(map_.shape[-1]) // int(like.shape[-1])
    return map_ if factor == 1 else F.avg_pool2d(map_, factor)


class Head(GatedHead):
    """From stage maps to `logits`, `cam` and `gate`, for one input size."""

    weight: Tensor
    bias: Tensor
    spread_out: Tensor

    def __init__(self, findings: Linear, gate: Gate, side_px: int, grid: int) -> None:
        """Take the read-out of the findings and the gate, both on pooled evidence of `grid` x `grid` cells."""
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
        self.register_gate(gate)

    def forward(self, *maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map stages to logits [N, findings], cam [N, findings, h, w] and gate [N, classes + 1]."""
        evidence = self.evidence(*maps)
        parts = F.conv2d(evidence, self.weight).reshape(-1, self.outputs, self.cells, self.size * self.size)
        cam = (parts * self.spread_out).sum(dim=2)
        logits = cam.sum(dim=2) + self.bias
        gate = self.judge(evidence)
        return logits, cam.reshape(-1, self.outputs, self.size, self.size), torch.cat(gate, dim=1)


def evidence_to_onnx(trunk: Trunk, side_px: int) -> onnx.ModelProto:
    """Export the part that pools the stage maps to the evidence map."""
    maps = tuple(torch.zeros(*shape) for shape in stage_shapes(trunk, side_px))
    return to_onnx(Evidence(), maps, list(trunk.stages), [EVIDENCE_OUTPUT])


def head_to_onnx(head: Head, trunk: Trunk, side_px: int) -> onnx.ModelProto:
    """Export the head: stage maps to `logits`, `cam` and `gate`."""
    maps = tuple(torch.zeros(*shape) for shape in stage_shapes(trunk, side_px))
    return to_onnx(head, maps, list(trunk.stages), ["logits", "cam", "gate"])
