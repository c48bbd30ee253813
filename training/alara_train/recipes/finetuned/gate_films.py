"""What the input gate of trained networks is fitted and measured on: own films of training and validation, and others.

No test film is among them.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np

from alara_train.data.films import BadData
from alara_train.data.labelled import Labelled
from alara_train.data.pixels import UnreadableFilm
from alara_train.recipes.finetuned.export_settings import ExportSettings
from alara_train.recipes.finetuned.load_runs import Runs
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import Progress, kept_key, prepare


def gate_config(settings: ExportSettings, sides_px: list[int]) -> FamilyConfig:
    """The part of a family's config that `features.prepare` and `gate.measure_gate` read, and no other."""
    return cast(FamilyConfig, SimpleNamespace(**settings.record(), sides_px=tuple(sides_px)))


def gate_films(runs: Runs, settings: ExportSettings) -> Labelled:
    """Own films of the gate: drawn from training and validation, in `gate_folds` groups of patients.

    Raises:
        BadData: There are not two groups.
    """
    films = runs.prepared.films
    rows = np.flatnonzero((runs.roles.role != "test") & (films.fold >= 0))
    rng = np.random.default_rng([settings.seed, 1])
    chosen = films.take(np.sort(rng.choice(rows, min(settings.gate_own, len(rows)), replace=False)))
    if len(set((chosen.fold % settings.gate_folds).tolist())) < 2:
        raise BadData("the input gate is measured by patient folds, and the training films are all in one: set --folds")
    return replace(chosen, fold=chosen.fold % settings.gate_folds)


def prepare_gate(
    films: Labelled, runs: Runs, settings: ExportSettings, sides_px: list[int], cache: Path, progress: Progress
) -> Path:
    """Resize everything for the gate, unless a whole copy is kept; gives the folder that holds it.

    Raises:
        BadData: A film is no longer where it was when the films were prepared.
    """
    whole, partial = cache / "gate", cache / "gate.partial"
    if not kept_key(whole, sides_px):
        for folder in (whole, partial):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            prepare(films, Path(runs.prepared.manifest["data"]), gate_config(settings, sides_px), partial, progress)
        except (FileNotFoundError, UnreadableFilm) as error:
            raise BadData(f"the input gate needs the films themselves, and one cannot be read: {error}") from error
        partial.replace(whole)
    return whole
