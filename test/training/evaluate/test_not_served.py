"""A finding at chance level is excluded from the family with the reason. The other findings are not affected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from test_evaluation import FINDINGS, family

from alara_train.evaluate.measure import Measured, measure
from alara_train.evaluate.scored import BadScores, VariantScores
from alara_train.export.graph import keep_findings, kept_findings
from alara_train.report.evaluation import evaluation


def spoilt(*findings: str, falling: bool = False) -> list[VariantScores]:
    """Scores that are random for some findings, or fall as these findings become more likely."""
    rng = np.random.default_rng(5)
    scores = []
    for one in family():
        logits = one.logits.copy()
        for finding in findings:
            j = FINDINGS.index(finding)
            logits[:, j] = -logits[:, j] if falling else rng.normal(size=len(logits))
        scores.append(replace(one, logits=logits))
    return scores


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(spoilt("Nodule", "Hernia"), protocol="heldOut", draws=60, leave_out=True)


def test_findings_at_chance_are_excluded_with_reason_and_numbers(measured: Measured) -> None:
    served = tuple(finding for finding in FINDINGS if finding not in ("Nodule", "Hernia"))
    assert measured.findings == served
    assert [entry["finding"] for entry in measured.not_served] == ["Nodule", "Hernia"]
    for entry in measured.not_served:
        assert f"{entry['finding']} is not above chance: AUROC r256-" in entry["reason"]
        assert set(entry["auroc"]) == {one.variant for one in family()}
        for record in entry["auroc"].values():
            assert record["ci95"][0] <= record["value"] <= record["ci95"][1]
    document = evaluation(measured, family="made", date="2026-11-28", margin=0.01)
    assert document["findings"] == list(served)
    assert [entry["finding"] for entry in document["notServed"]] == ["Nodule", "Hernia"]
    assert all(set(variant["findings"]) == set(served) for variant in document["variants"].values())


def test_an_excluded_finding_does_not_change_the_served_findings(measured: Measured) -> None:
    alone = measure([one.only(measured.findings) for one in family()], protocol="heldOut", draws=60)
    for ours, theirs in zip(measured.variants, alone.variants, strict=True):
        for finding in measured.findings:
            assert ours.heads[finding].auroc == theirs.heads[finding].auroc
            assert ours.heads[finding].served == theirs.heads[finding].served


def test_findings_with_falling_scores_are_excluded_too(measured: Measured) -> None:
    fallen = measure(spoilt("Mass", falling=True), protocol="heldOut", draws=60, leave_out=True)
    assert [entry["finding"] for entry in fallen.not_served] == ["Mass"]


def test_a_family_without_any_finding_above_chance_is_refused() -> None:
    with pytest.raises(BadScores, match="no finding can be served: Atelectasis is not above chance"):
        measure(spoilt(*FINDINGS), protocol="heldOut", draws=60, leave_out=True)


def test_the_graph_has_exactly_the_served_findings(family: Path, tmp_path: Path) -> None:
    whole, cut = family / "r256-int8.onnx", tmp_path / "r256-int8.onnx"
    cut.write_bytes(whole.read_bytes())
    columns = [13, 2, 7]
    keep_findings(cut, columns)
    assert (kept_findings(whole), kept_findings(cut)) == (None, columns)
    assert [v.name for v in onnx.load(str(cut)).graph.output] == ["logits", "cam", "gate"]
    film = np.random.default_rng(1).normal(size=(1, 1, 256, 256)).astype(np.float32)
    before, after = (
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            ["logits", "cam", "gate"], {"film": film}
        )
        for path in (whole, cut)
    )
    assert np.array_equal(after[0], before[0][:, columns])
    assert np.array_equal(after[1], before[1][:, columns])
    assert np.array_equal(after[2], before[2])
