"""Films that are excluded after reading, because they are unusable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from alara_train.data.films import Bools, Labelled
from alara_train.data.layouts.problems import problem_if, raise_problems
from alara_train.data.prepare.progress_log import Outcome
from alara_train.data.prepare.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The rows that are kept, the reasons for the others, and notes."""

    kept: Bools
    why: dict[str, str]
    notes: tuple[str, ...]


def leave_out(films: Labelled, done: Mapping[int, Outcome], request: Request) -> LeftOut:
    """Find films that cannot be read, and films that occur under more than one patient.

    Raises:
        BadData: There are such films and the request does not allow to leave them out, or no film would remain.
    """
    broken = {row: done[row].broken for row in sorted(done) if done[row].broken}
    across, within = twins(films, done)
    problems = [
        *problem_if(
            "broken-films",
            [f"{films.names[row]} ({why})" for row, why in broken.items()],
            "films cannot be read",
            "Fetch them again and run the same command, or leave them out with --skip-broken",
        ),
        *problem_if(
            "same-film-two-patients",
            [" = ".join(f"{films.names[row]} (patient {films.patients[row]})" for row in rows) for rows in across],
            "films occur byte for byte under more than one patient",
            "Correct the table, or leave all of them out with --skip-broken",
        ),
    ]
    why = {films.names[row]: reason for row, reason in broken.items()}
    why |= {films.names[row]: "same film under two patients" for rows in across for row in rows}
    if not request.skip_broken or len(why) == len(films):
        raise_problems(problems, request.data, request.lists)
    same = [" = ".join(films.names[row] for row in rows) for rows in within]
    return LeftOut(
        kept=np.array([name not in why for name in films.names]),
        why=why,
        notes=tuple([f"{len(same)} films of one patient occur more than once, first {same[0]}"] if same else []),
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
