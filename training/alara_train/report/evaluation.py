"""`evaluation.json`: the basis of the card, the figures and the policy."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from alara_train.evaluate.agreement import QUANTILES, agreements
from alara_train.evaluate.calibration import ISOTONIC_LEAST, record
from alara_train.evaluate.compare import comparisons, mean_comparisons, mean_estimate, simultaneous_record, within
from alara_train.evaluate.delong import normal_interval
from alara_train.evaluate.film_calls import film_calls
from alara_train.evaluate.intervals import ci95
from alara_train.evaluate.measure import THRESHOLD_DRAWS, HeadMeasured, Measured, VariantMeasured, auroc_record
from alara_train.evaluate.metrics import precision_recall_points, reliability, roc_points
from alara_train.evaluate.operating import BAND, RULES, Point
from alara_train.evaluate.resample import Resamples
from alara_train.evaluate.strata import WithinStrata
from alara_train.evaluate.subgroups import FEWEST, measured_in, subgroups
from alara_train.report.catalog import EVALUATION

Record = dict[str, object]
SCHEMA = EVALUATION
POOLING = {
    "crossValidated": "pooled out-of-fold logits of the patient folds, not rescaled",
    "heldOut": "one test split; calibration and thresholds from the validation split",
    "served": "films of the caller; calibration and thresholds of the catalog",
}
BASELINES = {
    "viewAndCollection": "log odds given view and source collection, from other films; no pixels",
    "view": "log odds given view, from other films; no pixels",
}
CHOSEN_ON = {"crossValidated": "out-of-fold scores", "heldOut": "the validation films"}
SPREAD = "the {:.0f}th and {:.0f}th percentile of the threshold chosen anew in resamples of patients".format(
    *(100 * q for q in BAND)
)
METHODS_USED = {
    "auroc": f"percentile interval over resamples of patients; DeLong's beside it, which takes films for independent. "
    f"Subgroups use the first {THRESHOLD_DRAWS} resamples.",
    "operatingPoints": "; ".join(f"{name}: {rule}" for name, rule in RULES.items())
    + ". Thresholds are on calibrated probability, midway between two films. Rates are of calls by thresholds that "
    "were chosen on other films; ppv and npv are at the prevalence of the films of the calibration. `low` and `high`: "
    f"{SPREAD}; `indeterminate` is the share of films in the band of other films.",
    "calls": "present: above `high`; indeterminate: from `low` to `high`, both of thresholds that were chosen on other "
    "films. Films without findings have none of them by their labels.",
    "calibration": f"Platt, beta, or isotonic with at least {ISOTONIC_LEAST} films of each class, by cross-validated "
    "log loss over all variants: one with more parameters must win by more than a standard error. Before: the logistic "
    "of the raw score. After: by a fit on other films.",
    "reliability": "ten bins of equal count; ece is the mean gap over them, weighted by films.",
    "comparisons": "variant minus reference, same films and resamples. simultaneous95 holds for all findings and all "
    "pairs of its family at once. The policy follows withinStrata alone.",
    "withinStrata": "AUROC over the pairs of films of one view and collection, strata weighted by their pairs; strata "
    "without both classes are left out and counted. Same resamples of patients, same correction.",
    "agreement": "lower precision minus fp32 in calibrated probability, at the quantiles "
    + ", ".join(str(q) for q in QUANTILES),
    "subgroups": f"a mean is over the findings with at least {FEWEST} films with and without.",
}


def evaluation(
    measured: Measured, *, family: str, date: str, extra: dict[str, Any] | None = None, margin: float = 0.01
) -> dict[str, Any]:
    """Write the evaluation.

    Args:
        measured: The measured family.
        family: The name of the family.
        date: Date of the measurement.
        extra: Keys that other code measures: recipe, gate, originalsAgainstSmall, torchAgainstOnnx.
        margin: Loss of AUROC that a verdict of non-inferiority accepts.
    """
    films, inside = measured.films, measured.design.measured
    few = measured.resamples.first(THRESHOLD_DRAWS)
    groups = subgroups(films, inside)
    best = max(measured.variants, key=lambda v: v.mean_auroc)
    names, counts = np.unique(films.collection[inside], return_counts=True)
    return {
        "schema": SCHEMA,
        "family": family,
        "date": date,
        "protocol": measured.design.protocol,
        "pooling": POOLING[measured.design.protocol],
        "bootstraps": measured.resamples.draws,
        "films": int(inside.sum()),
        "patients": len(set(films.patients[inside].tolist())),
        "collections": {str(name): int(n) for name, n in zip(names, counts, strict=True)},
        "findings": list(measured.findings),
        "margin": margin,
        "methods": METHODS_USED,
        **(extra or {}),
        "baseline": _baseline(measured, "viewAndCollection", groups, few),
        "viewBaseline": _baseline(measured, "view", groups, few),
        "variants": {v.id: _variant(v, measured, best, groups, few) for v in measured.variants},
        "comparisons": comparisons(measured, margin),
        "meanComparisons": mean_comparisons(measured, margin),
        "simultaneous": simultaneous_record(measured),
        "agreement": agreements(measured),
        **({"notServed": list(measured.not_served)} if measured.not_served else {}),
    }


def _baseline(measured: Measured, name: str, groups: dict[str, Any], few: Resamples) -> Record:
    logits, inside = measured.baselines[name], measured.design.measured
    return {
        "what": BASELINES[name],
        "meanAuroc": measured_in(logits, measured.labels, inside, measured.findings, measured.resamples),
        "subgroups": {
            group: measured_in(logits, measured.labels, rows, measured.findings, few) for group, rows in groups.items()
        },
    }


def _variant(
    variant: VariantMeasured, measured: Measured, best: VariantMeasured, groups: dict[str, Any], few: Resamples
) -> Record:
    value = round(variant.mean_auroc, 4)
    behind = round(variant.mean_auroc - best.mean_auroc, 4)
    logits = variant.scored.logits
    return {
        "resolution": variant.scored.resolution,
        "precision": variant.scored.precision,
        "meanAuroc": {
            "value": value,
            "ci95": ci95(variant.draws, value),
            "films": int(measured.design.measured.sum()),
        },
        **({"meanWithinStrata": _mean_within(variant)} if mean_estimate(variant, within) else {}),
        "meanAgainstBest": {
            "reference": best.id,
            "difference": behind,
            "ci95": ci95(variant.draws - best.draws, behind),
        },
        "subgroups": {
            group: measured_in(logits, measured.labels, rows, measured.findings, few) for group, rows in groups.items()
        },
        "findings": {
            finding: _head(variant.heads[finding], logits[:, j], measured.labels[:, j])
            for j, finding in enumerate(measured.findings)
        },
        "calls": {
            point: film_calls(variant, measured, point, few) for point in next(iter(variant.heads.values())).points
        },
    }


def _mean_within(variant: VariantMeasured) -> Record:
    estimate = mean_estimate(variant, within)
    assert estimate is not None
    value = round(estimate[0], 4)
    return {
        "value": value,
        "ci95": ci95(estimate[1], value),
        "findings": [finding for finding, head in variant.heads.items() if head.within],
    }


def _head(head: HeadMeasured, scores: Any, labels: Any) -> Record:
    known = labels >= 0
    z, y, p = scores[known], labels[known], head.probability[known]
    value = round(head.auroc, 4)
    precision = round(head.average_precision, 4)
    low, high = normal_interval(head.auroc, head.delong_error)
    raw = 1 / (1 + np.exp(-z))
    document: Record = {
        "auroc": {
            "value": value,
            "ci95": ci95(head.draws, value),
            "delongCi95": [round(max(low, 0.0), 4), round(min(high, 1.0), 4)],
        },
        **({"withinStrata": _within(head.within)} if head.within else {}),
        "averagePrecision": precision,
        "averagePrecisionCi95": ci95(head.precision_draws, precision),
        "positives": head.positives,
        "negatives": head.negatives,
        "roc": roc_points(z, y, 51),
        "precisionRecall": precision_recall_points(z, y),
        "operatingPoints": {
            name: {
                "threshold": round(point.threshold.value, 6),
                "low": round(point.threshold.low, 6),
                "high": round(point.threshold.high, 6),
                **point.achieved,
            }
            for name, point in head.points.items()
        },
        "calibration": {
            **record(head.served),
            "logLoss": {method: round(loss, 5) for method, loss in head.log_losses.items()},
        },
        "reliability": _bins(p, y),
        "reliabilityBefore": _bins(raw, y),
        "ece": {"before": round(head.ece_before, 4), "after": round(head.ece_after, 4)},
        "brier": {"before": round(head.brier_before, 4), "after": round(head.brier_after, 4)},
        "aboveBaseline": {
            name: {"difference": round(value, 4), "ci95": ci95(draws, round(value, 4))}
            for name, (value, draws) in head.above_baseline.items()
        },
    }
    if head.fold_aurocs:
        document["foldAverage"] = {
            "value": round(float(np.mean(head.fold_aurocs)), 4),
            "folds": [round(v, 4) for v in head.fold_aurocs],
        }
    return document


def _within(found: WithinStrata) -> Record:
    value = round(found.auroc, 6)
    return {
        "value": value,
        "ci95": ci95(found.draws, value),
        "pairs": found.pairs,
        "strata": found.strata,
        "leftOut": found.left_out,
    }


def _bins(probability: Any, labels: Any) -> list[Record]:
    return [{"probability": p, "share": share, "films": n} for p, share, n in reliability(probability, labels)]


def catalog_head(measured: Measured, variant: VariantMeasured, finding: str) -> Record:
    """One finding of one variant, as the catalog's `Head`."""
    head, protocol = variant.heads[finding], measured.design.protocol
    inside = _within(head.within) if head.within else None
    return {
        "auroc": auroc_record(head.auroc, head.draws, head.positives, head.negatives, protocol),
        **({"withinStrata": {"value": inside["value"], "ci95": inside["ci95"]}} if inside else {}),
        "calibration": record(head.served),
        "operatingPoints": {
            name: _catalog_point(point, f"{RULES[name]} on {CHOSEN_ON[protocol]}")
            for name, point in head.points.items()
        },
        "ece": round(head.ece_after, 6),
        "prevalence": measured.prevalence(finding),
    }


def _catalog_point(point: Point, rule: str) -> Record:
    """The threshold as served; a rate without a denominator is absent."""
    rates = {
        "sensitivity": point.achieved["sensitivity"],
        "specificity": point.achieved["specificity"],
        "positivePredictiveValue": point.achieved["ppv"],
        "negativePredictiveValue": point.achieved["npv"],
    }
    return {
        "threshold": point.threshold.value,
        "low": point.threshold.low,
        "high": point.threshold.high,
        **{
            name: {"value": rate["value"], "ci95": rate["ci95"]}
            for name, rate in rates.items()
            if rate["value"] is not None
        },
        "indeterminate": point.achieved["indeterminate"]["value"],
        "method": f"{rule}; low and high are {SPREAD}; rates are of calls by thresholds chosen on other films",
    }


def dumps(document: dict[str, Any]) -> str:
    """Indent by one, with every list of plain numbers on one line, which halves the size and keeps diffs readable."""
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    flat = re.sub(r"\[\s+([-\d.e,\s]+?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m.group(1)) + "]", text)
    flat = re.sub(r"\{\s+([^{}\[\]]{1,90}?)\s+\}", lambda m: "{" + re.sub(r",\s+", ", ", m.group(1)) + "}", flat)
    return flat + "\n"
