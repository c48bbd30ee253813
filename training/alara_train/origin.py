"""Where films come from: what the catalog of a family trained on them must say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where films come from, as the catalog's provenance says it."""

    dataset: str
    licence: str
    citation: str
    acknowledgement: str
    link: str


NIH = Origin(
    dataset="NIH ChestX-ray14",
    licence="Free to use with attribution (NIH Clinical Center)",
    citation=(
        "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: Hospital-scale Chest X-ray "
        "Database and Benchmarks on Weakly-Supervised Classification and Localization of Common Thorax "
        "Diseases. CVPR 2017."
    ),
    acknowledgement="The NIH Clinical Center provided the films.",
    link="https://nihcc.app.box.com/v/ChestXray-NIHCC",
)
