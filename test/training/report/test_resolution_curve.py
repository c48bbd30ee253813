"""From the record of a sweep to the curve of a catalog and a card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from alara_train.data.films import BadData
from alara_train.family.report import attach_curve
from alara_train.json_file import BadDocument
from alara_train.report.catalog import read_family
from alara_train.report.resolution_curve import catalog_curve, curve, curve_section

ROOT = Path(__file__).parents[3]


def parts(small: list[float], inside: list[float]) -> dict[str, Any]:
    """AUROC at 64 and 256 px, with the difference and its interval over all films and within strata."""

    def part(difference: list[float]) -> dict[str, Any]:
        value, low, high = difference
        return {
            "bySide": {
                "64": {"value": 0.7 + value, "ci95": [0.6, 0.75]},
                "256": {"value": 0.7, "ci95": [0.65, 0.7400004]},
            },
            "againstReference": {"64": {"value": value, "ci95": [low, high]}},
        }

    return {**part(small), "withinStrata": part(inside)}


def sweep(small: list[float], inside: list[float]) -> dict[str, Any]:
    return {
        "schema": "alara.sweep/2",
        "data": {"name": "made", "scoredFilms": 90, "scoredPatients": 60, "splitDigest": ""},
        "backbone": "efficientnet-lite0",
        "start": "from imagenet weights, for 5 epochs at 160 px and then",
        "epochs": 2,
        "networks": "one for all findings",
        "selectedOnScoredFilms": False,
        "bootstraps": 50,
        "sidesPx": [64, 256],
        "referencePx": 256,
        "split": "cross-validation by patient",
        "findings": {"Nodule": {"positives": 30, "negatives": 60, **parts(small, inside)}},
        "mean": {"findings": 1, **parts(small, inside)},
    }


def test_a_curve_has_four_decimals_and_no_negative_zero() -> None:
    found = curve(sweep([-0.00004999, -0.00006, 0.01], [-0.1, -0.2, -0.01]))
    assert json.dumps(found["mean"]["againstReference"]["64"]) == '{"value": 0.0, "ci95": [-0.0001, 0.01]}'
    assert found["findings"]["Nodule"]["withinStrata"]["againstReference"]["64"]["value"] == -0.1
    assert found["what"].endswith("not corrected for the number of comparisons")
    chosen = {**sweep([0, 0, 0], [0, 0, 0]), "selectedOnScoredFilms": True, "epochs": 1}
    assert "for 1 epoch at each size; cross-validation by patient; the epoch was chosen on" in curve(chosen)["what"]


def test_the_card_says_by_the_intervals_within_strata_what_is_shown() -> None:
    shown = "\n".join(curve_section({"resolutionCurve": curve(sweep([0.1, 0.05, 0.2], [-0.1, -0.2, -0.01]))}))
    assert "A lower mean than 256 px is shown for 64 px; a higher mean than 256 px is shown for no size" in shown
    assert "differs from that" not in shown
    unknown = "\n".join(curve_section({"resolutionCurve": curve(sweep([0.1, 0.05, 0.2], [-0.1, -0.2, 0.01]))}))
    assert "is shown for no size; a higher mean than 256 px is shown for no size" in unknown
    assert "whether the mean at 64 px differs from that at 256 px is not shown" in unknown
    assert curve_section({}) == []


def test_a_family_gets_the_curve_its_figure_and_a_valid_catalog(tmp_path: Path) -> None:
    family = tmp_path / "chest14"
    family.mkdir()
    (family / "figures").mkdir()
    for name in ("catalog.json", "policy.json", "evaluation.json"):
        shutil.copy(ROOT / "models" / "chest14" / name, family)
    record, before = sweep([-0.1, -0.2, -0.05], [-0.1, -0.2, -0.01]), (family / "catalog.json").read_bytes()
    with pytest.raises(BadData, match="other patients or folds"):
        attach_curve(record, family)
    split = json.loads(before)["provenance"]["splitDigest"]
    record["data"]["splitDigest"] = split
    with pytest.raises(BadDocument):
        attach_curve({**record, "sidesPx": [256]}, family)
    assert (family / "catalog.json").read_bytes() == before
    assert not (family / "sweep.json").exists()
    attach_curve(record, family)
    [catalog] = read_family(family, "catalog")
    assert catalog["resolutionCurve"] == catalog_curve(family, split)["resolutionCurve"] == curve(record)
    # A family that is built again on other films does not get this curve.
    assert catalog_curve(family, "0" * 64) == {}
    assert json.loads((family / "sweep.json").read_text()) == record
    assert "<svg" in (family / "figures" / "sweep.svg").read_text()
    assert "for 5 epochs at 160 px and then for 2 epochs at each size" in (family / "card.md").read_text()
