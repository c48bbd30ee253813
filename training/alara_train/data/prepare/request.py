"""What to prepare, and who is told how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alara_train.data.layouts.settings import Settings
from alara_train.data.prepare.progress_log import Outcome

Watch = Callable[[Iterable[Outcome], int, int], Iterable[Outcome]]
"""Shows how far a run is: (films as they come, done before, all) gives the films back."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to prepare, where to, and how."""

    data: Path
    out: Path
    sides_px: Sequence[int]
    settings: Settings = field(default_factory=Settings)
    jobs: int = 2
    skip_broken: bool = False
    """Leave out films that are missing, unreadable, or filed under two patients."""
    allow_one_class: bool = False

    @property
    def lists(self) -> Path:
        """Where the full lists of what is wrong go."""
        return self.out / "problems"
