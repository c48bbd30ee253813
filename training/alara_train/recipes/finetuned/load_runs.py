"""Finished runs that can be served as one family: one per side, or the runs of a cross-validation per side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.data.films import EVERY_FILM, BadData, Ints
from alara_train.data.prepare.prepared import Prepared
from alara_train.evaluate.scored import Protocol
from alara_train.networks.classifier import Classifier
from alara_train.networks.registry import build
from alara_train.recipes.finetuned.config import ALL, NO_FOLD, TrainConfig
from alara_train.recipes.finetuned.roles import TEST, TRAIN, VAL, PreparedFilms, Roles, assign, data_record
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.toml_file import BadConfig

SERVED = "all"
"""Folder of the run on every film, beside `fold-0`, `fold-1` and so on, in a cross-validation."""


def fold_folder(fold: int) -> str:
    """Name of the folder of one run of a cross-validation."""
    return SERVED if fold == EVERY_FILM else f"fold-{fold}"


def of_fold(config: TrainConfig, fold: int, first: Path | None = None) -> TrainConfig:
    """The config of one run of a cross-validation.

    With `first`, the folder of another cross-validation, the run starts from the weights of the run of the same fold in
    it, so that no network has seen a film that it scores.
    """
    start = config.start if first is None else f"checkpoint:{RunFolder(first.resolve() / fold_folder(fold)).best}"
    return replace(config, fold=fold, start=start)


def check_first(first: Path, fold: int, data: PreparedFilms) -> None:
    """Make sure that a run of a fold may start from the run of this fold in another cross-validation.

    Raises:
        BadConfig: That run is missing, unfinished, or of another fold.
        BadData: It was trained on other films, labels or folds, so that it may have seen films that this run scores.
    """
    folder = first / fold_folder(fold)
    if not folder.is_dir():
        raise BadConfig(f"{folder} is missing: train {first} first, with alara-train train --cross-validate")
    run = open_run(folder)
    if run.config.fold != fold:
        raise BadConfig(f"{folder} has fold = {run.config.fold}, not {fold}: train {first} with --cross-validate")
    _check_data(run, assign(data, run.config))


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where the weights of a run come from."""

    weights: str
    """`imagenet`, `random`, or `checkpoint` if the run before is not known."""
    first: TrainConfig | None
    """The config of the run from whose weights this run starts."""

    def __str__(self) -> str:
        """A phrase after "trained", such as `from imagenet weights, for 5 epochs at 160 px and then`."""
        before = f", for {epochs(self.first)} at {self.first.side_px} px and then" if self.first else ""
        return f"from {self.weights} weights{before}"


def epochs(config: TrainConfig) -> str:
    """The length of a run, such as `1 epoch`."""
    return "1 epoch" if config.epochs == 1 else f"{config.epochs} epochs"


def start_of(config: TrainConfig) -> Start:
    """Where the weights of a run of this config come from, by the `config.toml` beside the checkpoint it starts from.

    Raises:
        BadConfig: That config is damaged.
    """
    kind, _, place = config.start.partition(":")
    before = Path(place).parent / "config.toml"
    if kind != "checkpoint" or not before.is_file():
        return Start(weights=kind, first=None)
    first = TrainConfig.load(before)
    return Start(weights=start_of(first).weights, first=first)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run."""

    folder: Path
    config: TrainConfig
    done: dict[str, Any]

    @cached_property
    def network(self) -> Classifier:
        """The network that was scored, read when it is first needed: a variant that is exported needs no weights.

        Raises:
            BadConfig: The weights are missing.
        """
        folder, backbone = RunFolder(self.folder), self.config.backbone
        findings = tuple(np.load(folder.scores)["findings"].tolist())
        return build(backbone, outputs=len(findings), start=f"checkpoint:{folder.best}", findings=findings).eval()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of a family, smallest side first, and their common films."""

    runs: tuple[Run, ...]
    """The networks that are served."""
    prepared: Prepared
    roles: Roles
    """Of the served networks."""
    folds: dict[int, tuple[Run, ...]] = field(default_factory=dict)
    """By side, the networks that measure the recipe, in the order of their folds; empty without cross-validation."""

    @property
    def protocol(self) -> Protocol:
        """How the family is measured."""
        return "crossValidated" if self.folds else "heldOut"

    @property
    def scored(self) -> Ints:
        """Rows of the films that are scored: those of every fold, or those of validation and test."""
        return self.roles.rows(TRAIN) if self.folds else self.roles.rows(VAL, TEST)

    @property
    def sides_px(self) -> list[int]:
        """Every side."""
        return [run.config.side_px for run in self.runs]


def open_run(folder: Path) -> Run:
    """Open a finished run.

    Raises:
        BadConfig: The folder is not a run, or the run is not finished.
    """
    if not (folder / "config.toml").is_file():
        raise BadConfig(f"{folder} is not a run: it has no config.toml")
    done = RunFolder(folder).done
    if done is None:
        raise BadConfig(f"{folder} is not finished: train it first")
    return Run(folder=folder, config=TrainConfig.load(folder / "config.toml"), done=done)


