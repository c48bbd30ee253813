"""What does not change while a run goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alara_train.data.films import BadData
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.loop import losses
from alara_train.recipes.finetuned.loop.batches import Batch, training_batches
from alara_train.recipes.finetuned.loop.distributed import World
from alara_train.recipes.finetuned.loop.plan import Plan
from alara_train.recipes.finetuned.roles import TRAIN, Prepared, Roles, Uint8s
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.recipes.frozen.config import BadConfig

DTYPES = {"off": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A run's config, films and place."""

    config: TrainConfig
    roles: Roles
    pixels: Uint8s
    plan: Plan
    folder: RunFolder
    world: World
    weights: Tensor
    """Class weights [2, F], on the device."""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.plan.steps * self.config.epochs

    @property
    def autocast(self) -> torch.autocast:
        """The precision that convolutions compute in."""
        on = self.config.precision != "off"
        return torch.autocast(self.world.device.type, dtype=DTYPES[self.config.precision], enabled=on)

    def batches(self, start: int) -> Iterator[Batch]:
        """This process's forward passes from a step on."""
        pin = self.world.device.type == "cuda"
        return training_batches(self.pixels, self.roles.labels, self.plan, self.config, start, self.steps, pin)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Sum of the losses of a batch over films and findings."""
        return losses.elementwise(self.config.loss, logits, batch.labels, self.weights).sum()


def make_scene(config: TrainConfig, data: Prepared, roles: Roles, folder: RunFolder, world: World) -> Scene:
    """Open the films and plan their order.

    Raises:
        BadConfig: The batch does not divide among the processes.
        BadData: The prepared films have another shape than the table says.
    """
    if config.batch_size % world.size:
        raise BadConfig(f"batch_size {config.batch_size} does not divide by {world.size} processes")
    pixels = data.pixels(config.side_px)
    expected = (len(roles.names), config.side_px, config.side_px)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        raise BadData(f"the prepared films are {pixels.dtype} {pixels.shape}, not uint8 {expected}: prepare them anew")
    rows = roles.rows(TRAIN)
    return Scene(
        config=config,
        roles=roles,
        pixels=pixels,
        plan=Plan(rows, config.seed, config.batch_size, config.accumulate, world.rank, world.size),
        folder=folder,
        world=world,
        weights=losses.class_weights(*roles.counts(TRAIN)).to(world.device),
    )
