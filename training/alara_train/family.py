"""One command, one family: features, heads, gate, graphs, cost, catalog, policy, evaluation, card."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from alara_train import evaluate
from alara_train.card import card
from alara_train.catalog import check_catalog, check_schema, write_json
from alara_train.config import FamilyConfig
from alara_train.cost import measure_ms, measured_on
from alara_train.data import FINDINGS, Films, Ints, read_films, split_digest
from alara_train.evaluate import VariantMeasured
from alara_train.export import evidence_to_onnx, gmacs, head_to_onnx, join, session, sha256
from alara_train.features import Pooled, Progress, Rows, extract, load_rows, prepare
from alara_train.fit import Fitted, Invariance, cross_validate
from alara_train.gate import ACCEPT, NOT_MEASURED, Gated, measure_gate
from alara_train.head import Head
from alara_train.material import CLASSES
from alara_train.network import MEAN, STD, Trunk
from alara_train.pixels import tensor
from alara_train.policy import derive_policy
from alara_train.trunks import build_trunk, trunk_graph


class Unfaithful(RuntimeError):
    """An exported graph does not compute what PyTorch does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One variant, exported and measured."""

    id: str
    side_px: int
    precision: str
    path: Path
    gmacs: float
    fitted: Fitted
    gated: Gated
    difference: float | None
    """Largest difference from PyTorch in probability before calibration; fp32 only."""
    small: Ints
    """Rows of the films whose originals were at hand."""


def build_family(
    config_path: Path,
    data: Path,
    out: Path,
    cache: Path,
    schemas: Path,
    threads: int,
    weights: Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Regenerate everything under `out` from films and ImageNet weights; returns the evaluation.

    Resized pixels and features are kept in `cache` and used again; empty it after a change to the
    configuration or to the films.

    Raises:
        BadData, BadConfig, BadCatalog, Unfaithful: Before anything of the catalog is written.
    """
    torch.set_num_threads(threads)
    config = FamilyConfig.load(config_path)
    films = read_films(data)
    trunk = build_trunk(config, weights)
    prepare(films, data, config, cache, progress)
    out.mkdir(parents=True, exist_ok=True)
    built = [
        _build_variant(id_, side, precision, trunk, config, films, out, cache, threads, progress)
        for id_, side, precision in config.variants
    ]
    draws = evaluate.resamples(films, config.bootstraps, config.seed)
    measured = []
    for number in progress(range(len(built)), "measure"):
        measured.append(evaluate.measure_variant(built[number].id, built[number].fitted.out_of_fold, films, draws))
    catalog = _catalog(config, films, built, measured, cache)
    check_catalog(catalog)
    policy = derive_policy(catalog)
    if (schemas / "policy.schema.json").is_file():
        check_schema(policy, schemas / "policy.schema.json")
    evaluation = _evaluation(config, catalog, films, built, measured, draws)
    write_json(catalog, out / "catalog.json", schemas / "catalog.schema.json")
    write_json(policy, out / "policy.json", schemas / "policy.schema.json")
    write_json(evaluation, out / "evaluation.json", schemas / "evaluation.schema.json")
    (out / "card.md").write_text(card(catalog, policy, evaluation))
    return evaluation


