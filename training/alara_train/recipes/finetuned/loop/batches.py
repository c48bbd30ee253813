"""Films from the disk to the network's device, in the order of the plan, with read-ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from alara_train.data.films import Ints
from alara_train.data.pixels import MEAN, STD
from alara_train.recipes.finetuned.config import Augmentation, TrainConfig
from alara_train.recipes.finetuned.loop.augment import DRAWN, apply, draw
from alara_train.recipes.finetuned.roles import Uint8s


@dataclass(frozen=True, slots=True)
class Plan:
    """The order of the training films over a whole run: a pure function of the seed and the step."""

    rows: Ints
    """Training rows, in ascending order."""
    seed: int
    batch_size: int
    """Films per forward pass, over all processes."""
    accumulate: int
    rank: int = 0
    """Number of this process, among `processes`, which must divide `batch_size`."""
    processes: int = 1

    @property
    def steps(self) -> int:
        """Steps of the optimiser per epoch; films that do not fill a step are left out of the epoch."""
        return len(self.rows) // (self.batch_size * self.accumulate)

    def order(self, epoch: int) -> Ints:
        """All training rows in the order of one epoch."""
        order: Ints = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return order

    def step(self, number: int) -> Ints:
        """Rows of step `number` of the whole run, over all processes: [accumulate, batch_size]."""
        epoch, inside = divmod(number, self.steps)
        size = self.batch_size * self.accumulate
        return self.order(epoch)[inside * size : (inside + 1) * size].reshape(self.accumulate, self.batch_size)

    def mine(self, number: int) -> Ints:
        """Rows of a step for this process: [accumulate, batch_size / processes]."""
        return self.step(number)[:, self.rank :: self.processes]


class Batch(NamedTuple):
    """Films of one forward pass, as they were read."""

    pixels: Tensor
    """[B, side, side] of uint8."""
    labels: Tensor
    """[B, F] of float32: 0, 1, and -1 for unknown."""
    drawn: Tensor
    """[B, 11] of float64, with the columns `augment.DRAWN`; [B, 0] without augmentation."""

    def to(self, device: torch.device) -> Batch:
        """Move pixels and labels to a device."""
        return Batch(self.pixels.to(device, non_blocking=True), self.labels.to(device, non_blocking=True), self.drawn)

    def tensor(self) -> Tensor:
        """The network's input [B, 1, side, side], augmented if changes were drawn."""
        films = self.pixels[:, None].float() / 255
        if self.drawn.shape[1]:
            films = apply(films, self.drawn)
        return (films - MEAN) / STD


class _Read(Dataset[Batch]):
    """Reads batches by number, in the reader processes."""

    def __init__(self, pixels: Uint8s, labels: Ints, batches: list[Ints]) -> None:
        self.pixels, self.labels, self.batches = pixels, labels, batches

    def __len__(self) -> int:
        return len(self.batches)

    def batch(self, rows: Ints, drawn: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Batch:
        return Batch(
            torch.from_numpy(np.ascontiguousarray(self.pixels[rows])),
            torch.from_numpy(self.labels[rows].astype(np.float32)),
            torch.from_numpy(drawn),
        )

    def __getitem__(self, number: int) -> Batch:
        rows = self.batches[number]
        return self.batch(rows, np.zeros((len(rows), 0)))


class _ReadTraining(_Read):
    """Reads forward pass k of the run: pass k % accumulate of step k // accumulate."""

    def __init__(self, pixels: Uint8s, labels: Ints, plan: Plan, settings: Augmentation) -> None:
        super().__init__(pixels, labels, [])
        self.plan, self.settings = plan, settings
        self.step, self.rows = -1, np.zeros((0, 0), dtype=np.int64)

    def __getitem__(self, number: int) -> Batch:
        step, part = divmod(number, self.plan.accumulate)
        if step != self.step:
            self.step, self.rows = step, self.plan.mine(step)
        rows = self.rows[part]
        epoch = step // self.plan.steps
        drawn = np.stack([draw(self.settings, self.plan.seed, epoch, int(row)) for row in rows])
        assert drawn.shape[1] == len(DRAWN)
        return self.batch(rows, drawn)


def training_batches(
    pixels: Uint8s, labels: Ints, plan: Plan, config: TrainConfig, start: int, stop: int, pin: bool
) -> Iterator[Batch]:
    """Yield the forward passes of this process for steps `start` to `stop` of the run, in order."""
    dataset = _ReadTraining(pixels, labels, plan, config.augment)
    passes = range(start * plan.accumulate, stop * plan.accumulate)
    return iter(_loader(dataset, passes, config.workers, pin))


def scoring_batches(
    pixels: Uint8s, labels: Ints, rows: Ints, size: int, workers: int, pin: bool
) -> Iterator[tuple[Ints, Batch]]:
    """Yield films without augmentation, `size` at a time, with their rows."""
    batches = [rows[k : k + size] for k in range(0, len(rows), size)]
    dataset = _Read(pixels, labels, batches)
    return zip(batches, _loader(dataset, range(len(batches)), workers, pin), strict=True)


def _loader(dataset: Dataset[Batch], order: range, workers: int, pin: bool) -> DataLoader[Batch]:
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=order,
        num_workers=workers,
        collate_fn=_as_it_is,
        pin_memory=pin,
        prefetch_factor=4 if workers else None,
        # A forked reader shares the memory map; a spawned one would copy it. Readers never touch the GPU.
        multiprocessing_context="fork" if workers else None,
        # A separate generator, so that making a loader draws nothing from the global one.
        generator=torch.Generator().manual_seed(0),
    )


def _as_it_is(batch: Any) -> Any:
    return batch
