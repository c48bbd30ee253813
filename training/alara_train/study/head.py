"""A detection head on frozen maps: a Hotelling template per position, then log-sum-exp over the lung field.

Channels are the maps and their squares, as in the family's own evidence. The template starts as the channelised
Hotelling observer: the mean change by a nodule at its position, whitened by the covariance of the channels in
untouched lung. A short refinement then separates films with and without nodules, on the positions with the highest
scores. Everything is fitted on the patients of the other folds, without random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import logsumexp
from torch.nn import functional as F

from alara_train.data.films import Floats, Ints
from alara_train.study.maps import Float16s, Positions
from alara_train.study.physics import Nodule

Float32s = npt.NDArray[np.float32]
BLOCK = 40_000
"""Positions per block, so that memory never holds a whole stack as float32."""
ROUNDS = 2
STEPS = 25


def channels(maps: Float16s) -> Float32s:
    """Maps [P, C] and their squares: [P, 2 C]."""
    wide = np.asarray(maps, dtype=np.float32)
    return np.concatenate([wide, wide * wide], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Maps of all films under one condition and placement."""

    maps: Float16s
    """[P, C], memory-mapped."""
    nodules: tuple[Nodule, ...]
    """One per film; empty for the untouched films."""
    trained: bool
    """Whether the head is fitted on it; the sham is used only for tests."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Film scores by fold's head, [F, N], and the hardest positions by fold, [F, N, K]."""

    films: Floats
    hardest: Ints


def places(nodules: tuple[Nodule, ...], positions: Positions, mm_per_px: Floats, film_px: int) -> list[Ints]:
    """Per film, the positions with centres inside the nodule, or else the cell that contains the nodule's centre."""
    cell_px = film_px / positions.side
    found: list[Ints] = []
    for row, nodule in enumerate(nodules):
        own = positions.of(row)
        cells = positions.cell[own]
        y, x = cells // positions.side, cells % positions.side
        far = np.hypot((y + 0.5) * cell_px - 0.5 - nodule.y_px, (x + 0.5) * cell_px - 0.5 - nodule.x_px)
        inside = np.flatnonzero(far <= nodule.diameter_mm / 2 / mm_per_px[row])
        nearest = np.flatnonzero(far <= 0.7072 * cell_px)[:1] if not len(inside) else inside
        found.append(own.start + (inside if len(inside) else nearest))
    return found


@dataclass(frozen=True, slots=True)
class Fitted:
    """The heads of all folds, ready to score."""

    weight: Floats
    """[2 C, F]"""
    centre: Floats
    """[F]: mean score of the untouched films on which the fold's head was fitted."""
    spread: Floats
    """[F]: standard deviation of these scores."""


def score(stack: Stack, positions: Positions, weight: Floats, hardest: int) -> Scores:
    """Log-sum-exp over every film's positions, by every fold's head."""
    values = np.concatenate(
        [channels(stack.maps[i : i + BLOCK]) @ weight.astype(np.float32) for i in range(0, len(stack.maps), BLOCK)]
    ).astype(np.float64)
    films, tops = [], []
    for start, stop in pairwise(positions.starts.tolist()):
        own = values[start:stop]
        films.append(logsumexp(own, axis=0))
        count = min(hardest, len(own))
        top = np.argpartition(-own, count - 1, axis=0)[:count]
        if count < hardest:
            top = np.concatenate([top, np.repeat(top[:1], hardest - count, axis=0)])
        tops.append(start + top)
    return Scores(np.stack(films, axis=1), np.stack(tops, axis=1).transpose(2, 1, 0))


