"""Requirements for the command line: fast help, one sentence per mistake, and only existing options in messages."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from test_calibrate import keep_scores
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.layouts.csv_rows import read_rows
from alara_train.errors import UserError, describe_os_error
from alara_train.malloc import KEEP, restart_needed
from alara_train.recipes.frozen.trunk import serving_trunk

PACKAGE = Path(__file__).parents[3] / "training" / "alara_train"
CONFIGS = Path(__file__).parents[3] / "training" / "configs"
HEAVY = ("torch", "scipy", "sklearn", "matplotlib", "monai", "onnx", "onnxruntime", "pyvips", "tensorboard")


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys; from alara_train.cli.main import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pipeline" in said
    assert [name for name in HEAVY if name in said.splitlines()[-1].split()] == []


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_telemetry_and_the_font_cache_are_off_in_any_environment(value: str, tmp_path: Path) -> None:
    """ONNX Runtime sends usage data unless its variable is 1. matplotlib ignores an empty MPLCONFIGDIR."""
    code = "import os, alara_train; print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['MPLCONFIGDIR'])"
    surroundings = {**os.environ, "ORT_DISABLE_TELEMETRY": value, "MPLCONFIGDIR": "", "TMPDIR": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], env=surroundings, capture_output=True, text=True, check=True)
    off, fonts = said.stdout.split()
    assert off == "1"
    assert Path(fonts).parent == tmp_path


# --- mistakes


def missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def a_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def bytes_of_another_kind(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another_document(path: Path) -> None:
    path.write_text('{"name": "x"}' if path.suffix == ".json" else "[unknown]\nname = 1\n")


def unfinished(path: Path) -> None:
    path.write_text("{" if path.suffix == ".json" else "a = [")


MISTAKES = (missing, a_folder, bytes_of_another_kind, empty, another_document, unfinished)

OUT = ("--out", "{place}/made", "--work", "{place}/work")
VERBS: dict[str, tuple[str, list[str]]] = {
    "prepare": ("table.csv", ["prepare", "{place}", "--out", "{place}/out"]),
    "train": ("run.toml", ["train", "{spoilt}", "--data", "{place}", "--run", "{place}/run"]),
    "train, films": ("prepared.json", ["train", "{place}/good.toml", "--data", "{place}", "--run", "{place}/run"]),
    "sweep": ("run.toml", ["sweep", "{spoilt}", "--data", "{place}", "--out", "{place}/sweep"]),
    "calibrate": ("catalog.json", ["calibrate", "{place}", "--family", "{place}"]),
    "calibrate, scores": ("scores-r256-int8.npz", ["calibrate", "{place}", "--family", "{place}"]),
    "evaluate, scores": ("scores-r256-int8.npz", ["evaluate", "{place}", "--family", "{place}", "--bootstraps", "10"]),
    "scores": ("catalog.json", ["scores", "{place}", "--data", "{place}", "--family", "{place}"]),
    "policy": ("evaluation.json", ["policy", "--family", "{place}"]),
    "policy, catalog": ("catalog.json", ["policy", "--family", "{place}"]),
    "report": ("policy.json", ["report", "--family", "{place}"]),
    "export": ("prepared.json", ["export", "{place}/run", "--prepared", "{place}", "--out", "{place}/made"]),
    "pipeline": (
        "run.toml",
        ["pipeline", "{spoilt}", "--data", "{place}", "--out", "{place}/made", "--work", "{place}/work"],
    ),
    "pipeline, settings": (
        "settings.toml",
        ["pipeline", "{place}/good.toml", "--data", "{place}", "--settings", "{spoilt}", *OUT],
    ),
    "family": ("family.toml", ["family", "{spoilt}", "--data", "{place}", "--out", "{place}/made"]),
    "cost": ("catalog.json", ["cost", "--family", "{place}"]),
    "cost, model": ("r256-fp32.onnx", ["cost", "--family", "{place}"]),
    "golden": ("catalog.json", ["golden", "--family", "{place}", "--films", "{place}", "--out", "{place}"]),
    "study nodules": ("study.toml", ["study", "nodules", "{spoilt}", "--data", "{place}", "--out", "{place}/s.json"]),
    "study rendering": ("family.toml", ["study", "rendering", "{spoilt}", "--data", "{place}", "--family", "{place}"]),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with valid inputs for every command, which a test then corrupts."""
    place = tmp_path_factory.mktemp("sound")
    family = Path(__file__).parents[3] / "models" / "chest14"
    for name in ("catalog.json", "policy.json", "evaluation.json", "r256-fp32.onnx"):
        shutil.copy(family / name, place / name)
    shutil.copy(CONFIGS / "train-cpu-example.toml", place / "good.toml")
    shutil.copy(CONFIGS / "train-cpu-example.toml", place / "run.toml")
    shutil.copy(CONFIGS / "study-nodules.toml", place / "study.toml")
    shutil.copy(CONFIGS / "chest14.toml", place / "family.toml")
    keep_scores(place, "r256-int8", 256, "int8")
    return place


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("verb", VERBS)
def test_a_mistake_ends_with_one_sentence(
    verb: str, mistake: Callable[[Path], None], sound: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    shutil.copytree(sound, place)
    name, words = VERBS[verb]
    spoilt = place / name
    mistake(spoilt)
    done = CliRunner().invoke(app, [word.format(place=place, spoilt=spoilt) for word in words])
    assert done.exit_code == 2, f"{done.output}\n{done.exception!r}"
    assert isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    assert re.search(r"^(alara-train: |.*(Error|Invalid value))", done.output, re.M), done.output


def test_a_system_error_names_the_file() -> None:
    for code, word in (
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "may not read or write"),
        (errno.ENOENT, "does not exist"),
        (errno.EROFS, "may not read or write"),
    ):
        said = describe_os_error(OSError(code, "as the system says it", "films/a.png"))
        assert said.startswith("films/a.png: ")
        assert word in said


