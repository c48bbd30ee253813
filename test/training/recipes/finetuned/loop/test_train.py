"""Complete runs on synthetic films."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from stand_in import CONFIG, PLAIN, changed, stand_in

from alara_train.data.films import BadData
from alara_train.data.pixels import tensor
from alara_train.export.graph import session, to_float16
from alara_train.networks.classifier import Classifier
from alara_train.networks.registry import build
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.load_runs import open_run
from alara_train.recipes.finetuned.loop.context import make_context
from alara_train.recipes.finetuned.loop.distributed import Processes, join_processes
from alara_train.recipes.finetuned.loop.init import begin
from alara_train.recipes.finetuned.loop.step import optimiser_step
from alara_train.recipes.finetuned.loop.train import train
from alara_train.recipes.finetuned.recipe import MAP, trunk_to_onnx
from alara_train.recipes.finetuned.roles import assign
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.toml_file import BadConfig

CHILD = Path(__file__).parents[3] / "support" / "stand_in.py"
STEPS = 12
"""48 training films in steps of 8, twice."""


class Killed(BaseException):
    """Simulates a sudden kill within the process."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("unbroken") / "run"
    train(CONFIG, stand_in(), run)
    return run


def dies(step: int) -> Callable[[int], None]:
    def after(number: int) -> None:
        if number == step:
            raise Killed

    return after


def outcome(run: Path) -> tuple[str, bytes, list[dict[str, object]]]:
    """Digest of the weights, bytes of the logits, and the log without times."""
    logits = np.load(run / "scores.npz")["logits"].tobytes()
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    for line in log:
        line.pop("imagesPerSecond", None)
    return json.loads((run / "done.json").read_text())["weightsDigest"], logits, log


