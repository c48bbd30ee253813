"""The study of nodules, step by step; results of an earlier start are reused."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.data.films import Floats, check_disjoint
from alara_train.study.config import Condition, Reader, StudyConfig
from alara_train.study.contact_sheets import nodules_sheet, placement_sheet
from alara_train.study.document import study_document
from alara_train.study.films import StudyFilms, nodule_at, read_study_films
from alara_train.study.head import Stack, fit, out_of_fold
from alara_train.study.maps import Positions, Progress, extract, lung_positions, maps_file, open_trunks, trunks_digest
from alara_train.study.measure import Key, auroc_estimates


def run_study(config: StudyConfig, data: Path, cache: Path, threads: int, bar: Progress) -> dict[str, Any]:
    """Run the study, and return its record (`alara.study/1`).

    The time of earlier starts, which is stored beside the maps, is included.
    """
    started = time.monotonic()
    films = read_study_films(data, config)
    check_disjoint(films.patients, films.fold)
    folder = cache / f"{config.digest()}-{trunks_digest(config)}"
    folder.mkdir(parents=True, exist_ok=True)
    write_sheets(films, config, cache)
    positions = study_positions(films, config, threads)
    extract(films, positions, config, folder, threads, bar)
    _count(folder, time.monotonic() - started)
    untouched: dict[str, Floats] = {}
    marked: dict[Key, list[Floats]] = {}
    for at in bar(range(len(config.readers)), "fit and score readers"):
        began = time.monotonic()
        plain, by_condition = reader_scores(films, config, config.readers[at], positions, folder)
        untouched[config.readers[at].name] = plain
        marked.update({(config.readers[at].name, name): scores for name, scores in by_condition.items()})
        _count(folder, time.monotonic() - began)
    found = auroc_estimates(untouched, marked, films.patients, config.bootstraps, config.seed)
    return study_document(config, films, found, seconds=_count(folder, 0), threads=threads)


def study_positions(films: StudyFilms, config: StudyConfig, threads: int) -> dict[int, Positions]:
    """The lung's positions on the finest map of every side."""
    sizes = {}
    for side, trunk in open_trunks(config, threads).items():
        film = np.zeros((1, 1, side, side), dtype=np.float32)
        sizes[side] = int(np.asarray(trunk.run([config.stages[0]], {"film": film})[0]).shape[-1])
    return {side: lung_positions(films.lungs, size) for side, size in sizes.items()}


def reader_scores(
    films: StudyFilms, config: StudyConfig, reader: Reader, positions: dict[int, Positions], folder: Path
) -> tuple[Floats, dict[str, list[Floats]]]:
    """Out-of-fold scores of one reader: of the untouched films, and per condition one array per placement."""
    at = positions[reader.side_px]

    def stack(condition: Condition | None, placement: int) -> Stack:
        maps = np.load(maps_file(folder, reader, condition, placement), mmap_mode="r")
        if condition is None:
            return Stack(maps=maps, nodules=(), trained=False)
        nodules = tuple(nodule_at(films, row, condition, placement, config) for row in range(len(films)))
        return Stack(maps=maps, nodules=nodules, trained=condition.arm != "sham")

    plain = stack(None, 0)
    stacks = {(c.name, p): stack(c, p) for c in config.conditions for p in config.placements_of(c)}
    fitted = fit(
        plain, list(stacks.values()), at, films.fold, films.mm_per_px, config.film_px,
        shrinkage=config.shrinkage, pull=config.pull, hardest=config.hardest,
    )  # fmt: skip
    scored = {
        c.name: [out_of_fold(stacks[c.name, p], at, fitted, films.fold) for p in config.placements_of(c)]
        for c in config.conditions
    }
    return out_of_fold(plain, at, fitted, films.fold), scored


def write_sheets(films: StudyFilms, config: StudyConfig, folder: Path) -> None:
    """Contact sheets of nodules and of their positions, on films that the seed draws."""
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(films)).tolist()
    nodules_sheet(films, config, order[:12], folder / "nodules.png")
    for part in range(2):
        rows = order[part * 50 : (part + 1) * 50]
        if rows:
            placement_sheet(films, config, rows, 10, folder / f"placement-{part + 1}.png")


def _count(folder: Path, seconds: float) -> float:
    """Add to the total time of the study."""
    path = folder / "seconds.json"
    total = (json.loads(path.read_text())["wall"] if path.is_file() else 0.0) + seconds
    path.write_text(json.dumps({"wall": total}))
    return float(total)
