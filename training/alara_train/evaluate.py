"""What every variant measured, out of fold, as plain records for the catalog and `evaluation.json`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from alara_train.calibrate import METHOD, OperatingPoint, Platt, fit_platt, operating_point
from alara_train.data import FINDINGS, Bools, Films, Floats, Ints
from alara_train.metrics import (
    auroc,
    average_precision,
    brier,
    ece,
    interval,
    patient_weights,
    reliability,
    roc_points,
    weighted_auroc,
)

Record = dict[str, object]
PROTOCOL = "crossValidated"
POOLING = "pooled out-of-fold logits of the five patient folds, not rescaled"
FEWEST = 5
"""A subgroup with fewer films of either class gets no AUROC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMeasured:
    """One finding of one variant."""

    auroc: float
    draws: Floats
    """AUROC of every resample of patients; the same resamples for every variant."""
    platt: Platt
    point: OperatingPoint
    ece: float
    brier_before: float
    """Of the logistic of the raw logit."""
    brier_after: float
    ece_before: float
    probability: Floats
    """Calibrated, [N]; each film's by the calibration of the other folds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantMeasured:
    """One variant, out of fold."""

    id: str
    logits: Floats
    heads: dict[str, HeadMeasured] = field(default_factory=dict)

    @property
    def draws(self) -> Floats:
        """Mean AUROC of the findings in every resample."""
        mean: Floats = np.mean([head.draws for head in self.heads.values()], axis=0)
        return mean

    @property
    def mean_auroc(self) -> float:
        """Mean AUROC of the findings."""
        return float(np.mean([head.auroc for head in self.heads.values()]))


def measure_variant(id_: str, logits: Floats, films: Films, weights: npt.NDArray[np.int16]) -> VariantMeasured:
    """Measure out-of-fold logits [N, 14] with resamples of patients, weights [draws, N]."""
    variant = VariantMeasured(id=id_, logits=logits)
    for j, finding in enumerate(FINDINGS):
        z, y = logits[:, j], films.labels[:, j]
        platt = fit_platt(z, y)
        crossed = np.empty(len(z))
        for number in films.folds:
            inside = films.fold == number
            crossed[inside] = fit_platt(z[~inside], y[~inside])(z[inside])
        raw = Platt(1.0, 0.0)(z)
        variant.heads[finding] = HeadMeasured(
            auroc=auroc(z, y),
            draws=weighted_auroc(z, y, weights),
            platt=platt,
            point=operating_point(platt(z), y, weights[:500]),
            ece=ece(crossed, y),
            ece_before=ece(raw, y),
            brier_before=brier(raw, y),
            brier_after=brier(crossed, y),
            probability=crossed,
        )
    return variant


def ci95(draws: Floats, value: float) -> list[float]:
    """Central 95 % of the draws, rounded, widened to contain the value."""
    low, high = interval(draws, value)
    return [min(round(low, 4), value), max(round(high, 4), value)]


def compare(variant: VariantMeasured, reference: VariantMeasured, finding: str) -> Record:
    """Paired AUROC difference, variant minus reference, on the same films and resamples."""
    ours, theirs = variant.heads[finding], reference.heads[finding]
    difference = round(ours.auroc - theirs.auroc, 6)
    return {
        "finding": finding,
        "variant": variant.id,
        "reference": reference.id,
        "difference": difference,
        "ci95": ci95(ours.draws - theirs.draws, difference),
        "protocol": PROTOCOL,
    }


def comparisons(variants: list[VariantMeasured]) -> list[Record]:
    """Compare every variant with the finding's best and with every variant of its own precision, and fp32 with int8.

    Both directions are written out, so that whichever is the reference can be looked up.
    """
    records: list[Record] = []
    for finding in FINDINGS:
        best = max(variants, key=lambda v: v.heads[finding].auroc)
        for a in variants:
            for b in variants:
                same_side = a.id.split("-")[0] == b.id.split("-")[0]
                same_precision = a.id.split("-")[1] == b.id.split("-")[1]
                if a is not b and (b is best or same_side or same_precision):
                    records.append(compare(a, b, finding))
    return records


def head_record(head: HeadMeasured, labels: npt.NDArray[np.int64]) -> Record:
    """One finding of one variant, as the catalog's `Head`."""
    value = round(head.auroc, 6)
    point = head.point
    return {
        "auroc": {
            "value": value,
            "ci95": ci95(head.draws, value),
            "positives": int(labels.sum()),
            "negatives": int((1 - labels).sum()),
            "protocol": PROTOCOL,
        },
        "calibration": {"method": "platt", "slope": head.platt.slope, "intercept": head.platt.intercept},
        "threshold": {
            "value": point.value,
            "low": point.low,
            "high": point.high,
            "sensitivity": round(point.sensitivity, 6),
            "specificity": round(point.specificity, 6),
            "method": METHOD,
        },
        "ece": round(head.ece, 6),
        "prevalence": float(labels.mean()),
    }


def subgroups(films: Films) -> dict[str, Bools]:
    """Films by view and by source collection; collections of under 50 films are left out."""
    groups: dict[str, Bools] = {f"view {view}": films.view == view for view in sorted(set(films.view.tolist()))}
    for name in sorted(set(films.collection.tolist())):
        if int((films.collection == name).sum()) >= 50:
            groups[f"collection {name}"] = films.collection == name
    return groups