def test_a_full_disk_ends_any_command_with_one_sentence(
    family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(family, tmp_path / "family")

    def full(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("alara_train.json_file.write_atomic", full)
    done = CliRunner().invoke(app, ["policy", "--family", str(tmp_path / "family"), "--write"])
    assert done.exit_code == 2
    assert "the disk is full" in done.output


# --- options in messages


def recommended(module: Path) -> set[str]:
    """The options in the messages of a module, without the texts of help and documentation."""
    tree = ast.parse(module.read_text())
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) or (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", "") in ("problem_if", "Problem", "BadData", "BadConfig")
        ):
            inside |= {id(part) for part in ast.walk(node)}
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "correction":
            inside |= {id(part) for part in ast.walk(node)}
    texts = [n.value for n in ast.walk(tree) if id(n) in inside and isinstance(n, ast.Constant)]
    return {option for text in texts if isinstance(text, str) for option in re.findall(r"--[a-z][a-z-]+", text)}


def options(verb: str) -> set[str]:
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}


SAID_BY: dict[str, list[str]] = {
    "data": ["prepare", "pipeline"],
    "family": ["pipeline"],
    "origin.py": ["family", "export", "pipeline"],
    "cli/options.py": ["prepare", "pipeline", "sweep"],
    "recipes/finetuned": ["pipeline"],
    "cli/prepare.py": ["prepare"],
    "cli/pipeline.py": ["pipeline"],
    "cli/sweep.py": ["sweep"],
    "cli/train.py": ["train"],
    "cli/policy.py": ["policy"],
    "cli/evaluate.py": ["evaluate"],
    "report/policy.py": ["policy", "evaluate"],
    "report/power.py": ["power"],
    "recipes/frozen/trunk.py": ["family"],
}
NOT_OF_PIPELINE = {"--allow-one-class", "--jobs"}
"""The pipeline always allows one class here and checks validation and test itself."""


