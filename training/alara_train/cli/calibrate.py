"""`alara-train calibrate`: calibration and thresholds of a catalog anew, from kept scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli.evaluate import PROTOCOL, kept_scores, measured_scores, protocol_of


def calibrate(
    scores: Annotated[Path, typer.Argument(help="folder of scores-<variant>.npz, as a family build keeps them")],
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL)] = None,
    bootstraps: Annotated[
        int | None, typer.Option(min=10, help="resamples of patients; by default as many as the family has")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the resamples")] = 20261123,
    schemas: Annotated[Path, typer.Option(help="folder of the JSON Schema files")] = Path("models/schema"),
) -> None:
    """Fit calibration and thresholds of every variant and finding anew, and write them to the catalog.

    Platt, beta or isotonic by cross-validated log loss, one method a finding; Youden thresholds, never chosen on the
    films that they are measured on. Run evaluate, policy and report afterwards.

        alara-train calibrate .alara-cache --family models/chest14
    """
    from alara_train.evaluate.compare import catalog_comparisons
    from alara_train.evaluate.scored import BadScores
    from alara_train.report.catalog import check_catalog, read_family, write_json
    from alara_train.report.evaluation import catalog_head

    path = family / "catalog.json"
    [catalog] = read_family(family, "catalog")
    before = read_family(family, "evaluation")[0] if (family / "evaluation.json").is_file() else {}
    first = next(iter(catalog["variants"][0]["heads"].values()))
    chosen = protocol_of(protocol, before or {"protocol": first["auroc"]["protocol"]})
    variants = kept_scores(scores, catalog["findings"])
    if missing := [v["id"] for v in catalog["variants"] if v["id"] not in {one.variant for one in variants}]:
        raise BadScores(f"{scores} has no scores of {', '.join(missing)}")
    measured = measured_scores(variants, chosen, bootstraps, seed, before)
    found = {variant.id: variant for variant in measured.variants}
    for variant in catalog["variants"]:
        for finding, head in variant["heads"].items():
            measured_head = found[variant["id"]].heads[finding]
            new = catalog_head(measured_head, chosen, head["threshold"]["method"])
            if chosen == "heldOut":
                new["prevalence"] = measured.prevalence(finding)
            variant["heads"][finding] = new
    catalog["comparisons"] = catalog_comparisons(measured)
    check_catalog(catalog)
    write_json(catalog, path, schemas / "catalog.schema.json")
    for finding, head in catalog["variants"][0]["heads"].items():
        typer.echo(f"{finding}: {head['calibration']['method']}")
    typer.echo(f"written to {path}")
