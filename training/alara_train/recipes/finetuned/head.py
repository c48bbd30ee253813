"""What stands on a trained trunk in the served graph: findings as they were trained, and the input gate."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alara_train.gate.fit import Gate
from alara_train.networks.classifier import Classifier
from alara_train.recipes.frozen.head import grid_shares


class Top(nn.Module):
    """From the trunk's last map to `logits`, `cam` and `gate`, all float32, for one input size."""

    weight: Tensor
    bias: Tensor
    pool: Tensor
    gate_weight: Tensor
    gate_bias: Tensor
    centre: Tensor
    scale: Tensor
    axes: Tensor
    spread: Tensor

    def __init__(self, network: Classifier, gate: Gate, height: int, width: int, grid: int) -> None:
        """`height` and `width` are those of the map; the gate was fitted on `grid` x `grid` cells of it."""
        super().__init__()
        self.cells = height * width
        familiar = gate.familiar
        self.register_buffer("weight", network.weight.detach().clone()[:, :, None, None])
        self.register_buffer("bias", network.bias.detach().clone())
        arrays = {
            "pool": grid_shares(height, width, grid),
            "gate_weight": gate.classes.weight.reshape(len(gate.classes.bias), -1).T,
            "gate_bias": gate.classes.bias,
            "centre": familiar.centre,
            "scale": familiar.scale,
            "axes": familiar.axes,
            "spread": familiar.spread,
        }
        for name, values in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.array(values, dtype=np.float32)))
        self.rest = familiar.rest

    def forward(self, map: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map [N, C, h, w] to logits [N, F], cam [N, F, h, w] and gate [N, classes + 1]."""
        cam = F.conv2d(map, self.weight) / self.cells
        logits = cam.sum(dim=(2, 3)) + self.bias
        pooled = map.flatten(2) @ self.pool
        classes = pooled.flatten(1) @ self.gate_weight + self.gate_bias
        z = (pooled.mean(dim=2) - self.centre) / self.scale
        along = z @ self.axes
        inside = ((along / self.spread) ** 2).mean(dim=1, keepdim=True)
        outside = ((z * z).sum(dim=1, keepdim=True) - (along * along).sum(dim=1, keepdim=True)).clamp(min=0)
        distance = torch.sqrt((inside + outside / self.rest**2) / 2)
        return logits, cam, torch.cat([classes, distance], dim=1)
