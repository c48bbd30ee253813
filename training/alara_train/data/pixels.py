"""From a file to the network's input, through libvips, exactly as in serving."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyvips

from alara_train.errors import UserError

Film: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""One gray band [height, width] in the film's own depth."""


MEAN = 127 / 255
STD = 128 / 255
"""Normalisation of the published EfficientNet-Lite weights: equal for all channels, so that gray folds exactly."""


OVERSAMPLING = 4.8
"""A film is decoded with at least this many times the side of the network. Serving has the same number."""


def halvings(long_side_px: int, side_px: int) -> int:
    """How often serving halves the longer side of a film that a network of `side_px` reads."""
    n = 0
    while math.ceil(long_side_px / 2 ** (n + 1)) >= OVERSAMPLING * side_px:
        n += 1
    return n


class UnreadableFilm(UserError):
    """The file is not an image, or libvips cannot decode all of it."""


def decode(source: Path | bytes) -> pyvips.Image:
    """Decode a PNG or JPEG to one gray band, uchar or ushort, upright by its EXIF orientation.

    Raises:
        UnreadableFilm: The bytes are not an image, or are truncated.
    """
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        image = pyvips.Image.new_from_buffer(data, "", fail_on="error").autorot()
        if image.hasalpha():
            image = image.flatten(background=0) if image.bands > 2 else image[0]
        wide = image.format == "ushort"
        if image.bands > 1:
            image = image.colourspace("grey16" if wide else "b-w")
        return image[0].cast("ushort" if wide else "uchar").copy_memory()
    except pyvips.Error as error:
        raise UnreadableFilm(str(error).strip()) from error


def scaled(image: pyvips.Image, side_px: int) -> pyvips.Image:
    """Resize the whole film to a long side of `side_px`, aspect ratio kept.

    The film is resized in its own depth by Lanczos 3, as sharp does with `fastShrinkOnLoad: false`.
    """
    scale = side_px / max(image.width, image.height)
    # Math.round in JavaScript rounds halves up; Python's round would go to even.
    width = max(1, math.floor(image.width * scale + 0.5))
    height = max(1, math.floor(image.height * scale + 0.5))
    return image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")


def padded(image: pyvips.Image, side_px: int) -> pyvips.Image:
    """Centre a film on a black square of `side_px`."""
    left, top = (side_px - image.width) // 2, (side_px - image.height) // 2
    return image.embed(left, top, side_px, side_px, extend="black")


def contain(image: pyvips.Image, side_px: int) -> pyvips.Image:
    """Fit the whole film into a square of `side_px`, centred on black."""
    return padded(scaled(image, side_px), side_px)


def from_array(film: Film) -> pyvips.Image:
    """Wrap a gray array [height, width] of uint8 or uint16 as an image."""
    return pyvips.Image.new_from_array(np.ascontiguousarray(film)).copy(
        interpretation="grey16" if film.dtype == np.uint16 else "b-w"
    )


def resized(source: Path | bytes | Film, side_px: int) -> Film:
    """Decode and fit: the gray pixels [side_px, side_px] of a film in its own depth.

    Raises:
        UnreadableFilm: The bytes are not an image, or are truncated.
    """
    image = from_array(source) if isinstance(source, np.ndarray) else decode(source)
    pixels: Film = contain(image, side_px).numpy()
    return pixels


def tensor(
    films: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], mean: float = MEAN, std: float = STD
) -> npt.NDArray[np.float32]:
    """Normalise pixels [N, side, side] to the network's input [N, 1, side, side].

    `mean` and `std` refer to pixels scaled to [0, 1] by their depth.
    """
    top = np.float32(np.iinfo(films.dtype).max)
    scaled = (films.astype(np.float32) / top - np.float32(mean)) / np.float32(std)
    return scaled[:, None].astype(np.float32)
