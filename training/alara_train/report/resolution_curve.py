"""AUROC against resolution by networks that were trained on the same films at more sizes than are served, if any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alara_train.json_file import read_json
from alara_train.report.span import span

SWEEP = "sweep.json"
"""The record of `alara-train sweep`, in the folder of the family whose films it used."""
FIGURE = "figures/sweep.svg"


def catalog_curve(family: Path, split_digest: str) -> dict[str, Any]:
    """The member `resolutionCurve` for the catalog of a family folder, in a dict.

    Empty without a sweep, or if the sweep is of other patients or folds, which `split_digest` identifies.
    """
    path = family / SWEEP
    sweep = read_json(path) if path.is_file() else None
    return {"resolutionCurve": curve(sweep)} if sweep and sweep["data"].get("splitDigest") == split_digest else {}


def curve(sweep: dict[str, Any]) -> dict[str, Any]:
    """The curve of a sweep (`alara.sweep/2`): its mean and its findings, with four decimals.

    Per size `bySide` has the AUROC, and `againstReference` the paired difference from the size `referencePx`.
    """
    return {
        "what": recipe(sweep),
        "films": sweep["data"]["scoredFilms"],
        "patients": sweep["data"]["scoredPatients"],
        "sidesPx": sweep["sidesPx"],
        "referencePx": sweep["referencePx"],
        "mean": _rounded(sweep["mean"]),
        "findings": {finding: _rounded(record) for finding, record in sweep["findings"].items()},
    }


def recipe(sweep: dict[str, Any]) -> str:
    """One sentence about the networks of a sweep."""
    length = "1 epoch" if sweep["epochs"] == 1 else f"{sweep['epochs']} epochs"
    flattered = "; the epoch was chosen on the scored films, which flatters" if sweep["selectedOnScoredFilms"] else ""
    return (
        f"{sweep['backbone']}, {sweep['networks']}, trained {sweep['start']} for {length} at each size; "
        f"{sweep['split']}{flattered}; intervals: {sweep['bootstraps']} resamples of patients, not corrected for the "
        "number of comparisons"
    )


def curve_section(catalog: dict[str, Any]) -> list[str]:
    """The section of the card about the curve; empty without one."""
    found = catalog.get("resolutionCurve")
    if not found:
        return []
    reference = found["referencePx"]
    inside = found["mean"].get("withinStrata", {})
    rows = []
    for side in map(str, found["sidesPx"]):
        cells = [span(part.get(key, {}).get(side)) for part in (found["mean"], inside) for key in _KEYS]
        rows.append(f"| {side} | {' | '.join(cells)} |")
    return [
        "## AUROC against resolution",
        "",
        f"{found['what'][:1].upper()}{found['what'][1:]}. Mean of {len(found['findings'])} findings on "
        f"{found['films']} films of {found['patients']} patients{_counted(found)}; per finding: [figure]({FIGURE}).",
        "",
        f"| px | all films | minus {reference} px | within strata | minus {reference} px |",
        "|---|---|---|---|---|",
        *rows,
        "",
        _reading(found, inside),
        "",
    ]


def _counted(found: dict[str, Any]) -> str:
    """How many findings have a value within strata, if not all."""
    inside = sum("withinStrata" in record for record in found["findings"].values())
    return f" (within strata: {inside} findings)" if 0 < inside < len(found["findings"]) else ""


_KEYS = ("bySide", "againstReference")


def _reading(found: dict[str, Any], inside: dict[str, Any]) -> str:
    """What the curve shows and what it does not, by the intervals within strata, or else over all films."""
    against = (inside or found["mean"])["againstReference"]
    worse = [side for side, m in against.items() if m["ci95"][1] < 0]
    better = [side for side, m in against.items() if m["ci95"][0] > 0]
    unclear = [side for side in against if side not in worse + better]
    where = "within strata" if inside else "over all films"
    parts = [
        f"{name} than {found['referencePx']} px is {'shown' if sides else 'shown for no size'}"
        + (f" for {', '.join(sides)} px" if sides else "")
        for name, sides in (("A lower mean", worse), ("a higher mean", better))
    ]
    if unclear:
        sides = ", ".join(unclear)
        parts.append(f"whether the mean at {sides} px differs from that at {found['referencePx']} px is not shown")
    return (
        f"{'; '.join(parts)} ({where}, not corrected). The curve is of networks of one kind, trained once per size and "
        "part of the films: it contains the random variation between runs. A size that looks equal on these films need "
        "not be equal on more films."
    )


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    parts = {name: {side: _four(m) for side, m in record[name].items()} for name in ("bySide", "againstReference")}
    if inside := record.get("withinStrata"):
        parts["withinStrata"] = _rounded(inside)
    return parts


def _four(measured: dict[str, Any]) -> dict[str, Any]:
    # Rounding keeps the order, so the value stays inside its interval. Adding 0 turns -0 into 0.
    return {
        "value": round(measured["value"], 4) + 0.0,
        "ci95": [round(end, 4) + 0.0 for end in measured["ci95"]],
    }
