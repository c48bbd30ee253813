"""From a logit to a probability, and from a probability to a call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from alara_train.data import Floats, Ints


class Uncalibratable(ValueError):
    """The scores do not rise with the labels, so that no probability can be made of them."""


@dataclass(frozen=True, slots=True)
class Platt:
    """Probability = 1 / (1 + exp(-(slope * logit + intercept)))."""

    slope: float
    intercept: float

    def __call__(self, logits: Floats) -> Floats:
        """Calibrate logits of any shape."""
        probability: Floats = expit(self.slope * logits + self.intercept)
        return probability


def fit_platt(logits: Floats, labels: Ints) -> Platt:
    """Fit Platt's sigmoid to out-of-fold logits [N], with his smoothed targets (Platt 1999, section 2.2).

    Raises:
        Uncalibratable: The fitted slope is not positive.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = float(logits.mean()), float(logits.std()) or 1.0
    z = (logits - centre) / spread

    def loss(parameters: Floats) -> tuple[float, Floats]:
        u = parameters[0] * z + parameters[1]
        slack = expit(u) - target
        value = -(target * log_expit(u) + (1 - target) * log_expit(-u)).mean()
        return float(value), np.array([(slack * z).mean(), slack.mean()])

    start = np.array([1.0, np.log((positives + 1) / (negatives + 1))])
    a, b = minimize(loss, start, jac=True, method="BFGS").x
    if a <= 0:
        raise Uncalibratable(f"the Platt slope is {a / spread:.3g}: scores fall as the finding gets likelier")
    return Platt(slope=float(a / spread), intercept=float(b - a * centre / spread))


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold on calibrated probability; between `low` and `high` a call is indeterminate."""

    value: float
    low: float
    high: float
    sensitivity: float
    specificity: float


METHOD = (
    "Youden's index on out-of-fold calibrated probability; indeterminate between the 10th and the 90th "
    "percentile of the threshold over resampled patients, widened to contain it"
)


def youden(probability: Floats, labels: Ints, weights: npt.NDArray[np.int16]) -> Floats:
    """Youden's threshold of each weighted resample: [N], [N], [draws, N] give [draws].

    A threshold lies midway between two neighbouring films, so that no film is on the edge.
    """
    order = np.argsort(-probability, kind="stable")
    p = probability[order]
    w = weights[:, order].astype(np.float64)
    hits = np.cumsum(w * labels[order], axis=1)
    alarms = np.cumsum(w * (1 - labels[order]), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = hits / hits[:, -1:] - alarms / alarms[:, -1:]
    index[:, :-1][:, np.diff(p) == 0] = -np.inf
    best = np.argmax(index, axis=1)
    between = np.concatenate([(p[:-1] + p[1:]) / 2, p[-1:] / 2])
    thresholds: Floats = between[best]
    return thresholds


def operating_point(probability: Floats, labels: Ints, weights: npt.NDArray[np.int16]) -> OperatingPoint:
    """Choose the threshold and its band as `METHOD` says; `weights` [draws, N] come from patients."""
    value = float(youden(probability, labels, np.ones((1, len(labels)), dtype=np.int16))[0])
    low, high = (float(q) for q in np.quantile(youden(probability, labels, weights), [0.1, 0.9]))
    called = probability >= value
    return OperatingPoint(
        value=value,
        low=min(low, value),
        high=max(high, value),
        sensitivity=float(called[labels == 1].mean()),
        specificity=float((~called)[labels == 0].mean()),
    )
