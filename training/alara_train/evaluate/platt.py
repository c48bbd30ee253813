"""From a logit to a probability, by Platt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from alara_train.data.films import Floats, Ints
from alara_train.errors import UserError


class Uncalibratable(UserError):
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
