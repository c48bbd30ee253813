"""One step of the optimiser."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from alara_train.networks.classifier import Classifier
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.loop.batches import Batch
from alara_train.recipes.finetuned.loop.checkpoint import Training
from alara_train.recipes.finetuned.loop.context import Context
from alara_train.recipes.finetuned.loop.init import frozen
from alara_train.recipes.finetuned.roles import UNKNOWN


def rate(step: int, warmup: int, steps: int) -> float:
    """Share of the highest rate at step 0, 1, ...: a linear rise over `warmup` steps, then a half cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2


def optimiser_step(
    context: Context,
    training: Training,
    shared: DistributedDataParallel | None,
    batches: Iterator[Batch],
    lr: float,
) -> Tensor:
    """One step of the optimiser; returns this process's share of the loss.

    The loss is a mean over all known labels of the step in all processes, so that neither accumulation nor the number
    of processes changes a gradient.
    """
    config, processes = context.config, context.processes
    _reseed(config.seed, training.step, processes.rank)
    rows = context.plan.step(training.step)
    known = max(1, int((context.roles.labels[rows] != UNKNOWN).sum()))
    _set_mode(training.network, config)
    total = torch.zeros((), device=processes.device)
    for part in range(config.accumulate):
        batch = next(batches).to(processes.device)
        film = batch.tensor()
        if config.channels_last:
            film = film.contiguous(memory_format=torch.channels_last)
        quiet: AbstractContextManager[Any] = nullcontext()
        if shared is not None and part < config.accumulate - 1:
            quiet = shared.no_sync()
        with quiet:
            with context.autocast:
                logits, _ = (shared or training.network)(film)
            loss = context.loss(logits, batch) / known
            # DistributedDataParallel takes the mean over processes, but the sum is needed.
            training.scaler.scale(loss * processes.size).backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    for group in training.optimiser.param_groups:
        group["lr"] = lr
    if config.clip_norm:
        # Undo the loss scale first, so that the norm is that of the true gradient.
        training.scaler.unscale_(training.optimiser)
        nn.utils.clip_grad_norm_(training.network.parameters(), config.clip_norm)
    training.scaler.step(training.optimiser)
    training.scaler.update()
    training.optimiser.zero_grad(set_to_none=True)
    training.average.update(training.network, training.step)
    return total


def _reseed(seed: int, step: int, rank: int) -> None:
    """Seed the generators for every step, so that a run never depends on earlier draws."""
    value = int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])
    random.seed(value)
    torch.manual_seed(value)


def _set_mode(network: Classifier, config: TrainConfig) -> None:
    network.train()
    for part in frozen(network, config):
        part.eval()
    if config.norms == "frozen":
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
                module.eval()