def _build_variant(
    id_: str,
    side: int,
    precision: str,
    trunk: Trunk,
    config: FamilyConfig,
    films: Films,
    out: Path,
    cache: Path,
    threads: int,
    progress: Progress,
) -> Built:
    rows = load_rows(cache, side)
    graph_path, kept = cache / f"trunk-{id_}.onnx", cache / f"features-{id_}.npz"
    if not graph_path.is_file():
        onnx.save(trunk_graph(trunk, config, side, precision, rows), str(graph_path))
    graph = onnx.load(str(graph_path))
    if not kept.is_file():
        pooling = join(graph, evidence_to_onnx(trunk, side), config.stages)
        pooled = extract(pooling, rows, config, side, threads, progress, f"features {id_}")
        np.savez(kept, rows=pooled.rows, mirrored=pooled.mirrored)
    table = np.load(kept)
    pooled = Pooled(rows=table["rows"], mirrored=table["mirrored"])
    channels = pooled.rows.shape[1]
    originals = rows.where("native")
    small = np.array([films.names.index(name) for name in rows.sources[originals].tolist()], dtype=np.int64)
    differences = (pooled.rows[originals] - pooled.rows[small]).reshape(len(originals), -1)
    still = Invariance(differences, small)
    fitted = cross_validate(pooled, films, config.ridges, still, config.invariance)
    gated = measure_gate(pooled, rows, films, config)
    head = Head(fitted.ridge.linear(channels), gated.gate.classes, gated.gate.familiar, side, config.grid)
    served = join(graph, head_to_onnx(head, trunk, side), config.stages)
    path = out / f"{id_}.onnx"
    onnx.save(served, str(path))
    difference = None
    if precision == "fp32":
        difference = faithful(path, trunk, head, rows)
    whole = join(trunk_graph(trunk, config, side, "fp32", rows), head_to_onnx(head, trunk, side), config.stages)
    _same_as_features(path, rows, fitted, pooled)
    return Built(
        id=id_,
        side_px=side,
        precision=precision,
        path=path,
        gmacs=gmacs(whole),
        fitted=fitted,
        gated=gated,
        difference=difference,
        small=small,
    )


def faithful(path: Path, trunk: Trunk, head: Head, rows: Rows, films: int = 8, most: float = 1e-3) -> float:
    """Largest difference in probability between an exported graph and PyTorch over a few films.

    Raises:
        Unfaithful: It is above `most`.
    """
    x = tensor(rows.pixels[:films], MEAN, STD)
    with torch.no_grad():
        expected = head(*trunk(torch.from_numpy(x)))[0].numpy()
    actual = np.asarray(session(path).run(["logits"], {"film": x})[0])
    difference = float(np.abs(1 / (1 + np.exp(-expected)) - 1 / (1 + np.exp(-actual))).max())
    if difference > most:
        raise Unfaithful(f"{path.name} differs from PyTorch by {difference:.2g} in probability")
    return difference


def _same_as_features(path: Path, rows: Rows, fitted: Fitted, pooled: Pooled, films: int = 4) -> None:
    """Make sure that the served graph gives what its recipe gives on the features it was fitted on."""
    x = tensor(rows.pixels[:films], MEAN, STD)
    logits, cam, _ = (np.asarray(v) for v in session(path).run(None, {"film": x}))
    expected = fitted.ridge(pooled.rows[:films].reshape(films, -1))
    difference = float(np.abs(logits - expected).max())
    if difference > 2e-2:
        raise Unfaithful(f"{path.name} differs from the read-out it was made of by {difference:.2g} in logit")
    if not np.isfinite(cam).all():
        raise Unfaithful(f"{path.name} gives a class-activation map that is not finite")


def _code_revision() -> str:
    """Digest of this package's own sources, and the commit they stand on where git knows it."""
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(here.glob("*.py")))).hexdigest()[:16]
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "no-git"
    return f"{commit}+sources-{digest}"


def _quality(built: list[Built]) -> dict[str, Any]:
    """Rates of the largest int8 variant's gate stand for the family; every variant's are in the evaluation."""
    shown = max(built, key=lambda b: (b.precision == "int8", b.side_px)).gated
    return {
        "classes": list(CLASSES),
        "accept": ACCEPT,
        "limits": {
            b.id: {
                "minScore": round(b.gated.limits.min_score, 4),
                "maxDistance": round(b.gated.limits.max_distance, 4),
            }
            for b in built
        },
        "falseRefusals": [share.record() for share in shown.false_refusals],
        "passUnderShift": [share.record() for share in shown.pass_under_shift],
        "catches": [share.record() for share in shown.catches],
        "notMeasured": list(NOT_MEASURED),
    }


