from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.evaluate.baseline import log_odds, view_groups
from alara_train.evaluate.compare import catalog_comparisons, pairs
from alara_train.evaluate.measure import Measured, OneClass, measure
from alara_train.evaluate.operating import POINTS, Called, achieved
from alara_train.evaluate.scored import BadScores, Protocol, VariantScores, check, design
from alara_train.json_file import BadDocument
from alara_train.report.card_evidence import established, reservations
from alara_train.report.card_sections import sections
from alara_train.report.evaluation import catalog_head, dumps, evaluation
from alara_train.report.policy import cheapest_policy, declared_margin, derive_policy, separations

FILMS = 600
FINDINGS = ("Atelectasis", "Mass", "Nodule", "Edema", "Emphysema", "Hernia")


def family(seed: int = 1, gap: float = 1.0) -> list[VariantScores]:
    """Two sizes in two precisions. The larger size is much better for `Mass`, and equal for the others."""
    rng = np.random.default_rng(seed)
    patient = np.arange(FILMS) // 2
    labels = (rng.random((FILMS, len(FINDINGS))) < 0.3).astype(np.int64)
    labels[:5, 0] = -1
    noise = rng.normal(size=labels.shape)
    columns: dict[str, Any] = {
        "findings": FINDINGS,
        "labels": labels,
        "patients": np.array([f"p{p}" for p in patient]),
        "fold": patient % 5,
        "split": np.array(["train", "validation", "test"])[patient % 3],
        "view": np.where(rng.random(FILMS) < 0.5, "PA", "AP"),
        "sex": np.where(rng.random(FILMS) < 0.5, "F", "M"),
        "age": rng.integers(-1, 90, FILMS),
        "collection": np.where(patient < 200, "one", "two"),
    }
    variants = []
    for side in (256, 512):
        seen = np.ones(len(FINDINGS))
        seen[FINDINGS.index("Mass")] += gap * (side == 512)
        exact = noise + 0.05 * rng.normal(size=labels.shape) + seen * np.clip(labels, 0, 1)
        for precision in ("fp32", "int8"):
            logits = exact + (0.01 * rng.normal(size=labels.shape) if precision == "int8" else 0)
            variants.append(
                VariantScores(
                    variant=f"r{side}-{precision}", resolution=side, precision=precision, logits=logits, **columns
                )
            )
    return variants


@cache
def measured(protocol: Protocol = "crossValidated") -> Measured:
    return measure(family(), protocol=protocol, draws=300, seed=3)


@cache
def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(dumps(evaluation(measured(), family="made", date="2026-11-23")))
    return made


def a_catalog() -> dict[str, Any]:
    found = measured()
    price = {"r256-int8": 4.0, "r256-fp32": 6.0, "r512-int8": 16.0, "r512-fp32": 24.0}
    shipped = json.loads((Path(__file__).parents[3] / "models" / "chest14" / "catalog.json").read_text())
    like, quality = shipped["variants"][0], shipped["quality"]
    limits = dict.fromkeys(price, quality["limits"][like["id"]])
    return {
        "family": "made",
        "findings": list(FINDINGS),
        "provenance": shipped["provenance"],
        "quality": {**quality, "limits": limits},
        "variants": [
            {
                **like,
                "id": v.id,
                "resolution": v.scored.resolution,
                "precision": v.scored.precision,
                "cost": {"gmacs": 1.0, "ms": {"cpu": price[v.id]}, "measuredOn": {"cpu": "a made-up machine"}},
                "heads": {f: catalog_head(found, v, f) for f in v.heads},
            }
            for v in found.variants
        ],
        "comparisons": catalog_comparisons(found),
    }


def test_intervals_contain_their_values_and_agree_with_delong() -> None:
    for variant in document()["variants"].values():
        for head in variant["findings"].values():
            for record in (
                head["auroc"],
                *(rate for point in head["operatingPoints"].values() for rate in point.values()),
            ):
                if isinstance(record, dict) and "ci95" in record:
                    low, high = record["ci95"]
                    assert low <= record["value"] <= high
            assert head["auroc"]["ci95"] == pytest.approx(head["auroc"]["delongCi95"], abs=0.025)
            assert head["foldAverage"]["value"] == pytest.approx(head["auroc"]["value"], abs=0.05)
            assert head["operatingPoints"]["sensitive"]["sensitivity"]["value"] > 0.8
            assert head["operatingPoints"]["specific"]["specificity"]["value"] > 0.9
    assert len(dumps(document())) < 1_500_000


