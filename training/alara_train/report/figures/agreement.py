"""Change of the probability by low precision."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from alara_train.report.figures.style import BLUE, GRAY, INK, add_titles, label, margins


def draw_agreement(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """Quantiles of the difference in calibrated probability per finding and size, as in a Bland-Altman plot."""
    sizes = sorted(evaluation["agreement"], key=lambda id_: evaluation["variants"][id_]["resolution"])
    findings = evaluation["findings"]
    figure = Figure(figsize=(10, 1.9 + 0.235 * len(findings)))
    axes = figure.subplots(1, max(len(sizes), 1), sharex=True, sharey=True, squeeze=False)[0]
    for axis, id_ in zip(axes, sizes, strict=False):
        for row, finding in enumerate(findings):
            record = evaluation["agreement"][id_][finding]
            smallest, low, quarter, middle, three, high, largest = record["quantiles"]
            axis.plot([smallest, largest], [row, row], color=GRAY, linewidth=0.6)
            axis.plot([low, high], [row, row], color=BLUE, linewidth=1.8)
            axis.plot([quarter, three], [row, row], color=BLUE, linewidth=5, solid_capstyle="butt")
            axis.plot(middle, row, "|", color="white", markersize=5)
            changed = record["changedCalls"]
            axis.text(
                1.03, row, f"{100 * changed['value']:.1f} %", transform=axis.get_yaxis_transform(), ha="left",
                va="center", fontsize=6.6, color=INK,
            )  # fmt: skip
        axis.axvline(0, color=INK, linewidth=0.7)
        axis.set_title(f"{evaluation['variants'][id_]['resolution']} px", loc="left", pad=3)
        axis.text(1.03, -0.95, "calls", transform=axis.get_yaxis_transform(), ha="left", va="center", fontsize=6.6)
        axis.set_yticks(range(len(findings)), [label(f) for f in findings])
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
    if sizes:
        ends = [abs(q) for id_ in sizes for f in findings for q in evaluation["agreement"][id_][f]["quantiles"]]
        axes[0].set_ylim(len(findings) - 0.4, -0.6)
        axes[0].set_xlim(-1.06 * max(ends), 1.06 * max(ends))
    figure.supxlabel("int8 minus fp32, calibrated probability", y=0.74 / figure.get_size_inches()[1], fontsize=8)
    margins(figure, top=0.62, bottom=1.2, left=0.125, right=0.945, wspace=0.33)
    add_titles(
        figure,
        "int8 against fp32, film by film",
        "Thick: the middle half of films; line: 95 % of films; hair: all films; white: median. Calls: films whose call "
        "at the balanced threshold changes.",
        "Each precision has its own calibration and threshold, as it is served, and each was fitted on other films.",
        evaluation=evaluation,
    )
    return figure
