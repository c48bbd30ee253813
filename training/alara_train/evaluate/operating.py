"""Operating points: chosen on some films, measured on others, with intervals by patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from alara_train.data.films import Bools, Floats, Ints
from alara_train.errors import UserError
from alara_train.evaluate.auroc import WeightedRoc, weighted_roc
from alara_train.evaluate.intervals import share
from alara_train.evaluate.resample import Resamples, single_draw

SENSITIVITY, SPECIFICITY = 0.90, 0.95
RULES = {
    "sensitive": f"the highest threshold with a sensitivity of at least {SENSITIVITY:.2f}",
    "balanced": "the greatest sum of sensitivity and specificity (Youden's index)",
    "specific": f"the lowest threshold with a specificity of at least {SPECIFICITY:.2f}",
}
"""How each operating point chooses its threshold."""
POINTS = tuple(RULES)
BAND = (0.1, 0.9)
"""Quantiles of the threshold over resampled patients between which a call is indeterminate."""
ABSENT, INDETERMINATE, PRESENT = 0, 1, 2
Record = dict[str, object]


class NoSuchPoint(UserError):
    """A catalog does not have an operating point; the message says how it gets one."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold on calibrated probability, and its indeterminate band."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, head: Mapping[str, Any], point: str) -> Threshold:
        """The threshold of a head of a catalog; the only one of a catalog of an earlier version is `balanced`.

        Raises:
            NoSuchPoint: The head does not have this operating point.
        """
        old = (
            {"balanced": {**head["threshold"], "threshold": head["threshold"]["value"]}} if "threshold" in head else {}
        )
        found = head.get("operatingPoints", old).get(point)
        if found is None:
            raise NoSuchPoint(f"the catalog has no operating point {point}: run alara-train calibrate")
        return cls(found["threshold"], found["low"], found["high"])

    def reached(self, probability: Floats) -> Bools:
        """Whether each probability reaches the threshold; NaN does not."""
        reached: Bools = probability >= self.value
        return reached

    def calls(self, probability: Floats) -> Ints:
        """Call each probability as serving does: absent, indeterminate (both ends included) or present."""
        band = (self.low < self.high) & (probability >= self.low) & (probability <= self.high)
        return np.where(band, INDETERMINATE, np.where(self.reached(probability), PRESENT, ABSENT))


def step(curve: WeightedRoc, point: str) -> Ints:
    """The step of the curve at which a rule puts the threshold, in each draw."""
    if point == "balanced":
        return curve.youden()
    return curve.at_sensitivity(SENSITIVITY) if point == "sensitive" else curve.at_specificity(SPECIFICITY)


def threshold(curve: WeightedRoc, at: Ints, highest: float) -> Floats:
    """Probability midway between a step and the next lower film, so that no film equals the threshold: [D].

    The step that calls no film with the finding lies between the highest of these films and the `highest` of all, so
    that a calibration whose probabilities never come near 1 can still reach the threshold.
    """
    values = np.append(curve.values, max(highest, float(np.nextafter(curve.values[-1], 2.0))))
    lower = np.append(np.maximum(curve.lower, 0.0), curve.values[-1])
    middle: Floats = (values[at] + lower[at]) / 2
    return middle


def choose(probability: Floats, labels: Ints, resamples: Resamples) -> dict[str, Threshold]:
    """Choose the threshold of every operating point on these films.

    The band is the interval `BAND` of the threshold that the same rule chooses in each resample of patients, widened
    to contain the threshold.
    """
    whole, drawn = (
        weighted_roc(probability, labels, single_draw(len(labels))),
        weighted_roc(probability, labels, resamples),
    )
    highest = float(probability[labels >= 0].max())
    chosen = {}
    for point in POINTS:
        value = float(threshold(whole, step(whole, point), highest)[0])
        low, high = (float(q) for q in np.quantile(threshold(drawn, step(drawn, point), highest), BAND))
        chosen[point] = Threshold(value, min(low, value), max(high, value))
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """The measured films at one operating point, by thresholds that were chosen on other films."""

    reached: Bools
    """[N]: whether the probability reaches the threshold."""
    calls: Ints
    """[N]: absent, indeterminate or present, by the band of that threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One operating point: the served threshold, and the results of the rule on other films."""

    threshold: Threshold
    called: Called
    achieved: dict[str, Record]
    """sensitivity, specificity, ppv, npv and indeterminate: value, interval, and denominator in films."""

    def number(self, name: str) -> float:
        """One of the achieved rates, as a number."""
        return float(str(self.achieved[name]["value"]))


def achieved(called: Called, labels: Ints, resamples: Resamples, prevalence: float) -> dict[str, Record]:
    """Rates of the calls of the films with a known label, with intervals by patient.

    Sensitivity, specificity and predictive values are of films that reach the threshold. Predictive values are at
    `prevalence`, by Bayes' rule. A rate without a denominator is None.
    """
    known = labels >= 0
    group = np.where(known, 2 * (labels == 1) + called.reached, -1)
    tn, fp, fn, tp = resamples.sums(group, 4).astype(np.float64)
    counts = np.bincount(group[known], minlength=4).astype(np.float64)
    band = np.where(known, called.calls == INDETERMINATE, -1)
    certain, inside = resamples.sums(band, 2).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        hit, spared = tp / (tp + fn), tn / (tn + fp)
        hit_all, spared_all = counts[3] / (counts[2] + counts[3]), counts[0] / (counts[0] + counts[1])
        reached, below = counts[1] + counts[3], counts[0] + counts[2]
        ppv = _bayes(hit_all, 1 - spared_all, prevalence) if reached else 0.0
        npv = _bayes(spared_all, 1 - hit_all, 1 - prevalence) if below else 0.0
        return {
            "sensitivity": share(hit, float(counts[3]), float(counts[2] + counts[3])),
            "specificity": share(spared, float(counts[0]), float(counts[0] + counts[1])),
            "ppv": share(_bayes(hit, 1 - spared, prevalence), float(ppv) * reached, reached),
            "npv": share(_bayes(spared, 1 - hit, 1 - prevalence), float(npv) * below, below),
            "indeterminate": share(inside / (inside + certain), float((band == 1).sum()), float(known.sum())),
        }


def _bayes(right: Floats, wrong: Floats, prior: float) -> Floats:
    """Share of right calls among calls that `right` of one class and `wrong` of the other get."""
    posterior: Floats = right * prior / (right * prior + wrong * (1 - prior))
    return posterior
