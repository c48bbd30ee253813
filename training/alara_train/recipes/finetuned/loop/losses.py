"""Losses per film and finding; unknown labels have no loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from alara_train.data.films import Ints
from alara_train.recipes.finetuned.roles import UNKNOWN

# Ridnik 2021 (arXiv 2009.14119), section 4: focusing of positives and negatives, and the probability margin.
GAMMA_POSITIVE, GAMMA_NEGATIVE, MARGIN = 1.0, 4.0, 0.05


def class_weights(present: Ints, absent: Ints) -> Tensor:
    """Weights [2, F] of films without and with each finding: both classes have the same total, and the mean is one.

    Args:
        present: Training films with each finding, [F].
        absent: Training films without each finding, [F].
    """
    total = torch.from_numpy(present + absent).float()
    return torch.stack([total / (2 * torch.from_numpy(absent)), total / (2 * torch.from_numpy(present))])


def elementwise(kind: str, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Loss of every film and finding [N, F]; zero where the label is -1.

    Args:
        kind: `bce`, `weighted` or `asymmetric`.
        logits: [N, F], float32.
        labels: [N, F] of 0, 1 and -1.
        weights: [2, F] of `class_weights`; only `weighted` uses them.
    """
    known = labels != UNKNOWN
    target = labels.clamp(min=0)
    if kind == "asymmetric":
        loss = _asymmetric(logits, target)
    else:
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        if kind == "weighted":
            loss = loss * (target * weights[1] + (1 - target) * weights[0])
    return torch.where(known, loss, torch.zeros_like(loss))


def _asymmetric(logits: Tensor, target: Tensor) -> Tensor:
    probability = torch.sigmoid(logits)
    shifted = (probability - MARGIN).clamp(min=0)
    positive = (1 - probability) ** GAMMA_POSITIVE * F.logsigmoid(logits)
    negative = shifted**GAMMA_NEGATIVE * torch.log1p(-shifted)
    return -(target * positive + (1 - target) * negative)
