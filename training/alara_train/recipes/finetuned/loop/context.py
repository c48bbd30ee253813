"""The constants of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alara_train.data.films import BadData
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.loop import losses
from alara_train.recipes.finetuned.loop.batches import Batch, Plan, training_batches
from alara_train.recipes.finetuned.loop.distributed import Processes
from alara_train.recipes.finetuned.roles import TRAIN, PreparedFilms, Roles, Uint8s
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.toml_file import BadConfig

DTYPES = {"off": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Config, films and processes of a run."""

    config: TrainConfig
    roles: Roles
    pixels: Uint8s
    plan: Plan
    folder: RunFolder
    processes: Processes
    weights: Tensor
    """Class weights [2, F], on the device."""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.plan.steps * self.config.epochs

    @property
    def autocast(self) -> torch.autocast:
        """The precision of the convolutions."""
        on = self.config.precision != "off"
        return torch.autocast(self.processes.device.type, dtype=DTYPES[self.config.precision], enabled=on)

    def batches(self, start: int) -> Iterator[Batch]:
        """This process's forward passes from a step on."""
        pin = self.processes.device.type == "cuda"
        return training_batches(self.pixels, self.roles.labels, self.plan, self.config, start, self.steps, pin)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Sum of the losses of a batch over films and findings."""
        return losses.elementwise(self.config.loss, logits, batch.labels, self.weights).sum()


def make_context(
    config: TrainConfig, data: PreparedFilms, roles: Roles, folder: RunFolder, processes: Processes
) -> Context:
    """Open the films, and plan their order.

    Raises:
        BadConfig: The batch does not divide among the processes.
        BadData: The shape of the prepared films does not fit the table.
    """
    if config.batch_size % processes.size:
        raise BadConfig(
            f"batch_size {config.batch_size} is not a multiple of {processes.size}, the number of processes"
        )
    pixels = data.pixels(config.side_px)
    expected = (len(roles.names), config.side_px, config.side_px)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        raise BadData(f"the prepared films are {pixels.dtype} {pixels.shape}, not uint8 {expected}: prepare them again")
    rows = roles.rows(TRAIN)
    return Context(
        config=config,
        roles=roles,
        pixels=pixels,
        plan=Plan(rows, config.seed, config.batch_size, config.accumulate, processes.rank, processes.size),
        folder=folder,
        processes=processes,
        weights=losses.class_weights(*roles.counts(TRAIN)).to(processes.device),
    )
