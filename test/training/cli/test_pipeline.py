"""From a folder in the layout of NIH to a servable family, with the documented command."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
import pyvips
import torch
from stand_in import CONFIG, PLAIN
from test_layouts import NIH_COLUMNS
from torch import Tensor, nn
from torch.distributed.run import parse_args as torchrun
from typer.testing import CliRunner, Result

from alara_train.cli import train
from alara_train.cli.main import app
from alara_train.data.films import FINDINGS
from alara_train.data.pixels import MEAN, STD, resized, tensor
from alara_train.data.prepare.prepared import Prepared
from alara_train.data.prepare.stacks import to_8_bits
from alara_train.evaluate.scored import VariantScores
from alara_train.export.graph import MOST_DIFFERENCE
from alara_train.export.graph import session as open_session
from alara_train.family import build
from alara_train.json_file import check_schema
from alara_train.networks.classifier import Classifier
from alara_train.networks.registry import BACKBONES
from alara_train.origin import origin_of
from alara_train.recipes.finetuned import load_runs
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.export_settings import ExportSettings, precisions_of
from alara_train.recipes.finetuned.load_runs import epochs, open_run
from alara_train.recipes.finetuned.recipe import FinetunedRecipe
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.report.catalog import check_catalog
from alara_train.toml_file import BadConfig

SETTINGS = """
quantise_films = 8
gate_own = 24
gate_films = 6
gate_made = 14
gate_directions = 8
gate_folds = 2
grid = 2
bootstraps = 50
"""
TINY = replace(
    CONFIG,
    backbone="gratings",
    epochs=1,
    warmup_epochs=0.0,
    lr=1e-6,
    dropout=0.0,
    norms="frozen",
    augment=PLAIN,
)
LITE = replace(TINY, backbone="efficientnet-lite0", start="random", norms="batch", lr=1e-3)


class Gratings(nn.Module):
    """One layer of random filters, sufficient to distinguish gratings."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 96, 13, 8, padding=6, bias=False)
        self.norm = nn.BatchNorm2d(96)

    def forward(self, film: Tensor) -> Tensor:
        return torch.relu(self.norm(self.stem(film)))


BACKBONES["gratings"] = replace(BACKBONES["tiny"], make=Gratings, width=96)


