"""One head for every trunk: global average pooling and a linear layer, so that the map adds up to the logit."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Classifier(nn.Module):
    """A trunk and its linear read-out; `logits` are the bias plus the sum of `cam`, exactly."""

    def __init__(self, trunk: nn.Module, width: int, outputs: int) -> None:
        """`trunk` maps [N, channels, S, S] to [N, width, h, w]."""
        super().__init__()
        self.trunk = trunk
        self.weight = nn.Parameter(torch.empty(outputs, width))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.normal_(self.weight, std=0.01)
        self.dropout = 0.0
        """Share of the last map's channels that are left out in training."""

    def forward(self, film: Tensor) -> tuple[Tensor, Tensor]:
        """Map films [N, channels, S, S] to logits [N, outputs] and cam [N, outputs, h, w], both float32."""
        maps = self.trunk(film)
        if self.training and self.dropout:
            maps = F.dropout2d(maps, self.dropout)
        cam = F.conv2d(maps, self.weight[:, :, None, None]).float() / (int(maps.shape[2]) * int(maps.shape[3]))
        return cam.sum(dim=(2, 3)) + self.bias, cam
