"""The independent check agrees with what alara_train publishes, and sees a number that does not follow."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from recompute import recompute
from test_evaluation import FILMS, a_catalog
from test_evaluation import family as made_family

from alara_train.evaluate.measure import measure
from alara_train.evaluate.scores_file import scores_document, write_scores
from alara_train.json_file import write_json
from alara_train.report.evaluation import dumps, evaluation
from alara_train.report.policy import cheapest_policy, derive_policy, write_policies


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family whose larger size is better for Mass; logits in float32, as scores.json holds them."""
    folder = tmp_path_factory.mktemp("made")
    variants = [dataclasses.replace(v, logits=v.logits.astype(np.float32).astype(np.float64)) for v in made_family()]
    measured = measure(variants, draws=1000, seed=3)
    catalog = a_catalog()
    document = json.loads(dumps(evaluation(measured, family="made", date="2026-11-30", margin=0.02)))
    own = derive_policy(catalog, document, margin=0.02)
    write_json(catalog, folder / "catalog.json")
    write_json(document, folder / "evaluation.json")
    write_policies(own, cheapest_policy(catalog, document, own), folder)
    write_scores(scores_document(variants, [f"{k:016x}" for k in range(FILMS)], "made"), folder / "scores.json")
    return folder


def test_a_family_follows_from_its_scores(published: Path) -> None:
    report = recompute(published)
    assert report.disagreements == []
    assert report.skipped == []
    assert {"withinStrata", "calibration error", "threshold", "rule of the family's policy"} <= report.compared.keys()


def test_a_number_that_does_not_follow_is_named(published: Path, tmp_path: Path) -> None:
    spoilt = {
        "auroc": ("evaluation", "variants.r512-int8.findings.Edema.auroc.value"),
        "calibration error": ("evaluation", "variants.r512-int8.findings.Edema.ece.after"),
        "withinStrata": ("evaluation", "variants.r256-fp32.findings.Mass.withinStrata.value"),
        "sensitivity": ("evaluation", "variants.r256-fp32.findings.Mass.operatingPoints.specific.sensitivity.value"),
        "floor of cheapest": ("policies/cheapest", "rules.Mass.minResolution"),
        "rule of the family's policy": ("policy", "rules.Nodule.minResolution"),
    }
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    for name, path in spoilt.values():
        document = json.loads((tmp_path / f"{name}.json").read_text())
        *parents, last = path.split(".")
        target = document
        for key in parents:
            target = target[key]
        target[last] = 256 if last == "minResolution" else target[last] - 0.05
        write_json(document, tmp_path / f"{name}.json")
    assert {text.split(",")[0] for text in recompute(tmp_path).disagreements} == spoilt.keys()


def test_the_bundled_family_follows_from_its_scores(family: Path) -> None:
    assert recompute(family).disagreements == []
