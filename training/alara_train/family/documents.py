"""The catalog and the evaluation of a family, from its variants and what was measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alara_train.data.pixels import MEAN, STD
from alara_train.digest import sha256
from alara_train.evaluate.compare import catalog_comparisons
from alara_train.evaluate.measure import Measured, VariantMeasured
from alara_train.export.cost import measure_ms, measured_on
from alara_train.input_gate.gate import ACCEPT
from alara_train.input_gate.measure import NOT_MEASURED
from alara_train.input_gate.samples import CLASSES
from alara_train.machine import code_revision
from alara_train.recipes.recipe import Recipe, Variant
from alara_train.report.evaluation import catalog_head, evaluation
from alara_train.report.resolution_curve import catalog_curve
from alara_train.report.resolution_floor import catalog_floors


def catalog_document(
    family: str, recipe: Recipe, variants: list[Variant], measured: Measured, out: Path
) -> dict[str, Any]:
    """Write the catalog; measures the cost of a film on this machine."""
    taken = measure_ms({v.id: v.path for v in variants}, {v.id: recipe.sample(v.spec) for v in variants})
    where = measured_on()
    simulated = catalog_floors(out)
    return {
        "$schema": "../schema/catalog.schema.json",
        "family": family,
        "findings": list(measured.findings),
        "provenance": _provenance(recipe),
        "variants": [
            _variant(v, m, measured, taken[v.id], where) for v, m in zip(variants, measured.variants, strict=True)
        ],
        "comparisons": catalog_comparisons(measured),
        **({"simulated": simulated} if simulated else {}),
        **catalog_curve(out, recipe.split_digest),
        "quality": _quality(variants),
        **({"notServed": list(measured.not_served)} if measured.not_served else {}),
    }


def _provenance(recipe: Recipe) -> dict[str, Any]:
    return {
        **asdict(recipe.origin),
        "films": len(recipe.films),
        "patients": len(set(recipe.films.patients.tolist())),
        "splitDigest": recipe.split_digest,
        "codeRevision": code_revision(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _variant(variant: Variant, of: VariantMeasured, measured: Measured, ms: float, where: str) -> dict[str, Any]:
    return {
        "id": variant.id,
        "resolution": variant.spec.side_px,
        "precision": variant.spec.precision,
        "file": variant.path.name,
        "sha256": sha256(variant.path),
        "bytes": variant.path.stat().st_size,
        "input": {"channels": 1, "mean": MEAN, "std": STD, "kernel": "lanczos3", "fit": "contain"},
        "cost": {"gmacs": round(variant.gmacs, 4), "ms": {"cpu": ms}, "measuredOn": {"cpu": where}},
        "heads": {finding: catalog_head(measured, of, finding) for finding in of.heads},
    }


def _quality(variants: Sequence[Variant]) -> dict[str, Any]:
    """Limits of every variant, and the rates of the largest int8 variant; the evaluation has the rates of all."""
    shown = max(variants, key=lambda v: (v.spec.precision == "int8", v.spec.side_px)).gate
    return {
        "classes": list(CLASSES),
        "accept": ACCEPT,
        "limits": {
            v.id: {
                "minScore": round(v.gate.limits.min_score, 4),
                "maxDistance": round(v.gate.limits.max_distance, 4),
            }
            for v in variants
        },
        **shown.record(),
        "notMeasured": list(NOT_MEASURED),
    }


def evaluation_document(
    family: str, recipe: Recipe, variants: list[Variant], measured: Measured, date: str
) -> dict[str, Any]:
    """Write the evaluation, with the recipe, the fidelity of the graphs and the rates of every gate."""
    return evaluation(
        measured,
        family=family,
        date=date,
        margin=recipe.evaluation.margin,
        extra={
            **recipe.describe(variants, measured),
            "torchAgainstOnnx": {v.id: v.difference for v in variants if v.difference is not None},
            "gate": {v.id: v.gate.record() for v in variants},
        },
    )
