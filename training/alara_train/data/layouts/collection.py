"""`labels.csv` beside `films/`: a prepared collection that states its own folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alara_train.data.films import FINDINGS, SPLITS, Labelled
from alara_train.data.layouts import split as splitting
from alara_train.data.layouts.checks import check
from alara_train.data.layouts.csv_rows import Row, age_notes, age_years, millimetres, read_rows, sex_of
from alara_train.data.layouts.problems import Problem, Reading, problem_if
from alara_train.data.layouts.settings import Settings

TABLE = "labels.csv"
FOLDER = "films"


def read(data: Path, settings: Settings) -> Reading:
    """Read `labels.csv`: image, patient, view, fold and the 14 findings as 0 or 1.

    Optional columns: split (else by hash), repo (the collection a film came from), sex, age, and
    native_w, native_h and pixel_spacing_mm, which together state the film's extent.

    Raises:
        BadData: The table is empty or lacks a column.
    """
    rows = read_rows(data / TABLE, ("image", "patient", "view", "fold", *FINDINGS))
    patients = np.array([row["patient"].strip() for row in rows])
    stated = np.array([row.get("split", "").strip() for row in rows])
    split = (
        splitting.with_validation(patients, stated, settings) if stated.any() else splitting.splits(patients, settings)
    )
    fold = np.array([_fold(row["fold"]) for row in rows], dtype=np.int64)
    ages = [row.get("age", "") for row in rows]
    names = tuple(row["image"].strip() for row in rows)
    films = Labelled(
        folder=data / FOLDER,
        names=names,
        files=names,
        patients=patients,
        labels=np.array([[int(row[name].strip() == "1") for name in FINDINGS] for row in rows], dtype=np.int64),
        fold=splitting.held_out(fold, stated),
        split=split,
        view=np.array([row["view"].strip().upper() for row in rows]),
        sex=np.array([sex_of(row.get("sex", "")) for row in rows]),
        age=np.array([age_years(age) for age in ages], dtype=np.int64),
        collection=np.array([row.get("repo", "").strip() for row in rows]),
        extent_mm=np.array([extent_mm(row) for row in rows]),
    )
    used = films.folds
    other = [f"{TABLE} states its own {len(used)} folds, not the {settings.folds} of the request"]
    return Reading(
        layout="collection",
        films=films,
        problems=(*_words(rows, bool(stated.any())), *check(films)),
        notes=(*age_notes(ages), *(other if len(used) != settings.folds else [])),
    )


def extent_mm(row: Row) -> tuple[float, float]:
    """Height and width of the original in mm; the film shows the whole original at any size."""
    spacing = row.get("pixel_spacing_mm", "")
    return millimetres(row.get("native_h", ""), spacing), millimetres(row.get("native_w", ""), spacing)


def _fold(word: str) -> int:
    return int(word) if word.strip().isdecimal() else -1


def _words(rows: list[Row], splits: bool) -> list[Problem]:
    labels = [row["image"] for row in rows if any(row[name].strip() not in ("0", "1") for name in FINDINGS)]
    folds = [row["image"] for row in rows if not row["fold"].strip().isdecimal() and row.get("split") != "test"]
    odd = [row["image"] for row in rows if splits and row.get("split", "").strip() not in SPLITS]
    return [
        *problem_if("bad-labels", labels, "films have a label that is not 0 or 1", f"Correct {TABLE}"),
        *problem_if("bad-folds", folds, "films have a fold that is not a number", f"Correct {TABLE}"),
        *problem_if("bad-splits", odd, f"films have a split that is none of {', '.join(SPLITS)}", f"Correct {TABLE}"),
    ]
