"""A prepared folder: `prepared.json`, `films.csv` and `pixels-<side>.npy`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alara_train.data.films import BadData, Labelled
from alara_train.data.prepare import films_csv
from alara_train.data.prepare import progress_log as journal
from alara_train.data.prepare.stacks import stack_bytes, stack_path
from alara_train.json_file import read_json

MANIFEST = "prepared.json"
FILMS = "films.csv"
SCHEMA = "alara.prepared/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Films with their resized pixels: film i is row i of every stack."""

    folder: Path
    films: Labelled
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Prepared:
        """Open what `alara-train prepare` wrote.

        Raises:
            BadData: It was not finished, or is not what the manifest says.
        """
        manifest = read_manifest(folder)
        if manifest is None:
            begun = (folder / journal.NAME).is_file()
            state = "is not finished: run the same prepare again" if begun else "was not made by alara-train prepare"
            raise BadData(f"{folder} {state}")
        table = folder / FILMS
        if not table.is_file() or hashlib.sha256(table.read_bytes()).hexdigest() != manifest["filmsSha256"]:
            raise BadData(f"{table} is not the one that was prepared: prepare again, into another folder")
        return cls(folder=folder, films=films_csv.read(table, Path(manifest["filmsFolder"])), manifest=manifest)

    @property
    def split(self) -> npt.NDArray[np.str_]:
        """[N] of `train`, `val` and `test`."""
        return self.films.split

    @property
    def sides_px(self) -> tuple[int, ...]:
        """The prepared sides, ascending."""
        return tuple(self.manifest["sidesPx"])

    @property
    def split_digest(self) -> str:
        """SHA-256 that identifies the split and the folds."""
        return str(self.manifest["splitDigest"])

    def pixels(self, side_px: int) -> np.memmap[Any, np.dtype[np.uint8]]:
        """Gray pixels [N, side, side], as a read-only memory map.

        Raises:
            BadData: This side was not prepared, or its file was cut short.
        """
        if side_px not in self.sides_px:
            raise BadData(f"{self.folder} holds {', '.join(map(str, self.sides_px))} px, not {side_px}: prepare it")
        path = stack_path(self.folder, side_px)
        size = path.stat().st_size if path.is_file() else 0
        if size < (expected := stack_bytes(len(self.films), side_px)):
            raise BadData(f"{path} has {size} bytes of {expected}: delete {self.folder} and prepare again")
        pixels: np.memmap[Any, np.dtype[np.uint8]] = np.load(path, mmap_mode="r")
        return pixels


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of a finished folder; None if there is none.

    Raises:
        BadData: It is of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    manifest = read_json(path)
    if manifest.get("schema") != SCHEMA:
        raise BadData(f"{path} is {manifest.get('schema')}, not {SCHEMA}: prepare again, into another folder")
    return manifest