def _catalog(
    config: FamilyConfig, films: Films, built: list[Built], measured: list[VariantMeasured], cache: Path
) -> dict[str, Any]:
    first = {b.id: load_rows(cache, b.side_px).pixels[:1] for b in built}
    taken = measure_ms({b.id: b.path for b in built}, {id_: tensor(p, MEAN, STD) for id_, p in first.items()})
    where = measured_on()
    return {
        "$schema": "../schema/catalog.schema.json",
        "family": config.family,
        "findings": list(FINDINGS),
        "provenance": {
            "dataset": "NIH ChestX-ray14 (a selected sample)",
            "films": len(films),
            "patients": len(set(films.patients.tolist())),
            "splitDigest": split_digest(films),
            "codeRevision": _code_revision(),
            "date": datetime.now(UTC).date().isoformat(),
            "licence": "Free to use with attribution (NIH Clinical Center)",
            "citation": (
                "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: Hospital-scale Chest X-ray "
                "Database and Benchmarks on Weakly-Supervised Classification and Localization of Common Thorax "
                "Diseases. CVPR 2017."
            ),
            "acknowledgement": "The NIH Clinical Center provided the films.",
            "link": "https://nihcc.app.box.com/v/ChestXray-NIHCC",
        },
        "variants": [
            {
                "id": b.id,
                "resolution": b.side_px,
                "precision": b.precision,
                "file": b.path.name,
                "sha256": sha256(b.path),
                "bytes": b.path.stat().st_size,
                "input": {"channels": 1, "mean": MEAN, "std": STD, "kernel": "lanczos3", "fit": "contain"},
                "cost": {
                    "gmacs": round(b.gmacs, 4),
                    "ms": {"cpu": taken[b.id]},
                    "measuredOn": {"cpu": where},
                },
                "heads": {
                    finding: evaluate.head_record(m.heads[finding], films.labels[:, j])
                    for j, finding in enumerate(FINDINGS)
                },
            }
            for b, m in zip(built, measured, strict=True)
        ],
        "comparisons": evaluate.comparisons(measured),
        "quality": _quality(built),
    }


def _evaluation(
    config: FamilyConfig,
    catalog: dict[str, Any],
    films: Films,
    built: list[Built],
    measured: list[VariantMeasured],
    draws: np.ndarray[Any, np.dtype[np.int16]],
) -> dict[str, Any]:
    by_id = {m.id: m for m in measured}
    pairs = [
        (f"r{side}-fp32", f"r{side}-int8") for side in config.sides_px if {"fp32", "int8"} <= set(config.precisions)
    ]
    best = max(measured, key=lambda m: m.mean_auroc)

    def against_best(m: VariantMeasured) -> dict[str, Any]:
        difference = round(m.mean_auroc - best.mean_auroc, 4)
        return {"reference": best.id, "difference": difference, "ci95": evaluate.ci95(m.draws - best.draws, difference)}

    return {
        "schema": "alara.evaluation/1",
        "family": config.family,
        "date": catalog["provenance"]["date"],
        "protocol": evaluate.PROTOCOL,
        "pooling": evaluate.POOLING,
        "bootstraps": config.bootstraps,
        "films": len(films),
        "patients": catalog["provenance"]["patients"],
        "collections": {name: int((films.collection == name).sum()) for name in sorted(set(films.collection.tolist()))},
        "recipe": {
            "backbone": config.backbone,
            "stages": list(config.stages),
            "grid": config.grid,
            "ridgeByVariant": {
                b.id: {"served": b.fitted.strength, "folds": list(b.fitted.fold_strengths)} for b in built
            },
        },
        "baseline": evaluate.baseline_record(films, draws),
        "variants": {
            m.id: {**evaluate.variant_record(m, films, draws), "meanAgainstBest": against_best(m)} for m in measured
        },
        "agreement": {side: evaluate.agreement(by_id[side], by_id[other]) for side, other in pairs},
        "originalsAgainstSmall": {
            "what": "change in calibrated probability, out of fold, when the 1024 px original is read instead",
            "films": len(built[0].small),
            "variants": {
                m.id: evaluate.native_change(m, b.fitted.originals, b.small)
                for m, b in zip(measured, built, strict=True)
                if len(b.small)
            },
        },
        "torchAgainstOnnx": {b.id: b.difference for b in built if b.difference is not None},
        "gate": {
            b.id: {
                "falseRefusals": [share.record() for share in b.gated.false_refusals],
                "passUnderShift": [share.record() for share in b.gated.pass_under_shift],
                "catches": [share.record() for share in b.gated.catches],
            }
            for b in built
        },
    }
