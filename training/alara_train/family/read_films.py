"""Labelled films, read by the served graphs as serving does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.data.films import Bools, Floats, Labelled
from alara_train.data.pixels import UnreadableFilm, decode, padded, scaled
from alara_train.serve import accepts, input_tensor, is_blank, open_variants

Progress = Callable[[Iterable[int], str], Iterable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What every variant makes of every film."""

    logits: Floats
    """[films, variants, findings]"""
    accepted: Bools
    """[films, variants]: whether serving reads the film."""
    readable: Bools
    """[films]"""


def read_films(family: Path, catalog: dict[str, Any], films: Labelled, stored: Path, progress: Progress) -> Outputs:
    """Read every film by every variant as serving does.

    Results are stored in a file that starts with `stored` after each film, so that a run that was killed continues.
    The name of the file also depends on the films and the graphs.
    """
    sessions = open_variants(family, catalog)
    findings, variants = catalog["findings"], catalog["variants"]
    shape = (len(films), len(variants), len(findings) + 1)
    table = _table(stored, shape, _key(catalog, films))
    pending = np.flatnonzero(np.isnan(table[:, 0, 0])).tolist()
    for row in progress(pending, "films"):
        try:
            image = decode(films.path(row)) if films.files[row] else None
        except (UnreadableFilm, FileNotFoundError):
            image = None
        if image is None:
            table[row] = np.inf
            continue
        small = {side: scaled(image, side) for side in sorted({v["resolution"] for v in variants})}
        for index, variant in enumerate(variants):
            shown = small[variant["resolution"]]
            pixels = padded(shown, variant["resolution"]).numpy()
            logits, gate = sessions[variant["id"]].run(["logits", "gate"], {"film": input_tensor(variant, pixels)})
            accepted = not is_blank(shown.numpy()) and accepts(catalog, variant["id"], np.asarray(gate)[0])
            # The first column is written last: it marks the film as done.
            table[row, index, 1:] = np.asarray(logits)[0]
            table[row, index, 0] = accepted
    return Outputs(
        logits=np.array(table[:, :, 1:], dtype=np.float64),
        accepted=table[:, :, 0] == 1,
        readable=np.isfinite(table[:, 0, 0]),
    )


def _key(catalog: dict[str, Any], films: Labelled) -> str:
    sizes = [films.path(row).stat().st_size if films.path(row).is_file() else -1 for row in range(len(films))]
    graphs = [variant["sha256"] for variant in catalog["variants"]]
    facts = [graphs, catalog["quality"]["limits"], films.files, sizes]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _table(stored: Path, shape: tuple[int, ...], key: str) -> Any:
    """The stored results as an array on disk; NaN for films that were not read."""
    path = stored.with_name(f"{stored.name}-{key}.npy")
    if path.is_file():
        return np.load(path, mmap_mode="r+")
    path.parent.mkdir(parents=True, exist_ok=True)
    table = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=shape)
    table[:] = np.nan
    return table
