"""Pooled evidence of every film and gate sample, extracted once by the very graph that is served."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import onnx
import pyvips

from alara_train.data.films import Films
from alara_train.data.pixels import decode, resized, tensor
from alara_train.data.prepare.stacks import eight_bits
from alara_train.export.graph import EVIDENCE_OUTPUT, session, sha256
from alara_train.gate import samples as material
from alara_train.gate.samples import Sample
from alara_train.networks.efficientnet_lite import MEAN, STD
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.head import Float32s, grid_shares

Progress = Callable[[Iterable[int], str], Iterable[int]]
"""Shows how far a loop is: (rows, title) gives the rows back."""

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
"""What numpy raises where an array file is missing, damaged, or something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Resized pixels of everything that a variant is fitted and measured on, at one size."""

    pixels: Uint8s
    """[M, side, side]; the films come first, in order."""
    kinds: npt.NDArray[np.str_]
    """`film`, or what the gate sample is, with how it is used: `fit/sideways`, `test/photographs`."""
    sources: npt.NDArray[np.str_]
    """The film's name, or the sample's source."""

    def where(self, kind: str) -> npt.NDArray[np.int64]:
        """Rows of one kind."""
        return np.flatnonzero(self.kinds == kind)


def samples(films: Films, data: Path, config: FamilyConfig) -> Iterator[Sample]:
    """Give the films, then everything for the gate, in an order that the seed fixes."""
    for row, name in enumerate(films.names):
        yield Sample("film", name, decode(films.path(row)).numpy())
    rng = np.random.default_rng(config.seed)
    for row in sorted(rng.choice(len(films), min(config.gate_films, len(films)), replace=False).tolist()):
        film = decode(films.path(row)).numpy()
        for kind, pixels in material.turned(film, rng):
            yield Sample(f"fit/{kind}", films.names[row], pixels)
    for sample in material.fitted_others(config.gate_made, rng):
        yield Sample("fit/other", sample.source, sample.pixels)
    for sample in material.held_out_others(rng):
        yield Sample(f"test/{sample.kind}", sample.source, sample.pixels)
    for path, _ in originals(films, data):
        yield Sample("native", f"nih_{path.stem}.jpg", decode(path).numpy())
    for name, source in elsewhere(data):
        yield Sample(f"shift/{source}", name, decode(data / "ood" / name).numpy())


def originals(films: Films, data: Path) -> list[tuple[Path, int]]:
    """Full-size originals (`native/<number>.png`) and the row of the film `nih_<number>.jpg` made from each."""
    rows = {name: row for row, name in enumerate(films.names)}
    return [
        (path, rows[f"nih_{path.stem}.jpg"])
        for path in sorted((data / "native").glob("*.png"))
        if f"nih_{path.stem}.jpg" in rows
    ]


def elsewhere(data: Path) -> list[tuple[str, str]]:
    """Image and source of the frontal films that are not the family's own (`ood.csv`), if there are any."""
    table = data / "ood.csv"
    if not table.is_file():
        return []
    with table.open(newline="") as lines:
        return [(row["image"], row["source"]) for row in csv.DictReader(lines)]


def pixels_key(films: Films, data: Path, config: FamilyConfig) -> str:
    """Name the pixels that `prepare` keeps: by the config that they depend on and the bytes of every film."""
    digest = hashlib.sha256()
    settings = [list(config.sides_px), config.seed, config.gate_films, config.gate_made]
    digest.update(json.dumps([settings, pyvips.version(0), pyvips.version(1), pyvips.version(2)]).encode())
    files = [(name, films.path(row)) for row, name in enumerate(films.names)]
    files += [(f"native/{path.name}", path) for path, _ in originals(films, data)]
    files += [(f"{source}/{name}", data / "ood" / name) for name, source in elsewhere(data)]
    for name, path in files:
        digest.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def kept_key(cache: Path, sides_px: Sequence[int]) -> str:
    """The key of the pixels in a cache; empty where a file is missing, damaged, or was not written whole."""
    try:
        table = {name: array for name, array in np.load(cache / "rows.npz").items()}
        if all(str(table[f"sha256-{side}"]) == sha256(cache / f"pixels-{side}.npy") for side in sides_px):
            return str(table["key"])
    except DAMAGED:
        pass
    return ""


