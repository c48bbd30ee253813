"""`alara-train policy`: derive the policies of a family, and show their cost before they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from alara_train.cli import options
from alara_train.cli.table import aligned


def route_table(catalog: dict[str, Any], policy: dict[str, Any]) -> list[str]:
    """The routes of a policy as lines of text: each finding alone, then all together.

    Raises:
        Unreachable: No variant satisfies a rule.
    """
    from alara_train.report.policy import evidence_kind, rule_text
    from alara_train.report.routing import costs, plan

    device, price = costs(catalog)
    together = plan(catalog, policy, list(catalog["findings"]))
    rows = [("finding", "rule", "evidence", "alone", "ms", "of largest", "with all 14")]
    for finding in catalog["findings"]:
        rule = policy["rules"].get(finding, policy.get("otherwise"))
        alone = plan(catalog, policy, [finding])
        rows.append(
            (
                finding,
                rule_text(rule),
                evidence_kind(rule),
                alone.serves[finding],
                f"{alone.cost_ms:.1f}",
                f"{100 * alone.share:.0f} %",
                together.serves[finding],
            )
        )
    rows[0] = (*rows[0][:-1], f"with all {len(catalog['findings'])}")
    single = [plan(catalog, policy, [f]).cost_ms for f in catalog["findings"]]
    mean = sum(single) / len(single)
    used = sorted(set(together.serves.values()), key=lambda id_: price[id_])
    return [
        *aligned(rows),
        "",
        f"all findings at once: {' + '.join(used)}, {together.cost_ms:.1f} ms on {device}: "
        f"{100 * together.share:.0f} % of always {together.largest} ({together.largest_ms:.1f} ms)",
        f"one finding at a time, all equally often: {mean:.1f} ms on average: {100 * mean / together.largest_ms:.0f} %",
    ]


def parse_targets(targets: list[str], findings: list[str]) -> dict[str, float]:
    """Read `Finding=0.75`.

    Raises:
        typer.BadParameter: A text has another form, or names no finding of the family.
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
    family: options.Family = Path("models/chest14"),
    margin: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="AUROC that a variant may lose; by default the family's own margin"),
    ] = None,
    alpha: Annotated[
        float, typer.Option(help="probability that any corrected interval of a precision is wrong")
    ] = 0.05,
    target: Annotated[
        list[str] | None, typer.Option(help="Finding=0.75: the lower end of the AUROC must reach this value")
    ] = None,
    schemas: options.Schemas = Path("models/schema"),
    write: Annotated[
        bool,
        typer.Option("--write", help="write policy.json and policies/cheapest.json; by default nothing is changed"),
    ] = False,
) -> None:
    """Derive the policies from a family's evaluation, and show their routes and costs.

    The family's own policy: a finding follows the family's own table only if an interval between two sizes, within
    strata of view and collection and corrected for all findings and pairs of sizes, excludes zero in every precision.
    Other findings get a simulated floor, or else the published one. The policy cheapest: per finding the smallest size
    whose difference from the best is not shown. Without --margin the family's own margin is used, so that an unchanged
    evaluation gives unchanged policies.
    """
    from alara_train.json_file import check_schema
    from alara_train.report.catalog import read_family
    from alara_train.report.policy import (
        attainable_policy,
        cheapest_policy,
        declared_margin,
        derive_policy,
        separations,
        write_policies,
    )

    catalog, evaluation = read_family(family, "catalog", "evaluation")
    before = read_family(family, "policy")[0] if (family / "policy.json").is_file() else None
    chosen = declared_margin(before, evaluation) if margin is None else margin
    targets = parse_targets(target or [], catalog["findings"])
    own = derive_policy(catalog, evaluation, margin=chosen, alpha=alpha, targets=targets)
    own = attainable_policy(own, catalog, chosen)
    cheapest = cheapest_policy(catalog, evaluation, own, alpha)
    schema = schemas / "policy.schema.json"
    if schema.is_file():
        check_schema(own, schema)
        check_schema(cheapest, schema)
    lines = [line for rules in (own, cheapest) for line in (f"{rules['name']}:", *route_table(catalog, rules), "")]
    separated = separations(evaluation, alpha)
    for finding, pairs in separated.items():
        for small, large, difference in pairs:
            typer.echo(
                f"{finding}: {small} px minus {large} px is {difference:+.3f} AUROC within strata; corrected interval "
                "excludes zero"
            )
    if not separated:
        typer.echo("No finding's corrected interval between two sizes within strata excludes zero in every precision.")
    typer.echo(f"margin {chosen:g}")
    typer.echo("")
    for line in lines:
        typer.echo(line)
    if not write:
        typer.echo("nothing written: add --write")
        return
    for path in write_policies(own, cheapest, family):
        typer.echo(f"written to {path}")
