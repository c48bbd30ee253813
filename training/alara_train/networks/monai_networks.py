"""The paper's two networks, ResNet-34 and DenseNet-121, from MONAI, up to their last map.

MONAI is imported only when such a network is built, because the import takes seconds.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alara_train.networks.grayscale import State


class ResNet34(nn.Module):
    """ResNet-34 as in torchvision, so that it loads torchvision's files.

    MONAI's own `resnet34` differs in two ways: its stem has stride 1, and its shortcuts between stages (type A) block
    the gradient by `out.data`. Therefore this network has shortcuts of type B, without bias.
    """

    width = 512

    def __init__(self, channels: int) -> None:
        """Build with random weights."""
        from monai.networks.nets.resnet import ResNet

        super().__init__()
        self.body = ResNet(
            "basic",
            [3, 4, 6, 3],
            [64, 128, 256, 512],
            spatial_dims=2,
            n_input_channels=channels,
            conv1_t_size=7,
            conv1_t_stride=2,
            shortcut_type="B",
            bias_downsample=False,
            feed_forward=False,
        )

    def forward(self, film: Tensor) -> Tensor:
        """Map [N, channels, S, S] to [N, 512, ceil(S / 32), ceil(S / 32)]."""
        body = self.body
        x = body.maxpool(body.act(body.bn1(body.conv1(film))))
        maps: Tensor = body.layer4(body.layer3(body.layer2(body.layer1(x))))
        return maps


class DenseNet121(nn.Module):
    """DenseNet-121 up to the rectified last map."""

    width = 1024

    def __init__(self, channels: int) -> None:
        """Build with random weights."""
        from monai.networks.nets.densenet import DenseNet121 as Whole

        super().__init__()
        self.features = Whole(spatial_dims=2, in_channels=channels, out_channels=1).features

    def forward(self, film: Tensor) -> Tensor:
        """Map [N, channels, S, S] to [N, 1024, h, w], h about S / 32."""
        return F.relu(self.features(film))


def read_torchvision_resnet(path: Path) -> State:
    """Read torchvision's `resnet34` state dict, without its classifier."""
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    return {f"body.{name}": value for name, value in state.items() if not name.startswith("fc.")}


_LAYER = re.compile(r"(denselayer\d+)\.(norm|relu|conv)\.?([12])\.")


def read_torchvision_densenet(path: Path) -> State:
    """Read torchvision's `densenet121` state dict, of the old names (`norm.1`) or the new, without its classifier."""
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name: value for name, value in state.items() if not name.startswith("classifier.")}
    return {_LAYER.sub(r"\1.layers.\2\3.", name): value for name, value in weights.items()}
