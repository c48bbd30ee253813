"""`table.csv` beside `images/`: the layout for your own films.

image,patient,Effusion,Nodule,view,sex,age,split,source
a/1.png,p1,1,0,PA,F,61,train,ward 3
a/2.png,p2,-1,,AP,M,58,test,ward 3
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alara_train.data.films import FINDINGS, SPLITS, BadData, Labelled
from alara_train.data.layouts import split as splitting
from alara_train.data.layouts.checks import check
from alara_train.data.layouts.csv_rows import Row, age_notes, age_years, normalised, read_rows, sex_of, suggestion
from alara_train.data.layouts.problems import Problem, Reading, problem_if
from alara_train.data.layouts.settings import NAME, NAMED, Blank, Settings, Uncertain

TABLE = "table.csv"
FOLDER = "images"
NEEDED = ("image", "patient")
OPTIONAL = ("view", "sex", "age", "split", "source")
WORDS = {"1": 1, "0": 0, "-1": -1, "1.0": 1, "0.0": 0, "-1.0": -1}
"""Labels as written by hand and by pandas."""


def read(data: Path, settings: Settings) -> Reading:
    """Read `table.csv`: image (a path under `images/`), patient, and a column per finding.

    A label is 1, 0, -1 for uncertain, or empty. The findings are the columns that the settings name, or else every
    column that holds only labels: first the findings of ChestX-ray14, in that data set's order, then the others.

    Raises:
        BadData: The table is empty, or has no image, no patient or no finding.
    """
    rows = read_rows(data / TABLE, NEEDED)
    columns = [name for name in rows[0] if name]
    named = settings.findings
    if missing := [f"{name}{suggestion(name, columns)}" for name in named if name not in columns]:
        raise BadData(f"{data / TABLE} has no column {', '.join(missing)}")
    if reserved := [name for name in named if name in (*NEEDED, *OPTIONAL)]:
        raise BadData(f"{data / TABLE}: the column {reserved[0]} is not a finding")
    others = [name for name in columns if name not in (*NEEDED, *OPTIONAL, *FINDINGS)]
    labelled = [] if named else [name for name in others if _is_finding(name, rows)]
    strangers = [name for name in labelled if not NAME.fullmatch(name)]
    present = list(named) or [name for name in FINDINGS if name in columns] + [
        name for name in labelled if name not in strangers
    ]
    extra = [name for name in columns if name not in (*NEEDED, *OPTIONAL, *present)]
    if not present and not strangers:
        raise BadData(
            f"{data / TABLE} has no finding: add one column per finding, of 1, 0, -1 or nothing, such as {FINDINGS[0]}"
        )
    patients = np.array([row["patient"].strip() for row in rows])
    stated = np.array([row.get("split", "").strip() for row in rows])
    split = (
        splitting.with_validation(patients, stated, settings) if stated.any() else splitting.splits(patients, settings)
    )
    names = tuple(row["image"].strip() for row in rows)
    ages = [row.get("age", "") for row in rows]
    films = Labelled(
        folder=data / FOLDER,
        names=names,
        files=names,
        patients=patients,
        labels=np.array([[label(row[name], settings) for name in present] for row in rows], dtype=np.int64),
        findings=tuple(present),
        fold=splitting.held_out(splitting.folds(patients, settings.folds, settings.seed), stated),
        split=split,
        view=np.array([row.get("view", "").strip().upper() for row in rows]),
        sex=np.array([sex_of(row.get("sex", "")) for row in rows]),
        age=np.array([age_years(age) for age in ages], dtype=np.int64),
        collection=np.array([row.get("source", "").strip() for row in rows]),
        extent_mm=np.full((len(rows), 2), np.nan),
    )
    alone = [f"{name}{suggestion(name, OPTIONAL)}" for name in extra if name not in strangers]
    return Reading(
        layout="table",
        films=films,
        problems=(*_words(rows, present, strangers, bool(stated.any())), *check(films)),
        notes=(
            *age_notes(ages),
            *([f"findings: {', '.join(present)}"] if tuple(present) != FINDINGS else []),
            *(
                f"{name} is a separate finding{suggestion(name)}"
                for name in present
                if name not in FINDINGS and suggestion(name)
            ),
            *([f"columns left alone: {', '.join(alone)}"] if alone else []),
        ),
    )


def label(word: str, settings: Settings) -> int:
    """0, 1 or -1 for unknown."""
    if not word.strip():
        return 0 if settings.blank is Blank.zero else -1
    value = WORDS.get(word.strip(), -1)
    if value >= 0:
        return value
    return {Uncertain.ignore: -1, Uncertain.zero: 0, Uncertain.one: 1}[settings.uncertain]


def _is_finding(name: str, rows: list[Row]) -> bool:
    """Whether a column holds nothing but labels; `No Finding` does not count, because it repeats the others."""
    words = {row[name].strip() for row in rows}
    return normalised(name) != "no finding" and words <= {*WORDS, ""} and words != {""}


def _words(rows: list[Row], present: list[str], strangers: list[str], splits: bool) -> list[Problem]:
    labels = [row["image"] for row in rows if any(row[name].strip() not in {*WORDS, ""} for name in present)]
    odd = [row["image"] for row in rows if splits and row["split"].strip() not in SPLITS]
    return [
        *problem_if(
            "unknown-findings",
            strangers,
            "columns hold labels, but their names are not valid for a finding",
            f"Rename them ({NAMED}), or name the columns that are findings with --findings",
        ),
        *problem_if("bad-labels", labels, "films have a label other than 1, 0, -1 or nothing", f"Correct {TABLE}"),
        *problem_if("bad-splits", odd, f"films have a split that is none of {', '.join(SPLITS)}", f"Correct {TABLE}"),
    ]
