"""The processes of one run: a single one, or several that `torchrun` started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from alara_train.toml_file import BadConfig


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among the processes of a run."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, in the order of ranks, in every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def agree(self, value: Any) -> Any:
        """The value of the leading process, in every process."""
        return self.gather(value)[0]


def check_device(device: str, processes: int = 1) -> None:
    """Make sure that this machine has a device, with one GPU per process.

    Raises:
        BadConfig: The machine does not have it.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise BadConfig(f"--device is cpu, cuda or auto, not {device}")
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "cuda" and not available:
        raise BadConfig("PyTorch finds no GPU here: use --device cpu, or install a driver and a PyTorch with CUDA")
    if (device == "cuda" or (device == "auto" and available)) and processes > available:
        raise BadConfig(
            f"{processes} processes need one GPU each, but there are {available}: start fewer, or use --device cpu"
        )


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the processes of `torchrun`, if it started this one; `device` is `cpu`, `cuda` or `auto`."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    check_device(device, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    local = int(os.environ.get("LOCAL_RANK", "0"))
    where = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(where)
    if size == 1:
        yield Processes(where)
        return
    # NCCL otherwise guesses the GPU of a process from its rank, and may build its communicator on the wrong one.
    dist.init_process_group("nccl" if cuda else "gloo", device_id=where if cuda else None)
    try:
        yield Processes(where, rank, size)
        # The threads of the group must be idle when the interpreter ends: one that then frees a tensor aborts the run.
        dist.barrier()
    finally:
        dist.destroy_process_group()
