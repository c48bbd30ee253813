"""Measure every variant; all documents are written from these values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from alara_train.data.films import Floats, Ints
from alara_train.errors import UserError
from alara_train.evaluate.auroc import auroc, auroc_draws, weighted_roc
from alara_train.evaluate.baseline import log_odds, view_and_collection_groups, view_groups
from alara_train.evaluate.calibration import METHODS, Calibrator, Platt, Uncalibratable, record, usable
from alara_train.evaluate.chosen import Chosen, as_served, calibrated, choose_for_all, method_losses
from alara_train.evaluate.delong import DeLong, delong
from alara_train.evaluate.intervals import ci95
from alara_train.evaluate.metrics import brier, ece
from alara_train.evaluate.operating import Point, achieved
from alara_train.evaluate.resample import Resamples, resample, single_draw
from alara_train.evaluate.scored import BadScores, Design, Protocol, VariantScores, check, design
from alara_train.evaluate.strata import WithinStrata, strata, within_strata

THRESHOLD_DRAWS = 500
"""Number of resamples for thresholds and for subgroups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMeasured:
    """One finding of one variant, on the films that are measured and whose label is known."""

    auroc: float
    draws: Floats
    """AUROC of every resample of patients; the same resamples for every variant."""
    within: WithinStrata | None
    """Over the pairs of films of one view and collection; None if none of these has films with and without."""
    delong_error: float
    fold_aurocs: tuple[float, ...]
    """AUROC of each fold with both classes; empty in `heldOut`."""
    average_precision: float
    precision_draws: Floats
    positives: int
    negatives: int
    method: str
    """Calibration method, the same for every variant of the finding."""
    log_losses: dict[str, float]
    """Cross-validated log loss per method."""
    served: Calibrator
    probability: Floats
    """[N], calibrated without the film's patient; NaN if the film is not measured or its label is unknown."""
    points: dict[str, Point]
    ece_before: float
    """Before calibration: of the logistic of the raw score."""
    ece_after: float
    brier_before: float
    brier_after: float
    above_baseline: dict[str, tuple[float, Floats]]
    """AUROC minus the AUROC of each baseline without pixels, with draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantMeasured:
    """One variant."""

    scored: VariantScores
    heads: dict[str, HeadMeasured]

    @property
    def id(self) -> str:
        """The variant's name."""
        return self.scored.variant

    @property
    def points(self) -> tuple[str, ...]:
        """Names of the operating points."""
        return tuple(next(iter(self.heads.values())).points)

    @property
    def draws(self) -> Floats:
        """Mean AUROC of the findings in every resample."""
        mean: Floats = np.mean([head.draws for head in self.heads.values()], axis=0)
        return mean

    @property
    def mean_auroc(self) -> float:
        """Mean AUROC of the findings."""
        return float(np.mean([head.auroc for head in self.heads.values()]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A family: every variant on the same films and the same resamples."""

    variants: tuple[VariantMeasured, ...]
    design: Design
    resamples: Resamples
    """Resamples of the patients of all films; a film that is not measured has label -1."""
    labels: Ints
    """[N, findings]: as scored, with -1 also where a film is not measured."""
    delongs: dict[str, DeLong]
    """By finding, with the variants in order."""
    baselines: dict[str, Floats]
    """Log odds [N, findings] by the name of the baseline."""
    films: VariantScores
    """The first variant, for the columns of the films."""
    not_served: tuple[dict[str, Any], ...] = ()
    """Findings that are not above chance, as in the catalog's `notServed`."""

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of the findings."""
        return self.films.findings

    def prevalence(self, finding: str) -> float:
        """Share of positives among the films on which calibration was fitted."""
        return _prevalence(self.films, self.findings.index(finding), self.design)


def auroc_record(value: float, draws: Floats, positives: int, negatives: int, protocol: str) -> dict[str, object]:
    """An AUROC as the catalog's `Auroc`."""
    value = round(value, 6)
    return {
        "value": value,
        "ci95": ci95(draws, value),
        "positives": positives,
        "negatives": negatives,
        "protocol": protocol,
    }


class OneClass(UserError):
    """A finding has films of only one class, so it cannot be measured; the message names the finding."""


def measure(
    scored: list[VariantScores],
    *,
    protocol: Protocol = "crossValidated",
    draws: int = 2000,
    seed: int = 0,
    methods: tuple[str, ...] = METHODS,
    leave_out: bool = False,
    catalog: dict[str, Any] | None = None,
) -> Measured:
    """Measure variants that were scored on the same films.

    Args:
        scored: One value per variant.
        protocol: On which films choices are made and measured; see `scored.design`.
        draws: Number of resamples of patients.
        seed: Seed of the resamples.
        methods: Calibrations that serving can compute.
        leave_out: Leave out findings that are not above chance in every variant, and list them in `not_served`.
        catalog: For the protocol `served`, the catalog whose calibration and thresholds are measured.

    Raises:
        BadScores, OneClass, Uncalibratable: The scores cannot be measured, or no finding is above chance.
    """
    check(scored, protocol)
    first = scored[0]
    plan = design(first, protocol)
    labels = np.where(plan.measured[:, None], first.labels, -1)
    resamples = _resample_measured(first, plan, draws, seed)
    baselines = {
        "viewAndCollection": log_odds(first, view_and_collection_groups(first), plan),
        "view": log_odds(first, view_groups(first), plan),
    }
    floors: dict[str, list[tuple[float, Floats]]] = {
        name: [
            (auroc(logits[:, j], labels[:, j]), auroc_draws(logits[:, j], labels[:, j], resamples))
            for j in range(len(first.findings))
        ]
        for name, logits in baselines.items()
    }
    delongs = {
        finding: delong(np.stack([v.logits[:, j] for v in scored]), labels[:, j])
        for j, finding in enumerate(first.findings)
    }
    heads: list[dict[str, HeadMeasured]] = [{} for _ in scored]
    not_served: list[dict[str, Any]] = []
    for j, finding in enumerate(first.findings):
        y = labels[:, j]
        if not (y == 1).any() or not (y == 0).any():
            raise OneClass(f"{finding}: the measured films are all of one class")
        if leave_out and (entry := _at_chance(scored, j, y, plan, resamples, methods)):
            not_served.append(entry)
            continue
        below = {name: rows[j] for name, rows in floors.items()}
        if catalog is None:
            chosen = choose_for_all(scored, j, plan, methods, resamples.first(THRESHOLD_DRAWS))
        else:
            served_heads = {v["id"]: v["heads"][finding] for v in catalog["variants"] if finding in v["heads"]}
            chosen = [as_served(variant, j, served_heads[variant.variant]) for variant in scored]
        for index, variant in enumerate(scored):
            error = delongs[finding].error(index)
            heads[index][finding] = _head(variant, j, y, plan, resamples, chosen[index], error, below)
    served = [finding for finding in first.findings if finding in heads[0]]
    if not served:
        raise BadScores(
            f"no finding can be served: {' '.join(entry['reason'] for entry in not_served)} Train longer, or measure "
            "on more films"
        )
    columns = [first.findings.index(finding) for finding in served]
    return Measured(
        variants=tuple(VariantMeasured(scored=v.only(served), heads=h) for v, h in zip(scored, heads, strict=True)),
        design=plan,
        resamples=resamples,
        labels=labels[:, columns],
        delongs={finding: delongs[finding] for finding in served},
        baselines={name: logits[:, columns] for name, logits in baselines.items()},
        films=first.only(served),
        not_served=tuple(not_served),
    )


def _at_chance(
    scored: list[VariantScores], j: int, y: Ints, plan: Design, resamples: Resamples, methods: tuple[str, ...]
) -> dict[str, Any] | None:
    """Why a finding cannot be served, as the catalog's `NotServed`; None if every variant is above chance.

    Above chance: the 95 % interval of the AUROC lies above 0.5, and scores rise with the labels of the films that
    calibration is fitted on.
    """
    finding = scored[0].findings[j]
    positives, negatives = int((y == 1).sum()), int((y == 0).sum())
    records = {}
    reasons = []
    falling = []
    for variant in scored:
        z = variant.logits[:, j]
        value, draws = auroc(z, y), auroc_draws(z, y, resamples)
        low, high = ci95(draws, round(value, 6))
        records[variant.variant] = auroc_record(value, draws, positives, negatives, plan.protocol)
        if low <= 0.5:
            reasons.append(f"{variant.variant} {value:.3f} [{low:.3f}, {high:.3f}]")
            continue
        try:
            method_losses(variant, j, plan, methods)
            for method in usable(variant.labels[plan.served & (variant.labels[:, j] >= 0), j], methods):
                calibrated(variant, j, plan, method, {}, resamples.first(1))
        except Uncalibratable:
            falling.append(variant.variant)
    if not reasons and not falling:
        return None
    sentences = []
    if reasons:
        sentences.append(
            f"{finding} is not above chance: AUROC {'; '.join(reasons[:8])} on {positives} films with it and "
            f"{negatives} without it."
        )
    if falling:
        sentences.append(
            f"{finding}: scores of {', '.join(falling[:8])} do not rise with the labels that calibration is fitted on."
        )
    return {"finding": finding, "reason": " ".join(sentences), "auroc": records}


def _resample_measured(films: VariantScores, plan: Design, draws: int, seed: int) -> Resamples:
    """Resample only the measured patients; a film that is not measured belongs to no draw."""
    some = resample(films.patients[plan.measured], draws, seed)
    owner = np.zeros(len(films), dtype=np.int64)
    owner[plan.measured] = some.owner
    return Resamples(some.counts, owner)


def _head(
    variant: VariantScores,
    j: int,
    y: Ints,
    plan: Design,
    resamples: Resamples,
    chosen: Chosen,
    delong_error: float,
    floors: dict[str, tuple[float, Floats]],
) -> HeadMeasured:
    z = variant.logits[:, j]
    curve = weighted_roc(z, y, resamples)
    value, areas = auroc(z, y), curve.auroc()
    precision_draws = curve.average_precision()
    del curve
    few = resamples.first(THRESHOLD_DRAWS)
    probability, called, known = chosen.probability, chosen.called, y >= 0
    p, truth = probability[known], y[known]
    raw = Platt(1.0, 0.0)(z[known])
    folds = [auroc(z, np.where(part.applied_to, y, -1)) for part in plan.parts]
    return HeadMeasured(
        auroc=value,
        draws=areas,
        within=within_strata(z, y, strata(variant), resamples),
        delong_error=delong_error,
        fold_aurocs=tuple(v for v in folds if not np.isnan(v)) if plan.protocol == "crossValidated" else (),
        average_precision=float(weighted_roc(z, y, single_draw(len(y))).average_precision()[0]),
        precision_draws=precision_draws,
        positives=int((y == 1).sum()),
        negatives=int((y == 0).sum()),
        method=str(record(chosen.served)["method"]),
        log_losses=chosen.losses,
        served=chosen.served,
        probability=np.where(known, probability, np.nan),
        points={
            name: Point(
                threshold=threshold,
                called=called[name],
                achieved=achieved(called[name], y, few, _prevalence(variant, j, plan)),
            )
            for name, threshold in chosen.thresholds.items()
        },
        ece_before=ece(raw, truth),
        ece_after=ece(p, truth),
        brier_before=brier(raw, truth),
        brier_after=brier(p, truth),
        above_baseline={name: (value - floor, areas - drawn) for name, (floor, drawn) in floors.items()},
    )


def _prevalence(variant: VariantScores, j: int, plan: Design) -> float:
    known = variant.labels[plan.served, j]
    return float(np.mean(known[known >= 0]))
