"""Films per second of the reader and of the network, measured before training to reveal a slow reader."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from alara_train.recipes.finetuned.loop.batches import Batch
from alara_train.recipes.finetuned.loop.distributed import Processes

MOST_SECONDS = 3.0
MOST_ROUNDS = 20
CPU_FILMS = 8
"""On a CPU, the speed hardly depends on the batch size, and a full batch may take a minute."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Films per second of one process."""

    reader: float
    network: float

    def __str__(self) -> str:
        """Describe the speeds, and give advice."""
        text = f"reading {self.reader:.0f} images/s, the network {self.network:.1f} images/s"
        if self.reader < self.network:
            return f"{text}: THE NETWORK WAITS FOR FILMS; raise workers, or put the prepared films on a faster disk"
        return f"{text}: films wait for the network, as intended"


def measure(
    network: nn.Module,
    batches: Iterator[Batch],
    loss: Callable[[Tensor, Batch], Tensor],
    autocast: torch.autocast,
    processes: Processes,
) -> Speed:
    """Measure the reader alone, then forward and backward passes alone on a copy of the network, for a few seconds.

    Every process of the run must call this function. A layer such as SyncBatchNorm communicates in its forward and
    backward pass, so all processes run the same number of passes; the leading process chooses that number.

    Args:
        network: The network that trains; it is not changed.
        batches: Fresh batches of training films.
        loss: Function of logits and batch.
        autocast: The precision of the convolutions.
        processes: The processes of the run.
    """
    device = next(network.parameters()).device
    first = next(batches)
    start, films = time.perf_counter(), 0
    for batch in islice(batches, 200):
        films += len(batch.pixels)
        if time.perf_counter() - start > MOST_SECONDS:
            break
    reader = films / max(time.perf_counter() - start, 1e-9)
    if device.type == "cpu":
        first = Batch(*(part[:CPU_FILMS] for part in first))
    first = first.to(device)
    twin = copy.deepcopy(network).train()

    def passes(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            with autocast:
                logits, _ = twin(first.tensor())
            loss(logits, first).backward()  # type: ignore[no-untyped-call]
            _wait(device)
        return time.perf_counter() - start

    passes(1)  # The first pass allocates memory and chooses algorithms.
    rounds: int = processes.agree(max(1, min(MOST_ROUNDS, int(MOST_SECONDS / max(passes(1), 1e-9)))))
    return Speed(reader, rounds * len(first.pixels) / passes(rounds))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