def child(config: TrainConfig, run: Path, toml: Path, dies_after: int, processes: int = 1) -> int:
    toml.write_text(config.toml())
    launch = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--master-port=0", "--standalone"]
    before = launch if processes > 1 else []
    command = [sys.executable, *before, str(CHILD), str(run), str(toml), str(dies_after)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        try:
            return process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # torchrun's own processes too
            raise


def test_a_run_writes_all_its_documented_files(unbroken: Path) -> None:
    names = {path.name.split(".")[0] if path.name.startswith("events") else path.name for path in unbroken.iterdir()}
    assert names == {
        *("config.toml", "provenance.json", "log.jsonl", "events"),
        *("last.pt", "best.pt", "scores.npz", "done.json"),
    }
    done = json.loads((unbroken / "done.json").read_text())
    assert done["ended"] == "epochs"
    assert done["selectedOnValidation"] is True
    assert set(done["auroc"]) == {"val", "test"}
    scores = np.load(unbroken / "scores.npz")
    assert scores["logits"].shape == (24, 14)
    assert np.isfinite(scores["logits"]).all()
    assert set(scores["split"].tolist()) == {"val", "test"}
    provenance = json.loads((unbroken / "provenance.json").read_text())
    assert provenance["data"]["films"] == {"train": 48, "val": 12, "test": 12}
    assert provenance["sittings"][0]["packages"]["torch"] == torch.__version__
    log = outcome(unbroken)[2]
    assert [line["step"] for line in log if "loss" in line] == list(range(1, STEPS + 1))
    assert [line["step"] for line in log if "meanAuroc" in line] == [6, 12]


def test_a_killed_run_resumes_to_an_identical_end(unbroken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert child(CONFIG, run, tmp_path / "c.toml", dies_after=5) == -9
    assert (run / "last.pt").is_file()
    assert not (run / "done.json").exists()
    train(CONFIG, stand_in(), run)
    assert outcome(run) == outcome(unbroken)
    assert [s["fromStep"] for s in json.loads((run / "provenance.json").read_text())["sittings"]] == [0, 3]


def test_a_run_that_is_stopped_repeatedly_resumes_to_an_identical_end(unbroken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for step in (1, 3, 4, 6, 7, 11, 12):
        with pytest.raises(Killed):
            train(CONFIG, stand_in(), run, after_step=dies(step))
    train(CONFIG, stand_in(), run)
    assert outcome(run) == outcome(unbroken)


def test_prefetching_in_other_processes_does_not_change_the_result(unbroken: Path, tmp_path: Path) -> None:
    train(changed(workers=2), stand_in(), tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(unbroken)


def test_accumulation_gives_the_same_step(tmp_path: Path) -> None:
    still = changed(dropout=0.0, ema=0.0, epochs=1, warmup_epochs=0.0, scored="last")
    train(still, stand_in(), tmp_path / "first")
    start = f"checkpoint:{tmp_path / 'first' / 'best.pt'}"
    once = changed(**{**once_of(still), "start": start, "norms": "frozen"})
    twice = changed(**{**once_of(still), "start": start, "norms": "frozen", "batch_size": 4, "accumulate": 2})
    weights = []
    for name, config in (("once", once), ("twice", twice)):
        train(config, stand_in(), tmp_path / name)
        weights.append(torch.load(tmp_path / name / "best.pt", weights_only=True)["weights"])
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-5), name


def once_of(config: TrainConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in TrainConfig.__dataclass_fields__}


@pytest.mark.long
def test_two_processes_train_the_same_network_as_one(tmp_path: Path) -> None:
    # Batch normalisation over two processes needs SyncBatchNorm, which exists only on CUDA. Here it is frozen.
    first = changed(dropout=0.0, epochs=1, warmup_epochs=0.0, scored="last")
    train(first, stand_in(), tmp_path / "first")
    config = changed(
        start=f"checkpoint:{tmp_path / 'first' / 'best.pt'}",
        norms="frozen",
        dropout=0.0,
        accumulate=2,
        epochs=2,
        early_stop_epochs=9,
    )
    train(config, stand_in(), tmp_path / "one")
    assert child(config, tmp_path / "two", tmp_path / "c.toml", dies_after=-1, processes=2) == 0
    one, two = (torch.load(tmp_path / name / "best.pt", weights_only=True)["weights"] for name in ("one", "two"))
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=1e-5), name
    a, b = (np.load(tmp_path / name / "scores.npz") for name in ("one", "two"))
    assert a["names"].tolist() == b["names"].tolist()
    assert a["logits"] == pytest.approx(b["logits"], abs=1e-4)
    assert json.loads((tmp_path / "two" / "provenance.json").read_text())["sittings"][0]["hardware"]["processes"] == 2


def test_two_processes_with_communicating_normalisation_train_the_same_network_as_one(tmp_path: Path) -> None:
    """Such a layer hangs if only one process runs the network. SyncBatchNorm on several GPUs is such a layer."""
    config = changed(backbone="tiny-sharing", dropout=0.0, epochs=2, scored="last", clip_norm=0.3)
    train(config, stand_in(), tmp_path / "one")
    assert child(config, tmp_path / "two", tmp_path / "c.toml", dies_after=-1, processes=2) == 0
    one, two = (torch.load(tmp_path / name / "best.pt", weights_only=True)["weights"] for name in ("one", "two"))
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=2e-4), name


def test_gradients_are_clipped_to_the_configured_norm(tmp_path: Path) -> None:
    config = changed(epochs=1, warmup_epochs=0.0, dropout=0.0, clip_norm=1e-3)
    data = stand_in()
    context = make_context(config, data, assign(data, config), RunFolder(tmp_path), Processes(torch.device("cpu")))
    training = begin(context)
    norms: list[float] = []

    def note(optimiser: torch.optim.Optimizer, *_: object) -> None:
        gradients = [p.grad for group in optimiser.param_groups for p in group["params"]]
        norms.append(float(torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients]))))

    training.optimiser.register_step_pre_hook(note)
    optimiser_step(context, training, None, context.batches(0), 1e-3)
    free = replace(context, config=replace(config, clip_norm=0.0))
    optimiser_step(free, training, None, free.batches(1), 1e-3)
    assert norms[0] == pytest.approx(1e-3, rel=1e-3)
    assert norms[1] > 2e-3