def test_a_command_has_every_option_that_its_messages_recommend() -> None:
    seen: set[str] = set()
    for where, verbs in SAID_BY.items():
        place = PACKAGE / where
        for module in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            wants = recommended(module)
            seen |= wants
            for verb in verbs:
                lacking = wants - options(verb) - (NOT_OF_PIPELINE if verb == "pipeline" else set())
                assert not lacking, f"{module.name} recommends {lacking}, which {verb} lacks"
    assert {"--seed", "--folds", "--test-share", "--val-share", "--skip-broken", "--origin", "--margin"} <= seen


def test_every_module_that_recommends_an_option_is_checked() -> None:
    for module in sorted(PACKAGE.rglob("*.py")):
        relative = str(module.relative_to(PACKAGE))
        if not any(relative == where or relative.startswith(f"{where}/") for where in SAID_BY):
            assert recommended(module) == set(), relative


def test_the_pipeline_has_every_choice_of_prepare() -> None:
    # Sides, data, out and jobs exist as well. Separate folders replace --out.
    assert options("prepare") - options("pipeline") == {"--allow-one-class"}


# --- memory


def test_training_on_a_cpu_limits_its_memory_by_default() -> None:
    def asked(line: str, gpu: bool = False, glibc: bool = True, **environment: str) -> bool:
        return restart_needed(line.split(), environment, gpu, glibc)

    assert asked("train c.toml --data d --run r")
    assert asked("pipeline c.toml --device cpu", gpu=True)
    assert asked("sweep c.toml --device=cpu", gpu=True)
    for line in ("train c.toml --device cuda", "train --help", "prepare d --out o", "--help", ""):
        assert not asked(line)
    assert not asked("train c.toml", gpu=True)
    assert not asked("train c.toml", glibc=False)
    assert not asked("train c.toml", ALARA_TRAIN_MALLOC="system")
    assert not asked("train c.toml", **KEEP)


def test_the_settings_exist_before_the_training_process_starts(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import os, sys\n"
        "from alara_train import malloc\n"
        "malloc.GPU = malloc.Path('/nowhere')\n"
        "malloc.restart_for_training()\n"
        "print(sys.argv[1:], *(os.environ.get(name) for name in malloc.KEEP))\n"
    )
    for more, expected in (({}, "0 4294967296"), ({"ALARA_TRAIN_MALLOC": "system"}, "None None")):
        environment = {**{k: v for k, v in os.environ.items() if k not in KEEP}, **more}
        command = [sys.executable, str(probe), "train", "a b.toml"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == f"['train', 'a b.toml'] {expected}"


# --- one margin per family


def test_the_shipped_family_keeps_its_policy(family: Path, tmp_path: Path) -> None:
    shutil.copytree(family, tmp_path / "any-name")
    before = json.loads((family / "policy.json").read_text())
    done = CliRunner().invoke(app, ["policy", "--family", str(tmp_path / "any-name"), "--write"])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "any-name" / "policy.json").read_text()) == before


def test_evaluate_refuses_unreadable_documents(sound: Path, tmp_path: Path) -> None:
    """The command needs neither a catalog nor an evaluation, but reads existing ones."""
    for name in ("catalog.json", "evaluation.json", "policy.json"):
        place = tmp_path / name
        shutil.copytree(sound, place)
        (place / name).write_text("{")
        done = CliRunner().invoke(app, ["evaluate", str(place), "--family", str(place), "--bootstraps", "10"])
        assert done.exit_code == 2
        assert f"{name} is not a JSON document" in done.output


def test_evaluate_takes_margin_protocol_and_name_from_the_family(sound: Path, tmp_path: Path) -> None:
    place = tmp_path / "renamed"
    shutil.copytree(sound, place)
    (place / "evaluation.json").write_text(json.dumps({"margin": 0.5, "bootstraps": 12, "protocol": "crossValidated"}))
    done = CliRunner().invoke(app, ["evaluate", str(place), "--family", str(place)])
    assert done.exit_code == 0, done.output
    document = json.loads((place / "evaluation.json").read_text())
    assert (document["margin"], document["bootstraps"], document["family"]) == (0.5, 12, "chest14")
    (place / "policy.json").unlink()
    done = CliRunner().invoke(app, ["evaluate", str(place), "--family", str(place), "--margin", "0.03"])
    assert json.loads((place / "evaluation.json").read_text())["margin"] == 0.03
    done = CliRunner().invoke(app, ["evaluate", str(place), "--family", str(place)])
    assert json.loads((place / "evaluation.json").read_text())["margin"] == 0.03