def check_config(config: TrainConfig, where: Path, fold: int = NO_FOLD) -> None:
    """Make sure that a run of this config can be served; `fold` is the one that it must have.

    Raises:
        BadConfig: It cannot be served; the message says why and what to do.
    """
    if config.labels != ALL:
        raise BadConfig(f"{where} has only the finding {config.labels}: only runs with labels = all become a family")
    if config.fold != fold:
        raise BadConfig(
            f"{where} has fold = {config.fold}, not {fold}. A run of one fold measures a recipe, but does not have the "
            "weights that would be served, and nothing measures a run on every film. Export a run with fold = -1 (one "
            "split: thresholds from validation, AUROC from test), or the folder of a cross-validation (alara-train "
            "train --cross-validate)"
        )


def check_measurable(roles: Roles, findings: Sequence[str]) -> None:
    """Make sure that every finding can be calibrated and measured, before a long computation begins.

    Raises:
        BadData: There are no test films, or validation or test films lack a class of a finding.
    """
    if not len(roles.rows(TEST)):
        raise BadData("there are no test films, so nothing can be measured: prepare with a --test-share above 0")
    for role, name in ((VAL, "validation"), (TEST, "test")):
        present, absent = roles.counts(role)
        if lacking := [f for f, p, a in zip(findings, present, absent, strict=True) if min(p, a) < 1]:
            raise BadData(
                f"the {name} films have only one class of {', '.join(lacking)}: a family is calibrated on validation "
                "and measured on test, so both need films with and without every finding; prepare with another "
                "--seed, or a larger --val-share or --test-share"
            )


def open_runs(folders: Sequence[Path], prepared: Prepared) -> Runs:
    """Open runs, or cross-validations, one per side, and make sure that they fit together and to these films.

    Raises:
        BadConfig: A run is not finished, or cannot be served, or two have the same side, or only some are
            cross-validations.
        BadData: A run was trained on other films or another split, or some finding cannot be measured.
    """
    if not folders:
        raise BadConfig("name at least one run")
    crossed = [(folder / SERVED / "config.toml").is_file() for folder in folders]
    if any(crossed) and not all(crossed):
        raise BadConfig("some of the runs are cross-validations and some are not: a family is measured in one way")
    opened = [_open(folder / SERVED, EVERY_FILM) if crossed[0] else _open(folder, NO_FOLD) for folder in folders]
    runs = sorted(opened, key=lambda run: run.config.side_px)
    sides = [run.config.side_px for run in runs]
    if repeated := sorted({side for side in sides if sides.count(side) > 1}):
        raise BadConfig(f"two runs have {', '.join(map(str, repeated))} px: a family has one network per side")
    roles = assign(prepared, runs[0].config)
    for run in runs:
        _check_data(run, roles)
    if not crossed[0]:
        check_measurable(roles, roles.findings)
        return Runs(runs=tuple(runs), prepared=prepared, roles=roles)
    folds = {run.config.side_px: _open_folds(run, prepared) for run in runs}
    return Runs(runs=tuple(runs), prepared=prepared, roles=roles, folds=folds)


def _open(folder: Path, fold: int) -> Run:
    run = open_run(folder)
    check_config(run.config, folder, fold)
    return run


def _open_folds(served: Run, prepared: Prepared) -> tuple[Run, ...]:
    """Open the run of every fold beside the run on every film."""
    runs = []
    for fold in prepared.films.folds:
        folder = served.folder.parent / fold_folder(fold)
        if not (folder / "config.toml").is_file():
            raise BadConfig(f"{folder} is missing, the run of a fold: train with --cross-validate")
        run = open_run(folder)
        if run.config != replace(served.config, fold=fold, start=_start_of_fold(served.config.start, fold)):
            raise BadConfig(f"{folder} has another config than {served.folder}: the folds must measure its recipe")
        _check_data(run, assign(prepared, run.config))
        runs.append(run)
    return tuple(runs)


def _start_of_fold(start: str, fold: int) -> str:
    """The start of a fold's run, from that of the run on every film: its own fold in the same cross-validation."""
    kind, _, place = start.partition(":")
    path = Path(place)
    beside = path.parent.with_name(fold_folder(fold))
    return f"{kind}:{beside / path.name}" if path.parent.name == SERVED and beside.is_dir() else start


def _check_data(run: Run, roles: Roles) -> None:
    expected = data_record(roles)
    if (was := RunFolder(run.folder).provenance["data"]) != expected:
        differ = ", ".join(name for name in expected if was.get(name) != expected[name])
        raise BadData(f"{run.folder} was trained on other data than the prepared films (its {differ} differ)")


def training_rows(roles: Roles, count: int, seed: int) -> Ints:
    """Draw training films; returns their rows in ascending order."""
    rows = roles.rows(TRAIN)
    chosen = np.random.default_rng(seed).choice(rows, min(count, len(rows)), replace=False)
    return np.sort(chosen).astype(np.int64)
