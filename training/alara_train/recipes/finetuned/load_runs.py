"""Finished runs, one per side, that can be served as one family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.data.films import BadData, Ints
from alara_train.data.prepare.prepared import Prepared
from alara_train.networks.classifier import Classifier
from alara_train.networks.registry import build
from alara_train.recipes.finetuned.config import ALL, NO_FOLD, TrainConfig
from alara_train.recipes.finetuned.roles import TEST, TRAIN, VAL, Roles, assign, data_record
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.toml_file import BadConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run with its network."""

    folder: Path
    config: TrainConfig
    network: Classifier
    done: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of a family, smallest side first, and their common films."""

    runs: tuple[Run, ...]
    prepared: Prepared
    roles: Roles

    @property
    def scored(self) -> Ints:
        """Rows of the validation and test films."""
        return self.roles.rows(VAL, TEST)

    @property
    def sides_px(self) -> list[int]:
        """Every side."""
        return [run.config.side_px for run in self.runs]


def trained(run: Path) -> tuple[TrainConfig, Classifier]:
    """Load the weights with which a finished run was scored.

    Raises:
        BadConfig: The run is not finished.
    """
    folder = RunFolder(run)
    if folder.done is None:
        raise BadConfig(f"{run} is not finished: train it first")
    config = TrainConfig.load(run / "config.toml")
    findings = tuple(np.load(folder.scores)["findings"].tolist())
    start = f"checkpoint:{folder.best}"
    return config, build(config.backbone, outputs=len(findings), start=start, findings=findings).eval()


def check_config(config: TrainConfig, where: Path) -> None:
    """Make sure that a run of this config can be served.

    Raises:
        BadConfig: It cannot be served; the message says why and what to do.
    """
    if config.labels != ALL:
        raise BadConfig(f"{where} has only the finding {config.labels}: only runs with labels = all become a family")
    if config.fold != NO_FOLD:
        raise BadConfig(
            f"{where} trained without fold {config.fold}. Fold runs measure a recipe, but none of them has "
            "the weights that would be served. Train with fold = -1 (one split: thresholds from "
            "validation, AUROC from test) and export that run"
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
    """Open runs, and make sure that they fit together and to these films.

    Raises:
        BadConfig: A run is not finished, or cannot be served, or two have the same side.
        BadData: A run was trained on other films or another split, or some finding cannot be measured.
    """
    runs = []
    for folder in folders:
        if not (folder / "config.toml").is_file():
            raise BadConfig(f"{folder} is not a run: it has no config.toml")
        check_config(TrainConfig.load(folder / "config.toml"), folder)
        config, network = trained(folder)
        runs.append(Run(folder=folder, config=config, network=network, done=RunFolder(folder).done or {}))
    runs.sort(key=lambda run: run.config.side_px)
    if not runs:
        raise BadConfig("name at least one run")
    sides = [run.config.side_px for run in runs]
    if repeated := sorted({side for side in sides if sides.count(side) > 1}):
        raise BadConfig(f"two runs have {', '.join(map(str, repeated))} px: a family has one network per side")
    roles = assign(prepared, runs[0].config)
    expected = data_record(roles)
    for run in runs:
        if (was := RunFolder(run.folder).provenance["data"]) != expected:
            differ = ", ".join(name for name in expected if was.get(name) != expected[name])
            raise BadData(f"{run.folder} was trained on other data than {prepared.folder} holds (its {differ} differ)")
    check_measurable(roles, roles.findings)
    return Runs(runs=tuple(runs), prepared=prepared, roles=roles)


def training_rows(roles: Roles, count: int, seed: int) -> Ints:
    """Draw training films; returns their rows in ascending order."""
    rows = roles.rows(TRAIN)
    chosen = np.random.default_rng(seed).choice(rows, min(count, len(rows)), replace=False)
    return np.sort(chosen).astype(np.int64)
