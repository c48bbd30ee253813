"""`alara-train scores`: kept scores to `scores.json`, which a promotion compares two families by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from alara_train.config import BadConfig
from alara_train.data import BadData
from alara_train.datasets.detect import read
from alara_train.datasets.problems import refuse
from alara_train.datasets.settings import Settings
from alara_train.statistics.ranks import film_digests, scores_document, write_scores
from alara_train.statistics.scored import BadScores, Protocol, Scored


def scores(
    kept: Annotated[Path, typer.Argument(help="folder of scores-<variant>.npz, as a family build keeps them")],
    data: Annotated[Path, typer.Option(help="folder of the films and labels that were scored")],
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
    protocol: Annotated[str, typer.Option(help="crossValidated, or heldOut for one split")] = "crossValidated",
) -> None:
    """Write what every variant made of every measured film, as ranks, with films named by digest only."""
    try:
        if protocol not in get_args(Protocol):
            raise BadConfig(f"{protocol} is not one of {', '.join(get_args(Protocol))}")
        variants = sorted(
            (Scored.load(path) for path in kept.glob("scores-*.npz")), key=lambda v: (v.resolution, v.precision)
        )
        if not variants:
            raise BadScores(f"{kept} holds no scores-<variant>.npz: run alara-train family, which keeps them")
        reading = read(data, Settings())
        refuse(reading.problems, data)
        films = reading.films
        if films.patients.tolist() != variants[0].patients.tolist():
            raise BadScores(f"{data} does not hold the films that were scored, in their order")
        digests = film_digests([films.path(row) for row in range(len(films))])
        document = scores_document(variants, digests, family.name, cast(Protocol, protocol))
    except (BadConfig, BadData, BadScores) as error:
        typer.echo(f"alara-train: {error}", err=True)
        raise typer.Exit(2) from error
    write_scores(document, family / "scores.json")
    typer.echo(f"{len(document['films'])} films, {len(variants)} variants, written to {family / 'scores.json'}")
