"""A dry run at the size of NIH ChestX-ray14, with generated films: time, memory and disk per stage.

    python test/training/scale/full_size.py /tmp/scale

The films are small noise images in NIH's own layout, with its numbers of films and patients and its official test list.
The scores are random numbers that rise with the labels. So the run shows what the size costs, and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

FILMS, PATIENTS, TEST_FILMS, VALIDATION_FILMS = 112_120, 30_805, 25_596, 10_816
SIDES = (256, 320, 448, 512)
CONFIG = Path(__file__).parents[3] / "training" / "configs" / "train-nih-lite0.toml"
STAGES = ("generate", "prepare", "train", "score", "evaluate", "policy")


@dataclass(frozen=True)
class Size:
    """How much is generated."""

    films: int = FILMS
    patients: int = PATIENTS
    test_films: int = TEST_FILMS
    """Films on the official test list."""
    scored_test_films: int = TEST_FILMS
    validation_films: int = VALIDATION_FILMS
    draws: int = 2000
    side_px: int = 64


def png(pixels: np.ndarray) -> bytes:
    """Encode 8-bit gray pixels [H, W]."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), pixels], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def generate(work: Path, size: Size) -> None:
    """Write films, table and official lists as NIH publishes them; whole patients are test patients."""
    from alara_train.data.films import FINDINGS

    rng = np.random.default_rng(0)
    owner = np.sort(
        np.concatenate([np.arange(size.patients), rng.integers(0, size.patients, size.films - size.patients)])
    )
    first = np.searchsorted(owner, owner)
    names = [
        f"{patient + 1:08}_{row - start:03}.png" for row, (patient, start) in enumerate(zip(owner, first, strict=True))
    ]
    tested = owner >= owner[size.films - size.test_films]
    labels = rng.random((size.films, len(FINDINGS))) < 0.05
    data = work / "data"
    for row, name in enumerate(names):
        folder = data / f"images_{row // 10_000 + 1:03}" / "images"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(rng.integers(0, 256, (size.side_px, size.side_px), dtype=np.uint8)))
    with (data / "Data_Entry_2017_v2020.csv").open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Sex", "View Position"])
        for row, name in enumerate(names):
            words = "|".join(f for f, has in zip(FINDINGS, labels[row], strict=True) if has) or "No Finding"
            table.writerow([name, words, owner[row] + 1, 20 + row % 70, "FM"[row % 2], "PA" if row % 5 < 3 else "AP"])
    for path, chosen in (("test_list.txt", tested), ("train_val_list.txt", ~tested)):
        (data / path).write_text("\n".join(np.array(names)[chosen]) + "\n")


def prepare(work: Path, size: Size) -> None:
    """Check the table, and resize every film, in one process."""
    from alara_train.cli.main import app

    command = ["prepare", str(work / "data"), "--out", str(work / "prepared"), "--sides", str(size.side_px)]
    app([*command, "--jobs", "1", "--allow-one-class"])


class EnoughSteps(Exception):
    """One step was trained."""


def train(work: Path, size: Size) -> None:
    """One step of training on the prepared films, on the CPU."""
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.loop.train import train as train_run

    settings = replace(
        TrainConfig.load(CONFIG), side_px=size.side_px, batch_size=32, precision="off", workers=0, start="random"
    )

    def stop(_: int) -> None:
        raise EnoughSteps

    try:
        train_run(settings, Prepared.open(work / "prepared"), work / "run", after_step=stop)
    except EnoughSteps:
        return
    raise AssertionError("no step was trained")


def score(work: Path, size: Size) -> None:
    """Write scores of 14 findings by eight variants: test films, and validation films for calibration."""
    from alara_train.data.films import FINDINGS
    from alara_train.evaluate.scored import VariantScores

    rng = np.random.default_rng(1)
    count = size.scored_test_films + size.validation_films
    patients = np.sort(rng.integers(0, max(2, count * PATIENTS // FILMS), count))
    split = np.where(patients < np.quantile(patients, size.scored_test_films / count), "test", "validation")
    prevalence = np.linspace(0.002, 0.18, len(FINDINGS))
    labels = (rng.random((count, len(FINDINGS))) < prevalence).astype(np.int64)
    common = rng.normal(size=labels.shape) + 2 * labels
    (work / "family").mkdir(exist_ok=True)
    for side in SIDES:
        for precision in ("fp32", "int8"):
            VariantScores(
                variant=f"r{side}-{precision}",
                resolution=side,
                precision=precision,
                logits=common + 0.2 * rng.normal(size=labels.shape),
                labels=labels,
                patients=np.array([f"{patient:08}" for patient in patients]),
                fold=np.full(count, -1),
                split=split,
                view=np.where(np.arange(count) % 5 < 3, "PA", "AP"),
                sex=np.where(patients % 2, "F", "M"),
                age=20 + patients % 70,
                collection=np.full(count, "ChestX-ray14"),
            ).save(work / f"scores-r{side}-{precision}.npz")
    (work / "family" / "evaluation.json").write_text('{"family": "scale", "margin": 0.02, "protocol": "heldOut"}')


def evaluate(work: Path, size: Size) -> None:
    """Measure every variant with resamples of patients."""
    from alara_train.cli.main import app

    app(["evaluate", str(work), "--family", str(work / "family"), "--bootstraps", str(size.draws)])


def policy(work: Path, size: Size) -> None:
    """Derive both policies."""
    from alara_train.report.policy import cheapest_policy, derive_policy, write_policies

    evaluation = json.loads((work / "family" / "evaluation.json").read_text())
    catalog = {"family": "scale", "findings": evaluation["findings"]}
    own = derive_policy(catalog, evaluation, margin=evaluation["margin"])
    write_policies(own, cheapest_policy(catalog, evaluation, own), work / "family")


@dataclass(frozen=True)
class Cost:
    """What one stage took."""

    stage: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    disk_mb: float


def measured(stage: str, work: Path, size: Size) -> Cost:
    """Run a stage in a process of its own.

    Raises:
        RuntimeError: The stage failed; its messages were printed before.
    """
    before, start = disk_mb(work), time.monotonic()
    command = [sys.executable, __file__, str(work), "--only", stage, "--size", json.dumps(vars(size))]
    child = os.posix_spawn(sys.executable, command, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{stage} failed with status {status}")
    return Cost(
        stage, time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, disk_mb(work) - before
    )


def disk_mb(folder: Path) -> float:
    """Space of all files on the disk."""
    return sum(path.stat().st_blocks for path in folder.rglob("*") if path.is_file()) * 512 / 1e6


def main() -> None:
    """Run every stage, and print one row per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="an empty folder; needs about 2 GB")
    parser.add_argument("--only", choices=STAGES, help="run one stage in this process")
    parser.add_argument("--from", dest="first", choices=STAGES, default=STAGES[0], help="the first stage to run")
    parser.add_argument("--size", default="{}", help="JSON object that replaces numbers of the full size")
    options = parser.parse_args()
    size = Size(**json.loads(options.size))
    if options.only:
        stages: dict[str, Callable[[Path, Size], None]] = {stage: globals()[stage] for stage in STAGES}
        stages[options.only](options.work, size)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    for stage in STAGES[STAGES.index(options.first) :]:
        cost = measured(stage, options.work, size)
        sys.stdout.write(
            f"{cost.stage:<10} {cost.wall_s:>8.1f} s wall {cost.cpu_s:>8.1f} s CPU {cost.peak_mb:>8.0f} MB peak "
            f"{cost.disk_mb:>8.0f} MB on disk\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
