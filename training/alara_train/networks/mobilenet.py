"""MobileNetV2 as GluonCV defines it, whose ImageNet weights are Apache-2.0."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alara_train.networks.grayscale import State
from alara_train.toml_file import BadConfig

# Sandler 2018, table 2: expansion, input and output channels, stride of each bottleneck.
_BLOCKS = (
    *((1, 32, 16, 1),),
    *((6, 16, 24, 2), (6, 24, 24, 1)),
    *((6, 24, 32, 2), (6, 32, 32, 1), (6, 32, 32, 1)),
    *((6, 32, 64, 2), (6, 64, 64, 1), (6, 64, 64, 1), (6, 64, 64, 1)),
    *((6, 64, 96, 1), (6, 96, 96, 1), (6, 96, 96, 1)),
    *((6, 96, 160, 2), (6, 160, 160, 1), (6, 160, 160, 1)),
    *((6, 160, 320, 1),),
)


class Bottleneck(nn.Module):
    """Linear bottleneck: expand, depthwise, project. GluonCV expands even by one, so the first block does too."""

    def __init__(self, expansion: int, inputs: int, outputs: int, stride: int) -> None:
        """Names of the layers are those of the published file."""
        super().__init__()
        wide = inputs * expansion
        self.conv0 = nn.Conv2d(inputs, wide, 1, bias=False)
        self.batchnorm0 = nn.BatchNorm2d(wide)
        self.conv1 = nn.Conv2d(wide, wide, 3, stride, padding=1, groups=wide, bias=False)
        self.batchnorm1 = nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, outputs, 1, bias=False)
        self.batchnorm2 = nn.BatchNorm2d(outputs)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, input: Tensor) -> Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H / stride, W / stride]."""
        x = F.relu6(self.batchnorm0(self.conv0(input)))
        x = F.relu6(self.batchnorm1(self.conv1(x)))
        x = self.batchnorm2(self.conv2(x))
        result: Tensor = x + input if self.skips else x
        return result


class MobileNetV2(nn.Module):
    """The trunk, up to its 1 280-channel map at stride 32."""

    width = 1280

    def __init__(self, channels: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv0 = nn.Conv2d(channels, 32, 3, 2, padding=1, bias=False)
        self.batchnorm0 = nn.BatchNorm2d(32)
        self.blocks = nn.Sequential(*(Bottleneck(*block) for block in _BLOCKS))
        self.conv1 = nn.Conv2d(320, 1280, 1, bias=False)
        self.batchnorm1 = nn.BatchNorm2d(1280)

    def forward(self, film: Tensor) -> Tensor:
        """Map [N, channels, S, S] to [N, 1280, ceil(S / 32), ceil(S / 32)]."""
        x = self.blocks(F.relu6(self.batchnorm0(self.conv0(film))))
        maps: Tensor = F.relu6(self.batchnorm1(self.conv1(x)))
        return maps


_NAMES = {"gamma": "weight", "beta": "bias"}
_NAME = re.compile(r"mobilenetv20_features_(?:linearbottleneck(\d+)_)?(\w+?\d)_(\w+)")


def read_gluon(path: Path) -> State:
    """Read an .npz of GluonCV's names (`mobilenetv20_features_linearbottleneck3_conv1_weight`), NCHW.

    Raises:
        BadConfig: The file is not such an .npz.
    """
    try:
        with np.load(path) as table:
            arrays = {name: np.asarray(table[name], dtype=np.float32) for name in table.files}
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path} is not an .npz file: {error}") from error
    state: State = {}
    for name, values in arrays.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise BadConfig(f"{path} holds {name}, which is not a weight of GluonCV's MobileNetV2 trunk")
        block, layer, kind = match.groups()
        place = layer if block is None else f"blocks.{block}.{layer}"
        state[f"{place}.{_NAMES.get(kind, kind)}"] = torch.from_numpy(values)
        if kind == "running_mean":
            state[f"{place}.num_batches_tracked"] = torch.tensor(0)
    return state
