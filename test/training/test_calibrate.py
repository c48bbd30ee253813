from __future__ import annotations

import numpy as np
import pytest

from alara_train.calibrate import Uncalibratable, fit_platt, operating_point
from alara_train.metrics import patient_weights


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


def test_the_threshold_is_youdens_and_lies_in_its_band() -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random(400) < 0.4).astype(np.int64)
    p = np.clip(rng.normal(0.35 + 0.3 * labels, 0.15), 0.01, 0.99)
    patients = np.array([f"p{i // 2}" for i in range(400)])
    point = operating_point(p, labels, patient_weights(patients, 200, seed=4))
    assert point.low <= point.value <= point.high
    every = [(p[labels == 1] >= t).mean() + (p[labels == 0] < t).mean() for t in np.linspace(0, 1, 2001)]
    assert point.sensitivity + point.specificity == pytest.approx(max(every), abs=1e-9)
