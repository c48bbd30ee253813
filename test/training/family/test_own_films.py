from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_evaluation import FINDINGS, a_catalog
from test_evaluation import family as scored_family
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.films import Labelled
from alara_train.data.layouts.settings import Settings
from alara_train.data.pixels import resized
from alara_train.evaluate.auroc import auroc
from alara_train.evaluate.calibration import calibrator
from alara_train.evaluate.operating import NoSuchPoint, Threshold
from alara_train.family.own_films import NothingToMeasure, evaluate_own_films, known_films, labelled_films
from alara_train.family.read_films import Outputs, read_films
from alara_train.report.catalog import read_family
from alara_train.serve import open_variants, read

POLICY = {"name": "made", "description": "made", "rules": {}, "otherwise": {"nonInferiorTo": "best", "margin": 0.02}}
HEADER = "image,patient,Effusion,Shadow,view\n"


def one_variant(family: Path, out: Path) -> Path:
    """The smallest int8 variant of the bundled family alone."""
    [catalog] = read_family(family, "catalog")
    catalog["variants"] = [v for v in catalog["variants"] if v["id"] == "r256-int8"]
    catalog["comparisons"] = []
    out.mkdir()
    (out / "catalog.json").write_text(json.dumps(catalog))
    (out / "policy.json").write_text(json.dumps(POLICY))
    shutil.copy(family / "r256-int8.onnx", out)
    return out


def own(data: Path, films: Path, copies: int = 1) -> Path:
    """Two real films with and two without effusion, each several times, a picture of noise, and two bad files."""
    (data / "images").mkdir(parents=True)
    rows = []
    for copy in range(copies):
        for row, name in enumerate(("00000100_000.png", "00000442_000.png", "00003272_000.png", "derived_16bit.png")):
            shutil.copy(films / name, data / "images" / f"{copy}-{name}")
            rows.append(f"{copy}-{name},p{copy}-{row},{row % 2},,PA")
    import pyvips

    pyvips.Image.gaussnoise(300, 300, mean=128, sigma=40).cast("uchar").pngsave(str(data / "images" / "noise.png"))
    (data / "images" / "half.png").write_bytes((films / "00000100_000.png").read_bytes()[:20_000])
    rows += ["noise.png,q1,0,,PA", "half.png,q2,0,,PA", "gone.png,q3,1,,PA"]
    (data / "table.csv").write_text(HEADER + "\n".join(rows) + "\n")
    return data


