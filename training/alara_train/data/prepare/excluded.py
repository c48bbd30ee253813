"""Films that turned out to be unusable once they were read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from alara_train.data.films import Bools, Labelled
from alara_train.data.layouts.problems import found, refuse
from alara_train.data.prepare.progress_log import Outcome
from alara_train.data.prepare.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Which rows stay, why the others do not, and what is only worth knowing."""

    kept: Bools
    why: dict[str, str]
    notes: tuple[str, ...]


def leave_out(films: Labelled, done: Mapping[int, Outcome], request: Request) -> LeftOut:
    """Find films that cannot be read, and films that are filed under more than one patient.

    Raises:
        BadData: There are some and leaving films out was not asked for, or none would stay.
    """
    broken = {row: done[row].broken for row in sorted(done) if done[row].broken}
    across, within = twins(films, done)
    problems = [
        *found(
            "broken-films",
            [f"{films.names[row]} ({why})" for row, why in broken.items()],
            "films cannot be read",
            "Fetch them again and run the same command, or leave them out with --skip-broken",
        ),
        *found(
            "same-film-two-patients",
            [" = ".join(f"{films.names[row]} (patient {films.patients[row]})" for row in rows) for rows in across],
            "films are there byte for byte under more than one patient",
            "Correct the table, or leave all of them out with --skip-broken",
        ),
    ]
    why = {films.names[row]: reason for row, reason in broken.items()}
    why |= {films.names[row]: "same film under two patients" for rows in across for row in rows}
    if not request.skip_broken or len(why) == len(films):
        refuse(problems, request.data, request.lists)
    same = [" = ".join(films.names[row] for row in rows) for rows in within]
    return LeftOut(
        kept=np.array([name not in why for name in films.names]),
        why=why,
        notes=tuple([f"{len(same)} films of one patient are there more than once, first {same[0]}"] if same else []),
    )


def twins(films: Labelled, done: Mapping[int, Outcome]) -> tuple[list[list[int]], list[list[int]]]:
    """Rows of byte-identical files: groups across patients, and groups within one."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row in sorted(done):
        if not done[row].broken:
            groups[done[row].sha256].append(row)
    same = [rows for rows in groups.values() if len(rows) > 1]
    across = [rows for rows in same if len(set(films.patients[rows].tolist())) > 1]
    return across, [rows for rows in same if rows not in across]
