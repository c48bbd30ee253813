"""Subgroups of films."""

from __future__ import annotations

import numpy as np

from alara_train.data.films import Bools, Floats, Ints
from alara_train.evaluate.auroc import auroc, auroc_draws
from alara_train.evaluate.intervals import ci95
from alara_train.evaluate.resample import Resamples
from alara_train.evaluate.scored import VariantScores

AGES = ((0, 17), (18, 39), (40, 59), (60, 79), (80, 200))
FEWEST = 5
"""A finding with fewer films of either class gets no AUROC."""
SMALL = 50
"""Collections with fewer films are left out."""
Record = dict[str, object]


def age_band(low: int, high: int) -> str:
    """Name a band of years."""
    return f"age {low}+" if high >= 200 else f"age {low}-{high}"


def subgroups(scored: VariantScores, measured: Bools) -> dict[str, Bools]:
    """Name every group by view, sex, age band and source collection; masks over the films."""
    groups: dict[str, Bools] = {}
    for view in sorted(set(scored.view[measured].tolist()) - {""}):
        groups[f"view {view}"] = measured & (scored.view == view)
    for sex in sorted(set(scored.sex[measured].tolist()) - {""}):
        groups[f"sex {sex}"] = measured & (scored.sex == sex)
    for low, high in AGES:
        inside = measured & (scored.age >= low) & (scored.age <= high)
        if inside.any():
            groups[age_band(low, high)] = inside
    for name in sorted(set(scored.collection[measured].tolist()) - {""}):
        inside = measured & (scored.collection == name)
        if int(inside.sum()) >= SMALL:
            groups[f"collection {name}"] = inside
    return groups


def measured_in(logits: Floats, labels: Ints, inside: Bools, findings: tuple[str, ...], resamples: Resamples) -> Record:
    """AUROC of each finding inside a group, and their mean over the findings with `FEWEST` films of both classes.

    Patients are drawn from the whole sample, so that the size of a group varies between draws.
    """
    values: list[float] = []
    draws: list[Floats] = []
    used: list[str] = []
    counts: dict[str, int] = {}
    for j, finding in enumerate(findings):
        y = np.where(inside, labels[:, j], -1)
        positives = int((y == 1).sum())
        if min(positives, int((y == 0).sum())) >= FEWEST:
            values.append(auroc(logits[:, j], y))
            draws.append(auroc_draws(logits[:, j], y, resamples))
            used.append(finding)
            counts[finding] = positives
    if not used:
        return {"films": int(inside.sum()), "findings": []}
    value = round(float(np.mean(values)), 4)
    return {
        "value": value,
        "ci95": ci95(_mean_known(np.stack(draws)), value),
        "films": int(inside.sum()),
        "findings": used,
        "byFinding": {finding: round(v, 4) for finding, v in zip(used, values, strict=True)},
        "byFindingCi95": {finding: ci95(d, round(v, 4)) for finding, v, d in zip(used, values, draws, strict=True)},
        "positives": counts,
    }


def _mean_known(draws: Floats) -> Floats:
    """Mean over findings [F, D] in each draw, without findings that have only one class in it; NaN if none remains."""
    known = ~np.isnan(draws)
    count = known.sum(axis=0)
    mean: Floats = np.where(count > 0, np.where(known, draws, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return mean
