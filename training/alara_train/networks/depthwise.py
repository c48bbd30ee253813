"""Depthwise convolution in bfloat16 on a CPU, with each gradient in the precision that is faster there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def trains_in_bf16(film: Tensor) -> bool:
    """Whether gradients are recorded on a CPU within `torch.autocast` to bfloat16."""
    return (
        film.device.type == "cpu"
        and torch.is_grad_enabled()
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
    )


def depthwise_bf16(film: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Convolve maps [N, C, H, W] with one kernel per channel [C, 1, K, K], in bfloat16.

    oneDNN has no fast bfloat16 kernel for two of the gradients: that of the maps of a strided convolution, and that of
    the weight of a 5 x 5 kernel. On a Xeon with AMX, float32 computes both 4 to 58 times as fast.
    """
    result: Tensor = _Depthwise.apply(film.bfloat16(), weight.bfloat16(), stride, padding)  # type: ignore[no-untyped-call]
    return result


class _Depthwise(torch.autograd.Function):
    """The convolution with its gradients, of bfloat16 maps and weights."""

    @staticmethod
    def forward(ctx: Any, film: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        """The convolution."""
        ctx.save_for_backward(film, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(film, weight, None, stride, padding, groups=film.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """The gradients of the maps and of the weight."""
        (grad,) = grads
        film, weight = ctx.saved_tensors
        slow = (ctx.stride > 1, weight.shape[-1] > 3)
        results: list[Tensor | None] = [None, None]
        for place in (0, 1):
            if ctx.needs_input_grad[place]:
                kind = torch.float32 if slow[place] else torch.bfloat16
                result = _gradient(grad.to(kind), film.to(kind), weight.to(kind), ctx.stride, ctx.padding, place)
                results[place] = result.to(torch.bfloat16)
        return results[0], results[1], None, None


def _gradient(grad: Tensor, film: Tensor, weight: Tensor, stride: int, padding: int, place: int) -> Tensor:
    """The gradient of the maps (place 0) or of the weight (place 1)."""
    both = torch.ops.aten.convolution_backward(
        grad,
        film,
        weight,
        None,
        [stride] * 2,
        [padding] * 2,
        [1, 1],
        False,
        [0, 0],
        film.shape[1],
        [place == 0, place == 1, False],
    )
    result: Tensor = both[place]
    return result
