"""The exact ROC curves of all resamples, with ties: the basis of AUROC, precision and thresholds.

Scores are sorted once. A curve changes only at the scores of positives, so negatives are summed between neighbouring
positive scores. Ranks, areas and thresholds follow by cumulative sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from alara_train.data.films import Floats, Ints
from alara_train.evaluate.resample import Float32s, Resamples

BLOCK = 500
"""Number of draws per block, which limits the memory."""


@dataclass(frozen=True, slots=True)
class WeightedRoc:
    """Weights at each of the K distinct scores of positives, ascending, in each of D draws."""

    values: Floats
    """[K]"""
    lower: Floats
    """[K]: the next lower score of any film; -inf if there is none."""
    at: Float32s
    """[K, D]: positives with this score."""
    below: Float32s
    """[K, D]: negatives with a lower score."""
    tied: Float32s | None
    """[K, D]: negatives with this score; None if no negative ties with a positive."""
    negatives: Float32s
    """[D]"""

    @property
    def positives(self) -> Float32s:
        """Weight of the positives in each draw: [D]."""
        total: Float32s = self.at.sum(axis=0)
        return total

    @property
    def called(self) -> Float32s:
        """Positives with this score or a higher one: [K, D]."""
        total: Float32s = np.cumsum(self.at[::-1], axis=0)[::-1]
        return total

    @property
    def wins(self) -> Floats:
        """Weight of the pairs in which the positive has the higher score, ties counting half: [D]."""
        wins = _dot(self.at, self.below)
        if self.tied is not None:
            wins += _dot(self.at, self.tied) / 2
        return wins

    @property
    def pairs(self) -> Floats:
        """Weight of all pairs of a positive and a negative: [D]."""
        pairs: Floats = self.positives.astype(np.float64) * self.negatives
        return pairs

    def auroc(self) -> Floats:
        """Area under each curve: [D]; NaN with one class only."""
        pairs = self.pairs
        with np.errstate(invalid="ignore", divide="ignore"):
            area: Floats = np.where(pairs > 0, self.wins / pairs, np.nan)
        return area

    def average_precision(self) -> Floats:
        """Step-wise area under precision against recall: [D]; NaN without positives."""
        hits = self.called
        alarms = self.negatives - self.below
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(hits > 0, hits / (hits + alarms), 0)
            area: Floats = _dot(self.at, precision) / self.positives
        return area

    def youden(self) -> Ints:
        """Step with the greatest sensitivity + specificity: [D]; among equals the lowest score."""
        with np.errstate(invalid="ignore", divide="ignore"):
            index = self.called / self.positives + self.below / self.negatives
        best: Ints = np.argmax(np.round(np.nan_to_num(index, nan=-1.0), 6), axis=0)
        return best

    def at_sensitivity(self, least: float) -> Ints:
        """The highest step that keeps a sensitivity: [D]."""
        enough = self.called >= np.float32(least) * self.positives - np.float32(1e-3)
        highest: Ints = np.maximum(enough.sum(axis=0) - 1, 0)
        return highest

    def at_specificity(self, least: float) -> Ints:
        """The lowest step that keeps a specificity: [D]; K, which calls no film, if there is none."""
        lowest: Ints = (self.below < np.float32(least) * self.negatives - np.float32(1e-3)).sum(axis=0)
        return lowest

    def rates(self, step: Ints) -> tuple[Floats, Floats]:
        """Sensitivity and specificity with the threshold at a step, in each draw: [D] each."""
        inside = np.minimum(step, len(self.values) - 1)
        column = np.arange(len(step))
        none = step >= len(self.values)
        with np.errstate(invalid="ignore", divide="ignore"):
            sensitivity = np.where(none, 0.0, self.called[inside, column] / self.positives)
            specificity = np.where(none, 1.0, self.below[inside, column] / self.negatives)
        return sensitivity.astype(np.float64), specificity.astype(np.float64)


def _dot(a: Float32s, b: Float32s) -> Floats:
    """Sum of products per column, in float64: products of counts exceed the precision of float32."""
    total = np.zeros(a.shape[1])
    for start in range(0, len(a), 256):
        total += np.einsum("kd,kd->d", a[start : start + 256].astype(np.float64), b[start : start + 256])
    return total


def weighted_roc(scores: Floats, labels: Ints, resamples: Resamples) -> WeightedRoc:
    """Make the curves of scores [N] for labels [N] of 1, 0 and -1 (left out)."""
    positive, negative = labels == 1, labels == 0
    values, place = np.unique(scores[positive], return_inverse=True)
    known = np.unique(scores[positive | negative])
    before = np.searchsorted(known, values) - 1
    right = np.searchsorted(values, scores, side="right")
    steps = len(values)

    group = np.full(len(scores), -1)
    group[positive] = place
    at = resamples.sums(group, steps)

    group = np.where(negative, right, -1)
    by_step = resamples.sums(group, steps + 1)
    cumulative = np.cumsum(by_step, axis=0, out=by_step)

    ties = negative & (right != np.searchsorted(values, scores, side="left"))
    tied = resamples.sums(np.where(ties, right - 1, -1), steps) if ties.any() else None
    lower = np.where(before >= 0, known[np.maximum(before, 0)], -np.inf)
    return WeightedRoc(values, lower, at, cumulative[:-1], tied, cumulative[-1])


def auroc_draws(scores: Floats, labels: Ints, resamples: Resamples) -> Floats:
    """AUROC [draws] of scores [N] for labels [N] in each draw."""
    areas = [
        weighted_roc(scores, labels, Resamples(resamples.counts[:, start : start + BLOCK], resamples.owner)).auroc()
        for start in range(0, resamples.draws, BLOCK)
    ]
    return np.concatenate(areas)


def auroc(scores: Floats, labels: Ints) -> float:
    """AUROC of scores [N] for labels [N] of 1, 0 and -1 (left out); ties count half; NaN with one class only."""
    known = labels >= 0
    positive = labels[known] == 1
    count = int(positive.sum())
    pairs = count * (len(positive) - count)
    # The sum of the positives' ranks counts the pairs that they win, plus the pairs among themselves.
    wins = float(rankdata(scores[known])[positive].sum()) - count * (count + 1) / 2
    return wins / pairs if pairs else float("nan")
