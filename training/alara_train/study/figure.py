"""The figure of a study, from its record alone; the title states that the study is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alara_train.report.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, STYLE, margins, save

COLOURS = (GRAY, ORANGE, BLUE, GREEN, PURPLE, INK)


def draw_study(study: dict[str, Any], path: Path) -> None:
    """Write the figure as SVG; the same record gives the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 4.3))
        dense, soft, against = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
        _areas(dense, study, "dense", "{} a mm".format(_range(study["physics"]["densePerMm"])))
        _areas(soft, study, "soft", "{} a mm".format(_range(study["physics"]["softPerMm"])))
        soft.sharey(dense)
        dense.set_ylabel("AUROC, nodule film against its untouched film")
        _differences(against, study)
        margins(figure, top=0.66, bottom=1.08, left=0.055, right=0.99, wspace=0.2)
        height = figure.get_size_inches()[1]
        figure.suptitle(
            "Simulated nodules: detection against input size", x=0.012, y=1 - 0.08 / height,
            ha="left", va="top", fontsize=11, fontweight="bold",
        )  # fmt: skip
        sham = ", ".join(f"{row['auroc']['value']:.3f}" for row in study["sham"])
        protocol = study["protocol"]
        dense_times, other_times = (len(protocol["placements"][name]) for name in ("dense", "others"))
        notes = (
            f"Simulation, not real labels. {protocol['trunk']}; a detection head on {' and '.join(protocol['stages'])}"
            f" maps, {protocol['folds']} folds by patient; {study['films']} nodule-free {study['view']} films of "
            f"{study['patients']} patients, {dense_times} placements (soft, sham {other_times}).",
            f"Bands and bars: 95 % over {protocol['bootstraps']} resamples of patients; thick bars hold for all sizes "
            "at once. Hollow: the film reduced and enlarged again, so that only lost pixels are lost, not grid.",
            f"Sham (peak {study['physics']['shamLevels']} gray levels), by reader: {sham}. Contrasts are assumed: read "
            "differences, not heights.",
        )
        for row, line in enumerate(reversed(notes)):
            figure.text(0.012, (0.09 + 0.155 * row) / height, line, fontsize=7.2, color=GRAY, va="bottom")
        save(figure, path)


def _range(pair: list[float]) -> str:
    return f"{pair[0]:g} to {pair[1]:g} gray levels"


def _areas(axis: Axes, study: dict[str, Any], arm: str, contrast: str) -> None:
    rows = [row for row in study["table"] if row["arm"] == arm]
    diameters = sorted({row["diameterMm"] for row in study["table"] if row["arm"] == "dense"})
    axis.axhline(0.5, color=GRAY, linewidth=0.8)
    for colour, diameter in zip(COLOURS, diameters, strict=False):
        own = [row for row in rows if row["diameterMm"] == diameter]
        plain = [row for row in own if row["resolution"] == row["reducedTo"]]
        if not plain:
            continue
        size = [row["resolution"] for row in plain]
        low, high = zip(*[row["auroc"]["ci95"] for row in plain], strict=True)
        axis.fill_between(size, low, high, color=colour, alpha=0.15, linewidth=0)
        axis.plot(size, [row["auroc"]["value"] for row in plain], color=colour, marker="o", markersize=3)
        for row in own:
            if row["resolution"] != row["reducedTo"]:
                axis.plot(
                    row["resolution"] + 14, row["auroc"]["value"], color=colour, marker="o", markersize=4.5,
                    markerfacecolor="white", linestyle="none",
                )  # fmt: skip
        axis.annotate(
            f"{diameter:g} mm", (size[0], plain[0]["auroc"]["value"]), (-5, 0), textcoords="offset points",
            ha="right", va="center", fontsize=6.8, color=colour,
        )  # fmt: skip
    axis.set_xticks(sorted({row["resolution"] for row in study["table"]}))
    axis.set_xlim(190, 540)
    axis.set_xlabel("input side, px")
    axis.set_title(f"{arm}: {contrast}", loc="left", pad=3)


def _differences(axis: Axes, study: dict[str, Any]) -> None:
    decisive = study["decisive"]
    largest = decisive["differences"][0]["reference"]
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.axhline(-decisive["margin"], color=ORANGE, linewidth=0.9, linestyle=(0, (4, 2)))
    axis.annotate(
        f"margin {decisive['margin']:g}", (0.48, -decisive["margin"]), (0, -3), textcoords="offset points",
        xycoords=("axes fraction", "data"), ha="center", va="top", fontsize=6.8, color=ORANGE,
    )  # fmt: skip
    for d in decisive["differences"]:
        axis.plot([d["resolution"]] * 2, d["simultaneous95"], color=INK, linewidth=2.4, solid_capstyle="butt")
        axis.plot(d["resolution"], d["difference"], color=INK, marker="D", markersize=5)
    diameters = sorted({d["diameterMm"] for d in study["differences"] if d["arm"] == "dense"})
    for place, (colour, diameter) in enumerate(zip(COLOURS, diameters, strict=False)):
        own = [d for d in study["differences"] if d["arm"] == "dense" and d["diameterMm"] == diameter]
        shift = 7 + 6.5 * place
        for d in own:
            hollow = "as" in d["reader"]
            at = (largest if hollow else int(d["reader"][1:])) + shift
            axis.plot([at, at], d["ci95"], color=colour, linewidth=0.9)
            face = "white" if hollow else colour
            axis.plot(at, d["difference"], color=colour, marker="o", markersize=3.5, markerfacecolor=face)
    ticks = sorted({d["resolution"] for d in decisive["differences"]})
    reduced = study["table"][0]["reducedTo"]
    axis.set_xticks([*ticks, largest], [*(str(t) for t in ticks), f"{reduced} enlarged\nto {largest}"])
    axis.set_xlim(min(ticks) - 14, largest + 52)
    mean = ", ".join(f"{mm:g}" for mm in decisive["diametersMm"])
    axis.set_title(f"dense, minus {largest} px; diamond: mean of {mean} mm", loc="left", pad=3)
