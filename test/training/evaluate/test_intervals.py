from __future__ import annotations

import numpy as np
import pytest

from alara_train.evaluate.delong import delong, normal_interval
from alara_train.evaluate.intervals import bonferroni, ci95, share, simultaneous, verdict

# DeLong, DeLong and Clarke-Pearson 1988: ovarian cancer with obstruction, as given with its results in the SAS/STAT
# User's Guide, PROC LOGISTIC, "Comparing Receiver Operating Characteristic Curves". Albumin, total protein, K-G score
# (higher is worse, so its sign is changed), and whether the patient benefited.
OVARIAN = """3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1 4.2 7.6 4 0
4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1
3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1
2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1"""


def ovarian() -> tuple[np.ndarray, np.ndarray]:
    table = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    return np.stack([table[:, 0], 10 - table[:, 2], table[:, 1]]), table[:, 3].astype(np.int64)


def test_delong_of_the_published_example() -> None:
    scores, labels = ovarian()
    assert len(labels) == 43
    found = delong(scores, labels)
    assert found.areas == pytest.approx([0.7366, 0.7258, 0.6478], abs=5e-5)
    assert [found.error(k) for k in range(3)] == pytest.approx([0.0927, 0.1028, 0.1000], abs=5e-5)
    assert normal_interval(found.areas[0], found.error(0)) == pytest.approx((0.5549, 0.9182), abs=5e-5)
    assert found.difference_error(0, 1) == pytest.approx(0.0953, abs=5e-5)
    assert found.difference_error(2, 1) == pytest.approx(0.1046, abs=5e-5)
    contrast = np.array([[1, -1, 0], [0, -1, 1]])
    difference = contrast @ found.areas
    statistic = difference @ np.linalg.solve(contrast @ found.covariance @ contrast.T, difference)
    assert statistic == pytest.approx(2.5340, abs=5e-5)


def test_delong_equals_the_explicit_structural_components() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(150) < 0.3).astype(np.int64)
    scores = np.round(rng.normal(size=(3, 150)) + labels * np.array([[0.5], [1.0], [0.0]]), 1)
    labels[:10] = -1
    positive, negative = scores[:, labels == 1], scores[:, labels == 0]
    wins = (positive[:, :, None] > negative[:, None, :]) + 0.5 * (positive[:, :, None] == negative[:, None, :])
    covariance = np.cov(wins.mean(axis=2)) / positive.shape[1] + np.cov(wins.mean(axis=1)) / negative.shape[1]
    found = delong(scores, labels)
    assert found.areas == pytest.approx(wins.mean(axis=(1, 2)), abs=1e-12)
    assert found.covariance == pytest.approx(covariance, abs=1e-12)


def test_simultaneous_intervals_are_wider_and_hold_jointly() -> None:
    rng = np.random.default_rng(2)
    misses_alone, misses_together = 0, 0
    for _ in range(200):
        values = rng.normal(size=30)
        draws = values[:, None] + rng.normal(size=(30, 800))
        found = simultaneous(values, draws)
        low, high = found.bounds(values)
        misses_together += bool(((low > 0) | (high < 0)).any())
        misses_alone += bool((np.abs(values) > 1.96).any())
    assert misses_alone > 120
    assert misses_together <= 20  # 10 are expected of 200
    assert 2.8 < found.critical[0.95] < 3.4
    assert bonferroni(30) == pytest.approx(3.144, abs=1e-3)


def test_correlated_estimates_need_less_correction() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=(1, 4000))
    alike = simultaneous(np.zeros(30), common + 0.01 * rng.normal(size=(30, 4000)))
    assert alike.critical[0.95] == pytest.approx(2.0, abs=0.15)
    still = simultaneous(np.zeros(2), np.zeros((2, 50)))
    assert still.bounds(np.zeros(2))[0] == pytest.approx([0, 0])


@pytest.mark.parametrize(
    ("low", "high", "judged"),
    [(-0.005, 0.02, "nonInferior"), (-0.03, -0.015, "inferior"), (-0.03, 0.01, "inconclusive"),
     (-0.01, 0.01, "inconclusive"), (0.01, 0.02, "nonInferior")],
)  # fmt: skip
def test_a_verdict_needs_the_whole_interval_on_one_side(low: float, high: float, judged: str) -> None:
    assert verdict(low, high, 0.01) == judged


def test_a_proportion_of_none_or_all_has_an_interval() -> None:
    assert share(np.ones(10), 12, 12)["ci95"] == [pytest.approx(0.7575, abs=1e-4), 1.0]
    assert share(np.ones(10), 0, 0)["value"] is None
    assert ci95(np.linspace(0, 1, 101), 2.0)[1] == 2.0
