"""Resize films into stacks, with a log of the finished films."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from alara_train.data.films import Labelled
from alara_train.data.prepare import progress_log as journal
from alara_train.data.prepare.disk import full_disk_error
from alara_train.data.prepare.pool import Task, outcomes
from alara_train.data.prepare.progress_log import Outcome
from alara_train.data.prepare.request import Log, Progress, Request
from alara_train.data.prepare.stacks import flush, write_header

COMMIT_SECONDS = 1.0
"""Interval at which finished films are flushed and logged; a kill loses at most this much work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized:
    """The finished films, and the part that this run did."""

    done: dict[int, Outcome]
    """All films by row, including those of earlier runs."""
    films: int
    seconds: float


def resize(
    films: Labelled, sides_px: Sequence[int], facts: dict[str, Any], request: Request, watch: Progress, log: Log
) -> Resized:
    """Resize every film that is not in the log, or that has changed since.

    Raises:
        BadData: The disk is full, a process died, or the folder was begun with other facts.
    """
    file, done = journal.open_log(request.out, facts)
    done = {row: made for row, made in done.items() if not made.broken and made.is_of(films.path(row))}
    if done:
        log(f"continuing: {len(done)} of {len(films)} films are done")
    before, started = len(done), time.perf_counter()
    tasks: Iterator[Task] = ((row, films.path(row)) for row in [row for row in range(len(films)) if row not in done])
    try:
        with full_disk_error(request.out, len(films), sides_px):
            for side in sides_px:
                write_header(request.out, len(films), side)
            with closing(outcomes(tasks, request.out, sides_px, request.jobs)) as coming:
                _keep(watch(coming, before, len(films)), file, done, request, sides_px)
    finally:
        os.close(file)
    return Resized(done=done, films=len(films) - before, seconds=time.perf_counter() - started)


def _keep(
    coming: Iterable[Outcome], file: int, done: dict[int, Outcome], request: Request, sides_px: Sequence[int]
) -> None:
    """Collect films as they finish, and flush them to the disk, also when an exception ends the loop."""
    pending: list[Outcome] = []
    committed = time.perf_counter()

    def commit() -> None:
        if pending:
            flush(
                request.out, sides_px
            )  # The pixels come first: the log must not name pixels that are not on the disk.
            journal.append(file, pending)
            done.update((made.row, made) for made in pending)
            pending.clear()

    try:
        for made in coming:
            pending.append(made)
            if time.perf_counter() - committed > COMMIT_SECONDS:
                commit()
                committed = time.perf_counter()
    finally:
        commit()
