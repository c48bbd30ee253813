"""Paired differences between variants on the same films, pooled and within strata of view and collection.

Every difference has a plain and a simultaneous interval. Rules are derived from the differences within strata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np

from alara_train.data.films import Floats
from alara_train.evaluate.delong import normal_interval
from alara_train.evaluate.intervals import LEVELS, Simultaneous, bonferroni, ci95, simultaneous, verdict
from alara_train.evaluate.measure import HeadMeasured, Measured, VariantMeasured

Record = dict[str, object]
Pair = tuple[int, int]
"""Variant and reference, as indices of `Measured.variants`."""
Estimate = tuple[float, Floats]
"""An AUROC and its draws."""
Area = Callable[[HeadMeasured], Estimate | None]
"""Which AUROC of a head is compared; None if it cannot be measured."""


def pooled(head: HeadMeasured) -> Estimate:
    """The AUROC over all pairs of films."""
    return head.auroc, head.draws


def within(head: HeadMeasured) -> Estimate | None:
    """The AUROC over the pairs of films of one view and collection."""
    return (head.within.auroc, head.within.draws) if head.within else None


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


def difference(one: VariantMeasured, other: VariantMeasured, finding: str, area: Area) -> Estimate | None:
    """The paired difference in AUROC of a finding, with its draws; None if it cannot be measured."""
    ours, theirs = area(one.heads[finding]), area(other.heads[finding])
    return None if ours is None or theirs is None else (ours[0] - theirs[0], ours[1] - theirs[1])


def corrected(measured: Measured, members: list[Pair], area: Area) -> tuple[Simultaneous, int] | None:
    """One correction for all findings of all pairs of a family, and their number; None if nothing is measured."""
    found = [
        estimate
        for a, b in members
        for finding in measured.findings
        if (estimate := difference(measured.variants[a], measured.variants[b], finding, area))
    ]
    if not found:
        return None
    return simultaneous(np.array([value for value, _ in found]), np.stack([draws for _, draws in found])), len(found)


def simultaneous_record(measured: Measured) -> Record:
    """The correction of each family of comparisons, pooled and within strata."""
    return {
        name: {
            "method": "single-step max-t over the same resamples of patients",
            **_critical(corrected(measured, members, pooled)),
            "withinStrata": _critical(corrected(measured, members, within)),
        }
        for name, members in families(measured).items()
    }


def _critical(found: tuple[Simultaneous, int] | None) -> Record:
    if found is None:
        return {"comparisons": 0, "critical": {}, "bonferroni": {}}
    correction, count = found
    return {
        "comparisons": count,
        "critical": {str(level): round(correction.critical[level], 4) for level in LEVELS},
        "bonferroni": {str(level): round(bonferroni(count, level), 4) for level in LEVELS},
    }


def comparisons(measured: Measured, margin: float) -> list[Record]:
    """Compare every pair for every finding; pairs of a family also get the corrected intervals."""
    family: dict[Pair, tuple[str, dict[Area, float]]] = {}
    for name, members in families(measured).items():
        critical: dict[Area, float] = {
            area: found[0].critical[0.95]
            for area in (pooled, within)
            if (found := corrected(measured, members, area)) is not None
        }
        family.update(dict.fromkeys(members, (name, critical)))
    return [
        _record(measured, finding, a, b, margin, family.get((a, b)))
        for finding in measured.findings
        for a, b in pairs(measured.variants)
    ]


def _judged(estimate: Estimate, margin: float, critical: float | None) -> Record:
    """A difference with its intervals and what they say about the margin."""
    value, draws = round(estimate[0], 6), estimate[1]
    error = float(np.nanstd(draws, ddof=1))
    plain = ci95(draws, value)
    record: Record = {
        "difference": value,
        "ci95": plain,
        "error": round(error, 6),
        "verdict": verdict(plain[0], plain[1], margin),
    }
    if critical is not None:
        wide = [round(value - critical * error, 4), round(value + critical * error, 4)]
        record |= {"simultaneous95": wide, "verdictCorrected": verdict(wide[0], wide[1], margin)}
    return record


def _record(
    measured: Measured, finding: str, a: int, b: int, margin: float, family: tuple[str, dict[Area, float]] | None
) -> Record:
    one, other = measured.variants[a], measured.variants[b]
    name, critical = family or ("", {})
    everything = difference(one, other, finding, pooled)
    assert everything is not None  # a finding without both classes is not measured
    low, high = normal_interval(everything[0], measured.delongs[finding].difference_error(a, b))
    inside = difference(one, other, finding, within)
    return {
        "finding": finding,
        "variant": one.id,
        "reference": other.id,
        **_judged(everything, margin, critical.get(pooled)),
        "delongCi95": [round(low, 4), round(high, 4)],
        "protocol": measured.design.protocol,
        **({"family": name} if family else {}),
        **({"withinStrata": _judged(inside, margin, critical.get(within))} if inside else {}),
    }


def mean_estimate(variant: VariantMeasured, area: Area) -> Estimate | None:
    """The mean AUROC of the findings that can be measured, with its draws."""
    found = [estimate for head in variant.heads.values() if (estimate := area(head))]
    if not found:
        return None
    return float(np.mean([value for value, _ in found])), np.mean([draws for _, draws in found], axis=0)


def mean_comparisons(measured: Measured, margin: float) -> list[Record]:
    """Compare the mean AUROC of the findings, for pairs of a family, without correction."""

    def compared(a: int, b: int, area: Area) -> Record:
        ours, theirs = (mean_estimate(measured.variants[index], area) for index in (a, b))
        if ours is None or theirs is None:
            return {}
        value = round(ours[0] - theirs[0], 4)
        plain = ci95(ours[1] - theirs[1], value)
        return {"difference": value, "ci95": plain, "verdict": verdict(plain[0], plain[1], margin)}

    return [
        {
            "variant": measured.variants[a].id,
            "reference": measured.variants[b].id,
            **compared(a, b, pooled),
            **({"withinStrata": inside} if (inside := compared(a, b, within)) else {}),
        }
        for members in families(measured).values()
        for a, b in members
    ]


def catalog_comparisons(measured: Measured) -> list[Record]:
    """The comparisons for the router: each variant with the best of the finding, and pairs of equal size or precision.

    The best is the best within strata, and the best over all films. Intervals are the plain 95 % intervals, because a
    rule concerns one finding and one pair.
    """

    def best(finding: str, area: Area) -> VariantMeasured:
        return max(measured.variants, key=lambda v: (area(v.heads[finding]) or (0.0,))[0])

    def compared(a: VariantMeasured, b: VariantMeasured, finding: str, area: Area) -> Record:
        estimate = difference(a, b, finding, area)
        value = round(estimate[0], 6) if estimate else 0.0
        return {"difference": value, "ci95": ci95(estimate[1], value)} if estimate else {}

    records: list[Record] = []
    for finding in measured.findings:
        references = [best(finding, pooled), best(finding, within)]
        for a in measured.variants:
            for b in measured.variants:
                one, other = a.scored, b.scored
                related = one.resolution == other.resolution or one.precision == other.precision
                if a is not b and (any(b is reference for reference in references) or related):
                    inside = compared(a, b, finding, within)
                    records.append(
                        {
                            "finding": finding,
                            "variant": a.id,
                            "reference": b.id,
                            **compared(a, b, finding, pooled),
                            **({"withinStrata": inside} if inside else {}),
                            "protocol": measured.design.protocol,
                        }
                    )
    return records
