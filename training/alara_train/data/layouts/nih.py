"""NIH ChestX-ray14 as it is downloaded and unpacked.

Data_Entry_2017_v2020.csv   or the older Data_Entry_2017.csv
train_val_list.txt, test_list.txt
images_001/images/00000001_000.png, images_002/images/..., or a flat images/
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alara_train.data.films import FINDINGS, BadData, Labelled
from alara_train.data.layouts import split as splitting
from alara_train.data.layouts.checks import check
from alara_train.data.layouts.csv_rows import Row, age_notes, age_years, millimetres, read_rows, sex_of, suggestion
from alara_train.data.layouts.problems import Problem, Reading, problem_if
from alara_train.data.layouts.settings import Settings

TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
LISTS = ("train_val_list.txt", "test_list.txt")
NO_FINDING = "No Finding"


def read(data: Path, settings: Settings) -> Reading:
    """Read the table and the official lists, and find the images.

    Films of `test_list.txt` are test films and in no fold. Validation is split off the other films by patient.

    Raises:
        BadData: The table or a list is missing, empty, or has other columns.
    """
    table = next((data / name for name in TABLES if (data / name).is_file()), data / TABLES[0])
    if lacking := [name for name in LISTS if not (data / name).is_file()]:
        raise BadData(f"{data} lacks {' and '.join(lacking)}: download the official lists from the site of the films")
    rows = read_rows(table, ("Image Index", "Finding Labels", "Patient ID"))
    names = tuple(row["Image Index"].strip() for row in rows)
    found_at, repeated = index(data)
    development, test = (set((data / name).read_text().split()) for name in LISTS)
    patients = np.array([row["Patient ID"].strip() for row in rows])
    split = splitting.with_validation(
        patients, np.array(["test" if name in test else "train" for name in names]), settings
    )
    ages = [row.get("Patient Age", "") for row in rows]
    films = Labelled(
        folder=data,
        names=names,
        files=tuple(found_at.get(name, "") for name in names),
        patients=patients,
        labels=np.array([labels(row["Finding Labels"]) for row in rows], dtype=np.int64),
        fold=splitting.held_out(splitting.folds(patients, settings.folds, settings.seed), split),
        split=split,
        view=np.array([row.get("View Position", "").strip().upper() for row in rows]),
        sex=np.array([sex_of(row.get("Patient Sex", "") or row.get("Patient Gender", "")) for row in rows]),
        age=np.array([age_years(age) for age in ages], dtype=np.int64),
        collection=np.full(len(rows), "ChestX-ray14"),
        extent_mm=np.array([extent_mm(row) for row in rows]),
    )
    unlisted = len((development | test) - set(names))
    return Reading(
        layout="nih",
        films=films,
        problems=(
            *_words(rows),
            *_lists(films, development, test),
            *problem_if("images-twice", repeated, "images lie in two folders", "Keep one of each"),
            *check(films),
        ),
        notes=(
            *age_notes(ages),
            *([f"{unlisted} names of the official lists are not in {table.name}"] if unlisted else []),
        ),
    )


def labels(words: str) -> list[int]:
    """0 or 1 for each of the 14 findings, from values such as `Effusion|Mass` or `No Finding`."""
    positive = {word.strip() for word in words.split("|")}
    return [int(finding in positive) for finding in FINDINGS]


def extent_mm(row: Row) -> tuple[float, float]:
    """Height and width of the original in mm; NIH's PNGs are 1024 px squares of originals of any size."""
    return (
        millimetres(row.get("Height]", ""), row.get("y]", "")),
        millimetres(row.get("OriginalImage[Width", ""), row.get("OriginalImagePixelSpacing[x", "")),
    )


def index(data: Path) -> tuple[dict[str, str], list[str]]:
    """The path of each PNG under `data` by its name, and the names that occur in two folders."""
    where: dict[str, str] = {}
    repeated: list[str] = []
    folders = sorted(path for path in data.glob("images*") if path.is_dir())
    for folder in folders:
        inner = folder / "images"
        for path in sorted((inner if inner.is_dir() else folder).glob("*.png")):
            if path.name in where:
                repeated.append(path.name)
            where.setdefault(path.name, str(path.relative_to(data)))
    return where, repeated


def _words(rows: list[Row]) -> list[Problem]:
    unknown: dict[str, int] = {}
    both: list[str] = []
    for row in rows:
        words = {word.strip() for word in row["Finding Labels"].split("|")}
        for word in words - {*FINDINGS, NO_FINDING}:
            unknown[word] = unknown.get(word, 0) + 1
        if NO_FINDING in words and len(words) > 1:
            both.append(row["Image Index"])
    shown = [f"{word!r}{suggestion(word)} in {count} films" for word, count in sorted(unknown.items())]
    spelled = "Spell them as ChestX-ray14 does: " + ", ".join(FINDINGS)
    return [
        *problem_if("unknown-findings", shown, "values of Finding Labels are not findings", spelled),
        *problem_if(
            "contradictory-labels", both, f"films have {NO_FINDING} beside findings", "Keep the findings or No Finding"
        ),
    ]


def _lists(films: Labelled, development: set[str], test: set[str]) -> list[Problem]:
    return [
        *problem_if(
            "not-in-lists",
            [name for name in films.names if name not in development and name not in test],
            "films are in neither official list",
            f"Add them to {LISTS[0]} or {LISTS[1]}, or take them out of the table",
        ),
        *problem_if(
            "in-both-lists", sorted(development & test), "films are in both official lists", "Keep one of each"
        ),
    ]
