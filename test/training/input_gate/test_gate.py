from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from alara_train.data.pixels import Film, decode, resized
from alara_train.input_gate import samples as material
from alara_train.input_gate.gate import choose_limits
from alara_train.input_gate.samples import Sample
from alara_train.serve import open_variants, read


@pytest.fixture(scope="module")
def refused(family: Path):  # noqa: ANN201
    catalog = json.loads((family / "catalog.json").read_text())
    variant = next(v for v in catalog["variants"] if v["id"] == "r256-int8")
    limits = catalog["quality"]["limits"][variant["id"]]
    run = open_variants(family, {"variants": [variant]})[variant["id"]]

    def decide(source: Path | Film) -> bool:
        gate = read(run, variant, catalog["findings"], resized(source, variant["resolution"])).gate
        return bool(softmax(gate[:-1])[0] < limits["minScore"] or gate[-1] > limits["maxDistance"])

    return decide


@pytest.mark.parametrize(
    "name",
    ["00000100_000.png", "00003272_000.png", "derived_16bit.png", "derived_crop_1024x800.png", "derived_exif6.jpg"],
)
def test_frontal_films_pass(refused, films: Path, name: str) -> None:  # noqa: ANN001
    assert not refused(films / name)


def test_rotated_and_inverted_films_are_refused(refused, films: Path) -> None:  # noqa: ANN001
    film = decode(films / "00000442_000.png").numpy()
    assert refused(np.rot90(film).copy())
    assert refused(np.rot90(film, 2).copy())
    assert refused(255 - film)


@pytest.mark.parametrize("name", ["camera.png", "page.png", "china.jpg"])
def test_photographs_are_refused(refused, name: str) -> None:  # noqa: ANN001
    assert refused(material.packaged(name))


def test_drawings_and_blank_films_are_refused(refused) -> None:  # noqa: ANN001
    rng = np.random.default_rng(1)
    for make in material.HELD_OUT.values():
        assert refused(make(rng))
    assert refused(np.zeros((300, 300), dtype=np.uint8))


def test_the_measured_samples_are_not_in_the_fitted_ones() -> None:
    assert not set(material.FITTED) & set(material.HELD_OUT)
    held_out = {*material.PHOTOGRAPHS_HELD_OUT, *material.PICTURES_HELD_OUT}
    assert not set(material.PHOTOGRAPHS_FITTED) & held_out


def test_samples_are_fixed_by_their_seed() -> None:
    def make() -> list[Sample]:
        return list(material.fitted_others(20, np.random.default_rng(3)))

    for a, b in zip(make(), make(), strict=True):
        assert (a.pixels == b.pixels).all()


def test_limits_refuse_the_requested_fraction() -> None:
    rng = np.random.default_rng(2)
    scores, distances = rng.uniform(0.2, 1, 1000), rng.normal(1, 0.1, 1000)
    limits = choose_limits(scores, distances, np.full(50, 3.0), refusals=0.01)
    assert (scores < limits.min_score).mean() == pytest.approx(0.01, abs=0.002)
    assert np.quantile(distances, 0.99) < limits.max_distance < 3.0
