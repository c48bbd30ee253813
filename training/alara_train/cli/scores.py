"""`alara-train scores`: ranks and logits of every measured film, to compare two families film by film."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli import options
from alara_train.cli.evaluate import protocol_of, stored_scores


def scores(
    stored: options.Scores,
    data: Annotated[Path, typer.Option(help="folder of the films and labels that were scored")],
    family: options.Family = Path("models/chest14"),
    protocol: options.Protocol = None,
) -> None:
    """Write the scores of every variant and measured film as ranks and logits; films are identified by digest only.

    The document names the family as the family's catalog does, whatever its folder is called.
    """
    from alara_train.data.layouts.detect import read
    from alara_train.data.layouts.problems import raise_problems
    from alara_train.data.layouts.settings import Settings
    from alara_train.evaluate.scored import BadScores
    from alara_train.evaluate.scores_file import film_digests, scores_document, write_scores
    from alara_train.report.catalog import read_family

    [catalog] = read_family(family, "catalog")
    before = read_family(family, "evaluation")[0] if (family / "evaluation.json").is_file() else {}
    chosen = protocol_of(protocol, before)
    variants = stored_scores(stored, catalog["findings"])
    reading = read(data, Settings())
    raise_problems(reading.problems, data)
    films = reading.films
    if films.patients.tolist() != variants[0].patients.tolist():
        raise BadScores(f"{data} does not hold the films that were scored, in their order")
    digests = film_digests([films.path(row) for row in range(len(films))])
    document = scores_document(variants, digests, catalog["family"], chosen)
    write_scores(document, family / "scores.json")
    typer.echo(f"{len(document['films'])} films, {len(variants)} variants, written to {family / 'scores.json'}")
