"""What a film costs on this processor."""

from __future__ import annotations

import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime as ort

from alara_train.atomic_file import write_whole
from alara_train.export.graph import session
from alara_train.recipes.frozen.head import Float32s
from alara_train.report.card import card
from alara_train.report.catalog import read_family, write_json


def measure_ms(models: dict[str, Path], films: dict[str, Float32s], rounds: int = 31) -> dict[str, float]:
    """Median milliseconds a film: batch 1, one intra-op thread, variants taking turns.

    Args:
        models: ONNX file by variant.
        films: One input tensor [1, 1, side, side] by variant.
        rounds: How often each variant has its turn, after three to warm up.
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


def remeasure(family: Path) -> dict[str, float]:
    """Measure every variant of a family folder on this machine and write it to its catalog; returns milliseconds."""
    path = family / "catalog.json"
    [catalog] = read_family(family, "catalog")
    rng = np.random.default_rng(0)
    taken = measure_ms(
        {v["id"]: family / v["file"] for v in catalog["variants"]},
        {
            v["id"]: rng.uniform(-1, 1, (1, 1, v["resolution"], v["resolution"])).astype(np.float32)
            for v in catalog["variants"]
        },
    )
    for variant in catalog["variants"]:
        variant["cost"]["ms"]["cpu"] = taken[variant["id"]]
        variant["cost"]["measuredOn"]["cpu"] = measured_on()
    write_json(catalog, path)
    policy, evaluation = read_family(family, "policy", "evaluation")
    write_whole(family / "card.md", card(catalog, policy, evaluation))
    return taken


def measured_on() -> str:
    """Name the processor, its integer instructions, the runtime and the date."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.is_file() else ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    name = (names[0] if names else platform.processor() or platform.machine()).replace("(R)", "").replace("  ", " ")
    extra = next(
        (label for flag, label in (("avx512_vnni", "AVX512-VNNI"), ("avx_vnni", "AVX-VNNI")) if flag in text), ""
    )
    date = datetime.now(UTC).date().isoformat()
    return f"{name}{f' ({extra})' if extra else ''}, onnxruntime {ort.__version__}, 1 thread, batch 1, {date}"
