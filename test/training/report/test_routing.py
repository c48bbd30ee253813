from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from alara_train.report.routing import Unreachable, cheapest_cover, plan, satisfies

MS = {"r256-int8": 6.0, "r320-int8": 10.0, "r448-int8": 19.0, "r512-int8": 25.0, "r512-fp32": 38.0}
AUROC = {"r256-int8": 0.80, "r320-int8": 0.82, "r448-int8": 0.85, "r512-int8": 0.86, "r512-fp32": 0.861}


def catalog() -> dict[str, Any]:
    def head(id_: str) -> dict[str, Any]:
        return {"auroc": {"value": AUROC[id_], "ci95": [AUROC[id_] - 0.05, AUROC[id_] + 0.05]}}

    return {
        "findings": ["Mass", "Nodule"],
        "variants": [
            {
                "id": id_,
                "resolution": int(id_[1:4]),
                "precision": id_[5:],
                "cost": {"ms": {"cpu": cost}},
                "heads": {"Mass": head(id_), "Nodule": head(id_)},
            }
            for id_, cost in MS.items()
        ],
        "comparisons": [
            {"finding": "Mass", "variant": "r448-int8", "reference": "r512-fp32", "ci95": [-0.008, 0.0]},
            {"finding": "Mass", "variant": "r512-fp32", "reference": "r320-int8", "ci95": [0.01, 0.06]},
        ],
    }


def floor(px: int) -> dict[str, Any]:
    return {"minResolution": px, "evidence": "published", "source": "x"}


def test_one_variant_serves_both_if_it_is_cheaper() -> None:
    found = plan(catalog(), {"rules": {"Mass": floor(320), "Nodule": floor(448)}}, ["Mass", "Nodule"])
    assert found.serves == {"Mass": "r448-int8", "Nodule": "r448-int8"}
    assert (found.cost_ms, found.largest, found.share) == (19.0, "r512-int8", 19 / 25)
    alone = plan(catalog(), {"rules": {}, "otherwise": floor(320)}, ["Mass"])
    assert (alone.serves, alone.cost_ms) == ({"Mass": "r320-int8"}, 10.0)


def test_a_plan_decodes_a_film_once() -> None:
    decode = {"r256-int8": 2.0, "r320-int8": 2.0, "r448-int8": 30.0, "r512-int8": 40.0, "r512-fp32": 40.0}
    table = catalog()
    for v in table["variants"]:
        v["cost"]["decodeMs"] = {"cpu": decode[v["id"]]}
    found = plan(table, {"rules": {"Mass": floor(320), "Nodule": floor(448)}}, ["Mass", "Nodule"])
    assert found.serves == {"Mass": "r448-int8", "Nodule": "r448-int8"}
    assert (found.cost_ms, found.largest_ms) == (19.0 + 30.0, 25.0 + 40.0)
    # Alone, the first column costs 6 and the second 7. The third decodes at 9 anyway.
    rows = [[True, True, False], [False, False, True]]
    assert cheapest_cover([5.0, 4.0, 1.0], rows, [1.0, 3.0, 9.0]) == [False, True, True]


def test_rules_have_the_same_meaning_as_in_serving() -> None:
    table = catalog()
    by_id = {v["id"]: v for v in table["variants"]}
    within = {"nonInferiorTo": "best", "margin": 0.01}
    assert satisfies(within, "Mass", by_id["r512-fp32"], table)
    assert satisfies(within, "Mass", by_id["r448-int8"], table)
    assert not satisfies(within, "Mass", by_id["r320-int8"], table)  # stored the other way round
    assert not satisfies(within, "Mass", by_id["r512-int8"], table)  # not compared
    assert satisfies({"auroc": 0.79, "bound": "lower"}, "Mass", by_id["r448-int8"], table)
    assert not satisfies({"auroc": 0.79, "bound": "lower"}, "Mass", by_id["r320-int8"], table)
    assert satisfies({"auroc": 0.80, "bound": "point"}, "Mass", by_id["r256-int8"], table)
    assert not satisfies(floor(320), "Hernia", by_id["r512-int8"], table)


def test_an_unsatisfiable_finding_is_named() -> None:
    with pytest.raises(Unreachable, match="Nodule"):
        plan(catalog(), {"rules": {"Mass": floor(320), "Nodule": floor(600)}}, ["Mass", "Nodule"])
    with pytest.raises(Unreachable, match="no rule"):
        plan(catalog(), {"rules": {}}, ["Mass"])


def test_two_cheap_variants_can_beat_one_variant_for_all() -> None:
    assert cheapest_cover([3, 4, 8], [[True, False, True], [False, True, True]]) == [True, True, False]
    assert cheapest_cover([3, 4, 6], [[True, False, True], [False, True, True]]) == [False, False, True]
    with pytest.raises(Unreachable):
        cheapest_cover([1, 2], [[False, False]])


def test_the_cover_is_the_cheapest_of_all_subsets() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        prices = rng.integers(1, 20, 6).astype(float).tolist()
        allowed = (rng.random((4, 6)) < 0.4).tolist()
        for row in allowed:
            row[int(rng.integers(6))] = True
        best = min(
            sum(prices[k] for k in chosen)
            for size in range(1, 7)
            for chosen in combinations(range(6), size)
            if all(any(row[k] for k in chosen) for row in allowed)
        )
        found = cheapest_cover(prices, allowed)
        assert sum(p for p, c in zip(prices, found, strict=True) if c) == best
        assert all(any(c and a for c, a in zip(found, row, strict=True)) for row in allowed)


def test_sixteen_variants_are_searched_exactly() -> None:
    prices = [float(k + 1) for k in range(16)]
    allowed = [[k == j for k in range(16)] for j in (0, 7, 15)]
    assert np.flatnonzero(cheapest_cover(prices, allowed)).tolist() == [0, 7, 15]
