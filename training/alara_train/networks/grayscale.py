"""From three colours to one: a gray film has three equal channels, so the first convolution's weights add."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from alara_train.data.pixels import MEAN, STD

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Colours:
    """Mean and standard deviation of red, green and blue in [0, 1], as used to train the published weights."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


EQUAL = Colours((MEAN, MEAN, MEAN), (STD, STD, STD))
"""Of EfficientNet-Lite, and of Alara itself."""
IMAGENET = Colours((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Of torchvision and GluonCV."""


def fold(state: State, conv: str, norm: str, colours: Colours) -> State:
    """Make a state dict take one channel, normalised by Alara's mean and deviation.

    The network's output for a gray film does not change. If the colours have unequal means, the folding leaves a
    constant, which is subtracted from the running mean of the next normalisation. This is exact except at the outermost
    pixels, where the convolution pads with zero: zero is then another gray than before.

    Args:
        state: State dict whose first convolution has three input channels.
        conv: Name of that convolution, without `.weight`; it has no bias.
        norm: Name of the batch normalisation after it.
        colours: The normalisation of the three channels.
    """
    weight = state[f"{conv}.weight"].double()
    mean, std = (torch.tensor(v, dtype=torch.float64)[None, :, None, None] for v in (colours.mean, colours.std))
    gray = (weight * (STD / std)).sum(dim=1, keepdim=True)
    constant = (weight * ((MEAN - mean) / std)).sum(dim=(1, 2, 3))
    running = state[f"{norm}.running_mean"].double() - constant
    return {**state, f"{conv}.weight": gray.float(), f"{norm}.running_mean": running.float()}
