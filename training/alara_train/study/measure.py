"""AUROC by diameter, arm and reader, and paired differences against the largest side, over resampled patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alara_train.data.films import Floats
from alara_train.evaluate.intervals import ci95, simultaneous, verdict
from alara_train.evaluate.resample import Resamples, resample
from alara_train.evaluate.auroc import auroc, auroc_draws
from alara_train.study.config import Condition, Reader, StudyConfig

Key = tuple[str, str]
"""Reader and condition."""


@dataclass(frozen=True, slots=True)
class Area:
    """An AUROC, averaged over placements, and its resamples."""

    value: float
    draws: Floats


def areas(
    untouched: dict[str, Floats], marked: dict[Key, list[Floats]], patients: npt.NDArray[np.str_], draws: int, seed: int
) -> dict[Key, Area]:
    """Score films with nodules [N], one array per placement, against the same films untouched [N].

    All readers share the draws of patients, and a draw contains both films of a pair, so differences are paired.
    """
    drawn = resample(patients, draws, seed)
    pairs = Resamples(drawn.counts, np.tile(drawn.owner, 2))
    labels = np.repeat([0, 1], len(patients))
    found: dict[Key, Area] = {}
    for key, placements in marked.items():
        pooled = [np.concatenate([untouched[key[0]], scores]) for scores in placements]
        value = float(np.mean([auroc(scores, labels) for scores in pooled]))
        found[key] = Area(value, np.mean([auroc_draws(scores, labels, pairs) for scores in pooled], axis=0))
    return found


def table(found: dict[Key, Area], config: StudyConfig) -> list[dict[str, Any]]:
    """One record per condition and reader."""
    return [
        {
            "arm": condition.arm,
            "diameterMm": condition.diameter_mm,
            "reader": reader.name,
            "resolution": reader.side_px,
            "reducedTo": reader.through_px,
            "auroc": _rounded(found[reader.name, condition.name]),
        }
        for condition in config.conditions
        for reader in config.readers
    ]


def differences(found: dict[Key, Area], config: StudyConfig) -> list[dict[str, Any]]:
    """Every reader minus the largest side, per condition."""
    largest = f"r{config.largest_px}"
    return [
        {
            "arm": condition.arm,
            "diameterMm": condition.diameter_mm,
            "reader": reader.name,
            "reference": largest,
            **_difference(found[reader.name, condition.name], found[largest, condition.name]),
        }
        for condition in config.conditions
        for reader in config.readers
        if reader.name != largest
    ]


def decisive(found: dict[Key, Area], config: StudyConfig) -> dict[str, Any]:
    """The arm that decides the floor: mean over its diameters, with simultaneous intervals of all sides."""
    chosen = [Condition("dense", mm) for mm in config.floor_mm]

    def mean(reader: Reader) -> Area:
        parts = [found[reader.name, condition.name] for condition in chosen]
        return Area(float(np.mean([p.value for p in parts])), np.mean([p.draws for p in parts], axis=0))

    by_reader = {reader.name: mean(reader) for reader in config.readers}
    best = by_reader[f"r{config.largest_px}"]
    smaller = [r for r in config.readers if r.through_px == r.side_px < config.largest_px]
    values = np.array([by_reader[r.name].value - best.value for r in smaller])
    draws = np.stack([by_reader[r.name].draws - best.draws for r in smaller])
    wide = simultaneous(values, draws)
    low, high = wide.bounds(values)
    return {
        "arm": "dense",
        "diametersMm": list(config.floor_mm),
        "margin": config.floor_margin,
        "auroc": {name: _rounded(area) for name, area in by_reader.items()},
        "differences": [
            {
                "resolution": reader.side_px,
                "reference": config.largest_px,
                **_difference(by_reader[reader.name], best),
                "simultaneous95": [round(float(low[i]), 4), round(float(high[i]), 4)],
                "verdict": verdict(float(low[i]), float(high[i]), config.floor_margin),
            }
            for i, reader in enumerate(smaller)
        ],
    }


def control(found: dict[Key, Area], config: StudyConfig) -> list[dict[str, Any]]:
    """The gain by enlarging alone: the reduced film on the large grid, compared with the small and the large side."""
    small, large = f"r{config.enlarged_px}", f"r{config.largest_px}"
    enlarged = f"{small}as{config.largest_px}"
    records = []
    for condition in config.conditions:
        if condition.arm == "sham":
            continue
        a, b, c = (found[name, condition.name] for name in (small, enlarged, large))
        gained, all_ = b.value - a.value, c.value - a.value
        records.append(
            {
                "arm": condition.arm,
                "diameterMm": condition.diameter_mm,
                "enlargedMinusLargest": _difference(b, c),
                "enlargedMinusSmall": _difference(b, a),
                "recoveredShare": round(gained / all_, 3) if _sure(c, a) else None,
            }
        )
    return records


def _sure(a: Area, b: Area) -> bool:
    """Whether a difference is above zero, so that a share of it is meaningful."""
    low, _ = ci95(a.draws - b.draws, a.value - b.value)
    return low > 0


def _rounded(area: Area) -> dict[str, Any]:
    value = round(area.value, 4)
    return {"value": value, "ci95": ci95(area.draws, value)}


def _difference(a: Area, b: Area) -> dict[str, Any]:
    value = round(a.value - b.value, 4)
    return {"difference": value, "ci95": ci95(a.draws - b.draws, value)}
