"""The exponential moving average of the weights, which is what gets scored."""

from __future__ import annotations

import copy

import torch

from alara_train.networks.classifier import Classifier


class Average:
    """A copy of a network that follows it; running statistics are averaged like weights."""

    def __init__(self, network: Classifier, decay: float) -> None:
        """Begin with the network's own weights."""
        self.network: Classifier = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: Classifier, step: int) -> None:
        """Follow the network after step 0, 1, ...; the first steps are followed faster, so that the start fades."""
        decay = min(self.decay, (1 + step) / (10 + step))
        followed = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(followed[name], 1 - decay)
            else:
                value.copy_(followed[name])
