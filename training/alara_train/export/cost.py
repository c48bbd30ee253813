"""Cost of a film on this processor."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime as ort

from alara_train.export.graph import session
from alara_train.machine import cpu_info, processor
from alara_train.networks.pooling import Float32s


def measure_ms(models: dict[str, Path], films: dict[str, Float32s], rounds: int = 31) -> dict[str, float]:
    """Median milliseconds per film: batch 1, one intra-op thread, variants in turn.

    Args:
        models: One ONNX file per variant.
        films: One input tensor [1, 1, side, side] per variant.
        rounds: Number of measurements per variant, after three for warm-up.
    """
    sessions = {name: session(path) for name, path in models.items()}
    taken: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds + 3):
        for name, run in sessions.items():
            start = time.perf_counter()
            run.run(None, {"film": films[name]})
            if turn >= 3:
                taken[name].append((time.perf_counter() - start) * 1e3)
    return {name: round(float(np.median(times)), 2) for name, times in taken.items()}


def measured_on() -> str:
    """Describe the measurement: processor, its integer instructions, runtime and date."""
    text, name = cpu_info(), processor().replace("(R)", "").replace("  ", " ")
    extra = next(
        (label for flag, label in (("avx512_vnni", "AVX512-VNNI"), ("avx_vnni", "AVX-VNNI")) if flag in text), ""
    )
    date = datetime.now(UTC).date().isoformat()
    return f"{name}{f' ({extra})' if extra else ''}, onnxruntime {ort.__version__}, 1 thread, batch 1, {date}"
