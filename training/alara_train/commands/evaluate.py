"""`alara-train evaluate`: from kept scores to `evaluation.json`, without films or networks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from alara_train.statistics.document import dumps, evaluation
from alara_train.statistics.measure import Measured, OneClass, measure
from alara_train.statistics.scored import BadScores, Protocol, Scored

CARRIED = ("recipe", "originalsAgainstSmall", "torchAgainstOnnx", "gate")
"""Measured by other verbs: kept from the evaluation that is replaced."""


def measured_scores(scores: Path, protocol: str, bootstraps: int, seed: int) -> Measured:
    """Measure the kept scores of a folder; what cannot be measured ends the verb with one message and code 2."""
    if protocol not in get_args(Protocol):
        raise typer.BadParameter(f"{protocol} is not one of {', '.join(get_args(Protocol))}")
    files = sorted(scores.glob("scores-*.npz"))
    try:
        if not files:
            raise BadScores(f"{scores} holds no scores-<variant>.npz: run alara-train family, which keeps them")
        variants = [Scored.load(path) for path in files]
        variants.sort(key=lambda v: (v.resolution, v.precision))
        return measure(variants, protocol=cast(Protocol, protocol), draws=bootstraps, seed=seed)
    except (BadScores, OneClass) as error:
        typer.echo(f"alara-train: {error}", err=True)
        raise typer.Exit(2) from error


def evaluate(
    scores: Annotated[Path, typer.Argument(help="folder of scores-<variant>.npz, as a family build keeps them")],
    family: Annotated[Path, typer.Option(help="family folder, such as models/chest14")] = Path("models/chest14"),
    protocol: Annotated[str, typer.Option(help="crossValidated, or heldOut for one split")] = "crossValidated",
    bootstraps: Annotated[int, typer.Option(help="resamples of patients")] = 2000,
    seed: Annotated[int, typer.Option(help="of the resamples")] = 20261123,
    margin: Annotated[float, typer.Option(help="AUROC that a verdict of non-inferiority allows to be lost")] = 0.01,
) -> None:
    """Measure every variant on the same films: AUROC, operating points, calibration, subgroups, differences.

    Intervals resample patients. Differences between sizes also carry intervals that hold for all findings at once.
    """
    measured = measured_scores(scores, protocol, bootstraps, seed)
    path = family / "evaluation.json"
    before = json.loads(path.read_text()) if path.is_file() else {}
    document = evaluation(
        measured,
        family=str(before.get("family", family.name)),
        date=datetime.now(UTC).date().isoformat(),
        extra={key: before[key] for key in CARRIED if key in before},
        margin=margin,
    )
    path.write_text(dumps(document))
    for name, variant in document["variants"].items():
        mean = variant["meanAuroc"]
        typer.echo(f"{name}: mean AUROC {mean['value']:.3f} [{mean['ci95'][0]:.3f}, {mean['ci95'][1]:.3f}]")
    for name in document["simultaneous"]:
        rows = [c for c in document["comparisons"] if c.get("family") == name]
        plain = sum(c["ci95"][0] > 0 or c["ci95"][1] < 0 for c in rows)
        wide = sum(c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0 for c in rows)
        typer.echo(f"{name}: {plain} of {len(rows)} differences exclude zero by themselves, {wide} all at once")
    typer.echo(f"written to {path}")
