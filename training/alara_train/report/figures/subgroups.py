"""Mean AUROC of the subgroups."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from alara_train.report.figures.style import BLUE, GRAY, add_titles, margins


def draw_subgroups(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> Figure:
    """Mean AUROC by view, sex, age and collection, with the baseline of view and collection alone."""
    shown = max(
        evaluation["variants"], key=lambda id_: (evaluation["variants"][id_]["resolution"], id_.endswith("int8"))
    )
    variant, baseline = evaluation["variants"][shown], evaluation["baseline"]
    rows: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("all films", {**baseline["meanAuroc"], **variant["meanAuroc"]}, baseline["meanAuroc"])
    ]
    rows += [(name, found, baseline["subgroups"][name]) for name, found in variant["subgroups"].items()]
    measured = [row for row in rows if "value" in row[1]]
    figure = Figure(figsize=(8.6, 1.75 + 0.27 * len(measured)))
    axis = figure.subplots()
    axis.axvline(0.5, color=GRAY, linewidth=0.9, label="chance")
    kind = ""
    for place, (name, found, floor) in enumerate(measured):
        for record, colour, marker, shift, words in (
            (found, BLUE, "o", -0.12, shown),
            (floor, "black", "x", 0.16, "view and collection, no pixel"),
        ):
            low, high = record["ci95"]
            axis.plot([low, high], [place + shift] * 2, color=colour, linewidth=1.1)
            axis.plot(record["value"], place + shift, marker, color=colour, markersize=4.5,
                      linestyle="none", label=words if place == 0 else None)  # fmt: skip
        if name.split(" ")[0] != kind and place:
            axis.axhline(place - 0.5, color=GRAY, linewidth=0.4)
        kind = name.split(" ")[0]
        low, high = found["ci95"]
        cells = (
            (1.02, "left", f"{found['value']:.2f} [{low:.2f}, {high:.2f}]"),
            (1.37, "right", f"{found['films']}"),
            (1.5, "right", f"{len(record['findings'])}"),
        )
        for x, align, text in cells:
            axis.text(x, place, text, transform=axis.get_yaxis_transform(), va="center", ha=align, fontsize=7)
    for x, align, text in ((1.02, "left", shown), (1.37, "right", "films"), (1.5, "right", "findings")):
        axis.text(x, -0.95, text, transform=axis.get_yaxis_transform(), va="center", ha=align, fontsize=7, color=GRAY)
    axis.set_yticks(range(len(measured)), [_short(name) for name, _, _ in measured])
    axis.set_ylim(len(measured) - 0.5, -0.6)
    axis.set_xlabel("mean AUROC")
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="upper right", ncols=3, bbox_to_anchor=(0.995, 0.995))
    margins(figure, top=0.65, bottom=1.15, left=0.19, right=0.72)
    absent = [name for name, found, _ in rows if "value" not in found]
    add_titles(
        figure,
        "Subgroups",
        "Bars: 95 % over resamples of patients. A group's mean is over the findings with five films with and without: "
        "compare a row",
        "with its own baseline rather than with another row."
        + (f" Too few films: {', '.join(_short(name) for name in absent)}." if absent else ""),
        evaluation=evaluation,
    )
    return figure


def _short(name: str) -> str:
    text = name.removeprefix("collection ")
    return text if len(text) <= 26 else "…" + text[-25:]
