"""Means of a map over the cells of a grid, and linear read-outs of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32s = npt.NDArray[np.float32]


def cell_shares(length: int, grid: int) -> Float32s:
    """Weight of each of `length` positions in the mean of each of `grid` cells: [length, grid].

    Cells have equal extent. A position on the border of two cells counts in both, in proportion to its overlap.
    """
    edges = np.arange(length + 1) / length * grid
    cells = np.arange(grid)
    overlap = np.clip(np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells), 0, None)
    shares: Float32s = (overlap / overlap.sum(axis=0)).astype(np.float32)
    return shares


def grid_shares(height: int, width: int, grid: int) -> Float32s:
    """Weight of each position of a map in the mean of each cell of a grid: [height * width, grid * grid]."""
    return np.kron(cell_shares(height, grid), cell_shares(width, grid)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear read-out of pooled evidence: value = pooled . weight + bias."""

    weight: Float32s
    """[outputs, C, cells]"""
    bias: Float32s
    """[outputs]"""


@dataclass(frozen=True, slots=True)
class Scaler:
    """Mean and standard deviation of every feature over the training rows."""

    mean: Float32s
    std: Float32s

    @classmethod
    def of(cls, features: Float32s) -> Scaler:
        """Fit to features [n, D]."""
        std = features.std(axis=0)
        return cls(features.mean(axis=0), np.maximum(std, 1e-6 * (1 + float(std.max()))))

    def __call__(self, features: Float32s) -> Float32s:
        """Scale features [n, D]."""
        scaled: Float32s = (features - self.mean) / self.std
        return scaled
