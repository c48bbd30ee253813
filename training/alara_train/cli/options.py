"""Options and progress bars that several verbs share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from alara_train.data.layouts.settings import Blank, Settings, Uncertain
from alara_train.toml_file import BadConfig

Row = TypeVar("Row")
SIDES = "sides in px, separated by commas"

Family = Annotated[Path, typer.Option(help="family folder")]
Schemas = Annotated[Path, typer.Option(help="folder of the JSON Schema files")]
Scores = Annotated[Path, typer.Argument(help="folder of the scores-VARIANT.npz files that a family build writes")]
Protocol = Annotated[
    str | None, typer.Option(help="crossValidated, or heldOut for one split; by default the protocol of the family")
]
Bootstraps = Annotated[
    int | None, typer.Option(min=10, help="resamples of patients; by default as many as the family has")
]
ResampleSeed = Annotated[int, typer.Option(help="seed of the resamples")]
Precisions = Annotated[str, typer.Option(help="fp32, alone or with int8 and fp16")]
FamilyName = Annotated[str, typer.Option(help="name of the family; by default the name of the folder --out")]
Origin = Annotated[
    Path | None, typer.Option(help="TOML file that says where the films come from; not needed for the layout of NIH")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU if there is one")]
ExportThreads = Annotated[int, typer.Option(min=0, help="CPU threads; 0 takes every core")]
TrainThreads = Annotated[int, typer.Option(min=0, help="CPU threads per process; 0 leaves the number to PyTorch")]

Folds = Annotated[int, typer.Option(help="folds for cross-validation, unless the data states its own")]
SplitSeed = Annotated[int, typer.Option(help="seed of the hash that splits patients, unless the data states a split")]
TestShare = Annotated[float, typer.Option(help="share of patients for test, unless the data states a split")]
ValShare = Annotated[float, typer.Option(help="share of the other patients for val, unless the data states a split")]
UncertainLabel = Annotated[Uncertain, typer.Option(help="what a label of -1 becomes")]
BlankLabel = Annotated[Blank, typer.Option(help="what an empty label becomes")]
Findings = Annotated[
    str,
    typer.Option(
        help="columns of table.csv that are findings, separated by commas; by default those that hold only labels"
    ),
]
SkipBroken = Annotated[
    bool, typer.Option("--skip-broken", help="leave out films that are missing, unreadable or under two patients")
]


def split_words(text: str) -> tuple[str, ...]:
    """Split at commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def parse_sides(text: str) -> list[int]:
    """Read sides.

    Raises:
        BadConfig: They are not numbers.
    """
    try:
        return [int(word) for word in split_words(text)]
    except ValueError:
        raise BadConfig(f"--sides must be numbers separated by commas, such as 256,512, not {text}") from None


def label_settings(**values: Any) -> Settings:
    """How labels are read and patients are split; `findings` is the text of the option."""
    return Settings(**{**values, "findings": split_words(values["findings"])})


def cores(count: int) -> int:
    """A number of threads or processes, where 0 takes every core."""
    return count or os.cpu_count() or 1


def bar(rows: Iterable[Row], title: str, **options: Any) -> Iterable[Row]:
    """Show the progress of a loop; a log file gets one line per ten seconds."""
    from tqdm import tqdm

    every_s = 0.1 if sys.stderr.isatty() else 10.0
    shown: Iterable[Row] = tqdm(rows, desc=title, dynamic_ncols=True, mininterval=every_s, **options)
    return shown


def films_bar(films: Iterable[Row], done: int, total: int) -> Iterable[Row]:
    """Show the progress of `prepare`, which may have begun earlier."""
    return bar(films, "prepare", unit="image", initial=done, total=total)
