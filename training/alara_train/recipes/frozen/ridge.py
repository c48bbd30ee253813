"""Findings from pooled evidence: ridge regression in its dual form, out of fold and on all films."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from alara_train.data.films import EVERY_FILM, Films, Floats, Ints
from alara_train.evaluate.strata import auroc_within
from alara_train.input_gate.pixel_cache import Rows
from alara_train.networks.pooling import Float32s, Linear, Scaler
from alara_train.recipes.frozen.features import Pooled


@dataclass(frozen=True, slots=True)
class Balance:
    """Relative weights of the columns of the regression, independent of their number."""

    widths: tuple[int, ...]
    """Number of channels of every map in the evidence, in order; all maps have the same weight."""
    common: float
    """Weight of a channel's mean over the film, relative to its cells; a high weight makes the cells alike."""

    def columns(self, pooled: Float32s) -> Float32s:
        """Arrange pooled evidence [n, C, cells] as columns [n, C * (cells + 1)]: cells and their mean."""
        both = np.concatenate([pooled, pooled.mean(axis=2, keepdims=True)], axis=2)
        return both.reshape(len(both), both.shape[1] * both.shape[2])

    def scaler(self, columns: Float32s) -> Scaler:
        """Fit to columns [n, C * (cells + 1)]; a map's cells then have a total variance of one."""
        scaler = Scaler.of(columns)
        cells = columns.shape[1] // sum(self.widths) - 1
        shares = np.array([*[1 / cells] * cells, self.common])
        weight = np.concatenate([np.tile(np.sqrt(shares / width), width) for width in self.widths])
        return Scaler(scaler.mean, (scaler.std / weight).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fitted ridge regression of scaled targets on balanced columns."""

    balance: Balance
    scaler: Scaler
    weight: Float32s
    """[C * (cells + 1), 14], for scaled columns."""

    def __call__(self, pooled: Float32s) -> Floats:
        """Score pooled evidence [n, C, cells]: [n, 14]."""
        return (self.scaler(self.balance.columns(pooled)) @ self.weight).astype(np.float64)

    def linear(self) -> Linear:
        """The same read-out for unscaled pooled evidence, with scaling and means folded in."""
        raw = self.weight / self.scaler.std[:, None]
        bias = -(self.scaler.mean.astype(np.float64) @ raw.astype(np.float64))
        by_column = raw.T.reshape(raw.shape[1], sum(self.balance.widths), -1)
        cells = by_column.shape[2] - 1
        by_cell = by_column[:, :, :cells] + by_column[:, :, cells:] / cells
        return Linear(by_cell.astype(np.float32), bias.astype(np.float32))


def _targets(labels: Ints) -> Floats:
    """Labels centred and scaled by their prevalence, so that all findings have the same weight.

    A finding that is absent from these rows gets zero targets.
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


@dataclass(frozen=True, slots=True)
class Invariance:
    """Differences of evidence that should not change a score: the original film minus its small JPEG.

    They enter the regression as weighted rows with target zero. This makes scores insensitive to JPEG and size, as far
    as the labels allow.
    """

    differences: Float32s
    """[m, C, cells] of pooled evidence."""
    rows: Ints
    """[m]: the film that each difference belongs to."""

    def among(self, rows: Ints) -> Float32s:
        """Differences of the given films."""
        return self.differences[np.isin(self.rows, rows)]


def invariance(pooled: Pooled, rows: Rows, films: Films) -> Invariance:
    """The evidence of each original film minus the evidence of the small film that was made from it."""
    originals = rows.where("native")
    small = np.array([films.names.index(name) for name in rows.sources[originals].tolist()], dtype=np.int64)
    return Invariance(pooled.rows[originals] - pooled.rows[small], small)


def choose_strength(kernel: Floats, labels: Ints, inner: Ints, groups: Ints, strengths: tuple[float, ...]) -> float:
    """Pick the ridge strength with the best mean AUROC among films of one group, over inner folds.

    Args:
        kernel: Gram matrix of the n films, then the mirrored films, then the rows with target zero.
        labels: [n, 14] of the same films.
        inner: [n]: their folds.
        groups: [n]: only films of one group are ranked against each other, so that recognising the source of a film
            is not rewarded.
        strengths: The candidates.
    """
    count = len(labels)
    scores = {strength: np.zeros((count, labels.shape[1])) for strength in strengths}
    for number in sorted(set(inner.tolist())):
        train, test = np.flatnonzero(inner != number), np.flatnonzero(inner == number)
        both = np.concatenate([train, train + count, np.arange(2 * count, len(kernel))])
        targets = _padded(_targets(np.concatenate([labels[train], labels[train]])), len(both))
        block = kernel[np.ix_(both, both)]
        for strength in strengths:
            scores[strength][test] = kernel[np.ix_(test, both)] @ _solve(block, targets, strength)
    table = {
        strength: np.nanmean([auroc_within(score[:, j], labels[:, j], groups) for j in range(labels.shape[1])])
        for strength, score in scores.items()
    }
    return max(table, key=lambda strength: table[strength])


def fit_ridge(
    pooled: Pooled,
    films: Films,
    rows: Ints,
    balance: Balance,
    strengths: tuple[float, ...],
    still: Invariance,
    weight: float,
) -> tuple[Ridge, float]:
    """Fit on the films `rows` and their mirror images, the strength chosen by patient folds among them.

    The chosen strength ranks films of the same view and collection best.
    """
    straight, mirrored = balance.columns(pooled.rows[rows]), balance.columns(pooled.mirrored[rows])
    scaler = balance.scaler(np.concatenate([straight, mirrored]))
    steady = balance.columns(still.among(rows)) / scaler.std * np.float32(weight)
    x = np.concatenate([scaler(straight), scaler(mirrored), steady])
    kernel = (x @ x.T).astype(np.float64)
    labels = films.labels[rows]
    names = [f"{view}/{source}" for view, source in zip(films.view[rows], films.collection[rows], strict=True)]
    groups = np.unique(names, return_inverse=True)[1]
    strength = choose_strength(kernel, labels, films.fold[rows], groups, strengths)
    dual = _solve(kernel, _padded(_targets(np.concatenate([labels, labels])), len(x)), strength)
    return Ridge(balance, scaler, (x.T @ dual.astype(np.float32)).astype(np.float32)), strength


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The served read-out, and the out-of-fold results of the same recipe."""

    ridge: Ridge
    strength: float
    fold_strengths: tuple[float, ...]
    out_of_fold: Floats
    """Logits [N, 14], each from the fold that did not train on the film."""
    originals: Floats
    """Logits [m, 14] of the originals of `Invariance`, each from the fold that did not train on the patient."""


Evidence = Callable[[int], tuple[Pooled, Invariance]]
"""The evidence by the trunk that the films of a fold did not train, or by the trunk that is served (`EVERY_FILM`)."""


def cross_validate(
    evidence: Evidence, films: Films, balance: Balance, strengths: tuple[float, ...], weight: float
) -> Fitted:
    """Fit once per fold and once on all films; every choice is made inside the training rows."""
    logits = np.zeros(films.labels.shape)
    chosen: list[float] = []
    pooled, still = evidence(EVERY_FILM)
    ridge, strength = fit_ridge(pooled, films, np.arange(len(films)), balance, strengths, still, weight)
    originals = np.zeros((len(still.rows), films.labels.shape[1]))
    for number in films.folds:
        pooled, still = evidence(number)
        train = np.flatnonzero(films.fold != number)
        test = np.flatnonzero(films.fold == number)
        own, own_strength = fit_ridge(pooled, films, train, balance, strengths, still, weight)
        logits[test] = own(pooled.rows[test])
        held = np.flatnonzero(films.fold[still.rows] == number)
        if len(held):
            originals[held] = own(pooled.rows[still.rows[held]] + still.differences[held])
        chosen.append(own_strength)
    return Fitted(ridge=ridge, strength=strength, fold_strengths=tuple(chosen), out_of_fold=logits, originals=originals)
