"""`alara-train evaluate`: from stored scores to `evaluation.json`, without films or networks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from alara_train.cli import options

if TYPE_CHECKING:
    from alara_train.evaluate import scored
    from alara_train.evaluate.measure import Measured
    from alara_train.evaluate.scored import VariantScores

CARRIED = ("recipe", "originalsAgainstSmall", "torchAgainstOnnx", "gate", "notServed")
"""Keys that other verbs measure: taken over from the evaluation that is replaced."""


def protocol_of(protocol: str | None, evaluation: dict[str, Any]) -> scored.Protocol:
    """The protocol of the option, or else the family's own."""
    from typing import get_args

    from alara_train.evaluate import scored

    chosen = protocol or str(evaluation.get("protocol", "crossValidated"))
    if chosen not in get_args(scored.Protocol):
        raise typer.BadParameter(f"{chosen} is not one of {', '.join(get_args(scored.Protocol))}")
    return cast("scored.Protocol", chosen)


def stored_scores(folder: Path, findings: list[str] | None) -> list[VariantScores]:
    """Read the scores of a folder, restricted to the findings that the family serves.

    Raises:
        BadScores: The folder has no scores, or a file is damaged.
    """
    from alara_train.evaluate.scored import BadScores, VariantScores

    files = sorted(folder.glob("scores-*.npz"))
    if not files:
        raise BadScores(f"{folder} holds no scores-VARIANT.npz: run alara-train family or export, which write them")
    variants = [VariantScores.load(path) for path in files]
    variants.sort(key=lambda v: (v.resolution, v.precision))
    return [one.only(findings) for one in variants] if findings else variants


def measured_scores(
    variants: list[VariantScores],
    protocol: scored.Protocol,
    bootstraps: int | None,
    seed: int,
    evaluation: dict[str, Any],
) -> Measured:
    """Measure scores, with the number of resamples of the option, or else of the family's evaluation.

    Raises:
        BadScores, OneClass, Uncalibratable: They cannot be measured.
    """
    from alara_train.evaluate.measure import measure

    return measure(variants, protocol=protocol, draws=bootstraps or int(evaluation.get("bootstraps", 2000)), seed=seed)


def evaluate(
    scores: options.Scores,
    family: options.Family = Path("models/chest14"),
    protocol: options.Protocol = None,
    bootstraps: options.Bootstraps = None,
    seed: options.ResampleSeed = 20261123,
    margin: Annotated[
        float | None, typer.Option(min=0, max=1, help="AUROC that may be lost; by default the family's margin")
    ] = None,
) -> None:
    """Measure every variant on the same films: AUROC, operating points, calibration, subgroups, differences.

    Intervals resample patients. Differences between sizes also have intervals that hold for all findings at once.
    Margin, protocol, resamples and findings are those that the family declares, unless an option names another.
    """
    from alara_train.atomic_file import write_atomic
    from alara_train.family.build import mean_aurocs
    from alara_train.json_file import read_json
    from alara_train.report.catalog import read_family
    from alara_train.report.evaluation import dumps, evaluation
    from alara_train.report.policy import declared_margin

    path = family / "evaluation.json"
    before = read_json(path) if path.is_file() else {}
    catalog = read_family(family, "catalog")[0] if (family / "catalog.json").is_file() else {}
    policy = read_family(family, "policy")[0] if (family / "policy.json").is_file() else None
    chosen = declared_margin(policy, before) if margin is None else margin
    measured = measured_scores(
        stored_scores(scores, catalog.get("findings")), protocol_of(protocol, before), bootstraps, seed, before
    )
    document = evaluation(
        measured,
        family=str(catalog.get("family") or before.get("family") or family.name),
        date=datetime.now(UTC).date().isoformat(),
        extra={key: before[key] for key in CARRIED if key in before},
        margin=chosen,
    )
    write_atomic(path, dumps(document))
    for line in mean_aurocs(document):
        typer.echo(line)
    for name in document["simultaneous"]:
        rows = [c for c in document["comparisons"] if c.get("family") == name]
        plain = sum(c["ci95"][0] > 0 or c["ci95"][1] < 0 for c in rows)
        wide = sum(c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0 for c in rows)
        typer.echo(f"{name}: {plain} of {len(rows)} differences exclude zero by themselves, {wide} all at once")
    typer.echo(f"margin {chosen:g}, written to {path}")
