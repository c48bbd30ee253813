"""Labelled films as every reader gives them, whatever the layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alara_train.data.films import Films, Floats, Ints

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled(Films):
    """Films with all that is known of them; every array has length N.

    Unlike those of a bare `Films`, `labels` may hold -1 for unknown, and `fold` is -1 for the films of a
    test set that the data itself holds out: no cross-validation may touch those.
    """

    files: tuple[str, ...]
    """Where each film lies under `folder`; empty where it was not found."""
    split: npt.NDArray[np.str_]
    """`train`, `val` or `test`."""
    sex: npt.NDArray[np.str_]
    """`M`, `F`, or empty for unknown."""
    age: Ints
    """Whole years, or -1 for unknown."""
    extent_mm: Floats
    """[N, 2]: height and width of the whole film at the detector, NaN for unknown."""

    def path(self, row: int) -> Path:
        """Where film `row` lies."""
        return self.folder / self.files[row]

    def where(self, *splits: str) -> Ints:
        """Rows of the films in any of these splits, ascending."""
        rows: Ints = np.flatnonzero(np.isin(self.split, splits))
        return rows

    def take(self, rows: Ints) -> Labelled:
        """Give the films of these rows, in this order."""
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
