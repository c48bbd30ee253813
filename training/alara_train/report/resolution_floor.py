"""The resolution floor that follows from a study of simulated nodules, if any."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FINDING = "Nodule"
STUDY = "study-nodules.json"
"""The record of a study, in the folder of the family whose trunks it used."""
SHAM_WITHIN = 0.01
"""Largest accepted deviation from 0.5 of the AUROC of invisible nodules, with every reader."""
SENSITIVE = 0.6
"""If the interval of the largest side reaches below, the study cannot show that sizes are equal."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor with the evidence `simulated`, or the reason why there is none."""

    min_resolution: int | None
    why: str
    source: str

    def record(self) -> dict[str, Any]:
        """Return the record that the study and the catalog hold."""
        return {"finding": FINDING, "minResolution": self.min_resolution, "why": self.why, "source": self.source}


def catalog_floors(family: Path) -> dict[str, Any]:
    """The `simulated` floors by finding for the catalog of a family folder; empty if the study gives none."""
    record = family / STUDY
    floor = json.loads(record.read_text())["floor"] if record.is_file() else {}
    if floor.get("minResolution") is None:
        return {}
    return {floor["finding"]: {"minResolution": floor["minResolution"], "source": floor["source"]}}


def simulated_floor(study: dict[str, Any], name: str = STUDY) -> Floor:
    """Derive the floor of Nodule from a study (`alara.study/1`).

    The floor is the smallest side such that this side and all larger sides are not inferior to the largest, by
    simultaneous intervals. There is no floor if the AUROC of the sham is not 0.5, if the largest side hardly detects
    the nodules, or if the comparison is inconclusive.
    """
    source = f"{name}, {study['date']}: simulated nodules on {study['films']} films, not real labels"
    if off := [s["reader"] for s in study["sham"] if abs(s["auroc"]["value"] - 0.5) > SHAM_WITHIN]:
        return Floor(None, f"the sham does not score .500 with {', '.join(off)}: there is a leak", source)
    decisive = study["decisive"]
    verdicts = {d["resolution"]: d["verdict"] for d in decisive["differences"]}
    largest = decisive["differences"][0]["reference"]
    if decisive["auroc"][f"r{largest}"]["ci95"][0] < SENSITIVE:
        return Floor(None, f"{largest} px itself hardly detects these nodules: equal sizes would prove nothing", source)
    floor = int(largest)
    for side in sorted(verdicts, reverse=True):
        if verdicts[side] != "nonInferior":
            if floor == largest and verdicts[side] == "inconclusive":
                return Floor(None, f"{side} px is neither worse than {largest} px nor as good: inconclusive", source)
            break
        floor = side
    return Floor(floor, f"the smallest side within {decisive['margin']:g} AUROC of {largest} px", source)
