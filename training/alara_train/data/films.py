"""Films, labels and patient-disjoint folds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alara_train.errors import UserError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EVERY_FILM = -2
"""In place of a fold's number: no fold is left out."""

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


SPLITS = ("train", "val", "test")


class BadData(UserError):
    """The data set cannot be used as it is; the message says what to correct."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Films:
    """Labelled films, one row per film; every array has length N."""

    folder: Path
    names: tuple[str, ...]
    patients: npt.NDArray[np.str_]
    labels: Ints
    """[N, F] of 0 and 1, in the order of `findings`; -1 for unknown."""
    fold: Ints
    """Fold of a cross-validation; -1 for films that the data set itself holds out."""
    view: npt.NDArray[np.str_]
    collection: npt.NDArray[np.str_]
    findings: tuple[str, ...] = FINDINGS
    """Names of the columns of `labels`."""

    def __len__(self) -> int:
        """Count the films."""
        return len(self.names)

    def path(self, row: int) -> Path:
        """Path of film `row`."""
        return self.folder / self.names[row]

    @property
    def folds(self) -> list[int]:
        """The fold numbers in use, ascending."""
        return sorted(set(self.fold.tolist()) - {-1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled(Films):
    """Films with every column that a layout can state; every array has length N.

    A film with fold -1 belongs to a test set of the data itself, so no cross-validation may use it.
    """

    files: tuple[str, ...]
    """Path of each film under `folder`; empty if the file was not found."""
    split: npt.NDArray[np.str_]
    """`train`, `val` or `test`."""
    sex: npt.NDArray[np.str_]
    """`M`, `F`, or empty for unknown."""
    age: Ints
    """Whole years, or -1 for unknown."""
    extent_mm: Floats
    """[N, 2]: height and width of the film at the detector; NaN for unknown."""

    def path(self, row: int) -> Path:
        """Path of film `row`."""
        return self.folder / self.files[row]

    def where(self, *splits: str) -> Ints:
        """Rows of the films in any of these splits, ascending."""
        rows: Ints = np.flatnonzero(np.isin(self.split, splits))
        return rows

    def take(self, rows: Ints) -> Labelled:
        """Return the films of these rows, in this order."""
        return replace(
            self,
            names=tuple(self.names[row] for row in rows.tolist()),
            files=tuple(self.files[row] for row in rows.tolist()),
            patients=self.patients[rows],
            labels=self.labels[rows],
            fold=self.fold[rows],
            view=self.view[rows],
            collection=self.collection[rows],
            split=self.split[rows],
            sex=self.sex[rows],
            age=self.age[rows],
            extent_mm=self.extent_mm[rows],
        )


def check_disjoint(patients: npt.NDArray[np.str_], fold: Ints) -> None:
    """Make sure that no patient is in two folds.

    Raises:
        BadData: A patient is in two folds; the message counts such patients and names one.
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
    """SHA-256 over the sorted lines `patient fold`, one per patient: identifies the split."""
    pairs = sorted({f"{p} {f}" for p, f in zip(films.patients.tolist(), films.fold.tolist(), strict=True)})
    return hashlib.sha256("\n".join(pairs).encode()).hexdigest()
