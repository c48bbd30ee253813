"""ROC with operating points, and precision against recall for rare findings."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

from alara_train.report.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    add_titles,
    grid_of,
    label,
    label_grid,
    margins,
    text_block,
)
from alara_train.report.routing import plan

RARE = 6
"""Number of the rarest findings with a precision-recall curve."""
MARKS = {"sensitive": (GREEN, "s"), "balanced": (ORANGE, "o"), "specific": (GREEN, "D")}


def served_alone(catalog: dict[str, Any], policy: dict[str, Any]) -> dict[str, str]:
    """The variant to which the policy routes each finding alone."""
    return {f: plan(catalog, policy, [f]).serves[f] for f in catalog["findings"]}


def draw_roc(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """ROC of the variant that each finding is routed to, with the operating points measured on other films."""
    routed = served_alone(catalog, policy)
    columns = 5
    rows = math.ceil((len(routed) + 1) / columns)
    figure = Figure(figsize=(10, 0.95 + 1.95 * rows + 0.35))
    axes = grid_of(figure, rows, columns)
    for axis, (finding, variant) in zip(axes, routed.items(), strict=False):
        head = evaluation["variants"][variant]["findings"][finding]
        axis.plot([0, 1], [0, 1], color=GRAY, linewidth=0.8, label="chance")
        axis.plot(*zip(*head["roc"], strict=True), color=BLUE, linewidth=1.2, label="ROC")
        for name, (colour, marker) in MARKS.items():
            point = head["operatingPoints"][name]
            sensitivity, specificity = point["sensitivity"], point["specificity"]
            x, y = 1 - specificity["value"], sensitivity["value"]
            axis.errorbar(
                x, y, xerr=[[x - (1 - specificity["ci95"][1])], [1 - specificity["ci95"][0] - x]],
                yerr=[[y - sensitivity["ci95"][0]], [sensitivity["ci95"][1] - y]],
                fmt=marker, color=colour, markersize=4, elinewidth=0.8, markeredgecolor=INK, markeredgewidth=0.4,
                label=name, zorder=3,
            )  # fmt: skip
        low, high = head["auroc"]["ci95"]
        axis.set_title(label(finding), loc="left", pad=3)
        area = f"{head['auroc']['value']:.2f} [{low:.2f}, {high:.2f}]"
        text_block(axis, 0.98, 0.03, [f"{variant}, {head['positives']} with", area], align="right")
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.02, 1.02)
        axis.set_xticks([0, 0.5, 1])
        axis.set_yticks([0, 0.5, 1])
        axis.set_box_aspect(1)
    label_grid(axes, columns, len(routed), "1 - specificity", "sensitivity", above_gap=True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower right", bbox_to_anchor=(0.97, 0.16))
    margins(figure, top=0.6, bottom=0.95, left=0.055, right=0.99, hspace=0.28, wspace=0.08)
    add_titles(
        figure,
        "ROC and operating points of the variant that the policy routes each finding to",
        "Points: thresholds chosen on other films, so they need not lie on the pooled curve. Bars: 95 % over resamples "
        "of patients. In each panel: variant, films with the finding, AUROC.",
        evaluation=evaluation,
    )
    return figure


def draw_precision_recall(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """Precision against recall for the rarest findings, with their prevalence as the chance line."""
    routed = served_alone(catalog, policy)
    heads = {f: evaluation["variants"][v]["findings"][f] for f, v in routed.items()}
    rare = sorted(heads, key=lambda f: heads[f]["positives"])[:RARE]
    columns = 3
    rows = math.ceil(len(rare) / columns)
    figure = Figure(figsize=(8, 0.95 + 2.0 * rows + 0.35))
    axes = grid_of(figure, rows, columns)
    for axis, finding in zip(axes, rare, strict=False):
        head = heads[finding]
        prevalence = head["positives"] / (head["positives"] + head["negatives"])
        axis.axhline(prevalence, color=GRAY, linewidth=0.9, label="chance: the prevalence")
        axis.plot(*zip(*head["precisionRecall"], strict=True), color=BLUE, linewidth=1.2, label="precision")
        point = head["operatingPoints"]["balanced"]
        if point["ppv"]["value"] is not None:
            x, y = point["sensitivity"], point["ppv"]
            axis.errorbar(
                x["value"], y["value"], xerr=[[x["value"] - x["ci95"][0]], [x["ci95"][1] - x["value"]]],
                yerr=[[y["value"] - y["ci95"][0]], [y["ci95"][1] - y["value"]]],
                fmt="o", color=ORANGE, markersize=4, elinewidth=0.8, markeredgecolor=INK, markeredgewidth=0.4,
                label="balanced", zorder=3,
            )  # fmt: skip
        low, high = head["averagePrecisionCi95"]
        axis.set_title(f"{label(finding)}: {head['positives']} with", loc="left", pad=3)
        area = f"AP {head['averagePrecision']:.2f} [{low:.2f}, {high:.2f}]"
        text_block(axis, 0.98, 0.97, [routed[finding], area, f"prevalence {prevalence:.3f}"], align="right")
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1.02)
    label_grid(axes, columns, len(rare), "recall", "precision")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="upper right", ncols=3, bbox_to_anchor=(0.995, 0.995))
    margins(figure, top=0.66, bottom=1.0, left=0.065, right=0.98, hspace=0.3, wspace=0.14)
    add_titles(
        figure,
        "Precision and recall of the rarest findings",
        "AP: average precision, 95 % over resamples of patients. Precision presumes this sample's prevalence.",
        evaluation=evaluation,
    )
    return figure
