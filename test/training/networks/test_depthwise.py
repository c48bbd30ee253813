from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from alara_train.networks.depthwise import depthwise_bf16, trains_in_bf16
from alara_train.networks.efficientnet_lite import SameConv


def gradients(kernel: int, stride: int, kind: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """The output, and the gradients of maps and weight, as float32."""
    generator = torch.Generator().manual_seed(kernel * 10 + stride)
    film = torch.randn(2, 16, 20, 20, generator=generator).requires_grad_()
    weight = torch.randn(16, 1, kernel, kernel, generator=generator).requires_grad_()
    padding = kernel // 2
    out = (
        depthwise_bf16(film, weight, stride, padding)
        if kind == torch.bfloat16
        else F.conv2d(film, weight, None, stride, padding, groups=16)
    )
    out.backward(torch.randn(out.shape, generator=generator).to(out.dtype))
    assert film.grad is not None
    assert weight.grad is not None
    return out.detach().float(), film.grad, weight.grad


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_agree_with_float32_within_the_precision_of_bfloat16(kernel: int, stride: int) -> None:
    for half, full in zip(
        gradients(kernel, stride, torch.bfloat16), gradients(kernel, stride, torch.float32), strict=True
    ):
        assert float((half - full).abs().max()) < 0.02 * float(full.abs().max())


def test_only_training_within_autocast_takes_this_path() -> None:
    film = torch.randn(1, 8, 8, 8)
    conv = SameConv(8, 8, 3, groups=8)
    assert not trains_in_bf16(film)
    assert conv(film).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert trains_in_bf16(film)
        assert type(conv(film).grad_fn).__name__ == "_DepthwiseBackward"
        with torch.inference_mode():
            assert not trains_in_bf16(film)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_both_paths_pad_alike(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    film = torch.randn(1, 8, 20, 20)
    conv = SameConv(8, 8, kernel, stride, groups=8)
    plain = conv(film).detach()
    assert plain.shape[-1] == 20 // stride
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = conv(film).detach().float()
    assert float((half - plain).abs().max()) < 0.02 * float(plain.abs().max())
