"""Accuracy against cost, with the routed policy."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

from alara_train.report.figures.style import GRAY, GREEN, INK, PRECISION, PURPLE, add_titles, margins
from alara_train.report.routing import plan, total_costs


def draw_front(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """Mean AUROC against milliseconds per film, with separate points for the routed policy."""
    device, price = total_costs(catalog)
    figure = Figure(figsize=(7.2, 5.0))
    axis = figure.subplots()
    means = {id_: v["meanAuroc"] for id_, v in evaluation["variants"].items()}
    for precision in sorted({v["precision"] for v in evaluation["variants"].values()}):
        ids = [id_ for id_, v in evaluation["variants"].items() if v["precision"] == precision]
        ids.sort(key=lambda id_: price[id_])
        y = [means[id_]["value"] for id_ in ids]
        spread = [
            [v - means[i]["ci95"][0] for v, i in zip(y, ids, strict=True)],
            [means[i]["ci95"][1] - v for v, i in zip(y, ids, strict=True)],
        ]
        axis.errorbar(
            [price[id_] for id_ in ids], y, yerr=spread, fmt="o", color=PRECISION[precision], markersize=5,
            elinewidth=0.8, capsize=2, label=f"one variant for everything, {precision}",
        )  # fmt: skip
        for id_, value in zip(ids, y, strict=True):
            size = evaluation["variants"][id_]["resolution"]
            shift, side = ((5, -10), "left") if precision == "fp32" else ((-5, 5), "right")
            axis.annotate(
                f"{size}", (price[id_], value), shift, textcoords="offset points", color=INK, fontsize=7.5, ha=side
            )
    front = pareto([(price[id_], means[id_]["value"]) for id_ in means])
    axis.step(*zip(*front, strict=True), where="post", color=GRAY, linewidth=0.9, zorder=0, label="front")
    findings = catalog["findings"]
    together = plan(catalog, policy, findings)
    alone = [plan(catalog, policy, [f]) for f in findings]
    singly = {f: p.serves[f] for f, p in zip(findings, alone, strict=True)}
    x = sum(p.cost_ms for p in alone) / len(alone)
    axis.plot(
        together.cost_ms, _mean(evaluation, together.serves), "*", color=PURPLE, markersize=13,
        markeredgecolor=INK, markeredgewidth=0.6,
        label=f"policy, all findings at once: {100 * together.share:.0f} % of always {together.largest}",
    )  # fmt: skip
    axis.plot(
        x, _mean(evaluation, singly), "*", color=GREEN, markersize=13, markeredgecolor=INK, markeredgewidth=0.6,
        label=f"policy, one finding per request, all equally often: {100 * x / together.largest_ms:.0f} %",
    )  # fmt: skip
    floor = evaluation["baseline"]["meanAuroc"]["value"]
    axis.axhline(floor, color="black", linewidth=0.9, linestyle=(0, (4, 2)), label="view and collection, no pixel")
    low = min([floor, *[m["ci95"][0] for m in means.values()]])
    high = max(m["ci95"][1] for m in means.values())
    axis.set_ylim(math.floor(50 * low - 0.5) / 50, math.ceil(50 * high + 0.2) / 50)
    axis.set_xlim(0, 1.08 * max(price.values()))
    where = catalog["variants"][0]["cost"]["measuredOn"][device]
    axis.set_xlabel(f"ms per film, {device}")
    axis.set_ylabel(f"mean AUROC of {len(findings)} findings")
    figure.legend(*axis.get_legend_handles_labels(), loc="upper left", ncols=2, bbox_to_anchor=(0.005, 0.945))
    margins(figure, top=1.1, bottom=1.2, left=0.085, right=0.985)
    add_titles(
        figure,
        "What accuracy costs",
        "Bars: 95 % over resamples of patients. The policy's points mix variants and carry no interval of their own.",
        "The vertical axis starts above chance (0.5).",
        f"Cost: {where}.",
        evaluation=evaluation,
    )
    return figure


def pareto(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points whose value no cheaper point reaches, cheapest first."""
    front: list[tuple[float, float]] = []
    for cost, value in sorted(points, key=lambda p: (p[0], -p[1])):
        if not front or value > front[-1][1]:
            front.append((cost, value))
    return front


def _mean(evaluation: dict[str, Any], serves: dict[str, str]) -> float:
    values = [evaluation["variants"][v]["findings"][f]["auroc"]["value"] for f, v in serves.items()]
    return float(sum(values) / len(values))
