"""Sections of the card: what these films establish about sizes, and what limits this evidence."""

from __future__ import annotations

from statistics import mean
from typing import Any

from alara_train.report.policy import FAMILY, check_strata, comparison_count, separations
from alara_train.report.power import power_document

POWER = 0.8
DIFFERENCES = (0.02, 0.01)


def established(evaluation: dict[str, Any]) -> list[str]:
    """What the films say about the order of sizes, and how many films it would take; empty for one size."""
    compared = [name for name in evaluation["simultaneous"] if name.startswith(FAMILY)]
    if not compared:
        return []
    check_strata(evaluation)
    found = sorted(separations(evaluation))
    order = f"established only for {', '.join(found)}" if found else "not established for any finding"
    return [
        f"**On these {evaluation['films']} films the order of sizes is {order}**: within strata of view and "
        f"collection, corrected for {comparison_count(evaluation)} comparisons per precision. "
        + _films_needed(evaluation),
        "",
    ]


def _films_needed(evaluation: dict[str, Any]) -> str:
    """The films that a difference between the smallest and the largest size takes, as `alara-train power` counts."""
    needed = power_document(evaluation, differences=list(DIFFERENCES), power=POWER, alpha=0.05)
    inside = needed["withinStrata"]["medianFilms"]
    takes = " and ".join(
        f"a difference of {difference} about {_rounded(inside.get(difference, pooled))} films "
        f"({_rounded(pooled)} if all films were ranked together)"
        for difference, pooled in needed["medianFilms"].items()
    )
    pair = f"{needed['variant']} and {needed['reference']}"
    return f"Between {pair}, a power of {POWER:g} takes, for the median finding: {takes} (`alara-train power`)."


def _rounded(films: int) -> str:
    """Two digits, thousands apart."""
    return f"{round(films, 2 - len(str(films))):,}".replace(",", " ")


def reservations(evaluation: dict[str, Any]) -> list[str]:
    """Confounding, noise of refitting, the margin, and how to measure the family on other films."""
    return [
        "## What limits this evidence",
        "",
        *_confounding(evaluation),
        *_refitting(evaluation),
        f"- **Margin**: {evaluation['margin']:g} AUROC, declared in the settings of the family. A rule of "
        "non-inferiority accepts this loss.",
        "- **Your own films**: `alara-train evaluate --films FOLDER` measures this family on a labelled folder, with "
        "the same tables. Films that no fold and no choice has seen are better evidence than any number of this card.",
    ]


def _confounding(evaluation: dict[str, Any]) -> list[str]:
    if len(evaluation.get("collections", {})) < 2:
        return []
    rows = [c for c in evaluation["comparisons"] if c.get("family", "").startswith(FAMILY) and "withinStrata" in c]
    confounded = sorted({c["finding"] for c in rows if _excludes_zero(c) and not _excludes_zero(c["withinStrata"])})
    named = (
        f" For {', '.join(confounded)} a pooled difference between sizes excludes zero after correction, and the same "
        "difference within strata does not."
        if confounded
        else ""
    )
    means = "; ".join(
        f"{id_} {v['meanWithinStrata']['value']:.3f} [{v['meanWithinStrata']['ci95'][0]:.3f}, "
        f"{v['meanWithinStrata']['ci95'][1]:.3f}]"
        for id_, v in evaluation["variants"].items()
        if "meanWithinStrata" in v
    )
    return [
        "- **Confounding**: the collections were selected for findings, so the collection of a film distorts pooled "
        f"AUROC, mostly upwards.{named} Mean AUROC over pairs of films of one view and collection: {means}."
    ]


def _excludes_zero(record: dict[str, Any]) -> bool:
    low, high = record["simultaneous95"]
    return bool(low > 0 or high < 0)


def _refitting(evaluation: dict[str, Any]) -> list[str]:
    """The range of the folds' mean AUROCs, over the findings that every fold can measure."""
    spans = {}
    for id_, variant in evaluation["variants"].items():
        folds = [head["foldAverage"]["folds"] for head in variant["findings"].values() if "foldAverage" in head]
        most = max((len(values) for values in folds), default=0)
        if most > 1:
            means = [mean(values) for values in zip(*(v for v in folds if len(v) == most), strict=True)]
            spans[id_] = f"{id_} {min(means):.3f} to {max(means):.3f}"
    if not spans:
        return []
    return [
        "- **Noise of refitting**: the mean AUROC of single folds ranges widely, because each fold has other films and "
        f"another fit: {'; '.join(spans.values())}. Intervals resample patients, not fits, so they are too narrow."
    ]
