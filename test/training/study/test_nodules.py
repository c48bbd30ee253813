"""Simulated nodules: the physics, the pairs, and the separation of patients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alara_train.study.config import Condition, StudyConfig
from alara_train.study.films import StudyFilms, nodule_at, nodule_film, untouched_film
from alara_train.study.head import Stack, fit, out_of_fold, places
from alara_train.study.lungs import inner, lung_field
from alara_train.study.maps import lung_positions
from alara_train.study.physics import Nodule, insert, outline, recompressed, shadow
from alara_train.toml_file import BadConfig

ROOT = Path(__file__).parents[3]
CONFIG = StudyConfig.load(ROOT / "training" / "configs" / "study-nodules.toml")


def chest(rng: np.random.Generator, side: int = 576) -> np.ndarray:
    """A bright body in dark air, with two dark lungs and some noise."""
    y, x = np.mgrid[:side, :side] / side
    film = np.where(abs(x - 0.5) < 0.42, 190.0, 8.0)
    for centre in (0.32, 0.68):
        film[((x - centre) / 0.13) ** 2 + ((y - 0.42) / 0.27) ** 2 < 1] = 60
    return np.clip(film + rng.normal(0, 3, film.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def films() -> StudyFilms:
    rng = np.random.default_rng(1)
    pixels = np.stack([chest(rng) for _ in range(10)])
    lungs = np.stack([lung_field(film) for film in pixels])
    return StudyFilms(
        names=tuple(f"{i}.jpg" for i in range(10)),
        patients=np.array([f"p{i // 2}" for i in range(10)]),
        fold=np.arange(10) // 2,
        mm_per_px=np.full(10, 0.7),
        pixels=pixels,
        lungs=lungs,
        room=np.stack([inner(field, 8, 0.7) for field in lungs]),
        left_out=0,
    )


@pytest.mark.parametrize("diameter", [4.0, 8.0, 20.0])
@pytest.mark.parametrize("spacing", [0.5, 0.7])
def test_the_shadow_has_the_volume_of_the_sphere_times_its_contrast(diameter: float, spacing: float) -> None:
    nodule = Nodule(y_px=40.3, x_px=39.6, diameter_mm=diameter, per_mm=3.0)
    added = shadow(nodule, (80, 80), spacing, 0.6)
    assert added.sum() * spacing**2 == pytest.approx(np.pi / 6 * diameter**3 * 3.0, rel=0.01)
    y, x = np.mgrid[:80, :80]
    assert (added * y).sum() / added.sum() == pytest.approx(40.3, abs=0.05)
    assert (added * x).sum() / added.sum() == pytest.approx(39.6, abs=0.05)


def test_a_diameter_in_pixels_is_millimetres_over_spacing() -> None:
    added = shadow(Nodule(y_px=50, x_px=50, diameter_mm=20, per_mm=3.0), (101, 101), 0.5, 0.05)
    assert np.count_nonzero(added[50] > 1) == pytest.approx(20 / 0.5, abs=2)
    assert added.max() == pytest.approx(60, rel=0.01)


def test_an_outline_varies_by_its_stated_amount() -> None:
    angle = np.linspace(0, 2 * np.pi, 2000)
    waves = outline(np.random.default_rng(3), 0.08)
    radius = sum(a * np.cos(k * angle + p) for k, (a, p) in enumerate(waves, start=2))
    assert np.std(radius) == pytest.approx(0.08, rel=0.02)


def test_a_pair_is_the_same_film_outside_of_the_nodule(films: StudyFilms) -> None:
    nodule = nodule_at(films, 0, Condition("dense", 10), 1, CONFIG)
    near = nodule_film(films, 0, nodule, 1, CONFIG).astype(int)
    plain = untouched_film(films, 0, CONFIG).astype(int)
    y, x = np.mgrid[:576, :576]
    far = np.hypot(y - nodule.y_px, x - nodule.x_px) > 12 / 0.7 + 8 * 1.5
    assert np.array_equal(near[far], plain[far])
    assert near[round(nodule.y_px), round(nodule.x_px)] - plain[round(nodule.y_px), round(nodule.x_px)] > 8


def test_pairs_match_across_diameters_and_arms(films: StudyFilms) -> None:
    small, large, soft = (
        nodule_at(films, 3, condition, 2, CONFIG)
        for condition in (Condition("dense", 4), Condition("dense", 20), Condition("soft", 10))
    )
    assert (small.y_px, small.x_px, small.per_mm, small.waves) == (large.y_px, large.x_px, large.per_mm, large.waves)
    assert (soft.y_px, soft.x_px) == (small.y_px, small.x_px)
    assert soft.per_mm <= CONFIG.soft_per_mm[1] <= CONFIG.dense_per_mm[0] <= small.per_mm
    assert nodule_at(films, 3, Condition("dense", 4), 1, CONFIG).y_px != small.y_px


def test_the_sham_adds_less_than_half_a_gray_level(films: StudyFilms) -> None:
    nodule = nodule_at(films, 0, CONFIG.conditions[-1], 1, CONFIG)
    added = shadow(nodule, (576, 576), 0.7, CONFIG.edge_sigma_mm)
    assert 0 < added.max() < 0.5
    changed = insert(films.pixels[0], added, np.random.default_rng(0)).astype(int) - films.pixels[0]
    assert set(np.unique(changed)) <= {0, 1}
    assert changed.sum() == pytest.approx(added.sum(), rel=0.4)


def test_random_rounding_keeps_the_mean() -> None:
    film = np.full((200, 200), 100, np.uint8)
    assert insert(film, np.full(film.shape, 0.3), np.random.default_rng(0)).mean() == pytest.approx(100.3, abs=0.02)
    assert np.array_equal(insert(film, np.zeros(film.shape), np.random.default_rng(0)), film)


def test_the_jpeg_keeps_the_shape_and_nearly_the_pixels(films: StudyFilms) -> None:
    again = recompressed(films.pixels[0], CONFIG.jpeg_quality)
    assert again.shape == (576, 576)
    assert abs(again.astype(int) - films.pixels[0]).mean() < 4


def test_the_lung_field_covers_the_lungs_and_not_the_air_beside_the_body(films: StudyFilms) -> None:
    y, x = np.mgrid[:576, :576] / 576
    truth = sum(((x - c) / 0.13) ** 2 + ((y - 0.42) / 0.27) ** 2 < 1 for c in (0.32, 0.68)) > 0
    for field in films.lungs:
        assert (field & truth).sum() > 0.9 * truth.sum()
        assert (field & ~truth).sum() < 0.05 * truth.sum()


def test_every_centre_keeps_its_margin(films: StudyFilms) -> None:
    for row in range(len(films)):
        nodule = nodule_at(films, row, Condition("dense", 6), 1, CONFIG)
        assert films.room[row][round(nodule.y_px), round(nodule.x_px)]


def test_a_blank_film_has_no_lung() -> None:
    blank = np.random.default_rng(0).normal(128, 2, (576, 576)).astype(np.uint8)
    assert lung_field(blank).mean() < 0.5


def test_positions_are_in_the_lung_and_nodules_find_theirs(films: StudyFilms) -> None:
    positions = lung_positions(films.lungs, 32)
    assert positions.starts[-1] == len(positions.cell)
    nodules = tuple(nodule_at(films, row, Condition("dense", 20), 1, CONFIG) for row in range(len(films)))
    for row, found in enumerate(places(nodules, positions, films.mm_per_px, 576)):
        cells = positions.cell[found]
        assert len(found) >= 1 and set(found) <= set(range(positions.starts[row], positions.starts[row + 1]))
        far = np.hypot((cells // 32 + 0.5) * 18 - nodules[row].y_px, (cells % 32 + 0.5) * 18 - nodules[row].x_px)
        assert far.max() <= 20 / 2 / 0.7 + 13


def _stacks(films: StudyFilms, strength: float, only: int | None = None) -> tuple[Stack, Stack]:
    """Channels of noise. Nodules add `strength` to one channel, in all films or only in those of one fold."""
    rng = np.random.default_rng(5)
    positions = lung_positions(films.lungs, 32)
    plain = rng.normal(size=(len(positions.cell), 6)).astype(np.float16)
    marked = plain.copy()
    nodules = tuple(nodule_at(films, row, Condition("dense", 20), 1, CONFIG) for row in range(len(films)))
    for row, own in enumerate(places(nodules, positions, films.mm_per_px, 576)):
        if only is None or films.fold[row] == only:
            marked[own, 2] += np.float16(strength)
    return Stack(maps=plain, nodules=(), trained=False), Stack(maps=marked, nodules=nodules, trained=True)


def _fit(films: StudyFilms, plain: Stack, marked: Stack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    positions = lung_positions(films.lungs, 32)
    head = fit(
        plain, [marked], positions, films.fold, films.mm_per_px, 576, shrinkage=0.05, pull=0.01, hardest=8
    )  # fmt: skip
    scores = [out_of_fold(stack, positions, head, films.fold) for stack in (plain, marked)]
    return scores[0], scores[1], head.weight


def test_the_head_detects_unseen_nodules(films: StudyFilms) -> None:
    plain, marked, _ = _fit(films, *_stacks(films, 8.0))
    assert marked.min() > plain.max()


def test_no_patient_trains_the_head_that_scores_this_patient(films: StudyFilms) -> None:
    plain, marked = _stacks(films, 8.0)
    _, _, weight = _fit(films, plain, marked)
    positions = lung_positions(films.lungs, 32)
    spoiled = Stack(maps=marked.maps.copy(), nodules=marked.nodules, trained=True)
    for row in np.flatnonzero(films.fold == 2):
        spoiled.maps[positions.of(row)] *= -3
    _, _, other = _fit(films, plain, spoiled)
    assert np.array_equal(weight[:, 2], other[:, 2])
    assert not np.array_equal(weight[:, 1], other[:, 1])
    for number in np.unique(films.fold):
        inside = films.fold == number
        assert not set(films.patients[inside]) & set(films.patients[~inside])


def test_an_inconsistent_config_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "training" / "configs" / "study-nodules.toml").read_text()
    for old, new, said in (
        ("sham_levels = 0.4", "sham_levels = 0.5", "sham_levels"),
        ("floor_mm = [6, 8, 10]", "floor_mm = [7]", "floor_mm"),
        ("enlarged_px = 256", "enlarged_px = 255", "enlarged_px"),
        ('view = "PA"\n', "", "lacks view"),
        ('view = "PA"\n', 'view = "PA"\nveiw = 1\n', "unknown keys veiw"),
    ):
        (tmp_path / "study.toml").write_text(text.replace(old, new))
        with pytest.raises(BadConfig, match=said):
            StudyConfig.load(tmp_path / "study.toml")


def test_the_cache_key_has_the_inputs_of_the_maps() -> None:
    assert CONFIG.digest() == replace(CONFIG, floor_margin=0.5, placements=(1,)).digest()
    assert CONFIG.digest() != replace(CONFIG, edge_sigma_mm=0.7).digest()
    assert CONFIG.digest() != replace(CONFIG, seed=1).digest()
