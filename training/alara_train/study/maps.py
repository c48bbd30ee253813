"""Stage maps of the served graph, for each film and each position in the lung, cached on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from alara_train.data.films import Ints
from alara_train.data.pixels import MEAN, STD, resized, tensor
from alara_train.export.graph import session
from alara_train.networks.pooling import cell_shares
from alara_train.study.config import Condition, Reader, StudyConfig
from alara_train.study.films import StudyFilms, nodule_at, nodule_film, untouched_film
from alara_train.study.physics import Uint8s

Float16s: TypeAlias = npt.NDArray[np.float16]
Progress = Callable[[Iterable[int], str], Iterable[int]]
MIN_LUNG_SHARE = 0.5
"""A position belongs to the lung if at least this share of its cell is lung."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of the finest map inside the lung, for all films in order."""

    side: int
    """Side of the finest map."""
    starts: Ints
    """[N + 1]: the positions from starts[n] to starts[n + 1] belong to film n."""
    cell: Ints
    """[P]: index of each position on its map, row by row."""

    def of(self, film: int) -> slice:
        """The positions of one film."""
        return slice(int(self.starts[film]), int(self.starts[film + 1]))


def lung_positions(lungs: npt.NDArray[np.bool_], side: int) -> Positions:
    """The lung cells of `side` x `side` maps, from lung masks [N, film_px, film_px]."""
    shares = cell_shares(lungs.shape[1], side)
    counts, cells = [0], []
    for mask in lungs:
        inside = np.flatnonzero((shares.T @ mask.astype(np.float32) @ shares) >= MIN_LUNG_SHARE)
        counts.append(len(inside))
        cells.append(inside)
    return Positions(side, np.cumsum(counts), np.concatenate(cells))


def trunk_of(graph: onnx.ModelProto, stages: tuple[str, ...]) -> onnx.ModelProto:
    """The trunk of a served graph: the graph up to its stage maps, without the head."""
    part: onnx.ModelProto = onnx.utils.Extractor(graph).extract_model(["film"], list(stages))
    return part


def trunk_graph(config: StudyConfig, side_px: int) -> onnx.ModelProto:
    """The family's fp32 trunk of one input side."""
    return trunk_of(onnx.load(str(Path(config.family) / f"r{side_px}-fp32.onnx")), config.stages)


def trunks_digest(config: StudyConfig) -> str:
    """Digest of the family's trunks, on which the cached maps depend."""
    graphs = [trunk_graph(config, side).SerializeToString() for side in config.sides_px]
    return hashlib.sha256(b"".join(graphs)).hexdigest()[:12]


def open_trunks(config: StudyConfig, threads: int) -> dict[int, ort.InferenceSession]:
    """The family's fp32 trunks by input side."""
    return {side: session(trunk_graph(config, side), threads) for side in config.sides_px}


def reader_input(film: Uint8s, reader: Reader) -> Uint8s:
    """The input of a reader: the reduced film. For the control, the reduced film is enlarged again."""
    small = resized(film, reader.through_px)
    return (small if reader.side_px == reader.through_px else resized(small, reader.side_px)).astype(np.uint8)


def stage_maps(trunk: ort.InferenceSession, film: Uint8s, stages: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """All stage maps of a film on the grid of the finest map: [C, side, side]. Values of coarser maps are repeated."""
    maps = [np.asarray(m)[0] for m in trunk.run(list(stages), {"film": tensor(film[None], MEAN, STD)})]
    finest = maps[0].shape[-1]
    return np.concatenate([m.repeat(finest // m.shape[-1], 1).repeat(finest // m.shape[-1], 2) for m in maps])


def maps_file(cache: Path, reader: Reader, condition: Condition | None, placement: int) -> Path:
    """The file of the maps of one reader, condition and placement. Condition None stands for the untouched film."""
    name = f"{condition.name}-p{placement}" if condition else "untouched"
    return cache / f"{reader.name}-{name}.npy"


def extract(
    films: StudyFilms, positions: dict[int, Positions], config: StudyConfig, cache: Path, threads: int, bar: Progress
) -> None:
    """Run every film of every condition and placement through every reader, unless the file exists."""
    trunks = open_trunks(config, threads)
    jobs: list[tuple[Condition | None, int]] = [(None, 0)]
    jobs += sorted(((c, p) for c in config.conditions for p in config.placements_of(c)), key=lambda job: job[1])
    for condition, placement in jobs:
        readers = [r for r in config.readers if not maps_file(cache, r, condition, placement).is_file()]
        if not readers:
            continue
        found: dict[str, list[Float16s]] = {r.name: [] for r in readers}
        title = f"{condition.name}, placement {placement}" if condition else "untouched"
        for row in bar(range(len(films)), title):
            if condition:
                nodule = nodule_at(films, row, condition, placement, config)
                film = nodule_film(films, row, nodule, placement, config)
            else:
                film = untouched_film(films, row, config)
            for reader in readers:
                maps = stage_maps(trunks[reader.side_px], reader_input(film, reader), config.stages)
                at = positions[reader.side_px]
                found[reader.name].append(maps.reshape(len(maps), -1)[:, at.cell[at.of(row)]].T.astype(np.float16))
        for reader in readers:
            path = maps_file(cache, reader, condition, placement)
            part = path.with_suffix(".part.npy")
            np.save(part, np.concatenate(found[reader.name]))
            part.replace(path)
