"""Simulated stored values: the window restores the film, and the robustness of each rendering."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alara_train.data.films import Films
from alara_train.data.pixels import decode, resized
from alara_train.evaluate.operating import Threshold
from alara_train.networks.pooling import Scaler
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.ridge import Balance, Ridge
from alara_train.serve import open_variants, read
from alara_train.study.reader import VariantReader
from alara_train.study.rendering import choose, compare, out_of_fold, table
from alara_train.study.stored_values import ENDS, Stored, as_published, render, simulate

ROOT = Path(__file__).parents[3]
CONFIG = FamilyConfig.load(ROOT / "training" / "configs" / "chest14.toml")
ROBUST = "between extremes, percentile 0.1"


def chest(side: int = 200) -> np.ndarray:
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:side, :side] / side
    film = np.where(abs(x - 0.5) < 0.42, 190.0, 0.0)
    for centre in (0.32, 0.68):
        film[((x - centre) / 0.13) ** 2 + ((y - 0.42) / 0.27) ** 2 < 1] = 60
    film[:4, :4] = 255
    return np.clip(film + rng.normal(0, 3, film.shape), 0, 255).astype(np.uint8)


def plain(film: np.ndarray, low: int = 500, high: int = 3000) -> Stored:
    values = np.rint(low + film / 255 * (high - low)).astype(np.uint16)
    return Stored(values=values, top=4095, window=(low, high), off=(low + 100, high))


@pytest.mark.parametrize("seed", range(12))
def test_the_window_restores_a_film_without_overlays(seed: int) -> None:
    film = chest()
    stored = simulate(film, np.random.default_rng(seed))
    assert stored.top in (4095, 65_535) and stored.values.max() <= stored.top
    again = render(stored, "window") / 257
    kept = np.abs(again - film) < 1.5  # sixteenths of 12 bits are the coarsest steps
    assert kept.mean() > 0.65
    assert kept[40:160, 40:160].mean() > 0.99
    assert np.array_equal(stored.values, simulate(film, np.random.default_rng(seed)).values)


def test_a_published_film_uses_its_full_range() -> None:
    film = chest()
    assert np.array_equal(render(as_published(film), "full range"), film.astype(np.uint16) * 257)


def test_a_painted_frame_and_marker_change_min_and_max_but_not_the_values_between() -> None:
    clean = plain(chest())
    values = clean.values.copy()
    values[:15], values[-15:], values[:, :15], values[:, -15:] = 0, 0, 0, 0
    values[20:24, 20:30] = clean.top
    framed = replace(clean, values=values)
    low, high = ENDS["min to max"](framed)
    assert (low, high) == (0, 4095)
    assert ENDS[ROBUST](framed) == pytest.approx(ENDS[ROBUST](clean), abs=130)
    assert ENDS["percentile 0.5"](framed)[0] == 0


def test_a_film_of_one_value_has_no_contrast_in_any_rendering() -> None:
    flat = replace(plain(chest()), values=np.full((64, 64), 900, dtype=np.uint16))
    for arm in ENDS:
        assert np.ptp(render(flat, arm)) == 0


def test_sigmoid_is_one_half_at_the_centre_and_steepest_there() -> None:
    # PS3.3 C.11.2.1.3.1
    ramp = replace(plain(chest()), values=np.arange(4096, dtype=np.uint16)[None], window=(1000.0, 3000.0))
    curve = render(ramp, "sigmoid")[0].astype(float)
    assert curve[2000] == pytest.approx(65_535 / 2, abs=20)
    slopes = np.diff(curve[::200])
    assert int(np.argmax(slopes)) in (9, 10)  # from 1800 to 2200
    assert curve[3000] / 65_535 == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)


def test_the_reader_gates_and_calls_as_serving_does(family: Path, films: Path) -> None:
    reader = VariantReader(family, CONFIG, "r256-int8")
    path = sorted(films.glob("*.png"))[0]
    pixels = resized(path, 256)
    served = read(
        open_variants(family, reader.catalog)["r256-int8"], reader.variant, reader.catalog["findings"], pixels
    )
    evidence, distance_share, accepted = reader.evidence(decode(path).numpy())
    assert evidence.shape == (2 * sum(reader.widths), CONFIG.grid**2)
    assert accepted and distance_share == pytest.approx(served.gate[-1] / reader.limits["maxDistance"], rel=1e-6)
    threshold = [Threshold.of(reader.variant["heads"][f], "balanced") for f in reader.catalog["findings"]]
    assert reader.calls(np.array([t.high + 1e-6 for t in threshold])).tolist() == [2] * len(threshold)
    assert reader.calls(np.array([t.low - 1e-6 for t in threshold])).tolist() == [0] * len(threshold)
    assert not reader.evidence(np.full((300, 300), 9, dtype=np.uint8))[2]


def test_each_film_is_read_by_the_fold_that_did_not_see_it() -> None:
    scaler = Scaler(np.zeros(2, dtype=np.float32), np.ones(2, dtype=np.float32))
    ridges = {f: Ridge(Balance((1,), 0.3), scaler, np.full((2, 1), f, dtype=np.float32)) for f in (1, 2)}
    pooled = np.ones((3, 4, 1, 1), dtype=np.float32)
    assert out_of_fold(pooled, np.array([1, 2, 2, 1]), ridges)[:, :, 0].tolist() == [[2, 4, 4, 2]] * 3


def test_collections_are_drawn_up_to_a_number() -> None:
    films = Films(
        folder=ROOT, names=("f",) * 30, patients=np.array(["p"] * 30), labels=np.zeros((30, 14), dtype=np.int64),
        fold=np.zeros(30, dtype=np.int64), view=np.array(["PA"] * 30), collection=np.array(["a"] * 20 + ["b"] * 10),
    )  # fmt: skip
    drawn = choose(films, 12, 1)
    assert len(set(drawn.tolist())) == 22 and (drawn < 20).sum() == 12


def test_the_reference_equals_itself_and_noise_costs(family: Path, films: Path) -> None:
    reader = VariantReader(family, CONFIG, "r256-int8")
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, (80, 14))
    good = 0.02 * (labels + rng.normal(0, 0.5, labels.shape))
    patients = np.array([f"p{i // 2}" for i in range(80)])
    found = compare(reader, np.stack([good, rng.normal(0, 0.02, good.shape)]), labels, patients, 50, 1)
    assert not found["change"][0].any() and not found["moved"][0].any() and not found["flipped"][0].any()
    assert found["change"][1, 0] < -0.2 and (found["moved"][1] > 0).all()
    seen = reader.read_films([as_published(decode(sorted(films.glob("*.png"))[0]).numpy())], ["window", "full range"])
    lines = table(["window", "full range"], found, seen, seen).splitlines()
    assert lines[2].startswith("| window | ") and "| +0.000 [+0.000, +0.000] |" in lines[2]
    assert "1 of 1" in lines[3]
