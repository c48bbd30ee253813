"""Read, check, resize: a folder of labelled films to a prepared one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from alara_train.atomic_file import write_atomic
from alara_train.data.films import SPLITS, BadData, Labelled
from alara_train.data.layouts import split as splitting
from alara_train.data.layouts.checks import MISSING, ONE_CLASS, check_sides, one_class
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.problems import Reading, raise_problems
from alara_train.data.prepare import films_csv
from alara_train.data.prepare import progress_log as journal
from alara_train.data.prepare.disk import check_room, full_disk_error, lock
from alara_train.data.prepare.excluded import LeftOut, leave_out
from alara_train.data.prepare.prepared import FILMS, MANIFEST, SCHEMA, Prepared, read_manifest
from alara_train.data.prepare.request import Log, Progress, Request
from alara_train.data.prepare.resize import Resized, resize
from alara_train.data.prepare.stacks import compact, source_rows, stack_bytes, truncate

OWN = {journal.NAME, ".lock", "problems"}
"""Files that a run leaves behind if it ends before it resizes a film."""


def prepare(request: Request, watch: Progress, log: Log) -> Prepared:
    """Prepare a folder of films; a finished folder is only opened.

    Raises:
        BadData: The films cannot be used as they are, the disk is full, or `out` holds something else.
    """
    if request.jobs < 1:
        raise BadData(f"--jobs must be 1 or more, not {request.jobs}")
    sides = check_sides(request.sides_px)
    reading = read(request.data, request.settings)
    films, missing = _usable(request, reading)
    _introduce(reading, films, sides, log)
    facts = _facts(films, sides, request)
    request.out.mkdir(parents=True, exist_ok=True)
    with lock(request.out):
        if (manifest := read_manifest(request.out)) is None:
            _only_own(request.out)
            check_room(request.out, len(films), sides)
            resized = resize(films, sides, facts, request, watch, log)
            if resized.films:
                speed = f"{resized.films / resized.seconds:.0f} images/s at {len(sides)} sides with {request.jobs} jobs"
                log(f"{resized.films} films in {resized.seconds:.0f} s: {speed}")
            left_out = leave_out(films, resized.done, request)
            for note in left_out.notes:
                log(f"note: {note}")
            with full_disk_error(request.out, len(films), sides):
                final = _close_up(films, left_out, resized, request, sides)
                why = {**missing, **left_out.why}
                manifest = _manifest(final, reading, request, sides, facts, resized, why)
                write_atomic(request.out / FILMS, films_csv.text(final))
                write_atomic(request.out / MANIFEST, json.dumps(manifest, indent=2) + "\n")
        elif differing := [key for key in facts if manifest["request"].get(key) != facts[key]]:
            what = " and ".join(differing)
            raise BadData(f"{request.out} was prepared with different {what}: name another --out, or delete the folder")
        else:
            without = len(manifest["leftOut"])
            log(f"{request.out} is prepared already" + (f", without {without} films" if without else ""))
        for side in sides:
            truncate(request.out, manifest["films"], side)
        (request.out / journal.NAME).unlink(missing_ok=True)
        shutil.rmtree(request.lists, ignore_errors=True)
    return Prepared.open(request.out)


def _usable(request: Request, reading: Reading) -> tuple[Labelled, dict[str, str]]:
    """Return the films that have files, and the names of the films that were left out because they have none."""
    films = reading.films
    exists = np.array([bool(file) and (films.folder / file).is_file() for file in films.files])
    waived = {MISSING} if request.skip_broken and exists.any() else set()
    waived |= {ONE_CLASS} if request.allow_one_class else set()
    raise_problems([problem for problem in reading.problems if problem.code not in waived], request.data, request.lists)
    return films.take(np.flatnonzero(exists)), {films.names[row]: "missing" for row in np.flatnonzero(~exists).tolist()}


def _introduce(reading: Reading, films: Labelled, sides: Sequence[int], log: Log) -> None:
    counted = ", ".join(f"{int((films.split == name).sum())} {name}" for name in SPLITS)
    log(f"{reading.layout}: {len(films)} films of {len(set(films.patients.tolist()))} patients ({counted})")
    for note in reading.notes:
        log(f"note: {note}")
    if empty := sorted(set(range(max(films.folds, default=0))) - set(films.folds)):
        log(f"note: no film is in fold {', '.join(map(str, empty))}")
    if unusual := [side for side in sides if side % 32]:
        log(f"note: {', '.join(map(str, unusual))} px is not a multiple of 32; not every network accepts such a side")


def _facts(films: Labelled, sides: Sequence[int], request: Request) -> dict[str, Any]:
    """Everything that the content of the folder depends on."""
    return {
        "table": hashlib.sha256(films_csv.text(films).encode()).hexdigest(),
        "split": splitting.digest(films),
        "sides": list(sides),
        "settings": request.settings.record(),
        "libvips": ".".join(str(pyvips.version(part)) for part in range(3)),
        "kernel": "lanczos3",
    }


def _only_own(out: Path) -> None:
    names = {path.name for path in out.iterdir()}
    if journal.NAME not in names and (other := names - OWN):
        raise BadData(f"{out} holds other files, such as {min(other)}: name another --out")


def _close_up(films: Labelled, left_out: LeftOut, resized: Resized, request: Request, sides: Sequence[int]) -> Labelled:
    """Close the gaps of films that are left out; returns the films in the order of the stacks.

    Raises:
        BadData: Without them, some finding can no longer be measured.
    """
    final = films.take(source_rows(left_out.kept))
    if not request.allow_one_class:
        raise_problems(one_class(final), request.data)
    gaps = np.flatnonzero(~left_out.kept).tolist()
    file = os.open(request.out / journal.NAME, os.O_WRONLY | os.O_APPEND)
    try:  # Another film fills the gap. If this run is killed now, the next run must read the gap's own film again.
        journal.append(file, [replace(resized.done[row], broken="left out") for row in gaps])
    finally:
        os.close(file)
    for side in sides:
        compact(request.out, left_out.kept, side)
    return final


def _manifest(
    films: Labelled,
    reading: Reading,
    request: Request,
    sides: Sequence[int],
    facts: dict[str, Any],
    resized: Resized,
    left_out: dict[str, str],
) -> dict[str, Any]:
    run = {"films": resized.films, "jobs": request.jobs, "seconds": round(resized.seconds, 2)}
    if resized.films:
        run["imagesPerSecond"] = round(resized.films / resized.seconds, 2)
    return {
        "schema": SCHEMA,
        "layout": reading.layout,
        "data": str(request.data.resolve()),
        "filmsFolder": str(films.folder.resolve()),
        "films": len(films),
        "patients": len(set(films.patients.tolist())),
        "splits": {name: int((films.split == name).sum()) for name in SPLITS},
        "folds": {str(fold): int((films.fold == fold).sum()) for fold in films.folds},
        "leftOut": left_out,
        "filmsSha256": hashlib.sha256(films_csv.text(films).encode()).hexdigest(),
        "splitDigest": splitting.digest(films),
        "sidesPx": list(sides),
        "bytes": {str(side): stack_bytes(len(films), side) for side in sides},
        "depth": "8 bits; 16-bit films are resized in 16 bits, then reduced by round(v / 257)",
        "request": facts,
        "lastRun": run,
    }
