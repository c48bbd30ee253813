"""The state of a run between two steps, and its checkpoint file."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from alara_train.atomic_file import write_atomic
from alara_train.data.films import BadData
from alara_train.networks.classifier import Classifier


def save(path: Path, table: dict[str, Any]) -> None:
    """Write a checkpoint."""
    buffer = io.BytesIO()
    torch.save(table, buffer)
    write_atomic(path, buffer.getvalue())


class Average:
    """Exponential moving average of a network; running statistics are averaged like weights."""

    def __init__(self, network: Classifier, decay: float) -> None:
        """Start with the network's current weights."""
        self.network: Classifier = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: Classifier, step: int) -> None:
        """Update the average after step 0, 1, ...; a lower decay in the first steps lets the initial weights fade."""
        decay = min(self.decay, (1 + step) / (10 + step))
        followed = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(followed[name], 1 - decay)
            else:
                value.copy_(followed[name])


@dataclass(slots=True, kw_only=True)
class Training:
    """A run between two steps. It holds no generator state: every step seeds its generators by (seed, step, rank)."""

    network: Classifier
    average: Average
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    """Number of finished steps; with the seed it determines the next films and the learning rate."""
    best: float = -1.0
    """Highest mean AUROC on validation so far."""
    best_epoch: int = -1
    minutes: float = 0.0
    """Training time, over all starts of the run."""
    log_bytes: int = 0
    """Length of `log.jsonl` at this step; a restart truncates the file to this length."""
    ended: str = ""
    """Why training ended: `epochs`, `early stop` or `max_minutes`; empty during training."""

    def table(self, backbone: str, findings: tuple[str, ...]) -> dict[str, Any]:
        """The content of `last.pt`; `weights` are the averaged weights."""
        return {
            **weights_table(self.average.network, backbone, findings),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "place": {name: getattr(self, name) for name in _PLACE},
        }

    def restore(self, path: Path) -> None:
        """Restore the state from `last.pt`."""
        try:
            table: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise BadData(f"{path} is damaged: delete the folder of the run and train again") from error
        self.network.load_state_dict(table["network"])
        self.average.network.load_state_dict(table["weights"])
        self.optimiser.load_state_dict(table["optimiser"])
        self.scaler.load_state_dict(table["scaler"])
        for name in _PLACE:
            setattr(self, name, table["place"][name])


_PLACE = ("step", "best", "best_epoch", "minutes", "log_bytes", "ended")


def weights_table(network: nn.Module, backbone: str, findings: tuple[str, ...]) -> dict[str, Any]:
    """The content of `best.pt`, which a start from `checkpoint:<path>` reads."""
    return {"backbone": backbone, "findings": list(findings), "weights": network.state_dict()}
