"""The films of the study, and the positions of the nodules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alara_train.data.films import FINDINGS, BadData, Bools, Ints
from alara_train.data.layouts.checks import ONE_CLASS
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.problems import raise_problems
from alara_train.data.layouts.settings import Settings
from alara_train.data.pixels import resized
from alara_train.study.config import Condition, StudyConfig
from alara_train.study.lungs import inner, lung_field
from alara_train.study.physics import Nodule, Uint8s, insert, outline, recompressed, shadow


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFilms:
    """Nodule-free films with their lung fields, one row per film."""

    names: tuple[str, ...]
    patients: npt.NDArray[np.str_]
    fold: Ints
    mm_per_px: npt.NDArray[np.float64]
    """At the side `film_px`."""
    pixels: Uint8s
    """[N, film_px, film_px]"""
    lungs: Bools
    """[N, film_px, film_px]"""
    room: Bools
    """The lungs without their margin: the possible centres."""
    left_out: int
    """Number of films without a lung field, or without space for a nodule in it."""

    def __len__(self) -> int:
        """Count the films."""
        return len(self.names)


def read_study_films(data: Path, config: StudyConfig) -> StudyFilms:
    """Read the films without nodule and mass, of the study's view and collection.

    Raises:
        BadData: The table lacks pixel spacings, or no film is left.
    """
    reading = read(data, Settings())
    raise_problems([problem for problem in reading.problems if problem.code != ONE_CLASS], data)
    films = reading.films
    if np.isnan(films.extent_mm).all():
        columns = "pixel_spacing_mm, native_w, native_h"
        raise BadData(f"{data} does not state the extent of any film ({columns}): a nodule's size in mm needs it")
    free = (films.labels[:, [FINDINGS.index(f) for f in ("Nodule", "Mass")]] == 0).all(axis=1)
    free &= films.view == config.view
    if config.collection:
        free &= films.collection == config.collection
    kept: list[int] = []
    pixels, lungs, rooms, spacing = [], [], [], []
    for row in np.flatnonzero(free).tolist():
        film = resized(films.path(row), config.film_px).astype(np.uint8)
        mm_per_px = float(films.extent_mm[row].max()) / config.film_px
        field = lung_field(film)
        room = inner(field, config.margin_mm, mm_per_px)
        if room.any():
            kept.append(row)
            rooms.append(room)
            pixels.append(film)
            lungs.append(field)
            spacing.append(mm_per_px)
    if not kept:
        raise BadData(f"{data} has no {config.view} film without nodule and mass of {config.collection or 'any'}")
    return StudyFilms(
        names=tuple(films.names[row] for row in kept),
        patients=films.patients[kept],
        fold=films.fold[kept],
        mm_per_px=np.array(spacing),
        pixels=np.stack(pixels),
        lungs=np.stack(lungs),
        room=np.stack(rooms),
        left_out=int(free.sum()) - len(kept),
    )


def nodule_at(films: StudyFilms, row: int, condition: Condition, placement: int, config: StudyConfig) -> Nodule:
    """Draw the nodule of one film and placement.

    Position, outline and rank of the contrast are the same for every diameter and arm, so that they are paired.
    """
    rng = np.random.default_rng([config.seed, placement, row])
    places = np.argwhere(films.room[row])
    y, x = places[rng.integers(len(places))] + rng.uniform(-0.5, 0.5, 2)
    rank = rng.random()
    low, high = {
        "dense": config.dense_per_mm,
        "soft": config.soft_per_mm,
        "sham": (config.sham_levels / condition.diameter_mm,) * 2,
    }[condition.arm]
    return Nodule(
        y_px=float(y),
        x_px=float(x),
        diameter_mm=condition.diameter_mm,
        per_mm=low + rank * (high - low),
        waves=outline(rng, config.irregular) if condition.arm != "sham" else (),
    )


def nodule_film(films: StudyFilms, row: int, nodule: Nodule, placement: int, config: StudyConfig) -> Uint8s:
    """The film with a nodule, after JPEG compression."""
    film = films.pixels[row]
    added = shadow(nodule, film.shape, float(films.mm_per_px[row]), config.edge_sigma_mm)
    rng = np.random.default_rng([config.seed, placement, row, 1])
    return recompressed(insert(film, added, rng), config.jpeg_quality)


def untouched_film(films: StudyFilms, row: int, config: StudyConfig) -> Uint8s:
    """The film without a nodule, after the same JPEG compression."""
    return recompressed(films.pixels[row], config.jpeg_quality)
