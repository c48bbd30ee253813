"""Common style of the figures; the same documents give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, which is distinguishable with any colour vision.
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GRAY = "#6E6E6E"
PALE = "#D9D9D9"
INK = "#222222"
PRECISION = {"fp32": ORANGE, "int8": BLUE, "fp16": GREEN}

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "alara",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.edgecolor": GRAY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#ECECEC",
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.4,
    "path.simplify": False,
}


def label(name: str) -> str:
    """A finding's name without underscores."""
    return name.replace("_", " ")


def protocol_line(evaluation: dict[str, Any]) -> str:
    """The line with family, date, films and protocol, which every figure shows."""
    how = {
        "crossValidated": "cross-validated by patient, pooled out-of-fold scores; served weights refitted on all films",
        "heldOut": "measured on a held-out test split",
    }[evaluation["protocol"]]
    return (
        f"{evaluation['family']}, {evaluation['date']}: {evaluation['films']} films of {evaluation['patients']} "
        f"patients, {how}."
    )


def add_titles(figure: Figure, title: str, *notes: str, evaluation: dict[str, Any]) -> None:
    """Put the title above and the notes, the last of which is the protocol, below."""
    height = figure.get_size_inches()[1]
    figure.suptitle(title, x=0.012, y=1 - 0.08 / height, ha="left", va="top", fontsize=11, fontweight="bold")
    lines = [*notes, protocol_line(evaluation)]
    for row, line in enumerate(reversed(lines)):
        figure.text(0.012, (0.09 + 0.155 * row) / height, line, fontsize=7.2, color=GRAY, va="bottom")


def margins(figure: Figure, *, top: float = 0.42, bottom: float = 0.85, **rest: float) -> None:
    """Set the margins above and below the panels, in inches."""
    height = figure.get_size_inches()[1]
    figure.subplots_adjust(top=1 - top / height, bottom=bottom / height, **rest)


def grid_of(figure: Figure, rows: int, columns: int) -> list[Axes]:
    """Small multiples that share both axes, row by row."""
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    return [panel for row in panels for panel in row]


def label_grid(axes: list[Axes], columns: int, used: int, x: str, y: str, *, above_gap: bool = False) -> None:
    """Label the outer axes of small multiples, and hide those after the first `used`.

    With `above_gap`, a panel above a hidden one is labelled too.
    """
    for axis in axes[used:]:
        axis.set_visible(False)
    for axis in axes[::columns]:
        axis.set_ylabel(y)
    for axis in axes[-columns:] + (axes[used - columns : used] if above_gap else []):
        axis.set_xlabel(x)
        if above_gap:
            axis.xaxis.set_tick_params(labelbottom=True)


def text_block(axis: Axes, x: float, y: float, lines: list[str], *, align: str, size: float = 6.8) -> None:
    """Write lines below each other from a corner of the panel; separate texts keep them aligned in any font."""
    step = size * 1.25
    down = y > 0.5
    for row, line in enumerate(lines):
        rise = -row * step if down else (len(lines) - 1 - row) * step
        axis.annotate(
            line, (x, y), (0, rise), xycoords="axes fraction", textcoords="offset points", fontsize=size,
            ha=align, va="top" if down else "bottom",
        )  # fmt: skip


def save(figure: Figure, path: Path) -> None:
    """Write an SVG with text as text and without a date."""
    with mpl.rc_context(STYLE):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "alara-train"})
