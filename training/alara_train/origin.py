"""The origin of films, as the catalog of a family must state it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from alara_train.toml_file import BadConfig, read_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The origin of films, as the catalog's provenance states it."""

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


def origin_of(layout: str, path: Path | None) -> Origin:
    """The origin of films: known for the layout of NIH, or else read from a TOML file.

    Raises:
        BadConfig: The file is needed but not given, or a key is missing.
    """
    if path is None:
        if layout == "nih":
            return NIH
        raise BadConfig(
            "a catalog states the origin of its films, which is known only for NIH's layout: write a TOML file with "
            f"{', '.join(field.name for field in fields(Origin))} (link is a URL) and give it as --origin"
        )
    table = read_toml(path)
    names = [field.name for field in fields(Origin)]
    if wrong := [name for name in names if not isinstance(table.get(name), str) or not table[name]]:
        raise BadConfig(f"{path} must state {', '.join(wrong)} as text")
    return Origin(**{name: table[name] for name in names})
