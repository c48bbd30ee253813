"""AUROC within strata of view and source collection: only films of one stratum are ranked against each other.

Collections were selected for findings, so a pooled AUROC also measures how well a score recognises the collection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alara_train.data.films import Films, Floats, Ints
from alara_train.evaluate.auroc import BLOCK, auroc, weighted_roc
from alara_train.evaluate.resample import Resamples
from alara_train.evaluate.scored import Strings, VariantScores


def strata(films: VariantScores | Films) -> Strings:
    """Name the view and collection of every film."""
    return np.array([f"{view}/{source}" for view, source in zip(films.view, films.collection, strict=True)])


def auroc_within(scores: Floats, labels: Ints, groups: Ints | Strings) -> float:
    """AUROC over the pairs of films of the same group; NaN if no group has films with and without the finding."""
    wins, pairs = 0.0, 0
    for group in np.unique(groups):
        inside = groups == group
        both = int((labels[inside] == 1).sum()) * int((labels[inside] == 0).sum())
        if both:
            wins += auroc(scores[inside], labels[inside]) * both
            pairs += both
    return wins / pairs if pairs else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinStrata:
    """An AUROC over the pairs of films of one stratum."""

    auroc: float
    draws: Floats
    """In every resample of patients."""
    pairs: int
    """Pairs of a film with the finding and a film without it, over all strata."""
    strata: int
    """Strata with both classes."""
    left_out: dict[str, int]
    """`strata` without both classes, their `films` with a known label, and the `positives` among them."""


def within_strata(scores: Floats, labels: Ints, groups: Strings, resamples: Resamples) -> WithinStrata | None:
    """Measure scores [N] for labels [N] of 1, 0 and -1 (left out); None if no stratum has both classes."""
    wins, pairs = np.zeros(resamples.draws), np.zeros(resamples.draws)
    count, used = 0, 0
    left_out = {"strata": 0, "films": 0, "positives": 0}
    for group in np.unique(groups[labels >= 0]):
        rows = np.flatnonzero((groups == group) & (labels >= 0))
        positives = int((labels[rows] == 1).sum())
        if positives in (0, len(rows)):
            left_out = {
                "strata": left_out["strata"] + 1,
                "films": left_out["films"] + len(rows),
                "positives": left_out["positives"] + positives,
            }
            continue
        used += 1
        count += positives * (len(rows) - positives)
        for start in range(0, resamples.draws, BLOCK):
            block = slice(start, start + BLOCK)
            curve = weighted_roc(
                scores[rows], labels[rows], Resamples(resamples.counts[:, block], resamples.owner[rows])
            )
            wins[block] += curve.wins
            pairs[block] += curve.pairs
    if not used:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = np.where(pairs > 0, wins / pairs, np.nan)
    return WithinStrata(
        auroc=auroc_within(scores, labels, groups), draws=draws, pairs=count, strata=used, left_out=left_out
    )