def mean_auroc(logits: Floats, films: Films, inside: Bools, weights: npt.NDArray[np.int16]) -> Record:
    """Mean AUROC over the findings that a subgroup has at least `FEWEST` films with and without."""
    values, draws, used = [], [], []
    for j, finding in enumerate(FINDINGS):
        y = films.labels[inside, j]
        if min(int(y.sum()), int((1 - y).sum())) >= FEWEST:
            values.append(auroc(logits[inside, j], y))
            draws.append(weighted_auroc(logits[inside, j], y, weights[:, inside]))
            used.append(finding)
    if not used:
        return {"films": int(inside.sum()), "findings": []}
    value = round(float(np.mean(values)), 4)
    return {
        "value": value,
        "ci95": ci95(np.nanmean(draws, axis=0), value),
        "films": int(inside.sum()),
        "findings": used,
        "byFinding": {finding: round(v, 4) for finding, v in zip(used, values, strict=True)},
    }


def baseline_logits(films: Films) -> Floats:
    """No pixels at all: log odds of every finding given view and collection, from the other folds.

    Small collections are one group; counts are smoothed by ten films of the overall prevalence.
    """
    names, sizes = np.unique(films.collection, return_counts=True)
    large = set(names[sizes >= 50].tolist())
    group = np.array(
        [
            f"{view}/{source if source in large else 'small'}"
            for view, source in zip(films.view.tolist(), films.collection.tolist(), strict=True)
        ]
    )
    logits = np.zeros(films.labels.shape)
    for number in films.folds:
        train, test = films.fold != number, films.fold == number
        overall = films.labels[train].mean(axis=0)
        for name in set(group[test].tolist()):
            rows = films.labels[train & (group == name)]
            share = (rows.sum(axis=0) + 10 * overall + 1e-3) / (len(rows) + 10 + 2e-3)
            logits[test & (group == name)] = np.log(share / (1 - share))
    return logits


def resamples(films: Films, draws: int, seed: int) -> npt.NDArray[np.int16]:
    """Draw the patients once for the whole evaluation."""
    return patient_weights(films.patients, draws, seed)


def variant_record(variant: VariantMeasured, films: Films, weights: npt.NDArray[np.int16]) -> Record:
    """Everything behind the plots of one variant."""
    findings: Record = {}
    for j, finding in enumerate(FINDINGS):
        head, y = variant.heads[finding], films.labels[:, j]
        value = round(head.auroc, 4)
        findings[finding] = {
            "auroc": {"value": value, "ci95": ci95(head.draws, value)},
            "averagePrecision": round(average_precision(variant.logits[:, j], y), 4),
            "positives": int(y.sum()),
            "roc": roc_points(variant.logits[:, j], y, 51),
            "operatingPoint": {
                "threshold": round(head.point.value, 6),
                "low": round(head.point.low, 6),
                "high": round(head.point.high, 6),
                "sensitivity": round(head.point.sensitivity, 4),
                "specificity": round(head.point.specificity, 4),
            },
            "reliability": [
                {"probability": p, "share": share, "films": n} for p, share, n in reliability(head.probability, y)
            ],
            "ece": {"before": round(head.ece_before, 4), "after": round(head.ece, 4)},
            "brier": {"before": round(head.brier_before, 4), "after": round(head.brier_after, 4)},
        }
    value = round(variant.mean_auroc, 4)
    few = weights[:1000]
    return {
        "meanAuroc": {"value": value, "ci95": ci95(variant.draws, value), "films": len(films)},
        "subgroups": {
            name: mean_auroc(variant.logits, films, inside, few) for name, inside in subgroups(films).items()
        },
        "findings": findings,
    }


def baseline_record(films: Films, weights: npt.NDArray[np.int16]) -> Record:
    """The no-pixel baseline, a finding at a time and in the mean, with the same subgroups."""
    logits = baseline_logits(films)
    record: Record = {"what": "log odds given view and source collection, from the other folds; no pixels"}
    record["meanAuroc"] = mean_auroc(logits, films, np.ones(len(films), dtype=bool), weights)
    record["subgroups"] = {
        name: mean_auroc(logits, films, inside, weights[:1000]) for name, inside in subgroups(films).items()
    }
    return record


def native_change(variant: VariantMeasured, originals: Floats, rows: Ints) -> Record:
    """How far calibrated probability moves when the original is read in place of its small JPEG.

    Both logits are out of fold: originals [m, 14], and those of the films `rows` [m].
    """
    change = np.array(
        [
            np.abs(head.platt(originals[:, j]) - head.platt(variant.logits[rows, j]))
            for j, head in enumerate(variant.heads.values())
        ]
    )
    return {"meanAbsolute": round(float(change.mean()), 4), "maxAbsolute": round(float(change.max()), 4)}


def agreement(fp32: VariantMeasured, int8: VariantMeasured) -> Record:
    """How far int8 is from fp32 in calibrated out-of-fold probability, a finding at a time."""
    record: Record = {}
    for j, finding in enumerate(FINDINGS):
        a, b = fp32.heads[finding].probability, int8.heads[finding].probability
        record[finding] = {
            "meanAbsolute": round(float(np.abs(a - b).mean()), 4),
            "maxAbsolute": round(float(np.abs(a - b).max()), 4),
            "correlation": round(float(np.corrcoef(fp32.logits[:, j], int8.logits[:, j])[0, 1]), 4),
        }
    return record
