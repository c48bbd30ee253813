"""Mean AUROC against USD per thousand films, per strategy and mix of requests."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from alara_train.report.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, add_titles, label_grid, margins

MARKS = [("o", BLUE), ("o", ORANGE), ("s", BLUE), ("s", ORANGE), ("D", GREEN), ("*", PURPLE), ("^", GRAY), ("v", GRAY)]


def draw_money(document: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """Draw one panel per mix."""
    names = list(dict.fromkeys(row["mix"] for row in document["rows"]))
    figure = Figure(figsize=(7.2, 2.7 + 2.0 * ((len(names) + 1) // 2)))
    panels = figure.subplots((len(names) + 1) // 2, 2, sharex=True, sharey=False, squeeze=False)
    axes = [panel for row in panels for panel in row]
    for axis, name in zip(axes, names, strict=False):
        rows = [row for row in document["rows"] if row["mix"] == name]
        for (mark, colour), row in zip(MARKS, rows, strict=False):
            axis.plot(
                row["usdPerThousand"], row["meanAuroc"], mark, color=colour, markersize=11 if mark == "*" else 6,
                markeredgecolor=INK, markeredgewidth=0.5, label=row["strategy"], linestyle="none",
            )  # fmt: skip
        axis.set_title(name, loc="left")
    label_grid(axes, 2, len(names), "USD per thousand films", "mean AUROC")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="upper left", ncols=3, bbox_to_anchor=(0.005, 0.955))
    margins(figure, top=1.3, bottom=1.15, left=0.09, right=0.985, hspace=0.3, wspace=0.2)
    add_titles(
        figure,
        "What a strategy costs and attains",
        f"Price: {document['usdPerThreadHour']:.4f} USD per hour of a thread, with {document['otherMs']:g} ms per film "
        "beside the models. Vertical axes differ and start above chance.",
        f"Cost of the models: {document['measuredOn']}.",
        evaluation=evaluation,
    )
    return figure
