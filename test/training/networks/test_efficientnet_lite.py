from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from alara_train.export.graph import gmacs, join, session
from alara_train.input_gate.gate import Familiar, Gate
from alara_train.networks.efficientnet_lite import Trunk
from alara_train.networks.pooling import Linear, cell_shares, grid_shares
from alara_train.recipes.frozen.head import Head, head_to_onnx
from alara_train.recipes.frozen.trunk import fold_norms, round_weights, to_gray, trunk_to_onnx

STAGES = ("stage3", "stage5", "stage7")
SIDE = 96


def random_trunk() -> Trunk:
    torch.manual_seed(1)
    trunk = Trunk("efficientnet-lite0", STAGES)
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.3, 0.3)
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return trunk.eval().requires_grad_(False)


def random_head(outputs: int = 14, channels: int = 944) -> Head:
    rng = np.random.default_rng(2)

    def values(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    familiar = Familiar(values(channels), 1 + values(channels) ** 2, values(channels, 8), 1 + values(8) ** 2, 20.0)
    return Head(
        Linear(values(outputs, channels, 16), values(outputs)),
        Gate(Linear(values(5, channels, 16), values(5)), familiar),
        SIDE,
        4,
    )


def test_one_gray_channel_equals_three_equal_channels() -> None:
    gray, colour = random_trunk(), random_trunk()
    to_gray(gray)
    film = torch.randn(2, 1, SIDE, SIDE)
    for a, b in zip(gray(film), colour(film.expand(-1, 3, -1, -1)), strict=True):
        assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))


def test_folding_the_norms_does_not_change_the_output() -> None:
    plain, folded = random_trunk(), random_trunk()
    fold_norms(folded)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    film = torch.randn(1, 3, SIDE, SIDE)
    for a, b in zip(plain(film), folded(film), strict=True):
        assert torch.allclose(a, b, atol=1e-3 * float(a.abs().max()))


def test_cells_share_positions_by_overlap() -> None:
    shares = cell_shares(10, 4)
    assert shares.sum(axis=0) == pytest.approx(1)
    assert shares[:, 0] == pytest.approx([0.4, 0.4, 0.2, *[0] * 7])
    assert grid_shares(10, 10, 4).mean(axis=1) == pytest.approx(0.01)


def test_onnx_equals_pytorch_for_any_batch_and_the_cam_sums_to_the_logit() -> None:
    trunk, head = random_trunk(), random_head()
    to_gray(trunk)
    fold_norms(trunk)
    round_weights(trunk)
    graph = join(trunk_to_onnx(trunk, SIDE), head_to_onnx(head, trunk, SIDE), STAGES)
    film = torch.randn(3, 1, SIDE, SIDE)
    expected = [v.numpy() for v in head(*trunk(film))]
    for count in (1, 3):
        actual = session(graph).run(None, {"film": film[:count].numpy()})
        for a, b in zip(actual, expected, strict=True):
            assert np.abs(np.asarray(a) - b[:count]).max() <= 1e-4 * max(1.0, float(np.abs(b).max()))
    logits, cam, gate = expected
    assert cam.shape == (3, 14, 3, 3)
    assert gate.shape == (3, 6)
    assert cam.sum(axis=(2, 3)) + head.bias.numpy() == pytest.approx(logits, abs=1e-3)


def test_the_distance_in_the_graph_equals_the_fitted_one() -> None:
    head = random_head()
    maps = [torch.randn(2, c, SIDE // s, SIDE // s) for c, s in ((40, 8), (112, 16), (320, 32))]
    gate = head(*maps)[2].numpy()
    means = (head.evidence(*maps).flatten(2) @ head.pool).mean(dim=2).numpy()
    familiar = Familiar(head.centre.numpy(), head.scale.numpy(), head.axes.numpy(), head.spread.numpy(), head.rest)
    assert gate[:, -1] == pytest.approx(familiar.distance(means), rel=1e-4)


def test_macs_equal_a_count_by_hand() -> None:
    weight = onnx.helper.make_tensor("w", 1, [8, 3, 3, 3], np.zeros(216))
    node = onnx.helper.make_node("Conv", ["film", "w"], ["y"], pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    graph = onnx.helper.make_graph(
        [node],
        "g",
        [onnx.helper.make_tensor_value_info("film", 1, ["n", 3, 10, 10])],
        [onnx.helper.make_tensor_value_info("y", 1, ["n", 8, 10, 10])],
        [weight],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    assert gmacs(model) == pytest.approx(8 * 100 * 27 / 1e9)
