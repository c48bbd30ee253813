"""`alara-train family` from films to a complete family, at a size below every published floor, and a second run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
import torch
from damage import one_bit_turned
from stand_in import CONFIG
from test_pipeline import film_of, succeeds
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.films import FINDINGS
from alara_train.data.pixels import tensor
from alara_train.family.build import is_complete
from alara_train.networks.efficientnet_lite import Trunk, published_weights
from alara_train.networks.pooling import grid_shares
from alara_train.recipes.finetuned.load_runs import open_run
from alara_train.recipes.frozen.head import Evidence
from alara_train.recipes.frozen.trunk import average_with, load_published, serving_trunk, to_gray

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


def family_command(place: Path, *words: object) -> list[str]:
    (place / "origin.toml").write_text(ORIGIN)
    command = ["family", place / "c.toml", "--data", place, "--out", place / "chest14", "--cache", place / "cache"]
    command += ["--origin", place / "origin.toml", "--schemas", ROOT / "models" / "schema", "--threads", 1, *words]
    return [str(word) for word in command]


@pytest.mark.long
def test_a_small_family_is_complete_and_damaged_features_are_computed_again(tmp_path: Path) -> None:
    write_collection(tmp_path)
    out, cache, command = tmp_path / "chest14", tmp_path / "cache", family_command(tmp_path)
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


@pytest.mark.long
def test_a_small_family_on_trained_trunks_measures_each_fold_on_its_own_trunk(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    write_collection(tmp_path)
    run = replace(CONFIG, backbone="efficientnet-lite0", start="imagenet", epochs=1, warmup_epochs=0.0, scored="last")
    (tmp_path / "first.toml").write_text(replace(run, side_px=32).toml())
    (tmp_path / "run.toml").write_text(replace(run, frozen_stages=3).toml())
    settings = (tmp_path / "c.toml").read_text()
    (tmp_path / "c.toml").write_text(settings + "tuned_sides = [64]\n")
    refused = CliRunner().invoke(app, family_command(tmp_path))
    assert refused.exit_code == 2
    assert "tuned_sides and tuned_run need each other" in refused.output
    named = 'tuned_sides = [64, 96]\ntuned_run = "run.toml"\ntuned_first = "first.toml"\n'
    (tmp_path / "c.toml").write_text(settings + named)
    command, runs = family_command(tmp_path, "--jobs", 2), tmp_path / "cache" / "runs"
    assert "r64-fp32: mean AUROC" in succeeds(CliRunner().invoke(app, command))
    assert is_complete(tmp_path / "chest14")
    card = (tmp_path / "chest14" / "card.md").read_text()
    assert "from imagenet weights, for 1 epoch at 32 px and then for 1 epoch, one per size: 64, 96 px" in card
    assert sorted(path.name for path in (tmp_path / "cache").glob("features-*")) == [
        *(f"features-r64-fp32-fold-{fold}.npz" for fold in range(3)),
        "features-r64-fp32.npz",
    ]
    of_folds = [np.load(tmp_path / "cache" / f"features-r64-fp32-fold-{fold}.npz")["rows"] for fold in range(3)]
    assert len(of_folds[0]) == 90
    film = torch.from_numpy(tensor(np.load(tmp_path / "cache" / "pixels-64.npy")[:4]))
    shares = grid_shares(2, 2, 4)
    for fold, rows in enumerate(of_folds):
        checkpoints = [runs / side / f"fold-{fold}" / "best.pt" for side in ("64px", "96px")]
        trunk = serving_trunk("efficientnet-lite0", ("stage3", "stage5", "stage7"), None, checkpoints)
        with torch.no_grad():
            evidence = Evidence()(*trunk(film)).flatten(2).numpy() @ shares
        assert rows[:4] == pytest.approx(evidence, abs=1e-3 * float(np.abs(evidence).max()))
    assert np.abs(of_folds[0] - of_folds[1]).max() > 1e-2 * np.abs(of_folds[0]).max()
    # The trunk is the mean of ImageNet's and the trained ones.
    trunk = Trunk("efficientnet-lite0", ("stage7",))
    load_published(trunk, published_weights("efficientnet-lite0"))
    to_gray(trunk)
    every = [trunk._conv_head.weight.detach().clone()]
    every += [open_run(runs / side / "all").network.trunk.body._conv_head.weight.detach() for side in ("64px", "96px")]
    average_with(trunk, "efficientnet-lite0", [runs / side / "all" / "best.pt" for side in ("64px", "96px")])
    assert torch.allclose(trunk._conv_head.weight, torch.stack(every).mean(dim=0), atol=1e-6)
    assert not torch.allclose(every[1], every[2])
    stamps = {path: path.stat().st_mtime_ns for path in runs.rglob("best.pt")}
    assert len(stamps) == 12
    succeeds(CliRunner().invoke(app, command))
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    first = runs / "first" / "fold-0" / "best.pt"
    kept = first.read_bytes()
    first.write_bytes((runs / "first" / "fold-1" / "best.pt").read_bytes())
    changed = CliRunner().invoke(app, command)
    assert changed.exit_code == 2
    assert "was begun from other weights than" in " ".join(changed.output.split())
    first.write_bytes(kept)
    (tmp_path / "run.toml").write_text(replace(run, frozen_stages=3, lr=1e-5).toml())
    another = CliRunner().invoke(app, command)
    assert another.exit_code == 2
    assert "is a run of another config (it differs in lr)" in " ".join(another.output.split())
