"""The films that a family's own comparisons would need, from its evaluation."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from alara_train.evaluate.power import ASSUMPTIONS, FORMULA, films_needed
from alara_train.json_file import BadDocument
from alara_train.report.policy import FAMILY, critical


def power_document(
    evaluation: dict[str, Any],
    *,
    differences: list[float],
    power: float,
    alpha: float,
    sizes_px: tuple[int, ...] | None = None,
    precision: str | None = None,
) -> dict[str, Any]:
    """Films needed per finding and difference for two sizes of a precision.

    Args:
        evaluation: The family's `evaluation.json`.
        differences: Differences of AUROC.
        power: Probability that a true difference is shown.
        alpha: Probability that any comparison of the correction is wrong.
        sizes_px: The two sizes; None takes the smallest and the largest.
        precision: The precision; None takes int8 if it was measured, or else the first.

    Raises:
        BadDocument: The evaluation has no such comparison.
    """
    variants = evaluation["variants"]
    measured = [name.removeprefix(FAMILY) for name in evaluation["simultaneous"] if name.startswith(FAMILY)]
    if not measured:
        raise BadDocument("the family has only one size per precision, so no two sizes were compared")
    chosen = precision or ("int8" if "int8" in measured else measured[0])
    sides = sorted(v["resolution"] for v in variants.values() if v["precision"] == chosen)
    small, large = (
        sorted(sizes_px) if sizes_px and len(sizes_px) == 2 else (min(sides, default=0), max(sides, default=0))
    )
    rows = {
        c["finding"]: c
        for c in evaluation["comparisons"]
        if c.get("family") == FAMILY + chosen
        and (variants[c["variant"]]["resolution"], variants[c["reference"]]["resolution"]) == (small, large)
    }
    if not rows or (sizes_px and len(sizes_px) != 2):
        known = "; ".join(
            f"{name}: {', '.join(str(v['resolution']) for v in variants.values() if v['precision'] == name)} px"
            for name in measured
        )
        raise BadDocument(f"choose two sizes of one precision with --sizes and --precision; there are {known}")
    correction = evaluation["simultaneous"][FAMILY + chosen]
    first = next(iter(rows.values()))
    head = variants[first["variant"]]["findings"]
    return {
        "family": evaluation["family"],
        "variant": first["variant"],
        "reference": first["reference"],
        "power": power,
        "alpha": alpha,
        **_needed(rows, correction, head, differences, alpha, power),
        "withinStrata": _needed(
            {finding: row["withinStrata"] for finding, row in rows.items() if "withinStrata" in row},
            correction.get("withinStrata", {"comparisons": 0}),
            head,
            differences,
            alpha,
            power,
        ),
        "formula": FORMULA,
        "assumptions": list(ASSUMPTIONS),
    }


def _needed(
    rows: dict[str, dict[str, Any]],
    correction: dict[str, Any],
    heads: dict[str, Any],
    differences: list[float],
    alpha: float,
    power: float,
) -> dict[str, Any]:
    """Films needed per finding and difference, and the medians over the findings."""
    if not rows:
        return {"comparisons": 0, "findings": {}, "medianFilms": {}}
    factor = critical(correction, alpha)
    findings = {}
    for finding, row in rows.items():
        head = heads[finding]
        measured = head["positives"] + head["negatives"]
        films = {
            f"{d:g}": math.ceil(films_needed(measured, row["error"], d, critical=factor, power=power))
            for d in differences
        }
        findings[finding] = {"positives": head["positives"], "films": films, "error": row["error"]}
    return {
        "comparisons": correction["comparisons"],
        "critical": round(factor, 4),
        "findings": findings,
        "medianFilms": {
            f"{d:g}": math.ceil(median(found["films"][f"{d:g}"] for found in findings.values())) for d in differences
        },
    }
