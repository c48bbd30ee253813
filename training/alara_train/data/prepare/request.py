"""What to prepare, and the types of its progress callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alara_train.data.layouts.settings import Settings
from alara_train.data.prepare.progress_log import Outcome

Progress = Callable[[Iterable[Outcome], int, int], Iterable[Outcome]]
"""Shows the progress of a run: takes the films as they finish, the number finished before, and the total."""

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to prepare, where, and how."""

    data: Path
    out: Path
    sides_px: Sequence[int]
    settings: Settings = field(default_factory=Settings)
    jobs: int = 2
    skip_broken: bool = False
    """Leave out films that are missing, unreadable, or under two patients."""
    allow_one_class: bool = False

    @property
    def lists(self) -> Path:
        """The folder of the full lists of problems."""
        return self.out / "problems"
