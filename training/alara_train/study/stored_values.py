"""Simulated stored values of a detector, and their renderings.

A published film, which is already rendered, is mapped to a detector's range, so that its window restores it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alara_train.data.films import Floats
from alara_train.input_gate.pixel_cache import Uint8s

Uint16s = npt.NDArray[np.uint16]
Ends = tuple[float, float]
"""Stored values that are rendered black and white."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The stored values of one film."""

    values: Uint16s
    """[height, width]"""
    top: int
    """The largest value that BitsStored allows."""
    window: Ends
    """The film's window attributes."""
    off: Ends
    """The window, shifted by up to a tenth of its width, and up to a quarter wider or narrower."""


def simulate(film: Uint8s | Floats, rng: np.random.Generator) -> Stored:
    """Map a rendered film to a part of the range of 12 bits (7 of 10 films) or 16 bits.

    A share of the films also gets direct exposure below the window, hot pixels, a marker, or a collimator's frame.
    """
    deep = rng.random() < 0.3
    top = 65_535 if deep else 4_095
    # A 16-bit header often holds values of a detector of 12 to 14 bits.
    white = top * float(np.exp(rng.uniform(np.log(1 / 12), 0)) if deep else rng.uniform(0.6, 1))
    black = white * rng.uniform(0, 0.3)
    values: Floats = black + film / 255 * (white - black)
    height, width = film.shape
    if rng.random() < 0.25:
        air = film <= 2
        values[air] = black * rng.uniform(0, 1) * rng.uniform(0.9, 1, int(air.sum()))
    if rng.random() < 0.3:
        hot = rng.integers(0, film.size, rng.integers(3, 31))
        values.reshape(-1)[hot] = rng.uniform(white, top, len(hot))
    if rng.random() < 0.5:  # An L that covers 0.1 % of the film: painted with the top value, or of lead.
        y, x = round(0.06 * height), round((0.08 if rng.random() < 0.5 else 0.88) * width)
        long, thick = round(0.05 * height), max(2, round(0.012 * height))
        level = top if rng.random() < 0.5 else rng.uniform(white, top, (long, long))
        sign = np.zeros((long, long), dtype=bool)
        sign[:, :thick] = sign[long - thick :] = True
        values[y : y + long, x : x + long] = np.where(sign, level, values[y : y + long, x : x + long])
    if rng.random() < 0.4:  # Black in three of four cases; a constant mask, or values with noise.
        edge = top if rng.random() < 0.25 else 0
        noise = 0 if rng.random() < 0.5 else rng.uniform(0, 0.02 * top, film.shape)
        above, below, left, right = (max(1, round(s * height)) for s in rng.uniform(0.01, 0.08, 4))
        frame = np.ones(film.shape, dtype=bool)
        frame[above:-below, left:-right] = False
        values = np.where(frame, np.abs(edge - noise), values)
    span = white - black
    centre = (black + white) / 2 + rng.uniform(-0.1, 0.1) * span
    half = span / 2 * rng.uniform(0.8, 1.25)
    rounded = np.clip(np.rint(values), 0, top).astype(np.uint16)
    return Stored(values=rounded, top=top, window=(black, white), off=(centre - half, centre + half))


def as_published(film: Uint8s) -> Stored:
    """An 8-bit film that is already rendered, as in a Secondary Capture: no window is needed."""
    return Stored(values=film.astype(np.uint16), top=255, window=(0, 255), off=(0, 255))


def quantiles(values: Uint16s, percent: float) -> Ends:
    """The values below and above which `percent` of the pixels lie."""
    low, high = np.quantile(values, [percent / 100, 1 - percent / 100])
    return float(low), float(high)


def between(values: Uint16s, percent: float) -> Ends:
    """Quantiles of the pixels other than the lowest and the highest value, without frame, padding and saturation."""
    low, high = values.min(), values.max()
    inside = values[(values > low) & (values < high)]
    return quantiles(inside if inside.size else values, percent)


def widened(values: Uint16s, percent: float, share: float) -> Ends:
    """Quantiles of the inner part, widened by a share of their distance, but not beyond the film's range."""
    low, high = quantiles(inner(values), percent)
    room = share * (high - low)
    return max(low - room, float(values.min())), min(high + room, float(values.max()))


def inner(values: Uint16s) -> Uint16s:
    """The film without an eighth of its extent at every edge."""
    height, width = values.shape
    return values[height // 8 : height - height // 8, width // 8 : width - width // 8]


def _of_pixels(rule: Callable[[Uint16s, float], Ends], percent: float) -> Callable[[Stored], Ends]:
    return lambda stored: rule(stored.values, percent)


def _inner_quantiles(values: Uint16s, percent: float) -> Ends:
    return quantiles(inner(values), percent)


def _inner_wider(values: Uint16s, share: float) -> Ends:
    return widened(values, 1, share)


ENDS: dict[str, Callable[[Stored], Ends]] = {
    "window": lambda stored: stored.window,
    "window, off": lambda stored: stored.off,
    "sigmoid": lambda stored: stored.window,
    "full range": lambda stored: (0, stored.top),
    "min to max": _of_pixels(quantiles, 0),
    **{f"percentile {p}": _of_pixels(quantiles, p) for p in (0.1, 0.5, 1, 2)},
    **{f"between extremes, percentile {p}": _of_pixels(between, p) for p in (0, 0.1, 0.5, 1)},
    **{f"inner part, percentile {p}": _of_pixels(_inner_quantiles, p) for p in (0.1, 0.5, 1)},
    **{f"inner part, percentile 1, wider by {w}": _of_pixels(_inner_wider, w) for w in (0.2, 0.25, 0.3)},
}
"""The renderings that are compared: which stored values are black and white."""


def render(stored: Stored, arm: str) -> Uint16s:
    """Render stored values in 16 bits by one of `ENDS`."""
    black, white = ENDS[arm](stored)
    scaled = (stored.values - black) / max(white - black, 1.0)
    if arm == "sigmoid":  # PS3.3 C.11.2.1.3.1
        scaled = 1 / (1 + np.exp(-4 * (scaled - 0.5)))
    rendered: Uint16s = np.rint(np.clip(scaled, 0, 1) * 65_535).astype(np.uint16)
    return rendered
