from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alara_train.data.films import EVERY_FILM, FINDINGS, Films
from alara_train.evaluate.auroc import auroc
from alara_train.evaluate.strata import auroc_within
from alara_train.recipes.frozen.features import Pooled
from alara_train.recipes.frozen.ridge import Balance, Invariance, cross_validate, fit_ridge

COUNT, CHANNELS, CELLS = 240, 12, 4
STRENGTHS = (0.1, 1.0)
BALANCE = Balance((CHANNELS // 2, CHANNELS // 2), 0.3)


def made(seed: int) -> tuple[Films, Pooled]:
    """Films whose findings are visible in the evidence, two films per patient."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((COUNT, len(FINDINGS))) < 0.3).astype(np.int64)
    evidence = rng.normal(size=(COUNT, CHANNELS, CELLS)).astype(np.float32)
    evidence[:, :, 0] += 1.5 * labels[:, :CHANNELS]
    patient = np.arange(COUNT) // 2
    films = Films(
        folder=Path(),
        names=tuple(str(i) for i in range(COUNT)),
        patients=patient.astype(str),
        labels=labels,
        fold=patient % 5,
        view=np.full(COUNT, "PA"),
        collection=np.full(COUNT, "one"),
    )
    return films, Pooled(rows=evidence, mirrored=evidence + rng.normal(0, 0.1, evidence.shape).astype(np.float32))


def nothing_still() -> Invariance:
    return Invariance(np.zeros((0, CHANNELS, CELLS), dtype=np.float32), np.zeros(0, dtype=np.int64))


def test_a_visible_finding_is_detected_and_an_invisible_one_is_not() -> None:
    films, pooled = made(1)
    fitted = cross_validate(lambda _: (pooled, nothing_still()), films, BALANCE, STRENGTHS, 0.0)
    areas = [auroc(fitted.out_of_fold[:, j], films.labels[:, j]) for j in range(len(FINDINGS))]
    assert np.mean(areas[:CHANNELS]) > 0.7
    assert abs(np.mean(areas[CHANNELS:]) - 0.5) < 0.12


def test_shuffled_labels_score_at_chance() -> None:
    films, pooled = made(2)
    shuffled = Pooled(rows=pooled.rows[::-1].copy(), mirrored=pooled.mirrored[::-1].copy())
    fitted = cross_validate(lambda _: (shuffled, nothing_still()), films, BALANCE, STRENGTHS, 0.0)
    assert np.mean([auroc(fitted.out_of_fold[:, j], films.labels[:, j]) for j in range(14)]) == pytest.approx(
        0.5, abs=0.05
    )


def test_the_folded_read_out_equals_the_ridge() -> None:
    films, pooled = made(3)
    ridge = cross_validate(lambda _: (pooled, nothing_still()), films, BALANCE, STRENGTHS, 0.0).ridge
    linear = ridge.linear()
    raw = np.einsum("nck,fck->nf", pooled.rows, linear.weight) + linear.bias
    assert raw == pytest.approx(ridge(pooled.rows), abs=1e-4)


def test_every_map_has_the_same_weight_and_its_mean_the_configured_one() -> None:
    rng = np.random.default_rng(8)
    balance = Balance((3, 9), 0.25)
    columns = balance.columns(rng.normal(size=(50, 12, CELLS)).astype(np.float32))
    scaled = balance.scaler(columns)(columns).reshape(50, 12, CELLS + 1)
    variance = scaled.var(axis=0)
    assert [variance[:3, :CELLS].sum(), variance[3:, :CELLS].sum()] == pytest.approx([1, 1], rel=1e-3)
    assert [variance[:3, CELLS].sum(), variance[3:, CELLS].sum()] == pytest.approx([0.25, 0.25], rel=1e-3)


def test_a_feature_that_only_separates_groups_ranks_nothing_within_them() -> None:
    groups = np.repeat([0, 1, 2], 40)
    rng = np.random.default_rng(9)
    labels = (rng.random(120) < np.array([0.1, 0.5, 0.0])[groups]).astype(np.int64)
    by_group = np.array([0.0, 1.0, 0.5])[groups]
    assert auroc(by_group, labels) > 0.65
    assert auroc_within(by_group, labels, groups) == 0.5
    assert auroc_within(labels.astype(float) - 9 * by_group, labels, groups) == 1
    assert np.isnan(auroc_within(by_group, np.zeros(120, dtype=np.int64), groups))


def test_invariance_keeps_scores_stable_on_unseen_patients() -> None:
    films, pooled = made(4)
    rng = np.random.default_rng(5)
    rows = np.arange(0, COUNT, 6)  # in every fold
    shift = rng.normal(size=(CHANNELS, CELLS)).astype(np.float32)
    still = Invariance(rng.uniform(0.5, 1.5, (len(rows), 1, 1)).astype(np.float32) * shift, rows)
    fits = [cross_validate(lambda _: (pooled, still), films, BALANCE, STRENGTHS, weight) for weight in (0.0, 10.0)]
    change = [np.abs(fitted.originals - fitted.out_of_fold[rows]).mean() for fitted in fits]
    assert change[1] < 0.2 * change[0]


def test_each_fold_is_scored_by_the_evidence_of_its_own_trunk() -> None:
    films, pooled = made(5)
    rng = np.random.default_rng(6)
    noise = {fold: rng.normal(size=pooled.rows.shape).astype(np.float32) for fold in (EVERY_FILM, *films.folds)}
    own = {fold: Pooled(rows=pooled.rows + n, mirrored=pooled.mirrored + n) for fold, n in noise.items()}
    fitted = cross_validate(lambda fold: (own[fold], nothing_still()), films, BALANCE, STRENGTHS, 0.0)
    everything = np.arange(len(films))
    for fold in films.folds:
        train, test = everything[films.fold != fold], films.fold == fold
        ridge, _ = fit_ridge(own[fold], films, train, BALANCE, STRENGTHS, nothing_still(), 0.0)
        assert fitted.out_of_fold[test] == pytest.approx(ridge(own[fold].rows[test]))
    served, _ = fit_ridge(own[EVERY_FILM], films, everything, BALANCE, STRENGTHS, nothing_still(), 0.0)
    assert fitted.ridge(pooled.rows) == pytest.approx(served(pooled.rows))
