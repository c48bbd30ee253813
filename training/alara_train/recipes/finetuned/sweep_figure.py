"""The figure of a sweep: AUROC against resolution, one panel per finding, drawn from `sweep.json` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

INK, BAND, GRID = "#1f4e79", "#9dc3e6", "#e3e3e3"
COLUMNS = 4


def draw_sweep(record: dict[str, Any], path: Path) -> None:
    """Draw a sweep's record as SVG; the same record gives the same file."""
    panels = [("Mean", record["mean"]), *record["findings"].items()]
    rows = -(-len(panels) // COLUMNS)
    lows = [m["ci95"][0] for _, panel in panels for m in panel["bySide"].values()]
    with matplotlib.rc_context({"svg.hashsalt": "alara", "svg.fonttype": "none", "font.size": 8}):
        figure, axes = plt.subplots(
            rows, COLUMNS, figsize=(10, 0.9 + 2.1 * rows), sharex=True, sharey=True, squeeze=False, layout="constrained"
        )
        for axis, (name, panel) in zip(axes.flat, panels, strict=False):
            _panel(axis, name, panel, record["sidesPx"])
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        axes[0, 0].set_ylim(max(0.0, min(0.5, *lows) - 0.02), 1.0)
        figure.suptitle(_title(record), fontsize=9)
        figure.supxlabel("side of the film given to the network, px", fontsize=8)
        figure.supylabel("AUROC", fontsize=8)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _panel(axis: Axes, name: str, panel: dict[str, Any], sides: list[int]) -> None:
    measured = [panel["bySide"][str(side)] for side in sides]
    axis.fill_between(sides, [m["ci95"][0] for m in measured], [m["ci95"][1] for m in measured], color=BAND, lw=0)
    axis.plot(sides, [m["value"] for m in measured], color=INK, lw=1.4, marker="o", ms=3)
    axis.axhline(0.5, color="#888888", lw=0.8, ls=":")
    axis.set_xscale("log", base=2)
    axis.set_xticks(sides, [str(side) for side in sides], rotation=90, fontsize=6)
    axis.minorticks_off()
    axis.grid(color=GRID, lw=0.5)
    axis.tick_params(labelbottom=True)
    count = f"{panel['positives']} with, {panel['negatives']} without" if "positives" in panel else "of these findings"
    axis.set_title(f"{name.replace('_', ' ')} ({count})", fontsize=7.5)


def _title(record: dict[str, Any]) -> str:
    data = record["data"]
    chosen = "; epoch chosen on the scored films, which flatters" if record["selectedOnScoredFilms"] else ""
    return (
        f"AUROC against resolution: {data['name']}, {data['scoredFilms']} scored films of {data['scoredPatients']} "
        f"patients\n{record['backbone']}, {record['networks']}; bands: 95 %, patients resampled "
        f"{record['bootstraps']} times{chosen}"
    )
