"""The figure of `npm run bench -- peers`: processor time per film, and films per second, per server and load."""

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from alara_train.report.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, STYLE, margins, save

COLOURS = [PURPLE, BLUE, ORANGE, GREEN, GRAY, INK, "#E69F00"]
PANELS = {"cpuMsPerFilm": "CPU ms per film", "filmsPerSecond": "films/s", "p95Ms": "p95, ms (logarithmic)"}


def draw(document: dict) -> Figure:
    """One row per variant, one column per measure, one bar per server in each load."""
    rows = document["rows"]
    variants, loads, servers = (list(dict.fromkeys(row[key] for row in rows)) for key in ("variant", "load", "server"))
    figure = Figure(figsize=(10, 1.6 + 2.2 * len(variants)))
    axes = figure.subplots(len(variants), len(PANELS), squeeze=False)
    width = 0.8 / len(servers)
    for line, variant in zip(axes, variants, strict=True):
        own = [load for load in loads if any(row["load"] == load and row["variant"] == variant for row in rows)]
        for axis, (key, label) in zip(line, PANELS.items(), strict=True):
            for i, server in enumerate(servers):
                of = {row["load"]: row[key] for row in rows if (row["variant"], row["server"]) == (variant, server)}
                places = [own.index(load) + i * width for load in of]
                values = [value if value is not None else 0 for value in of.values()]
                axis.bar(places, values, width, color=COLOURS[i % len(COLOURS)], label=server, align="edge")
            axis.set_axisbelow(True)
            axis.set_xticks([place + 0.4 for place in range(len(own))], own, rotation=20)
            axis.set_ylabel(label)
            if key == "p95Ms":
                axis.set_yscale("log")
        line[0].set_title(variant, loc="left")
    figure.legend(
        *axes[0][0].get_legend_handles_labels(),
        loc="upper left",
        ncols=7,
        bbox_to_anchor=(0.005, 1 - 0.3 / figure.get_figheight()),
    )
    figure.suptitle("Servers over the same models", x=0.012, ha="left", fontsize=11, fontweight="bold")
    before, after = (document["loadAverage"][key] for key in ("before", "after"))
    machine = f"{document['machine']}, {document['date']}, load average {before:.1f} before and {after:.1f} after. "
    notes = (
        f"{machine}{document['film']}; {document['rounds']} rounds of {document['seconds']:g} s. "
        "Compare servers within this figure only."
    )
    figure.text(0.012, 0.012, notes, fontsize=7, color=GRAY)
    margins(figure, top=0.85, bottom=0.8, left=0.06, right=0.99, hspace=0.6, wspace=0.25)
    return figure


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        save(draw(json.loads(source.read_text())), target)
