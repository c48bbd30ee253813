from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from alara_train.evaluate.calibration import (
    ISOTONIC_LEAST,
    Isotonic,
    Uncalibratable,
    cross_losses,
    fit_beta,
    fit_isotonic,
    fit_platt,
    prefer,
    record,
    smoothed,
    usable,
)
from alara_train.evaluate.operating import (
    PRESENT,
    SENSITIVITY,
    SPECIFICITY,
    Called,
    NoSuchPoint,
    Threshold,
    achieved,
    choose,
)
from alara_train.evaluate.resample import resample


def bent(seed: int, films: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose log odds rise steeply on one side and slowly on the other: the shape of beta, not of Platt."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=films)
    odds = np.where(scores > 0, 3.0 * scores, 0.2 * scores) - 1.5
    return scores, (rng.random(films) < 1 / (1 + np.exp(-odds))).astype(np.int64)


def folds(films: int) -> list[np.ndarray]:
    return [np.arange(films) % 5 == k for k in range(5)]


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


def test_beta_recovers_its_own_shape() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(2, 3, 60_000)
    u = (scores - 2) / 3
    odds = 1.8 * -np.log1p(np.exp(-u)) - 0.4 * -np.log1p(np.exp(u)) - 0.5
    labels = (rng.random(len(scores)) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    found = fit_beta(scores, labels)
    assert (found.a, found.b, found.c) == pytest.approx((1.8, 0.4, -0.5), abs=0.12)
    line = found(np.linspace(-9, 12, 200))
    assert (np.diff(line) > 0).all()


def test_a_bent_score_gets_beta_and_a_straight_one_platt() -> None:
    scores, labels = bent(2, 4000)
    assert prefer(cross_losses(scores, labels, folds(4000), ("platt", "beta"))) == "beta"
    rng = np.random.default_rng(3)
    straight = (rng.random(4000) < 1 / (1 + np.exp(-(scores - 1)))).astype(np.int64)
    assert prefer(cross_losses(scores, straight, folds(4000), ("platt", "beta", "isotonic"))) == "platt"


def test_isotonic_equals_scikit_learn_and_needs_enough_films() -> None:
    scores, labels = bent(4, 900)
    found = fit_isotonic(scores, labels)
    expected = IsotonicRegression().fit(scores, smoothed(labels)).predict(scores)
    for level in np.unique(found.y):
        inside = np.isclose(expected, level)
        assert inside.any()
    assert (np.diff(found.y) > 0).all()
    assert 0 < found.y.min() < found.y.max() < 1
    few = np.zeros(1000, dtype=np.int64)
    few[: ISOTONIC_LEAST - 1] = 1
    assert usable(few, ("platt", "isotonic")) == ["platt"]
    few[ISOTONIC_LEAST - 1] = 1
    assert usable(few, ("platt", "isotonic")) == ["platt", "isotonic"]
    assert record(Isotonic(np.array([0.0]), np.array([0.5]))) == {"method": "isotonic", "x": [0.0], "y": [0.5]}


def test_beta_refuses_falling_scores() -> None:
    scores, labels = bent(5, 800)
    with pytest.raises(Uncalibratable):
        fit_beta(-scores, labels)


def test_a_threshold_lies_between_films_meets_its_target_and_lies_in_its_band() -> None:
    scores, labels = bent(6, 500)
    p = 1 / (1 + np.exp(-scores))
    chosen = choose(p, labels, resample(np.arange(500).astype(str), 200, 1))
    assert ((p >= chosen["sensitive"].value)[labels == 1]).mean() >= SENSITIVITY
    assert ((p < chosen["specific"].value)[labels == 0]).mean() >= SPECIFICITY
    assert chosen["sensitive"].value < chosen["balanced"].value < chosen["specific"].value
    for threshold in chosen.values():
        assert threshold.value not in p
        assert threshold.low < threshold.value < threshold.high


def test_a_band_stays_within_the_probabilities_of_a_bounded_calibration() -> None:
    # The highest films do not have the finding, and no probability is above .2, as a beta calibration with b = 0 gives.
    rng = np.random.default_rng(3)
    labels = np.zeros(400, dtype=np.int64)
    labels[20:60] = 1
    p = np.linspace(0.2, 0.01, 400) + rng.normal(0, 1e-4, 400)
    chosen = choose(p, labels, resample(np.arange(400).astype(str), 200, 1))
    for point, at in chosen.items():
        assert at.high < p.max(), point
    assert (chosen["specific"].calls(p) == PRESENT).any()


def test_a_call_is_present_only_above_the_band() -> None:
    p = np.array([0.19, 0.2, 0.25, 0.3, 0.31])
    assert Threshold(0.25, 0.2, 0.3).calls(p).tolist() == [0, 1, 1, 1, 2]
    assert Threshold(0.25, 0.25, 0.25).calls(p).tolist() == [0, 0, 2, 2, 2]


def test_the_threshold_of_an_earlier_catalog_is_the_balanced_one() -> None:
    head = {"threshold": {"value": 0.25, "low": 0.2, "high": 0.3, "sensitivity": 0.8, "specificity": 0.7}}
    assert Threshold.of(head, "balanced") == Threshold(0.25, 0.2, 0.3)
    with pytest.raises(NoSuchPoint, match="calibrate"):
        Threshold.of(head, "specific")
    head = {"operatingPoints": {"specific": {"threshold": 0.5, "low": 0.4, "high": 0.6}}}
    assert Threshold.of(head, "specific") == Threshold(0.5, 0.4, 0.6)


def test_rates_are_counted_and_lie_in_their_intervals() -> None:
    scores, labels = bent(7, 600)
    p = 1 / (1 + np.exp(-scores))
    resamples = resample(np.arange(600).astype(str), 400, 1)
    threshold = Threshold(0.6, 0.55, 0.7)
    called = Called(reached=threshold.reached(p), calls=threshold.calls(p))
    rates = achieved(called, labels, resamples, float(labels.mean()))
    assert rates["sensitivity"]["value"] == pytest.approx(called.reached[labels == 1].mean(), abs=1e-4)
    assert rates["ppv"]["value"] == pytest.approx(labels[called.reached].mean(), abs=1e-4)
    assert rates["npv"]["films"] == (~called.reached).sum()
    assert rates["indeterminate"]["value"] == pytest.approx(((p >= 0.55) & (p <= 0.7)).mean(), abs=1e-4)
    for rate in rates.values():
        low, high = rate["ci95"]
        assert low < rate["value"] < high
    rarer = achieved(called, labels, resamples, 0.01)
    assert rarer["sensitivity"] == rates["sensitivity"]
    assert rarer["ppv"]["value"] < rates["ppv"]["value"]
