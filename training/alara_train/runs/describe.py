"""A family's documents: evaluation, policy, catalog, and from these the card and the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.calibrate import Uncalibratable
from alara_train.card import card
from alara_train.catalog import check_catalog, check_schema
from alara_train.cost import measure_ms, measured_on
from alara_train.documents import gate_record, provenance, quality_record, variant_record
from alara_train.figures.draw import draw_all
from alara_train.network import MEAN, STD
from alara_train.origin import Origin
from alara_train.pixels import tensor
from alara_train.runs.build import Variant
from alara_train.runs.opened import Runs
from alara_train.runs.settings import ExportSettings
from alara_train.runs.told import recipe, told
from alara_train.statistics.compare import catalog_comparisons
from alara_train.statistics.derive import derive_policy
from alara_train.statistics.document import dumps
from alara_train.statistics.document import evaluation as evaluation_of
from alara_train.statistics.measure import Measured, measure
from alara_train.statistics.ranks import film_digests, scores_document, write_scores
from alara_train.statistics.scored import BadScores, Scored
from alara_train.statistics.staircase import auroc
from alara_train.whole import write_whole

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
) -> dict[str, Any]:
    """Measure the variants and write evaluation, policy, catalog and scores; gives the evaluation.

    Scores name films by the digest of their files, and are left out where those are no longer there.

    Raises:
        BadScores, OneClass, BadCatalog: Before anything is written.
    """
    try:
        measured = measure(scores, protocol="heldOut", draws=settings.bootstraps, seed=settings.seed)
    except Uncalibratable as error:
        raise BadScores(unlearnt(scores, error)) from error
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
        write_scores(scores_document(scores, film_digests(files), family, "heldOut"), out / "scores.json")
    return document


def unlearnt(scores: list[Scored], error: Uncalibratable) -> str:
    """Say which findings a variant reads no better than by chance on validation."""
    worst: dict[str, list[str]] = {}
    for one in scores:
        rows = one.split == "validation"
        for j, finding in enumerate(one.findings):
            if auroc(one.logits[rows, j], one.labels[rows, j]) <= 0.5:
                worst.setdefault(finding, []).append(one.variant)
    named = "; ".join(f"{finding} ({', '.join(ids)})" for finding, ids in worst.items())
    return (
        f"no probability can be made of some scores ({error}). Not above chance on the validation films: "
        f"{named or 'none over all of them, so that they are too few'}. Train longer or better, or validate on more "
        "films; a network that has not learnt a finding is not served"
    )


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


def attainable(policy: dict[str, Any], catalog: dict[str, Any], margin: float) -> dict[str, Any]:
    """Where a floor lies above the family's largest size, ask for the best that was measured instead, and say so."""
    largest = max(variant["resolution"] for variant in catalog["variants"])
    beyond = [f for f, rule in policy["rules"].items() if rule.get("minResolution", 0) > largest]
    if not beyond:
        return policy
    rules = {**policy["rules"], **{f: {"nonInferiorTo": "best", "margin": margin} for f in beyond}}
    return {
        **policy,
        "description": f"{policy['description']} The floors of {', '.join(beyond)} lie above this family's largest "
        f"size, {largest} px: there a variant must be within {margin:g} AUROC of the best instead.",
        "rules": rules,
    }


def _catalog(family: str, runs: Runs, variants: list[Variant], measured: Measured, origin: Origin) -> dict[str, Any]:
    """Write the catalog; measures what a film costs on this processor."""
    first = {v.id: tensor(runs.prepared.pixels(v.side_px)[runs.scored[:1]], MEAN, STD) for v in variants}
    taken = measure_ms({v.id: v.path for v in variants}, first)
    where = measured_on()
    records = [
        variant_record(v, m, taken[v.id], where, "heldOut", THRESHOLDS)
        for v, m in zip(variants, measured.variants, strict=True)
    ]
    # Calibration was fitted on validation films: re-calibration to another prevalence starts from theirs.
    served = measured.design.served
    for record in records:
        for j, finding in enumerate(measured.findings):
            known = measured.films.labels[served, j]
            record["heads"][finding]["prevalence"] = float(np.mean(known[known >= 0]))
    return {
        "$schema": "../schema/catalog.schema.json",
        "family": family,
        "findings": list(measured.findings),
        "provenance": provenance(origin, runs.prepared.films, runs.prepared.split_digest),
        "variants": records,
        "comparisons": catalog_comparisons(measured),
        "quality": quality_record(variants),
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
