from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.films import FINDINGS
from alara_train.evaluate.scored import VariantScores
from alara_train.json_file import check_schema
from alara_train.report.catalog import check_catalog

COUNT = 240


def keep_scores(folder: Path, variant: str, resolution: int, precision: str) -> None:
    rng = np.random.default_rng(resolution)
    labels = (rng.random((COUNT, len(FINDINGS))) < 0.4).astype(np.int64)
    words = np.array(["x"] * COUNT)
    VariantScores(
        variant=variant,
        resolution=resolution,
        precision=precision,
        logits=labels + rng.normal(size=labels.shape),
        labels=labels,
        patients=np.array([f"p{i // 2}" for i in range(COUNT)]),
        fold=np.arange(COUNT) // 2 % 5,
        split=words,
        view=words,
        sex=words,
        age=np.full(COUNT, 50),
        collection=words,
    ).save(folder / f"scores-{variant}.npz")


def test_calibrate_writes_a_catalog_that_matches_its_contract(family: Path, schemas: Path, tmp_path: Path) -> None:
    catalog = json.loads((family / "catalog.json").read_text())
    catalog["variants"] = [v for v in catalog["variants"] if v["resolution"] == 256]
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    verb = ["calibrate", str(tmp_path), "--family", str(tmp_path), "--bootstraps", "60", "--schemas", str(schemas)]
    assert CliRunner().invoke(app, verb).exit_code == 2
    for v in catalog["variants"]:
        keep_scores(tmp_path, v["id"], v["resolution"], v["precision"])
    done = CliRunner().invoke(app, verb)
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "catalog.json").read_text())
    check_schema(written, schemas / "catalog.schema.json")
    check_catalog(written)
    for old, new in zip(catalog["variants"], written["variants"], strict=True):
        assert old["sha256"] == new["sha256"]
        assert all(old["heads"][f]["calibration"] != new["heads"][f]["calibration"] for f in FINDINGS)
        assert new["heads"]["Mass"]["auroc"]["positives"] < COUNT
