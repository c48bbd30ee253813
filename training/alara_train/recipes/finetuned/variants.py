"""One variant: its graph, its gate, and what the graph itself says of every validation and test film."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from scipy.special import expit

from alara_train.atomic_file import write_whole
from alara_train.data.films import Floats
from alara_train.data.labelled import Labelled
from alara_train.data.pixels import tensor
from alara_train.evaluate.scored import Scored
from alara_train.export.graph import gmacs, join, keep_findings, kept_findings, session, sha256
from alara_train.export.quantise import quantise
from alara_train.gate.fit import Limits, Share, measure_gate
from alara_train.networks.classifier import Classifier
from alara_train.networks.efficientnet_lite import MEAN, STD
from alara_train.recipes.finetuned.export_settings import ExportSettings
from alara_train.recipes.finetuned.gate_films import gate_config, gate_films, prepare_gate
from alara_train.recipes.finetuned.graph import MAP, MOST, Unfaithful, halved, top_to_graph, trunk_to_graph
from alara_train.recipes.finetuned.head import Top
from alara_train.recipes.finetuned.load_runs import Run, Runs, training_rows
from alara_train.recipes.finetuned.roles import VAL, Uint8s
from alara_train.recipes.frozen.features import Pooled, Progress, Rows, load_rows
from alara_train.recipes.frozen.head import Float32s, grid_shares

MOST_FP16 = 2e-2
"""Largest difference in probability between PyTorch in float32 and the float16 graph."""
FLOAT_CONVOLUTIONS = (0, 1, 5, 9)
"""How many of the first convolutions stay float in int8, tried in this order."""
AT_ONCE = 8
COMPARED = 32
"""Training films on which int8 is compared with float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """What was measured of a gate."""

    limits: Limits
    false_refusals: tuple[Share, ...]
    pass_under_shift: tuple[Share, ...]
    catches: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One exported variant; `documents.Exported`."""

    id: str
    side_px: int
    precision: str
    path: Path
    gmacs: float
    gated: GateRecord
    difference: float
    """Largest difference from PyTorch in float32, in probability, before calibration."""
    float_convolutions: int | None
    """How many of the first convolutions stay float; int8 alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where graphs go and what is kept between runs of the command."""

    out: Path
    cache: Path
    threads: int


def export_key(of: Sequence[Run], runs: Runs, settings: ExportSettings, what: Sequence[str]) -> str:
    """Name what is made of some runs: by their weights, the films, the settings and the runtime."""
    facts = {
        "weights": {str(run.config.side_px): run.done["weightsDigest"] for run in of},
        "films": runs.prepared.manifest["filmsSha256"],
        "split": runs.prepared.split_digest,
        "settings": settings.record(),
        "onnxruntime": ort.__version__,
        "what": list(what),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def build_variants(
    runs: Runs, precisions: tuple[str, ...], settings: ExportSettings, place: Place, progress: Progress
) -> tuple[list[Variant], list[Scored]]:
    """Export and score every side in every precision; what is there already is only read.

    Raises:
        BadData, Unfaithful: Before the variant in question is noted as done.
    """
    torch.set_num_threads(place.threads)
    place.out.mkdir(parents=True, exist_ok=True)
    place.cache.mkdir(parents=True, exist_ok=True)
    own = gate_films(runs, settings)
    variants, scores = [], []
    for run in runs.runs:
        for precision in precisions:
            id_ = f"r{run.config.side_px}-{precision}"
            key = export_key([run], runs, settings, [id_])
            variant = _kept(id_, key, place)
            if variant is None:
                gate = prepare_gate(
                    own, runs, settings, runs.sides_px, place.cache / key_of_gate(runs, settings), progress
                )
                rows = load_rows(gate, run.config.side_px)
                variant = _build(id_, run, precision, runs, own, rows, settings, place, progress)
                write_whole(place.cache / f"variant-{id_}.json", json.dumps(_record(variant, key), indent=1) + "\n")
            variants.append(variant)
            scores.append(Scored.load(place.cache / f"scores-{id_}.npz"))
    return variants, scores


def key_of_gate(runs: Runs, settings: ExportSettings) -> str:
    """Name of the folder of the gate's pixels: other films, sides or settings have another."""
    facts = [runs.prepared.manifest["filmsSha256"], runs.sides_px, settings.record()]
    return f"gate-{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]}"


