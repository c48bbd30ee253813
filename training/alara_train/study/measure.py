"""AUROC per diameter, arm and reader, and paired differences from the largest side, with patients resampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alara_train.data.films import Floats
from alara_train.evaluate.auroc import auroc, auroc_draws
from alara_train.evaluate.intervals import ci95, simultaneous, verdict
from alara_train.evaluate.resample import Resamples, resample
from alara_train.study.config import Condition, Reader, StudyConfig

Key = tuple[str, str]
"""Reader and condition."""


@dataclass(frozen=True, slots=True)
class AurocEstimate:
    """An AUROC, averaged over placements, and its value per resample."""

    value: float
    draws: Floats


def auroc_estimates(
    untouched: dict[str, Floats],
    with_nodule: dict[Key, list[Floats]],
    patients: npt.NDArray[np.str_],
    draws: int,
    seed: int,
) -> dict[Key, AurocEstimate]:
    """Compare scores of films with a nodule, one array [N] per placement, with scores of the same films untouched [N].

    All readers share the resamples of patients, and a resample contains both films of a pair. So differences are
    paired.
    """
    drawn = resample(patients, draws, seed)
    pairs = Resamples(drawn.counts, np.tile(drawn.owner, 2))
    labels = np.repeat([0, 1], len(patients))
    estimates: dict[Key, AurocEstimate] = {}
    for key, placements in with_nodule.items():
        pooled = [np.concatenate([untouched[key[0]], scores]) for scores in placements]
        value = float(np.mean([auroc(scores, labels) for scores in pooled]))
        resampled = [auroc_draws(scores, labels, pairs) for scores in pooled]
        estimates[key] = AurocEstimate(value, np.mean(resampled, axis=0))
    return estimates


def table(estimates: dict[Key, AurocEstimate], config: StudyConfig) -> list[dict[str, Any]]:
    """One record per condition and reader."""
    return [
        {
            "arm": condition.arm,
            "diameterMm": condition.diameter_mm,
            "reader": reader.name,
            "resolution": reader.side_px,
            "reducedTo": reader.through_px,
            "auroc": _rounded(estimates[reader.name, condition.name]),
        }
        for condition in config.conditions
        for reader in config.readers
    ]


def differences(estimates: dict[Key, AurocEstimate], config: StudyConfig) -> list[dict[str, Any]]:
    """The AUROC of each reader minus that of the largest side, per condition."""
    largest = f"r{config.largest_px}"
    return [
        {
            "arm": condition.arm,
            "diameterMm": condition.diameter_mm,
            "reader": reader.name,
            "reference": largest,
            **_difference(estimates[reader.name, condition.name], estimates[largest, condition.name]),
        }
        for condition in config.conditions
        for reader in config.readers
        if reader.name != largest
    ]


def floor_comparison(estimates: dict[Key, AurocEstimate], config: StudyConfig) -> dict[str, Any]:
    """The comparison that decides the resolution floor: the mean AUROC over `floor_mm` in the arm `dense`, per side."""
    chosen = [Condition("dense", mm) for mm in config.floor_mm]

    def mean(reader: Reader) -> AurocEstimate:
        parts = [estimates[reader.name, condition.name] for condition in chosen]
        return AurocEstimate(float(np.mean([p.value for p in parts])), np.mean([p.draws for p in parts], axis=0))

    by_reader = {reader.name: mean(reader) for reader in config.readers}
    best = by_reader[f"r{config.largest_px}"]
    smaller = [r for r in config.readers if r.through_px == r.side_px < config.largest_px]
    values = np.array([by_reader[r.name].value - best.value for r in smaller])
    draws = np.stack([by_reader[r.name].draws - best.draws for r in smaller])
    low, high = simultaneous(values, draws).bounds(values)
    return {
        "arm": "dense",
        "diametersMm": list(config.floor_mm),
        "margin": config.floor_margin,
        "auroc": {name: _rounded(estimate) for name, estimate in by_reader.items()},
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


def enlargement_control(estimates: dict[Key, AurocEstimate], config: StudyConfig) -> list[dict[str, Any]]:
    """Effect of the larger grid alone: the reduced and enlarged film, compared with the small and the large side."""
    small, large = f"r{config.enlarged_px}", f"r{config.largest_px}"
    enlarged = f"{small}as{config.largest_px}"
    records = []
    for condition in config.conditions:
        if condition.arm == "sham":
            continue
        at_small, at_enlarged, at_largest = (estimates[name, condition.name] for name in (small, enlarged, large))
        gained, possible = at_enlarged.value - at_small.value, at_largest.value - at_small.value
        records.append(
            {
                "arm": condition.arm,
                "diameterMm": condition.diameter_mm,
                "enlargedMinusLargest": _difference(at_enlarged, at_largest),
                "enlargedMinusSmall": _difference(at_enlarged, at_small),
                "recoveredShare": round(gained / possible, 3) if _is_larger(at_largest, at_small) else None,
            }
        )
    return records


def _is_larger(a: AurocEstimate, b: AurocEstimate) -> bool:
    """Whether the 95 % interval of `a` - `b` is above zero. Otherwise a share of the difference has no meaning."""
    low, _ = ci95(a.draws - b.draws, a.value - b.value)
    return low > 0


def _rounded(estimate: AurocEstimate) -> dict[str, Any]:
    value = round(estimate.value, 4)
    return {"value": value, "ci95": ci95(estimate.draws, value)}


def _difference(a: AurocEstimate, b: AurocEstimate) -> dict[str, Any]:
    value = round(a.value - b.value, 4)
    return {"difference": value, "ci95": ci95(a.draws - b.draws, value)}
