from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alara_train.data import FINDINGS, Films
from alara_train.evaluate import compare, measure_variant, resamples
from alara_train.features import Pooled
from alara_train.fit import Invariance, cross_validate
from alara_train.metrics import auroc

COUNT, CHANNELS, CELLS = 240, 12, 4
STRENGTHS = (0.1, 1.0)


def made(seed: int) -> tuple[Films, Pooled]:
    """Films whose findings show in the evidence, two films a patient."""
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
    return Invariance(np.zeros((0, CHANNELS * CELLS), dtype=np.float32), np.zeros(0, dtype=np.int64))


def test_what_shows_is_found_and_what_does_not_is_not() -> None:
    films, pooled = made(1)
    fitted = cross_validate(pooled, films, STRENGTHS, nothing_still(), 0.0)
    areas = [auroc(fitted.out_of_fold[:, j], films.labels[:, j]) for j in range(len(FINDINGS))]
    assert np.mean(areas[:CHANNELS]) > 0.7
    assert abs(np.mean(areas[CHANNELS:]) - 0.5) < 0.12


def test_labels_that_were_shuffled_score_by_chance() -> None:
    films, pooled = made(2)
    shuffled = Pooled(rows=pooled.rows[::-1].copy(), mirrored=pooled.mirrored[::-1].copy())
    fitted = cross_validate(shuffled, films, STRENGTHS, nothing_still(), 0.0)
    assert np.mean([auroc(fitted.out_of_fold[:, j], films.labels[:, j]) for j in range(14)]) == pytest.approx(
        0.5, abs=0.05
    )


def test_the_folded_read_out_is_the_ridge() -> None:
    films, pooled = made(3)
    ridge = cross_validate(pooled, films, STRENGTHS, nothing_still(), 0.0).ridge
    linear = ridge.linear(CHANNELS)
    raw = np.einsum("nck,fck->nf", pooled.rows, linear.weight) + linear.bias
    assert raw == pytest.approx(ridge(pooled.rows.reshape(COUNT, -1)), abs=1e-4)


def test_invariance_holds_scores_still_on_patients_it_did_not_see() -> None:
    films, pooled = made(4)
    rng = np.random.default_rng(5)
    rows = np.arange(0, COUNT, 6)  # in every fold
    shift = rng.normal(size=CHANNELS * CELLS).astype(np.float32)
    still = Invariance(np.outer(rng.uniform(0.5, 1.5, len(rows)), shift).astype(np.float32), rows)
    change = [
        np.abs((f := cross_validate(pooled, films, STRENGTHS, still, w)).originals - f.out_of_fold[rows]).mean()
        for w in (0.0, 10.0)
    ]
    assert change[1] < 0.2 * change[0]


def test_a_variant_does_not_differ_from_itself() -> None:
    films, pooled = made(6)
    logits = pooled.rows[:, :, 0] @ np.eye(CHANNELS, 14) + 0.3 * films.labels
    weights = resamples(films, 50, seed=7)
    variant = measure_variant("r256-fp32", logits, films, weights)
    record = compare(variant, variant, "Nodule")
    assert record["difference"] == 0
    assert record["ci95"] == [0, 0]