def test_only_a_real_difference_survives_the_correction() -> None:
    rows = [c for c in document()["comparisons"] if c.get("family", "").startswith("resolutions")]
    assert len(rows) == 2 * len(FINDINGS)
    apart = {c["finding"] for c in rows if c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0}
    assert apart == {"Mass"}
    for c in rows:
        assert c["simultaneous95"][0] < c["ci95"][0] + 0.004
        assert c["ci95"] == pytest.approx(c["delongCi95"], abs=0.02)
    assert next(c for c in rows if c["finding"] == "Mass")["verdictCorrected"] == "inferior"
    assert separations(document()).keys() == {"Mass"}


def test_each_pair_is_compared_once_from_the_smaller_side() -> None:
    variants = measured().variants
    named = [(variants[a].id, variants[b].id) for a, b in pairs(variants)]
    assert len(named) == 6
    assert ("r256-int8", "r256-fp32") in named
    assert ("r256-fp32", "r512-int8") in named


def test_no_film_affects_its_own_calibration_or_threshold() -> None:
    before = measured().variants[0].heads["Edema"]
    j = FINDINGS.index("Edema")
    changed = [dataclasses.replace(v, labels=v.labels.copy()) for v in family()]
    own = changed[0].fold == 2
    for v in changed:
        v.labels[own, j] = np.roll(v.labels[own, j], 7)
    after = measure(changed, draws=20, seed=3, methods=("platt",)).variants[0].heads["Edema"]
    plain = measure(family(), draws=20, seed=3, methods=("platt",)).variants[0].heads["Edema"]
    assert (after.probability[own] == plain.probability[own]).all()
    for point in POINTS:
        assert (after.points[point].called.calls[own] == plain.points[point].called.calls[own]).all()
    assert (after.probability[~own] != plain.probability[~own]).any()
    assert before.positives == after.positives


def test_one_split_measures_the_test_films_and_calibrates_on_validation() -> None:
    films = family()
    found = measured("heldOut")
    test = films[0].split == "test"
    head = found.variants[0].heads["Mass"]
    assert head.positives == films[0].labels[test, FINDINGS.index("Mass")].sum()
    assert np.isnan(head.probability[~test]).all()
    assert head.fold_aurocs == ()
    changed = [dataclasses.replace(v, labels=np.where(test[:, None], 1 - v.labels, v.labels)) for v in films]
    turned = measure(changed, protocol="heldOut", draws=300, seed=3).variants[0].heads["Mass"]
    assert turned.served == head.served
    assert turned.points["specific"].threshold == head.points["specific"].threshold
    record = evaluation(found, family="made", date="2026-11-23")
    assert record["protocol"] == "heldOut"
    assert record["films"] == test.sum()


def test_a_baseline_sees_only_other_films() -> None:
    first = family()[0]
    labels = np.zeros_like(first.labels)
    labels[first.view == "PA"] = 1
    odds = log_odds(dataclasses.replace(first, labels=labels), view_groups(first), design(first, "crossValidated"))
    assert (odds[first.view == "PA"] > 0).all()
    assert (odds[first.view == "AP"] < 0).all()


def test_inconsistent_scores_are_refused(tmp_path: Path) -> None:
    one, other, *_ = family()
    with pytest.raises(BadScores, match="same films"):
        check([one, dataclasses.replace(other, view=np.roll(other.view, 1))], "crossValidated")
    with pytest.raises(BadScores, match="both sides"):
        check([dataclasses.replace(one, fold=np.arange(FILMS) % 5)], "crossValidated")
    with pytest.raises(BadScores, match="without a score"):
        check([dataclasses.replace(one, logits=np.full_like(one.logits, np.nan))], "crossValidated")
    with pytest.raises(BadScores, match="heldOut needs"):
        check([dataclasses.replace(one, split=np.full(FILMS, "train"))], "heldOut")
    with pytest.raises(OneClass, match="Atelectasis"):
        measure([dataclasses.replace(one, labels=np.zeros_like(one.labels))], draws=5)
    path = tmp_path / "scores-x.npz"
    one.save(path)
    assert (VariantScores.load(path).logits == one.logits).all()
    assert VariantScores.load(path).patients.tolist() == one.patients.tolist()


def test_the_policy_follows_the_corrected_intervals_and_the_targets() -> None:
    rules = derive_policy(a_catalog(), document(), margin=0.02, targets={"Edema": 0.7})["rules"]
    assert rules["Mass"] == {"nonInferiorTo": "best", "margin": 0.02}
    assert rules["Edema"] == {"auroc": 0.7, "bound": "lower"}
    assert rules["Nodule"]["minResolution"] == 448
    catalog = {**a_catalog(), "simulated": {"Nodule": {"minResolution": 512, "source": "a study"}}}
    assert derive_policy(catalog, document(), margin=0.02)["rules"]["Nodule"]["evidence"] == "simulated"