def save_whole(path: Path, save: Callable[[IO[bytes]], None]) -> None:
    """Write an array file so that a kill or a full disk leaves either the old file or the new one."""
    unfinished = path.with_name(f".{path.name}.partial")
    with unfinished.open("wb") as out:
        save(out)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(path)


def prepare(films: Films, data: Path, config: FamilyConfig, cache: Path, progress: Progress) -> str:
    """Resize every sample to every size and keep the pixels as `pixels-<side>.npy` in `cache`; gives their key.

    Pixels of other films or of another config are replaced, and so are damaged ones. `rows.npz`, which holds the key
    and the digests of the other files, is written last.
    """
    key = pixels_key(films, data, config)
    if kept_key(cache, config.sides_px) == key:
        return key
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "rows.npz").unlink(missing_ok=True)
    stacks: dict[int, list[Uint8s]] = {side: [] for side in config.sides_px}
    kinds: list[str] = []
    sources: list[str] = []
    every = samples(films, data, config)
    for _ in progress(range(len(films)), "prepare films"):
        _add(next(every), stacks, kinds, sources)
    rest = list(every)
    for i in progress(range(len(rest)), "prepare gate"):
        _add(rest[i], stacks, kinds, sources)
    table = {"key": np.array(key), "kinds": np.array(kinds), "sources": np.array(sources)}
    for side, stack in stacks.items():
        path = cache / f"pixels-{side}.npy"
        save_whole(path, partial(np.save, arr=np.stack(stack)))
        table[f"sha256-{side}"] = np.array(sha256(path))
    save_whole(cache / "rows.npz", lambda out: np.savez(out, **table))  # type: ignore[arg-type]
    return key


def _add(sample: Sample, stacks: dict[int, list[Uint8s]], kinds: list[str], sources: list[str]) -> None:
    for side, stack in stacks.items():
        stack.append(eight_bits(resized(sample.pixels, side)))
    kinds.append(sample.kind)
    sources.append(sample.source)


def load_rows(cache: Path, side_px: int) -> Rows:
    """Open what `prepare` kept for one size."""
    table = np.load(cache / "rows.npz")
    return Rows(
        pixels=np.load(cache / f"pixels-{side_px}.npy", mmap_mode="r"),
        kinds=table["kinds"],
        sources=table["sources"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Pooled evidence [rows, C, cells], of the rows as they are and of the films mirrored."""

    rows: Float32s
    mirrored: Float32s


def extract(
    graph: onnx.ModelProto, rows: Rows, config: FamilyConfig, side_px: int, threads: int, progress: Progress, title: str
) -> Pooled:
    """Run a trunk that ends in `evidence` over all rows, and over the films mirrored."""
    run = session(graph, threads)
    shares = grid_shares(side_px // 32, side_px // 32, config.grid)

    def pooled(pixels: Uint8s) -> Float32s:
        film = tensor(np.ascontiguousarray(pixels)[None], MEAN, STD)
        evidence = np.asarray(run.run([EVIDENCE_OUTPUT], {"film": film})[0][0])
        flat: Float32s = evidence.reshape(evidence.shape[0], -1) @ shares
        return flat

    films = len(rows.where("film"))
    straight: list[Float32s] = []
    mirrored: list[Float32s] = []
    for row in progress(range(len(rows.kinds) + films), title):
        if row < len(rows.kinds):
            straight.append(pooled(rows.pixels[row]))
        else:
            mirrored.append(pooled(rows.pixels[row - len(rows.kinds), :, ::-1]))
    return Pooled(rows=np.stack(straight), mirrored=np.stack(mirrored))
