"""Reliability of the calibrated probability."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

from alara_train.evaluate.metrics import wilson
from alara_train.report.figures.curves import served_alone
from alara_train.report.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    add_titles,
    grid_of,
    label,
    label_grid,
    margins,
    text_block,
)

KEYS = ("reliabilityBefore", "reliability")


def draw_reliability(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """Observed share against stated probability in bins of equal count, before and after calibration."""
    routed = served_alone(catalog, policy)
    columns = 5
    rows = math.ceil((len(routed) + 1) / columns)
    figure = Figure(figsize=(10, 0.95 + 1.95 * rows + 0.35))
    axes = grid_of(figure, rows, columns)
    bins = [b for f, v in routed.items() for k in KEYS for b in evaluation["variants"][v]["findings"][f][k]]
    upper = min(1.0, math.ceil(20 * max(max(b["probability"], b["share"]) for b in bins) + 3) / 20)
    for axis, (finding, variant) in zip(axes, routed.items(), strict=False):
        head = evaluation["variants"][variant]["findings"][finding]
        axis.plot([0, 1], [0, 1], color=GRAY, linewidth=0.8, label="perfect")
        for key, colour, marker, words in (
            ("reliabilityBefore", ORANGE, "s", "before"),
            ("reliability", BLUE, "o", "after"),
        ):
            bins = head[key]
            shares = [b["share"] for b in bins]
            spans = [wilson(round(b["share"] * b["films"]), b["films"]) for b in bins]
            below = [max(0.0, s - low) for s, (low, _) in zip(shares, spans, strict=True)]
            above = [max(0.0, high - s) for s, (_, high) in zip(shares, spans, strict=True)]
            axis.errorbar(
                [b["probability"] for b in bins], shares, yerr=[below, above], fmt=marker, color=colour,
                markersize=2.8, elinewidth=0.7, label=words,
            )  # fmt: skip
        counts = sorted({b["films"] for b in head["reliability"]})
        axis.set_title(label(finding), loc="left", pad=3)
        text_block(
            axis, 0.03, 0.98,
            [f"{variant}, {head['calibration']['method']}",
             f"ECE {head['ece']['before']:.2f} to {head['ece']['after']:.3f}",
             f"{len(head['reliability'])} bins of {'-'.join(str(n) for n in counts)} films"],
            align="left", size=6.6,
        )  # fmt: skip
        axis.set_xlim(-0.02, upper)
        axis.set_ylim(-0.02, upper)
        axis.set_xticks([0, 0.25, 0.5, 0.75][: 1 + int(upper / 0.25)])
        axis.set_yticks([0, 0.25, 0.5, 0.75][: 1 + int(upper / 0.25)])
        axis.set_box_aspect(1)
    label_grid(axes, columns, len(routed), "stated probability", "share with the finding", above_gap=True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower right", bbox_to_anchor=(0.93, 0.18))
    margins(figure, top=0.6, bottom=1.1, left=0.055, right=0.99, hspace=0.28, wspace=0.08)
    add_titles(
        figure,
        "Reliability before and after calibration",
        "Before: logistic of the raw score. After: by a fit on other films. Points: bins of equal count. Bars: 95 % by "
        "Wilson.",
        "In each panel: the variant that the policy routes to, its calibration, expected calibration error before and "
        "after, bins and films in each.",
        evaluation=evaluation,
    )
    return figure
