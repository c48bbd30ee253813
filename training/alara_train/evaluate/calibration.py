"""From a score to a probability: Platt, beta or isotonic, chosen by cross-validated log loss.

A method with more parameters must beat the simpler one by more than the standard error of the paired difference in
log loss; otherwise noise would decide. A finding has the same method in all variants, so that routing does not change
the shape of its calibration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, log_expit

from alara_train.data.films import Bools, Floats, Ints
from alara_train.errors import UserError

METHODS = ("platt", "beta", "isotonic")
"""From the fewest parameters to the most."""
ISOTONIC_LEAST = 200
"""Isotonic steps need at least this many films with the finding, and without; with fewer they fit noise."""
Record = dict[str, object]


class Uncalibratable(UserError):
    """The scores do not rise with the labels, so they cannot be calibrated."""


@dataclass(frozen=True, slots=True)
class Platt:
    """Probability = 1 / (1 + exp(-(slope * logit + intercept)))."""

    slope: float
    intercept: float

    def __call__(self, logits: Floats) -> Floats:
        """Calibrate logits of any shape."""
        probability: Floats = expit(self.slope * logits + self.intercept)
        return probability


@dataclass(frozen=True, slots=True)
class Beta:
    """Beta calibration (Kull, Silva Filho and Flach, AISTATS 2017) of a standardised score.

    With u = (logit - centre) / scale and s = 1 / (1 + exp(-u)), the log odds are a ln(s) - b ln(1 - s) + c. With
    a = b this is Platt's sigmoid.
    """

    a: float
    b: float
    c: float
    centre: float
    scale: float

    def __call__(self, logits: Floats) -> Floats:
        """Calibrate logits of any shape."""
        u = (logits - self.centre) / self.scale
        probability: Floats = expit(self.a * log_expit(u) - self.b * log_expit(-u) + self.c)
        return probability


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising line through the means of pooled neighbours; flat beyond its ends."""

    x: Floats
    y: Floats

    def __call__(self, logits: Floats) -> Floats:
        """Calibrate logits of any shape."""
        probability: Floats = np.interp(logits, self.x, self.y)
        return probability


Calibrator = Platt | Beta | Isotonic


def smoothed(labels: Ints) -> Floats:
    """Platt's targets (1999, section 2.2), which keep every probability strictly between 0 and 1."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def fit_platt(logits: Floats, labels: Ints) -> Platt:
    """Fit Platt's sigmoid to out-of-fold logits [N], with his smoothed targets (Platt 1999, section 2.2).

    Raises:
        Uncalibratable: The fitted slope is not positive.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    target = smoothed(labels)
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


def fit_beta(logits: Floats, labels: Ints) -> Beta:
    """Fit by maximum likelihood with a and b held at zero or above, so that the map never falls.

    Raises:
        Uncalibratable: Both are zero: the scores do not rise with the labels.
    """
    target = smoothed(labels)
    centre, scale = float(logits.mean()), float(logits.std()) or 1.0
    u = (logits - centre) / scale
    columns = np.stack([log_expit(u), -log_expit(-u), np.ones(len(u))])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        odds = parameters @ columns
        value = -(target * log_expit(odds) + (1 - target) * log_expit(-odds)).mean()
        return float(value), columns @ (expit(odds) - target) / len(u)

    start = np.array([1.0, 1.0, np.log(target.mean() / (1 - target.mean()))])
    a, b, c = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)]).x
    if a + b <= 1e-9:
        raise Uncalibratable("both beta slopes are zero: scores do not rise as the finding gets likelier")
    return Beta(float(a), float(b), float(c), centre, scale)


def fit_isotonic(logits: Floats, labels: Ints) -> Isotonic:
    """Pool adjacent violators on smoothed targets, joined by straight lines to avoid equal probabilities."""
    order = np.argsort(logits, kind="stable")
    fit = isotonic_regression(smoothed(labels)[order])
    starts = np.asarray(fit.blocks)
    z = logits[order]
    centres = np.add.reduceat(z, starts[:-1]) / np.diff(starts)
    levels = np.asarray(fit.x)[starts[:-1]]
    return Isotonic(centres, levels)


FITS: dict[str, Callable[[Floats, Ints], Calibrator]] = {
    "platt": fit_platt,
    "beta": fit_beta,
    "isotonic": fit_isotonic,
}


def log_losses(probability: Floats, labels: Ints) -> Floats:
    """Negative log likelihood of each film."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return -np.where(labels == 1, np.log(p), np.log(1 - p))


def usable(labels: Ints, allowed: tuple[str, ...]) -> list[str]:
    """The methods that the number of films allows, simplest first."""
    enough = min(int(labels.sum()), int((1 - labels).sum())) >= ISOTONIC_LEAST
    return [m for m in METHODS if m in allowed and (m != "isotonic" or enough)]


def cross_losses(logits: Floats, labels: Ints, folds: list[Bools], allowed: tuple[str, ...]) -> dict[str, Floats]:
    """Loss of each film under each usable method, fitted on the other folds.

    Args:
        logits: Out-of-fold scores [n].
        labels: [n] of 0 and 1.
        folds: Masks [n] that divide the films by patient.
        allowed: Methods that serving can compute.
    """
    losses: dict[str, Floats] = {}
    for method in usable(labels, allowed):
        probability = np.empty(len(logits))
        for inside in folds:
            probability[inside] = FITS[method](logits[~inside], labels[~inside])(logits[inside])
        losses[method] = log_losses(probability, labels)
    return losses


def prefer(losses: dict[str, Floats]) -> str:
    """The method with the lowest mean loss, if it beats each simpler choice by more than a standard error."""
    best, *others = losses
    for other in others:
        gain = losses[best] - losses[other]
        if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)):
            best = other
    return best


def record(calibrator: Calibrator) -> Record:
    """The calibrator as JSON, with all parameters."""
    match calibrator:
        case Platt(slope, intercept):
            return {"method": "platt", "slope": slope, "intercept": intercept}
        case Beta(a, b, c, centre, scale):
            return {"method": "beta", "a": a, "b": b, "c": c, "centre": centre, "scale": scale}
        case Isotonic(x, y):
            return {"method": "isotonic", "x": np.round(x, 6).tolist(), "y": np.round(y, 6).tolist()}


def calibrator(document: Record) -> Calibrator:
    """The inverse of `record`: the calibrator of a catalog's `calibration`."""
    values = dict(document)
    match values.pop("method"):
        case "platt":
            return Platt(**values)  # type: ignore[arg-type]
        case "beta":
            return Beta(**values)  # type: ignore[arg-type]
        case _:
            return Isotonic(np.asarray(values["x"], dtype=np.float64), np.asarray(values["y"], dtype=np.float64))
