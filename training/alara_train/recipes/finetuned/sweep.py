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
from alara_train.recipes.finetuned.config import ALL, NO_FOLD, TrainConfig
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
) -> list[Cell]:
    """Plan a sweep: one network of all findings per side, or one network per side and finding of `binary`.

    Raises:
        BadConfig: A side is out of range or repeated, a finding is unknown, or the config names a fold.
    """
    if config.fold != NO_FOLD:
        raise BadConfig("a sweep has one split: set fold = -1")
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
            planned.append(Cell(one, out / "runs" / f"{side}px" / labels))
    return planned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """Scored films of one finding at one side."""

    logits: Floats
    labels: Ints
    patients: Strings
    names: Strings


def collect(planned: list[Cell], name: str, draws: int, seed: int) -> dict[str, Any]:
    """Measure the runs of a sweep: AUROC per finding and side, with intervals over resampled patients.

    Args:
        planned: The sweep, all of whose runs are finished.
        name: Name of the data in the record and in the figure.
        draws: Number of resamples of patients, which are the same at every side.
        seed: Seed of the resamples.

    Raises:
        BadData: A run is not finished, or sides were scored on different films.
    """
    sides = sorted({cell.config.side_px for cell in planned})
    findings = list(dict.fromkeys(f for cell in planned for f in _findings(cell)))
    record: dict[str, Any] = {}
    means: dict[int, list[float]] = {side: [] for side in sides}
    mean_draws: dict[int, list[Floats]] = {side: [] for side in sides}
    films: set[str] = set()
    patients: set[str] = set()
    for finding in findings:
        scores = {side: _scores(planned, side, finding) for side in sides}
        first = scores[sides[0]]
        films |= set(first.names.tolist())
        patients |= set(first.patients.tolist())
        if any(not np.array_equal(first.names, other.names) for other in scores.values()):
            raise BadData(f"the runs of {finding} were scored on different films: sweep into a new folder")
        positives = int(first.labels.sum())
        if not 0 < positives < len(first.labels):
            continue
        values = {side: auroc(s.logits, s.labels) for side, s in scores.items()}
        drawn = _draws(scores, draws, seed)
        for side in sides:
            means[side].append(values[side])
            mean_draws[side].append(drawn[side])
        record[finding] = {
            "positives": positives,
            "negatives": len(first.labels) - positives,
            "bySide": {str(side): _measured(values[side], drawn[side]) for side in sides},
            "againstLargest": _against(values, drawn, sides[-1]),
        }
    if not record:
        raise BadData("no finding has both classes among the scored films")
    mean_value = {side: float(np.mean(means[side])) for side in sides}
    # If a finding has only one class in a resample, the mean of this resample is over the other findings.
    mean_of_draws = {side: np.nanmean(mean_draws[side], axis=0) for side in sides}
    config = planned[0].config
    return {
        "schema": "alara.sweep/1",
        "data": {"name": name, "scoredFilms": len(films), "scoredPatients": len(patients)},
        "backbone": config.backbone,
        "start": config.start,
        "epochs": config.epochs,
        "networks": "one a finding" if any(c.config.labels != ALL for c in planned) else "one for all findings",
        "selectedOnScoredFilms": any(_selected(cell) for cell in planned),
        "bootstraps": draws,
        "sidesPx": sides,
        "findings": record,
        "mean": {
            "findings": len(record),
            "bySide": {str(side): _measured(mean_value[side], mean_of_draws[side]) for side in sides},
            "againstLargest": _against(mean_value, mean_of_draws, sides[-1]),
        },
    }


def _findings(cell: Cell) -> list[str]:
    folder = RunFolder(cell.run)
    if folder.done is None:
        raise BadData(f"{cell.run} is not finished: sweep again")
    findings: list[str] = np.load(folder.scores)["findings"].tolist()
    return findings


def _scores(planned: list[Cell], side: int, finding: str) -> _Scores:
    cell = next(c for c in planned if c.config.side_px == side and finding in _findings(c))
    folder = RunFolder(cell.run)
    table = np.load(folder.scores)
    column = table["findings"].tolist().index(finding)
    tested = TEST if (table["split"] == TEST).any() else VAL
    inside: Bools = (table["split"] == tested) & (table["labels"][:, column] != UNKNOWN)
    return _Scores(
        logits=table["logits"][inside, column].astype(np.float64),
        labels=table["labels"][inside, column].astype(np.int64),
        patients=table["patients"][inside],
        names=table["names"][inside],
    )


def _selected(cell: Cell) -> bool:
    """Whether the epoch was chosen on the films that are scored."""
    folder = RunFolder(cell.run)
    tests = bool((np.load(folder.scores)["split"] == TEST).any())
    return bool(folder.done and folder.done["selectedOnValidation"] and not tests)


def _draws(scores: dict[int, _Scores], draws: int, seed: int) -> dict[int, Floats]:
    """AUROC of every resample at every side; the resamples are the same at every side."""
    patients = next(iter(scores.values())).patients
    parts = [resample(patients, min(SEED_EVERY, draws - at), seed + at) for at in range(0, draws, SEED_EVERY)]
    resamples = Resamples(np.concatenate([part.counts for part in parts], axis=1), parts[0].owner)
    return {side: auroc_draws(s.logits, s.labels, resamples) for side, s in scores.items()}


def _measured(value: float, draws: Floats) -> dict[str, Any]:
    return {"value": round(value, 6), "ci95": [round(v, 6) for v in interval(draws, round(value, 6))]}


def _against(values: dict[int, float], draws: dict[int, Floats], largest: int) -> dict[str, Any]:
    """Paired differences, side minus the largest."""
    return {
        str(side): _measured(values[side] - values[largest], draws[side] - draws[largest])
        for side in values
        if side != largest
    }
