"""Augmentation: random geometry and exposure of training films.

The random numbers depend only on the seed, the epoch and the film, so that neither a restart nor the number of
processes changes them. They are drawn where films are read; the films are warped on the network's device.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from alara_train.recipes.finetuned.config import Augmentation

Float32s = npt.NDArray[np.float32]

DRAWN = ("xx", "xy", "x0", "yx", "yy", "y0", "gain", "shift", "gamma", "noise", "noise_seed")
"""Columns of the result of `draw`: an affine map from output to input in [-1, 1], then the gray values."""


def draw(settings: Augmentation, seed: int, epoch: int, row: int) -> npt.NDArray[np.float64]:
    """Draw the changes of one film in one epoch: [11], with the columns `DRAWN`."""
    rng = np.random.default_rng([seed, epoch, row])
    turn, grow, right, down, gain, shift, gamma, noise = rng.uniform(-1, 1, 8)
    angle = math.radians(settings.rotate_degrees * turn)
    inverse = (1 + settings.scale) ** -grow
    mirror = -1.0 if settings.horizontal_flip and rng.random() < 0.5 else 1.0
    cos, sin = math.cos(angle) * inverse, math.sin(angle) * inverse
    return np.array(
        [
            *(mirror * cos, -mirror * sin, 2 * settings.translate * right),
            *(sin, cos, 2 * settings.translate * down),
            1 + settings.contrast * gain,
            settings.brightness * shift,
            settings.gamma**gamma,
            settings.noise * abs(noise),
            float(rng.integers(2**52)),
        ]
    )


def apply(films: Tensor, drawn: Tensor) -> Tensor:
    """Warp and re-expose films [B, 1, S, S] in [0, 1] as drawn [B, 11]; pixels from outside the film are black."""
    values = drawn.to(device=films.device, dtype=films.dtype)
    grid = F.affine_grid(values[:, :6].reshape(-1, 2, 3), list(films.shape), align_corners=False)
    out = F.grid_sample(films, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    gain, shift, gamma, noise = (values[:, k, None, None, None] for k in range(6, 10))
    out = out.clamp(0, 1) ** gamma
    out = (out - 0.5) * gain + 0.5 + shift
    if bool((drawn[:, 9] > 0).any()):
        out = out + noise * _noise(out, drawn[:, 10])
    return out.clamp(0, 1)


def _noise(like: Tensor, seeds: Tensor) -> Tensor:
    """White noise like films [B, 1, S, S], with one seed per film."""
    generator = torch.Generator(device=like.device)
    white = torch.empty_like(like)
    for film, seed in zip(white, seeds.tolist(), strict=True):
        film.normal_(generator=generator.manual_seed(int(seed)))
    return white
