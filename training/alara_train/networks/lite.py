"""EfficientNet-Lite0, 1 and 2 as trainable trunks."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alara_train.networks.efficientnet_lite import Trunk
from alara_train.networks.grayscale import State

STRIDE = 32


class Lite(nn.Module):
    """The trunk of `network.py` up to its 1 280-channel map, for films of any size.

    Its convolutions pad as TensorFlow does for even sizes, so a side that 32 does not divide (600 px) is filled up with
    its own border, equally at both ends.
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
