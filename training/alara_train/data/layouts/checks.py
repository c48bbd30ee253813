"""Checks of the table of any layout, before a film is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from alara_train.data.films import SPLITS, BadData, Bools, Labelled
from alara_train.data.layouts import split as splitting
from alara_train.data.layouts.problems import Problem, problem_if

ENDINGS = (".png", ".jpg", ".jpeg")
MISSING = "missing-images"
ONE_CLASS = "one-class"
LEAST_PX, MOST_PX = 32, 1024


def check(films: Labelled) -> list[Problem]:
    """Check names, files, patients, splits and classes."""
    stated = [film for film in films.names if film]
    files = [not file or not (films.folder / file).is_file() for file in films.files]
    other = [name for name in stated if not name.lower().endswith(ENDINGS)]
    absent = [film or f"row {i + 2}" for i, (film, gone) in enumerate(zip(films.names, files, strict=True)) if gone]
    without_patient = [name for name, patient in zip(films.names, films.patients.tolist(), strict=True) if not patient]
    repeated = sorted(name for name, count in Counter(stated).items() if count > 1)
    return [
        *problem_if("duplicate-films", repeated, "films are in the table more than once", "Keep one row of each"),
        *problem_if(
            MISSING,
            absent,
            f"films of the table have no file under {films.folder}",
            "Fetch them, or leave them out with --skip-broken",
        ),
        *problem_if(
            "not-images", other, "files do not end in .png, .jpg or .jpeg", "Convert them, DICOM to 16-bit PNG"
        ),
        *problem_if(
            "no-patient",
            without_patient,
            "films have no patient",
            "Name a patient for each film: films are split by patient",
        ),
        *_disjoint(films),
        *one_class(films),
    ]


def _disjoint(films: Labelled) -> list[Problem]:
    correction = "Put all films of a patient into one part: a chest in two parts makes every measure too good"
    by_split = splitting.shared(films.patients, films.split.tolist())
    by_fold = splitting.shared(films.patients, films.fold.tolist())
    return [
        *problem_if("patients-in-two-splits", by_split, "patients are in more than one split", correction),
        *problem_if("patients-in-two-folds", by_fold, "patients are in more than one fold", correction),
    ]


def one_class(films: Labelled) -> list[Problem]:
    """Find parts without films, and parts that lack positive or negative films of a finding."""
    parts: list[tuple[str, Bools]] = [(f"fold {fold}", films.fold == fold) for fold in films.folds]
    needed = [name for name in SPLITS if name != "test" or (films.split == "test").any()]
    parts += [(name, films.split == name) for name in needed]
    empty = [name for name, rows in parts if not rows.any()]
    known = [j for j in range(len(films.findings)) if (films.labels[:, j] >= 0).any()]
    lacking = [
        f"{films.findings[j]} has no {word} in {name}"
        for j in known
        for name, rows in parts
        if rows.any()
        for value, word in ((1, "positive"), (0, "negative"))
        if not np.any(films.labels[rows, j] == value)
    ]
    correction = "Take fewer --folds or another --seed, leave the finding's column out, or add --allow-one-class"
    return [
        *problem_if("empty-splits", empty, "parts have no films", "Take fewer --folds, another --seed or other shares"),
        *problem_if(
            ONE_CLASS, lacking, "parts have only one class of a finding, so the finding cannot be measured", correction
        ),
    ]


def check_sides(sides_px: Sequence[int], stride: int = 1) -> tuple[int, ...]:
    """Return the sides in ascending order, each once.

    A side must be a multiple of `stride`, which is 32 for networks with a grid of cells.

    Raises:
        BadData: There is no side, or a side is out of range or not a multiple.
    """
    if not sides_px:
        raise BadData("no side was given: add --sides 256,320,448,512")
    if bad := [side for side in sides_px if not LEAST_PX <= side <= MOST_PX]:
        raise BadData(f"sides must be {LEAST_PX} to {MOST_PX} px, not {', '.join(map(str, bad))}")
    if bad := [side for side in sides_px if side % stride]:
        near = ", ".join(f"{max(LEAST_PX, round(side / stride) * stride)} for {side}" for side in bad)
        raise BadData(f"sides must be multiples of {stride} px: take {near}")
    return tuple(sorted(set(sides_px)))
