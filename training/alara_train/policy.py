"""What is good enough, derived from what the family measured."""

from __future__ import annotations

from typing import Any

from scipy.stats import norm

from alara_train.data import FINDINGS

PUBLISHED_FLOORS_PX = {"Nodule": 448, "Emphysema": 512}
PUBLISHED_PLATEAU_PX = 320
SOURCE = "Sabottke and Spieler 2020, and the commentary on it"
MARGIN = 0.05
"""Paired intervals of so few films reach .02 to .05 below their difference: .01 could only choose the best."""


def separates(catalog: dict[str, Any], finding: str, alpha: float = 0.05) -> bool:
    """Whether the family's films tell two resolutions apart for a finding, in every precision alike.

    A family has one comparison a finding and pair of resolutions, and among so many some 95 % intervals exclude
    zero by chance. So the intervals are widened (Bonferroni) until all of them hold together with 1 - alpha; the
    standard error is read off the catalog's own 95 % interval.
    """
    variant = {v["id"]: v for v in catalog["variants"]}
    precisions = {v["precision"] for v in catalog["variants"]}
    sizes = len({v["resolution"] for v in catalog["variants"]})
    comparisons = len(catalog["findings"]) * sizes * (sizes - 1) // 2
    widening = norm.ppf(1 - alpha / 2 / max(comparisons, 1)) / norm.ppf(0.975)
    apart: dict[tuple[int, int], set[str]] = {}
    for c in catalog["comparisons"]:
        a, b = variant[c["variant"]], variant[c["reference"]]
        if c["finding"] != finding or a["precision"] != b["precision"] or a["resolution"] == b["resolution"]:
            continue
        if c["difference"] - widening * (c["difference"] - c["ci95"][0]) > 0:
            apart.setdefault((a["resolution"], b["resolution"]), set()).add(a["precision"])
    return precisions in apart.values()


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
            "Derived from the family's own paired comparisons: where they tell two resolutions apart in every "
            "precision, with intervals that hold for all findings and pairs together, a variant must be within "
            f"{MARGIN} AUROC of the best; elsewhere the published resolution floor holds."
        ),
        "rules": rules,
    }
