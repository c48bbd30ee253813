"""`films.csv`: the films of any layout, normalised, one line per film."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np

from alara_train.data.films import Labelled
from alara_train.data.layouts.csv_rows import read_rows

COLUMNS = ("image", "file", "patient", "split", "fold", "view", "sex", "age", "source", "height_mm", "width_mm")
"""The columns before those of the findings."""


def text(films: Labelled) -> str:
    """Write films as CSV. Unknown values and the fold of a held-out test film are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*COLUMNS, *films.findings))
    for row, name in enumerate(films.names):
        extent = (repr(mm) if math.isfinite(mm) else "" for mm in films.extent_mm[row].tolist())
        words = (films.patients[row], films.split[row], _number(films.fold[row]), films.view[row], films.sex[row])
        labels = (_number(value) for value in films.labels[row])
        age, source = _number(films.age[row]), films.collection[row]
        writer.writerow((name, films.files[row], *words, age, source, *extent, *labels))
    return out.getvalue()


def read(table: Path, folder: Path) -> Labelled:
    """Read what `text` wrote; `folder` is the folder of the original films.

    Raises:
        BadData: The table is empty or lacks a column.
    """
    rows = read_rows(table, COLUMNS)
    findings = tuple(name for name in rows[0] if name not in COLUMNS)

    def words(column: str) -> list[str]:
        return [row[column] for row in rows]

    def integers(column: str) -> list[int]:
        return [int(row[column] or -1) for row in rows]

    return Labelled(
        folder=folder,
        names=tuple(words("image")),
        files=tuple(words("file")),
        patients=np.array(words("patient")),
        labels=np.array([integers(finding) for finding in findings], dtype=np.int64).T.copy(),
        findings=findings,
        fold=np.array(integers("fold"), dtype=np.int64),
        split=np.array(words("split")),
        view=np.array(words("view")),
        sex=np.array(words("sex")),
        age=np.array(integers("age"), dtype=np.int64),
        collection=np.array(words("source")),
        extent_mm=np.array([[float(row[name] or "nan") for name in ("height_mm", "width_mm")] for row in rows]),
    )


def _number(value: int) -> str:
    return str(value) if value >= 0 else ""
