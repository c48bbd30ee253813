"""All faults of a data set, reported together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alara_train.data.films import BadData, Labelled

SHOWN = 3
"""Number of names in a message; a file lists all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One kind of fault, with the names of all films or rows that have it."""

    code: str
    what: str
    """The fault, as the text that follows the count: `films have no file`."""
    names: tuple[str, ...]
    correction: str

    def __str__(self) -> str:
        """The code, the count, the fault, the first names, and the correction."""
        more = f" and {len(self.names) - SHOWN} more" if len(self.names) > SHOWN else ""
        return f"{self.code}: {len(self.names)} {self.what}: {', '.join(self.names[:SHOWN])}{more}. {self.correction}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The result of a reader: the films, the problems that prevent their use, and notes."""

    layout: str
    films: Labelled
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def problem_if(code: str, names: Sequence[str], what: str, correction: str) -> list[Problem]:
    """One problem if there are names, or else none."""
    return [Problem(code=code, what=what, names=tuple(names), correction=correction)] if names else []


def raise_problems(problems: Sequence[Problem], data: Path, lists: Path | None = None) -> None:
    """Raise the problems as one error; the folder `lists` gets one file of names per problem.

    Raises:
        BadData: There are problems; the message has one line per problem.
    """
    if not problems:
        return
    lines = [f"{data} cannot be used as it is, {len(problems)} to correct:"]
    for problem in problems:
        lines.append(f"  {problem}")
        if lists is not None and len(problem.names) > SHOWN:
            lists.mkdir(parents=True, exist_ok=True)
            listed = lists / f"{problem.code}.txt"
            listed.write_text("\n".join(problem.names) + "\n")
            lines.append(f"    all {len(problem.names)} are listed in {listed}")
    raise BadData("\n".join(lines))
