from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alara_train.data.pixels import UnreadableFilm, decode, resized, tensor


@pytest.mark.parametrize(
    ("shape", "inner"), [((100, 200), (32, 64)), ((200, 100), (64, 32)), ((3, 1000), (1, 64)), ((64, 64), (64, 64))]
)
def test_a_film_is_fitted_into_the_square_and_centred_on_black(shape: tuple[int, int], inner: tuple[int, int]) -> None:
    out = resized(np.full(shape, 200, dtype=np.uint8), 64)
    assert out.shape == (64, 64)
    rows, columns = np.flatnonzero(out.any(axis=1)), np.flatnonzero(out.any(axis=0))
    assert (len(rows), len(columns)) == inner
    assert rows[0] == (64 - inner[0]) // 2
    assert columns[0] == (64 - inner[1]) // 2
    assert set(np.unique(out)) <= {0, 200}


def test_sixteen_bits_stay_sixteen_bits() -> None:
    out = resized(np.full((80, 80), 40_001, dtype=np.uint16), 64)
    assert out.dtype == np.uint16
    assert out == pytest.approx(40_001, rel=2e-3)  # libvips resizes ushort with fixed-point weights
    assert tensor(out[None], 0.0, 1.0)[0, 0, 0, 0] == pytest.approx(out[0, 0] / 65_535, abs=1e-7)


def test_normalisation_uses_the_full_range_of_the_depth() -> None:
    x = tensor(np.array([[[0, 255]]], dtype=np.uint8), 0.5, 0.25)
    assert x.shape == (1, 1, 1, 2)
    assert x.ravel().tolist() == [-2.0, 2.0]


def test_rgba_becomes_one_band_and_exif_rotates_the_film(films: Path) -> None:
    assert decode(films / "00000100_000.png").bands == 1
    turned = decode(films / "derived_exif6.jpg")
    upright = decode(films / "nih_00000442_000.jpg").crop(0, 30, 576, 500)
    assert (turned.width, turned.height) == (576, 500)
    assert abs(turned.numpy().astype(int) - upright.numpy().astype(int)).mean() < 2


def test_text_and_truncated_files_are_unreadable(films: Path) -> None:
    with pytest.raises(UnreadableFilm):
        decode(b"not an image")
    with pytest.raises(UnreadableFilm):
        decode((films / "00000442_000.png").read_bytes()[:50_000])
