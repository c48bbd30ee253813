"""The feature cache is valid only for its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damage import DAMAGE
from onnx import TensorProto, helper

from alara_train.atomic_file import atomic_output
from alara_train.networks.efficientnet_lite import Trunk
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import Features, Pooled, features_key, load_features, save_features

CONFIGS = Path(__file__).parents[4] / "training" / "configs"
SMALL = replace(FamilyConfig.load(CONFIGS / "chest14.toml"), sides_px=(32, 64), gate_films=2, gate_made=14)


def some_features() -> Features:
    node = helper.make_node("Relu", ["film"], ["stage3"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("film", "stage3")]
    graph = helper.make_model(helper.make_graph([node], "made", values[:1], values[1:]))
    rng = np.random.default_rng(0)
    rows, mirrored = (rng.normal(size=(5, 3, 4)).astype(np.float32) for _ in range(2))
    return Features(graph, Pooled(rows=rows, mirrored=mirrored))


def test_features_are_returned_unchanged(tmp_path: Path) -> None:
    features, path = some_features(), tmp_path / "features-r32-fp32.npz"
    save_features(path, "a key", features)
    again = load_features(path, "a key")
    assert again is not None
    assert again.graph == features.graph
    assert np.array_equal(again.pooled.rows, features.pooled.rows)
    assert np.array_equal(again.pooled.mirrored, features.pooled.mirrored)
    assert load_features(path, "another key") is None


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damaged_features_are_rejected(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "features-r32-fp32.npz"
    save_features(path, "a key", some_features())
    damage(path)
    assert load_features(path, "a key") is None


def test_a_full_disk_keeps_the_old_features(tmp_path: Path) -> None:
    path = tmp_path / "features-r32-fp32.npz"
    save_features(path, "a key", some_features())
    before = path.read_bytes()

    def full(out: object) -> None:
        out.write(b"half of")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), atomic_output(path) as out:
        full(out)
    assert path.read_bytes() == before


def test_the_cache_key_has_all_inputs_of_the_features() -> None:
    def trunk(seed: int) -> Trunk:
        import torch

        torch.manual_seed(seed)
        return Trunk("efficientnet-lite0", ("stage1",))

    first = trunk(0)
    key = features_key("pixels", "r32-fp32", SMALL, first)
    assert key == features_key("pixels", "r32-fp32", replace(SMALL, ridges=(1.0,), margin=0.5), first)
    others = [
        features_key("other pixels", "r32-fp32", SMALL, first),
        features_key("pixels", "r32-int8", SMALL, first),
        features_key("pixels", "r32-fp32", SMALL, trunk(1)),
        *(
            features_key("pixels", "r32-fp32", replace(SMALL, **change), first)  # type: ignore[arg-type]
            for change in ({"stages": ("stage3",)}, {"grid": 2}, {"seed": 1}, {"quantise_films": 3})
        ),
        features_key("pixels", "r32-fp32", replace(SMALL, int8_keeps_float=("/Clip",)), first),
    ]
    assert len({key, *others}) == len(others) + 1
