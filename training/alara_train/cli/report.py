"""`alara-train report`: the card and the figures, from the family's documents alone."""

from __future__ import annotations

from pathlib import Path

import typer

from alara_train.cli import options


def report(family: options.Family = Path("models/chest14")) -> None:
    """Write card.md and figures/ from evaluation.json, catalog.json and policy.json; no film is read.

    The same documents give the same bytes.
    """
    from alara_train.family.report import report_family
    from alara_train.json_file import read_json
    from alara_train.recipes.finetuned.sweep_figure import draw_sweep
    from alara_train.report.resolution_curve import FIGURE, SWEEP
    from alara_train.report.resolution_floor import STUDY
    from alara_train.study.figure import draw_study

    paths = report_family(family)
    record = family / STUDY
    if record.is_file():
        paths.append(family / "figures" / "study-nodules.svg")
        draw_study(read_json(record), paths[-1])
    if (family / SWEEP).is_file():
        paths.append(family / FIGURE)
        draw_sweep(read_json(family / SWEEP), paths[-1])
    for path in paths:
        typer.echo(f"{path} {path.stat().st_size / 1000:.0f} kB")
