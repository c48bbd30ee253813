"""The policies of a family, from its measurements within strata of view and collection.

The family's own policy: rules from its own measurements, or else from a simulated study, or else from publications.
`cheapest`: the smallest size whose difference from the best is not shown.

Fourteen findings times six pairs of sizes are 84 intervals: some exclude zero by chance. A finding follows the family's
own table only if a corrected interval excludes zero in every precision. Pooled differences are no evidence, because the
collections were selected for findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alara_train.data.films import FINDINGS
from alara_train.evaluate.intervals import bonferroni
from alara_train.json_file import BadDocument, write_json

FAMILY = "resolutions of "
CHEAPEST = "policies/cheapest.json"
"""Path in the folder of the family."""
KINDS = ("measured", "simulated", "published", "notShown")
PUBLISHED_FLOORS_PX = {"Nodule": 448, "Emphysema": 512}
PUBLISHED_PLATEAU_PX = 320
SOURCE = "Sabottke and Spieler 2020, and the commentary on it"


def declared_margin(policy: dict[str, Any] | None, evaluation: dict[str, Any]) -> float:
    """The margin of a family: that of its evaluation and of the rules of its policy.

    Raises:
        BadDocument: The documents have several margins, or none.
    """
    rules = [
        *(policy or {}).get("rules", {}).values(),
        *([policy["otherwise"]] if policy and "otherwise" in policy else []),
    ]
    margins = {float(document["margin"]) for document in (evaluation, *rules) if document.get("margin") is not None}
    if len(margins) != 1:
        several = " and ".join(f"{margin:g}" for margin in sorted(margins)) or "no margin"
        raise BadDocument(f"the family declares {several}: choose one with --margin")
    return margins.pop()


def critical(simultaneous: dict[str, Any], alpha: float) -> float:
    """Critical value of a family of comparisons: max-t if the evaluation has this level, or else Bonferroni."""
    held = simultaneous["critical"].get(f"{1 - alpha:g}")
    return float(held) if held is not None else bonferroni(int(simultaneous["comparisons"]), 1 - alpha)


@dataclass(frozen=True, slots=True)
class Shown:
    """A difference within strata between two sizes of one precision whose corrected interval excludes zero."""

    finding: str
    precision: str
    smaller: int
    larger: int
    difference: float
    """AUROC of the smaller size minus AUROC of the larger."""


def shown_differences(evaluation: dict[str, Any], alpha: float = 0.05) -> list[Shown]:
    """Every difference between sizes within strata whose corrected interval excludes zero.

    Raises:
        BadDocument: The evaluation has no differences within strata.
    """
    size = {id_: v["resolution"] for id_, v in evaluation["variants"].items()}
    found = []
    for c in evaluation["comparisons"]:
        family, inside = c.get("family", ""), c.get("withinStrata")
        if not family.startswith(FAMILY) or inside is None:
            continue
        wide = critical(evaluation["simultaneous"][family]["withinStrata"], alpha) * inside["error"]
        if abs(inside["difference"]) > wide:
            pair = (size[c["variant"]], size[c["reference"]])
            found.append(Shown(c["finding"], family.removeprefix(FAMILY), *pair, inside["difference"]))
    return found


def check_strata(evaluation: dict[str, Any]) -> None:
    """Make sure that an evaluation has differences within strata, if it compares sizes.

    Raises:
        BadDocument: It was written by a version that only had pooled differences.
    """
    if any("withinStrata" not in how for how in evaluation["simultaneous"].values()):
        raise BadDocument(
            "the evaluation has no differences within strata of view and collection, from which rules are derived: "
            "run alara-train evaluate"
        )


def separations(evaluation: dict[str, Any], alpha: float = 0.05) -> dict[str, list[tuple[int, int, float]]]:
    """Per finding, pairs of sizes (smaller, larger, difference) whose corrected interval always excludes zero.

    The difference is smaller size minus larger, in the precision with the smallest difference.
    """
    precisions = {v["precision"] for v in evaluation["variants"].values()}
    found: dict[tuple[str, int, int], dict[str, float]] = {}
    for one in shown_differences(evaluation, alpha):
        found.setdefault((one.finding, one.smaller, one.larger), {})[one.precision] = one.difference
    separated: dict[str, list[tuple[int, int, float]]] = {}
    for (finding, small, large), by_precision in found.items():
        signs = {d > 0 for d in by_precision.values()}
        if by_precision.keys() == precisions and len(signs) == 1:
            separated.setdefault(finding, []).append((small, large, min(by_precision.values(), key=abs)))
    return separated


def comparison_count(evaluation: dict[str, Any]) -> int:
    """Number of differences between sizes within strata that are corrected together, per precision."""
    counts = [s["withinStrata"]["comparisons"] for n, s in evaluation["simultaneous"].items() if n.startswith(FAMILY)]
    return max(counts, default=0)


def derive_policy(
    catalog: dict[str, Any],
    evaluation: dict[str, Any],
    *,
    margin: float,
    alpha: float = 0.05,
    targets: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Derive one rule per finding; the name of the policy says on which kinds of evidence the rules rest.

    Args:
        catalog: The family's catalog; its optional `simulated` gives floors by finding (`minResolution`, `source`).
        evaluation: the family's `evaluation.json`.
        margin: AUROC that a variant may lose against the best.
        alpha: Probability that any corrected interval of a precision is wrong.
        targets: AUROC by finding that the interval's lower end must reach, instead of the derived rule.

    Raises:
        BadDocument: The evaluation has no differences within strata.
    """
    check_strata(evaluation)
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
    established = ", ".join(sorted(separated)) or "no finding"
    return {
        "$schema": "../schema/policy.schema.json",
        "name": policy_name(catalog, rules),
        "description": (
            f"{_counted(rules)}. Measured means this family's films: where an interval of the difference between two "
            f"resolutions within strata of view and collection, corrected for all {comparison_count(evaluation)} of a "
            f"precision, excludes zero in every precision, a variant must be within {margin:g} AUROC of the best. "
            "Elsewhere the simulated resolution floor holds, or else the published one. On these "
            f"{evaluation['films']} films the order of sizes is established for {established}."
        ),
        "rules": rules,
    }


