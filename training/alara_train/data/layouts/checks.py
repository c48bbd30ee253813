"""What can be known to be wrong before a film is decoded, whatever the layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from alara_train.data.films import SPLITS, BadData, Bools, Labelled
from alara_train.data.layouts import split as splitting
from alara_train.data.layouts.problems import Problem, found

ENDINGS = (".png", ".jpg", ".jpeg")
MISSING = "missing-images"
ONE_CLASS = "one-class"
LEAST_PX, MOST_PX = 32, 1024


def check(films: Labelled) -> list[Problem]:
    """Names, files, patients, splits and classes."""
    stated = [film for film in films.names if film]
    files = [not file or not (films.folder / file).is_file() for file in films.files]
    other = [name for name in stated if not name.lower().endswith(ENDINGS)]
    absent = [film or f"row {i + 2}" for i, (film, gone) in enumerate(zip(films.names, files, strict=True)) if gone]
    nobody = [name for name, patient in zip(films.names, films.patients.tolist(), strict=True) if not patient]
    twice = sorted(name for name, count in Counter(stated).items() if count > 1)
    return [
        *found("duplicate-films", twice, "films are in the table more than once", "Keep one row of each"),
        *found(
            MISSING,
            absent,
            f"films of the table have no file under {films.folder}",
            "Fetch them, or leave them out with --skip-broken",
        ),
        *found("not-images", other, "files are no PNG or JPEG by name", "Convert them, DICOM to 16-bit PNG"),
        *found("no-patient", nobody, "films have no patient", "Give each one: splits go by patient"),
        *_disjoint(films),
        *one_class(films),
    ]


def _disjoint(films: Labelled) -> list[Problem]:
    mend = "Put all films of a patient into one: the same chest on both sides makes every measure too good"
    by_split = splitting.shared(films.patients, films.split.tolist())
    by_fold = splitting.shared(films.patients, films.fold.tolist())
    return [
        *found("patients-in-two-splits", by_split, "patients are in more than one split", mend),
        *found("patients-in-two-folds", by_fold, "patients are in more than one fold", mend),
    ]


def one_class(films: Labelled) -> list[Problem]:
    """Findings that some fold or split has no positive or no negative film of, and splits without films."""
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
    mend = "Take fewer --folds or another --seed, leave the finding's column out, or say --allow-one-class"
    return [
        *found("empty-splits", empty, "parts have no films", "Take fewer --folds, another --seed or other shares"),
        *found(ONE_CLASS, lacking, "parts have one class of a finding only, so that it cannot be measured", mend),
    ]


def check_sides(sides_px: Sequence[int], stride: int = 1) -> tuple[int, ...]:
    """Give the sides ascending, once each.

    `stride` is what a side must be a multiple of: 32 for the networks that keep a grid of cells.

    Raises:
        BadData: There are none, or one is out of range or no multiple.
    """
    if not sides_px:
        raise BadData("no side was given: say --sides 256,320,448,512")
    if bad := [side for side in sides_px if not LEAST_PX <= side <= MOST_PX]:
        raise BadData(f"sides must be {LEAST_PX} to {MOST_PX} px, not {', '.join(map(str, bad))}")
    if bad := [side for side in sides_px if side % stride]:
        near = ", ".join(f"{max(LEAST_PX, round(side / stride) * stride)} for {side}" for side in bad)
        raise BadData(f"sides must be multiples of {stride} px: take {near}")
    return tuple(sorted(set(sides_px)))
