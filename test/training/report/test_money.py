from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alara_train.evaluate.auroc import auroc
from alara_train.evaluate.scores_file import read_scores
from alara_train.json_file import read_json
from alara_train.report.figures.money import draw_money
from alara_train.report.figures.style import save
from alara_train.report.money import Price, money, oracle, table

MS = {"small": 2.0, "large": 10.0}
# AUROC of A: 4/6 small and 1 large; of B: 1 small and 4/6 large.
RANKS = {
    "small": {"A": [4, 3, 1, 2, 0], "B": [0, 4, 1, 3, 2]},
    "large": {"A": [4, 1, 3, 0, 2], "B": [0, 1, 2, 4, 3]},
}
AREAS = {"small": {"A": 4 / 6, "B": 1.0}, "large": {"A": 1.0, "B": 4 / 6}}


def catalog() -> dict[str, Any]:
    return {
        "family": "tiny",
        "findings": ["A", "B"],
        "variants": [
            {
                "id": id_,
                "resolution": {"small": 256, "large": 512}[id_],
                "cost": {"ms": {"cpu": ms}, "measuredOn": {"cpu": "a processor"}},
                "heads": {"A": {}, "B": {}},
            }
            for id_, ms in MS.items()
        ],
        "comparisons": [],
    }


def scores() -> dict[str, Any]:
    return {
        "schema": "alara.scores/2",
        "protocol": "crossValidated",
        "patients": [0, 1, 2, 3, 3],
        "labels": {"A": "10100", "B": "01010"},
        "width": 16,
        "ranks": {
            id_: {f: base64.b64encode(np.array(r, dtype="<u2").tobytes()).decode() for f, r in row.items()}
            for id_, row in RANKS.items()
        },
    }


def result(other_ms: float = 0) -> dict[str, Any]:
    published = {"rules": {"A": {"minResolution": 512}, "B": {"minResolution": 256}}}
    own = {"rules": {}, "otherwise": {"minResolution": 256}}
    # With this price, a millisecond per film costs 0.001 USD per thousand films.
    return money(catalog(), own, published, scores(), Price(usd_per_thread_hour=3.6, other_ms=other_ms), draws=50)


def test_costs_and_aurocs_are_those_computed_by_hand() -> None:
    found = {(row["mix"], row["strategy"]): (row["inferenceMs"], row["meanAuroc"]) for row in result()["rows"]}
    static, own_plans = "static rules (published floors)", "Alara's plans"
    accurate, cheapest = "oracle, most accurate", "oracle, cheapest"
    together = {
        **{"always large": (10, 0.8333), "always small": (2, 0.8333), static: (10, 0.8333), own_plans: (2, 0.8333)},
        **{accurate: (12, 1.0), cheapest: (2, 0.8333)},
    }
    expected = {
        "single findings": {
            **{"always large": (10, 0.8333), "always small": (2, 0.8333), static: (6, 1.0), own_plans: (2, 0.8333)},
            **{accurate: (6, 1.0), cheapest: (6, 1.0)},
        },
        "pairs": together,
        "all 2": together,
        # Two films ask for A, two for B, and the film without a finding asks for both.
        "PACS mix": {
            **{
                "always large": (10, 0.8333),
                "always small": (2, 0.8333),
                static: (6.8, 0.9667),
                own_plans: (2, 0.8333),
            },
            **{accurate: (7.2, 1.0), cheapest: (5.2, 0.9667)},
        },
    }
    assert found == {
        (mix, name): pytest.approx(value) for mix, rows in expected.items() for name, value in rows.items()
    }


def test_the_price_counts_the_time_beside_the_models() -> None:
    usd = {row["strategy"]: row["usdPerThousand"] for row in result(other_ms=8)["rows"] if row["mix"] == "pairs"}
    assert (usd["always small"], usd["always large"]) == (0.010, 0.018)


def test_the_difference_is_against_always_the_largest() -> None:
    document = result()
    assert document["reference"] == "always large"
    for mix in ("single findings", "PACS mix"):
        rows = [row for row in document["rows"] if row["mix"] == mix]
        for row in rows:
            assert row["difference"] == pytest.approx(row["meanAuroc"] - rows[0]["meanAuroc"], abs=2e-4)
            assert row["ci95"][0] <= row["difference"] <= row["ci95"][1]
        assert rows[0]["ci95"] == [0, 0]


def test_an_oracle_without_a_bound_is_most_accurate_and_with_one_cheapest() -> None:
    assert oracle(MS, AREAS, ("A", "B")) == {"A": "large", "B": "small"}
    assert oracle(MS, AREAS, ("A", "B"), within="large") == {"A": "small", "B": "small"}
    assert oracle(MS, AREAS, ("A",), within="large") == {"A": "large"}


def test_a_loss_is_printed_with_its_sign() -> None:
    lines = table(result())
    assert any(line.startswith("| static rules") and "| +0.1667 (" in line for line in lines)
    assert sum(line.startswith("| Alara's plans") for line in lines) == 4


def test_the_published_ranks_give_the_published_aurocs(family: Path) -> None:
    ranks, labels, patients = read_scores(read_json(family / "scores.json"))
    evaluation = read_json(family / "evaluation.json")
    assert (len(patients), len(set(patients.tolist()))) == (evaluation["films"], evaluation["patients"])
    for id_, variant in evaluation["variants"].items():
        for finding, head in variant["findings"].items():
            assert auroc(ranks[id_][finding], labels[finding]) == pytest.approx(head["auroc"]["value"], abs=1e-4)


def test_the_figure_has_a_panel_per_mix_and_the_same_bytes_each_time(family: Path, tmp_path: Path) -> None:
    evaluation = read_json(family / "evaluation.json")
    paths = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for path in paths:
        save(draw_money(result(), evaluation), path)
    text = paths[0].read_text()
    assert text == paths[1].read_text()
    assert all(name in text for name in ("single findings", "pairs", "all 2", "PACS mix", "Alara's plans"))
