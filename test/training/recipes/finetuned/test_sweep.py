from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from stand_in import CONFIG, changed, stand_in
from typer.testing import CliRunner

from alara_train.cli import main as cli
from alara_train.data.films import FINDINGS
from alara_train.data.prepare.prepared import Prepared
from alara_train.recipes.finetuned.sweep import EightyTwenty, cells
from alara_train.toml_file import BadConfig


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    torch.set_num_threads(1)
    monkeypatch.setattr(Prepared, "open", lambda _: stand_in(90))
    return cli.app


def run(app: typer.Typer, *words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_sweep_trains_measures_and_plots_each_side_once(app: typer.Typer, tmp_path: Path) -> None:
    config, out = tmp_path / "config.toml", tmp_path / "sweep"
    config.write_text(changed(epochs=1, warmup_epochs=0.0, scored="last").toml())
    words = ("sweep", config, "--data", tmp_path, "--out", out, "--sides", "32,64", "--bootstraps", 50, "--binary")
    words = (*words, "--findings", "Mass,Edema", "--name", "made films", "--device", "cpu")
    first = run(app, *words)
    assert first.exit_code == 0, first.output
    record = json.loads((out / "sweep.json").read_text())
    assert record["sidesPx"] == [32, 64]
    assert set(record["findings"]) == {"Mass", "Edema"}
    assert record["selectedOnScoredFilms"] is False
    for finding in record["findings"].values():
        for measured in finding["bySide"].values():
            assert measured["ci95"][0] <= measured["value"] <= measured["ci95"][1]
        assert set(finding["againstReference"]) == {"32"}
    svg = (out / "sweep.svg").read_text()
    assert "made films" in svg
    assert "Edema" in svg
    stamps = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*") if path.is_file()}
    assert len([path for path in stamps if path.name == "done.json"]) == 4
    assert run(app, *words).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert json.loads((out / "sweep.json").read_text()) == record
    assert (out / "sweep.svg").read_text() == svg


def test_a_sweep_over_folds_scores_every_film_once_and_compares_with_the_reference(
    app: typer.Typer, tmp_path: Path
) -> None:
    config, out = tmp_path / "config.toml", tmp_path / "work"
    config.write_text(changed(epochs=1, warmup_epochs=0.0, scored="last").toml())
    words = (
        "sweep",
        config,
        "--data",
        tmp_path,
        "--out",
        out,
        "--sides",
        "32,64",
        "--bootstraps",
        50,
        "--device",
        "cpu",
    )
    made = run(app, *words, "--split", "folds", "--reference", 32)
    assert made.exit_code == 0, made.output
    record = json.loads((out / "sweep.json").read_text())
    films = stand_in(90).films
    inside = films.fold >= 0
    assert record["split"] == "cross-validation by patient"
    assert record["data"]["scoredFilms"] == int(inside.sum())
    assert record["referencePx"] == 32
    # Independent of the code under test: the runs' own scores, in the order of the folds.
    tables = [np.load(out / "runs" / "64px" / f"fold-{fold}" / "scores.npz") for fold in films.folds]
    own = [table["split"] == "val" for table in tables]
    logits = np.concatenate([table["logits"][rows] for table, rows in zip(tables, own, strict=True)])
    labels = np.concatenate([table["labels"][rows] for table, rows in zip(tables, own, strict=True)])
    mass = FINDINGS.index("Mass")
    with_mass, without = logits[labels[:, mass] == 1, mass], logits[labels[:, mass] == 0, mass]
    higher = (with_mass[:, None] > without).mean() + (with_mass[:, None] == without).mean() / 2
    finding = record["findings"]["Mass"]
    assert finding["bySide"]["64"]["value"] == pytest.approx(higher, abs=1e-6)
    difference = finding["bySide"]["64"]["value"] - finding["bySide"]["32"]["value"]
    assert set(finding["againstReference"]) == {"64"}
    assert finding["againstReference"]["64"]["value"] == pytest.approx(difference, abs=1e-6)
    assert set(finding["withinStrata"]["bySide"]) == {"32", "64"}
    means = [
        one["withinStrata"]["bySide"]["64"]["value"] for one in record["findings"].values() if "withinStrata" in one
    ]
    assert record["mean"]["withinStrata"]["bySide"]["64"]["value"] == pytest.approx(np.mean(means), abs=1e-6)
    again = run(app, "train", config, "--data", tmp_path, "--run", tmp_path / "first", "--cross-validate")
    assert again.exit_code == 0, again.output
    started = (*words[:5], tmp_path / "later", *words[6:], "--split", "folds", "--first", tmp_path / "first")
    assert run(app, *started).exit_code == 0
    assert "from random weights, for 1 epoch at" in json.loads((tmp_path / "later" / "sweep.json").read_text())["start"]
    alone = run(app, *words, "--first", tmp_path / "first")
    assert alone.exit_code == 2
    assert "--first needs --split folds" in alone.output
    refused = run(app, *words, "--split", "folds", "--reference", 48)
    assert refused.exit_code == 2
    assert "--reference is one of the sides 32, 64, not 48" in refused.output


def test_train_runs_every_fold_and_reports_errors(app: typer.Typer, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(changed(epochs=1, warmup_epochs=0.0, scored="last").toml())
    words = ("train", config, "--data", tmp_path, "--run", tmp_path / "runs", "--device", "cpu")
    told = run(app, *words, "--cross-validate")
    assert told.exit_code == 0, told.output
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["all", "fold-0", "fold-1", "fold-2"]
    config.write_text(config.read_text().replace("seed", "sede"))
    refused = run(app, *words)
    assert refused.exit_code == 2
    assert "lacks seed" in refused.output


def test_a_fifth_of_the_patients_is_held_out_independent_of_other_data() -> None:
    data = EightyTwenty(stand_in(900), seed=1)
    split = dict(zip(data.films.names, data.split.tolist(), strict=True))
    assert 0.1 < list(split.values()).count("val") / 900 < 0.3
    fewer = EightyTwenty(stand_in(300), seed=1)
    assert all(split[n] == s for n, s in zip(fewer.films.names, fewer.split.tolist(), strict=True))


def test_an_inconsistent_sweep_is_refused() -> None:
    with pytest.raises(BadConfig, match="each once"):
        cells(CONFIG, (32, 32), (), Path("out"))
    with pytest.raises(BadConfig, match="32 to 1024"):
        cells(CONFIG, (16,), (), Path("out"))
    with pytest.raises(BadConfig, match="Cough"):
        cells(CONFIG, (64,), ("Cough",), Path("out"))
    with pytest.raises(BadConfig, match="fold = -1"):
        cells(changed(fold=1), (64,), (), Path("out"))