def test_the_cheapest_policy_takes_the_smallest_size_that_is_not_shown_to_be_worse() -> None:
    own = derive_policy(a_catalog(), document(), margin=0.02)
    assert own["name"] == "made-measured-published"
    cheapest = cheapest_policy(a_catalog(), document(), own)
    assert cheapest["name"] == "cheapest"
    sizes = {finding: rule["minResolution"] for finding, rule in cheapest["rules"].items()}
    assert sizes == {**dict.fromkeys(FINDINGS, 256), "Mass": 512}
    assert {rule["evidence"] for rule in cheapest["rules"].values()} == {"notShown"}


def test_a_difference_between_collections_is_no_evidence() -> None:
    """The larger size only recognises the collection `two`, where the finding is common."""
    rng = np.random.default_rng(5)
    films = family(gap=0)
    two = films[0].collection == "two"
    common = (rng.random(FILMS) < np.where(two, 0.6, 0.05)).astype(np.int64)
    j = FINDINGS.index("Edema")
    changed = []
    for v in films:
        labels, logits = v.labels.copy(), v.logits.copy()
        labels[:, j] = common
        logits[:, j] = rng.normal(size=FILMS) + 0.5 * common + 2 * two * (v.resolution == 512)
        changed.append(dataclasses.replace(v, labels=labels, logits=logits))
    record = evaluation(measure(changed, draws=200, seed=3), family="made", date="2026-11-23", margin=0.02)
    found: dict[str, Any] = json.loads(dumps(record))
    rows = [
        c for c in found["comparisons"] if c["finding"] == "Edema" and c.get("family", "").startswith("resolutions")
    ]
    assert all(c["simultaneous95"][1] < 0 for c in rows)  # pooled, the larger size is far better
    assert separations(found) == {}
    with pytest.raises(BadDocument, match="run alara-train evaluate"):
        derive_policy(a_catalog(), {**found, "simultaneous": {"resolutions of int8": {}}}, margin=0.02)


def test_several_margins_are_refused() -> None:
    rules = {"rules": {"Mass": {"nonInferiorTo": "best", "margin": 0.02}}}
    assert declared_margin(rules, {"margin": 0.02}) == 0.02
    with pytest.raises(BadDocument, match=r"0\.01 and 0\.02"):
        declared_margin(rules, {"margin": 0.01})


def test_the_commands_measure_and_derive_from_files(tmp_path: Path, schemas: Path) -> None:
    for v in family():
        v.save(tmp_path / f"scores-{v.variant}.npz")
    run = CliRunner()
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "evaluation.json").write_text(json.dumps({"family": "made", "margin": 0.01, "gate": {"kept": True}}))
    done = run.invoke(app, ["evaluate", str(tmp_path), "--family", str(folder), "--bootstraps", "100"])
    assert done.exit_code == 0, done.output
    assert "1 all at once" in done.output
    assert json.loads((folder / "evaluation.json").read_text())["gate"] == {"kept": True}
    (folder / "catalog.json").write_text(json.dumps(a_catalog()))
    shown = run.invoke(app, ["policy", "--family", str(folder), "--schemas", str(schemas), "--target", "Edema=0.6"])
    assert shown.exit_code == 0, shown.output
    assert "AUROC 0.6 by lower end" in shown.output
    assert "r256-int8" in shown.output
    assert "nothing written" in shown.output
    assert not (folder / "policy.json").exists()
    assert run.invoke(app, ["policy", "--family", str(folder), "--schemas", str(schemas), "--write"]).exit_code == 0
    assert declared_margin(json.loads((folder / "policy.json").read_text()), {}) == 0.01
    assert (folder / "policies" / "cheapest.json").exists()
    out_of_reach = run.invoke(app, ["policy", "--family", str(folder), "--target", "Edema=0.99"])
    assert out_of_reach.exit_code == 2
    assert run.invoke(app, ["policy", "--family", str(folder), "--target", "Fracture=0.9"]).exit_code == 2
    assert run.invoke(app, ["evaluate", str(folder), "--family", str(folder)]).exit_code == 2


def test_the_card_reports_the_differences_after_the_correction() -> None:
    text = "\n".join([*established(document()), *reservations(document()), *sections(document())])
    assert "the order of sizes is established only for Mass" in text
    assert "- **Confounding**: the collections" in text
    assert "- **Noise of refitting**" in text
    assert "critical value" in text
    assert "| sex F |" in text
    assert "(figures/roc.svg)" in text


