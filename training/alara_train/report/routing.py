"""Routing of findings to variants, with the same rules and the same exact search as in serving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from alara_train.errors import UserError

Catalog = dict[str, Any]
Rule = dict[str, Any]


class Unreachable(UserError):
    """No variant satisfies the rule of a finding; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The cheapest set of variants that serves some findings."""

    serves: dict[str, str]
    """Variant by finding."""
    cost_ms: float
    largest: str
    largest_ms: float
    """Cost of always using the cheapest variant of the highest resolution."""

    @property
    def share(self) -> float:
        """Cost as a share of always using the largest."""
        return self.cost_ms / self.largest_ms


def costs(catalog: Catalog) -> tuple[str, dict[str, float]]:
    """A device on which every variant was measured, and milliseconds per film by variant, without decoding."""
    tables = {v["id"]: v["cost"]["ms"] for v in catalog["variants"]}
    device = next(name for name in next(iter(tables.values())) if all(name in table for table in tables.values()))
    return device, {id_: float(table[device]) for id_, table in tables.items()}


def decode_costs(catalog: Catalog, device: str) -> dict[str, float]:
    """Milliseconds to decode a film by variant. 0 if the costs of the device do not contain decoding."""
    return {v["id"]: float(v["cost"].get("decodeMs", {}).get(device, 0)) for v in catalog["variants"]}


def total_costs(catalog: Catalog) -> tuple[str, dict[str, float]]:
    """A device on which every variant was measured, and milliseconds per film by variant, decoding included."""
    device, price = costs(catalog)
    decode = decode_costs(catalog, device)
    return device, {id_: ms + decode[id_] for id_, ms in price.items()}


def rule_for(policy: dict[str, Any], finding: str) -> Rule:
    """The rule of a finding.

    Raises:
        Unreachable: The policy has none.
    """
    rule = policy["rules"].get(finding, policy.get("otherwise"))
    if rule is None:
        raise Unreachable(f"the policy has no rule for {finding}")
    return dict(rule)


def satisfies(rule: Rule, finding: str, variant: dict[str, Any], catalog: Catalog) -> bool:
    """Whether a variant is good enough for a finding."""
    head = variant["heads"].get(finding)
    if head is None:
        return False
    if "auroc" in rule:
        attained = head["auroc"]["value"] if rule.get("bound") == "point" else head["auroc"]["ci95"][0]
        return bool(attained >= rule["auroc"])
    if "minResolution" in rule:
        return bool(variant["resolution"] >= rule["minResolution"])
    able = [v for v in catalog["variants"] if finding in v["heads"]]
    best = max(able, key=lambda v: area(v["heads"][finding]))
    lower = _lower(catalog, finding, variant["id"], best["id"])
    return best["id"] == variant["id"] or (lower is not None and lower > -rule["margin"])


def area(head: dict[str, Any]) -> float:
    """The AUROC by which variants are compared: within strata if it was measured, or else over all films."""
    return float(head.get("withinStrata", head["auroc"])["value"])


def _lower(catalog: Catalog, finding: str, variant: str, reference: str) -> float | None:
    """Lower end of the paired difference, within strata if it was measured.

    A difference that is stored in the other direction is negated.
    """
    for c in catalog["comparisons"]:
        if c["finding"] == finding and (c["variant"], c["reference"]) == (variant, reference):
            return float(c.get("withinStrata", c)["ci95"][0])
    for c in catalog["comparisons"]:
        if c["finding"] == finding and (c["variant"], c["reference"]) == (reference, variant):
            return -float(c.get("withinStrata", c)["ci95"][1])
    return None


def cheapest_cover(prices: list[float], allowed: list[list[bool]], decode: list[float] | None = None) -> list[bool]:
    """The cheapest subset that contains, for every row, a column that the row allows.

    All subsets are tried; among equally cheap subsets, the first in binary order is chosen.

    Args:
        prices: Prices of up to 16 columns.
        allowed: The columns that each row allows.
        decode: Prices of decoding per column. A subset pays the highest of them once.

    Raises:
        Unreachable: A row allows nothing.
    """
    subsets = np.arange(1 << len(prices))
    bits = (subsets[:, None] >> np.arange(len(prices))) & 1
    covered = np.ones(len(subsets), dtype=bool)
    for row in allowed:
        covered &= bits[:, np.flatnonzero(row)].any(axis=1)
    if not covered.any():
        raise Unreachable("a row allows no column")
    decoding = (bits * np.array(decode if decode is not None else [0.0] * len(prices))).max(axis=1)
    total = np.where(covered, np.round(bits @ np.array(prices) + decoding, 9), np.inf)
    return [bool(b) for b in bits[int(np.argmin(total))]]


def plan(catalog: Catalog, policy: dict[str, Any], findings: list[str]) -> Plan:
    """Route findings together.

    Raises:
        Unreachable: No variant satisfies a rule; the message names the findings.
    """
    device, price = costs(catalog)
    decode = decode_costs(catalog, device)
    _, alone = total_costs(catalog)
    variants = sorted(catalog["variants"], key=lambda v: (alone[v["id"]], v["resolution"]))
    rows = [[satisfies(rule_for(policy, f), f, v, catalog) for v in variants] for f in findings]
    if missing := [f for f, row in zip(findings, rows, strict=True) if not any(row)]:
        raise Unreachable(f"no variant satisfies the rule of {', '.join(missing)}")
    chosen = cheapest_cover([price[v["id"]] for v in variants], rows, [decode[v["id"]] for v in variants])
    runs = [v["id"] for v, c in zip(variants, chosen, strict=True) if c]
    serves = {
        finding: next(v["id"] for v, c, a in zip(variants, chosen, row, strict=True) if c and a)
        for finding, row in zip(findings, rows, strict=True)
    }
    highest = max(v["resolution"] for v in variants)
    largest = next(v["id"] for v in variants if v["resolution"] == highest)
    return Plan(
        serves=serves,
        cost_ms=sum(price[id_] for id_ in runs) + max((decode[id_] for id_ in runs), default=0.0),
        largest=largest,
        largest_ms=alone[largest],
    )
