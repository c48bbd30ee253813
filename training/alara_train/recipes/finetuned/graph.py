"""A trained network as ONNX: `film` in, `logits` and `cam` out, float32 outside whatever it computes in."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.transformers.float16 import convert_float_to_float16
from scipy.special import expit
from torch import nn

from alara_train.data.pixels import tensor
from alara_train.errors import UserError
from alara_train.export.graph import OPSET, fuse_pads, session, sha256
from alara_train.networks.classifier import Classifier
from alara_train.networks.efficientnet_lite import MEAN, STD
from alara_train.networks.lite import STRIDE
from alara_train.networks.registry import build
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.roles import Uint8s
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.recipes.frozen.config import BadConfig

MAP = "map"
"""The trunk's last map, where the trunk and what stands on it are exported apart."""

MOST = 1e-3
"""Largest difference in probability between PyTorch and the float32 graph."""


class Unfaithful(UserError):
    """An exported graph does not compute what PyTorch does."""


def trained(run: Path) -> tuple[TrainConfig, Classifier]:
    """Open the weights that a finished run was scored with.

    Raises:
        BadConfig: The run is not finished.
    """
    folder = RunFolder(run)
    if folder.done is None:
        raise BadConfig(f"{run} is not finished: train it first")
    config = TrainConfig.load(run / "config.toml")
    findings = tuple(np.load(folder.scores)["findings"].tolist())
    start = f"checkpoint:{folder.best}"
    return config, build(config.backbone, outputs=len(findings), start=start, findings=findings).eval()


def to_graph(network: Classifier, side_px: int) -> onnx.ModelProto:
    """Export a network for one input size: `film` [N, 1, side, side] to `logits` [N, F] and `cam` [N, F, h, w]."""
    return _padded(_graph(network, (1, 1, side_px, side_px), "film", ["logits", "cam"]), side_px)


def trunk_to_graph(network: Classifier, side_px: int) -> onnx.ModelProto:
    """Export the trunk alone: `film` [N, 1, side, side] to its last map, `map` [N, width, h, w]."""
    return _padded(_graph(network.trunk, (1, 1, side_px, side_px), "film", [MAP]), side_px)


def top_to_graph(top: nn.Module, shape: tuple[int, ...]) -> onnx.ModelProto:
    """Export what stands on the trunk: `map` [1, width, h, w] to `logits`, `cam` and `gate`."""
    return _graph(top, shape, MAP, ["logits", "cam", "gate"])


def _padded(graph: onnx.ModelProto, side_px: int) -> onnx.ModelProto:
    # Where 32 does not divide the side, a padding is the film's own border, which a convolution cannot do.
    return graph if side_px % STRIDE else fuse_pads(graph)


def _graph(module: nn.Module, shape: tuple[int, ...], takes: str, gives: list[str]) -> onnx.ModelProto:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.cpu().eval(),
            (torch.zeros(*shape),),
            buffer,  # type: ignore[arg-type]  # the stub lacks what the function takes
            input_names=[takes],
            output_names=gives,
            dynamic_axes={name: {0: "films"} for name in (takes, *gives)},
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def halved(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Compute in float16 inside, with casts behind the input and before the outputs, for GPUs."""
    copied = onnx.ModelProto()
    copied.CopyFrom(graph)
    half: onnx.ModelProto = convert_float_to_float16(copied, keep_io_types=True)
    _sort(half)
    onnx.checker.check_model(half)
    return half


def _sort(graph: onnx.ModelProto) -> None:
    """Put nodes behind what they read, in place: the converter appends its casts at the end."""
    made = {value.name for value in [*graph.graph.input, *graph.graph.initializer]} | {""}
    waiting, ordered = list(graph.graph.node), []
    while waiting:
        later = []
        for node in waiting:
            if made.issuperset(node.input):
                ordered.append(node)
                made.update(node.output)
            else:
                later.append(node)
        if len(later) == len(waiting):
            raise Unfaithful("the float16 graph reads what no node makes")
        waiting = later
    del graph.graph.node[:]
    graph.graph.node.extend(ordered)


def difference(network: Classifier, graph: onnx.ModelProto, films: Uint8s) -> float:
    """Largest difference in probability between PyTorch and a graph over films [n, side, side]."""
    film = tensor(films, MEAN, STD)
    with torch.inference_mode():
        expected = network(torch.from_numpy(film))[0].numpy()
    actual = np.asarray(session(graph).run(["logits"], {"film": film})[0])
    return float(np.abs(expit(expected) - expit(actual)).max())


def export_run(run: Path, out: Path, films: Uint8s) -> list[dict[str, Any]]:
    """Write `r<side>-fp32.onnx` and `r<side>-fp16.onnx` of a finished run; says what each is and how true.

    Args:
        run: Folder of the run.
        out: Where the graphs go.
        films: A few real films [n, side, side] to compare on.

    Raises:
        BadConfig: The run is not finished.
        Unfaithful: The float32 graph differs from PyTorch by more than `MOST` in a probability.
    """
    config, network = trained(run)
    exact = to_graph(network, config.side_px)
    out.mkdir(parents=True, exist_ok=True)
    records = []
    for precision, graph in (("fp32", exact), ("fp16", halved(exact))):
        apart = difference(network, graph, films)
        if precision == "fp32" and apart > MOST:
            raise Unfaithful(f"{run} as ONNX differs from PyTorch by {apart:.2g} in probability; at most {MOST} may be")
        path = out / f"r{config.side_px}-{precision}.onnx"
        onnx.save(graph, str(path))
        records.append({"file": path.name, "sha256": sha256(path), "differenceFromTorch": apart})
    return records
