"""Everything that is wrong with a data set, said at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alara_train.data.films import BadData, Labelled

SHOWN = 3
"""How many names a message shows; all of them go into a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One kind of fault, with everything that has it."""

    code: str
    what: str
    """Follows the count: `films have no file`."""
    names: tuple[str, ...]
    mend: str

    def __str__(self) -> str:
        """Count, kind, first names, then what to do."""
        more = f" and {len(self.names) - SHOWN} more" if len(self.names) > SHOWN else ""
        return f"{self.code}: {len(self.names)} {self.what}: {', '.join(self.names[:SHOWN])}{more}. {self.mend}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader found: the films, what stops them from being used, and what is only worth knowing."""

    layout: str
    films: Labelled
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def found(code: str, names: Sequence[str], what: str, mend: str) -> list[Problem]:
    """One problem where there are names, else none."""
    return [Problem(code=code, what=what, names=tuple(names), mend=mend)] if names else []


def refuse(problems: Sequence[Problem], data: Path, lists: Path | None = None) -> None:
    """Stop where there are problems; `lists` is the folder that gets one file of names a problem.

    Raises:
        BadData: There are; the message has one line for each.
    """
    if not problems:
        return
    lines = [f"{data} cannot be used as it is, {len(problems)} to mend:"]
    for problem in problems:
        lines.append(f"  {problem}")
        if lists is not None and len(problem.names) > SHOWN:
            lists.mkdir(parents=True, exist_ok=True)
            listed = lists / f"{problem.code}.txt"
            listed.write_text("\n".join(problem.names) + "\n")
            lines.append(f"    all {len(problem.names)} are listed in {listed}")
    raise BadData("\n".join(lines))
