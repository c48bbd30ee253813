"""`alara-train calibrate`: calibration and thresholds of a catalog anew, from kept scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from alara_train.catalog import BadCatalog, check_catalog, write_json
from alara_train.commands.evaluate import measured_scores
from alara_train.statistics.compare import catalog_comparisons
from alara_train.statistics.document import catalog_head


def calibrate(
    scores: Annotated[Path, typer.Argument(help="folder of scores-<variant>.npz, as a family build keeps them")],
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
    protocol: Annotated[str, typer.Option(help="crossValidated, or heldOut for one split")] = "crossValidated",
    bootstraps: Annotated[int, typer.Option(help="resamples of patients")] = 2000,
    seed: Annotated[int, typer.Option(help="of the resamples")] = 20261123,
    schemas: Annotated[Path, typer.Option(help="folder of the JSON Schema files")] = Path("models/schema"),
) -> None:
    """Fit calibration and thresholds of every variant and finding anew, and write them to the catalog.

    Platt, beta or isotonic by cross-validated log loss, one method a finding; Youden thresholds, never chosen on the
    films that they are measured on. Run evaluate, policy and report afterwards.

        alara-train calibrate .alara-cache --family models/chest14
    """
    path = family / "catalog.json"
    catalog = json.loads(path.read_text())
    measured = measured_scores(scores, protocol, bootstraps, seed)
    found = {variant.id: variant for variant in measured.variants}
    if missing := [v["id"] for v in catalog["variants"] if v["id"] not in found]:
        typer.echo(f"alara-train: {scores} has no scores of {', '.join(missing)}", err=True)
        raise typer.Exit(2)
    for variant in catalog["variants"]:
        for finding, head in variant["heads"].items():
            measured_head = found[variant["id"]].heads[finding]
            variant["heads"][finding] = catalog_head(measured_head, protocol, head["threshold"]["method"])
    catalog["comparisons"] = catalog_comparisons(measured)
    try:
        check_catalog(catalog)
        write_json(catalog, path, schemas / "catalog.schema.json")
    except BadCatalog as error:
        typer.echo(f"alara-train: {error}", err=True)
        raise typer.Exit(2) from error
    for finding, head in catalog["variants"][0]["heads"].items():
        typer.echo(f"{finding}: {head['calibration']['method']}")
    typer.echo(f"written to {path}")
