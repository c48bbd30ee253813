"""The lung field of a frontal film, by brightness and geometry alone: the possible positions of a nodule.

Otsu's threshold of the film's middle separates lung from mediastinum and chest wall. Watershed on brightness, from
seeds in the middle of either lung against the frame, separates lung from the dark air beside the body along the bright
chest wall between them. The contact sheets allow an inspection by eye.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed

from alara_train.data.films import Bools, Floats
from alara_train.study.physics import Uint8s

REDUCTION = 4
SMOOTH_PX = 1.5
SMALLEST = 0.03
"""A lung smaller than this share of the film is discarded."""


def lung_field(film: Uint8s) -> Bools:
    """Both lungs of a film [side, side], side divisible by four; a lung that is not found is left out."""
    side = film.shape[0] // REDUCTION
    gray = ndimage.gaussian_filter(
        film.reshape(side, REDUCTION, side, REDUCTION).mean(axis=(1, 3)), SMOOTH_PX, mode="nearest"
    )
    at = [round(share * side) for share in (0.03, 0.12, 0.3, 0.5, 0.72)]
    frame, high, upper, lower, low = at
    dark = gray < threshold_otsu(gray[high:low, round(0.1 * side) : round(0.9 * side)])  # type: ignore[no-untyped-call]
    core = ndimage.binary_erosion(dark, iterations=2)
    seeds = np.zeros(gray.shape, dtype=np.int32)
    for number, (left, right) in enumerate(((0.24, 0.42), (0.58, 0.76)), start=2):
        box = (slice(upper, lower), slice(round(left * side), round(right * side)))
        seeds[box] = number * core[box]
    seeds[:frame] = seeds[-frame:] = 1
    seeds[:, :frame] = seeds[:, -frame:] = 1
    seeds[round(0.93 * side) :] = 1
    basins = watershed(gray, seeds)  # type: ignore[no-untyped-call]
    found = np.zeros(gray.shape, dtype=bool)
    for number in (2, 3):
        lung = ndimage.binary_opening((basins == number) & dark, iterations=2)
        parts = label(lung)  # type: ignore[no-untyped-call]
        if parts.max():
            largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
            if largest.mean() >= SMALLEST:
                found |= largest
    found = ndimage.binary_fill_holes(ndimage.binary_closing(found, iterations=2))
    return np.kron(found, np.ones((REDUCTION, REDUCTION), dtype=bool))


def inner(field: Bools, margin_mm: float, mm_per_px: float) -> Bools:
    """Erode a field by a distance."""
    far: Floats = ndimage.distance_transform_edt(field) * mm_per_px
    return far > margin_mm
