"""Paired differences between variants on the same films, with plain and with simultaneous intervals."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from alara_train.evaluate.delong import normal_interval
from alara_train.evaluate.intervals import LEVELS, Simultaneous, bonferroni, ci95, simultaneous, verdict
from alara_train.evaluate.measure import Measured, VariantMeasured

Record = dict[str, object]
Pair = tuple[int, int]
"""Variant and reference, as indices of `Measured.variants`."""


def pairs(variants: Iterable[VariantMeasured]) -> list[Pair]:
    """Every pair once: the smaller against the larger; at one size, lower precision against higher."""
    rank = {"int8": 0, "fp16": 1, "fp32": 2}
    order = sorted(
        enumerate(variants), key=lambda item: (item[1].scored.resolution, rank.get(item[1].scored.precision, 1))
    )
    return [(a[0], b[0]) for a, b in combinations(order, 2)]


def families(measured: Measured) -> dict[str, list[Pair]]:
    """Families of pairs with a common correction: two sizes of one precision; two precisions of one size."""
    groups: dict[str, list[Pair]] = {}
    for a, b in pairs(measured.variants):
        one, other = measured.variants[a].scored, measured.variants[b].scored
        if one.precision == other.precision and one.resolution != other.resolution:
            groups.setdefault(f"resolutions of {one.precision}", []).append((a, b))
        elif one.resolution == other.resolution:
            groups.setdefault("precisions of one resolution", []).append((a, b))
    return groups


def corrected(measured: Measured, members: list[Pair]) -> Simultaneous:
    """One correction for all findings of all pairs of a family; the order of estimates is pairs, then findings."""
    values, draws = [], []
    for a, b in members:
        for finding in measured.findings:
            ours, theirs = measured.variants[a].heads[finding], measured.variants[b].heads[finding]
            values.append(ours.auroc - theirs.auroc)
            draws.append(ours.draws - theirs.draws)
    return simultaneous(np.array(values), np.stack(draws))


def simultaneous_record(measured: Measured) -> Record:
    """The correction of each family of comparisons."""
    return {
        name: {
            "method": "single-step max-t over the same resamples of patients",
            "comparisons": len(members) * len(measured.findings),
            "critical": {str(level): round(found.critical[level], 4) for level in LEVELS},
            "bonferroni": {
                str(level): round(bonferroni(len(members) * len(measured.findings), level), 4) for level in LEVELS
            },
        }
        for name, members in families(measured).items()
        for found in [corrected(measured, members)]
    }


def comparisons(measured: Measured, margin: float) -> list[Record]:
    """Compare every pair for every finding; pairs of a family also get the corrected interval."""
    critical: dict[Pair, tuple[str, float]] = {}
    for name, members in families(measured).items():
        found = corrected(measured, members).critical[0.95]
        critical.update(dict.fromkeys(members, (name, found)))
    records: list[Record] = []
    for finding in measured.findings:
        for a, b in pairs(measured.variants):
            records.append(_record(measured, finding, a, b, margin, critical.get((a, b))))
    return records


def _record(
    measured: Measured, finding: str, a: int, b: int, margin: float, family: tuple[str, float] | None
) -> Record:
    one, other = measured.variants[a], measured.variants[b]
    ours, theirs = one.heads[finding], other.heads[finding]
    difference = round(ours.auroc - theirs.auroc, 6)
    draws = ours.draws - theirs.draws
    error = float(np.nanstd(draws, ddof=1))
    plain = ci95(draws, difference)
    low, high = normal_interval(difference, measured.delongs[finding].difference_error(a, b))
    record: Record = {
        "finding": finding,
        "variant": one.id,
        "reference": other.id,
        "difference": difference,
        "ci95": plain,
        "error": round(error, 6),
        "delongCi95": [round(low, 4), round(high, 4)],
        "verdict": verdict(plain[0], plain[1], margin),
        "protocol": measured.design.protocol,
    }
    if family is not None:
        name, factor = family
        wide = [round(difference - factor * error, 4), round(difference + factor * error, 4)]
        record |= {
            "family": name,
            "simultaneous95": wide,
            "verdictCorrected": verdict(wide[0], wide[1], margin),
        }
    return record


def mean_comparisons(measured: Measured, margin: float) -> list[Record]:
    """Compare the mean AUROC of the findings, for pairs of a family, without correction."""
    records: list[Record] = []
    for members in families(measured).values():
        for a, b in members:
            one, other = measured.variants[a], measured.variants[b]
            difference = round(one.mean_auroc - other.mean_auroc, 4)
            plain = ci95(one.draws - other.draws, difference)
            records.append(
                {
                    "variant": one.id,
                    "reference": other.id,
                    "difference": difference,
                    "ci95": plain,
                    "verdict": verdict(plain[0], plain[1], margin),
                }
            )
    return records


def catalog_comparisons(measured: Measured) -> list[Record]:
    """The comparisons for the router: each variant with the best of the finding, and pairs of equal size or precision.

    Intervals are the plain 95 % intervals, because a rule concerns one finding and one pair.
    """
    records: list[Record] = []
    for finding in measured.findings:
        best = max(measured.variants, key=lambda v: v.heads[finding].auroc)
        for a in measured.variants:
            for b in measured.variants:
                one, other = a.scored, b.scored
                related = one.resolution == other.resolution or one.precision == other.precision
                if a is not b and (b is best or related):
                    difference = round(a.heads[finding].auroc - b.heads[finding].auroc, 6)
                    draws = a.heads[finding].draws - b.heads[finding].draws
                    records.append(
                        {
                            "finding": finding,
                            "variant": a.id,
                            "reference": b.id,
                            "difference": difference,
                            "ci95": ci95(draws, difference),
                            "protocol": measured.design.protocol,
                        }
                    )
    return records
