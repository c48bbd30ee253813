"""Contact sheets, for inspection by eye before a number is trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from alara_train.data.pixels import from_array
from alara_train.study.config import Condition, StudyConfig
from alara_train.study.films import StudyFilms, nodule_at, nodule_film, untouched_film
from alara_train.study.physics import Uint8s

CROP_PX = 64
ENLARGED = 2
REDUCED = 3


def nodules_sheet(films: StudyFilms, config: StudyConfig, rows: list[int], path: Path) -> None:
    """One film per row: the untouched crop, then each condition, enlarged."""
    lines = []
    for row in rows:
        plain = untouched_film(films, row, config)
        nodule = nodule_at(films, row, config.conditions[0], config.placements[0], config)
        crops = [_crop(plain, nodule.y_px, nodule.x_px)]
        for condition in config.conditions:
            nodule = nodule_at(films, row, condition, config.placements[0], config)
            film = nodule_film(films, row, nodule, config.placements[0], config)
            crops.append(_crop(film, nodule.y_px, nodule.x_px))
        lines.append(np.concatenate(crops, axis=1))
    _write(np.concatenate(lines), path)


def placement_sheet(films: StudyFilms, config: StudyConfig, rows: list[int], columns: int, path: Path) -> None:
    """Reduced films, with the lung field's outline in white and a ring around each centre."""
    side = config.film_px // REDUCED
    y, x = np.mgrid[:side, :side]
    tiles = []
    for at, row in enumerate(rows):
        tile = films.pixels[row][::REDUCED, ::REDUCED][:side, :side].copy()
        field = films.lungs[row][::REDUCED, ::REDUCED][:side, :side]
        tile[field ^ ndimage.binary_erosion(field)] = 170
        placement = config.placements[at % len(config.placements)]
        nodule = nodule_at(films, row, Condition("dense", 10), placement, config)
        far = np.hypot(y - nodule.y_px / REDUCED, x - nodule.x_px / REDUCED)
        tile[abs(far - 6) < 0.8] = 255
        tiles.append(tile)
    tiles += [np.zeros((side, side), np.uint8)] * (-len(tiles) % columns)
    _write(np.concatenate([np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]), path)


def _crop(film: Uint8s, y_px: float, x_px: float) -> Uint8s:
    half = CROP_PX // 2
    padded = np.pad(film, half)
    y, x = round(y_px), round(x_px)
    crop = padded[y : y + CROP_PX, x : x + CROP_PX]
    return np.kron(crop, np.ones((ENLARGED, ENLARGED), dtype=np.uint8))


def _write(pixels: Uint8s, path: Path) -> None:
    from_array(pixels).write_to_file(str(path))
