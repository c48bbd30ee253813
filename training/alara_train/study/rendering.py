"""Comparison of renderings of stored values on the same films, by read-outs that were not fitted on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alara_train.data.films import BadData, Films, Floats, Ints
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.problems import raise_problems
from alara_train.data.layouts.settings import Settings
from alara_train.data.pixels import decode
from alara_train.evaluate.auroc import auroc_draws
from alara_train.evaluate.metrics import interval
from alara_train.evaluate.resample import Resamples, resample
from alara_train.input_gate.pixel_cache import cached_key, elsewhere, load_rows, pixels_key
from alara_train.networks.pooling import Float32s
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import Pooled
from alara_train.recipes.frozen.ridge import Balance, Ridge, fit_ridge, invariance
from alara_train.study.maps import Progress
from alara_train.study.reader import VariantOutputs, VariantReader
from alara_train.study.stored_values import Stored, as_published, simulate
from alara_train.toml_file import BadConfig

HEADER = ("rendering", "AUROC", "change", "probability moves", "calls that change", "accepted", "elsewhere", "distance")
ELSEWHERE = 10_000
"""Keys of the films of other sources begin here; a film's key seeds its simulation."""


def read_outs(films: Films, config: FamilyConfig, cache: Path, reader: VariantReader) -> list[Ridge]:
    """Per fold, the read-out that was not fitted on it, from the cached features of `alara-train family`."""
    rows = load_rows(cache, reader.side)
    table = np.load(cache / f"features-{reader.variant['id']}.npz")
    pooled = Pooled(rows=table["rows"], mirrored=table["mirrored"])
    still = invariance(pooled, rows, films)
    balance = Balance(reader.widths * 2, config.common)
    return [
        fit_ridge(pooled, films, np.flatnonzero(films.fold != f), balance, config.ridges, still, config.invariance)[0]
        for f in films.folds
    ]


def choose(films: Films, limit: int, seed: int) -> Ints:
    """Draw up to this number of films of every collection."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(films.collection == name) for name in np.unique(films.collection)]
    return np.sort(np.concatenate([rng.permutation(group)[:limit] for group in groups]))


def out_of_fold(pooled: Float32s, fold: Ints, by_fold: dict[int, Ridge]) -> Floats:
    """Out-of-fold logits [arms, N, findings] of pooled evidence [arms, N, C, cells]."""
    first = next(iter(by_fold.values()))
    logits = np.zeros((*pooled.shape[:2], first.weight.shape[1]))
    for number, ridge in by_fold.items():
        for arm, evidence in enumerate(pooled):
            logits[arm, fold == number] = ridge(evidence[fold == number])
    return logits


def compare(
    reader: VariantReader, logits: Floats, labels: Ints, patients: npt.NDArray[np.str_], draws: int, seed: int
) -> dict[str, Floats]:
    """Compare every arm with the first on the same films: [arms, 1 + draws], the estimate before the resamples."""
    drawn = resample(patients, draws, seed)
    estimate = np.ones((len(drawn.counts), 1), dtype=np.float32)
    resamples = Resamples(np.concatenate([estimate, drawn.counts], axis=1), drawn.owner)
    findings = [j for j in range(labels.shape[1]) if 0 < labels[:, j].sum() < len(labels)]
    auroc = np.array(
        [np.nanmean([auroc_draws(arm[:, j], labels[:, j], resamples) for j in findings], axis=0) for arm in logits]
    )
    probability = reader.probabilities(logits)
    calls = reader.calls(probability)
    shift, flipped = np.abs(probability - probability[0]).mean(axis=2), (calls != calls[0]).mean(axis=2)
    weights = resamples.counts[resamples.owner].astype(np.float64)
    films = weights.sum(axis=0)
    return {
        "auroc": auroc,
        "change": auroc - auroc[0],
        "moved": shift @ weights / films,
        "flipped": flipped @ weights / films,
    }


def table(arms: list[str], found: dict[str, Floats], own: VariantOutputs, other: VariantOutputs) -> str:
    """Write the comparison as a Markdown table."""

    def cell(drawn: Floats, form: str) -> str:
        low, high = interval(drawn[1:], float(drawn[0]))
        return f"{drawn[0]:{form}} [{low:{form}}, {high:{form}}]"

    lines = [HEADER, ("---",) * len(HEADER)] + [
        (
            arm,
            f"{found['auroc'][a, 0]:.3f}",
            cell(found["change"][a], "+.3f"),
            cell(found["moved"][a], ".4f"),
            cell(100 * found["flipped"][a], ".1f"),
            f"{own.accepted[a].sum()} of {own.accepted.shape[1]}",
            f"{other.accepted[a].sum()} of {other.accepted.shape[1]}",
            f"{np.median(own.distance_share[a]):.2f}",
        )
        for a, arm in enumerate(arms)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def run_rendering(
    config: FamilyConfig, data: Path, family: Path, cache: Path, variant: str, arms: list[str], *,
    limit: int, rest: bool, published: bool, bar: Progress,
) -> str:  # fmt: skip
    """Draw films, simulate, render and read them, and return the table; the first arm is the reference.

    Raises:
        BadConfig: The family's trunk was trained on films, so that none of them is new to it.
        BadData: The films cannot be used as they are.
    """
    if config.tuned_sides:
        raise BadConfig("the trunk of this family was trained on these films: use settings without tuned_sides")
    reading = read(data, Settings())
    raise_problems(reading.problems, data)
    films = reading.films
    if cached_key(cache, config.sides_px) != pixels_key(films, data, config.sides_px, config.gate):
        raise BadData(f"{cache} does not hold these films with this config: run alara-train family first")
    drawn = choose(films, limit, config.seed)
    chosen = np.setdiff1d(np.arange(len(films)), drawn) if rest else drawn
    reader = VariantReader(family, config, variant)
    by_fold = dict(zip(films.folds, read_outs(films, config, cache, reader), strict=True))

    def stored(paths: dict[int, Path], title: str) -> Iterator[Stored]:
        keys = list(paths)
        for at in bar(range(len(keys)), title):
            film = decode(paths[keys[at]]).numpy()
            yield as_published(film) if published else simulate(film, np.random.default_rng([config.seed, keys[at]]))

    others = {ELSEWHERE + i: data / "ood" / name for i, (name, _) in enumerate(elsewhere(data))}
    own = reader.read_films(stored({row: films.path(row) for row in chosen.tolist()}, "own films"), arms)
    other = reader.read_films(stored(others, "films from elsewhere"), arms)
    logits = out_of_fold(own.pooled, films.fold[chosen], by_fold)
    found = compare(reader, logits, films.labels[chosen], films.patients[chosen], config.bootstraps, config.seed)
    return table(arms, found, own, other)
