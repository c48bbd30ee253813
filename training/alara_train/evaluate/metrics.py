"""Average precision, curves, calibration error and intervals of a proportion; AUROC is in `auroc`."""

from __future__ import annotations

import numpy as np

from alara_train.data.films import Floats, Ints


def interval(draws: Floats, value: float | None = None) -> tuple[float, float]:
    """Central 95 % of the draws, NaN left out, widened to contain `value` if given."""
    low, high = (float(q) for q in np.nanquantile(draws, [0.025, 0.975]))
    return (low, high) if value is None else (min(low, value), max(high, value))


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion."""
    z = 1.959963984540054
    share = hits / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return min(max(0.0, float(centre - half)), share), max(min(1.0, float(centre + half)), share)


def average_precision(scores: Floats, labels: Ints) -> float:
    """Average precision: the step-wise area under precision against recall."""
    order = np.argsort(-scores, kind="stable")
    last = np.concatenate([np.diff(scores[order]) < 0, [True]])
    hits = np.cumsum(labels[order])[last]
    seen = (np.flatnonzero(last) + 1).astype(np.float64)
    gained = np.diff(np.concatenate([[0], hits]))
    return float((gained * hits / seen).sum() / labels.sum())


def roc_points(scores: Floats, labels: Ints, limit: int = 101) -> list[tuple[float, float]]:
    """Thin the ROC curve to at most `limit` points (false positive rate, sensitivity)."""
    order = np.argsort(-scores, kind="stable")
    last = np.concatenate([[True], np.diff(scores[order]) < 0, [True]])
    hits = np.concatenate([[0], np.cumsum(labels[order])])[last] / labels.sum()
    alarms = np.concatenate([[0], np.cumsum(1 - labels[order])])[last] / (1 - labels).sum()
    chosen = np.unique(np.round(np.linspace(0, len(hits) - 1, min(limit, len(hits)))).astype(int))
    return [(round(float(alarms[i]), 4), round(float(hits[i]), 4)) for i in chosen]


def precision_recall_points(scores: Floats, labels: Ints, limit: int = 41) -> list[tuple[float, float]]:
    """(recall, precision) at up to `limit` evenly spread recalls, each at a score at which recall rises."""
    order = np.argsort(-scores, kind="stable")
    last = np.concatenate([np.diff(scores[order]) < 0, [True]])
    hits = np.cumsum(labels[order])[last].astype(np.float64)
    seen = (np.flatnonzero(last) + 1).astype(np.float64)
    rises = np.diff(np.concatenate([[0.0], hits])) > 0
    recall, precision = hits[rises] / labels.sum(), (hits / seen)[rises]
    chosen = np.unique(np.round(np.linspace(0, len(recall) - 1, min(limit, len(recall)))).astype(int))
    return [(round(float(recall[i]), 4), round(float(precision[i]), 4)) for i in chosen]


def brier(probability: Floats, labels: Ints) -> float:
    """Mean squared error of a probability."""
    return float(np.mean((probability - labels) ** 2))


def reliability(probability: Floats, labels: Ints, bins: int = 10) -> list[tuple[float, float, int]]:
    """Equal-count bins: mean probability, share with the finding, films."""
    order = np.argsort(probability, kind="stable")
    return [
        (round(float(probability[part].mean()), 4), round(float(labels[part].mean()), 4), len(part))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def ece(probability: Floats, labels: Ints, bins: int = 10) -> float:
    """Expected calibration error over equal-count bins."""
    order = np.argsort(probability, kind="stable")
    return float(
        sum(
            len(part) * abs(float(probability[part].mean()) - float(labels[part].mean()))
            for part in np.array_split(order, bins)
            if len(part)
        )
        / len(labels)
    )
