"""How a reader interprets labels and splits patients."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from alara_train.data.films import BadData

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _()/.+-]{0,62}[A-Za-z0-9)]|[A-Za-z0-9]")
NAMED = "letters, digits, spaces and _()/.+- up to 64 characters, because requests separate names by commas and colons"


class Uncertain(StrEnum):
    """The meaning of the label -1, which CheXpert uses for uncertain."""

    ignore = "ignore"
    zero = "zero"
    one = "one"


class Blank(StrEnum):
    """The meaning of an empty label; CheXpert's authors trained with zero."""

    ignore = "ignore"
    zero = "zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How labels are read, and how patients are split unless the data states a split.

    Raises:
        BadData: A number is out of range.
    """

    uncertain: Uncertain = Uncertain.ignore
    blank: Blank = Blank.ignore
    folds: int = 5
    seed: int = 0
    test_share: float = 0.2
    """Of the patients."""
    val_share: float = 0.125
    """Of the patients outside the test set. The defaults give 70, 10 and 20 per cent."""
    findings: tuple[str, ...] = ()
    """Columns of `table.csv` that are findings; empty takes every column that holds only labels."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.folds < 2:
            raise BadData(f"--folds must be 2 or more, not {self.folds}")
        if not 0 <= self.test_share < 1:
            raise BadData(f"--test-share must be in [0, 1), not {self.test_share}")
        if wrong := [name for name in self.findings if not NAME.fullmatch(name)]:
            raise BadData(f"--findings: {wrong[0]!r} is not a valid name of a finding: {NAMED}")
        if len(set(self.findings)) != len(self.findings):
            raise BadData("--findings names a finding twice")
        if not 0 < self.val_share < 1:
            raise BadData(f"--val-share must be in (0, 1), not {self.val_share}")

    def record(self) -> dict[str, Any]:
        """Return the settings as `prepared.json` stores them."""
        plain = asdict(self)
        return {
            "uncertain": str(plain["uncertain"]),
            "blank": str(plain["blank"]),
            "folds": plain["folds"],
            "seed": plain["seed"],
            "testShare": plain["test_share"],
            "valShare": plain["val_share"],
            **({"findings": list(self.findings)} if self.findings else {}),
        }
