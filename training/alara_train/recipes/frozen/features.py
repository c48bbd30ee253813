"""Pooled evidence of every film and gate sample, computed once by the trunk graph that is served."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from alara_train.atomic_file import atomic_output
from alara_train.data.pixels import tensor
from alara_train.digest import weights_digest
from alara_train.export.graph import join, session
from alara_train.input_gate.pixel_cache import DAMAGED, Progress, Rows, Uint8s
from alara_train.networks.efficientnet_lite import Trunk
from alara_train.networks.pooling import Float32s, grid_shares
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.head import EVIDENCE_OUTPUT, evidence_to_onnx


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Pooled evidence [rows, C, cells]: of all rows, and of the mirrored films."""

    rows: Float32s
    mirrored: Float32s


@dataclass(frozen=True, slots=True)
class Features:
    """The trunk of a variant as a graph, and the pooled evidence that this graph gives; one file holds both."""

    graph: onnx.ModelProto
    pooled: Pooled


def extract(
    graph: onnx.ModelProto,
    trunk: Trunk,
    rows: Rows,
    config: FamilyConfig,
    side_px: int,
    threads: int,
    progress: Progress,
    title: str,
) -> Features:
    """Run a trunk graph over all rows, and over the mirrored films."""
    run = session(join(graph, evidence_to_onnx(trunk, side_px), config.stages), threads)
    shares = grid_shares(side_px // 32, side_px // 32, config.grid)

    def pooled(pixels: Uint8s) -> Float32s:
        film = tensor(np.ascontiguousarray(pixels)[None])
        evidence = np.asarray(run.run([EVIDENCE_OUTPUT], {"film": film})[0][0])
        flat: Float32s = evidence.reshape(evidence.shape[0], -1) @ shares
        return flat

    films = len(rows.where("film"))
    straight: list[Float32s] = []
    mirrored: list[Float32s] = []
    for row in progress(range(len(rows.kinds) + films), title):
        if row < len(rows.kinds):
            straight.append(pooled(rows.pixels[row]))
        else:
            mirrored.append(pooled(rows.pixels[row - len(rows.kinds), :, ::-1]))
    return Features(graph, Pooled(rows=np.stack(straight), mirrored=np.stack(mirrored)))


def features_key(pixels: str, id_: str, config: FamilyConfig, trunk: Trunk) -> str:
    """Digest of everything that the features of a variant depend on.

    These are the key of the pixels, the weights and settings of the trunk, and the versions of the runtimes.
    """
    facts = [pixels, id_, config.backbone, config.stages, config.grid, config.quantise_films, config.int8_keeps_float]
    facts += [config.seed, weights_digest(trunk.state_dict()), ort.__version__, torch.__version__]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def load_features(path: Path, key: str) -> Features | None:
    """Read cached features; None if they are missing, damaged, or have another key."""
    try:
        table = np.load(path)
        if str(table["key"]) != key:
            return None
        graph = onnx.load_from_string(table["graph"].tobytes())
        return Features(graph, Pooled(rows=table["rows"], mirrored=table["mirrored"]))
    except DAMAGED:
        return None


def save_features(path: Path, key: str, features: Features) -> None:
    """Store features with the key that identifies them."""
    pooled, graph = features.pooled, np.frombuffer(features.graph.SerializeToString(), dtype=np.uint8)
    table = {"key": np.array(key), "graph": graph, "rows": pooled.rows, "mirrored": pooled.mirrored}
    with atomic_output(path) as out:
        np.savez(out, **table)  # type: ignore[arg-type]
