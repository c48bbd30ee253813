"""Findings from pooled evidence: ridge regression in its dual form, out of fold and on all films."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from alara_train.data import Films, Floats, Ints
from alara_train.features import Pooled
from alara_train.head import Float32s, Linear
from alara_train.metrics import auroc


@dataclass(frozen=True, slots=True)
class Scaler:
    """Mean and standard deviation of every feature over the training rows."""

    mean: Float32s
    std: Float32s

    @classmethod
    def of(cls, features: Float32s) -> Scaler:
        """Fit to features [n, D]."""
        std = features.std(axis=0)
        return cls(features.mean(axis=0), np.maximum(std, 1e-6 * (1 + float(std.max()))))

    def __call__(self, features: Float32s) -> Float32s:
        """Scale features [n, D]."""
        scaled: Float32s = (features - self.mean) / self.std
        return scaled


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fitted ridge regression of scaled targets on scaled features."""

    scaler: Scaler
    weight: Float32s
    """[D, 14], for scaled features."""

    def __call__(self, features: Float32s) -> Floats:
        """Score features [n, D]: [n, 14]."""
        return (self.scaler(features) @ self.weight).astype(np.float64)

    def linear(self, channels: int) -> Linear:
        """The same read-out for pooled evidence as it comes, with the scaling folded in."""
        raw = self.weight / self.scaler.std[:, None]
        bias = -(self.scaler.mean.astype(np.float64) @ raw.astype(np.float64))
        return Linear(raw.T.reshape(raw.shape[1], channels, -1).astype(np.float32), bias.astype(np.float32))


def _targets(labels: Ints) -> Floats:
    """Labels centred and scaled by their own prevalence, so that findings weigh the same.

    A finding that is absent from these rows has no direction and keeps zero targets.
    """
    share = labels.mean(axis=0)
    deviation = np.sqrt(share * (1 - share))
    return np.where(deviation > 0, (labels - share) / np.where(deviation > 0, deviation, 1), 0)


def _padded(targets: Floats, length: int) -> Floats:
    """Add rows of zeros up to `length`."""
    return np.concatenate([targets, np.zeros((length - len(targets), targets.shape[1]))])


def _solve(kernel: Floats, targets: Floats, strength: float) -> Floats:
    loaded = kernel.copy()
    loaded[np.diag_indices_from(loaded)] += strength * float(np.trace(kernel)) / len(kernel)
    solution: Floats = cho_solve(cho_factor(loaded, lower=True, overwrite_a=True), targets)
    return solution


def _features(pooled: Pooled, rows: Ints) -> tuple[Float32s, Float32s]:
    straight = pooled.rows[rows].reshape(len(rows), -1)
    return straight, pooled.mirrored[rows].reshape(len(rows), -1)


@dataclass(frozen=True, slots=True)
class Invariance:
    """Differences that must not move a score: evidence of the original film minus that of the small one.

    They enter the regression as rows whose target is zero, weighted, so that what JPEG and size alone do to the
    features counts as little as the labels allow.
    """

    differences: Float32s
    """[m, D], not scaled."""
    rows: Ints
    """[m]: the film that each belongs to."""

    def among(self, rows: Ints) -> Float32s:
        """Differences of the given films alone."""
        return self.differences[np.isin(self.rows, rows)]


def choose_strength(
    kernel: Floats, labels: Ints, films: Ints, fold: Ints, strengths: tuple[float, ...]
) -> tuple[float, dict[float, float]]:
    """Pick the ridge strength with the best mean AUROC over inner folds.

    Args:
        kernel: Gram matrix of the n films, then the films mirrored, then any rows whose target is zero.
        labels: [n, 14] of the same films.
        films: Row numbers of the films, for their folds.
        fold: Fold of every film of the data set.
        strengths: What to choose from.

    Returns:
        The strength, and the mean AUROC of each.
    """
    count = len(films)
    inner = fold[films]
    scores = {strength: np.zeros((count, labels.shape[1])) for strength in strengths}
    for number in sorted(set(inner.tolist())):
        train, test = np.flatnonzero(inner != number), np.flatnonzero(inner == number)
        both = np.concatenate([train, train + count, np.arange(2 * count, len(kernel))])
        targets = _padded(_targets(np.concatenate([labels[train], labels[train]])), len(both))
        block = kernel[np.ix_(both, both)]
        for strength in strengths:
            scores[strength][test] = kernel[np.ix_(test, both)] @ _solve(block, targets, strength)
    table = {
        strength: float(np.nanmean([auroc(score[:, j], labels[:, j]) for j in range(labels.shape[1])]))
        for strength, score in scores.items()
    }
    return max(table, key=lambda strength: table[strength]), table


def fit_ridge(
    pooled: Pooled, films: Films, rows: Ints, strengths: tuple[float, ...], still: Invariance, weight: float
) -> tuple[Ridge, float, dict[float, float]]:
    """Fit on the films `rows` and their mirror images, the strength chosen by patient folds among them."""
    straight, mirrored = _features(pooled, rows)
    scaler = Scaler.of(np.concatenate([straight, mirrored]))
    steady = still.among(rows) / scaler.std * np.float32(weight)
    x = np.concatenate([scaler(straight), scaler(mirrored), steady])
    kernel = (x @ x.T).astype(np.float64)
    labels = films.labels[rows]
    strength, table = choose_strength(kernel, labels, rows, films.fold, strengths)
    dual = _solve(kernel, _padded(_targets(np.concatenate([labels, labels])), len(x)), strength)
    return Ridge(scaler, (x.T @ dual.astype(np.float32)).astype(np.float32)), strength, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The served read-out and what was measured out of fold by the same recipe."""

    ridge: Ridge
    strength: float
    fold_strengths: tuple[float, ...]
    out_of_fold: Floats
    """Logits [N, 14], each film's from the fold that did not train on it."""
    originals: Floats
    """Logits [m, 14] of the originals of `Invariance`, by the fold that did not train on their patient."""


def cross_validate(
    pooled: Pooled, films: Films, strengths: tuple[float, ...], still: Invariance, weight: float
) -> Fitted:
    """Fit once a fold and once on all films; every choice is made inside the training rows."""
    logits = np.zeros(films.labels.shape)
    originals = np.zeros((len(still.rows), films.labels.shape[1]))
    chosen: list[float] = []
    for number in films.folds:
        train = np.flatnonzero(films.fold != number)
        test = np.flatnonzero(films.fold == number)
        ridge, strength, _ = fit_ridge(pooled, films, train, strengths, still, weight)
        logits[test] = ridge(pooled.rows[test].reshape(len(test), -1))
        held = np.flatnonzero(films.fold[still.rows] == number)
        if len(held):
            small = pooled.rows[still.rows[held]].reshape(len(held), -1)
            originals[held] = ridge(small + still.differences[held])
        chosen.append(strength)
    ridge, strength, _ = fit_ridge(pooled, films, np.arange(len(films)), strengths, still, weight)
    return Fitted(ridge=ridge, strength=strength, fold_strengths=tuple(chosen), out_of_fold=logits, originals=originals)
