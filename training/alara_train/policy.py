"""What is good enough, derived from what the family measured."""

from __future__ import annotations

from typing import Any

from alara_train.data import FINDINGS

PUBLISHED_FLOORS_PX = {"Nodule": 448, "Emphysema": 512}
PUBLISHED_PLATEAU_PX = 320
SOURCE = "Sabottke and Spieler 2020, and the RSNA commentary on it (PMC8017385)"
MARGIN = 0.01


def separates(catalog: dict[str, Any], finding: str) -> bool:
    """Whether a paired interval between two resolutions excludes zero for a finding, in every precision alike.

    The intervals are the catalog's own 95 % ones, not corrected for the number of pairs: this chooses between two
    kinds of evidence and claims no effect.
    """
    variant = {v["id"]: v for v in catalog["variants"]}
    precisions = {v["precision"] for v in catalog["variants"]}
    apart: dict[tuple[int, int], set[str]] = {}
    for c in catalog["comparisons"]:
        a, b = variant[c["variant"]], variant[c["reference"]]
        if c["finding"] == finding and a["precision"] == b["precision"] and c["ci95"][0] > 0:
            apart.setdefault((a["resolution"], b["resolution"]), set()).add(a["precision"])
    return any(agreed == precisions for (a, b), agreed in apart.items() if a != b)


def derive_policy(catalog: dict[str, Any]) -> dict[str, Any]:
    """Write a rule a finding: non-inferior to the best where films can tell sizes apart, else a published floor."""
    rules: dict[str, Any] = {}
    for finding in FINDINGS:
        if separates(catalog, finding):
            rules[finding] = {"nonInferiorTo": "best", "margin": MARGIN}
        else:
            rules[finding] = {
                "minResolution": PUBLISHED_FLOORS_PX.get(finding, PUBLISHED_PLATEAU_PX),
                "evidence": "published",
                "source": SOURCE,
            }
    return {
        "$schema": "../schema/policy.schema.json",
        "name": catalog["family"],
        "description": (
            "Derived from the family's own paired comparisons: where a 95 % interval between two resolutions excludes "
            "zero in fp32 and in int8, a variant must be within 0.01 AUROC of the best; elsewhere the published "
            "resolution floor holds."
        ),
        "rules": rules,
    }
