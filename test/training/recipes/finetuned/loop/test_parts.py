"""The parts of training, tested separately."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from stand_in import CONFIG, LIVELY, PLAIN, changed, stand_in

from alara_train.data.films import FINDINGS, BadData
from alara_train.networks.registry import build
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.loop.augment import apply, draw
from alara_train.recipes.finetuned.loop.batches import Plan
from alara_train.recipes.finetuned.loop.checkpoint import Average
from alara_train.recipes.finetuned.loop.losses import class_weights, elementwise
from alara_train.recipes.finetuned.loop.step import rate
from alara_train.recipes.finetuned.roles import PreparedFilms, assign
from alara_train.toml_file import BadConfig

CONFIGS = Path(__file__).parents[5] / "training" / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("train-*.toml")), ids=lambda p: p.stem)
def test_every_shipped_config_loads_and_round_trips_through_toml(path: Path, tmp_path: Path) -> None:
    config = TrainConfig.load(path)
    assert not config.augment.horizontal_flip
    (tmp_path / "again.toml").write_text(config.toml())
    assert TrainConfig.load(tmp_path / "again.toml") == config


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ""}, "labels must be all or the name of a finding"),
        ({"side_px": 16}, "32 to 1024"),
        ({"loss": "mse"}, "loss must be"),
        ({"epochs": "2"}, "epochs must be a whole number"),
        ({"channels_last": 1}, "channels_last must be true or false"),
        ({"norms": "frozen"}, "not random"),
        ({"colour": "red"}, "unknown keys colour"),
        ({"augment": {"vertical_flip": True}}, "lacks"),
    ],
)
def test_an_inconsistent_config_is_refused_with_its_key(change: dict[str, object], says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        TrainConfig.parse({**asdict(CONFIG), **change}, "here")
    table = asdict(CONFIG)
    del table["lr"]
    with pytest.raises(BadConfig, match="lacks lr"):
        TrainConfig.parse(table, "here")


def test_losses_equal_values_computed_by_hand() -> None:
    logits = torch.tensor([[0.5, -1.0], [2.0, 0.3]])
    labels = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    weights = class_weights(np.array([10, 25]), np.array([90, 75]))
    assert weights.tolist() == [pytest.approx([100 / 180, 100 / 150]), pytest.approx([5.0, 2.0])]
    p = 1 / (1 + np.exp(-logits.numpy().astype(float)))
    plain = elementwise("bce", logits, labels, weights).numpy()
    assert plain == pytest.approx(np.array([[-math.log(p[0, 0]), -math.log(1 - p[0, 1])], [-math.log(1 - p[1, 0]), 0]]))
    weighted = elementwise("weighted", logits, labels, weights).numpy()
    assert weighted == pytest.approx(plain * np.array([[5.0, 100 / 150], [100 / 180, 0]]))
    one_sided = elementwise("asymmetric", logits, labels, weights).numpy()

    def negative(q: float) -> float:
        return -(max(q - 0.05, 0) ** 4) * math.log(1 - max(q - 0.05, 0))

    by_hand = [[-(1 - p[0, 0]) * math.log(p[0, 0]), negative(p[0, 1])], [negative(p[1, 0]), 0]]
    assert one_sided == pytest.approx(np.array(by_hand))


@pytest.mark.parametrize("kind", ["bce", "weighted", "asymmetric"])
def test_an_unknown_label_has_no_gradient(kind: str) -> None:
    logits = torch.tensor([[3.0, -200.0, 200.0]], requires_grad=True)
    elementwise(kind, logits, torch.tensor([[-1.0, 1.0, -1.0]]), torch.ones(2, 3)).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] == 0
    assert logits.grad[0, 2] == 0
    assert logits.grad[0, 1] < 0


def test_the_plan_is_pure_and_one_process_sees_every_film_once_per_epoch() -> None:
    rows = np.arange(100, 150)
    alone = Plan(rows, 7, 6, 2)
    assert alone.steps == 4
    for step in (5, 0, 5):
        assert alone.step(step).tolist() == Plan(rows, 7, 6, 2).step(step).tolist()
    seen = np.concatenate([alone.step(s).ravel() for s in range(4)])
    assert len(set(seen.tolist())) == 48
    assert set(seen.tolist()) <= set(rows.tolist())
    assert alone.step(0).tolist() != alone.step(4).tolist()
    assert alone.step(0).tolist() != Plan(rows, 8, 6, 2).step(0).tolist()
    parts = [Plan(rows, 7, 6, 2, rank, 3).mine(1) for rank in range(3)]
    assert sorted(np.concatenate(parts, axis=1).ravel().tolist()) == sorted(alone.step(1).ravel().tolist())


def test_the_learning_rate_rises_linearly_and_falls_to_zero() -> None:
    rates = [rate(step, 4, 20) for step in range(20)]
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    assert all(a > b for a, b in pairwise(rates[4:]))
    assert rates[12] == pytest.approx(0.5)
    assert rates[19] < 0.02


def test_augmentation_depends_only_on_seed_epoch_and_film() -> None:
    assert draw(LIVELY, 1, 2, 3).tolist() == draw(LIVELY, 1, 2, 3).tolist()
    drawn = {tuple(draw(LIVELY, s, e, r).tolist()) for s in (1, 2) for e in (1, 2) for r in (1, 2)}
    assert len(drawn) == 8


def test_no_augmentation_keeps_the_film_and_noise_differs_between_films() -> None:
    films = torch.rand(3, 1, 32, 32)
    still = torch.from_numpy(np.stack([draw(PLAIN, 1, 0, row) for row in range(3)]))
    assert torch.allclose(apply(films, still), films, atol=1e-5)
    noisy = torch.from_numpy(np.stack([draw(replace(PLAIN, noise=0.1), 1, 0, row) for row in range(3)]))
    together = apply(films, noisy)
    assert not torch.allclose(together, films, atol=1e-2)
    assert together[1:].equal(apply(films[1:], noisy[1:]))


def test_films_are_never_flipped_and_mirrored_only_on_request() -> None:
    ramp = torch.linspace(0, 1, 33)[:, None].expand(33, 33)
    films = torch.stack([ramp, ramp.T])[:, None].contiguous()
    wild = replace(LIVELY, rotate_degrees=45.0, scale=0.3, translate=0.1, noise=0.0)
    mirrored = 0
    for row in range(200):
        for settings in (wild, replace(wild, horizontal_flip=True)):
            drawn = torch.from_numpy(np.stack([draw(settings, 1, 0, row)] * 2))
            down, across = apply(films, drawn)[:, 0, 8:25, 8:25]
            # Twice the cosine of 45 degrees is not quite reached: downwards the film always gets brighter.
            assert float(drawn[0, 4]) > 0
            assert float(down[-5:].mean() - down[:5].mean()) > 0
            turned = float(drawn[0, 0]) < 0
            assert (float(across[:, -5:].mean() - across[:, :5].mean()) < 0) == turned
            mirrored += turned if settings.horizontal_flip else 0
            assert settings.horizontal_flip or not turned
    assert 60 < mirrored < 140


def test_the_average_follows_its_network() -> None:
    network = build("tiny", outputs=1, start="random")
    average = Average(network, 0.5)
    before = network.weight.detach().clone()
    with torch.no_grad():
        network.weight.add_(1.0)
    average.update(network, 1000)
    assert torch.allclose(average.network.weight, before + 0.5)
    Average(network, 0.0).update(network, 0)
    assert average.network.state_dict().keys() == network.state_dict().keys()


def test_roles_follow_the_split_or_the_fold() -> None:
    data = stand_in()
    assert assign(data, CONFIG).role.tolist() == data.split.tolist()
    roles = assign(data, changed(fold=1))
    assert (roles.role == "val").tolist() == (data.films.fold == 1).tolist()
    assert (roles.role == "test").tolist() == (data.films.fold == -1).tolist()
    one = assign(data, changed(labels="Mass"))
    unknown = np.flatnonzero(data.films.labels[:, FINDINGS.index("Mass")] == -1)
    assert one.labels.shape == (72, 1)
    assert not set(one.rows("train", "val", "test").tolist()) & set(unknown.tolist())
    assert one.digest == roles.digest or one.digest == assign(data, CONFIG).digest


def test_unusable_data_is_refused_before_training() -> None:
    data = stand_in()
    with pytest.raises(BadData, match="no fold 7"):
        assign(data, changed(fold=7))
    with pytest.raises(BadData, match="do not fill one step"):
        assign(data, changed(batch_size=64))
    with pytest.raises(BadData, match="more than one fold"):
        assign(replace(data, split=np.roll(data.split, 1)), CONFIG)
    labels = data.films.labels.copy()
    labels[:, 3] = 0
    with pytest.raises(BadData, match="only one class of Infiltration"):
        assign(replace(data, films=replace(data.films, labels=labels)), CONFIG)
    with pytest.raises(BadData, match="split has other"):
        assign(replace(data, split=np.full(72, "other")), CONFIG)


def test_the_synthetic_data_is_a_prepared_data_set() -> None:
    data: PreparedFilms = stand_in()
    assert data.pixels(64).shape == (72, 64, 64)
    assert TrainConfig.parse(asdict(CONFIG), "here") == CONFIG
