"""`alara-train report`: the card and the figures, from the family's documents alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from alara_train.card import card
from alara_train.figures.draw import draw_all
from alara_train.statistics.document import SCHEMA
from alara_train.study.figure import draw_study
from alara_train.study.floor import STUDY


def report(
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
) -> None:
    """Write card.md and figures/ anew from evaluation.json, catalog.json and policy.json; no film is read.

    The same documents give the same bytes.
    """
    catalog, policy, evaluation = (
        json.loads((family / f"{name}.json").read_text()) for name in ("catalog", "policy", "evaluation")
    )
    if evaluation.get("schema") != SCHEMA:
        typer.echo(f"alara-train: {family / 'evaluation.json'} is not {SCHEMA}: run alara-train evaluate", err=True)
        raise typer.Exit(2)
    (family / "card.md").write_text(card(catalog, policy, evaluation))
    paths = draw_all(catalog, policy, evaluation, family / "figures")
    record = family / STUDY
    if record.is_file():
        paths.append(family / "figures" / "study-nodules.svg")
        draw_study(json.loads(record.read_text()), paths[-1])
    for path in paths:
        typer.echo(f"{path} {path.stat().st_size / 1000:.0f} kB")
