"""Synthetic films, a small network that trains fast, and a separate process to kill."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn

from alara_train.data.films import FINDINGS, Films
from alara_train.networks.grayscale import EQUAL
from alara_train.networks.registry import BACKBONES, Backbone
from alara_train.recipes.finetuned.config import Augmentation, TrainConfig
from alara_train.recipes.finetuned.loop.distributed import join_processes
from alara_train.recipes.finetuned.loop.train import train

PLAIN = Augmentation(
    rotate_degrees=0.0,
    scale=0.0,
    translate=0.0,
    brightness=0.0,
    contrast=0.0,
    gamma=1.0,
    noise=0.0,
    horizontal_flip=False,
)
LIVELY = Augmentation(
    rotate_degrees=10.0,
    scale=0.1,
    translate=0.05,
    brightness=0.1,
    contrast=0.2,
    gamma=1.3,
    noise=0.02,
    horizontal_flip=False,
)
CONFIG = TrainConfig(
    backbone="tiny",
    start="random",
    labels="all",
    side_px=64,
    seed=3,
    epochs=2,
    batch_size=8,
    accumulate=1,
    lr=3e-3,
    weight_decay=0.01,
    warmup_epochs=0.5,
    dropout=0.2,
    ema=0.9,
    norms="batch",
    loss="bce",
    precision="off",
    channels_last=False,
    workers=0,
    early_stop_epochs=0,
    scored="best",
    fold=-1,
    max_minutes=0.0,
    checkpoint_steps=3,
    augment=LIVELY,
)


class Tiny(nn.Module):
    """Three convolutions with stride 16 in total."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 5, 4, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.rest = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU())

    def forward(self, film: Tensor) -> Tensor:
        maps: Tensor = self.rest(torch.relu(self.norm(self.stem(film))))
        return maps


class Summed(torch.autograd.Function):
    """The sum over all processes. Its gradient is summed as well."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class SharedNorm(nn.BatchNorm2d):
    """Batch normalisation over the films of all processes: SyncBatchNorm, which PyTorch supports only on GPUs."""

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(maps)
        count = maps.numel() // maps.shape[1] * dist.get_world_size()
        sums = torch.stack([maps.sum(dim=(0, 2, 3)), (maps * maps).sum(dim=(0, 2, 3))])
        mean, square = Summed.apply(sums) / count  # type: ignore[no-untyped-call]
        variance = square - mean * mean
        with torch.no_grad():
            self.num_batches_tracked += 1  # type: ignore[operator]
            self.running_mean.lerp_(mean, 0.1)  # type: ignore[union-attr]
            self.running_var.lerp_(variance * count / (count - 1), 0.1)  # type: ignore[union-attr]
        scale = self.weight / torch.sqrt(variance + self.eps)
        return (maps - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]


class Sharing(Tiny):
    """The same network with a normalisation that communicates in every forward pass."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.norm = SharedNorm(8)


BACKBONES["tiny"] = Backbone(
    make=Tiny,
    width=16,
    stem=("stem", "norm"),
    read=lambda path: torch.load(path, weights_only=True),
    colours=EQUAL,
    published=None,
    file="nothing",
)
BACKBONES["tiny-sharing"] = replace(BACKBONES["tiny"], make=Sharing)


@dataclass(frozen=True)
class StandIn:
    films: Films
    split: npt.NDArray[np.str_]
    side_px: int = 64

    def pixels(self, side_px: int) -> npt.NDArray[np.uint8]:
        """A bright bar on noise, at a height that depends on the findings of the film."""
        rng = np.random.default_rng(9)
        films = rng.integers(0, 90, (len(self.films.names), side_px, side_px)).astype(np.uint8)
        for film, labels in zip(films, self.films.labels, strict=True):
            for j in np.flatnonzero(labels == 1):
                film[j * side_px // 14 : (j + 1) * side_px // 14, side_px // 4 : side_px // 2] += 150
        return films


def stand_in(count: int = 72) -> StandIn:
    """Films of `count` / 3 patients, two thirds of them in training, some labels unknown."""
    rng = np.random.default_rng(5)
    owner = np.arange(count) // 3
    labels = (rng.random((count, len(FINDINGS))) < 0.4).astype(np.int64)
    labels[rng.random(labels.shape) < 0.1] = -1
    split = np.array(["train", "train", "train", "train", "val", "test"])[owner % 6]
    films = Films(
        folder=Path(),
        names=tuple(f"film-{k:03}.png" for k in range(count)),
        patients=np.array([f"p{o:03}" for o in owner]),
        labels=labels,
        fold=np.where(owner % 6 == 5, -1, owner % 3).astype(np.int64),
        view=np.full(count, "PA"),
        collection=np.full(count, "one"),
    )
    return StandIn(films, split)


def changed(**values: Any) -> TrainConfig:
    return replace(CONFIG, **values)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run, toml, dies_after = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

    def die(step: int) -> None:
        if step == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def show(text: str) -> None:
        sys.stdout.write(f"{text}\n")

    with join_processes("cpu") as processes:
        train(TrainConfig.load(toml), stand_in(), run, processes=processes, log=show, after_step=die)
