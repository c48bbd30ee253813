from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from alara_train.evaluate.auroc import auroc
from alara_train.evaluate.metrics import average_precision, ece, interval, roc_points, wilson


@pytest.mark.parametrize("digits", [1, 8])
def test_auroc_and_average_precision_equal_scikit_learn(digits: int) -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(300) < 0.2).astype(np.int64)
    scores = np.round(rng.normal(size=300) + labels, digits)  # one digit: many ties
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))


def test_one_class_has_no_auroc() -> None:
    assert np.isnan(auroc(np.array([0.1, 0.2]), np.array([1, 1])))


def test_intervals_contain_their_value() -> None:
    assert interval(np.linspace(0, 1, 101), 2.0)[1] == 2.0
    for hits, trials in ((0, 6), (6, 6), (3, 7)):
        low, high = wilson(hits, trials)
        assert 0 <= low <= hits / trials <= high <= 1


def test_wilson_of_a_published_example() -> None:
    # Newcombe 1998, table I: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_roc_runs_from_corner_to_corner_with_few_points() -> None:
    rng = np.random.default_rng(5)
    points = roc_points(rng.normal(size=900), (rng.random(900) < 0.3).astype(np.int64))
    assert points[0] == (0, 0)
    assert points[-1] == (1, 1)
    assert len(points) <= 101


def test_a_calibrated_probability_has_a_small_calibration_error() -> None:
    rng = np.random.default_rng(6)
    p = rng.random(20_000)
    assert ece(p, (rng.random(20_000) < p).astype(np.int64)) < 0.02