def _build(
    id_: str,
    run: Run,
    precision: str,
    runs: Runs,
    own: Labelled,
    rows: Rows,
    settings: ExportSettings,
    place: Place,
    progress: Progress,
) -> Variant:
    side, network = run.config.side_px, run.network
    pixels = runs.prepared.pixels(side)
    exact = trunk_to_graph(network, side)
    kept = None
    trunk = exact
    if precision == "fp16":
        trunk = halved(exact)
    elif precision == "int8":
        trunk, kept = _quantised(exact, network, pixels, runs, settings, place.threads)
    pooled = _pooled(trunk, rows, settings, place.threads, progress, f"{id_} gate")
    gated = measure_gate(Pooled(rows=pooled, mirrored=pooled[:0]), rows, own, gate_config(settings, [side]))
    with torch.no_grad():
        shape = tuple(network.trunk(torch.zeros(1, 1, side, side)).shape)
    top = top_to_graph(Top(network, gated.gate, shape[2], shape[3], settings.grid), shape)
    served = join(trunk, top, (MAP,))
    path = place.out / f"{id_}.onnx"
    write_whole(path, served.SerializeToString())
    few = training_rows(runs.roles, AT_ONCE, settings.seed)
    apart = _apart(path, network, pixels[few])
    if apart > {"fp32": MOST, "fp16": MOST_FP16}.get(precision, 1.0):
        raise Unfaithful(
            f"{path} differs from PyTorch by {apart:.2g} in probability"
            + ("; leave fp16 out of --precisions" if precision == "fp16" else "")
        )
    _score(id_, precision, path, runs, side, place, progress)
    return Variant(
        id=id_,
        side_px=side,
        precision=precision,
        path=path,
        gmacs=gmacs(served if precision == "fp32" else join(exact, top, (MAP,))),
        gated=GateRecord(
            limits=gated.limits,
            false_refusals=gated.false_refusals,
            pass_under_shift=gated.pass_under_shift,
            catches=gated.catches,
        ),
        difference=apart,
        float_convolutions=kept,
    )


def _quantised(
    exact: onnx.ModelProto,
    network: Classifier,
    pixels: Uint8s,
    runs: Runs,
    settings: ExportSettings,
    threads: int,
) -> tuple[onnx.ModelProto, int]:
    """Quantise a trunk, keeping as few of the first convolutions float as its logits allow.

    Chosen on training films, without their labels. Gives the graph and how many convolutions stay float.
    """
    ranges = tensor(pixels[training_rows(runs.roles, settings.quantise_films, settings.seed)], MEAN, STD)
    film = tensor(pixels[training_rows(runs.roles, COMPARED, settings.seed + 1)], MEAN, STD)
    expected = _logits(exact, network, film, threads)
    spread = expected.std(axis=0) + 1e-9
    tried: list[tuple[float, int, onnx.ModelProto]] = []
    for count in FLOAT_CONVOLUTIONS:
        graph = quantise(exact, ranges, _first(exact, count))
        moved = float((np.abs(_logits(graph, network, film, threads) - expected).mean(axis=0) / spread).mean())
        tried.append((moved, count, graph))
        if moved <= settings.int8_apart:
            break
    _, count, graph = tried[-1] if tried[-1][0] <= settings.int8_apart else min(tried, key=lambda t: t[:2])
    return graph, count


def _first(graph: onnx.ModelProto, count: int) -> tuple[str, ...]:
    """Names of all nodes before convolution number `count`, in the order of the graph."""
    names: list[str] = []
    for node in graph.graph.node:
        count -= node.op_type == "Conv"
        if count < 0:
            break
        names.append(node.name)
    return tuple(names) if count < 0 else tuple(n for n in names if n)


def _logits(trunk: onnx.ModelProto, network: Classifier, film: Float32s, threads: int) -> Floats:
    run = session(trunk, threads)
    maps = np.concatenate([np.asarray(run.run([MAP], {"film": one[None]})[0]) for one in film])
    weight, bias = network.weight.detach().numpy(), network.bias.detach().numpy()
    logits: Floats = (maps.mean(axis=(2, 3)) @ weight.T + bias).astype(np.float64)
    return logits


def _pooled(
    trunk: onnx.ModelProto, rows: Rows, settings: ExportSettings, threads: int, progress: Progress, title: str
) -> Float32s:
    """The last map of everything for the gate, by the trunk that is served, averaged on the grid: [rows, C, cells]."""
    run = session(trunk, threads)
    every = []
    for row in progress(range(len(rows.kinds)), title):
        film = tensor(np.ascontiguousarray(rows.pixels[row])[None], MEAN, STD)
        last = np.asarray(run.run([MAP], {"film": film})[0][0])
        every.append(last.reshape(last.shape[0], -1) @ grid_shares(last.shape[1], last.shape[2], settings.grid))
    pooled: Float32s = np.stack(every)
    return pooled


