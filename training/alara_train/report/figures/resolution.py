"""AUROC against input size, per finding."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alara_train.report.figures.style import GRAY, PRECISION, add_titles, grid_of, label, label_grid, margins

Series = dict[str, list[tuple[int, float, float, float]]]
"""By precision: size, AUROC, lower and upper end, smallest size first."""


def draw_resolution(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """Small multiples with common axes; the bands are intervals of single variants, not of differences."""
    panels: list[tuple[str, Series, float | None]] = [
        ("mean", _series(evaluation, None), evaluation["baseline"]["meanAuroc"]["value"])
    ]
    floors = evaluation["baseline"]["meanAuroc"]["byFinding"]
    panels += [(f, _series(evaluation, f), floors.get(f)) for f in evaluation["findings"]]
    columns = 5
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(10, 0.95 + 1.75 * rows + 0.6))
    axes = grid_of(figure, rows, columns)
    ends = [end for _, series, _ in panels for line in series.values() for _, _, *pair in line for end in pair]
    bottom = math.floor(20 * min(*ends, *[f for _, _, f in panels if f is not None], 0.5)) / 20
    for axis, (name, series, floor) in zip(axes, panels, strict=False):
        _panel(axis, name, series, floor)
        axis.set_ylim(bottom, min(1.0, math.ceil(20 * max(ends)) / 20))
    label_grid(axes, columns, len(panels), "input side, px", "AUROC")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper right", ncols=len(names), bbox_to_anchor=(0.995, 0.998))
    margins(figure, top=0.62, bottom=0.98, left=0.055, right=0.99, hspace=0.32, wspace=0.1)
    add_titles(
        figure,
        "AUROC against input size",
        f"Bands (fp32: thin lines): 95 % over {evaluation['bootstraps']} resamples of patients, each by itself. "
        "Variants share films, so overlapping bands say little about their difference.",
        _corrected(evaluation),
        evaluation=evaluation,
    )
    return figure


def _series(evaluation: dict[str, Any], finding: str | None) -> Series:
    series: Series = {}
    for variant in sorted(evaluation["variants"].values(), key=lambda v: v["resolution"]):
        found = variant["meanAuroc"] if finding is None else variant["findings"][finding]["auroc"]
        point = (variant["resolution"], found["value"], found["ci95"][0], found["ci95"][1])
        series.setdefault(variant["precision"], []).append(point)
    return series


def _panel(axis: Axes, name: str, series: Series, floor: float | None) -> None:
    axis.axhline(0.5, color=GRAY, linewidth=0.8, label="chance")
    if floor is not None:
        axis.axhline(floor, color="black", linewidth=0.9, linestyle=(0, (4, 2)), label="view and collection, no pixel")
    for precision in sorted(series):
        size, value, low, high = zip(*series[precision], strict=True)
        colour = PRECISION[precision]
        if precision == "fp32":
            for end in (low, high):
                axis.plot(size, end, color=colour, linewidth=0.5)
        else:
            axis.fill_between(size, low, high, color=colour, alpha=0.18, linewidth=0)
        style = "-" if precision == "fp32" else (0, (3, 1.5))
        axis.plot(size, value, color=colour, marker="o", markersize=3, linestyle=style, label=precision)
    axis.set_xticks([point[0] for point in next(iter(series.values()))])
    bold = name == "mean"
    axis.set_title(
        "mean of the findings" if bold else label(name), loc="left", fontweight="bold" if bold else "normal", pad=3
    )


def _corrected(evaluation: dict[str, Any]) -> str:
    parts = []
    for family in sorted(evaluation["simultaneous"]):
        if family.startswith("resolutions of "):
            rows = [c for c in evaluation["comparisons"] if c.get("family") == family]
            plain = sum(c["ci95"][0] > 0 or c["ci95"][1] < 0 for c in rows)
            wide = sum(c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0 for c in rows)
            parts.append(f"{family.removeprefix('resolutions of ')} {wide} of {len(rows)} ({plain} uncorrected)")
    return (
        "Paired differences between two sizes that exclude zero, corrected for their number: " + "; ".join(parts) + "."
    )
