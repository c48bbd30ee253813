"""`alara-train evaluate`: an evaluation from stored scores, or from films of the caller."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alara_train.cli import options
from alara_train.data.layouts.settings import Blank, Settings, Uncertain

if TYPE_CHECKING:
    from alara_train.evaluate import scored
    from alara_train.evaluate.measure import Measured
    from alara_train.evaluate.scored import VariantScores

CARRIED = ("recipe", "originalsAgainstSmall", "torchAgainstOnnx", "gate", "notServed")
"""Keys that other verbs measure: taken over from the evaluation that is replaced."""


def protocol_of(protocol: str | None, evaluation: dict[str, Any]) -> scored.Protocol:
    """The protocol of the option, or else the family's own."""
    from alara_train.evaluate.scored import CHOOSING

    chosen = protocol or str(evaluation.get("protocol", "crossValidated"))
    if chosen not in CHOOSING:
        raise typer.BadParameter(f"{chosen} is not one of {', '.join(CHOOSING)}")
    return chosen


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
    scores: Annotated[
        Path | None, typer.Argument(help="folder of the scores-VARIANT.npz files that a family build writes")
    ] = None,
    family: options.Family = Path("models/chest14"),
    protocol: options.Protocol = None,
    bootstraps: options.Bootstraps = None,
    seed: options.ResampleSeed = 20261123,
    margin: Annotated[
        float | None, typer.Option(min=0, max=1, help="AUROC that may be lost; by default the family's margin")
    ] = None,
    films: Annotated[
        Path | None, typer.Option(help="folder of films and labels of your own, in one of the three layouts")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="with --films: policy.json to measure; by default the family's own")
    ] = None,
    out: Annotated[Path, typer.Option(help="with --films: JSON document to write")] = Path("films-evaluation.json"),
    uncertain: options.UncertainLabel = Uncertain.ignore,
    blank: options.BlankLabel = Blank.ignore,
    findings: options.Findings = "",
) -> None:
    """Measure every variant on the same films: AUROC, operating points, calibration, subgroups, differences.

    Intervals resample patients. Differences between sizes also have intervals that hold for all findings at once.
    Margin, protocol, resamples and findings are those that the family declares, unless an option names another.

        alara-train evaluate .alara-cache --family models/chest14

    With --films, the served graphs read films that the family was not made of, with the calibration and thresholds of
    the catalog: nothing is chosen on these films. Films that the input gate refuses are counted and left out. Results
    are stored beside --out after each film, so that the same command continues after a kill.

        alara-train evaluate --films my-films --family models/chest14 --out my-films.json
    """
    if (scores is None) == (films is None):
        raise typer.BadParameter("name either a folder of scores or --films")
    if films is not None:
        choices = options.label_settings(uncertain=uncertain, blank=blank, findings=findings)
        _evaluate_films(films, family, policy, out, choices, bootstraps, seed, margin)
    elif scores is not None:
        _evaluate_scores(scores, family, protocol, bootstraps, seed, margin)


def _evaluate_scores(
    scores: Path, family: Path, protocol: str | None, bootstraps: int | None, seed: int, margin: float | None
) -> None:
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
    for line in (*mean_aurocs(document), *_differences(document)):
        typer.echo(line)
    typer.echo(f"margin {chosen:g}, written to {path}")


def _differences(document: dict[str, Any]) -> list[str]:
    """How many differences of each correction exclude zero, pooled and within strata."""
    lines = []
    for name in document["simultaneous"]:
        rows = [c for c in document["comparisons"] if c.get("family") == name]
        inside = [c["withinStrata"] for c in rows if "withinStrata" in c]
        for words, some in ((name, rows), (f"{name}, within strata", inside)):
            plain = sum(c["ci95"][0] > 0 or c["ci95"][1] < 0 for c in some)
            wide = sum(c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0 for c in some)
            lines.append(f"{words}: {plain} of {len(some)} differences exclude zero by themselves, {wide} all at once")
    return lines


def _evaluate_films(
    data: Path,
    family: Path,
    policy: Path | None,
    out: Path,
    settings: Settings,
    bootstraps: int | None,
    seed: int,
    margin: float | None,
) -> None:
    from alara_train.atomic_file import write_atomic
    from alara_train.cli.own_films import summary
    from alara_train.family.own_films import check_labels, evaluate_own_films, known_films, labelled_films
    from alara_train.family.read_films import read_films
    from alara_train.json_file import read_json
    from alara_train.report.catalog import read_family
    from alara_train.report.evaluation import dumps
    from alara_train.report.policy import declared_margin

    catalog, own_policy = read_family(family, "catalog", "policy")
    before = read_json(family / "evaluation.json") if (family / "evaluation.json").is_file() else {}
    films = labelled_films(data, settings)
    check_labels(catalog, films)
    outputs = read_films(family, catalog, films, out.with_suffix(".read"), options.bar)
    document = evaluate_own_films(
        catalog,
        read_json(policy) if policy else own_policy,
        films,
        outputs,
        known=known_films(family),
        bootstraps=bootstraps or int(before.get("bootstraps", 2000)),
        seed=seed,
        margin=declared_margin(own_policy, before) if margin is None else margin,
    )
    write_atomic(out, dumps(document))
    for line in (*summary(document), "", *_differences(document), f"written to {out}"):
        typer.echo(line)