def _apart(path: Path, network: Classifier, films: Uint8s) -> float:
    """Largest difference in probability between PyTorch and a graph; the map must be finite and add up."""
    film = tensor(films, MEAN, STD)
    with torch.inference_mode():
        expected = network(torch.from_numpy(film))[0].numpy()
    logits, cam, gate = (np.asarray(v) for v in session(path).run(["logits", "cam", "gate"], {"film": film}))
    if not (np.isfinite(cam).all() and np.isfinite(gate).all()):
        raise Unfaithful(f"{path} gives a class-activation map or a gate that is not finite")
    if not np.allclose(cam.sum(axis=(2, 3)) + network.bias.detach().numpy(), logits, atol=1e-3):
        raise Unfaithful(f"{path}: the class-activation map does not add up to the logit")
    return float(np.abs(expit(expected) - expit(logits)).max())


def _score(id_: str, precision: str, path: Path, runs: Runs, side_px: int, place: Place, progress: Progress) -> None:
    """Keep what a graph says of every validation and test film, as `scores-<id>.npz`."""
    run, pixels, at = session(path, place.threads), runs.prepared.pixels(side_px), runs.scored
    logits = []
    for first in progress(range(0, len(at), AT_ONCE), f"{id_} scores"):
        film = tensor(pixels[at[first : first + AT_ONCE]], MEAN, STD)
        logits.append(np.asarray(run.run(["logits"], {"film": film})[0]))
    films = runs.prepared.films.take(at)
    buffer = BytesIO()
    Scored(
        variant=id_,
        resolution=side_px,
        precision=precision,
        logits=np.concatenate(logits).astype(np.float64),
        labels=films.labels,
        patients=films.patients,
        fold=films.fold,
        split=np.where(runs.roles.role[at] == VAL, "validation", "test"),
        view=films.view,
        sex=films.sex,
        age=films.age,
        collection=films.collection,
        findings=films.findings,
    ).save(buffer)  # type: ignore[arg-type]  # numpy takes an open file as well
    write_whole(place.cache / f"scores-{id_}.npz", buffer.getvalue())


def serve_only(variant: Variant, cache: Path, findings: Sequence[str], trained: Sequence[str]) -> None:
    """Let a graph give only the findings that are served; nothing to do where it gives no other."""
    columns = [trained.index(finding) for finding in findings]
    if tuple(findings) == tuple(trained) or kept_findings(variant.path) == columns:
        return
    keep_findings(variant.path, columns)
    noted = cache / f"variant-{variant.id}.json"
    record = {**json.loads(noted.read_text()), "sha256": sha256(variant.path)}
    write_whole(noted, json.dumps(record, indent=1) + "\n")


def _record(variant: Variant, key: str) -> dict[str, Any]:
    gated = variant.gated

    def shares(of: tuple[Share, ...]) -> list[list[Any]]:
        return [[share.what, share.hits, share.films] for share in of]

    return {
        "key": key,
        "sha256": sha256(variant.path),
        "id": variant.id,
        "side_px": variant.side_px,
        "precision": variant.precision,
        "gmacs": variant.gmacs,
        "difference": variant.difference,
        "float_convolutions": variant.float_convolutions,
        "limits": [gated.limits.min_score, gated.limits.max_distance],
        "false_refusals": shares(gated.false_refusals),
        "pass_under_shift": shares(gated.pass_under_shift),
        "catches": shares(gated.catches),
    }


def _kept(id_: str, key: str, place: Place) -> Variant | None:
    """What was built before of just this, if its graph and scores are still there."""
    noted, path = place.cache / f"variant-{id_}.json", place.out / f"{id_}.onnx"
    if not all(p.is_file() for p in (noted, path, place.cache / f"scores-{id_}.npz")):
        return None
    record = json.loads(noted.read_text())
    if record["key"] != key or record["sha256"] != sha256(path):
        return None
    rates = {
        name: tuple(Share(*share) for share in record[name])
        for name in ("false_refusals", "pass_under_shift", "catches")
    }
    return Variant(
        path=path,
        gated=GateRecord(limits=Limits(*record["limits"]), **rates),
        **{name: record[name] for name in ("id", "side_px", "precision", "gmacs", "difference", "float_convolutions")},
    )