def policy_name(catalog: dict[str, Any], rules: dict[str, Any]) -> str:
    """The family, then the kinds of evidence of the rules: such as `chest14-measured-published`."""
    found = {evidence_kind(rule) for rule in rules.values()}
    return "-".join([catalog["family"], *(kind for kind in KINDS if kind in found)])


def _counted(rules: dict[str, Any]) -> str:
    """How many findings rest on each kind of evidence."""
    kinds = [evidence_kind(rule) for rule in rules.values()]
    return "Evidence by finding: " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS if kind in kinds)


def cheapest_policy(
    catalog: dict[str, Any], evaluation: dict[str, Any], own: dict[str, Any], alpha: float = 0.05
) -> dict[str, Any]:
    """Derive `cheapest`: per finding the smallest size whose difference from the best is not shown.

    A size is shown to be worse if, in any precision, the corrected interval of its difference from the best size of
    that precision lies below zero. The best size has the highest AUROC within strata. A finding that no stratum can
    measure has the rule of the policy `own`.

    Raises:
        BadDocument: The evaluation has no differences within strata.
    """
    check_strata(evaluation)
    shown = shown_differences(evaluation, alpha)
    count, films = comparison_count(evaluation), evaluation["films"]
    source = f"differences within strata of view and collection on {films} films, corrected for {count} comparisons"
    rules: dict[str, Any] = {}
    for finding in catalog["findings"]:
        floor = smallest_not_worse(finding, evaluation, shown)
        rules[finding] = (
            own["rules"][finding]
            if floor is None
            else {"minResolution": floor, "evidence": "notShown", "source": source}
        )
    return {
        "$schema": "../../schema/policy.schema.json",
        "name": "cheapest",
        "description": (
            "Per finding the smallest size whose difference from the best is not shown: in no precision does the "
            "interval of the difference from the best size lie below zero, within strata of view and collection and "
            f"corrected for all {count} comparisons of a precision. Not shown is not equal: {films} films may be too "
            "few to show a difference that exists. For those who prefer their own films to a publication."
        ),
        "rules": rules,
    }


def smallest_not_worse(finding: str, evaluation: dict[str, Any], shown: list[Shown]) -> int | None:
    """The smallest size that is not shown to be worse than the best in any precision; None if nothing is measured."""
    areas: dict[str, dict[int, float]] = {}
    for variant in evaluation["variants"].values():
        if inside := variant["findings"][finding].get("withinStrata"):
            areas.setdefault(variant["precision"], {})[variant["resolution"]] = inside["value"]
    worse: set[int] = set()
    for precision, by_size in areas.items():
        best = max(by_size, key=lambda size: by_size[size])
        for one in shown:
            if (one.finding, one.precision) == (finding, precision) and best in (one.smaller, one.larger):
                # The difference is smaller minus larger: if it is negative, the smaller size is worse.
                worse.add(one.smaller if one.difference < 0 else one.larger)
    sizes = {size for by_size in areas.values() for size in by_size} - worse
    return min(sizes, default=None)


def write_policies(own: dict[str, Any], cheapest: dict[str, Any], family: Path) -> list[Path]:
    """Write the two policies of a family to its folder; returns their paths."""
    paths = [family / "policy.json", family / CHEAPEST]
    for document, path in zip((own, cheapest), paths, strict=True):
        path.parent.mkdir(exist_ok=True)
        write_json(document, path)
    return paths


def attainable_policy(policy: dict[str, Any], catalog: dict[str, Any], margin: float) -> dict[str, Any]:
    """Replace floors above the family's largest size by a rule on the best variant, and describe the change."""
    largest = max(variant["resolution"] for variant in catalog["variants"])
    too_high = [f for f, rule in policy["rules"].items() if rule.get("minResolution", 0) > largest]
    if not too_high:
        return policy
    rules = {**policy["rules"], **{f: {"nonInferiorTo": "best", "margin": margin} for f in too_high}}
    return {
        **policy,
        "name": policy_name(catalog, rules),
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
