"""Resized pixels of films and gate samples, kept in a folder between runs."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from alara_train.atomic_file import atomic_output
from alara_train.data.films import Films
from alara_train.data.pixels import decode, resized
from alara_train.data.prepare.stacks import to_8_bits
from alara_train.digest import sha256
from alara_train.input_gate import samples as gate_samples
from alara_train.input_gate.gate import GateSettings
from alara_train.input_gate.samples import Sample

Progress = Callable[[Iterable[int], str], Iterable[int]]
"""Shows the progress of a loop: takes the rows and a title, and returns the rows."""

Uint8s = npt.NDArray[np.uint8]

DAMAGED = (
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""The exceptions of numpy for an array file that is missing, damaged, or of another kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Resized pixels of everything that a variant is fitted and measured on, at one size."""

    pixels: Uint8s
    """[M, side, side]; the films come first, in order."""
    kinds: npt.NDArray[np.str_]
    """`film`, or the kind of the gate sample with its use: `fit/sideways`, `test/photographs`."""
    sources: npt.NDArray[np.str_]
    """The film's name, or the sample's source."""

    def where(self, kind: str) -> npt.NDArray[np.int64]:
        """Rows of one kind."""
        return np.flatnonzero(self.kinds == kind)

    def take(self, rows: npt.NDArray[np.int64]) -> Rows:
        """Some of the rows."""
        return Rows(pixels=self.pixels[rows], kinds=self.kinds[rows], sources=self.sources[rows])


def samples(films: Films, data: Path, settings: GateSettings) -> Iterator[Sample]:
    """Yield the films, then all samples for the gate, in an order that the seed fixes."""
    for row, name in enumerate(films.names):
        yield Sample("film", name, decode(films.path(row)).numpy())
    rng = np.random.default_rng(settings.seed)
    for row in sorted(rng.choice(len(films), min(settings.films, len(films)), replace=False).tolist()):
        film = decode(films.path(row)).numpy()
        for kind, pixels in gate_samples.turned(film, rng):
            yield Sample(f"fit/{kind}", films.names[row], pixels)
    for sample in gate_samples.fitted_others(settings.made, rng):
        yield Sample("fit/other", sample.source, sample.pixels)
    for sample in gate_samples.held_out_others(rng):
        yield Sample(f"test/{sample.kind}", sample.source, sample.pixels)
    for path, _ in originals(films, data):
        yield Sample("native", f"nih_{path.stem}.jpg", decode(path).numpy())
    for name, source in elsewhere(data):
        yield Sample(f"shift/{source}", name, decode(data / "ood" / name).numpy())


def originals(films: Films, data: Path) -> list[tuple[Path, int]]:
    """Full-size originals (`native/<number>.png`), each with the row of the film `nih_<number>.jpg` made from it."""
    rows = {name: row for row, name in enumerate(films.names)}
    return [
        (path, rows[f"nih_{path.stem}.jpg"])
        for path in sorted((data / "native").glob("*.png"))
        if f"nih_{path.stem}.jpg" in rows
    ]


def elsewhere(data: Path) -> list[tuple[str, str]]:
    """Image and source of the frontal films of other sources (`ood.csv`), if the data has any."""
    table = data / "ood.csv"
    if not table.is_file():
        return []
    with table.open(newline="") as lines:
        return [(row["image"], row["source"]) for row in csv.DictReader(lines)]


def pixels_key(films: Films, data: Path, sides_px: Sequence[int], settings: GateSettings) -> str:
    """Digest of everything that the cached pixels depend on: the settings and the bytes of every film."""
    digest = hashlib.sha256()
    facts = [list(sides_px), settings.seed, settings.films, settings.made]
    digest.update(json.dumps([facts, pyvips.version(0), pyvips.version(1), pyvips.version(2)]).encode())
    files = [(name, films.path(row)) for row, name in enumerate(films.names)]
    files += [(f"native/{path.name}", path) for path, _ in originals(films, data)]
    files += [(f"{source}/{name}", data / "ood" / name) for name, source in elsewhere(data)]
    for name, path in files:
        digest.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def cached_key(cache: Path, sides_px: Sequence[int]) -> str:
    """The key of the pixels in a cache; empty if a file is missing, damaged or incomplete."""
    try:
        table = {name: array for name, array in np.load(cache / "rows.npz").items()}
        if all(str(table[f"sha256-{side}"]) == sha256(cache / f"pixels-{side}.npy") for side in sides_px):
            return str(table["key"])
    except DAMAGED:
        pass
    return ""


def cache_pixels(
    films: Films, data: Path, sides_px: Sequence[int], settings: GateSettings, cache: Path, progress: Progress
) -> str:
    """Resize every sample to every size, store the pixels as `pixels-<side>.npy` in `cache`, and return their key.

    Pixels of other films or other settings are replaced, and so are damaged ones. `rows.npz`, which holds the key and
    the digests of the other files, is written last.
    """
    key = pixels_key(films, data, sides_px, settings)
    if cached_key(cache, sides_px) == key:
        return key
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "rows.npz").unlink(missing_ok=True)
    stacks: dict[int, list[Uint8s]] = {side: [] for side in sides_px}
    kinds: list[str] = []
    sources: list[str] = []

    def add(sample: Sample) -> None:
        for side, stack in stacks.items():
            stack.append(to_8_bits(resized(sample.pixels, side)))
        kinds.append(sample.kind)
        sources.append(sample.source)

    every = samples(films, data, settings)
    for _ in progress(range(len(films)), "prepare films"):
        add(next(every))
    rest = list(every)
    for i in progress(range(len(rest)), "prepare gate"):
        add(rest[i])
    table = {"key": np.array(key), "kinds": np.array(kinds), "sources": np.array(sources)}
    for side, stack in stacks.items():
        path = cache / f"pixels-{side}.npy"
        with atomic_output(path) as out:
            np.save(out, np.stack(stack))
        table[f"sha256-{side}"] = np.array(sha256(path))
    with atomic_output(cache / "rows.npz") as out:
        np.savez(out, **table)  # type: ignore[arg-type]
    return key


def load_rows(cache: Path, side_px: int) -> Rows:
    """Open the cached pixels of one size."""
    table = np.load(cache / "rows.npz")
    return Rows(
        pixels=np.load(cache / f"pixels-{side_px}.npy", mmap_mode="r"),
        kinds=table["kinds"],
        sources=table["sources"],
    )
