"""One network per side, or per side and finding: the protocol of Sabottke and Spieler (Radiology: AI, 2020)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.data.films import FINDINGS, BadData, Bools, Films, Floats, Ints
from alara_train.evaluate.auroc import auroc, auroc_draws
from alara_train.evaluate.metrics import interval
from alara_train.evaluate.resample import Resamples, resample
from alara_train.evaluate.strata import strata as strata_of
from alara_train.evaluate.strata import within_strata
from alara_train.recipes.finetuned.config import ALL, NO_FOLD, TrainConfig
from alara_train.recipes.finetuned.load_runs import fold_folder, of_fold, start_of
from alara_train.recipes.finetuned.roles import TEST, TRAIN, UNKNOWN, VAL, PreparedFilms, Strings, Uint8s
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.toml_file import BadConfig

TESTED = 0.2
"""Share of the scored films in the paper. Here it is the share of the patients, none of whom is used for training."""
SEED_EVERY = 200
"""Number of resamples that share a seed."""


@dataclass(frozen=True, slots=True)
class EightyTwenty:
    """Prepared films with another split: a fifth of the patients, by hash, validates; the others train."""

    data: PreparedFilms
    seed: int

    @property
    def films(self) -> Films:
        """The table."""
        return self.data.films

    @property
    def split(self) -> Strings:
        """[N] of `train` and `val`."""
        drawn = {p: _drawn(p, self.seed) for p in set(self.data.films.patients.tolist())}
        return np.array([VAL if drawn[p] < TESTED else TRAIN for p in self.data.films.patients.tolist()])

    def pixels(self, side_px: int) -> Uint8s:
        """All films at one size, [N, side, side]."""
        return self.data.pixels(side_px)


def _drawn(patient: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}\nsweep\n{patient}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


@dataclass(frozen=True, slots=True)
class Cell:
    """One network of a sweep."""

    config: TrainConfig
    run: Path


def cells(
    config: TrainConfig,
    sides_px: tuple[int, ...],
    binary: tuple[str, ...],
    out: Path,
    known: tuple[str, ...] = FINDINGS,
    folds: tuple[int, ...] = (),
    first: Path | None = None,
) -> list[Cell]:
    """Plan a sweep: one network of all findings per side, or one network per side and finding of `binary`.

    With `folds`, each is a cross-validation: one network per fold. Its folders are those of `alara-train pipeline
    --cross-validate`, so that a sweep in the same place does not train these networks again. With `first`, another
    cross-validation, each network starts from the weights of the run of the same fold in it.

    Raises:
        BadConfig: A side is out of range or repeated, a finding is unknown, or the config names a fold.
    """
    if config.fold != NO_FOLD:
        raise BadConfig("a sweep has its own split: set fold = -1")
    if not sides_px or len(set(sides_px)) != len(sides_px):
        raise BadConfig("name the sides of a sweep, each once")
    if unknown := set(binary) - set(known):
        raise BadConfig(f"{', '.join(sorted(unknown))} is not among {', '.join(known)}")
    planned = []
    for side in sorted(sides_px):
        for labels in binary or (config.labels,):
            one = replace(config, side_px=side, labels=labels)
            if faults := one.faults():
                raise BadConfig(f"at {side} px: {'; '.join(faults)}")
            run = out / "runs" / f"{side}px"
            if binary or not folds:
                run /= labels
            planned += [Cell(of_fold(one, fold, first), run / fold_folder(fold)) for fold in folds] or [Cell(one, run)]
    return planned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """Scored films of one finding at one side."""

    logits: Floats
    labels: Ints
    patients: Strings
    names: Strings
    strata: Strings
    """View and collection."""


@dataclass(frozen=True, slots=True)
class _Areas:
    """AUROC by side, and in every resample of patients; NaN where a resample has only one class."""

    values: dict[int, float]
    draws: dict[int, Floats]

    def record(self, reference: int) -> dict[str, Any]:
        """The value of every side, and paired differences: side minus reference."""
        return {
            "bySide": {str(side): _measured(self.values[side], self.draws[side]) for side in self.values},
            "againstReference": {
                str(side): _measured(
                    self.values[side] - self.values[reference], self.draws[side] - self.draws[reference]
                )
                for side in self.values
                if side != reference
            },
        }


def collect(
    planned: list[Cell], films: Films, name: str, draws: int, seed: int, reference: int | None = None
) -> dict[str, Any]:
    """Measure the runs of a sweep: AUROC per finding and side, pooled and within strata of view and collection.

    Intervals are over resampled patients, without correction for the number of comparisons.

    Args:
        planned: The sweep, all of whose runs are finished.
        films: The films of the sweep, for their strata.
        name: Name of the data in the record and in the figure.
        draws: Number of resamples of patients, which are the same at every side.
        seed: Seed of the resamples.
        reference: The side that the others are compared with; by default the largest.

    Raises:
        BadConfig: No run has the side `reference`.
        BadData: A run is not finished, or sides were scored on different films.
    """
    sides = sorted({cell.config.side_px for cell in planned})
    against = sides[-1] if reference is None else reference
    if against not in sides:
        raise BadConfig(f"the sweep has no side of {against} px to compare with: name one of its sides")
    strata = dict(zip(films.names, strata_of(films), strict=True))
    findings = list(dict.fromkeys(f for cell in planned for f in _findings(cell)))
    record: dict[str, Any] = {}
    pooled: list[_Areas] = []
    within: list[_Areas] = []
    scored: set[str] = set()
    patients: set[str] = set()
    for finding in findings:
        scores = {side: _scores(planned, side, finding, strata) for side in sides}
        first = scores[sides[0]]
        scored |= set(first.names.tolist())
        patients |= set(first.patients.tolist())
        if any(not np.array_equal(first.names, other.names) for other in scores.values()):
            raise BadData(f"the runs of {finding} were scored on different films: sweep into a new folder")
        positives = int(first.labels.sum())
        if not 0 < positives < len(first.labels):
            continue
        areas, inside = _areas(scores, draws, seed)
        pooled.append(areas)
        record[finding] = {
            "positives": positives,
            "negatives": len(first.labels) - positives,
            **areas.record(against),
        }
        if inside:
            within.append(inside)
            record[finding]["withinStrata"] = inside.record(against)
    if not record:
        raise BadData("no finding has both classes among the scored films")
    config = planned[0].config
    return {
        "schema": "alara.sweep/2",
        "data": {"name": name, "scoredFilms": len(scored), "scoredPatients": len(patients)},
        "backbone": config.backbone,
        "start": str(start_of(config)),
        "epochs": config.epochs,
        "networks": "one a finding" if any(c.config.labels != ALL for c in planned) else "one for all findings",
        "selectedOnScoredFilms": any(_selected(cell) for cell in planned),
        "bootstraps": draws,
        "sidesPx": sides,
        "referencePx": against,
        "findings": record,
        "mean": {
            "findings": len(pooled),
            **_mean(pooled).record(against),
            **({"withinStrata": {"findings": len(within), **_mean(within).record(against)}} if within else {}),
        },
    }


def _mean(areas: list[_Areas]) -> _Areas:
    """Mean over findings; a resample without both classes of a finding takes the mean of the other findings."""
    sides = areas[0].values
    return _Areas(
        {side: float(np.mean([one.values[side] for one in areas])) for side in sides},
        {side: np.nanmean([one.draws[side] for one in areas], axis=0) for side in sides},
    )


def _findings(cell: Cell) -> list[str]:
    folder = RunFolder(cell.run)
    if folder.done is None:
        raise BadData(f"{cell.run} is not finished: sweep again")
    findings: list[str] = np.load(folder.scores)["findings"].tolist()
    return findings


def _scores(planned: list[Cell], side: int, finding: str, strata: dict[str, str]) -> _Scores:
    """Scores of the films that the network did not see: test films, or else validation films, of all folds."""
    parts = [c for c in planned if c.config.side_px == side and finding in _findings(c)]
    # Several cells are the folds of a cross-validation. The test films of the data would be scored by each of them.
    tables = [np.load(RunFolder(cell.run).scores) for cell in parts]
    tested = TEST if len(tables) == 1 and (tables[0]["split"] == TEST).any() else VAL
    kept = []
    for table in tables:
        column = table["findings"].tolist().index(finding)
        inside: Bools = (table["split"] == tested) & (table["labels"][:, column] != UNKNOWN)
        kept.append((table, column, inside))
    names = np.concatenate([table["names"][inside] for table, _, inside in kept])
    return _Scores(
        logits=np.concatenate([table["logits"][inside, column] for table, column, inside in kept]).astype(np.float64),
        labels=np.concatenate([table["labels"][inside, column] for table, column, inside in kept]).astype(np.int64),
        patients=np.concatenate([table["patients"][inside] for table, _, inside in kept]),
        names=names,
        strata=np.array([strata[name] for name in names.tolist()]),
    )


def _selected(cell: Cell) -> bool:
    """Whether the epoch was chosen on the films that are scored."""
    folder = RunFolder(cell.run)
    tests = cell.config.fold == NO_FOLD and bool((np.load(folder.scores)["split"] == TEST).any())
    return bool(folder.done and folder.done["selectedOnValidation"] and not tests)


def _areas(scores: dict[int, _Scores], draws: int, seed: int) -> tuple[_Areas, _Areas | None]:
    """AUROC of every side, pooled and within strata; None where no stratum has both classes."""
    first = next(iter(scores.values()))
    parts = [resample(first.patients, min(SEED_EVERY, draws - at), seed + at) for at in range(0, draws, SEED_EVERY)]
    resamples = Resamples(np.concatenate([part.counts for part in parts], axis=1), parts[0].owner)
    pooled = _Areas(
        {side: auroc(s.logits, s.labels) for side, s in scores.items()},
        {side: auroc_draws(s.logits, s.labels, resamples) for side, s in scores.items()},
    )
    inside = {side: within_strata(s.logits, s.labels, s.strata, resamples) for side, s in scores.items()}
    found = {side: within for side, within in inside.items() if within}
    if len(found) < len(scores):
        return pooled, None
    return pooled, _Areas(
        {side: within.auroc for side, within in found.items()}, {side: within.draws for side, within in found.items()}
    )


def _measured(value: float, draws: Floats) -> dict[str, Any]:
    return {"value": round(value, 6), "ci95": [round(v, 6) for v in interval(draws, round(value, 6))]}