def test_films_are_read_as_in_serving_and_a_second_run_continues(
    family: Path, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = one_variant(family, tmp_path / "family")
    [catalog] = read_family(folder, "catalog")
    labelled = labelled_films(own(tmp_path / "data", films), Settings(findings=("Effusion",)))
    seen: list[int] = []

    def progress(rows: Any, _: str) -> Any:
        for row in rows:
            seen.append(row)
            yield row

    outputs = read_films(folder, catalog, labelled, tmp_path / "read", progress)
    assert outputs.readable.tolist() == [True] * 5 + [False] * 2
    assert outputs.accepted[:, 0].tolist() == [True] * 4 + [False] * 3
    [variant], session = catalog["variants"], open_variants(folder, catalog)["r256-int8"]
    expected = read(session, variant, catalog["findings"], resized(labelled.path(1), 256)).probabilities
    j = catalog["findings"].index("Effusion")
    head = variant["heads"]["Effusion"]
    assert calibrator(head["calibration"])(outputs.logits[1, 0, j]) == pytest.approx(expected[j], abs=1e-12)
    assert seen == list(range(7))
    again = read_films(folder, catalog, labelled, tmp_path / "read", progress)
    assert seen == list(range(7)), "no film is read twice"
    assert (again.logits[:5] == outputs.logits[:5]).all()
    (tmp_path / "data" / "images" / "half.png").write_bytes(b"another size")
    read_films(folder, catalog, labelled, tmp_path / "read", progress)
    assert len(seen) == 14, "other films are read again"


def made() -> tuple[dict[str, Any], Labelled, Outputs]:
    variants, catalog = scored_family(seed=5), a_catalog()
    order = [v["id"] for v in catalog["variants"]]
    rows = len(variants[0])
    films = Labelled(
        folder=Path(),
        names=tuple(f"film-{row}.png" for row in range(rows)),
        files=tuple("" for _ in range(rows)),
        patients=variants[0].patients,
        labels=variants[0].labels,
        fold=variants[0].fold,
        view=variants[0].view,
        collection=variants[0].collection,
        split=variants[0].split,
        sex=variants[0].sex,
        age=variants[0].age,
        extent_mm=np.full((rows, 2), np.nan),
        findings=FINDINGS,
    )
    by_id = {v.variant: v for v in variants}
    accepted = np.ones((rows, len(order)), dtype=bool)
    accepted[3, 1] = False
    readable = np.arange(rows) != 7
    accepted[7] = False
    return (
        catalog,
        films,
        Outputs(logits=np.stack([by_id[i].logits for i in order], 1), accepted=accepted, readable=readable),
    )


def test_nothing_is_chosen_on_the_films_and_what_was_left_out_is_named() -> None:
    catalog, films, outputs = made()
    found = evaluate_own_films(catalog, POLICY, films, outputs, known=set(), bootstraps=100, seed=1, margin=0.02)
    assert found["protocol"] == "served"
    assert found["films"] == len(films) - 2
    assert found["own"]["unreadable"] == ["film-7.png"]
    assert [found["own"]["refused"][v["id"]] for v in catalog["variants"]] == [[], ["film-3.png"], [], []]
    kept = np.array([row not in (3, 7) for row in range(len(films))])
    j = FINDINGS.index("Mass")
    labels = np.where(kept, films.labels[:, j], -1)
    for index, variant in enumerate(catalog["variants"]):
        head, served = found["variants"][variant["id"]]["findings"]["Mass"], variant["heads"]["Mass"]
        assert head["auroc"]["value"] == pytest.approx(auroc(outputs.logits[:, index, j], labels), abs=1e-4)
        probability = calibrator(served["calibration"])(outputs.logits[:, index, j])
        for point, rates in head["operatingPoints"].items():
            threshold = Threshold.of(served, point)
            assert rates["threshold"] == pytest.approx(threshold.value, abs=1e-6)
            reached = threshold.reached(probability)
            assert rates["sensitivity"]["value"] == pytest.approx(reached[labels == 1].mean(), abs=1e-4)
    assert found["policy"]["together"]["variants"]["Mass"].startswith("r512")
    low, high = found["policy"]["alone"]["ci95"]
    assert low < found["policy"]["alone"]["value"] < high
    assert any("withinStrata" in c for c in found["comparisons"])


def test_films_that_cannot_be_measured_are_refused_with_the_reason() -> None:
    catalog, films, outputs = made()

    def run(some: Labelled, document: dict[str, Any] = catalog) -> dict[str, Any]:
        return evaluate_own_films(document, POLICY, some, outputs, known=set(), bootstraps=20, seed=1, margin=0.02)

    with pytest.raises(NothingToMeasure, match="no label of a served finding: they have A, B"):
        run(replace(films, findings=("A", "B"), labels=films.labels[:, :2]))
    rare = films.labels.copy()
    rare[4:, 1:] = 0
    some = run(replace(films, labels=rare))
    assert some["findings"] == [FINDINGS[0]]
    assert set(some["own"]["notMeasured"]) == set(FINDINGS[1:])
    rare[4:] = 0
    with pytest.raises(NothingToMeasure, match="a finding takes 5 films"):
        run(replace(films, labels=rare))
    earlier = json.loads(json.dumps(catalog))
    for variant in earlier["variants"]:
        for head in variant["heads"].values():
            del head["operatingPoints"]
    with pytest.raises(NoSuchPoint, match="calibrate"):
        run(films, earlier)


def test_the_command_measures_a_folder_and_warns_of_films_of_the_family(
    family: Path, films: Path, tmp_path: Path
) -> None:
    folder, data = one_variant(family, tmp_path / "family"), own(tmp_path / "data", films, copies=3)
    verb = ["evaluate", "--films", str(data), "--family", str(folder), "--out", str(tmp_path / "own.json")]
    run = CliRunner()
    done = run.invoke(app, [*verb, "--bootstraps", "50", "--margin", "0.02"])
    assert done.exit_code == 0, done.output
    for words in (
        "15 films: 12 of 12 patients are measured",
        "2 unreadable or missing: half.png, gone.png",
        "1 refused by the input gate of a variant: noise.png",
        "policy made, all findings together: mean AUROC",
        "present per film without findings",
    ):
        assert words in done.output, words
    document = json.loads((tmp_path / "own.json").read_text())
    assert document["own"]["filmsOfTheFamily"] == 0
    shutil.copy(family / "scores.json", folder)
    assert len(known_films(folder)) > 1000
    assert run.invoke(app, ["evaluate", "--family", str(folder)]).exit_code == 2
    assert run.invoke(app, ["evaluate", str(data), *verb[1:]]).exit_code == 2
    (data / "table.csv").write_text("image,patient,Shadow\nnoise.png,q1,0\n")
    refused = run.invoke(app, verb)
    assert refused.exit_code == 2
