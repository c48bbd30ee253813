"""The pixel cache is valid only for its films and its settings."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import pyvips
from damage import DAMAGE

from alara_train.data.films import Films, Labelled
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.settings import Settings
from alara_train.input_gate import samples as material
from alara_train.input_gate.pixel_cache import Progress, cache_pixels, cached_key
from alara_train.input_gate.samples import Sample
from alara_train.recipes.frozen.config import FamilyConfig

CONFIGS = Path(__file__).parents[3] / "training" / "configs"
SMALL = replace(FamilyConfig.load(CONFIGS / "chest14.toml"), sides_px=(32, 64), gate_films=2, gate_made=14)
FILES = ("rows.npz", "pixels-32.npy", "pixels-64.npy")


def write_collection(data: Path, films: int = 6) -> Path:
    """`table.csv` and `images/` with noise."""
    rng = np.random.default_rng(3)
    (data / "images").mkdir(parents=True)
    lines = ["image,patient,Effusion"]
    for row in range(films):
        name = f"{row}.png"
        film = rng.integers(0, 256, (48, 40), dtype=np.uint8)
        pyvips.Image.new_from_array(film).write_to_file(str(data / "images" / name))
        lines.append(f"{name},p{row},{row % 2}")
    (data / "table.csv").write_text("\n".join(lines) + "\n")
    return data


def quiet(rows: Iterable[int], _: str) -> Iterable[int]:
    return rows


def films_of(data: Path) -> Labelled:
    return read(data, Settings(folds=2)).films


def prepare(films: Films, data: Path, config: FamilyConfig, cache: Path, progress: Progress) -> str:
    return cache_pixels(films, data, config.sides_px, config.gate, cache, progress)


def kept(cache: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(cache.iterdir())}


@pytest.fixture(scope="module", autouse=True)
def few_others() -> Iterator[None]:
    """The first photographs and drawings of the gate. All of them take seconds each time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fitted_others", "held_out_others"):
            patch.setattr(material, name, partial(_first, getattr(material, name)))
        yield


def _first(make: Callable[..., Iterator[Sample]], *words: object) -> Iterator[Sample]:
    return islice(make(*words), 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    data = write_collection(place / "data")
    prepare(films_of(data), data, SMALL, place / "cache", quiet)
    return place


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "data"


@pytest.fixture
def cache(data: Path) -> Path:
    return data.parent / "cache"


def test_cached_pixels_are_used_while_films_and_config_are_unchanged(data: Path, cache: Path) -> None:
    before = kept(cache)
    assert sorted(before) == sorted(FILES)
    key = prepare(films_of(data), data, SMALL, cache, quiet)
    assert kept(cache) == before
    assert cached_key(cache, SMALL.sides_px) == key


def test_a_changed_film_is_read_again(data: Path, cache: Path) -> None:
    before = np.load(cache / "pixels-32.npy")
    path = data / "images" / "3.png"
    pyvips.Image.new_from_array(np.zeros((48, 40), np.uint8)).write_to_file(str(path))
    old = cached_key(cache, SMALL.sides_px)
    assert prepare(films_of(data), data, SMALL, cache, quiet) != old
    after = np.load(cache / "pixels-32.npy")
    assert not after[3].any()
    assert np.array_equal(np.delete(after[:6], 3, axis=0), np.delete(before[:6], 3, axis=0))


@pytest.mark.parametrize("change", [{"seed": 1}, {"gate_films": 3}, {"gate_made": 21}, {"sides_px": (32, 96)}])
def test_a_changed_config_invalidates_the_pixels(change: dict[str, object], data: Path, cache: Path) -> None:
    config, old = replace(SMALL, **change), cached_key(cache, SMALL.sides_px)  # type: ignore[arg-type]
    before = kept(cache)
    key = prepare(films_of(data), data, config, cache, quiet)
    assert key != old
    assert cached_key(cache, config.sides_px) == key
    assert kept(cache)["rows.npz"] != before["rows.npz"]


def test_a_setting_that_does_not_affect_pixels_keeps_the_cache(data: Path, cache: Path) -> None:
    before = kept(cache)
    prepare(films_of(data), data, replace(SMALL, ridges=(1.0,), margin=0.5, bootstraps=9), cache, quiet)
    assert kept(cache) == before


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", FILES)
def test_damaged_pixels_are_computed_again(name: str, damage: Callable[[Path], None], data: Path, cache: Path) -> None:
    before = {name: content for name, (_, content) in kept(cache).items()}
    damage(cache / name)
    assert cached_key(cache, SMALL.sides_px) == ""
    prepare(films_of(data), data, SMALL, cache, quiet)
    for side in SMALL.sides_px:
        assert (cache / f"pixels-{side}.npy").read_bytes() == before[f"pixels-{side}.npy"]
    assert cached_key(cache, SMALL.sides_px) != ""


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
import test_pixel_cache
from alara_train.input_gate import pixel_cache, samples

count = 0
class Sudden:
    def __init__(self, out): self.out = out
    def __getattr__(self, name): return getattr(self.out, name)
    def write(self, part):
        global count
        count += 1
        if count == int(sys.argv[2]):
            self.out.write(bytes(part)[: len(bytes(part)) // 2])
            self.out.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.out.write(part)

for name in ("fitted_others", "held_out_others"):
    setattr(samples, name, test_pixel_cache.partial(test_pixel_cache._first, getattr(samples, name)))
opened = pixel_cache.atomic_output

@contextmanager
def sudden(path):
    with opened(path) as out:
        yield Sudden(out)

pixel_cache.atomic_output = sudden
place = Path(sys.argv[1])
test_pixel_cache.prepare(test_pixel_cache.films_of(place / "data"), place / "data", test_pixel_cache.SMALL,
                         place / "cache", test_pixel_cache.quiet)
"""


@pytest.mark.parametrize("write", [2, 7], ids=["pixels", "table"])
def test_a_kill_during_a_write_of_pixels_is_repaired(write: int, data: Path, tmp_path: Path) -> None:
    whole = {name: content for name, (_, content) in kept(tmp_path / "cache").items()}
    (tmp_path / "cache" / "rows.npz").unlink()
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(write)]
    path = [str(CONFIGS.parent), str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]
    ended = subprocess.run(
        command, env={"PYTHONPATH": ":".join(path), "PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    cache = tmp_path / "cache"
    assert cached_key(cache, SMALL.sides_px) == ""
    prepare(films_of(data), data, SMALL, cache, quiet)
    assert {name: content for name, (_, content) in kept(cache).items()} == whole
