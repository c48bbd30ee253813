"""The shadow of a nodule: the chord length through a slightly irregular sphere, blurred, added to a film.

A homogeneous sphere of radius R absorbs in proportion to the length of the ray inside it, 2 sqrt(R^2 - r^2) at a
distance r from its centre. On a film whose gray levels are nearly linear in log exposure over the lung, this is a
brightening of contrast (gray levels per mm) times chord (mm). Observer studies with superimposed nodules (Bath et al.,
SPIE 5749, 2005, who also found that anatomy and not noise hides 10 mm nodules) use the same model. The model
leaves out scatter, the beam's local quality, vessels at the nodule, and the toe and shoulder of the film's curve. For
these reasons, superposition differs from radiographs of beads in place. So contrasts are an assumption, and only
differences between sizes are interpreted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyvips
from scipy import ndimage

from alara_train.data.films import Floats
from alara_train.data.pixels import from_array

Uint8s = npt.NDArray[np.uint8]
OVERSAMPLING = 4
"""A pixel's shadow is the mean of this many samples squared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodule:
    """One nodule on one film."""

    y_px: float
    x_px: float
    diameter_mm: float
    per_mm: float
    """Gray levels per mm of chord."""
    waves: tuple[tuple[float, float], ...] = ()
    """Relative amplitude and phase of the outline's waves, two around the circle first."""

    @property
    def peak(self) -> float:
        """Gray levels at the centre, before the blur."""
        return self.per_mm * self.diameter_mm


def outline(rng: np.random.Generator, irregular: float) -> tuple[tuple[float, float], ...]:
    """Draw waves of order 2 to 5 whose radius has the relative deviation `irregular`."""
    share = np.array([1.0, 0.7, 0.5, 0.35])
    amplitude = irregular * np.sqrt(2) * share / np.linalg.norm(share)
    phases = rng.uniform(0, 2 * np.pi, len(share))
    return tuple((float(a), float(p)) for a, p in zip(amplitude, phases, strict=True))


def shadow(nodule: Nodule, shape: tuple[int, int], mm_per_px: float, sigma_mm: float) -> Floats:
    """Gray levels that a nodule adds to a film of `shape`."""
    reach = int(np.ceil((0.75 * nodule.diameter_mm + 4 * sigma_mm) / mm_per_px)) + 1
    top, left = round(nodule.y_px) - reach, round(nodule.x_px) - reach
    side = 2 * reach + 1
    fine = (np.arange(side * OVERSAMPLING) + 0.5) / OVERSAMPLING - 0.5
    dy = (fine + top - nodule.y_px)[:, None] * mm_per_px
    dx = (fine + left - nodule.x_px)[None] * mm_per_px
    angle = np.arctan2(dy, dx)
    radius = np.full(angle.shape, nodule.diameter_mm / 2)
    for order, (amplitude, phase) in enumerate(nodule.waves, start=2):
        radius += nodule.diameter_mm / 2 * amplitude * np.cos(order * angle + phase)
    chord = 2 * np.sqrt(np.clip(radius**2 - dy**2 - dx**2, 0, None))
    blurred = ndimage.gaussian_filter(chord, sigma_mm / mm_per_px * OVERSAMPLING, mode="constant")
    pixels = blurred.reshape(side, OVERSAMPLING, side, OVERSAMPLING).mean(axis=(1, 3)) * nodule.per_mm
    added = np.zeros(shape)
    rows = slice(max(top, 0), min(top + side, shape[0]))
    columns = slice(max(left, 0), min(left + side, shape[1]))
    added[rows, columns] = pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return added


def insert(film: Uint8s, added: Floats, rng: np.random.Generator) -> Uint8s:
    """Add gray levels to a film with random rounding, so that additions below one level are kept on average.

    Pixels without an addition do not change.
    """
    dithered = np.floor(film + added + rng.random(film.shape))
    out: Uint8s = np.clip(np.where(added > 0, dithered, film), 0, 255).astype(np.uint8)
    return out


def recompress(film: Uint8s, quality: int) -> bytes:
    """Encode a film as gray JPEG; both films of a pair are encoded."""
    encoded: bytes = from_array(film).jpegsave_buffer(Q=quality, keep="none")
    return encoded


def recompressed(film: Uint8s, quality: int) -> Uint8s:
    """The pixels of a film after JPEG compression."""
    pixels: Uint8s = pyvips.Image.new_from_buffer(recompress(film, quality), "").numpy()
    return pixels.reshape(film.shape)
