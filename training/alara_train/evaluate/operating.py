"""Operating points: chosen on some films, measured on others, with intervals by patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alara_train.data.films import Bools, Floats, Ints
from alara_train.evaluate.auroc import WeightedRoc, weighted_roc
from alara_train.evaluate.intervals import share
from alara_train.evaluate.resample import Resamples, single_draw

POINTS = ("youden", "sensitivity95", "specificity95")
TARGET = 0.95
Record = dict[str, object]


def step(curve: WeightedRoc, point: str) -> Ints:
    """The step of the curve at which a rule puts the threshold, in each draw."""
    if point == "youden":
        return curve.youden()
    return curve.at_sensitivity(TARGET) if point == "sensitivity95" else curve.at_specificity(TARGET)


def threshold(curve: WeightedRoc, at: Ints) -> Floats:
    """Probability midway between a step and the next lower film, so that no film equals the threshold: [D]."""
    values = np.append(curve.values, 1.0)
    lower = np.append(np.maximum(curve.lower, 0.0), curve.values[-1])
    middle: Floats = (values[at] + lower[at]) / 2
    return middle


def chosen_threshold(probability: Floats, labels: Ints, point: str) -> float:
    """The threshold that a rule chooses on these films."""
    curve = weighted_roc(probability, labels, single_draw(len(labels)))
    return float(threshold(curve, step(curve, point))[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One operating point: the served threshold, its uncertainty, and its results on other films."""

    value: float
    low: float
    high: float
    """10th and 90th percentile over resampled patients, widened to contain the value."""
    achieved: dict[str, Record]
    """sensitivity, specificity, ppv, npv: value, interval, and denominator in films."""
    rechosen: dict[str, list[float]]
    """95 % intervals of sensitivity and specificity with a threshold per resample."""

    def number(self, name: str) -> float:
        """One of the achieved rates, as a number."""
        return float(str(self.achieved[name]["value"]))


def achieved(calls: Bools, labels: Ints, resamples: Resamples) -> dict[str, Record]:
    """Sensitivity, specificity and predictive values of calls [N], with intervals by patient."""
    group = np.where(labels < 0, -1, 2 * (labels == 1) + calls)
    tn, fp, fn, tp = resamples.sums(group, 4).astype(np.float64)
    counts = np.bincount(group[group >= 0], minlength=4)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "sensitivity": share(tp / (tp + fn), float(counts[3]), float(counts[2] + counts[3])),
            "specificity": share(tn / (tn + fp), float(counts[0]), float(counts[0] + counts[1])),
            "ppv": share(tp / (tp + fp), float(counts[3]), float(counts[1] + counts[3])),
            "npv": share(tn / (tn + fn), float(counts[0]), float(counts[0] + counts[2])),
        }


def operating_points(
    served: tuple[Floats, Ints, Resamples], calls: dict[str, Bools], labels: Ints, resamples: Resamples
) -> dict[str, Point]:
    """Measure the three points.

    Args:
        served: Calibrated probability and labels of the films that the served thresholds are chosen on, and
            resamples of their patients.
        calls: Per point, the calls [N] of the measured films by thresholds that were chosen on other films.
        labels: [N] of the measured films.
        resamples: Resamples of the patients of the measured films.
    """
    probability, known, again = served
    curve = weighted_roc(probability, known, again)
    points: dict[str, Point] = {}
    for point in POINTS:
        value = chosen_threshold(probability, known, point)
        steps = step(curve, point)
        low, high = (float(q) for q in np.quantile(threshold(curve, steps), [0.1, 0.9]))
        sensitivity, specificity = curve.rates(steps)
        points[point] = Point(
            value=value,
            low=min(low, value),
            high=max(high, value),
            achieved=achieved(calls[point], labels, resamples),
            rechosen={
                "sensitivity": [round(float(q), 4) for q in np.nanquantile(sensitivity, [0.025, 0.975])],
                "specificity": [round(float(q), 4) for q in np.nanquantile(specificity, [0.025, 0.975])],
            },
        )
    return points