def test_logits_are_in_the_order_of_the_ranks() -> None:
    import base64

    from test_evaluation import family as scored

    from alara_train.evaluate.scores_file import scores_document

    variants = scored()
    document = scores_document(variants, [f"{i:016x}" for i in range(len(variants[0]))], "made")
    for one in variants:
        for j, finding in enumerate(one.findings):
            logits = np.frombuffer(base64.b64decode(document["logits"][one.variant][finding]), dtype="<f4")
            ranks = np.frombuffer(base64.b64decode(document["ranks"][one.variant][finding]), dtype="<u2")
            assert logits == pytest.approx(one.logits[:, j], rel=1e-6)
            assert np.array_equal(np.argsort(ranks, kind="stable"), np.argsort(one.logits[:, j], kind="stable"))


# --- tables


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("image;patient;Effusion\na.png;p;1\n", "separate the columns by commas, not semicolons"),
        ("image\tpatient\tEffusion\na.png\tp\t1\n", "separate the columns by commas, not tabs"),
        ("image,patient,Effusion,Effusion\na.png,p,1,0\n", "more than one column Effusion"),
        ("image,patient,Effusion\na.png,Doe, J,1\n", "more values than columns in 1 rows, first in line 2"),
        ('image,patient,Effusion\n"a.png,p,1\nb.png,q,0\n', "is not a CSV file"),
        ("image,patient,Effusion\n,,\n", "has no rows"),
    ],
)
def test_an_ambiguous_table_is_refused(text: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(text)
    done = CliRunner().invoke(app, ["prepare", str(tmp_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert word in done.output
    assert not (tmp_path / "out").exists()


def test_empty_rows_and_trailing_empty_cells_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(
        b"\xef\xbb\xbfimage,patient,Effusion\r\na.png,p,1,\r\n,,\r\n\r\nb.png,q,0,,\r\n"
    )
    rows = read_rows(tmp_path / "table.csv", ("image", "patient"))
    assert [row["image"] for row in rows] == ["a.png", "b.png"]


def test_a_file_in_place_of_a_folder_is_reported(tmp_path: Path) -> None:
    for code, word in ((errno.EEXIST, "a file where a folder is needed"), (errno.EISDIR, "a file is needed")):
        assert word in describe_os_error(OSError(code, "as the system says it", "x"))


def test_weights_of_another_network_end_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_text("not weights")
    for path, word in (("x.pth", "does not hold the published weights"), ("none.pth", "does not exist")):
        with pytest.raises((UserError, OSError)) as raised:
            serving_trunk("efficientnet-lite0", ("stage1",), tmp_path / path)
        said = describe_os_error(raised.value) if isinstance(raised.value, OSError) else str(raised.value)
        assert word in said


def test_ctrl_c_ends_any_command_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("alara_train.recipes.frozen.config.FamilyConfig.load", stopped)
    done = CliRunner().invoke(app, ["family", "c.toml", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 130
    assert "stopped; run the same command again" in done.output


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["family", "c.toml", "--threads", "0"], "Invalid value"),
        (["pipeline", "c.toml", "--work", "w", "--gpus", "0"], "Invalid value"),
        (["export", "run", "--prepared", "p", "--threads", "-1"], "Invalid value"),
        (["pipeline", "c.toml", "--work", "w", "--device", "gpu"], "--device is cpu, cuda or auto, not gpu"),
        (["pipeline", "c.toml", "--work", "w", "--device", "cuda"], "finds no GPU here"),
    ],
)
def test_a_missing_capability_of_the_machine_is_reported_first(
    words: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    more = ["--data", str(tmp_path)] if words[0] != "export" else []
    done = CliRunner().invoke(app, [*words, *more, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert word in done.output
    assert list(tmp_path.iterdir()) == []