def film_of(has: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A grating with a separate direction and period per finding, on noise."""
    y, x = np.mgrid[0:112, 0:112] / 112
    film = 110 + rng.normal(0, 8, (112, 112))
    for j in np.flatnonzero(has).tolist():
        angle, pitch = np.pi * (j % 7) / 7, 2 * np.pi * (7, 13)[j // 7]
        film += 25 * np.sin(pitch * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6))
    return np.clip(film, 0, 255).astype(np.uint8)


def start_of(path: Path, findings: tuple[str, ...]) -> TrainConfig:
    """A start that already knows gratings: a ridge read-out, so that no test trains for minutes."""
    torch.manual_seed(0)
    network = Classifier(Gratings(1), 96, len(findings)).eval()
    rng = np.random.default_rng(1)
    has = rng.random((140, len(findings))) < 0.25
    films = [film_of(one, rng) for one in has]
    with torch.no_grad():
        features = np.concatenate(
            [
                network.trunk(
                    torch.from_numpy(tensor(np.stack([to_8_bits(resized(film, side)) for film in films]), MEAN, STD))
                )
                .mean(dim=(2, 3))
                .numpy()
                for side in (64, 96)
            ]
        )
        centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
        z, target = (features - centre) / scale, np.tile(has, (2, 1)) - has.mean(axis=0)
        weight = 8 * np.linalg.solve(z.T @ z + 10 * np.eye(96), z.T @ target) / scale[:, None]
        network.weight.copy_(torch.from_numpy(weight.T))
        network.bias.copy_(torch.from_numpy(-2 - centre @ weight))
    torch.save({"backbone": "gratings", "findings": list(findings), "weights": network.state_dict()}, path)
    return replace(TINY, start=f"checkpoint:{path}")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    return start_of(tmp_path_factory.mktemp("learnt") / "best.pt", FINDINGS)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def write_nih(data: Path, patients: int = 90, test: int = 25) -> Path:
    """The original table, lists and folders of NIH."""
    rng = np.random.default_rng(7)
    lists: dict[bool, list[str]] = {False: [], True: []}
    lines = [NIH_COLUMNS]
    for patient in range(1, patients + 1):
        for number in range(2):
            name = f"{patient:08d}_{number:03d}.png"
            has = rng.random(len(FINDINGS)) < 0.25
            film = film_of(has, rng)
            path = data / f"images_{1 + patient % 2:03d}" / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pyvips.Image.new_from_array(film).copy(interpretation="b-w").write_to_file(str(path))
            words = "|".join(np.array(FINDINGS)[has].tolist()) or "No Finding"
            view = ("PA", "AP")[int(rng.integers(2))]
            lines.append(
                f"{name},{words},{number},{patient},{40 + patient % 40},{'FM'[patient % 2]},{view},2682,2749,0.1,0.1"
            )
            lists[patient > patients - test].append(name)
    (data / "Data_Entry_2017_v2020.csv").write_text("\n".join(lines) + "\n")
    (data / "train_val_list.txt").write_text("\n".join(lists[False]))
    (data / "test_list.txt").write_text("\n".join(lists[True]))
    return data


@pytest.fixture(scope="module")
def nih(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nih(tmp_path_factory.mktemp("nih"))


def run(place: Path, nih: Path, schemas: Path, config: TrainConfig, *more: str) -> Result:
    place.mkdir(parents=True, exist_ok=True)
    (place / "run.toml").write_text(config.toml())
    (place / "settings.toml").write_text(SETTINGS)
    command = ["pipeline", str(place / "run.toml"), "--data", str(nih), "--out", str(place / "models" / "tiny-nih")]
    command += ["--work", str(place / "work"), "--schemas", str(schemas), "--settings", str(place / "settings.toml")]
    command += ["--device", "cpu", "--threads", "1", "--jobs", "1", *more]
    return CliRunner().invoke(app, command)


def succeeds(result: Result) -> str:
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.output


def times(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, nih: Path, learnt: TrainConfig) -> Path:
    """Two sides, as float32 and int8."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("made")
    schemas = Path(__file__).parents[3] / "models" / "schema"
    said = succeeds(run(place, nih, schemas, learnt, "--sides", "64,96"))
    for word in ("prepare:", "train: gratings at 64 px", "export:", "evaluate:", "report:", "written to"):
        assert word in said
    return place


def document(place: Path, name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((place / "models" / "tiny-nih" / f"{name}.json").read_text())
    return table


def test_the_family_meets_the_requirements_of_serving(made: Path, schemas: Path) -> None:
    catalog, policy, evaluation = (document(made, name) for name in ("catalog", "policy", "evaluation"))
    check_schema(catalog, schemas / "catalog.schema.json")
    check_schema(policy, schemas / "policy.schema.json")
    check_catalog(catalog)
    assert [v["id"] for v in catalog["variants"]] == ["r64-fp32", "r64-int8", "r96-fp32", "r96-int8"]
    assert catalog["family"] == "tiny-nih"
    assert catalog["provenance"]["dataset"] == "NIH ChestX-ray14"
    assert {h["auroc"]["protocol"] for v in catalog["variants"] for h in v["heads"].values()} == {"heldOut"}
    assert evaluation["protocol"] == "heldOut"
    assert evaluation["films"] == 50
    assert set(evaluation["torchAgainstOnnx"]) == {v["id"] for v in catalog["variants"]}
    largest = [rule for rule in policy["rules"].values() if rule.get("minResolution", 0) > 96]
    assert largest == []
    assert build.is_complete(made / "models" / "tiny-nih")


def test_the_graphs_match_the_contract_and_equal_pytorch(made: Path) -> None:
    out = made / "models" / "tiny-nih"
    prepared = Prepared.open(made / "work" / "prepared")
    for variant in document(made, "catalog")["variants"]:
        side = variant["resolution"]
        elements = onnx.load(str(out / variant["file"])).graph
        assert [v.name for v in elements.input] == ["film"]
        assert [v.name for v in elements.output] == ["logits", "cam", "gate"]
        assert {v.type.tensor_type.elem_type for v in [*elements.input, *elements.output]} == {1}
        film = tensor(prepared.pixels(side)[:3], MEAN, STD)
        session = ort.InferenceSession(str(out / variant["file"]), providers=["CPUExecutionProvider"])
        logits, cam, gate = (np.asarray(v) for v in session.run(None, {"film": film}))
        assert (logits.shape, cam.shape, gate.shape) == ((3, 14), (3, 14, side // 8, side // 8), (3, 6))
        if variant["precision"] == "fp32":
            network = open_run(made / "work" / "runs" / f"{side}px").network
            with torch.inference_mode():
                expected, map_ = network(torch.from_numpy(film))
            assert 1 / (1 + np.exp(-logits)) == pytest.approx(torch.sigmoid(expected).numpy(), abs=MOST_DIFFERENCE)
            assert cam == pytest.approx(map_.numpy(), abs=1e-3)


def test_scores_come_from_the_served_graph_on_films_outside_of_training(made: Path) -> None:
    prepared = Prepared.open(made / "work" / "prepared")
    scored = VariantScores.load(made / "work" / "export" / "scores-r64-int8.npz")
    assert set(scored.split.tolist()) == {"validation", "test"}
    assert set(scored.patients) & set(prepared.films.patients[prepared.films.where("train")]) == set()
    rows = prepared.films.where("val", "test")
    film = tensor(prepared.pixels(64)[rows[:5]], MEAN, STD)
    graph = open_session(made / "models" / "tiny-nih" / "r64-int8.onnx")
    assert scored.logits[:5] == pytest.approx(np.asarray(graph.run(["logits"], {"film": film})[0]), abs=1e-4)
    published = json.loads((made / "models" / "tiny-nih" / "scores.json").read_text())
    assert published["protocol"] == "heldOut"
    first = prepared.films.path(int(prepared.films.where("test")[0]))
    assert published["films"][0] == hashlib.sha256(first.read_bytes()).hexdigest()[:16]
    assert len(published["films"]) == int((scored.split == "test").sum())


def test_the_card_describes_training_and_nothing_else(made: Path) -> None:
    card = (made / "models" / "tiny-nih" / "card.md").read_text()
    assert "trained end to end on one gray channel from checkpoint weights" in card
    for untrue in ("frozen", "ridge", "576 px", "patient folds, ", "refitted"):
        assert untrue not in card, untrue


def test_a_second_run_does_nothing(made: Path, nih: Path, schemas: Path, learnt: TrainConfig) -> None:
    before = times(made / "models"), {k: v for k, v in times(made / "work").items() if not k.endswith(".lock")}
    assert "nothing to do" in succeeds(run(made, nih, schemas, learnt, "--sides", "64,96"))
    after = times(made / "models"), {k: v for k, v in times(made / "work").items() if not k.endswith(".lock")}
    assert after == before


def test_export_gives_the_same_result_for_the_runs(made: Path, tmp_path: Path, schemas: Path) -> None:
    command = ["export", str(made / "work" / "runs" / "64px"), "--prepared", str(made / "work" / "prepared")]
    command += ["--out", str(tmp_path / "small"), "--cache", str(tmp_path / "cache"), "--schemas", str(schemas)]
    command += ["--settings", str(made / "settings.toml"), "--precisions", "fp32", "--threads", "1"]
    succeeds(CliRunner().invoke(app, command))
    ours, theirs = (
        VariantScores.load(folder / "scores-r64-fp32.npz") for folder in (tmp_path / "cache", made / "work" / "export")
    )
    assert ours.logits == pytest.approx(theirs.logits, abs=1e-5)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory, nih: Path, learnt: TrainConfig) -> Path:
    """One side, as float32 and int8, by cross-validation."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("crossed")
    schemas = Path(__file__).parents[3] / "models" / "schema"
    last = replace(learnt, scored="last")
    first = place / "first.toml"
    first.write_text(replace(last, side_px=32).toml())
    words = ("--sides", "64", "--folds", "3", "--cross-validate", "--first-config", str(first))
    said = succeeds(run(place, nih, schemas, last, *words))
    assert "32 px in" in said
    assert "64px/fold-2" in said
    assert "64px/all" in said
    return place


def test_a_cross_validation_scores_each_film_by_the_network_of_its_fold(crossed: Path, nih: Path) -> None:
    prepared, runs = Prepared.open(crossed / "work" / "prepared"), crossed / "work" / "runs" / "64px"
    films = prepared.films
    scored = VariantScores.load(crossed / "work" / "export" / "scores-r64-fp32.npz")
    inside = np.flatnonzero(films.fold >= 0)
    assert scored.patients.tolist() == films.patients[inside].tolist()
    logits = {}
    for name in ("all", "fold-0", "fold-1", "fold-2"):
        network = open_run(runs / name).network
        with torch.inference_mode():
            logits[name] = network(torch.from_numpy(tensor(prepared.pixels(64)[inside], MEAN, STD)))[0].numpy()
    for fold in range(3):
        own = films.fold[inside] == fold
        assert scored.logits[own] == pytest.approx(logits[f"fold-{fold}"][own], abs=1e-3)
    assert np.abs(scored.logits - logits["all"]).max() > 1e-2
    roles = json.loads((runs / "all" / "provenance.json").read_text())["data"]["films"]
    assert (roles["train"], roles["val"]) == (len(inside), 0)
    # Test films of the data set itself train no network and are not scored.
    assert roles["test"] == (films.fold < 0).sum() > 0


def test_each_run_starts_from_the_run_of_its_own_fold_at_the_first_side(crossed: Path) -> None:
    runs = crossed / "work" / "runs"
    for name in ("all", "fold-0", "fold-1", "fold-2"):
        config, before = open_run(runs / "64px" / name).config, open_run(runs / "first" / name)
        assert config.start == f"checkpoint:{RunFolder(before.folder).best}"
        assert (before.config.side_px, before.config.fold) == (32, config.fold)
    card = (crossed / "models" / "tiny-nih" / "card.md").read_text()
    assert f"from checkpoint weights, for {epochs(before.config)} at 32 px and then" in card


def test_a_first_side_needs_a_cross_validation(tmp_path: Path, nih: Path, schemas: Path, learnt: TrainConfig) -> None:
    first = tmp_path / "first.toml"
    first.write_text(replace(learnt, side_px=32, scored="last").toml())
    refused = run(tmp_path, nih, schemas, learnt, "--sides", "64", "--first-config", str(first))
    assert refused.exit_code == 2
    assert "--first-config needs --cross-validate" in refused.output


def test_a_cross_validated_family_serves_the_network_of_every_film(crossed: Path, nih: Path, schemas: Path) -> None:
    folder = crossed / "models" / "tiny-nih"
    catalog, evaluation = (json.loads((folder / f"{name}.json").read_text()) for name in ("catalog", "evaluation"))
    check_schema(catalog, schemas / "catalog.schema.json")
    assert evaluation["protocol"] == "crossValidated"
    assert {h["auroc"]["protocol"] for v in catalog["variants"] for h in v["heads"].values()} == {"crossValidated"}
    network = open_run(crossed / "work" / "runs" / "64px" / "all").network
    film = tensor(Prepared.open(crossed / "work" / "prepared").pixels(64)[:3], MEAN, STD)
    served = np.asarray(open_session(folder / "r64-fp32.onnx").run(["logits"], {"film": film})[0])
    with torch.inference_mode():
        assert served == pytest.approx(network(torch.from_numpy(film))[0].numpy(), abs=1e-3)
    card = (folder / "card.md").read_text()
    assert "Every film is scored by the network of its fold" in card
    assert "heldOut" not in card


def test_incomplete_and_mixed_cross_validations_are_refused(
    crossed: Path, made: Path, tmp_path: Path, learnt: TrainConfig
) -> None:
    prepared = Prepared.open(crossed / "work" / "prepared")
    runs = crossed / "work" / "runs" / "64px"
    with pytest.raises(BadConfig, match="has fold = 0, not -1"):
        load_runs.open_runs([runs / "fold-0"], prepared)
    with pytest.raises(BadConfig, match="has fold = -2, not -1"):
        load_runs.open_runs([runs / "all"], prepared)
    with pytest.raises(BadConfig, match="measured in one way"):
        load_runs.open_runs([runs, made / "work" / "runs" / "96px"], prepared)
    shutil.copytree(runs, tmp_path / "64px")
    shutil.rmtree(tmp_path / "64px" / "fold-1")
    with pytest.raises(BadConfig, match=r"fold-1 is missing"):
        load_runs.open_runs([tmp_path / "64px"], prepared)
    with pytest.raises(BadConfig, match="no films to choose an epoch on"):
        train.crossed(replace(learnt, scored="best"), prepared, tmp_path)


class Killed(BaseException):
    """Simulates a sudden kill within the process."""


@pytest.mark.long
def test_a_kill_between_any_two_steps_is_repaired(
    nih: Path, tmp_path: Path, schemas: Path, learnt: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alara_train.cli import pipeline

    def killed(*_: object, **__: object) -> None:
        raise Killed

    more = ("--sides", "64", "--precisions", "fp32,fp16")
    places = [
        (pipeline, "_train"),
        (build, "measure_gate"),
        (FinetunedRecipe, "scores"),
        (build, "evaluate_family"),
        (build, "report_family"),
    ]
    for module, name in places:
        with monkeypatch.context() as patched:
            patched.setattr(module, name, killed)
            with pytest.raises(Killed):
                run(tmp_path, nih, schemas, learnt, *more)
    said = succeeds(run(tmp_path, nih, schemas, learnt, *more))
    assert "evaluate: done before" in said
    assert build.is_complete(tmp_path / "models" / "tiny-nih")
    assert [v["precision"] for v in document(tmp_path, "catalog")["variants"]] == ["fp32", "fp16"]
    (tmp_path / "models" / "tiny-nih" / "r64-fp16.onnx").unlink()
    succeeds(run(tmp_path, nih, schemas, learnt, *more))
    assert build.is_complete(tmp_path / "models" / "tiny-nih")


def test_problems_are_reported_before_any_work(nih: Path, tmp_path: Path, schemas: Path, learnt: TrainConfig) -> None:
    for config, more, word in (
        (replace(learnt, fold=1), (), "has fold = 1, not -1"),
        (replace(learnt, labels="Edema"), (), "only runs with labels = all"),
        (replace(learnt, start="imagenet:nowhere.pth"), (), "is not a file"),
        (learnt, ("--sides", "64,64"), "each once"),
        (learnt, ("--sides", "64", "--precisions", "int8"), "must be fp32"),
        (learnt, ("--sides", "64", "--family", "No Name"), "no name of a family"),
    ):
        result = run(tmp_path, nih, schemas, config, *more)
        assert result.exit_code == 2
        assert word in result.output
    assert not (tmp_path / "work").exists()
    few = tmp_path / "few"
    shutil.copytree(nih, few)
    table = few / "Data_Entry_2017_v2020.csv"
    table.write_text(table.read_text().replace("Hernia|", "").replace("|Hernia", "").replace("Hernia", "No Finding"))
    result = run(tmp_path, few, schemas, learnt, "--sides", "64")
    assert result.exit_code == 2
    assert "one class" in result.output
    assert not (tmp_path / "work" / "runs").exists()


@pytest.mark.long
def test_an_untrained_network_is_exported_but_not_served(nih: Path, tmp_path: Path, schemas: Path) -> None:
    result = run(tmp_path, nih, schemas, LITE, "--sides", "64", "--precisions", "fp32")
    out = tmp_path / "models" / "tiny-nih"
    if result.exit_code == 0:
        # Of 14 findings, one may exceed chance by accident: on 50 films the interval of its AUROC then lies above 0.5.
        catalog = document(tmp_path, "catalog")
        assert len(catalog["notServed"]) > len(catalog["findings"])
        heads = catalog["variants"][0]["heads"]
        assert all(heads[finding]["auroc"]["ci95"][0] > 0.5 for finding in catalog["findings"])
        return
    assert result.exit_code == 2
    assert "no finding can be served" in result.output
    assert "is not above chance" in result.output
    assert [path.name for path in out.iterdir()] == ["r64-fp32.onnx"]
    film = tensor(Prepared.open(tmp_path / "work" / "prepared").pixels(64)[:3], MEAN, STD)
    session = ort.InferenceSession(str(out / "r64-fp32.onnx"))
    logits, cam, gate = (np.asarray(v) for v in session.run(["logits", "cam", "gate"], {"film": film}))
    assert (logits.shape, cam.shape, gate.shape) == ((3, 14), (3, 14, 2, 2), (3, 6))
    with torch.inference_mode():
        expected = open_run(tmp_path / "work" / "runs" / "64px").network(torch.from_numpy(film))[0]
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(torch.sigmoid(expected).numpy(), abs=MOST_DIFFERENCE)


def test_several_gpus_train_by_torchrun_which_leaves_the_options_to_the_command(
    nih: Path, tmp_path: Path, schemas: Path, learnt: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def note(command: list[str], **_: object) -> SimpleNamespace:
        ran.append(command)
        return SimpleNamespace(returncode=3)

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", note)
        result = run(tmp_path, nih, schemas, learnt, "--sides", "64", "--gpus", "8")
    assert result.exit_code == 2
    assert "ended with 3" in result.output
    launched = next(command for command in ran if "torch.distributed.run" in command)
    known = torchrun(launched[launched.index("torch.distributed.run") + 1 :])  # type: ignore[no-untyped-call]
    assert (known.nproc_per_node, known.training_script) == ("8", sys.executable)
    assert known.training_script_args[:3] == ["-m", "alara_train.cli.main", "train"]
    assert TrainConfig.load(Path(known.training_script_args[3])) == replace(learnt, side_px=64)


def test_another_family_is_not_overwritten(
    made: Path, tmp_path: Path, nih: Path, schemas: Path, learnt: TrainConfig
) -> None:
    shutil.copytree(made / "models", tmp_path / "models")
    result = run(tmp_path, nih, schemas, learnt, "--sides", "64")
    assert result.exit_code == 2
    assert "holds a family already" in result.output


def test_settings_and_origins_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    for text, word in (
        ("grdi = 3", "unknown keys grdi"),
        ("grid = 1.5", "grid must be a whole number"),
        ("gate_folds = 1", "least 2"),
    ):
        path.write_text(text)
        with pytest.raises(BadConfig, match=word):
            ExportSettings.load(path)
    with pytest.raises(BadConfig, match="--origin"):
        origin_of("table", None)
    path.write_text('dataset = "Mine"')
    with pytest.raises(BadConfig, match="licence"):
        origin_of("table", path)
    assert origin_of("nih", None).dataset == "NIH ChestX-ray14"
    assert precisions_of("fp16, fp32") == ("fp32", "fp16")
    with pytest.raises(BadConfig, match="at least one run"):
        load_runs.open_runs([], None)  # type: ignore[arg-type]
