"""`alara-train power`: films needed to show a difference between two sizes, from the measured standard errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from alara_train.cli import options
from alara_train.cli.table import aligned


def power(
    family: options.Family = Path("models/chest14"),
    difference: Annotated[str, typer.Option(help="differences of AUROC to show, separated by commas")] = "0.02,0.01",
    power: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="probability that a true difference is shown")
    ] = 0.8,
    alpha: Annotated[
        float, typer.Option(min=1e-6, max=0.5, help="probability that any comparison of the correction is wrong")
    ] = 0.05,
    sizes: Annotated[
        str, typer.Option(help="the two sizes in px, separated by a comma; by default the smallest and the largest")
    ] = "",
    precision: Annotated[str, typer.Option(help="precision of the variants; by default int8 if it was measured")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Count the films that are needed to show a difference of AUROC between two sizes, per finding.

    films = measured films x ((critical value + normal quantile of the power) x standard error / difference)^2

    The standard error of the paired difference is that of evaluation.json, over resamples of patients. The critical
    value is the one of the policy: it holds for all findings and pairs of sizes of a precision at once. Within strata,
    only films of one view and collection are ranked against each other, as in the policy. At a fixed prevalence, the
    variance of a difference of correlated AUROCs is proportional to 1 / films (Hanley and McNeil 1983, DeLong 1988,
    Obuchowski 1998).

        alara-train power --family models/chest14 --difference 0.02,0.01
    """
    from alara_train.evaluate.power import ASSUMPTIONS, FORMULA
    from alara_train.report.catalog import read_family
    from alara_train.report.power import power_document

    [evaluation] = read_family(family, "evaluation")
    document = power_document(
        evaluation,
        differences=parse_differences(difference),
        power=power,
        alpha=alpha,
        sizes_px=tuple(options.parse_sides(sizes)) if sizes else None,
        precision=precision or None,
    )
    if as_json:
        typer.echo(json.dumps(document, indent=1))
        return
    for line in power_table(document):
        typer.echo(line)
    typer.echo("")
    typer.echo(FORMULA)
    for sentence in ASSUMPTIONS:
        typer.echo(f"- {sentence}")


def parse_differences(text: str) -> list[float]:
    """Read differences of AUROC.

    Raises:
        typer.BadParameter: One is not a number between 0 and 0.5.
    """
    try:
        values = [float(word) for word in options.split_words(text)]
    except ValueError as error:
        raise typer.BadParameter(f"{text}: write differences as 0.02,0.01") from error
    if not values or not all(0 < value < 0.5 for value in values):
        raise typer.BadParameter(f"{text}: a difference lies between 0 and 0.5")
    return values


def power_table(document: dict[str, Any]) -> list[str]:
    """The document as lines of text: one row per finding, and the medians."""
    inside = document["withinStrata"]
    differences = list(document["medianFilms"])
    columns = ("standard error", *(f"films for {d}" for d in differences))
    rows = [("finding", "films with", *columns, *(f"within strata: {column}" for column in columns))]
    for finding, found in document["findings"].items():
        cells = _cells(found, differences) + _cells(inside["findings"].get(finding), differences)
        rows.append((finding, str(found["positives"]), *cells))
    medians = [[f"{part['medianFilms'].get(d, 0):,}" for d in differences] for part in (document, inside)]
    rows.append(("median", "", "", *medians[0], "", *medians[1]))
    return [
        f"{document['variant']} against {document['reference']}, power {document['power']:g}, "
        f"alpha {document['alpha']:g} for {document['comparisons']} comparisons at once "
        f"(critical value {document['critical']:.2f})",
        "",
        *aligned(rows),
    ]


def _cells(found: dict[str, Any] | None, differences: list[str]) -> list[str]:
    if found is None:
        return [""] * (1 + len(differences))
    return [f"{found['error']:.4f}", *(f"{found['films'][d]:,}" for d in differences)]
