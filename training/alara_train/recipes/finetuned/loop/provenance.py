"""The provenance of a run: code, packages, machine, command."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from alara_train.machine import code_revision, processor
from alara_train.recipes.finetuned.loop.distributed import Processes

PACKAGES = ("torch", "monai", "numpy", "scipy", "pyvips", "onnx", "onnxruntime", "tensorboard")


def start_record(processes: Processes, step: int) -> dict[str, Any]:
    """One start of a run: step, code, packages and hardware."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "fromStep": step,
        "codeRevision": code_revision(),
        "command": " ".join(sys.argv),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "hardware": hardware(processes),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def hardware(processes: Processes) -> dict[str, Any]:
    """The processors of this process."""
    cuda = processes.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(processes.device) if cuda else "cpu",
        "processes": processes.size,
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": str(torch.version.cuda) if cuda else None,
    }
