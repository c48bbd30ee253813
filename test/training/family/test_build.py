"""`alara-train family` from films to a complete family, at a size below every published floor, and a second run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import pyvips
from damage import one_bit_turned
from test_pipeline import film_of, succeeds
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.films import FINDINGS
from alara_train.family.build import is_complete

ORIGIN = "".join(f'{word} = "Gratings"\n' for word in ("dataset", "licence", "citation", "acknowledgement", "link"))
ROOT = Path(__file__).parents[3]
SMALLER = {
    "[256, 320, 448, 512]": "[64]",
    '["fp32", "int8"]': '["fp32"]',
    "bootstraps = 2000": "bootstraps = 20",
    "gate_films = 280": "gate_films = 8",
    "gate_made = 700": "gate_made = 14",
    "gate_directions = 64": "gate_directions = 8",
}


def write_collection(place: Path) -> None:
    """`labels.csv`, `films/` and `c.toml`."""
    rng = np.random.default_rng(1)
    (place / "films").mkdir()
    lines = [f"image,patient,view,fold,{','.join(FINDINGS)}"]
    for row in range(90):
        has = rng.random(len(FINDINGS)) < 0.3
        pyvips.Image.new_from_array(film_of(has, rng)).copy(interpretation="b-w").write_to_file(
            str(place / "films" / f"{row}.png")
        )
        lines.append(f"{row}.png,p{row},PA,{row % 3},{','.join(map(str, has.astype(int)))}")
    (place / "labels.csv").write_text("\n".join(lines) + "\n")
    config = (ROOT / "training" / "configs" / "chest14.toml").read_text()
    for old, new in SMALLER.items():
        assert old in config
        config = config.replace(old, new)
    (place / "c.toml").write_text(config)


@pytest.mark.long
def test_a_small_family_is_complete_and_damaged_features_are_computed_again(tmp_path: Path) -> None:
    write_collection(tmp_path)
    out, cache = tmp_path / "chest14", tmp_path / "cache"
    command = ["family", str(tmp_path / "c.toml"), "--data", str(tmp_path), "--out", str(out)]
    (tmp_path / "origin.toml").write_text(ORIGIN)
    command += [
        "--origin",
        str(tmp_path / "origin.toml"),
        "--cache",
        str(cache),
        "--schemas",
        str(ROOT / "models" / "schema"),
        "--threads",
        "1",
    ]
    assert "r64-fp32: mean AUROC" in succeeds(CliRunner().invoke(app, command))
    assert is_complete(out)
    assert json.loads((out / "catalog.json").read_text())["provenance"]["dataset"] == "Gratings"
    assert "NIH" not in (out / "card.md").read_text()
    policy = json.loads((out / "policy.json").read_text())
    assert all(rule.get("minResolution", 0) <= 64 for rule in policy["rules"].values())
    kept = cache / "features-r64-fp32.npz"
    before, pixels = kept.read_bytes(), (cache / "pixels-64.npy").stat().st_mtime_ns
    one_bit_turned(kept)
    succeeds(CliRunner().invoke(app, command))
    assert kept.read_bytes() == before
    assert (cache / "pixels-64.npy").stat().st_mtime_ns == pixels
