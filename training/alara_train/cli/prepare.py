"""`alara-train prepare`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.data.films import BadData
from alara_train.data.layouts.settings import Blank, Settings, Uncertain

if TYPE_CHECKING:
    from alara_train.data.prepare.progress_log import Outcome

FOLDS = "folds for cross-validation, unless the data states its own"
SEED = "of the hash that splits patients, where the data does not"
TEST_SHARE = "share of patients for test, unless the data says"
VAL_SHARE = "share of the other patients for val, unless it says"
UNCERTAIN = "what a label of -1 becomes"
BLANK = "what an empty label becomes"
FINDINGS = "columns of table.csv that are findings, with commas between; by default those that hold only labels"


def prepare(
    data: Annotated[Path, typer.Argument(help="folder of films and labels, in one of the three layouts")],
    out: Annotated[Path, typer.Option(help="where the prepared films go; run again to go on after a kill")],
    sides: Annotated[str, typer.Option(help="sides in px, 32 to 1024, with commas between")] = "256,320,448,512",
    folds: Annotated[int, typer.Option(help=FOLDS)] = 5,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    test_share: Annotated[float, typer.Option(help=TEST_SHARE)] = 0.2,
    val_share: Annotated[float, typer.Option(help=VAL_SHARE)] = 0.125,
    uncertain: Annotated[Uncertain, typer.Option(help=UNCERTAIN)] = Uncertain.ignore,
    blank: Annotated[Blank, typer.Option(help=BLANK)] = Blank.ignore,
    findings: Annotated[str, typer.Option(help=FINDINGS)] = "",
    jobs: Annotated[int, typer.Option(help="processes that decode and resize; about one a core")] = 2,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="leave out films that are missing, unreadable or under two patients")
    ] = False,
    allow_one_class: Annotated[
        bool, typer.Option("--allow-one-class", help="go on though a finding cannot be measured in some fold")
    ] = False,
) -> None:
    """Check labelled films and resize each once to every side.

    The table is checked first, all of it, so that whatever is wrong is said at
    once. Then every film is decoded once and kept as memory-mapped pixels, by
    the kernel that serving uses. A run that was killed, or that met a full
    disk, goes on where it was when the same command is given again.

    --out gets prepared.json, films.csv and one pixels-SIDE.npy a side, of
    SIDE x SIDE bytes a film.

    NIH ChestX-ray14 as downloaded, with its official test list:

        alara-train prepare ChestX-ray14 --out prepared --jobs 16

    A collection that states its folds (labels.csv and films/):

        alara-train prepare collection --out prepared --sides 256,512

    Your own films (table.csv with image, patient and a column for each of
    your findings, of any name, as 1, 0, -1 or empty; images/), -1 taken for
    positive:

        alara-train prepare mine --out prepared --folds 10 --uncertain one
    """
    from alara_train.data.prepare import prepare as preparing
    from alara_train.data.prepare.disk import size
    from alara_train.data.prepare.request import Order

    try:
        order = Order(
            data=data,
            out=out,
            sides_px=_sides(sides),
            settings=Settings(
                uncertain=uncertain,
                blank=blank,
                folds=folds,
                seed=seed,
                test_share=test_share,
                val_share=val_share,
                findings=named(findings),
            ),
            jobs=jobs,
            skip_broken=skip_broken,
            allow_one_class=allow_one_class,
        )
        prepared = preparing.prepare(order, _bar, typer.echo)
    except KeyboardInterrupt:
        typer.echo(f"alara-train: stopped; run the same command to go on in {out}", err=True)
        raise typer.Exit(130) from None
    said = prepared.manifest
    for name, why in list(said["leftOut"].items())[:3]:
        typer.echo(f"left out: {name} ({why})")
    if len(said["leftOut"]) > 3:
        typer.echo(f"left out: {len(said['leftOut'])} films in all, listed in {out / 'prepared.json'}")
    typer.echo(f"{out}: {said['films']} films, {size(sum(said['bytes'].values()))}, split {said['splitDigest'][:12]}")


def named(words: str) -> tuple[str, ...]:
    """Read names with commas between."""
    return tuple(word.strip() for word in words.split(",") if word.strip())


def _sides(words: str) -> list[int]:
    try:
        return [int(word) for word in words.split(",") if word.strip()]
    except ValueError:
        raise BadData(f"--sides must be numbers with commas between, such as 256,512, not {words}") from None


def _bar(films: Iterable[Outcome], done: int, total: int) -> Iterable[Outcome]:
    from tqdm import tqdm

    every_s = 0.1 if sys.stderr.isatty() else 10.0  # a log needs no animation
    bar: Iterable[Outcome] = tqdm(
        films, desc="prepare", unit="image", initial=done, total=total, dynamic_ncols=True, mininterval=every_s
    )
    return bar
