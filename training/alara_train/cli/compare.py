"""`alara-train compare`: several families, and their average, on the same films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from alara_train.cli import options
from alara_train.cli.table import aligned
from alara_train.report.span import span


def compare(
    families: Annotated[
        list[Path], typer.Argument(help="folders of families with scores.json; the first is compared with")
    ],
    variants: Annotated[str, typer.Option(help="variants, separated by commas; by default those that all have")] = "",
    average: Annotated[bool, typer.Option("--average", help="also measure the average of the families")] = False,
    bootstraps: Annotated[int, typer.Option(min=2, help="resamples of patients")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="seed of the resamples")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Compare the mean AUROC of families that were scored on the same films, with paired intervals.

    Every difference is from the first family, over the same resamples of patients. Within strata, only films of one
    view and collection are ranked against each other. The intervals are not corrected for the number of comparisons.

        alara-train compare models/chest14 models/other --variants r512-int8 --average
    """
    from alara_train.evaluate.compare_families import AVERAGE, FamilyScores, compare_families
    from alara_train.evaluate.scored import BadScores
    from alara_train.json_file import read_json

    names = [folder.resolve().name for folder in families]
    if len({*names, AVERAGE}) < max(2, len(names)) + 1:
        raise BadScores(f"name at least two folders of different names, none of which is {AVERAGE}")
    read = [FamilyScores.of(read_json(path / "scores.json"), name) for path, name in zip(families, names, strict=True)]
    chosen = options.split_words(variants) or tuple(
        variant for variant in read[0].logits if all(variant in family.logits for family in read)
    )
    if not chosen:
        raise BadScores("the families have no variant in common: name families of the same sizes and precisions")
    document = compare_families(read, list(chosen), average=average, draws=bootstraps, seed=seed)
    if as_json:
        typer.echo(json.dumps(document, indent=1))
        return
    typer.echo(
        f"mean AUROC of {len(document['findings'])} findings, {document['films']} films of {document['patients']} "
        f"patients, 95 % over {document['bootstraps']} resamples of patients, not corrected"
    )
    for line in aligned(_rows(document)):
        typer.echo(line)


def _rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    first = document["first"]
    rows: list[tuple[str, ...]] = [("variant", "family", "pooled", f"minus {first}", "within strata", f"minus {first}")]
    for variant, families in document["variants"].items():
        for name, measured in families.items():
            against = measured.get("againstFirst", {})
            cells = [span(part.get(key)) for key in ("mean", "withinStrata") for part in (measured, against)]
            rows.append((variant, name, *cells))
    return rows
