"""Rows of a CSV file, and the values of common columns."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from alara_train.data.films import FINDINGS, BadData

MAX_AGE_YEARS = 120
"""An age above this limit is a typing error and becomes unknown: ChestX-ray14 holds ages such as 414."""

EXTRA_VALUES = "\0"
"""Key under which `csv.DictReader` puts the values of a row that have no column."""
SEPARATORS = {"semicolons": ";", "tabs": "\t"}

Row = dict[str, str]


def read_rows(table: Path, needed: Sequence[str]) -> list[Row]:
    """Read a CSV file with a header; short rows are padded with empty values, and empty rows are skipped.

    Raises:
        BadData: The file is not UTF-8 text, has no rows, lacks a needed column, or repeats a column; or a row has
            more values than the header.
    """
    rows: list[Row] = []
    long_rows: list[int] = []
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, restkey=EXTRA_VALUES, restval="", strict=True)
            columns = reader.fieldnames or ()
            for row in reader:
                if any(row.pop(EXTRA_VALUES, ())):
                    long_rows.append(reader.line_num)
                elif any(word.strip() for word in row.values()):
                    rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{table} is not a CSV file in UTF-8: {error}") from error
    if missing := [name for name in needed if name not in columns]:
        has = ", ".join(columns) or "none"
        separator = next((word for word, mark in SEPARATORS.items() if len(columns) == 1 and mark in columns[0]), "")
        commas = f": separate the columns by commas, not {separator}" if separator else ""
        raise BadData(f"{table} lacks the columns {', '.join(missing)}; it has {has}{commas}")
    if repeated := sorted({name for name in columns if name and list(columns).count(name) > 1}):
        raise BadData(f"{table} has more than one column {', '.join(repeated)}: keep one of each")
    if long_rows:
        raise BadData(
            f"{table} has more values than columns in {len(long_rows)} rows, first in line {long_rows[0]}: put a value "
            "that contains a comma in double quotes"
        )
    if not rows:
        raise BadData(f"{table} has no rows")
    return rows


def normalised(word: str) -> str:
    """Normalise case and separators."""
    return word.casefold().replace("_", " ").replace("-", " ").strip()


def suggestion(word: str, known: Iterable[str] = FINDINGS) -> str:
    """Return ` (did you mean X?)` if a known word is similar, else an empty string."""
    words = {normalised(name): name for name in known}
    contained = [name for folded, name in words.items() if normalised(word) and folded in normalised(word)]
    similar = [words[folded] for folded in difflib.get_close_matches(normalised(word), words, n=1, cutoff=0.6)]
    return f" (did you mean {(contained + similar)[0]}?)" if contained or similar else ""


def age_years(word: str) -> int:
    """Whole years of `58`, `60.0`, or DICOM's `058Y`, `013M`, `002W`, `001D`; -1 if the value is none of these."""
    word = word.strip().upper()
    units_per_year = {"Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}.get(word[-1:])
    try:
        age = float(word[:-1]) / units_per_year if units_per_year else float(word)
    except ValueError:
        return -1
    return int(age) if 0 <= age <= MAX_AGE_YEARS else -1


def sex_of(word: str) -> str:
    """`M` or `F` from `M`, `F`, `Male` or `Female` in any case; empty for any other value."""
    folded = word.strip().upper()
    return folded[0] if folded in ("M", "F", "MALE", "FEMALE") else ""


def millimetres(pixels: str, spacing_mm: str) -> float:
    """Length of a side of the film in mm; NaN unless both values are positive numbers."""
    try:
        length = float(pixels) * float(spacing_mm)
    except ValueError:
        return float("nan")
    return length if 0 < length < float("inf") else float("nan")


def age_notes(words: Sequence[str]) -> list[str]:
    """Return a note if some ages are not valid."""
    invalid = [word for word in words if word.strip() and age_years(word) < 0]
    return [f"{len(invalid)} ages became unknown, first {invalid[0]}"] if invalid else []
