"""Rows of a CSV file and the words that people write in them."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from alara_train.data import FINDINGS, BadData

OLDEST_YEARS = 120
"""ChestX-ray14 holds ages such as 414: beyond this an age is a typing error and becomes unknown."""

Row = dict[str, str]


def read_rows(table: Path, needed: Sequence[str]) -> list[Row]:
    """Read a CSV file with a header; short rows are padded with empty words.

    Raises:
        BadData: It is not UTF-8 text, has no rows, or lacks a needed column.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, restval="")
            rows = list(reader)
            columns = reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{table} is not a CSV file in UTF-8: {error}") from error
    if lacking := [name for name in needed if name not in columns]:
        raise BadData(f"{table} lacks the columns {', '.join(lacking)}; it has {', '.join(columns) or 'none'}")
    if not rows:
        raise BadData(f"{table} has no rows")
    return rows


def plain(word: str) -> str:
    """Fold case and what people put between words."""
    return word.casefold().replace("_", " ").replace("-", " ").strip()


def meant(word: str, known: Iterable[str] = FINDINGS) -> str:
    """Give ` (did you mean X?)` where a known word is near, else nothing."""
    words = {plain(name): name for name in known}
    inside = [name for folded, name in words.items() if plain(word) and folded in plain(word)]
    near = [words[folded] for folded in difflib.get_close_matches(plain(word), words, n=1, cutoff=0.6)]
    return f" (did you mean {(inside + near)[0]}?)" if inside or near else ""


def years(word: str) -> int:
    """Whole years of `58`, `60.0`, or DICOM's `058Y`, `013M`, `002W`, `001D`; -1 where that says nothing."""
    word = word.strip().upper()
    a_year = {"Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}.get(word[-1:])
    try:
        age = float(word[:-1]) / a_year if a_year else float(word)
    except ValueError:
        return -1
    return int(age) if 0 <= age <= OLDEST_YEARS else -1


def sex_of(word: str) -> str:
    """`M` or `F`, also of `Male` and `female`; empty for anything else."""
    folded = word.strip().upper()
    return folded[0] if folded in ("M", "F", "MALE", "FEMALE") else ""


def millimetres(pixels: str, spacing_mm: str) -> float:
    """Length of a side, NaN where either is not a positive number."""
    try:
        length = float(pixels) * float(spacing_mm)
    except ValueError:
        return float("nan")
    return length if 0 < length < float("inf") else float("nan")


def unknown_ages(words: Sequence[str]) -> list[str]:
    """Give a note where ages were written that cannot be."""
    odd = [word for word in words if word.strip() and years(word) < 0]
    return [f"{len(odd)} ages became unknown, first {odd[0]}"] if odd else []
