"""Films to stacks, with a journal of what is done."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from alara_train.data.films import Labelled
from alara_train.data.prepare import progress_log as journal
from alara_train.data.prepare.disk import room
from alara_train.data.prepare.pool import Task, outcomes
from alara_train.data.prepare.progress_log import Outcome
from alara_train.data.prepare.request import Request, Say, Watch
from alara_train.data.prepare.stacks import begin, settle

COMMIT_SECONDS = 1.0
"""How often finished films go to the disk and into the journal: what a kill costs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized:
    """What is done, and what this run did of it."""

    done: dict[int, Outcome]
    """All films by row, those of earlier runs too."""
    films: int
    seconds: float


def resize(
    films: Labelled, sides_px: Sequence[int], facts: dict[str, Any], request: Request, watch: Watch, say: Say
) -> Resized:
    """Resize every film that the journal of this facts does not have, or that has changed since.

    Raises:
        BadData: The disk is full, a worker died, or the folder was begun for another facts.
    """
    file, done = journal.open_journal(request.out, facts)
    done = {row: made for row, made in done.items() if not made.broken and made.is_of(films.path(row))}
    if done:
        say(f"going on: {len(done)} of {len(films)} films are done")
    before, started = len(done), time.perf_counter()
    tasks: Iterator[Task] = ((row, films.path(row)) for row in [row for row in range(len(films)) if row not in done])
    try:
        with room(request.out, len(films), sides_px):
            for side in sides_px:
                begin(request.out, len(films), side)
            with closing(outcomes(tasks, request.out, sides_px, request.jobs)) as coming:
                _keep(watch(coming, before, len(films)), file, done, request, sides_px)
    finally:
        os.close(file)
    return Resized(done=done, films=len(films) - before, seconds=time.perf_counter() - started)


def _keep(
    coming: Iterable[Outcome], file: int, done: dict[int, Outcome], request: Request, sides_px: Sequence[int]
) -> None:
    """Take films as they come; whatever ends this, what has come is on the disk."""
    pending: list[Outcome] = []
    committed = time.perf_counter()

    def commit() -> None:
        if pending:
            settle(request.out, sides_px)  # pixels first, then the journal that says they are there
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
