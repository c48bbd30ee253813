from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from alara_train.json_file import BadDocument, check_schema
from alara_train.recipes.frozen.card_text import card_text
from alara_train.report.card import card
from alara_train.report.catalog import check_catalog
from alara_train.report.policy import CHEAPEST, cheapest_policy, declared_margin, derive_policy


@pytest.fixture
def catalog(family: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((family / "catalog.json").read_text())
    return document


def test_the_bundled_family_matches_its_contracts(family: Path, schemas: Path, catalog: dict[str, Any]) -> None:
    check_schema(catalog, schemas / "catalog.schema.json")
    check_catalog(catalog)
    policy = json.loads((family / "policy.json").read_text())
    check_schema(policy, schemas / "policy.schema.json")
    evaluation = json.loads((family / "evaluation.json").read_text())
    assert policy == derive_policy(catalog, evaluation, margin=declared_margin(policy, evaluation))
    cheapest = json.loads((family / CHEAPEST).read_text())
    check_schema(cheapest, schemas / "policy.schema.json")
    assert cheapest == cheapest_policy(catalog, evaluation, policy)
    for variant in catalog["variants"]:
        data = (family / variant["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == variant["sha256"]
        assert len(data) == variant["bytes"]


def test_the_card_is_generated_and_not_edited(family: Path, catalog: dict[str, Any]) -> None:
    policy, evaluation = (json.loads((family / f"{name}.json").read_text()) for name in ("policy", "evaluation"))
    assert (family / "card.md").read_text() == card(catalog, policy, evaluation, card_text(catalog, evaluation))


def test_the_card_of_other_data_does_not_mention_the_bundled_films(family: Path, catalog: dict[str, Any]) -> None:
    policy, evaluation = (json.loads((family / f"{name}.json").read_text()) for name in ("policy", "evaluation"))
    catalog["provenance"] |= {
        "dataset": "Mine",
        "citation": "",
        "acknowledgement": "",
        "licence": "Own",
        "link": "here",
    }
    evaluation["originalsAgainstSmall"] |= {"films": 0, "variants": {}}
    evaluation["collections"] = {"ward": evaluation["films"]}
    text = card(catalog, policy, evaluation, card_text(catalog, evaluation))
    assert "Mine: 1399 films" in text
    for untrue in ("NIH", "576 px", "mined from reports", "several collections", "one hospital"):
        assert untrue not in text, untrue


@pytest.mark.parametrize("fault", ["interval", "head", "band", "limits", "comparison", "rate"])
def test_an_inconsistent_catalog_is_refused(catalog: dict[str, Any], fault: str) -> None:
    bad = copy.deepcopy(catalog)
    variant = bad["variants"][0]
    head = variant["heads"]["Nodule"]
    if fault == "interval":
        head["auroc"]["ci95"] = [0.1, 0.2]
    elif fault == "head":
        variant["heads"]["Fracture"] = head
    elif fault == "band":
        head["operatingPoints"]["specific"]["low"] = head["operatingPoints"]["specific"]["threshold"] + 0.01
    elif fault == "limits":
        del bad["quality"]["limits"][variant["id"]]
    elif fault == "comparison":
        bad["comparisons"][0]["reference"] = "r9-int8"
    else:
        bad["quality"]["falseRefusals"][0]["ci95"] = [0.9, 1.0]
    with pytest.raises(BadDocument):
        check_catalog(bad)


def test_a_catalog_that_violates_its_schema_is_refused(catalog: dict[str, Any], schemas: Path) -> None:
    del catalog["variants"][0]["sha256"]
    with pytest.raises(BadDocument, match="sha256"):
        check_schema(catalog, schemas / "catalog.schema.json")