def fit(
    untouched: Stack,
    stacks: list[Stack],
    positions: Positions,
    fold: Ints,
    mm_per_px: Floats,
    film_px: int,
    *,
    shrinkage: float,
    pull: float,
    hardest: int,
) -> Fitted:
    """Fit one head per fold on the films of the other folds."""
    folds = np.unique(fold)
    learning = [s for s in stacks if s.trained]
    owner = np.repeat(np.searchsorted(folds, fold), np.diff(positions.starts))
    covariance = _covariances(untouched.maps, owner, len(folds))
    shifts = [
        _shifts(s, untouched, places(s.nodules, positions, mm_per_px, film_px), owner, len(folds)) for s in learning
    ]
    starts, scales = [], []
    for k in range(len(folds)):
        matrix = covariance[k]
        scale = np.sqrt(np.clip(np.diag(matrix), 0, None)) + 1e-6
        whitened = matrix / scale[:, None] / scale + shrinkage * np.eye(len(scale))
        template = np.zeros(len(scale))
        for sums, counts in shifts:
            others = np.arange(len(folds)) != k
            shift = sums[others].sum(axis=0) / max(counts[others].sum(), 1) / scale
            answer = np.linalg.solve(whitened, shift)
            # Every kind of nodule has the same weight; otherwise large nodules would dominate.
            template += answer / np.sqrt(max(float(shift @ answer), 1e-12)) / len(shifts)
        starts.append(template / scale)
        scales.append(scale)
    weight = np.stack(starts, axis=1)
    for _ in range(ROUNDS):
        plain = score(untouched, positions, weight, hardest)
        with_nodule = [score(s, positions, weight, hardest) for s in learning]
        refined = []
        for k, number in enumerate(folds):
            train = np.flatnonzero(fold != number)
            negatives = channels(untouched.maps[plain.hardest[k, train].ravel()])
            positives = np.concatenate(
                [channels(s.maps[w.hardest[k, train].ravel()]) for s, w in zip(learning, with_nodule, strict=True)]
            )
            refined.append(_refine(weight[:, k], scales[k], negatives, positives, hardest, pull))
        weight = np.stack(refined, axis=1)
    plain = score(untouched, positions, weight, hardest)
    rest = [plain.films[k, fold != number] for k, number in enumerate(folds)]
    return Fitted(weight, np.array([r.mean() for r in rest]), np.array([r.std() + 1e-12 for r in rest]))


def out_of_fold(stack: Stack, positions: Positions, fitted: Fitted, fold: Ints) -> Floats:
    """Score every film by the head of its own fold, standardised by the scores of this head's untouched films."""
    by_fold = score(stack, positions, fitted.weight, 1).films
    own = np.searchsorted(np.unique(fold), fold)
    found: Floats = (by_fold[own, np.arange(len(fold))] - fitted.centre[own]) / fitted.spread[own]
    return found


def _covariances(maps: Float16s, owner: Ints, folds: int) -> list[Floats]:
    """Covariance of the channels over the untouched lung of all other folds, per fold."""
    width = 2 * maps.shape[1]
    count, total, square = np.zeros(folds), np.zeros((folds, width)), np.zeros((folds, width, width))
    for i in range(0, len(maps), BLOCK):
        block, of = channels(maps[i : i + BLOCK]), owner[i : i + BLOCK]
        for k in range(folds):
            own = block[of == k]
            count[k] += len(own)
            total[k] += own.sum(axis=0, dtype=np.float64)
            square[k] += own.T @ own
    found = []
    for k in range(folds):
        rest = np.arange(folds) != k
        mean = total[rest].sum(axis=0) / count[rest].sum()
        found.append(square[rest].sum(axis=0) / count[rest].sum() - np.outer(mean, mean))
    return found


def _shifts(stack: Stack, untouched: Stack, places: list[Ints], owner: Ints, folds: int) -> tuple[Floats, Floats]:
    """Changes by the nodules at their positions: sums per fold [F, 2 C], and the number of these films."""
    width = 2 * stack.maps.shape[1]
    sums, counts = np.zeros((folds, width)), np.zeros(folds)
    for own in places:
        if len(own):
            change = channels(stack.maps[own]).mean(axis=0) - channels(untouched.maps[own]).mean(axis=0)
            sums[owner[own[0]]] += change
            counts[owner[own[0]]] += 1
    return sums, counts


def _refine(
    start: Floats, scale: Floats, negatives: Float32s, positives: Float32s, hardest: int, pull: float
) -> Floats:
    """Logistic regression of films on the log-sum-exp of their hardest positions, with a penalty towards the start."""
    width = torch.from_numpy(scale.astype(np.float32))
    plain, marked = (torch.from_numpy(x).div_(width).reshape(-1, hardest, len(scale)) for x in (negatives, positives))
    first = torch.from_numpy((start * scale).astype(np.float32))
    with torch.no_grad():
        first = first / (plain @ first).amax(dim=1).std().clamp(min=1e-6)
        middle = torch.logsumexp(plain @ first, dim=1).mean()
    weight = first.clone().requires_grad_()
    bias = (-middle - 0.5).clone().requires_grad_()
    search = torch.optim.LBFGS([weight, bias], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        low = torch.logsumexp(plain @ weight, dim=1) + bias
        high = torch.logsumexp(marked @ weight, dim=1) + bias
        cost = F.softplus(low).mean() + F.softplus(-high).mean() + pull * (weight - first).square().sum()
        torch.autograd.backward(cost)
        return cost

    search.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach().double().numpy() / scale
