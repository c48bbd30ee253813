"""Calibration and thresholds of a finding: chosen by a protocol, or those of a catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from alara_train.data.films import Floats, Ints
from alara_train.evaluate.calibration import FITS, Calibrator, calibrator, cross_losses, log_losses, prefer
from alara_train.evaluate.operating import POINTS, Called, Threshold, choose
from alara_train.evaluate.resample import Resamples, resample
from alara_train.evaluate.scored import Design, VariantScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Calibration and thresholds of one finding of one variant, and what they make of the films."""

    probability: Floats
    """[N], calibrated by choices that were made on other films."""
    called: dict[str, Called]
    """By operating point, by choices that were made on other films."""
    served: Calibrator
    thresholds: dict[str, Threshold]
    """As served."""
    losses: dict[str, float]
    """Log loss per calibration method."""


def choose_for_all(
    scored: list[VariantScores], j: int, plan: Design, methods: tuple[str, ...], few: Resamples
) -> list[Chosen]:
    """Choose a method of calibration for all variants, then calibration and thresholds per variant."""
    losses = [method_losses(variant, j, plan, methods) for variant in scored]
    method = prefer({name: np.mean([loss[name] for loss in losses], axis=0) for name in losses[0]})
    return [
        calibrated(variant, j, plan, method, {name: float(each.mean()) for name, each in loss.items()}, few)
        for variant, loss in zip(scored, losses, strict=True)
    ]


def as_served(variant: VariantScores, j: int, head: dict[str, Any]) -> Chosen:
    """Calibration and thresholds of a head of a catalog; they were chosen on other films than these."""
    served, y = calibrator(head["calibration"]), variant.labels[:, j]
    probability, known = served(variant.logits[:, j]), y >= 0
    thresholds = {point: Threshold.of(head, point) for point in head["operatingPoints"]}
    return Chosen(
        probability=probability,
        called={
            point: Called(reached=threshold.reached(probability), calls=threshold.calls(probability))
            for point, threshold in thresholds.items()
        },
        served=served,
        thresholds=thresholds,
        losses={head["calibration"]["method"]: float(log_losses(probability[known], y[known]).mean())},
    )


def method_losses(variant: VariantScores, j: int, plan: Design, methods: tuple[str, ...]) -> dict[str, Floats]:
    """Cross-validated loss of each film on which the served calibration is fitted."""
    rows = np.flatnonzero(plan.served & (variant.labels[:, j] >= 0))
    if plan.protocol == "crossValidated":
        folds = [part.applied_to[rows] for part in plan.parts]
    else:
        _, patient = np.unique(variant.patients[rows], return_inverse=True)
        folds = [patient % 5 == k for k in range(5)]
    return cross_losses(variant.logits[rows, j], variant.labels[rows, j], folds, methods)


def calibrated(
    variant: VariantScores, j: int, plan: Design, method: str, losses: dict[str, float], few: Resamples
) -> Chosen:
    """Calibrate and call every measured film by choices that were made on other films."""
    z, y = variant.logits[:, j], variant.labels[:, j]
    known = y >= 0

    def resamples_of(rows: Ints) -> Resamples:
        if plan.protocol == "crossValidated":
            return Resamples(few.counts, few.owner[rows])
        return resample(variant.patients[rows], few.draws, 1)

    def fit(rows: Ints) -> tuple[Calibrator, dict[str, Threshold]]:
        calibrate = FITS[method](z[rows], y[rows])
        return calibrate, choose(calibrate(z[rows]), y[rows], resamples_of(rows))

    probability = np.full(len(z), np.nan)
    reached = {point: np.zeros(len(z), dtype=bool) for point in POINTS}
    calls = {point: np.zeros(len(z), dtype=np.int64) for point in POINTS}
    for part in plan.parts:
        own = np.flatnonzero(part.applied_to)
        calibrate, thresholds = fit(np.flatnonzero(part.chosen_on & known))
        probability[own] = calibrate(z[own])
        for point, threshold in thresholds.items():
            reached[point][own] = threshold.reached(probability[own])
            calls[point][own] = threshold.calls(probability[own])
    served, thresholds = fit(np.flatnonzero(plan.served & known))
    return Chosen(
        probability=probability,
        called={point: Called(reached=reached[point], calls=calls[point]) for point in POINTS},
        served=served,
        thresholds=thresholds,
        losses=losses,
    )
