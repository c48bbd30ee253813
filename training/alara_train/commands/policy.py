"""`alara-train policy`: what is good enough, and what it costs, before anything is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from alara_train.catalog import BadCatalog, check_schema, write_json
from alara_train.statistics.derive import derive_policy, evidence, separations, words
from alara_train.statistics.document import SCHEMA
from alara_train.statistics.routing import Unreachable, costs, plan


def route_table(catalog: dict[str, Any], policy: dict[str, Any]) -> list[str]:
    """The route that follows from a policy, as lines to print: each finding by itself, then all together.

    Raises:
        Unreachable: No variant satisfies a rule.
    """
    device, price = costs(catalog)
    together = plan(catalog, policy, list(catalog["findings"]))
    rows = [("finding", "rule", "evidence", "alone", "ms", "of largest", "with all 14")]
    for finding in catalog["findings"]:
        rule = policy["rules"].get(finding, policy.get("otherwise"))
        alone = plan(catalog, policy, [finding])
        rows.append(
            (
                finding,
                words(rule),
                evidence(rule),
                alone.serves[finding],
                f"{alone.cost_ms:.1f}",
                f"{100 * alone.share:.0f} %",
                together.serves[finding],
            )
        )
    rows[0] = (*rows[0][:-1], f"with all {len(catalog['findings'])}")
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    single = [plan(catalog, policy, [f]).cost_ms for f in catalog["findings"]]
    mean = sum(single) / len(single)
    used = sorted(set(together.serves.values()), key=lambda id_: price[id_])
    return [
        *lines,
        "",
        f"all findings at once: {' + '.join(used)}, {together.cost_ms:.1f} ms on {device}: "
        f"{100 * together.share:.0f} % of always {together.largest} ({together.largest_ms:.1f} ms)",
        f"one finding at a time, each as often: {mean:.1f} ms in the mean: {100 * mean / together.largest_ms:.0f} %",
    ]


def parse_targets(targets: list[str], findings: list[str]) -> dict[str, float]:
    """Read `Finding=0.75`.

    Raises:
        typer.BadParameter: It does not read so, or names no finding of the family.
    """
    parsed: dict[str, float] = {}
    for text in targets:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError as error:
            raise typer.BadParameter(f"{text}: write it as Finding=0.75") from error
        if name not in findings:
            raise typer.BadParameter(f"{name} is not a finding of this family: {', '.join(findings)}")
        if not 0.5 <= value <= 1:
            raise typer.BadParameter(f"{text}: an AUROC target lies between 0.5 and 1")
        parsed[name] = value
    return parsed


def policy(
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
    margin: Annotated[float, typer.Option(help="AUROC that a variant may lose against the best")] = 0.01,
    alpha: Annotated[float, typer.Option(help="chance that any corrected interval of a precision is wrong")] = 0.05,
    target: Annotated[list[str] | None, typer.Option(help="Finding=0.75: reach this AUROC by lower end")] = None,
    schemas: Annotated[Path, typer.Option(help="folder of the JSON Schema files")] = Path("models/schema"),
    write: Annotated[bool, typer.Option("--write", help="write policy.json; without it nothing is changed")] = False,
) -> None:
    """Derive what is good enough from a family's evaluation, and show the routes and costs that follow.

    A finding follows the family's own table only where an interval between two sizes, corrected for all findings and
    pairs of sizes, excludes zero in every precision. Elsewhere a simulated floor holds, or else the published one.
    """
    catalog = json.loads((family / "catalog.json").read_text())
    evaluation = json.loads((family / "evaluation.json").read_text())
    if evaluation.get("schema") != SCHEMA:
        typer.echo(f"alara-train: {family / 'evaluation.json'} is not {SCHEMA}: run alara-train evaluate", err=True)
        raise typer.Exit(2)
    targets = parse_targets(target or [], catalog["findings"])
    derived = derive_policy(catalog, evaluation, margin=margin, alpha=alpha, targets=targets)
    schema = schemas / "policy.schema.json"
    try:
        if schema.is_file():
            check_schema(derived, schema)
        lines = route_table(catalog, derived)
    except (Unreachable, BadCatalog) as error:
        typer.echo(f"alara-train: {error}", err=True)
        raise typer.Exit(2) from error
    apart = separations(evaluation, alpha)
    for finding, pairs in apart.items():
        for small, large, difference in pairs:
            typer.echo(
                f"{finding}: {small} px minus {large} px is {difference:+.3f} AUROC, corrected interval off zero"
            )
    if not apart:
        typer.echo("No finding's corrected interval between two sizes excludes zero in every precision.")
    typer.echo("")
    for line in lines:
        typer.echo(line)
    typer.echo("")
    if write:
        write_json(derived, family / "policy.json", schema)
        typer.echo(f"written to {family / 'policy.json'}")
    else:
        typer.echo("nothing written: add --write")
