"""`alara-train report`: the card and the figures, from the family's documents alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
) -> None:
    """Write card.md and figures/ anew from evaluation.json, catalog.json and policy.json; no film is read.

    The same documents give the same bytes.
    """
    from alara_train.atomic_file import write_whole
    from alara_train.report.card import card
    from alara_train.report.catalog import read_family, read_json
    from alara_train.report.figures.draw import draw_all
    from alara_train.report.resolution_floor import STUDY
    from alara_train.study.figure import draw_study

    catalog, policy, evaluation = read_family(family, "catalog", "policy", "evaluation")
    write_whole(family / "card.md", card(catalog, policy, evaluation))
    paths = draw_all(catalog, policy, evaluation, family / "figures")
    record = family / STUDY
    if record.is_file():
        paths.append(family / "figures" / "study-nodules.svg")
        draw_study(read_json(record), paths[-1])
    for path in paths:
        typer.echo(f"{path} {path.stat().st_size / 1000:.0f} kB")
