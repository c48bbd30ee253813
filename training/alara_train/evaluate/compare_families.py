"""Compare families on the same films: mean AUROC per size, pooled and within strata, with paired differences."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from alara_train.data.films import Floats, Ints
from alara_train.evaluate.auroc import auroc, auroc_draws
from alara_train.evaluate.intervals import ci95
from alara_train.evaluate.resample import Resamples, resample
from alara_train.evaluate.scored import BadScores, Strings
from alara_train.evaluate.scores_file import SCHEMA, read_scores
from alara_train.evaluate.strata import within_strata

AVERAGE = "average"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyScores:
    """The published scores of one family."""

    name: str
    films: list[str]
    """Digest of each film."""
    patients: Strings
    folds: Ints
    strata: Strings
    """View and collection of each film."""
    labels: dict[str, Ints]
    logits: dict[str, dict[str, Floats]]
    """[films] by variant and finding."""

    @classmethod
    def of(cls, document: dict[str, Any], name: str) -> FamilyScores:
        """Read a `scores.json`; `name` tells the family from others of the same name.

        Raises:
            BadDocument: It is of another kind.
            BadScores: It is of an earlier version, without logits.
        """
        _, labels, patients = read_scores(document)
        if document["schema"] != SCHEMA:
            raise BadScores(f"the scores of {name} have no logits: write them again by alara-train scores")
        names = np.array(document["strata"]["names"])
        return cls(
            name=name,
            films=document["films"],
            patients=patients,
            folds=np.array(document["folds"]),
            strata=names[np.array(document["strata"]["films"])],
            labels=labels,
            logits={
                variant: {
                    finding: np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)
                    for finding, text in row.items()
                }
                for variant, row in document["logits"].items()
            },
        )

    def take(self, films: list[str]) -> FamilyScores:
        """The same scores in the order of `films`, which must be those of the family."""
        place = {film: i for i, film in enumerate(self.films)}
        rows = np.array([place[film] for film in films])
        return FamilyScores(
            name=self.name,
            films=films,
            patients=self.patients[rows],
            folds=self.folds[rows],
            strata=self.strata[rows],
            labels={finding: values[rows] for finding, values in self.labels.items()},
            logits={v: {f: z[rows] for f, z in row.items()} for v, row in self.logits.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Area:
    """A mean AUROC over findings and its value in every resample."""

    value: float
    draws: Floats


def compare_families(
    families: list[FamilyScores], variants: list[str], *, average: bool, draws: int, seed: int
) -> dict[str, Any]:
    """Measure every family at every variant, and its difference from the first family.

    Args:
        families: At least two, of different names, that were scored on the same films.
        variants: Variants that all of them have.
        average: Also measure the average of the families: the mean of the ranks of a film within its fold.
        draws: Number of resamples of patients, which are the same for all families.
        seed: Seed of the resamples.

    Returns:
        `findings`, and per variant and family `mean`, `withinStrata` and their paired differences `againstFirst`.

    Raises:
        BadScores: The families cannot be compared.
    """
    first = families[0]
    others = [_aligned(first, other) for other in families[1:]]
    findings = [f for f in first.labels if all(f in other.labels for other in others)]
    if not findings:
        raise BadScores("the families have no finding in common")
    resamples = resample(first.patients, draws, seed)
    table: dict[str, Any] = {}
    for variant in variants:
        scores = {family.name: _logits(family, variant, findings) for family in (first, *others)}
        if average:
            scores[AVERAGE] = {f: _mean_rank([own[f] for own in scores.values()], first.folds) for f in findings}
        areas = {name: _areas(own, first, findings, resamples) for name, own in scores.items()}
        table[variant] = {name: _record(area, areas[first.name]) for name, area in areas.items()}
    return {
        "films": len(first.films),
        "patients": len(set(first.patients.tolist())),
        "findings": findings,
        "bootstraps": draws,
        "first": first.name,
        "variants": table,
    }


def _aligned(first: FamilyScores, other: FamilyScores) -> FamilyScores:
    if set(other.films) != set(first.films):
        raise BadScores(
            f"{first.name} and {other.name} were not scored on the same films "
            f"({len(set(first.films) & set(other.films))} in common of {len(first.films)} and {len(other.films)})"
        )
    taken = other.take(first.films)
    if any(f in first.labels and not np.array_equal(first.labels[f], own) for f, own in taken.labels.items()):
        raise BadScores(f"{first.name} and {other.name} have different labels for the same films")
    return taken


def _logits(family: FamilyScores, variant: str, findings: list[str]) -> dict[str, Floats]:
    if variant not in family.logits:
        raise BadScores(f"{family.name} has no {variant}; it has {', '.join(family.logits)}")
    return {finding: family.logits[variant][finding] for finding in findings}


def _mean_rank(scores: list[Floats], folds: Ints) -> Floats:
    """Mean rank of each film within its fold, as a share of the fold; ranks need no common scale."""
    total = np.zeros(len(folds))
    for one in scores:
        for fold in np.unique(folds):
            inside = folds == fold
            total[inside] += rankdata(one[inside]) / inside.sum()
    return total / len(scores)


def _areas(
    scores: dict[str, Floats], films: FamilyScores, findings: list[str], resamples: Resamples
) -> dict[str, _Area]:
    pooled = [(auroc(scores[f], films.labels[f]), auroc_draws(scores[f], films.labels[f], resamples)) for f in findings]
    inside = [within_strata(scores[f], films.labels[f], films.strata, resamples) for f in findings]
    areas = {"mean": pooled, "withinStrata": [(one.auroc, one.draws) for one in inside if one]}
    return {
        name: _Area(
            value=float(np.mean([value for value, _ in every])), draws=np.nanmean([d for _, d in every], axis=0)
        )
        for name, every in areas.items()
        if every
    }


def _record(areas: dict[str, _Area], first: dict[str, _Area]) -> dict[str, Any]:
    record: dict[str, Any] = {name: _rounded(area.value, area.draws) for name, area in areas.items()}
    if areas is not first:
        record["againstFirst"] = {
            name: _rounded(area.value - first[name].value, area.draws - first[name].draws)
            for name, area in areas.items()
        }
    return record


def _rounded(value: float, draws: Floats) -> dict[str, Any]:
    rounded = round(value, 4)
    return {"value": rounded, "ci95": ci95(draws, rounded)}
