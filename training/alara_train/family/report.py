"""The card and the figures of a family, from its documents alone; and the cost of a film, measured again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.atomic_file import write_atomic
from alara_train.data.films import BadData
from alara_train.export.cost import measure_ms, measured_on
from alara_train.json_file import check_schema, write_json
from alara_train.recipes.card_text import CardText
from alara_train.recipes.finetuned.card_text import stored_text
from alara_train.recipes.finetuned.sweep_figure import draw_sweep
from alara_train.recipes.frozen.card_text import card_text
from alara_train.report.card import card
from alara_train.report.catalog import SCHEMAS, read_family
from alara_train.report.figures.draw import draw_all
from alara_train.report.resolution_curve import FIGURE, SWEEP, curve


def _text(catalog: dict[str, Any], evaluation: dict[str, Any]) -> CardText:
    """The text that the evaluation stores, or else the text of a frozen trunk, which the documents determine."""
    stored = evaluation.get("recipe", {}).get("told")
    return stored_text(stored) if stored else card_text(catalog, evaluation)


def write_card(family: Path) -> None:
    """Write `card.md` from the other documents of a family folder."""
    catalog, policy, evaluation = read_family(family, "catalog", "policy", "evaluation")
    write_atomic(family / "card.md", card(catalog, policy, evaluation, _text(catalog, evaluation)))


def report_family(family: Path) -> list[Path]:
    """Write `card.md` and the figures; returns the paths of the figures.

    Raises:
        Unreachable: The policy asks for more than any variant attains.
    """
    catalog, policy, evaluation = read_family(family, "catalog", "policy", "evaluation")
    paths = draw_all(catalog, policy, evaluation, family / "figures")
    write_card(family)
    return paths


def attach_curve(sweep: dict[str, Any], family: Path) -> None:
    """Add the record of a sweep to a family folder, with its figure, and its curve to the catalog and the card.

    Raises:
        BadData: The sweep is of other films or folds than the family.
        BadDocument: The catalog would contradict its schema. Nothing is written.
    """
    [catalog, *_] = read_family(family, "catalog", "policy", "evaluation")
    if sweep["data"]["splitDigest"] != catalog["provenance"]["splitDigest"]:
        raise BadData(f"the sweep is of other patients or folds than {family}: name the family of these films")
    catalog["resolutionCurve"] = curve(sweep)
    if (schema := SCHEMAS / "catalog.schema.json").is_file():
        check_schema(catalog, schema)
    write_atomic(family / SWEEP, json.dumps(sweep, indent=1, allow_nan=False) + "\n")
    draw_sweep(sweep, family / FIGURE)
    write_json(catalog, family / "catalog.json")
    write_card(family)


def measure_cost(family: Path) -> dict[str, float]:
    """Measure every graph on this machine, and write the times to the catalog and the card; returns milliseconds.

    The times contain neither decoding nor resizing. `alara catalog measure --write` measures both.
    """
    [catalog] = read_family(family, "catalog")
    rng = np.random.default_rng(0)
    sides = {v["id"]: v["resolution"] for v in catalog["variants"]}
    taken = measure_ms(
        {v["id"]: family / v["file"] for v in catalog["variants"]},
        {id_: rng.uniform(-1, 1, (1, 1, side, side)).astype(np.float32) for id_, side in sides.items()},
    )
    for variant in catalog["variants"]:
        variant["cost"]["ms"]["cpu"] = taken[variant["id"]]
        if "decodeMs" in variant["cost"]:
            variant["cost"]["decodeMs"].pop("cpu", None)
        variant["cost"]["measuredOn"]["cpu"] = measured_on()
    write_json(catalog, family / "catalog.json")
    write_card(family)
    return taken