def test_the_calls_of_films_are_counted() -> None:
    variant, labels = measured().variants[0], measured().labels
    calls = np.stack([head.points["specific"].called.calls for head in variant.heads.values()], axis=1)
    without = (labels == 0).all(axis=1)
    found = document()["variants"][variant.id]["calls"]["specific"]
    assert found["presentPerFilmWithoutFindings"]["films"] == without.sum() > 20
    assert found["presentPerFilmWithoutFindings"]["value"] == pytest.approx(
        (calls[without] == 2).sum(axis=1).mean(), abs=1e-4
    )
    assert found["noneCalledWithoutFindings"]["value"] == pytest.approx(
        (calls[without] < 2).all(axis=1).mean(), abs=1e-4
    )
    assert found["indeterminate"]["value"] == pytest.approx((calls == 1)[labels >= 0].mean(), abs=1e-4)
    assert found["truePresentPerFilm"]["value"] == pytest.approx(
        ((calls == 2) & (labels == 1)).sum() / len(labels), abs=1e-4
    )
    for record in found.values():
        assert record["ci95"][0] <= record["value"] <= record["ci95"][1]
        assert record["ci95"][1] - record["ci95"][0] < 0.4


def test_the_catalog_states_predictive_values_at_its_prevalence_and_leaves_out_what_was_not_called() -> None:
    for head in a_catalog()["variants"][0]["heads"].values():
        for point in head["operatingPoints"].values():
            hit, spared = point["sensitivity"]["value"], point["specificity"]["value"]
            prior = head["prevalence"]
            right, wrong = hit * prior, (1 - spared) * (1 - prior)
            assert point["positivePredictiveValue"]["value"] == pytest.approx(right / (right + wrong), abs=1e-3)
            assert 0 <= point["indeterminate"] < 1
    found = measured("heldOut")
    head = found.variants[0].heads["Mass"]
    never = dataclasses.replace(
        head.points["specific"],
        achieved=achieved(
            Called(reached=np.zeros(FILMS, dtype=bool), calls=np.zeros(FILMS, dtype=np.int64)),
            found.labels[:, FINDINGS.index("Mass")],
            found.resamples,
            0.1,
        ),
    )
    heads = {**found.variants[0].heads, "Mass": dataclasses.replace(head, points={"specific": never})}
    silent = catalog_head(found, dataclasses.replace(found.variants[0], heads=heads), "Mass")
    point = silent["operatingPoints"]["specific"]
    assert "positivePredictiveValue" not in point
    assert point["negativePredictiveValue"]["value"] == 0.9


def test_power_counts_films_from_the_measured_errors(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(document()))
    run, verb = CliRunner(), ["power", "--family", str(tmp_path)]
    found = json.loads(run.invoke(app, [*verb, "--difference", "0.005,0.01", "--json"]).output)
    assert (found["variant"], found["reference"], found["comparisons"]) == ("r256-int8", "r512-int8", len(FINDINGS))
    row = next(c for c in document()["comparisons"] if c["variant"] == "r256-int8" and c["reference"] == "r512-int8")
    needed = FILMS * ((found["critical"] + 0.8416) * row["error"] / 0.01) ** 2
    assert row["finding"] == FINDINGS[0]
    assert found["findings"][FINDINGS[1]]["films"]["0.005"] == pytest.approx(
        4 * found["findings"][FINDINGS[1]]["films"]["0.01"], abs=4
    )
    assert found["findings"][FINDINGS[0]]["films"]["0.01"] == pytest.approx(needed * (FILMS - 5) / FILMS, rel=0.01)
    shown = run.invoke(app, [*verb, "--precision", "fp32", "--sizes", "512,256"])
    assert shown.exit_code == 0, shown.output
    assert "r256-fp32 against r512-fp32" in shown.output
    inside = found["withinStrata"]["findings"][FINDINGS[1]]
    strata = next(
        c["withinStrata"]
        for c in document()["comparisons"]
        if (c["finding"], c["variant"], c["reference"]) == (FINDINGS[1], "r256-int8", "r512-int8")
    )
    assert inside["error"] == strata["error"]
    assert inside["films"]["0.01"] == pytest.approx(
        FILMS * ((found["withinStrata"]["critical"] + 0.8416) * strata["error"] / 0.01) ** 2, rel=0.01, abs=1
    )
    assert "median" in shown.output and "standard error / difference" in shown.output
    for wrong in (["--sizes", "256,300"], ["--precision", "fp16"], ["--difference", "none"], ["--sizes", "256"]):
        refused = run.invoke(app, [*verb, *wrong])
        assert refused.exit_code == 2, refused.output
