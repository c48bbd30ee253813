"""Stage maps of every film at every position of the lung field, by the served graph, cached on disk."""

from __future__ import annotations

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

Halves: TypeAlias = npt.NDArray[np.float16]
Progress = Callable[[Iterable[int], str], Iterable[int]]
COVERED = 0.5
"""A position belongs to the lung if at least this share of its cell is lung."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of the finest map inside the lung, film after film."""

    side: int
    """Side of the finest map."""
    starts: Ints
    """[N + 1]: film n owns the positions from starts[n] to starts[n + 1]."""
    cell: Ints
    """[P]: index of each position on its map, row by row."""

    def of(self, film: int) -> slice:
        """The positions of one film."""
        return slice(int(self.starts[film]), int(self.starts[film + 1]))


def lung_positions(lungs: npt.NDArray[np.bool_], side: int) -> Positions:
    """The cells of a `side` x `side` map that are lung, from lungs [N, film_px, film_px]."""
    shares = cell_shares(lungs.shape[1], side)
    counts, cells = [0], []
    for field in lungs:
        inside = np.flatnonzero((shares.T @ field.astype(np.float32) @ shares) >= COVERED)
        counts.append(len(inside))
        cells.append(inside)
    return Positions(side, np.cumsum(counts), np.concatenate(cells))


def cut(graph: onnx.ModelProto, stages: tuple[str, ...]) -> onnx.ModelProto:
    """The served graph up to its stage maps, without the head."""
    part: onnx.ModelProto = onnx.utils.Extractor(graph).extract_model(["film"], list(stages))
    return part


def open_trunks(config: StudyConfig, threads: int) -> dict[int, ort.InferenceSession]:
    """The family's fp32 trunks by input side."""
    folder = Path(config.family)
    return {
        side: session(cut(onnx.load(str(folder / f"r{side}-fp32.onnx")), config.stages), threads)
        for side in config.sides_px
    }


def reader_input(film: Uint8s, reader: Reader) -> Uint8s:
    """The input of a reader: the reduced film, enlarged again for the control."""
    small = resized(film, reader.through_px)
    return (small if reader.side_px == reader.through_px else resized(small, reader.side_px)).astype(np.uint8)


def stage_maps(trunk: ort.InferenceSession, film: Uint8s, stages: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """All stage maps of a film on the grid of the finest, coarser ones repeated: [C, side, side]."""
    maps = [np.asarray(m)[0] for m in trunk.run(list(stages), {"film": tensor(film[None], MEAN, STD)})]
    finest = maps[0].shape[-1]
    return np.concatenate([m.repeat(finest // m.shape[-1], 1).repeat(finest // m.shape[-1], 2) for m in maps])


def maps_file(cache: Path, reader: Reader, condition: Condition | None, placement: int) -> Path:
    """The file of the maps of one reader and condition; None is the untouched film."""
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
        found: dict[str, list[Halves]] = {r.name: [] for r in readers}
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
