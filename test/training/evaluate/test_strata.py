"""AUROC within strata: against a count of pairs by hand."""

from __future__ import annotations

import numpy as np
import pytest

from alara_train.evaluate.resample import Resamples, resample
from alara_train.evaluate.strata import auroc_within, within_strata

SCORES = np.array([3.0, 1.0, 2.0, 5.0, 5.0, 4.0, 9.0])
LABELS = np.array([1, 0, 0, 1, 0, -1, 0])
GROUPS = np.array(["a", "a", "a", "b", "b", "b", "c"])


def test_only_pairs_of_one_stratum_count() -> None:
    single = Resamples(np.ones((7, 1), dtype=np.float32), np.arange(7))
    found = within_strata(SCORES, LABELS, GROUPS, single)
    assert found is not None
    # Stratum a: 2 of 2 pairs; b: a tie, half of 1 pair; c has no film with the finding.
    assert found.auroc == pytest.approx(2.5 / 3)
    assert found.draws.tolist() == pytest.approx([2.5 / 3])
    assert (found.pairs, found.strata) == (3, 2)
    assert found.left_out == {"strata": 1, "films": 1, "positives": 0}
    assert within_strata(SCORES, np.zeros(7, dtype=np.int64), GROUPS, single) is None


def test_a_draw_is_the_auroc_of_the_repeated_films() -> None:
    rng = np.random.default_rng(2)
    scores, labels = rng.normal(size=60).round(1), (rng.random(60) < 0.4).astype(np.int64)
    groups, patients = np.where(rng.random(60) < 0.5, "x", "y"), np.array([f"p{k // 2}" for k in range(60)])
    resamples = resample(patients, 5, 1)
    found = within_strata(scores, labels, groups, resamples)
    assert found is not None
    for draw in range(5):
        rows = np.repeat(np.arange(60), resamples.counts[resamples.owner, draw].astype(int))
        assert found.draws[draw] == pytest.approx(auroc_within(scores[rows], labels[rows], groups[rows]))
