"""The policy of a family: rules from its own measurements, or else from a simulated study, or else from publications.

Fourteen findings times six pairs of sizes are 84 intervals: some exclude zero by chance. A finding follows the family's
own table only if a corrected interval excludes zero in every precision.
"""

from __future__ import annotations

from typing import Any

from alara_train.data.films import FINDINGS
from alara_train.evaluate.intervals import bonferroni
from alara_train.json_file import BadDocument

FAMILY = "resolutions of "
PUBLISHED_FLOORS_PX = {"Nodule": 448, "Emphysema": 512}
PUBLISHED_PLATEAU_PX = 320
SOURCE = "Sabottke and Spieler 2020, and the commentary on it"


def declared_margin(policy: dict[str, Any] | None, evaluation: dict[str, Any]) -> float:
    """The margin of a family: that of the rules of its policy, or else that of its evaluation.

    Raises:
        BadDocument: The rules of the policy have several margins, or neither document has one.
    """
    rules = [
        *(policy or {}).get("rules", {}).values(),
        *([policy["otherwise"]] if policy and "otherwise" in policy else []),
    ]
    margins = {float(rule["margin"]) for rule in rules if "margin" in rule} or {
        float(value) for value in [evaluation.get("margin")] if value is not None
    }
    if len(margins) != 1:
        several = " and ".join(f"{margin:g}" for margin in sorted(margins)) or "no margin"
        raise BadDocument(f"the family declares {several}: choose one with --margin")
    return margins.pop()


def critical(simultaneous: dict[str, Any], alpha: float) -> float:
    """Critical value of a family of comparisons: max-t if the evaluation has this level, or else Bonferroni."""
    held = simultaneous["critical"].get(f"{1 - alpha:g}")
    return float(held) if held is not None else bonferroni(int(simultaneous["comparisons"]), 1 - alpha)


def separations(evaluation: dict[str, Any], alpha: float = 0.05) -> dict[str, list[tuple[int, int, float]]]:
    """Per finding, pairs of sizes (smaller, larger, difference) whose corrected interval always excludes zero.

    The difference is smaller size minus larger, in the precision with the smallest difference.
    """
    size = {id_: v["resolution"] for id_, v in evaluation["variants"].items()}
    precisions = {v["precision"] for v in evaluation["variants"].values()}
    found: dict[tuple[str, int, int], dict[str, float]] = {}
    for c in evaluation["comparisons"]:
        family = c.get("family", "")
        if family.startswith(FAMILY):
            wide = critical(evaluation["simultaneous"][family], alpha) * c["error"]
            if abs(c["difference"]) > wide:
                key = (c["finding"], size[c["variant"]], size[c["reference"]])
                found.setdefault(key, {})[family.removeprefix(FAMILY)] = c["difference"]
    separated: dict[str, list[tuple[int, int, float]]] = {}
    for (finding, small, large), by_precision in found.items():
        signs = {d > 0 for d in by_precision.values()}
        if by_precision.keys() == precisions and len(signs) == 1:
            separated.setdefault(finding, []).append((small, large, min(by_precision.values(), key=abs)))
    return separated


def derive_policy(
    catalog: dict[str, Any],
    evaluation: dict[str, Any],
    *,
    margin: float,
    alpha: float = 0.05,
    targets: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Derive one rule per finding.

    Args:
        catalog: The family's catalog; its optional `simulated` gives floors by finding (`minResolution`, `source`).
        evaluation: `alara.evaluation/2`.
        margin: AUROC that a variant may lose against the best.
        alpha: Probability that any corrected interval of a precision is wrong.
        targets: AUROC by finding that the interval's lower end must reach, instead of the derived rule.
    """
    separated = separations(evaluation, alpha)
    simulated = catalog.get("simulated", {})
    rules: dict[str, Any] = {}
    for finding in catalog["findings"]:
        if targets and finding in targets:
            rules[finding] = {"auroc": targets[finding], "bound": "lower"}
        elif finding in separated:
            rules[finding] = {"nonInferiorTo": "best", "margin": margin}
        elif finding in simulated:
            floor = simulated[finding]
            rules[finding] = {
                "minResolution": floor["minResolution"],
                "evidence": "simulated",
                "source": floor["source"],
            }
        elif finding not in FINDINGS:
            # The publications studied only the findings of ChestX-ray14.
            rules[finding] = {"nonInferiorTo": "best", "margin": margin}
        else:
            rules[finding] = {
                "minResolution": PUBLISHED_FLOORS_PX.get(finding, PUBLISHED_PLATEAU_PX),
                "evidence": "published",
                "source": SOURCE,
            }
    count = max((s["comparisons"] for n, s in evaluation["simultaneous"].items() if n.startswith(FAMILY)), default=0)
    return {
        "$schema": "../schema/policy.schema.json",
        "name": catalog["family"],
        "description": (
            f"Derived from the family's own paired comparisons: where an interval between two resolutions, corrected "
            f"for all {count} of a precision, excludes zero in every precision, a variant must be within {margin:g} "
            "AUROC of the best; elsewhere the simulated resolution floor holds, or else the published one."
        ),
        "rules": rules,
    }


def attainable_policy(policy: dict[str, Any], catalog: dict[str, Any], margin: float) -> dict[str, Any]:
    """Replace floors above the family's largest size by a rule on the best variant, and describe the change."""
    largest = max(variant["resolution"] for variant in catalog["variants"])
    too_high = [f for f, rule in policy["rules"].items() if rule.get("minResolution", 0) > largest]
    if not too_high:
        return policy
    rules = {**policy["rules"], **{f: {"nonInferiorTo": "best", "margin": margin} for f in too_high}}
    return {
        **policy,
        "description": f"{policy['description']} The floors of {', '.join(too_high)} lie above this family's largest "
        f"size, {largest} px: there a variant must be within {margin:g} AUROC of the best instead.",
        "rules": rules,
    }


def evidence_kind(rule: dict[str, Any]) -> str:
    """The kind of evidence of a rule, in one word."""
    return str(rule.get("evidence", "measured"))


def rule_text(rule: dict[str, Any]) -> str:
    """A rule in a few words."""
    if "auroc" in rule:
        return f"AUROC {rule['auroc']:g} by {rule.get('bound', 'lower')} end"
    if "minResolution" in rule:
        return f"at least {rule['minResolution']} px"
    return f"within {rule['margin']:g} of the best"
