"""The layout of a folder, and the reader of this layout."""

from __future__ import annotations

from pathlib import Path

from alara_train.data.films import BadData
from alara_train.data.layouts import collection, nih, table
from alara_train.data.layouts.problems import Reading
from alara_train.data.layouts.settings import Settings

MARKS = {"nih": nih.TABLES, "collection": (collection.TABLE,), "table": (table.TABLE,)}
"""The file that identifies a layout; for NIH, any one of two."""

READERS = {"nih": nih.read, "collection": collection.read, "table": table.read}

LAYOUTS = """\
  nih         Data_Entry_2017_v2020.csv, train_val_list.txt, test_list.txt, images_*/images/*.png
  collection  labels.csv (image, patient, view, fold, the 14 findings as 0 or 1) and films/
  table       table.csv (image, patient, a column per finding as 1, 0, -1 or empty) and images/"""


def detect(data: Path) -> str:
    """Name the layout of a folder: `nih`, `collection` or `table`.

    Raises:
        BadData: It has none of them, or more than one.
    """
    if not data.is_dir():
        raise BadData(f"{data} is not a folder")
    layouts = [name for name, marks in MARKS.items() if any((data / mark).is_file() for mark in marks)]
    if len(layouts) > 1:
        raise BadData(f"{data} has the tables of {' and '.join(layouts)}: keep one")
    if not layouts:
        raise BadData(f"{data} has none of the three layouts:\n{LAYOUTS}")
    return layouts[0]


def read(data: Path, settings: Settings) -> Reading:
    """Detect the layout of a folder, and read it.

    Raises:
        BadData: The folder has no layout, or its table cannot be read. Lesser faults are problems of the reading.
    """
    layout = detect(data)
    return READERS[layout](data, settings)
