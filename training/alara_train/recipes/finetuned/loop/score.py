"""Logits of films by a network, each film once, whatever the number of processes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from alara_train.data.films import Floats, Ints
from alara_train.evaluate.metrics import auroc
from alara_train.recipes.finetuned.loop.batches import scoring_batches
from alara_train.recipes.finetuned.loop.distributed import World
from alara_train.recipes.finetuned.roles import UNKNOWN, Uint8s


def score(
    network: nn.Module,
    pixels: Uint8s,
    labels: Ints,
    rows: Ints,
    size: int,
    workers: int,
    world: World,
    autocast: AbstractContextManager[Any] | None = None,
) -> Floats:
    """Score films without augmentation: logits [len(rows), F], the same in every process.

    Args:
        network: In evaluation mode; gives logits and map.
        pixels: [N, side, side].
        labels: [N, F], which give the number of outputs.
        rows: Which films.
        size: Films a forward pass of one process.
        workers: Processes that read films.
        world: Who shares the work.
        autocast: The precision that convolutions compute in; float32 by default.
    """
    part = np.arange(world.rank, len(rows), world.size)
    logits = np.zeros((len(part), labels.shape[1]))
    done = 0
    with torch.inference_mode(), autocast or nullcontext():
        for chunk, batch in scoring_batches(pixels, labels, rows[part], size, workers, world.device.type == "cuda"):
            out, _ = network(batch.to(world.device).tensor())
            logits[done : done + len(chunk)] = out.float().cpu().numpy()
            done += len(chunk)
    whole = np.empty((len(rows), labels.shape[1]))
    for places, values in world.gather((part, logits)):
        whole[places] = values
    return whole


def aurocs(logits: Floats, labels: Ints, findings: tuple[str, ...]) -> dict[str, float]:
    """AUROC by finding over the films whose label is known; findings of one class are left out."""
    values: dict[str, float] = {}
    for j, finding in enumerate(findings):
        known = labels[:, j] != UNKNOWN
        y = labels[known, j]
        if 0 < int(y.sum()) < len(y):
            values[finding] = auroc(logits[known, j], y)
    return values
