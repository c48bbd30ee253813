"""The baseline without pixels: the AUROC of a finding that view and source collection alone give."""

from __future__ import annotations

import numpy as np

from alara_train.data.films import Floats
from alara_train.evaluate.scored import Design, Strings, VariantScores

SMALL = 50
"""Collections with fewer films form one group."""
PRIOR = 10.0
"""Counts are smoothed by this many films with the overall prevalence."""


def view_groups(scored: VariantScores) -> Strings:
    """Group films by view."""
    return scored.view


def view_and_collection_groups(scored: VariantScores) -> Strings:
    """Group films by view and source collection."""
    names, sizes = np.unique(scored.collection, return_counts=True)
    large = set(names[sizes >= SMALL].tolist())
    return np.array(
        [
            f"{view}/{source if source in large else 'small'}"
            for view, source in zip(scored.view.tolist(), scored.collection.tolist(), strict=True)
        ]
    )


def log_odds(scored: VariantScores, groups: Strings, design: Design) -> Floats:
    """Log odds of every finding given the group, learnt from other films: [N, findings]."""
    logits = np.zeros(scored.labels.shape)
    known = scored.labels >= 0
    hits = np.where(known, scored.labels, 0)
    for part in design.priors:
        train, test = part.chosen_on, part.applied_to
        overall = hits[train].sum(axis=0) / np.maximum(known[train].sum(axis=0), 1)
        for name in set(groups[test].tolist()):
            inside = train & (groups == name)
            share = (hits[inside].sum(axis=0) + PRIOR * overall + 1e-3) / (known[inside].sum(axis=0) + PRIOR + 2e-3)
            logits[test & (groups == name)] = np.log(share / (1 - share))
    return logits
