"""`alara-train evaluate`: from kept scores to `evaluation.json`, without films or networks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from alara_train.evaluate.measure import Measured
    from alara_train.evaluate.scored import Scored

CARRIED = ("recipe", "originalsAgainstSmall", "torchAgainstOnnx", "gate", "notServed")
"""Measured by other verbs: kept from the evaluation that is replaced."""
PROTOCOL = "crossValidated, or heldOut for one split; by default that of the family"


def protocol_of(protocol: str | None, evaluation: dict[str, Any]) -> str:
    """The protocol that was asked for, else the family's own."""
    from typing import get_args

    from alara_train.evaluate.scored import Protocol

    chosen = protocol or str(evaluation.get("protocol", "crossValidated"))
    if chosen not in get_args(Protocol):
        raise typer.BadParameter(f"{chosen} is not one of {', '.join(get_args(Protocol))}")
    return chosen


def kept_scores(folder: Path, findings: list[str] | None) -> list[Scored]:
    """Read the scores of a folder, of the findings that the family serves.

    Raises:
        BadScores: There are none, or a file is damaged.
    """
    from alara_train.evaluate.scored import BadScores, Scored

    files = sorted(folder.glob("scores-*.npz"))
    if not files:
        raise BadScores(f"{folder} holds no scores-VARIANT.npz: run alara-train family or export, which keep them")
    variants = [Scored.load(path) for path in files]
    variants.sort(key=lambda v: (v.resolution, v.precision))
    return [one.only(findings) for one in variants] if findings else variants


def measured_scores(
    variants: list[Scored], protocol: str, bootstraps: int | None, seed: int, evaluation: dict[str, Any]
) -> Measured:
    """Measure scores by the family's own protocol and number of resamples where no other was asked for.

    Raises:
        BadScores, OneClass, Uncalibratable: They cannot be measured.
    """
    from typing import cast

    from alara_train.evaluate.measure import measure
    from alara_train.evaluate.scored import Protocol

    draws = bootstraps or int(evaluation.get("bootstraps", 2000))
    return measure(variants, protocol=cast(Protocol, protocol), draws=draws, seed=seed)


def evaluate(
    scores: Annotated[Path, typer.Argument(help="folder of scores-<variant>.npz, as a family build keeps them")],
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL)] = None,
    bootstraps: Annotated[
        int | None, typer.Option(min=10, help="resamples of patients; by default as many as the family has")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the resamples")] = 20261123,
    margin: Annotated[
        float | None, typer.Option(min=0, max=1, help="AUROC that may be lost; by default the family's margin")
    ] = None,
) -> None:
    """Measure every variant on the same films: AUROC, operating points, calibration, subgroups, differences.

    Intervals resample patients. Differences between sizes also carry intervals that hold for all findings at once.
    Margin, protocol, resamples and findings are those that the family declares, unless an option names another.
    """
    from alara_train.atomic_file import write_whole
    from alara_train.report.catalog import read_family, read_json
    from alara_train.report.evaluation import dumps, evaluation
    from alara_train.report.policy import declared_margin

    path = family / "evaluation.json"
    before = read_json(path) if path.is_file() else {}
    catalog = read_family(family, "catalog")[0] if (family / "catalog.json").is_file() else {}
    policy = read_family(family, "policy")[0] if (family / "policy.json").is_file() else None
    chosen = declared_margin(policy, before) if margin is None else margin
    measured = measured_scores(
        kept_scores(scores, catalog.get("findings")), protocol_of(protocol, before), bootstraps, seed, before
    )
    document = evaluation(
        measured,
        family=str(catalog.get("family") or before.get("family") or family.name),
        date=datetime.now(UTC).date().isoformat(),
        extra={key: before[key] for key in CARRIED if key in before},
        margin=chosen,
    )
    write_whole(path, dumps(document))
    for name, variant in document["variants"].items():
        mean = variant["meanAuroc"]
        typer.echo(f"{name}: mean AUROC {mean['value']:.3f} [{mean['ci95'][0]:.3f}, {mean['ci95'][1]:.3f}]")
    for name in document["simultaneous"]:
        rows = [c for c in document["comparisons"] if c.get("family") == name]
        plain = sum(c["ci95"][0] > 0 or c["ci95"][1] < 0 for c in rows)
        wide = sum(c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0 for c in rows)
        typer.echo(f"{name}: {plain} of {len(rows)} differences exclude zero by themselves, {wide} all at once")
    typer.echo(f"margin {chosen:g}, written to {path}")
