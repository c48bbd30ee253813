from __future__ import annotations

import numpy as np
import pytest

from alara_train.evaluate.platt import Uncalibratable, fit_platt


def test_platt_recovers_a_known_sigmoid() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(3, 2, 40_000)
    labels = (rng.random(40_000) < 1 / (1 + np.exp(-(0.8 * logits - 2.5)))).astype(np.int64)
    platt = fit_platt(logits, labels)
    assert platt.slope == pytest.approx(0.8, abs=0.05)
    assert platt.intercept == pytest.approx(-2.5, abs=0.15)


def test_scores_that_fall_with_the_finding_are_refused() -> None:
    rng = np.random.default_rng(2)
    labels = (rng.random(500) < 0.3).astype(np.int64)
    with pytest.raises(Uncalibratable):
        fit_platt(rng.normal(size=500) - 2 * labels, labels)
