from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from alara_train.family.golden import golden


def test_golden_files_are_current(family: Path, films: Path) -> None:
    folder = films.parent / "parity"
    kept = json.loads((folder / "golden.json").read_text())
    now, blobs = golden(family, films)
    assert kept["models"] == now["models"]
    assert [f["film"] for f in kept["films"]] == [f["film"] for f in now["films"]]
    for old, new in zip(kept["films"], now["films"], strict=True):
        assert old["sizes"] == new["sizes"]
        for variant, reading in new["variants"].items():
            assert reading["probabilities"] == pytest.approx(old["variants"][variant]["probabilities"], abs=1e-3)
    for name, blob in blobs.items():
        assert gzip.decompress((folder / "pixels" / name).read_bytes()) == gzip.decompress(blob)


def test_golden_probabilities_differ_between_films(films: Path) -> None:
    kept = json.loads((films.parent / "parity" / "golden.json").read_text())
    table = [[*film["variants"]["r512-int8"]["probabilities"].values()] for film in kept["films"]]
    assert np.ptp(table, axis=0).max() > 0.05
