"""The price of accuracy: strategies that choose variants, compared on the published scores of a family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from alara_train.data.films import Floats, Ints
from alara_train.evaluate.auroc import auroc, auroc_draws
from alara_train.evaluate.intervals import ci95
from alara_train.evaluate.resample import resample
from alara_train.evaluate.scores_file import read_scores
from alara_train.report.routing import Catalog, costs, plan

Findings = tuple[str, ...]
Serves = dict[str, str]
"""Variant by finding."""
Strategy = Callable[[Findings], Serves]
Areas = dict[str, dict[str, float]]
"""AUROC by variant and finding."""
MS_PER_HOUR = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Requests with their shares, which add up to 1."""

    name: str
    shares: dict[Findings, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a film costs beside the models."""

    usd_per_thread_hour: float
    other_ms: float
    """Decoding, HTTP and, if the costs of the catalog do not contain it, resizing: the same in every strategy."""

    def per_thousand(self, inference_ms: float) -> float:
        """USD per thousand films."""
        return 1000 * (inference_ms + self.other_ms) / MS_PER_HOUR * self.usd_per_thread_hour


def mixes(findings: list[str], labels: dict[str, Ints]) -> list[Mix]:
    """Single findings and pairs, all equally often; all findings; and a PACS mix.

    In the PACS mix, each film is one request. A film with findings asks for these, as a follow-up does. A film without
    any asks for all findings, as a first film does.
    """
    every = tuple(findings)
    present = np.stack([labels[finding] == 1 for finding in findings], axis=1)
    asked = [tuple(f for f, here in zip(findings, row, strict=True) if here) or every for row in present]
    return [
        Mix(name="single findings", shares={(f,): 1 / len(every) for f in every}),
        Mix(name="pairs", shares=_equal(list(combinations(every, 2)))),
        Mix(name=f"all {len(every)}", shares={every: 1.0}),
        Mix(name="PACS mix", shares={request: count / len(asked) for request, count in Counter(asked).items()}),
    ]


def _equal(requests: list[Findings]) -> dict[Findings, float]:
    return {request: 1 / len(requests) for request in requests}


def strategies(
    catalog: Catalog, policy: dict[str, Any], published: dict[str, Any], areas: Areas
) -> dict[str, Strategy]:
    """The strategies by name. The first is the one that the others are compared with."""
    _, price = costs(catalog)
    sizes = {v["id"]: v["resolution"] for v in catalog["variants"]}
    cheapest_first = sorted(sizes, key=price.__getitem__)

    def always(side: int) -> dict[str, Strategy]:
        return {f"always {id_}": _constant(id_) for id_ in cheapest_first if sizes[id_] == side}

    largest = next(id_ for id_ in cheapest_first if sizes[id_] == max(sizes.values()))
    return {
        **always(max(sizes.values())),
        **always(min(sizes.values())),
        "static rules (published floors)": lambda findings: plan(catalog, published, list(findings)).serves,
        "Alara's plans": lambda findings: plan(catalog, policy, list(findings)).serves,
        "oracle, most accurate": lambda findings: oracle(price, areas, findings),
        "oracle, cheapest": lambda findings: oracle(price, areas, findings, within=largest),
    }


def _constant(id_: str) -> Strategy:
    return lambda findings: dict.fromkeys(findings, id_)


def oracle(price: dict[str, float], areas: Areas, findings: Findings, within: str | None = None) -> Serves:
    """The best plan in hindsight. It is chosen by the AUROCs that it is measured by, so no real plan attains it.

    Without `within`, the plan has the greatest mean AUROC, and among equals the least cost. With `within`, it is the
    cheapest plan whose mean AUROC is at least that of this variant, and among equals the most accurate.
    """
    ids = sorted(areas, key=price.__getitem__)
    table = np.array([[areas[id_][finding] for finding in findings] for id_ in ids])
    least = -np.inf if within is None else float(table[ids.index(within)].mean())
    best: tuple[float, float, list[int]] | None = None
    for size in range(1, len(ids) + 1):
        for chosen in combinations(range(len(ids)), size):
            mean = float(table[list(chosen)].max(axis=0).mean())
            cost = sum(price[ids[i]] for i in chosen)
            key = (-mean, cost) if within is None else (cost, -mean)
            if mean >= least - 1e-12 and (best is None or key < best[:2]):
                best = (*key, list(chosen))
    assert best is not None  # the variant `within` itself is a plan
    rows = best[2]
    winners = table[rows].argmax(axis=0)
    return {finding: ids[rows[int(row)]] for finding, row in zip(findings, winners, strict=True)}


def money(
    catalog: Catalog,
    policy: dict[str, Any],
    published: dict[str, Any],
    scores: dict[str, Any],
    price: Price,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Cost per thousand films and mean AUROC of each strategy in each mix of requests.

    The mean AUROC is over the findings of a request, then over the requests. Its difference from the first strategy
    has a 95 % interval over resamples of patients.
    """
    ranks, labels, patients = read_scores(scores)
    device, ms = costs(catalog)
    ids, findings = [v["id"] for v in catalog["variants"]], catalog["findings"]
    areas = {id_: {f: auroc(ranks[id_][f], labels[f]) for f in findings} for id_ in ids}
    resamples = resample(patients, draws, seed)
    drawn = np.stack([[auroc_draws(ranks[id_][f], labels[f], resamples) for f in findings] for id_ in ids])
    values = np.array([[areas[id_][f] for f in findings] for id_ in ids])
    rows: list[dict[str, Any]] = []
    for mix in mixes(findings, labels):
        reference: tuple[Floats, float] | None = None
        for name, strategy in strategies(catalog, policy, published, areas).items():
            weights = np.zeros(values.shape)
            inference_ms = 0.0
            for request, share in mix.shares.items():
                serves = strategy(request)
                inference_ms += share * sum(ms[id_] for id_ in set(serves.values()))
                for finding, id_ in serves.items():
                    weights[ids.index(id_), findings.index(finding)] += share / len(request)
            reference = reference or (weights, inference_ms)
            change = weights - reference[0]
            difference = round(float((change * values).sum()), 4) + 0.0  # not -0.0
            paired = np.tensordot(change, drawn, axes=2)
            rows.append(
                {
                    "mix": mix.name,
                    "strategy": name,
                    "inferenceMs": round(inference_ms, 3),
                    "shareOfLargest": round(inference_ms / reference[1], 4),
                    "usdPerThousand": round(price.per_thousand(inference_ms), 6),
                    "meanAuroc": round(float((weights * values).sum()), 4),
                    "difference": difference,
                    "ci95": ci95(paired[np.isfinite(paired)], difference),
                }
            )
    return {
        "family": catalog["family"],
        "films": len(patients),
        "patients": len(set(patients.tolist())),
        "protocol": scores["protocol"],
        "device": device,
        "measuredOn": catalog["variants"][0]["cost"]["measuredOn"][device],
        "usdPerThreadHour": price.usd_per_thread_hour,
        "otherMs": price.other_ms,
        "draws": draws,
        "reference": rows[0]["strategy"],
        "rows": rows,
    }


def table(document: dict[str, Any]) -> list[str]:
    """The document as lines of text, in Markdown. Losses against the reference are marked like gains."""
    price, other = document["usdPerThreadHour"], document["otherMs"]
    lines = [
        f"{document['family']}: {document['films']} films of {document['patients']} patients, {document['protocol']}. "
        f"{price:.4f} USD per hour of a thread, {other:g} ms per film beside the models. "
        f"Cost of the models: {document['measuredOn']}.",
    ]
    for mix in dict.fromkeys(row["mix"] for row in document["rows"]):
        lines += [
            "",
            f"| {mix} | model ms per film | of {document['reference']} "
            "| USD per 1000 films | mean AUROC | difference (95 %) |",
            "|---|---:|---:|---:|---:|---|",
        ]
        for row in document["rows"]:
            if row["mix"] == mix:
                low, high = row["ci95"]
                lines.append(
                    f"| {row['strategy']} | {row['inferenceMs']:.2f} | {100 * row['shareOfLargest']:.0f} % "
                    f"| {row['usdPerThousand']:.5f} | {row['meanAuroc']:.4f} "
                    f"| {row['difference']:+.4f} ({low:+.4f} to {high:+.4f}) |"
                )
    return lines
