from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from alara_train.data.pixels import MEAN, STD
from alara_train.networks.grayscale import EQUAL, IMAGENET, Colours, fold
from alara_train.networks.mobilenet import MobileNetV2, read_gluon
from alara_train.networks.monai_networks import DenseNet121, read_torchvision_densenet
from alara_train.networks.registry import build
from alara_train.toml_file import BadConfig

NETWORKS = (
    "resnet34",
    "densenet121",
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    "mobilenetv2",
)

# Sizes of the published state dicts without classifier and counters: the expected result of the scaling tables.
PARAMETERS = {"efficientnet-lite0": 3_371_008, "efficientnet-lite1": 4_135_680, "efficientnet-lite2": 4_811_072}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_accepts_any_side_and_its_map_sums_to_the_logit(name: str) -> None:
    network = build(name, outputs=5, start="random").eval()
    nn.init.normal_(network.bias)
    for side in (32, 64, 96, 75):
        with torch.no_grad():
            logits, cam = network(torch.randn(2, 1, side, side))
        assert logits.shape == (2, 5)
        assert cam.shape[:2] == (2, 5)
        assert cam.shape[2] in (side // 32, -(-side // 32))
        close = 1e-4 * float(logits.abs().max())
        assert torch.allclose(cam.sum(dim=(2, 3)), logits - network.bias, atol=close)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_trains_on_films_of_one_channel(name: str) -> None:
    network = build(name, outputs=1, start="random").train()
    network(torch.randn(2, 1, 64, 64))[0].sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in network.parameters())


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_scaling_gives_the_published_number_of_parameters(name: str, count: int) -> None:
    trunk = build(name, outputs=1, channels=3, start="random").trunk
    assert sum(p.numel() for p in trunk.parameters()) == count


@pytest.mark.parametrize("colours", [EQUAL, IMAGENET])
def test_one_channel_equals_three_equal_channels(colours: Colours) -> None:
    colour = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)).eval()
    assert isinstance(colour[1], nn.BatchNorm2d)
    nn.init.normal_(colour[1].running_mean)  # type: ignore[arg-type]
    gray = nn.Sequential(nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8)).eval()
    gray.load_state_dict(fold(colour.state_dict(), "0", "1", colours))
    film = torch.rand(2, 1, 9, 9)
    mean, std = (torch.tensor(v)[None, :, None, None] for v in (colours.mean, colours.std))
    with torch.no_grad():
        assert torch.allclose(gray((film - MEAN) / STD), colour((film - mean) / std), atol=1e-5)


def test_published_lite_weights_give_the_same_result_with_one_channel_and_with_three() -> None:
    gray = build("efficientnet-lite0", outputs=1, start="imagenet").eval()
    colour = build("efficientnet-lite0", outputs=1, channels=3, start="imagenet").eval()
    film = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        a, b = gray.trunk(film), colour.trunk(film.expand(-1, 3, -1, -1))
    assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))


def gluon_file(path: Path) -> None:
    """A synthetic file with GluonCV's names."""
    names = {"weight": "gamma", "bias": "beta"}
    arrays = {}
    for name, value in MobileNetV2(3).state_dict().items():
        *place, kind = name.split(".")
        if kind != "num_batches_tracked":
            block = f"linearbottleneck{place[1]}_" if place[0] == "blocks" else ""
            kind = names.get(kind, kind) if "batchnorm" in place[-1] else kind
            arrays[f"mobilenetv20_features_{block}{place[-1]}_{kind}"] = value.numpy()
    np.savez(path, **arrays)


def test_mobilenet_loads_gluon_weights(tmp_path: Path) -> None:
    gluon_file(tmp_path / "weights.npz")
    state = read_gluon(tmp_path / "weights.npz")
    assert state.keys() == MobileNetV2(3).state_dict().keys()
    network = build("mobilenetv2", outputs=2, start=f"imagenet:{tmp_path / 'weights.npz'}")
    assert network.trunk.state_dict()["blocks.3.conv1.weight"].equal(state["blocks.3.conv1.weight"])
    (tmp_path / "other.npz").write_bytes(b"no")
    with pytest.raises(BadConfig, match=r"not an \.npz"):
        build("mobilenetv2", outputs=2, start=f"imagenet:{tmp_path / 'other.npz'}")


def test_densenet_loads_old_and_new_names_of_torchvision(tmp_path: Path) -> None:
    state = DenseNet121(3).state_dict()
    for old in (True, False):
        named = {k.replace(".layers.", "."): v for k, v in state.items()}
        if old:
            named = {k.replace("norm1", "norm.1").replace("conv2.", "conv.2."): v for k, v in named.items()}
        torch.save({**named, "classifier.weight": torch.zeros(1)}, tmp_path / "dense.pth")
        assert read_torchvision_densenet(tmp_path / "dense.pth").keys() == state.keys()


def test_a_checkpoint_brings_its_read_out_if_the_shape_matches(tmp_path: Path) -> None:
    first = build("efficientnet-lite0", outputs=3, start="random")
    path = tmp_path / "best.pt"
    torch.save({"backbone": "efficientnet-lite0", "weights": first.state_dict()}, path)
    same = build("efficientnet-lite0", outputs=3, start=f"checkpoint:{path}")
    fewer = build("efficientnet-lite0", outputs=1, start=f"checkpoint:{path}")
    assert same.weight.equal(first.weight)
    assert fewer.weight.shape == (1, 1280)
    assert fewer.trunk.state_dict()["body._conv_stem.weight"].equal(first.trunk.state_dict()["body._conv_stem.weight"])
    with pytest.raises(BadConfig, match=r"not a run's best\.pt"):
        build("mobilenetv2", outputs=3, start=f"checkpoint:{path}")


@pytest.mark.parametrize(
    ("name", "start", "says"),
    [
        ("resnet34", "imagenet", "imagenet:<path>.*checkpoint:<path>.*random"),
        ("densenet121", "imagenet", "imagenet:<path>.*checkpoint:<path>.*random"),
        ("mobilenetv2", "imagenet", r"an \.npz of GluonCV"),
        ("mobilenetv2", "imagenet:/nowhere.npz", "not a file"),
        ("mobilenetv2", "noise", "none of"),
        ("vgg", "random", "is unknown"),
    ],
)
def test_an_impossible_start_is_an_error_that_lists_the_possible_ones(name: str, start: str, says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        build(name, outputs=1, start=start)
