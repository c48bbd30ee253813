"""A family's documents: evaluation, policy, catalog, and from these the card and the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from alara_train.atomic_file import write_whole
from alara_train.data.pixels import tensor
from alara_train.evaluate.compare import catalog_comparisons
from alara_train.evaluate.measure import Measured, measure
from alara_train.evaluate.scored import Scored
from alara_train.evaluate.scores_file import film_digests, scores_document, write_scores
from alara_train.export.cost import measure_ms, measured_on
from alara_train.networks.efficientnet_lite import MEAN, STD
from alara_train.origin import Origin
from alara_train.recipes.finetuned.describe import recipe, told
from alara_train.recipes.finetuned.export_settings import ExportSettings
from alara_train.recipes.finetuned.load_runs import Runs
from alara_train.recipes.finetuned.variants import Variant, serve_only
from alara_train.report.card import card
from alara_train.report.catalog import check_catalog, check_schema
from alara_train.report.documents import gate_record, provenance, quality_record, variant_record
from alara_train.report.evaluation import dumps
from alara_train.report.evaluation import evaluation as evaluation_of
from alara_train.report.figures.draw import draw_all
from alara_train.report.policy import attainable, derive_policy

THRESHOLDS = (
    "Youden's index on the validation films; low and high are the 10th and 90th percentile of thresholds chosen anew "
    "in resamples of patients; sensitivity and specificity are of the test films, which chose nothing"
)
DOCUMENTS = ("evaluation", "policy", "catalog")
"""In the order in which they are written: serving reads the catalog, which must not name what is not there."""


def evaluate_family(
    family: str,
    runs: Runs,
    variants: list[Variant],
    scores: list[Scored],
    origin: Origin,
    settings: ExportSettings,
    out: Path,
    schemas: Path,
    cache: Path,
) -> dict[str, Any]:
    """Measure the variants and write evaluation, policy, catalog and scores; gives the evaluation.

    Scores name films by the digest of their files, and are left out where those are no longer there.

    Raises:
        BadScores, OneClass, BadCatalog: Before anything is written.
    """
    measured = measure(scores, protocol="heldOut", draws=settings.bootstraps, seed=settings.seed, leave_out=True)
    for variant in variants:
        serve_only(variant, cache, measured.findings, scores[0].findings)
    catalog = _catalog(family, runs, variants, measured, origin)
    check_catalog(catalog)
    document = evaluation_of(
        measured,
        family=family,
        date=catalog["provenance"]["date"],
        margin=settings.margin,
        extra={
            "recipe": recipe(runs, variants, settings, origin),
            "originalsAgainstSmall": {"what": "not measured: the films themselves were trained on", "films": 0},
            "torchAgainstOnnx": {v.id: v.difference for v in variants},
            "gate": gate_record(variants),
        },
    )
    policy = attainable(derive_policy(catalog, document, margin=settings.margin), catalog, settings.margin)
    for name, of in (("catalog", catalog), ("policy", policy)):
        if (schema := schemas / f"{name}.schema.json").is_file():
            check_schema(of, schema)
    texts = {"evaluation": dumps(document), "policy": _json(policy), "catalog": _json(catalog)}
    for name in DOCUMENTS:
        write_whole(out / f"{name}.json", texts[name])
    files = [runs.prepared.films.path(row) for row in runs.scored.tolist()]
    if all(file.is_file() for file in files):
        served = [score.only(measured.findings) for score in scores]
        write_scores(scores_document(served, film_digests(files), family, "heldOut"), out / "scores.json")
    return document


def report_family(out: Path) -> None:
    """Write card and figures from the documents alone.

    Raises:
        Unreachable: The policy asks for what no variant gives.
    """
    catalog, policy, evaluation = (
        json.loads((out / f"{name}.json").read_text()) for name in ("catalog", "policy", "evaluation")
    )
    draw_all(catalog, policy, evaluation, out / "figures")
    write_whole(out / "card.md", told(evaluation, card(catalog, policy, evaluation)))


def _catalog(family: str, runs: Runs, variants: list[Variant], measured: Measured, origin: Origin) -> dict[str, Any]:
    """Write the catalog; measures what a film costs on this processor."""
    first = {v.id: tensor(runs.prepared.pixels(v.side_px)[runs.scored[:1]], MEAN, STD) for v in variants}
    taken = measure_ms({v.id: v.path for v in variants}, first)
    where = measured_on()
    records = [
        variant_record(v, m, taken[v.id], where, "heldOut", THRESHOLDS)
        for v, m in zip(variants, measured.variants, strict=True)
    ]
    for record in records:
        for finding in measured.findings:
            record["heads"][finding]["prevalence"] = measured.prevalence(finding)
    return {
        "$schema": "../schema/catalog.schema.json",
        "family": family,
        "findings": list(measured.findings),
        "provenance": provenance(origin, runs.prepared.films, runs.prepared.split_digest),
        "variants": records,
        "comparisons": catalog_comparisons(measured),
        "quality": quality_record(variants),
        **({"notServed": list(measured.not_served)} if measured.not_served else {}),
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
