"""Decoding at lower resolutions: the resolutions themselves, and their comparison with the full size."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alara_train.data.films import FINDINGS
from alara_train.data.pixels import OVERSAMPLING, halvings
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.study.decoding import ARMS, FORMATS, ProgramMissing, box, detector, run_decoding, wavelet
from alara_train.study.stored_values import Stored

ROOT = Path(__file__).parents[3]
CONFIG = replace(FamilyConfig.load(ROOT / "training" / "configs" / "chest14.toml"), bootstraps=20)
needs_openjph = pytest.mark.skipif(shutil.which("ojph_compress") is None, reason="apt-get install openjph-tools")


def noise(height: int, width: int, top: int = 4095) -> np.ndarray:
    return np.random.default_rng(3).integers(0, top + 1, (height, width)).astype(np.uint16)


@pytest.mark.parametrize(
    ("long_side", "side", "expected"),
    [(3056, 512, 0), (3056, 256, 1), (2457, 256, 1), (2456, 256, 0), (9831, 512, 2), (200, 512, 0)],
)
def test_the_longer_side_keeps_the_oversampling(long_side: int, side: int, expected: int) -> None:
    n = halvings(long_side, side)
    assert n == expected
    assert n == 0 or np.ceil(long_side / 2**n) >= OVERSAMPLING * side
    assert np.ceil(long_side / 2 ** (n + 1)) < OVERSAMPLING * side


def test_a_mean_of_squares_is_rounded_also_at_odd_edges() -> None:
    values = np.array([[1, 2, 10], [3, 5, 20], [7, 8, 65_535]], dtype=np.uint16)
    full, half, quarter = box(values, 2)
    assert full is values
    assert half.tolist() == [[3, 15], [8, 65_535]]
    assert quarter.tolist() == [[(3 + 15 + 8 + 65_535 + 2) // 4]]


@needs_openjph
@pytest.mark.parametrize("top", [4095, 65_535])
def test_a_lossless_wavelet_restores_the_film_and_halves_its_sides(top: int) -> None:
    values = noise(133, 201, top)
    levels = wavelet(values, top, 2, "-reversible", "true")
    assert np.array_equal(levels[0], values)
    assert [level.shape for level in levels] == [(133, 201), (67, 101), (34, 51)]
    for level in levels:
        assert abs(float(level.mean()) - float(values.mean())) < 0.02 * top


@needs_openjph
def test_every_format_shows_the_same_film_at_each_resolution() -> None:
    smooth = np.add.outer(np.arange(160.0), np.arange(120.0))
    stored = Stored(values=(8 * smooth + 500).astype(np.uint16), top=4095, window=(500, 2740), off=(500, 2740))
    for name, levels in FORMATS.items():
        full, half = levels(stored, 1)
        expected = full.values[::2, ::2].astype(float)
        assert np.abs(half.values[2:-2, 2:-2] - expected[2:-2, 2:-2]).max() <= 0.02 * full.top, name


def test_a_simulated_film_has_the_length_and_noise_of_a_detector() -> None:
    film = np.full((96, 72), 128, dtype=np.uint8)
    stored = detector(film, 960, np.random.default_rng(1))
    assert stored.values.shape == (960, 720)
    inner = stored.values[300:600, 300:500].astype(float)
    black, white = stored.window
    assert inner.std() == pytest.approx(1.5 / 255 * (white - black), rel=0.2)


@pytest.fixture
def data(tmp_path: Path, films: Path) -> Path:
    (tmp_path / "films").mkdir()
    rows = []
    [path] = sorted(films.glob("*.png"))[:1]
    for i in range(4):  # Both classes in each of two folds.
        shutil.copy(path, tmp_path / "films" / f"{i}.png")
        rows.append(f"{i}.png,p{i},PA,train,{i // 2},{','.join([str(i % 2)] * len(FINDINGS))}")
    (tmp_path / "labels.csv").write_text(
        "\n".join([f"image,patient,view,split,fold,{','.join(FINDINGS)}", *rows]) + "\n"
    )
    return tmp_path


def silent(rows: Iterable[int], _title: str) -> Iterable[int]:
    return rows


@needs_openjph
def test_the_table_has_one_row_per_arm_and_case(data: Path, family: Path) -> None:
    arms = (ARMS[0], ARMS[2])
    said = run_decoding(CONFIG, data, family, ["r256-int8"], long_side_px=1229, most=2, bar=silent, arms=arms)
    title, _, _, _, *rows = said.splitlines()
    assert title == "2 films of 2 patients, longer side 1229 px."
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [(row[0], row[2], row[3]) for row in cells] == [(name, "r256-int8", "1") for name, _ in arms]
    for row in cells:
        assert 0 < float(row[4].split()[0]) < 0.05
        assert row[-1] in ("yes", "no")


def test_a_missing_program_is_named(data: Path, family: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(data))
    with pytest.raises(ProgramMissing, match="ojph_compress is not installed: apt-get install openjph-tools"):
        run_decoding(CONFIG, data, family, ["r256-int8"], long_side_px=1229, most=2, bar=silent)
