"""Films, labels and patient-disjoint folds."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alara_train.errors import UserError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""The 14 findings of ChestX-ray14, spelled as the data set spells them."""


class BadData(UserError):
    """The data set cannot be trained on as it is; the message says what to mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Films:
    """Labelled films, one row a film; every array has length N."""

    folder: Path
    names: tuple[str, ...]
    patients: npt.NDArray[np.str_]
    labels: Ints
    """[N, F] of 0 and 1, in the order of `findings`; -1 where a data set leaves it open (`datasets.Labelled`)."""
    fold: Ints
    """-1 for films that the data set holds out itself."""
    view: npt.NDArray[np.str_]
    collection: npt.NDArray[np.str_]
    findings: tuple[str, ...] = FINDINGS
    """What the columns of `labels` are."""

    def __len__(self) -> int:
        """Count the films."""
        return len(self.names)

    def path(self, row: int) -> Path:
        """Where film `row` lies."""
        return self.folder / self.names[row]

    @property
    def folds(self) -> list[int]:
        """The fold numbers in use, ascending."""
        return sorted(set(self.fold.tolist()) - {-1})


def read_films(data: Path) -> Films:
    """Read `labels.csv` and `films/` under a data directory.

    The table needs the columns image, patient, view, fold, and the 14 findings as 0 or 1; `repo`, the
    collection a film came from, is optional.

    Raises:
        BadData: A column or an image is missing, a label is not 0 or 1, or a patient is in two folds.
    """
    table = data / "labels.csv"
    if not table.is_file():
        raise BadData(f"{table} does not exist: the data directory must hold labels.csv and films/")
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows:
        raise BadData(f"{table} has no rows")
    if missing := [name for name in ("image", "patient", "view", "fold", *FINDINGS) if name not in rows[0]]:
        raise BadData(f"{table} lacks the columns {', '.join(missing)}")
    if bad := [row["image"] for row in rows if any(row[name] not in ("0", "1") for name in FINDINGS)]:
        raise BadData(f"{len(bad)} rows of {table} have a label that is not 0 or 1, first {bad[0]}")
    if absent := [row["image"] for row in rows if not (data / "films" / row["image"]).is_file()]:
        raise BadData(f"{len(absent)} images of {table} are not in {data / 'films'}, first {absent[0]}")
    films = Films(
        folder=data / "films",
        names=tuple(row["image"] for row in rows),
        patients=np.array([row["patient"] for row in rows]),
        labels=np.array([[int(row[name]) for name in FINDINGS] for row in rows], dtype=np.int64),
        fold=np.array([int(row["fold"]) for row in rows], dtype=np.int64),
        view=np.array([row["view"] for row in rows]),
        collection=np.array([row.get("repo", "") for row in rows]),
    )
    check_disjoint(films.patients, films.fold)
    return films


def check_disjoint(patients: npt.NDArray[np.str_], fold: Ints) -> None:
    """Make sure that no patient is in two folds.

    Raises:
        BadData: Some are; the message counts and names them.
    """
    seen: dict[str, int] = {}
    shared = {
        patient
        for patient, number in zip(patients.tolist(), fold.tolist(), strict=True)
        if seen.setdefault(patient, number) != number
    }
    if shared:
        raise BadData(f"{len(shared)} patients are in more than one fold, among them {min(shared)}")


def split_digest(films: Films) -> str:
    """SHA-256 over the sorted lines `patient fold`, one a patient: names the split."""
    pairs = sorted({f"{p} {f}" for p, f in zip(films.patients.tolist(), films.fold.tolist(), strict=True)})
    return hashlib.sha256("\n".join(pairs).encode()).hexdigest()