def test_a_config_without_gradient_clipping_keeps_its_meaning(unbroken: Path, tmp_path: Path) -> None:
    old = "\n".join(line for line in CONFIG.toml().splitlines() if not line.startswith("clip_norm"))
    (tmp_path / "old.toml").write_text(old)
    assert TrainConfig.load(tmp_path / "old.toml") == CONFIG
    shutil.copytree(unbroken, tmp_path / "run")
    (tmp_path / "run" / "config.toml").write_text(old)
    assert train(CONFIG, stand_in(), tmp_path / "run")["weightsDigest"] == outcome(unbroken)[0]


def test_validation_uses_the_precision_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    forward = Classifier.forward

    def noting(network: Classifier, film: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if torch.is_inference_mode_enabled():
            seen.append(torch.is_autocast_enabled("cpu"))
        return forward(network, film)

    monkeypatch.setattr(Classifier, "forward", noting)
    train(changed(precision="bf16", epochs=1, warmup_epochs=0.0), stand_in(), tmp_path / "run")
    # Validation after the epoch, then the stored scores in float32.
    assert seen[0]
    assert not seen[-1]


def test_each_nccl_process_sets_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real NCCL needs GPUs. The arguments of this package do not."""
    given: list[tuple[str, object]] = []
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    monkeypatch.setattr(
        torch.distributed, "init_process_group", lambda kind, device_id=None: given.append((kind, device_id))
    )
    left: list[str] = []
    monkeypatch.setattr(torch.distributed, "barrier", lambda: left.append("wait"))
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: left.append("leave"))
    for device in ("cuda", "cpu"):
        with join_processes(device):
            pass
    assert given == [("nccl", torch.device("cuda", 1)), ("gloo", None)]
    assert left == ["wait", "leave"] * 2


def test_a_run_is_never_overwritten(unbroken: Path, tmp_path: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in unbroken.iterdir()}
    with pytest.raises(BadConfig, match=r"another config \(it differs in seed, lr"):
        train(changed(seed=4, lr=1e-4), stand_in(), unbroken)
    with pytest.raises(BadData, match=r"begun on other data \(its splitDigest"):
        train(CONFIG, stand_in(66), unbroken)
    assert train(CONFIG, stand_in(), unbroken)["weightsDigest"] == outcome(unbroken)[0]
    assert {path.name: path.stat().st_mtime_ns for path in unbroken.iterdir()} == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadConfig, match="holds files, but not a run"):
        train(CONFIG, stand_in(), tmp_path)


def test_training_stops_early_if_validation_does_not_improve(tmp_path: Path) -> None:
    # With a learning rate near zero, no epoch is better than the first.
    config = changed(lr=1e-12, epochs=9, early_stop_epochs=2, dropout=0.0, augment=PLAIN, ema=0.0)
    done = train(config, stand_in(), tmp_path / "run")
    assert done["ended"] == "early stop"
    assert done["epochs"] < 9


def test_training_ends_at_its_time_limit(tmp_path: Path) -> None:
    done = train(changed(epochs=500, max_minutes=1e-4), stand_in(), tmp_path / "run")
    assert done["ended"] == "max_minutes"
    assert done["steps"] < 500 * 6
    assert np.isfinite(np.load(tmp_path / "run" / "scores.npz")["logits"]).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"precision": "bf16", "loss": "weighted", "channels_last": True},
        {"precision": "fp16", "loss": "asymmetric"},
        {"labels": "Edema", "fold": 2},
    ],
    ids=lambda s: "-".join(map(str, s.values())),
)
def test_other_precisions_losses_labels_and_folds_run(settings: dict[str, object], tmp_path: Path) -> None:
    config = changed(**settings)
    done = train(config, stand_in(), tmp_path / "run")
    scores = np.load(tmp_path / "run" / "scores.npz")
    assert done["ended"] == "epochs"
    assert scores["logits"].shape[1] == (14 if config.labels == "all" else 1)
    assert np.isfinite(scores["logits"]).all()


def test_it_logs_the_speed_of_reading_and_of_the_network(tmp_path: Path) -> None:
    said: list[str] = []
    train(changed(epochs=1, warmup_epochs=0.0), stand_in(), tmp_path / "run", log=said.append)
    assert any("images/s, the network" in line for line in said)


def test_a_network_learns_an_obvious_finding(tmp_path: Path) -> None:
    config = changed(epochs=30, lr=1e-2, dropout=0.0, augment=PLAIN)
    done = train(config, stand_in(144), tmp_path / "run")
    log = outcome(tmp_path / "run")[2]
    losses = [float(str(line["loss"])) for line in log if "loss" in line]
    assert np.mean(losses[-5:]) < 0.85 * np.mean(losses[:5])
    assert done["auroc"]["test"]["mean"] > 0.6


def test_an_exported_network_equals_pytorch(unbroken: Path, tmp_path: Path) -> None:
    film = tensor(stand_in().pixels(64)[:3])
    network = open_run(unbroken).network
    assert network.bias.shape == (14,)
    exact = trunk_to_onnx(network, 64)
    with torch.inference_mode():
        expected = network.trunk(torch.from_numpy(film)).numpy()
    for graph, most in ((exact, 1e-4), (to_float16(exact), 1e-2)):
        maps = np.asarray(session(graph).run([MAP], {"film": film})[0])
        assert np.abs(maps - expected).max() <= most * max(1.0, float(np.abs(expected).max()))


@pytest.mark.parametrize(("name", "side"), [("efficientnet-lite0", 64), ("efficientnet-lite0", 75), ("resnet34", 64)])
def test_networks_export_with_float32_inputs_and_any_batch_size(name: str, side: int) -> None:
    torch.manual_seed(2)
    network = build(name, outputs=14, start="random").eval()
    graph = trunk_to_onnx(network, side)
    film = tensor(np.random.default_rng(1).integers(0, 255, (3, side, side)).astype(np.uint8))
    for exported in (graph, to_float16(graph)):
        elements = {v.type.tensor_type.elem_type for v in [*exported.graph.input, *exported.graph.output]}
        assert elements == {1}
        assert [v.name for v in exported.graph.output] == [MAP]
    with torch.inference_mode():
        expected = network.trunk(torch.from_numpy(film)).numpy()
    for count in (1, 3):
        maps = np.asarray(session(graph).run([MAP], {"film": film[:count]})[0])
        assert np.abs(maps - expected[:count]).max() <= 1e-3 * max(1.0, float(np.abs(expected).max()))


def test_frozen_stages_keep_their_weights_and_statistics_and_the_others_learn(tmp_path: Path) -> None:
    config = replace(CONFIG, backbone="efficientnet-lite0", start="imagenet", frozen_stages=3, precision="bf16")
    train(config, stand_in(), tmp_path / "run")
    learned = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["network"]
    initial = build("efficientnet-lite0", outputs=1, start="imagenet").state_dict()
    same = {name: bool(torch.equal(value, initial[name])) for name, value in learned.items() if name in initial}
    early = ("trunk.body._conv_stem", "trunk.body._bn0", *(f"trunk.body._blocks.{k}." for k in range(5)))
    assert all(same[name] for name in same if name.startswith(early))
    assert not any(same[name] for name in same if not name.startswith(early) and "num_batches" not in name)


def test_stages_can_only_be_frozen_where_there_are_stages_and_weights() -> None:
    assert any("frozen_stages" in fault for fault in replace(CONFIG, start="random", frozen_stages=1).faults())
    assert any("frozen_stages" in fault for fault in replace(CONFIG, frozen_stages=7).faults())
    resnet = replace(CONFIG, backbone="resnet34", start="imagenet:file", frozen_stages=1)
    assert any("frozen_stages" in fault for fault in resnet.faults())
