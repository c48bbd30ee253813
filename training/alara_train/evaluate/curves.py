"""Curves, thinned to what a figure can show."""

from __future__ import annotations

import numpy as np

from alara_train.data.films import Floats, Ints

Points = list[tuple[float, float]]


def precision_recall_points(scores: Floats, labels: Ints, most: int = 41) -> Points:
    """(recall, precision) at up to `most` recalls, evenly spread, each at a score where recall rises."""
    order = np.argsort(-scores, kind="stable")
    last = np.concatenate([np.diff(scores[order]) < 0, [True]])
    hits = np.cumsum(labels[order])[last].astype(np.float64)
    seen = (np.flatnonzero(last) + 1).astype(np.float64)
    rises = np.diff(np.concatenate([[0.0], hits])) > 0
    recall, precision = hits[rises] / labels.sum(), (hits / seen)[rises]
    kept = np.unique(np.round(np.linspace(0, len(recall) - 1, min(most, len(recall)))).astype(int))
    return [(round(float(recall[i]), 4), round(float(precision[i]), 4)) for i in kept]
