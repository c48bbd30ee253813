"""Settings of glibc's memory allocator for training on a CPU."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

KEEP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "4294967296"}
"""Large tensors come from the heap, and freed heap stays with the process. Without these settings the kernel clears the
same pages at every step."""
SWITCH = "ALARA_TRAIN_MALLOC"
"""`system` leaves the allocator as it is."""
TRAINING = ("train", "sweep", "pipeline")
GPU = Path("/dev/nvidia0")


def restart_needed(arguments: Sequence[str], environment: Mapping[str, str], gpu: bool, glibc: bool) -> bool:
    """Whether this command line trains on the CPU, and the environment does not configure the allocator."""
    verb = next((word for word in arguments if not word.startswith("-")), "")
    words = [word for argument in arguments for word in argument.split("=", 1)]
    device = words[words.index("--device") + 1] if "--device" in words[:-1] else "auto"
    on_cpu = device == "cpu" or (device == "auto" and not gpu)
    unset = environment.get(SWITCH) != "system" and not any(name in environment for name in KEEP)
    return glibc and on_cpu and unset and verb in TRAINING and "--help" not in arguments


def restart_for_training() -> None:
    """Restart this process with `KEEP` if it trains on a CPU: glibc reads these variables only at the start."""
    if not restart_needed(sys.argv[1:], os.environ, GPU.exists(), platform.libc_ver()[0] == "glibc"):
        return
    from alara_train import MATPLOTLIB

    # The new process makes its own folder for matplotlib, and removes it.
    environment = {name: value for name, value in os.environ.items() if not (MATPLOTLIB and value == MATPLOTLIB)}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**environment, **KEEP})
