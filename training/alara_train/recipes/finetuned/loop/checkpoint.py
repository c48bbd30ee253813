"""Everything that a run needs to go on from where it was killed, in one file that is never half written."""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from alara_train.atomic_file import write_whole
from alara_train.data.films import BadData
from alara_train.networks.classifier import Classifier
from alara_train.recipes.finetuned.loop.average import Average


def save(path: Path, table: dict[str, Any]) -> None:
    """Write a checkpoint whole."""
    buffer = io.BytesIO()
    torch.save(table, buffer)
    write_whole(path, buffer.getvalue())


def digest(weights: dict[str, Tensor]) -> str:
    """SHA-256 over the names and bytes of a state dict."""
    total = hashlib.sha256()
    for name, value in sorted(weights.items()):
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


@dataclass(slots=True, kw_only=True)
class Training:
    """A run between two steps. No generator's state is in it: every step draws from (seed, step, rank) anew."""

    network: Classifier
    average: Average
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    """Steps done; with the seed it is also the place in the order of films and in the schedule."""
    best: float = -1.0
    """Highest mean AUROC on validation so far."""
    best_epoch: int = -1
    minutes: float = 0.0
    """Spent in training, over all sittings."""
    log_bytes: int = 0
    """Length of `log.jsonl` at this step; what a killed sitting wrote beyond is cut off."""
    ended: str = ""
    """Why training is over: `epochs`, `early stop`, `max_minutes`; empty while it is not."""

    def table(self, backbone: str, findings: tuple[str, ...]) -> dict[str, Any]:
        """What `last.pt` holds; `weights` are the averaged ones."""
        return {
            **weights_table(self.average.network, backbone, findings),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "place": {name: getattr(self, name) for name in _PLACE},
        }

    def restore(self, path: Path) -> None:
        """Take over what `last.pt` holds."""
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
    """What `best.pt` holds, and what a start from `checkpoint:<path>` reads."""
    return {"backbone": backbone, "findings": list(findings), "weights": network.state_dict()}
