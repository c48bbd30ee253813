"""The head on a trained trunk in the served graph: findings as they were trained, and the input gate."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from alara_train.input_gate.gate import Gate, GatedHead
from alara_train.networks.classifier import Classifier
from alara_train.networks.pooling import grid_shares


class Head(GatedHead):
    """From the trunk's last map to `logits`, `cam` and `gate`, all float32, for one input size."""

    weight: Tensor
    bias: Tensor

    def __init__(self, network: Classifier, gate: Gate, height: int, width: int, grid: int) -> None:
        """`height` and `width` are those of the map; the gate was fitted on `grid` x `grid` cells of the map."""
        super().__init__()
        self.cells = height * width
        self.register_buffer("weight", network.weight.detach().clone()[:, :, None, None])
        self.register_buffer("bias", network.bias.detach().clone())
        self.register_buffer("pool", torch.from_numpy(grid_shares(height, width, grid)))
        self.register_gate(gate)

    def forward(self, map: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map [N, C, h, w] to logits [N, F], cam [N, F, h, w] and gate [N, classes + 1]."""
        cam = F.conv2d(map, self.weight) / self.cells
        logits = cam.sum(dim=(2, 3)) + self.bias
        return logits, cam, torch.cat(self.judge(map), dim=1)
