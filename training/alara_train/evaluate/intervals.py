"""Intervals of one number, and simultaneous intervals of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from alara_train.data.films import Floats
from alara_train.evaluate.metrics import interval, wilson

Verdict = Literal["nonInferior", "inferior", "inconclusive"]
LEVELS = (0.9, 0.95, 0.99)


def ci95(draws: Floats, value: float, digits: int = 4) -> list[float]:
    """Central 95 % of the draws, rounded, widened to contain the value."""
    low, high = interval(draws, value)
    return [min(round(low, digits), value), max(round(high, digits), value)]


def share(draws: Floats, hits: float, trials: float, of: str = "films") -> dict[str, object]:
    """A proportion with the central 95 % of its draws; with Wilson's interval if it is 0 or 1.

    `of` is the key of the denominator.
    """
    if trials == 0:
        return {"value": None, "ci95": None, of: 0}
    value = round(hits / trials, 4)
    if hits in (0, trials):
        low, high = wilson(round(hits), round(trials))
        return {"value": value, "ci95": [round(low, 4), round(high, 4)], of: round(trials)}
    return {"value": value, "ci95": ci95(draws, value), of: round(trials)}


def rate(draws: Floats, count: float, films: float) -> dict[str, object]:
    """A mean count per film with the central 95 % of its draws; Wilson's interval of the films if none has any."""
    if count == 0 or films == 0:
        return share(draws, 0, films)
    value = round(count / films, 4)
    return {"value": value, "ci95": ci95(draws, value), "films": round(films)}


@dataclass(frozen=True, slots=True)
class Simultaneous:
    """Simultaneous intervals of M estimates.

    Each interval is the estimate plus and minus `critical` times its standard error. The critical value is the
    quantile, over resamples, of the largest studentised deviation among the M estimates (single-step max-t: Westfall
    and Young 1993). It uses the correlation of the estimates; Bonferroni's normal quantile does not.
    """

    errors: Floats
    """[M]: bootstrap standard errors."""
    critical: dict[float, float]
    """Critical value per level."""

    def bounds(self, values: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
        """Lower and upper ends for values [M]."""
        half = self.critical[level] * self.errors
        return values - half, values + half


def simultaneous(values: Floats, draws: Floats) -> Simultaneous:
    """Correct values [M] simultaneously, from their common resamples [M, draws].

    An estimate whose draws do not vary has a zero error and does not count.
    """
    errors = np.nanstd(draws, axis=1, ddof=1)
    moving = errors > 1e-12
    if not moving.any():
        return Simultaneous(errors, dict.fromkeys(LEVELS, 0.0))
    deviation = np.abs(draws[moving] - values[moving, None]) / errors[moving, None]
    largest = np.nanmax(deviation, axis=0)
    return Simultaneous(errors, {level: float(np.quantile(largest, level)) for level in LEVELS})


def bonferroni(estimates: int, level: float = 0.95) -> float:
    """Normal critical value for this number of simultaneous two-sided intervals."""
    return float(norm.ppf(1 - (1 - level) / (2 * estimates)))


def verdict(low: float, high: float, margin: float) -> Verdict:
    """Judge an interval of (variant minus reference) against the accepted loss."""
    if low > -margin:
        return "nonInferior"
    return "inferior" if high < -margin else "inconclusive"
