"""`alara-train calibrate`: calibration and thresholds of a catalog, fitted again from stored scores."""

from __future__ import annotations

from pathlib import Path

import typer

from alara_train.cli import options
from alara_train.cli.evaluate import measured_scores, protocol_of, stored_scores


def calibrate(
    scores: options.Scores,
    family: options.Family = Path("models/chest14"),
    protocol: options.Protocol = None,
    bootstraps: options.Bootstraps = None,
    seed: options.ResampleSeed = 20261123,
    schemas: options.Schemas = Path("models/schema"),
) -> None:
    """Fit calibration and thresholds of every variant and finding again, and write them to the catalog.

    The method is Platt, beta or isotonic, chosen per finding by cross-validated log loss. Each finding gets three
    operating points: sensitive (sensitivity 0.90), balanced (Youden's index) and specific (specificity 0.95), never
    chosen on the films that they are measured on. A catalog with a single threshold per finding gets them as well.
    Run evaluate, policy and report afterwards.

        alara-train calibrate .alara-cache --family models/chest14
    """
    from alara_train.evaluate.compare import catalog_comparisons
    from alara_train.evaluate.scored import BadScores
    from alara_train.json_file import write_json
    from alara_train.report.catalog import check_catalog, read_unchecked
    from alara_train.report.evaluation import catalog_head

    path = family / "catalog.json"
    catalog = read_unchecked(family, "catalog")
    before = read_unchecked(family, "evaluation") if (family / "evaluation.json").is_file() else {}
    first = next(iter(catalog["variants"][0]["heads"].values()))
    chosen = protocol_of(protocol, before or {"protocol": first["auroc"]["protocol"]})
    variants = stored_scores(scores, catalog["findings"])
    if missing := [v["id"] for v in catalog["variants"] if v["id"] not in {one.variant for one in variants}]:
        raise BadScores(f"{scores} has no scores of {', '.join(missing)}")
    measured = measured_scores(variants, chosen, bootstraps, seed, before)
    found = {variant.id: variant for variant in measured.variants}
    for variant in catalog["variants"]:
        for finding in variant["heads"]:
            variant["heads"][finding] = catalog_head(measured, found[variant["id"]], finding)
    catalog["comparisons"] = catalog_comparisons(measured)
    check_catalog(catalog)
    write_json(catalog, path, schemas / "catalog.schema.json")
    for finding, head in catalog["variants"][0]["heads"].items():
        typer.echo(f"{finding}: {head['calibration']['method']}")
    typer.echo(f"written to {path}")
