"""All figures of a family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from alara_train.report.figures.agreement import draw_agreement
from alara_train.report.figures.curves import draw_precision_recall, draw_roc
from alara_train.report.figures.front import draw_front
from alara_train.report.figures.reliability import draw_reliability
from alara_train.report.figures.resolution import draw_resolution
from alara_train.report.figures.style import STYLE, save
from alara_train.report.figures.subgroups import draw_subgroups

Draw = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Figure]
FIGURES: dict[str, Draw] = {
    "auroc-by-resolution": draw_resolution,
    "cost-accuracy": draw_front,
    "roc": draw_roc,
    "precision-recall": draw_precision_recall,
    "reliability": draw_reliability,
    "int8-agreement": draw_agreement,
    "subgroups": draw_subgroups,
}


def draw_all(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any], folder: Path) -> list[Path]:
    """Write every figure as SVG; the same documents give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with mpl.rc_context(STYLE):
        for name, draw in FIGURES.items():
            path = folder / f"{name}.svg"
            save(draw(catalog, policy, evaluation), path)
            paths.append(path)
    return paths
