"""The input gate: is this a frontal chest film, upright and not inverted?

The gate has two measures, and both are part of the served graph: a linear multi-class read-out of pooled evidence,
and the distance between the film's mean evidence and the mean evidence of the training films.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import softmax
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from alara_train.data.films import Bools, Floats, Ints
from alara_train.input_gate.samples import CLASSES
from alara_train.networks.pooling import Float32s, Linear, Scaler

ACCEPT = CLASSES[0]
COMPONENTS = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """What the gate is fitted on, and how."""

    films: int
    """Number of films that are turned, inverted and re-exposed."""
    made: int
    """Number of drawings, textures and crops of photographs."""
    grid: int
    """The gate reads maps averaged on `grid` x `grid` cells."""
    directions: int
    """Dimensions of the subspace in which the feature distance is measured."""
    refusals: float
    """Largest share of the films that each of the two limits may refuse."""
    seed: int


@dataclass(frozen=True, slots=True)
class Familiar:
    """Distance between a film's mean evidence and the mean evidence of the training films."""

    centre: Float32s
    """[C]"""
    scale: Float32s
    """[C]"""
    axes: Float32s
    """[C, K]: principal directions of the scaled training evidence."""
    spread: Float32s
    """[K]: standard deviation along each direction."""
    rest: float
    """Root mean square of the evidence outside the principal directions."""

    def distance(self, means: Float32s) -> Floats:
        """Distance of mean evidence [N, C]: about 1 for a training film. See also `GatedHead.distance`."""
        z = (means.astype(np.float64) - self.centre) / self.scale
        along = z @ self.axes
        inside = ((along / self.spread) ** 2).mean(axis=1)
        outside = np.clip((z**2).sum(axis=1) - (along**2).sum(axis=1), 0, None) / self.rest**2
        distance: Floats = np.sqrt((inside + outside) / 2)
        return distance


@dataclass(frozen=True, slots=True)
class Gate:
    """The parameters that the served graph needs, for unscaled pooled evidence."""

    classes: Linear
    familiar: Familiar

    def scores(self, pooled: Float32s) -> Floats:
        """Probability of the accepted class for pooled evidence [n, C, cells]."""
        flat = pooled.reshape(len(pooled), -1)
        logits = flat @ self.classes.weight.reshape(len(self.classes.bias), -1).T + self.classes.bias
        accepted: Floats = softmax(logits.astype(np.float64), axis=1)[:, CLASSES.index(ACCEPT)]
        return accepted

    def distances(self, pooled: Float32s) -> Floats:
        """Distance for pooled evidence [n, C, cells]."""
        return self.familiar.distance(pooled.mean(axis=2))


class GatedHead(nn.Module):
    """The gate as a part of a served graph. A recipe's head is a subclass that adds the findings.

    A subclass registers its own buffers first and then calls `register_gate`: the order of buffers is the order of the
    weights in the ONNX file.
    """

    pool: Tensor
    """[positions, cells]: registered by the subclass."""
    gate_weight: Tensor
    gate_bias: Tensor
    centre: Tensor
    scale: Tensor
    axes: Tensor
    spread: Tensor
    rest: float

    def register_gate(self, gate: Gate) -> None:
        """Store the parameters of a gate."""
        familiar = gate.familiar
        by_class = gate.classes.weight.reshape(len(gate.classes.bias), -1)
        self.register_buffer("gate_weight", torch.from_numpy(by_class.T.copy()))
        self.register_buffer("gate_bias", torch.from_numpy(gate.classes.bias))
        for name in ("centre", "scale", "axes", "spread"):
            self.register_buffer(name, torch.from_numpy(getattr(familiar, name)))
        self.rest = familiar.rest

    def judge(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits [N, classes] and distance [N, 1] of evidence [N, C, h, w]: the output `gate`."""
        pooled = evidence.flatten(2) @ self.pool
        classes = pooled.flatten(1) @ self.gate_weight + self.gate_bias
        return classes, self.distance(pooled.mean(dim=2))

    def distance(self, means: Tensor) -> Tensor:
        """Distance [N, 1] of mean evidence [N, C], as `Familiar.distance` computes it."""
        z = (means - self.centre) / self.scale
        along = z @ self.axes
        inside = ((along / self.spread) ** 2).mean(dim=1, keepdim=True)
        outside = ((z * z).sum(dim=1, keepdim=True) - (along * along).sum(dim=1, keepdim=True)).clamp(min=0)
        return torch.sqrt((inside + outside / self.rest**2) / 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """A film whose score is below `min_score`, or whose distance is above `max_distance`, is refused."""

    min_score: float
    max_distance: float

    def refuses(self, scores: Floats, distances: Floats) -> Bools:
        """Which films are refused."""
        return (scores < self.min_score) | (distances > self.max_distance)


def _rows_of_grid(pooled: Float32s, grid: int) -> Float32s:
    """Average cells along each row of the grid: [n, C, cells] to [n, C * grid]."""
    count, channels, _ = pooled.shape
    means: Float32s = pooled.reshape(count, channels, grid, grid).mean(axis=3).reshape(count, -1)
    return means


def fit_gate(pooled: Float32s, classes: Ints, settings: GateSettings) -> Gate:
    """Fit on pooled evidence [n, C, cells] of known classes [n]."""
    count, channels, cells = pooled.shape
    profile = _rows_of_grid(pooled, settings.grid)
    scaler = Scaler.of(profile)
    pca = PCA(min(COMPONENTS, count - 1), svd_solver="randomized", random_state=settings.seed)
    x = pca.fit_transform(scaler(profile))
    spread = x.std(axis=0)
    model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced").fit(x / spread, classes)
    by_profile = (model.coef_ / spread) @ pca.components_ / scaler.std
    centre = scaler.mean + pca.mean_ * scaler.std
    bias = model.intercept_ - by_profile @ centre
    by_row = by_profile.reshape(len(CLASSES), channels, settings.grid, 1)
    weight = np.repeat(by_row, settings.grid, axis=3) / settings.grid
    linear = Linear(
        weight.reshape(len(CLASSES), channels, cells).astype(np.float32),
        bias.astype(np.float32),
    )
    return Gate(linear, fit_familiar(pooled[classes == CLASSES.index(ACCEPT)].mean(axis=2), settings.directions))


def fit_familiar(means: Float32s, directions: int) -> Familiar:
    """Fit the distance to the mean evidence [n, C] of frontal films."""
    scaler = Scaler.of(means)
    z = scaler(means).astype(np.float64)
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    count = min(directions, len(values) - 1)
    rest = float(np.sqrt(max(values[:-count].sum(), 1e-12)))
    return Familiar(
        centre=scaler.mean,
        scale=scaler.std,
        axes=np.ascontiguousarray(vectors[:, -count:]).astype(np.float32),
        spread=np.sqrt(values[-count:]).astype(np.float32),
        rest=rest,
    )


def choose_limits(scores: Floats, distances: Floats, others: Floats, refusals: float) -> Limits:
    """Set the score limit so that it refuses the share `refusals` of films on which the gate was not fitted.

    The distance limit lies midway between the same quantile of the films' distances and the 2nd percentile of the
    distances of `others`, synthetic images on which the distance was not fitted. A smaller limit would refuse films of
    other hospitals.
    """
    near, far = float(np.quantile(distances, 1 - refusals)), float(np.quantile(others, 0.02))
    return Limits(
        min_score=float(min(0.5, np.quantile(scores, refusals))),
        max_distance=(near + far) / 2 if far > near else near,
    )
