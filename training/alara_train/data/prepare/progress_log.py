"""`journal.jsonl`: the finished films, one line per film, so that a killed run can continue."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alara_train.data.films import BadData

NAME = "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result for one film."""

    row: int
    sha256: str = ""
    """Of the file on the disk."""
    bytes: int = 0
    mtime_ns: int = 0
    broken: str = ""
    """Why the file could not be read; empty if it was read."""

    def is_of(self, film: Path) -> bool:
        """Whether the file has the size and time that it had when it was read."""
        try:
            now = film.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.bytes, self.mtime_ns)


def open_log(folder: Path, facts: dict[str, Any]) -> tuple[int, dict[int, Outcome]]:
    """Open the log of a folder for appending; returns a file descriptor, and the finished films by row.

    `facts` are everything that the content of the folder depends on; they are the first line of the log.

    An incomplete last line is dropped.

    Raises:
        BadData: The folder was begun with other facts.
    """
    path = folder / NAME
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    complete, _, _ = path.read_bytes().rpartition(b"\n")
    lines = complete.splitlines()
    os.ftruncate(file, len(complete) + 1 if lines else 0)
    if not lines:
        _write(file, [facts])
        return file, {}
    begun = json.loads(lines[0])
    if differing := [key for key in facts if begun.get(key) != facts[key]]:
        os.close(file)
        was = "; ".join(f"{key} was {_short(begun.get(key))}, now {_short(facts[key])}" for key in differing)
        raise BadData(
            f"{folder} was begun with other films or settings ({was}): name another --out, or delete the folder"
        )
    done = (Outcome(**json.loads(line)) for line in lines[1:])
    return file, {outcome.row: outcome for outcome in done}


def append(file: int, outcomes: Sequence[Outcome]) -> None:
    """Append films; they are on the disk when this function returns."""
    _write(file, [asdict(outcome) for outcome in outcomes])


def _write(file: int, records: Sequence[dict[str, Any]]) -> None:
    rest = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()
    while rest:
        rest = rest[os.write(file, rest) :]
    os.fsync(file)


def _short(value: object) -> str:
    word = str(value)
    return word if len(word) <= 40 else f"{word[:12]}…"
