"""The learning rate: a pure function of the step."""

from __future__ import annotations

import math


def rate(step: int, warmup: int, steps: int) -> float:
    """Share of the highest rate at step 0, 1, ...: up in a straight line over `warmup` steps, down by a half cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2
