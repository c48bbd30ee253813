"""AUROC against resolution by networks that were trained on the same films at more sizes than are served, if any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alara_train.json_file import read_json

SWEEP = "sweep.json"
"""The record of `alara-train sweep`, in the folder of the family whose films it used."""
FIGURE = "figures/sweep.svg"


def catalog_curve(family: Path) -> dict[str, Any]:
    """The member `resolutionCurve` of the catalog of a family folder, as a dict of it alone; empty without a sweep."""
    path = family / SWEEP
    return {"resolutionCurve": curve(read_json(path))} if path.is_file() else {}


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
    return (
        f"{sweep['backbone']}, {sweep['networks']}, trained {sweep['start']} for {sweep['epochs']} epochs at each "
        f"size; {sweep['split']}; intervals: {sweep['bootstraps']} resamples of patients, not corrected for the "
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
        cells = [_cell(part.get(key, {}).get(side)) for part in (found["mean"], inside) for key in _KEYS]
        rows.append(f"| {side} | {' | '.join(cells)} |")
    return [
        "## AUROC against resolution",
        "",
        f"{found['what'][:1].upper()}{found['what'][1:]}. Mean of {len(found['findings'])} findings on "
        f"{found['films']} films of {found['patients']} patients; per finding: [figure]({FIGURE}).",
        "",
        f"| px | all films | minus {reference} px | within strata | minus {reference} px |",
        "|---|---|---|---|---|",
        *rows,
        "",
        _reading(found, inside),
        "",
    ]


_KEYS = ("bySide", "againstReference")


def _reading(found: dict[str, Any], inside: dict[str, Any]) -> str:
    """What the curve shows and what it does not, by the intervals within strata, or else over all films."""
    against = (inside or found["mean"])["againstReference"]
    worse = [side for side, m in against.items() if m["ci95"][1] < 0]
    better = [side for side, m in against.items() if m["ci95"][0] > 0]
    open_ = [side for side in against if side not in worse + better]
    where = "within strata" if inside else "over all films"
    parts = [
        f"{name} than {found['referencePx']} px is {'shown' if sides else 'shown for no size'}"
        + (f" for {', '.join(sides)} px" if sides else "")
        for name, sides in (("A lower mean", worse), ("a higher mean", better))
    ]
    return (
        f"{'; '.join(parts)} ({where}, not corrected). "
        + (f"The films do not tell {', '.join(open_)} px from {found['referencePx']} px. " if open_ else "")
        + "The curve is of networks of one kind, on few films, one run per fold and size: it contains the random "
        "variation between runs, and a size that looks equal here need not be equal on a larger data set."
    )


def _cell(measured: dict[str, Any] | None) -> str:
    if measured is None:
        return ""
    low, high = measured["ci95"]
    return f"{measured['value']:.3f} [{low:.3f}, {high:.3f}]"


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    parts = {name: {side: _four(m) for side, m in record[name].items()} for name in ("bySide", "againstReference")}
    if inside := record.get("withinStrata"):
        parts["withinStrata"] = _rounded(inside)
    return parts


def _four(measured: dict[str, Any]) -> dict[str, Any]:
    value = round(measured["value"], 4)
    low, high = measured["ci95"]
    # Rounding must not exclude the value from its interval.
    return {"value": value, "ci95": [min(value, round(low, 4)), max(value, round(high, 4))]}
