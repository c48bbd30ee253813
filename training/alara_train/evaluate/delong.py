"""DeLong's covariance of AUROCs on the same films, by Sun and Xu's fast algorithm.

DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837. Sun and Xu, IEEE Signal Processing Letters 2014;21:1389.
The method assumes independent films. If patients have several films, use the bootstrap over patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from alara_train.data.films import Floats, Ints


@dataclass(frozen=True, slots=True)
class DeLong:
    """AUROCs of several scores of the same films, and their covariance."""

    areas: Floats
    """[V]"""
    covariance: Floats
    """[V, V]"""

    def error(self, one: int) -> float:
        """Standard error of an area."""
        return float(np.sqrt(max(self.covariance[one, one], 0.0)))

    def difference_error(self, one: int, other: int) -> float:
        """Standard error of the difference between two areas on the same films."""
        c = self.covariance
        return float(np.sqrt(max(c[one, one] + c[other, other] - 2 * c[one, other], 0.0)))


def delong(scores: Floats, labels: Ints) -> DeLong:
    """Measure scores [V, N] for labels [N] of 1, 0 and -1 (left out)."""
    positive, negative = scores[:, labels == 1], scores[:, labels == 0]
    m, n = positive.shape[1], negative.shape[1]
    if min(m, n) < 2:
        return DeLong(np.full(len(scores), np.nan), np.full((len(scores), len(scores)), np.nan))
    ranks = rankdata(np.concatenate([positive, negative], axis=1), axis=1)
    above = (ranks[:, :m] - rankdata(positive, axis=1)) / n
    """[V, m]: share of the negatives that each positive outranks, ties counting half."""
    under = 1 - (ranks[:, m:] - rankdata(negative, axis=1)) / m
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(under)) / n
    return DeLong(above.mean(axis=1), covariance)


def normal_interval(value: float, error: float, level: float = 0.95) -> tuple[float, float]:
    """Value plus and minus the normal quantile times the error."""
    half = float(norm.ppf(0.5 + level / 2)) * error
    return value - half, value + half
