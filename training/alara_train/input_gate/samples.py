"""Images on which the input gate is fitted and measured: turned films, drawings, textures and photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, zoom

from alara_train.data.pixels import Film, decode

CLASSES = ("frontal", "sideways", "upsideDown", "inverted", "other")
Gray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sample:
    """One image for the gate."""

    kind: str
    """Kind of the image, such as `sideways` or `photograph`."""
    source: str
    """Samples of one source are never split between fitting and measuring."""
    pixels: Film


def to_gray(values: npt.NDArray[np.floating]) -> Gray:
    """Stretch an array to 0..255."""
    low, high = float(values.min()), float(values.max())
    return np.round((values - low) / (high - low or 1.0) * 255).astype(np.uint8)


def turned(film: Gray, rng: np.random.Generator) -> Iterator[tuple[str, Gray]]:
    """Yield variations of one film: sideways, upside down, inverted, and re-exposed and cropped."""
    yield "sideways", np.ascontiguousarray(np.rot90(film, int(rng.choice([1, 3]))))
    upset = np.rot90(film, 2) if rng.random() < 0.7 else film[::-1]
    yield "upsideDown", np.ascontiguousarray(upset)
    yield "inverted", 255 - exposed(film, rng)
    yield "frontal", exposed(cropped(film, rng), rng)


def exposed(film: Gray, rng: np.random.Generator) -> Gray:
    """Change gamma, contrast and brightness, as different X-ray units do."""
    x = (film / 255.0) ** float(rng.uniform(0.7, 1.45))
    return np.round(np.clip((x - 0.5) * rng.uniform(0.75, 1.25) + 0.5 + rng.uniform(-0.08, 0.08), 0, 1) * 255).astype(
        np.uint8
    )


def cropped(film: Gray, rng: np.random.Generator) -> Gray:
    """Crop up to a tenth at each border, so that films are not square."""
    height, width = film.shape
    top, bottom = (int(v) for v in rng.uniform(0, 0.1, 2) * height)
    left, right = (int(v) for v in rng.uniform(0, 0.1, 2) * width)
    return np.ascontiguousarray(film[top : height - bottom, left : width - right])


def _grid(rng: np.random.Generator) -> tuple[int, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    side = int(rng.integers(300, 640))
    y, x = np.mgrid[0:side, 0:side] / side
    return side, y, x


def blank(rng: np.random.Generator) -> Gray:
    """One gray level, sometimes with faint noise."""
    side = int(rng.integers(100, 640))
    return np.clip(rng.integers(0, 256) + rng.normal(0, rng.choice([0, 1, 3]), (side, side)), 0, 255).astype(np.uint8)


def gradient(rng: np.random.Generator) -> Gray:
    """Linear or radial ramp."""
    _, y, x = _grid(rng)
    angle = rng.uniform(0, 2 * np.pi)
    line = np.cos(angle) * x + np.sin(angle) * y
    round_ = np.hypot(x - rng.uniform(0.3, 0.7), y - rng.uniform(0.3, 0.7))
    return to_gray(np.abs(round_ if rng.random() < 0.5 else line) ** rng.uniform(0.5, 2))


def noise(rng: np.random.Generator) -> Gray:
    """White to brown noise."""
    side, _, _ = _grid(rng)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.normal(size=(side, side))) / frequency ** rng.uniform(0, 2.2)
    return to_gray(np.fft.irfft2(spectrum, (side, side)))


def blobs(rng: np.random.Generator) -> Gray:
    """Smooth bright patches, sometimes two large dark ones side by side."""
    side, _, _ = _grid(rng)
    out = np.zeros((side, side))
    for _ in range(int(rng.integers(2, 14))):
        centre = rng.integers(0, side, 2)
        out[centre[0], centre[1]] += rng.choice([-1, 1]) * rng.uniform(0.5, 1)
    return to_gray(gaussian_filter(out, side * rng.uniform(0.03, 0.15)))


def stripes(rng: np.random.Generator) -> Gray:
    """Bars, checkers or waves."""
    _, y, x = _grid(rng)
    a, b = rng.uniform(4, 60, 2)
    wave = np.sin(a * x + rng.uniform(0, 6)) * (np.sin(b * y) if rng.random() < 0.5 else 1)
    return to_gray(np.sign(wave) if rng.random() < 0.5 else wave)


def shapes(rng: np.random.Generator) -> Gray:
    """Filled rectangles and ellipses."""
    _, y, x = _grid(rng)
    out = np.full(x.shape, rng.uniform(0, 1))
    for _ in range(int(rng.integers(1, 25))):
        cy, cx, ry, rx = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.02, 0.3), rng.uniform(0.02, 0.3)
        u, v = (y - cy) / ry, (x - cx) / rx
        out[(u * u + v * v < 1) if rng.random() < 0.5 else (np.maximum(abs(u), abs(v)) < 1)] = rng.uniform(0, 1)
    return to_gray(out)


def scribble(rng: np.random.Generator) -> Gray:
    """Random pen strokes on a plain ground."""
    side, _, _ = _grid(rng)
    out = np.zeros((side, side))
    for _ in range(int(rng.integers(3, 40))):
        steps = np.cumsum(gaussian_filter(rng.normal(0, 3, (300, 2)), (8, 0)), axis=0) + rng.integers(0, side, 2)
        at = np.clip(steps.astype(int), 0, side - 1)
        out[at[:, 0], at[:, 1]] = 1
    ink = gaussian_filter(out, rng.uniform(0.6, 2.0)) > 0.05
    return to_gray((ink if rng.random() < 0.5 else ~ink).astype(float))


def cells(rng: np.random.Generator) -> Gray:
    """Voronoi cells, as in a mosaic or a leaf."""
    _, y, x = _grid(rng)
    points = rng.uniform(0, 1, (int(rng.integers(8, 60)), 2))
    near = np.argmin([(y - p) ** 2 + (x - q) ** 2 for p, q in points], axis=0)
    return to_gray(rng.uniform(0, 1, len(points))[near])


def writing(rng: np.random.Generator) -> Gray:
    """A page of writing: rows of small strokes."""
    side, _, _ = _grid(rng)
    page = np.ones((side, side))
    step = int(rng.integers(9, 26))
    for top in range(step, side - 2 * step, step * 2):
        at = step
        while at < side - 2 * step and rng.random() > 0.03:
            glyph = zoom((rng.random((5, 3)) < 0.55).astype(float), (step / 5, step / 6), order=0)
            page[top : top + glyph.shape[0], at : at + glyph.shape[1]] -= glyph
            at += glyph.shape[1] + (step if rng.random() < 0.2 else max(1, step // 6))
    return to_gray(page)


def chart(rng: np.random.Generator) -> Gray:
    """Axes with bars or a line."""
    side, _, _ = _grid(rng)
    page = np.ones((side, side))
    left, floor = side // 8, side - side // 8
    page[side // 10 : floor, left : left + 2] = 0
    page[floor : floor + 2, left : side - side // 10] = 0
    count = int(rng.integers(3, 20))
    wide = (side - side // 4) // count
    heights = rng.uniform(0.1, 0.75, count) * side
    for i, tall in enumerate(heights):
        at = left + 4 + i * wide
        page[int(floor - tall) : floor, at : at + max(1, int(wide * 0.7))] = rng.uniform(0.1, 0.8)
    return to_gray(page)


def contours(rng: np.random.Generator) -> Gray:
    """Height lines, as on a map."""
    side, _, _ = _grid(rng)
    land = gaussian_filter(rng.normal(size=(side, side)), side / rng.uniform(8, 25))
    bands = np.floor(to_gray(land) / 255 * rng.uniform(6, 18))
    edge = np.hypot(*np.gradient(bands)) > 0
    return to_gray((~edge).astype(float))


def code(rng: np.random.Generator) -> Gray:
    """Black and white modules, like a matrix bar code."""
    return (np.kron(rng.random((29, 29)) < 0.5, np.ones((16, 16))) * 255).astype(np.uint8)


FITTED: dict[str, Callable[[np.random.Generator], Gray]] = {
    "blank": blank,
    "gradient": gradient,
    "noise": noise,
    "blobs": blobs,
    "stripes": stripes,
    "shapes": shapes,
    "scribble": scribble,
}
"""Synthetic kinds on which the gate is fitted."""

HELD_OUT: dict[str, Callable[[np.random.Generator], Gray]] = {
    "cells": cells,
    "writing": writing,
    "chart": chart,
    "contours": contours,
    "code": code,
}
"""Synthetic kinds on which the gate is not fitted: they measure its catch rate on drawings."""

# From the packages scikit-image and scikit-learn. Pictures other than photographs of everyday life (a phantom, a
# page, a microscope slide) are measured as a separate kind.
PHOTOGRAPHS_FITTED = (
    "astronaut.png",
    "brick.png",
    "coffee.png",
    "grass.png",
    "moon.png",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
)
PHOTOGRAPHS_HELD_OUT = (
    "camera.png",
    "chelsea.png",
    "coins.png",
    "gravel.png",
    "rocket.jpg",
    "clock_motion.png",
    "color.png",
    "china.jpg",
    "flower.jpg",
)
PICTURES_HELD_OUT = (
    "page.png",
    "text.png",
    "phantom.png",
    "horse.png",
    "logo.png",
    "cell.png",
    "ihc.png",
    "retina.jpg",
    "microaneurysms.png",
)


def packaged(name: str) -> Gray:
    """Read a picture that scikit-image or scikit-learn ships, as gray.

    Raises:
        FileNotFoundError: Neither package has it.
    """
    for package, folder in (("skimage", "data"), ("sklearn.datasets", "images")):
        path = Path(str(files(package))) / folder / name
        if path.is_file():
            film: Gray = decode(path).numpy()
            return film
    raise FileNotFoundError(f"{name} is in neither scikit-image nor scikit-learn")


def part(picture: Gray, rng: np.random.Generator) -> Gray:
    """Cut a random part of at least half the shorter side out of a picture, sometimes mirrored."""
    height, width = picture.shape
    side = int(rng.uniform(0.5, 1.0) * min(height, width))
    top, left = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
    cut = picture[top : top + side, left : left + side]
    return np.ascontiguousarray(cut[:, ::-1] if rng.random() < 0.5 else cut)


def fitted_others(count: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Make `count` samples of class `other` for fitting: half are synthetic, half are parts of photographs."""
    photographs = [packaged(name) for name in PHOTOGRAPHS_FITTED]
    makers = list(FITTED.items())
    for i in range(count):
        if i % 2:
            pick = (i // 2) % len(photographs)
            yield Sample("other", PHOTOGRAPHS_FITTED[pick], part(photographs[pick], rng))
        else:
            kind, make = makers[(i // 2) % len(makers)]
            yield Sample("other", f"{kind}-{i}", make(rng))


def held_out_others(rng: np.random.Generator) -> Iterator[Sample]:
    """Photographs, pictures and their parts, drawings of kinds that the gate was not fitted on, and blank images."""
    for kind, names in (("photographs", PHOTOGRAPHS_HELD_OUT), ("other pictures", PICTURES_HELD_OUT)):
        for name in names:
            picture = packaged(name)
            yield Sample(kind, name, picture)
            for _ in range(5):
                yield Sample(kind, name, part(picture, rng))
    for kind, make in HELD_OUT.items():
        for _ in range(12):
            yield Sample("drawings", kind, make(rng))
    for level in (0, 1, 64, 128, 192, 255):
        yield Sample("blank images", f"blank-{level}", np.full((512, 512), level, dtype=np.uint8))
