"""Where a run came from: code, data, packages, machine, command."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from alara_train.recipes.finetuned.loop.distributed import World
from alara_train.recipes.finetuned.roles import TEST, TRAIN, VAL, Roles

PACKAGES = ("torch", "monai", "numpy", "scipy", "pyvips", "onnx", "onnxruntime", "tensorboard")


def code_revision() -> str:
    """Digest of this package's own sources, and the commit they stand on where git knows it."""
    here = Path(__file__).parents[2]
    total = hashlib.sha256()
    for path in sorted(here.rglob("*.py")):
        total.update(str(path.relative_to(here)).encode() + path.read_bytes())
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "no-git"
    return f"{commit}+sources-{total.hexdigest()[:16]}"


def data_record(roles: Roles) -> dict[str, Any]:
    """What a run reads: digests of the split and of the labels, and how many films have which role."""
    return {
        "splitDigest": roles.digest,
        "labelsDigest": hashlib.sha256(roles.labels.astype("<i8").tobytes()).hexdigest(),
        "films": {role: len(roles.rows(role)) for role in (TRAIN, VAL, TEST)},
    }


def sitting(world: World, step: int) -> dict[str, Any]:
    """One start of a run: at which step, by which code, with which packages, on what."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "fromStep": step,
        "codeRevision": code_revision(),
        "command": " ".join(sys.argv),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "hardware": hardware(world),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def hardware(world: World) -> dict[str, Any]:
    """The processors of this process."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cuda = world.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(world.device) if cuda else "cpu",
        "processes": world.size,
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": str(torch.version.cuda) if cuda else None,
    }
