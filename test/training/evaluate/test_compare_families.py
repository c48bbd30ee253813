"""Families on the same films, against scikit-learn and scipy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.films import Floats
from alara_train.evaluate.compare_families import FamilyScores, compare_families
from alara_train.evaluate.scored import BadScores, VariantScores
from alara_train.evaluate.scores_file import scores_document

FILMS, FINDINGS = 120, ("Mass", "Edema")
RNG = np.random.default_rng(4)
LABELS = (RNG.random((FILMS, 2)) < 0.3).astype(np.int64)
PATIENTS = np.array([f"p{i // 2}" for i in range(FILMS)])
FOLD = (np.arange(FILMS) // 2) % 3
VIEW = np.where(RNG.random(FILMS) < 0.5, "PA", "AP")
DIGESTS = [f"{i:016x}" for i in range(FILMS)]
GOOD = RNG.normal(size=(FILMS, 2)) + 1.2 * LABELS
POOR = RNG.normal(size=(FILMS, 2)) * 9 + 3 * LABELS


def document(logits: Floats, order: list[int] | None = None) -> dict[str, Any]:
    rows = order or list(range(FILMS))
    scored = VariantScores(
        variant="r256-fp32",
        resolution=256,
        precision="fp32",
        logits=logits[rows],
        labels=LABELS[rows],
        patients=PATIENTS[rows],
        fold=FOLD[rows],
        split=np.full(FILMS, "train"),
        view=VIEW[rows],
        sex=np.full(FILMS, "F"),
        age=np.full(FILMS, 50),
        collection=np.full(FILMS, "one"),
        findings=FINDINGS,
    )
    return scores_document([scored], [DIGESTS[row] for row in rows], "same")


def mean_auroc(scores: Floats) -> float:
    return float(np.mean([roc_auc_score(LABELS[:, j], scores[:, j]) for j in range(2)]))


def test_families_are_matched_by_film_and_compared_with_the_first() -> None:
    shuffled = np.random.default_rng(1).permutation(FILMS).tolist()
    families = [FamilyScores.of(document(POOR), "poor"), FamilyScores.of(document(GOOD, shuffled), "good")]
    found = compare_families(families, ["r256-fp32"], average=True, draws=400, seed=1)
    rows = found["variants"]["r256-fp32"]
    assert rows["poor"]["mean"]["value"] == pytest.approx(mean_auroc(POOR), abs=1e-4)
    assert rows["good"]["mean"]["value"] == pytest.approx(mean_auroc(GOOD), abs=1e-4)
    against = rows["good"]["againstFirst"]["mean"]
    assert against["value"] == pytest.approx(mean_auroc(GOOD) - mean_auroc(POOR), abs=2e-4)
    assert "againstFirst" not in rows["poor"]
    # The ranks of a fold have no scale, so the poor scores, which are nine times as large, do not dominate.
    ranks = np.zeros((FILMS, 2))
    for fold in range(3):
        inside = fold == FOLD
        for scores in (GOOD, POOR):
            ranks[inside] += rankdata(scores[inside], axis=0) / inside.sum()
    assert rows["average"]["mean"]["value"] == pytest.approx(mean_auroc(ranks), abs=1e-4)
    # Within strata: pairs of films of one view.
    pairs = []
    for j in range(2):
        wins = [
            GOOD[a, j] > GOOD[b, j]
            for a in np.flatnonzero(LABELS[:, j])
            for b in np.flatnonzero(LABELS[:, j] == 0)
            if VIEW[a] == VIEW[b]
        ]
        pairs.append(np.mean(wins))
    assert rows["good"]["withinStrata"]["value"] == pytest.approx(np.mean(pairs), abs=1e-4)


def test_the_interval_of_a_difference_is_paired_by_patient() -> None:
    noise = GOOD + np.random.default_rng(2).normal(size=GOOD.shape) * 0.05
    families = [FamilyScores.of(document(GOOD), "a"), FamilyScores.of(document(noise), "b")]
    row = compare_families(families, ["r256-fp32"], average=False, draws=400, seed=1)["variants"]["r256-fp32"]["b"]
    low, high = row["mean"]["ci95"]
    paired_low, paired_high = row["againstFirst"]["mean"]["ci95"]
    assert high - low > 5 * (paired_high - paired_low)


def test_families_that_cannot_be_compared_are_refused() -> None:
    one, few = document(GOOD), document(GOOD)
    few["films"] = [*few["films"][1:], "f" * 16]
    with pytest.raises(BadScores, match="119 in common of 120 and 120"):
        compare_families(
            [FamilyScores.of(one, "a"), FamilyScores.of(few, "b")], ["r256-fp32"], average=False, draws=10, seed=0
        )
    other = document(GOOD)
    other["labels"]["Mass"] = other["labels"]["Mass"][::-1]
    with pytest.raises(BadScores, match="different labels"):
        compare_families(
            [FamilyScores.of(one, "a"), FamilyScores.of(other, "b")], ["r256-fp32"], average=False, draws=10, seed=0
        )
    with pytest.raises(BadScores, match="a has no r512-fp32; it has r256-fp32"):
        compare_families(
            [FamilyScores.of(one, "a"), FamilyScores.of(one, "b")], ["r512-fp32"], average=False, draws=10, seed=0
        )


def test_the_verb_prints_a_table_and_json(tmp_path: Path) -> None:
    for name, scores in (("frozen", POOR), ("trained", GOOD)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.json").write_text(json.dumps(document(scores)))
    words = ["compare", str(tmp_path / "frozen"), str(tmp_path / "trained"), "--average", "--bootstraps", "50"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, told.output
    for word in ("minus frozen", "trained", "average", "not corrected", "120 films of 60 patients"):
        assert word in told.output
    table = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert set(table["variants"]["r256-fp32"]) == {"frozen", "trained", "average"}
    alone = CliRunner().invoke(app, words[:2])
    assert alone.exit_code == 2
    assert "at least two folders of different names" in alone.output
