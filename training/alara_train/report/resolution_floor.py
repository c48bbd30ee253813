"""What a study of simulated nodules says for the policy: a floor, or nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FINDING = "Nodule"
STUDY = "study-nodules.json"
"""The record of a study, beside the catalog of the family that it read with."""
SHAM_WITHIN = 0.01
"""A nodule that cannot be seen must score a half, to this much, with every reader."""
SENSITIVE = 0.6
"""Where the largest side's interval reaches below, the study sees too little to call sizes equal."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor as evidence `simulated`, or why there is none and the published one stays."""

    min_resolution: int | None
    why: str
    source: str

    def record(self) -> dict[str, Any]:
        """As the study and the catalog hold it."""
        return {"finding": FINDING, "minResolution": self.min_resolution, "why": self.why, "source": self.source}


def catalog_floors(family: Path) -> dict[str, Any]:
    """What the catalog of a family folder holds as `simulated`: floors by finding, none where the study gives none."""
    record = family / STUDY
    floor = json.loads(record.read_text())["floor"] if record.is_file() else {}
    if floor.get("minResolution") is None:
        return {}
    return {floor["finding"]: {"minResolution": floor["minResolution"], "source": floor["source"]}}


def simulated_floor(study: dict[str, Any], name: str = STUDY) -> Floor:
    """Derive the floor of Nodule from a study (`alara.study/1`).

    It is the smallest side that is not inferior to the largest, as are all sides between, by intervals that hold for
    all sides at once. None where the sham is off a half, where the largest side hardly sees the nodules, or where no
    side can be told from the largest either way.
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
