"""From scores to a table, and from a table to a floor or to no floor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alara_train.report.resolution_floor import STUDY, catalog_floors, simulated_floor
from alara_train.study.config import StudyConfig
from alara_train.study.measure import auroc_estimates, differences, enlargement_control, floor_comparison, table

ROOT = Path(__file__).parents[3]
CONFIG = replace(StudyConfig.load(ROOT / "training" / "configs" / "study-nodules.toml"), bootstraps=200)


def study(verdicts: dict[int, str], sham: float = 0.5, low: float = 0.7) -> dict[str, Any]:
    return {
        "date": "2026-11-23",
        "films": 318,
        "sham": [{"reader": "r512", "auroc": {"value": sham, "ci95": [sham, sham]}}],
        "decisive": {
            "margin": 0.02,
            "auroc": {"r512": {"value": 0.75, "ci95": [low, 0.8]}},
            "differences": [{"resolution": s, "reference": 512, "verdict": v} for s, v in verdicts.items()],
        },
    }


GOOD, BAD, OPEN = "nonInferior", "inferior", "inconclusive"


@pytest.mark.parametrize(
    ("verdicts", "floor"),
    [
        ({256: BAD, 320: BAD, 448: GOOD}, 448),
        ({256: BAD, 320: OPEN, 448: GOOD}, 448),
        ({256: OPEN, 320: GOOD, 448: GOOD}, 320),
        ({256: GOOD, 320: GOOD, 448: GOOD}, 256),
        ({256: GOOD, 320: BAD, 448: GOOD}, 448),
        ({256: BAD, 320: BAD, 448: BAD}, 512),
        ({256: BAD, 320: OPEN, 448: OPEN}, None),
        ({256: OPEN, 320: OPEN, 448: OPEN}, None),
    ],
)
def test_the_floor_is_the_smallest_side_with_only_good_sides_above(verdicts: dict[int, str], floor: int | None) -> None:
    found = simulated_floor(study(verdicts))
    assert found.min_resolution == floor
    assert found.source == "study-nodules.json, 2026-11-23: simulated nodules on 318 films, not real labels"


def test_a_sham_apart_from_one_half_gives_no_floor() -> None:
    assert simulated_floor(study({256: BAD, 448: GOOD}, sham=0.509)).min_resolution == 448
    leaking = simulated_floor(study({256: BAD, 448: GOOD}, sham=0.6))
    assert leaking.min_resolution is None and "leak" in leaking.why


def test_equal_sizes_prove_nothing_if_the_largest_detects_nothing() -> None:
    blind = simulated_floor(study({256: GOOD, 448: GOOD}, low=0.52))
    assert blind.min_resolution is None and "hardly detects" in blind.why


def scores(gain: dict[str, float]) -> tuple[dict[str, np.ndarray], dict[tuple[str, str], list[np.ndarray]]]:
    rng = np.random.default_rng(2)
    plain = rng.normal(size=300)
    jitter = rng.normal(0, 0.1, (2, 300))
    untouched = {reader.name: plain for reader in CONFIG.readers}
    marked = {
        (reader.name, condition.name): [
            plain + (0 if condition.arm == "sham" else gain[reader.name]) + j for j in jitter
        ]
        for reader in CONFIG.readers
        for condition in CONFIG.conditions
    }
    return untouched, marked


def test_scores_become_a_table_with_paired_differences() -> None:
    gain = {"r256": 0.8, "r320": 1.0, "r448": 1.3, "r512": 1.3, "r256as512": 1.25}
    found = auroc_estimates(*scores(gain), np.array([f"p{i}" for i in range(300)]), CONFIG.bootstraps, 1)
    rows = table(found, CONFIG)
    assert len(rows) == len(CONFIG.conditions) * len(CONFIG.readers)
    for row in rows:
        low, high = row["auroc"]["ci95"]
        assert low <= row["auroc"]["value"] <= high
        if row["arm"] == "sham":
            assert row["auroc"]["value"] == pytest.approx(0.5, abs=0.01)
    decided = floor_comparison(found, CONFIG)
    assert {d["resolution"]: d["verdict"] for d in decided["differences"]} == {256: BAD, 320: BAD, 448: GOOD}
    for d in decided["differences"]:
        assert d["simultaneous95"][0] <= d["difference"] <= d["simultaneous95"][1]
    paired = next(d for d in differences(found, CONFIG) if d["reader"] == "r256" and d["diameterMm"] == 6)
    own = next(r for r in rows if r["reader"] == "r256" and r["diameterMm"] == 6)["auroc"]["ci95"]
    assert paired["ci95"][1] - paired["ci95"][0] < own[1] - own[0]
    assert enlargement_control(found, CONFIG)[0]["recoveredShare"] == pytest.approx(0.9, abs=0.08)


def test_the_published_study_is_consistent() -> None:
    document = json.loads((ROOT / "models" / "chest14" / "study-nodules.json").read_text())
    assert document["schema"] == "alara.study/1" and document["kind"] == "simulated"
    assert {"physics", "protocol", "table", "differences", "sham", "enlargedControl", "limits"} <= document.keys()
    assert {"date", "hardware", "seconds", "films", "patients"} <= document.keys()
    assert document["floor"] == simulated_floor(document).record()
    for row in document["table"]:
        assert row["auroc"]["ci95"][0] <= row["auroc"]["value"] <= row["auroc"]["ci95"][1]


def test_a_catalog_has_a_floor_only_if_the_study_gives_one(tmp_path: Path) -> None:
    assert catalog_floors(tmp_path) == {}
    record = {"floor": {"finding": "Nodule", "minResolution": None, "why": "inconclusive", "source": "a study"}}
    (tmp_path / STUDY).write_text(json.dumps(record))
    assert catalog_floors(tmp_path) == {}
    record["floor"]["minResolution"] = 448
    (tmp_path / STUDY).write_text(json.dumps(record))
    assert catalog_floors(tmp_path) == {"Nodule": {"minResolution": 448, "source": "a study"}}
