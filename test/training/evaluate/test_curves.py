from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from alara_train.evaluate.auroc import auroc, auroc_draws, weighted_roc
from alara_train.evaluate.metrics import precision_recall_points
from alara_train.evaluate.resample import Resamples, resample, single_draw

Floats = np.ndarray


def made(seed: int, films: int, digits: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and patients. Few digits give many ties."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(films) < share).astype(np.int64)
    scores = np.round(rng.normal(size=films) + labels, digits)
    return scores, labels, rng.integers(0, films // 2, films).astype(str)


@pytest.mark.parametrize("digits", [0, 1, 8])
def test_areas_equal_scikit_learn_with_weights_and_ties(digits: int) -> None:
    scores, labels, patients = made(1, 400, digits)
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    resamples = resample(patients, 12, 5)
    curve = weighted_roc(scores, labels, resamples)
    weights = resamples.counts[resamples.owner].T
    areas = [roc_auc_score(labels, scores, sample_weight=w) for w in weights]
    assert curve.auroc() == pytest.approx(areas, abs=1e-12)
    assert auroc_draws(scores, labels, resamples) == pytest.approx(areas, abs=1e-12)
    precisions = [average_precision_score(labels, scores, sample_weight=w) for w in weights]
    assert curve.average_precision() == pytest.approx(precisions, abs=1e-6)


def test_films_of_a_patient_are_drawn_together_and_weighted_by_their_draws() -> None:
    scores, labels, patients = made(2, 300, 1)
    resamples = resample(patients, 30, 7)
    weights = resamples.counts[resamples.owner].T
    assert (resamples.counts.sum(axis=0) == len(np.unique(patients))).all()
    assert (resample(patients, 30, 7).counts == resamples.counts).all()
    expected = [roc_auc_score(np.repeat(labels, w), np.repeat(scores, w)) for w in weights.astype(int)]
    assert auroc_draws(scores, labels, resamples) == pytest.approx(expected)


def test_unknown_labels_are_excluded() -> None:
    scores, labels, patients = made(3, 200, 1)
    known = np.arange(200) % 3 > 0
    masked = np.where(known, labels, -1)
    assert auroc(scores, masked) == pytest.approx(roc_auc_score(labels[known], scores[known]))
    resamples = resample(patients, 5, 1)
    some = Resamples(resamples.counts, resamples.owner[known])
    assert auroc_draws(scores, masked, resamples) == pytest.approx(auroc_draws(scores[known], labels[known], some))


def test_a_resample_with_one_class_has_no_area() -> None:
    resamples = Resamples(np.array([[1, 0], [1, 2]], dtype=np.float32), np.array([0, 1]))
    area = auroc_draws(np.array([1.0, 0.0]), np.array([1, 0]), resamples)
    assert area[0] == 1
    assert np.isnan(area[1])


@pytest.mark.parametrize("digits", [1, 8])
def test_thresholds_equal_the_best_ones_of_an_exhaustive_search(digits: int) -> None:
    scores, labels, _ = made(4, 300, digits)
    curve = weighted_roc(scores, labels, single_draw(300))
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    sensitivity, specificity = curve.rates(curve.youden())
    assert sensitivity[0] + specificity[0] == pytest.approx((true + 1 - false).max(), abs=1e-6)
    sensitivity, specificity = curve.rates(curve.at_sensitivity(0.95))
    assert sensitivity[0] >= 0.95
    assert specificity[0] == pytest.approx(1 - false[true >= 0.95].min(), abs=1e-6)
    sensitivity, specificity = curve.rates(curve.at_specificity(0.95))
    assert specificity[0] >= 0.95
    assert sensitivity[0] == pytest.approx(true[1 - false >= 0.95].max(), abs=1e-6)


def test_a_threshold_that_no_score_reaches_calls_nothing() -> None:
    curve = weighted_roc(np.array([0.0, 1.0]), np.array([1, 0]), single_draw(2))
    step = curve.at_specificity(0.95)
    assert step[0] == 1
    sensitivity, specificity = curve.rates(step)
    assert (float(sensitivity[0]), float(specificity[0])) == (0.0, 1.0)


def test_precision_recall_ends_at_full_recall_and_prevalence() -> None:
    scores, labels, _ = made(5, 400, 8)
    points = precision_recall_points(scores, labels)
    assert len(points) <= 41
    assert points[-1][0] == 1
    assert points[-1][1] >= labels.mean() - 1e-4


def test_the_bootstrap_of_a_large_family_takes_seconds() -> None:
    """A twentieth of 25 000 films x 14 findings x 8 variants x 2 000 resamples. `-s` prints the time of the whole."""
    import time

    rng = np.random.default_rng(6)
    films = 25_000
    resamples = resample(rng.integers(0, films // 4, films).astype(str), 2000, 1)
    start = time.perf_counter()
    for share in (0.18, 0.1, 0.05, 0.05, 0.02, 0.002):
        labels = (rng.random(films) < share).astype(np.int64)
        auroc_draws(rng.normal(size=films) + labels, labels, resamples)
    taken = (time.perf_counter() - start) / 6 * 14 * 8
    print(f"25 000 films x 14 findings x 8 variants x 2 000 resamples: {taken:.0f} s")  # noqa: T201
    assert taken < 300
