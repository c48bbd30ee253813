"""The input gate: is this a frontal chest film, upright and not inverted?

Two measures, both inside the served graph: a linear multi-class read-out of pooled evidence, and the
distance of the film's mean evidence from that of the training films.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from alara_train.data.films import Bools, Films, Floats, Ints
from alara_train.evaluate.metrics import wilson
from alara_train.gate.samples import CLASSES
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import Pooled, Rows
from alara_train.recipes.frozen.head import Familiar, Float32s, Linear
from alara_train.recipes.frozen.ridge import Scaler

ACCEPT = CLASSES[0]
COMPONENTS = 96
NOT_MEASURED = (
    "lateral chest films",
    "radiographs of other body parts",
    "frontal films that are mirrored left to right",
    "CT, MR and ultrasound images",
)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the graph needs, for pooled evidence as it comes."""

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


@dataclass(frozen=True, slots=True)
class Limits:
    """A film below `min_score` or beyond `max_distance` is refused."""

    min_score: float
    max_distance: float

    def refuses(self, scores: Floats, distances: Floats) -> Bools:
        """Which films are refused."""
        return (scores < self.min_score) | (distances > self.max_distance)


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `films` films, with Wilson's interval."""

    what: str
    hits: int
    films: int

    def record(self) -> dict[str, object]:
        """Write as the catalog's `Rate`."""
        low, high = wilson(self.hits, self.films)
        return {
            "what": self.what,
            "value": round(self.hits / self.films, 6),
            "ci95": [min(round(low, 4), self.hits / self.films), max(round(high, 4), self.hits / self.films)],
            "films": self.films,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The served gate and what was measured of it."""

    gate: Gate
    limits: Limits
    false_refusals: tuple[Share, ...]
    pass_under_shift: tuple[Share, ...]
    catches: tuple[Share, ...]


def _rows_of_grid(pooled: Float32s, grid: int) -> Float32s:
    """Average cells along each row of the grid: [n, C, cells] to [n, C * grid]."""
    count, channels, _ = pooled.shape
    means: Float32s = pooled.reshape(count, channels, grid, grid).mean(axis=3).reshape(count, -1)
    return means


def fit_gate(pooled: Float32s, classes: Ints, config: FamilyConfig) -> Gate:
    """Fit on pooled evidence [n, C, cells] of known classes [n]."""
    count, channels, cells = pooled.shape
    profile = _rows_of_grid(pooled, config.grid)
    scaler = Scaler.of(profile)
    pca = PCA(min(COMPONENTS, count - 1), svd_solver="randomized", random_state=config.seed)
    x = pca.fit_transform(scaler(profile))
    spread = x.std(axis=0)
    model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced").fit(x / spread, classes)
    by_profile = (model.coef_ / spread) @ pca.components_ / scaler.std
    centre = scaler.mean + pca.mean_ * scaler.std
    bias = model.intercept_ - by_profile @ centre
    weight = np.repeat(by_profile.reshape(len(CLASSES), channels, config.grid, 1), config.grid, axis=3) / config.grid
    linear = Linear(
        weight.reshape(len(CLASSES), channels, cells).astype(np.float32),
        bias.astype(np.float32),
    )
    return Gate(linear, fit_familiar(pooled[classes == CLASSES.index(ACCEPT)].mean(axis=2), config))


def fit_familiar(means: Float32s, config: FamilyConfig) -> Familiar:
    """Fit the distance to mean evidence [n, C] of frontal films."""
    scaler = Scaler.of(means)
    z = scaler(means).astype(np.float64)
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    count = min(config.gate_directions, len(values) - 1)
    rest = float(np.sqrt(max(values[:-count].sum(), 1e-12)))
    return Familiar(
        centre=scaler.mean,
        scale=scaler.std,
        axes=np.ascontiguousarray(vectors[:, -count:]).astype(np.float32),
        spread=np.sqrt(values[-count:]).astype(np.float32),
        rest=rest,
    )


def choose_limits(scores: Floats, distances: Floats, others: Floats, refusals: float) -> Limits:
    """Set the score limit so that it refuses the share `refusals` of films it was not fitted on.

    The distance limit lies midway between the same quantile of the films' distances and the near end (2nd
    percentile) of the distances of `others`, made images that the distance was not fitted on: nearer would refuse
    films of other hospitals.
    """
    near, far = float(np.quantile(distances, 1 - refusals)), float(np.quantile(others, 0.02))
    return Limits(
        min_score=float(min(0.5, np.quantile(scores, refusals))),
        max_distance=(near + far) / 2 if far > near else near,
    )


def measure_gate(pooled: Pooled, rows: Rows, films: Films, config: FamilyConfig) -> Gated:
    """Fit once a patient fold and once on everything; measure on what was not fitted on."""
    fold_of = dict(zip(films.names, films.fold.tolist(), strict=True))
    fold = np.array([fold_of.get(source, -1) for source in rows.sources.tolist()])
    label = np.full(len(rows.kinds), -1)
    label[rows.where("film")] = CLASSES.index(ACCEPT)
    for number, name in enumerate(CLASSES):
        label[rows.where(f"fit/{name}")] = number
    fitted = label >= 0
    scores = np.full(len(label), np.nan)
    distances = np.full(len(label), np.nan)
    for number in films.folds:
        train, test = np.flatnonzero(fitted & (fold != number)), np.flatnonzero(fitted & (fold == number))
        gate = fit_gate(pooled.rows[train], label[train], config)
        scores[test], distances[test] = gate.scores(pooled.rows[test]), gate.distances(pooled.rows[test])
    gate = fit_gate(pooled.rows[fitted], label[fitted], config)
    unseen = np.flatnonzero(~fitted)
    scores[unseen], distances[unseen] = gate.scores(pooled.rows[unseen]), gate.distances(pooled.rows[unseen])

    own = rows.where("film")
    others = gate.distances(pooled.rows[rows.where("fit/other")])
    limits = choose_limits(scores[own], distances[own], others, config.gate_refusals)
    refused = limits.refuses(scores, distances)
    wrongly = 0
    for number in films.folds:  # the limits, too, come from the other folds here
        inside, outside = own[fold[own] == number], own[fold[own] != number]
        nested = choose_limits(scores[outside], distances[outside], others, config.gate_refusals)
        wrongly += int(nested.refuses(scores[inside], distances[inside]).sum())

    def share(what: str, kind: str, caught: bool) -> Share:
        at = rows.where(kind)
        return Share(what, int((refused[at] == caught).sum()), len(at))

    shifts = sorted({kind for kind in rows.kinds.tolist() if kind.startswith("shift/")})
    tests = sorted({kind for kind in rows.kinds.tolist() if kind.startswith("test/")})
    return Gated(
        gate=gate,
        limits=limits,
        false_refusals=(
            Share("the family's own films, by patient fold", wrongly, len(own)),
            share("the same, re-exposed and cropped", "fit/frontal", True),
        ),
        pass_under_shift=(
            *((share("originals of the family's own films", "native", False),) if "native" in rows.kinds else ()),
            *(share(kind.removeprefix("shift/"), kind, False) for kind in shifts),
        ),
        catches=(
            share("films turned by 90 degrees", "fit/sideways", True),
            share("films upside down", "fit/upsideDown", True),
            share("inverted films", "fit/inverted", True),
            *(share(kind.removeprefix("test/"), kind, True) for kind in tests),
        ),
    )
