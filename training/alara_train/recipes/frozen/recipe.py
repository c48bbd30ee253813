"""One command, one family: features, heads, gate, graphs, cost, catalog, policy, evaluation, card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch

from alara_train.atomic_file import write_whole
from alara_train.data.labelled import Labelled
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.problems import refuse
from alara_train.data.layouts.settings import Settings
from alara_train.data.pixels import tensor
from alara_train.data.prepare.disk import alone
from alara_train.evaluate.measure import measure
from alara_train.evaluate.scores_file import film_digests, scores_document, write_scores
from alara_train.export.graph import evidence_to_onnx, gmacs, head_to_onnx, join, keep_findings, session
from alara_train.gate.fit import measure_gate
from alara_train.networks.efficientnet_lite import MEAN, STD, Trunk
from alara_train.recipes.finetuned.graph import Unfaithful
from alara_train.recipes.finetuned.loop.checkpoint import digest
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import DAMAGED, Pooled, Progress, Rows, extract, load_rows, prepare, save_whole
from alara_train.recipes.frozen.head import Head
from alara_train.recipes.frozen.ridge import Balance, Fitted, Invariance, cross_validate
from alara_train.recipes.frozen.trunk import build_trunk, trunk_graph
from alara_train.report.card import card
from alara_train.report.catalog import check_catalog, write_json
from alara_train.report.documents import Built, catalog_document, evaluation_document, scored
from alara_train.report.evaluation import dumps
from alara_train.report.figures.draw import draw_all
from alara_train.report.policy import attainable, derive_policy
from alara_train.report.resolution_floor import catalog_floors


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

    Resized pixels and features are kept in `cache` and used again as long as the films and the part of the
    configuration that they depend on are the same.

    Raises:
        BadData, BadConfig, BadCatalog, Unfaithful: Before anything of the catalog is written.
    """
    torch.set_num_threads(threads)
    config = FamilyConfig.load(config_path)
    reading = read(data, Settings())
    refuse(reading.problems, data)
    films = reading.films
    trunk = build_trunk(config, weights)
    cache.mkdir(parents=True, exist_ok=True)
    with alone(cache):
        return _build(config, films, trunk, data, out, cache, schemas, threads, progress)


def _build(
    config: FamilyConfig,
    films: Labelled,
    trunk: Trunk,
    data: Path,
    out: Path,
    cache: Path,
    schemas: Path,
    threads: int,
    progress: Progress,
) -> dict[str, Any]:
    key = prepare(films, data, config, cache, progress)
    out.mkdir(parents=True, exist_ok=True)
    built = [
        _build_variant(id_, side, precision, trunk, config, films, out, cache, threads, progress, key)
        for id_, side, precision in config.variants
    ]
    scores = [scored(b, films) for b in built]
    for score in scores:
        score.save(cache / f"scores-{score.variant}.npz")
    measured = measure(scores, draws=config.bootstraps, seed=config.seed, leave_out=True)
    trained = scores[0].findings
    if measured.not_served:
        for variant in built:
            keep_findings(variant.path, [trained.index(finding) for finding in measured.findings])
    catalog = catalog_document(config, films, built, measured, cache, catalog_floors(out))
    check_catalog(catalog)
    evaluation = evaluation_document(config, built, measured, catalog["provenance"]["date"], trained)
    policy = attainable(derive_policy(catalog, evaluation, margin=config.margin), catalog, config.margin)
    write_json(catalog, out / "catalog.json", schemas / "catalog.schema.json")
    write_json(policy, out / "policy.json", schemas / "policy.schema.json")
    write_whole(out / "evaluation.json", dumps(evaluation))
    digests = film_digests([films.path(row) for row in range(len(films))])
    served = [score.only(measured.findings) for score in scores]
    write_scores(scores_document(served, digests, config.family), out / "scores.json")
    write_whole(out / "card.md", card(catalog, policy, evaluation))
    draw_all(catalog, policy, evaluation, out / "figures")
    return evaluation


def _build_variant(
    id_: str,
    side: int,
    precision: str,
    trunk: Trunk,
    config: FamilyConfig,
    films: Labelled,
    out: Path,
    cache: Path,
    threads: int,
    progress: Progress,
    pixels: str,
) -> Built:
    rows = load_rows(cache, side)
    key = features_key(pixels, id_, config, trunk)
    kept = cache / f"features-{id_}.npz"
    features = load_features(kept, key)
    if features is None:
        graph = trunk_graph(trunk, config, side, precision, rows)
        pooling = join(graph, evidence_to_onnx(trunk, side), config.stages)
        features = Features(graph, extract(pooling, rows, config, side, threads, progress, f"features {id_}"))
        save_features(kept, key, features)
    graph, pooled = features.graph, features.pooled
    originals = rows.where("native")
    small = np.array([films.names.index(name) for name in rows.sources[originals].tolist()], dtype=np.int64)
    still = Invariance(pooled.rows[originals] - pooled.rows[small], small)
    with torch.no_grad():
        widths = tuple(int(m.shape[1]) for m in trunk(torch.zeros(1, 1, 32, 32)))
    balance = Balance(widths * 2, config.common)  # maps, then their squares
    fitted = cross_validate(pooled, films, balance, config.ridges, still, config.invariance)
    gated = measure_gate(pooled, rows, films, config)
    head = Head(fitted.ridge.linear(), gated.gate.classes, gated.gate.familiar, side, config.grid)
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


def features_key(pixels: str, id_: str, config: FamilyConfig, trunk: Trunk) -> str:
    """Name the features of a variant: by its pixels, the weights and settings of its trunk, and the runtime."""
    facts = [pixels, id_, config.backbone, config.stages, config.grid, config.quantise_films, config.int8_keeps_float]
    facts += [config.seed, digest(trunk.state_dict()), ort.__version__, torch.__version__]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Features:
    """The trunk of a variant as a graph, and what this graph gives for every film; both are kept in one file."""

    graph: onnx.ModelProto
    pooled: Pooled


def load_features(path: Path, key: str) -> Features | None:
    """Read kept features; None where they are missing, damaged, or of something else."""
    try:
        table = np.load(path)
        if str(table["key"]) != key:
            return None
        graph = onnx.load_from_string(table["graph"].tobytes())
        return Features(graph, Pooled(rows=table["rows"], mirrored=table["mirrored"]))
    except DAMAGED:
        return None


def save_features(path: Path, key: str, features: Features) -> None:
    """Keep features whole, with the key that names them."""
    pooled, graph = features.pooled, np.frombuffer(features.graph.SerializeToString(), dtype=np.uint8)
    table = {"key": np.array(key), "graph": graph, "rows": pooled.rows, "mirrored": pooled.mirrored}
    save_whole(path, lambda out: np.savez(out, **table))  # type: ignore[arg-type]


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
    expected = fitted.ridge(pooled.rows[:films])
    difference = float(np.abs(logits - expected).max())
    if difference > 2e-2:
        raise Unfaithful(f"{path.name} differs from the read-out it was made of by {difference:.2g} in logit")
    if not np.isfinite(cam).all():
        raise Unfaithful(f"{path.name} gives a class-activation map that is not finite")
