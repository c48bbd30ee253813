from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from alara_train.card import card
from alara_train.catalog import BadCatalog, check_catalog, check_schema
from alara_train.data import FINDINGS
from alara_train.policy import derive_policy


@pytest.fixture
def catalog(family: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((family / "catalog.json").read_text())
    return document


def test_the_bundled_family_obeys_its_contracts(
    family: Path, schemas: Path, catalog: dict[str, Any]
) -> None:
    check_schema(catalog, schemas / "catalog.schema.json")
    check_catalog(catalog)
    policy = json.loads((family / "policy.json").read_text())
    check_schema(policy, schemas / "policy.schema.json")
    assert policy == derive_policy(catalog)
    for variant in catalog["variants"]:
        data = (family / variant["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == variant["sha256"]
        assert len(data) == variant["bytes"]


def test_the_card_is_generated_and_not_edited(
    family: Path, catalog: dict[str, Any]
) -> None:
    policy, evaluation = (
        json.loads((family / f"{name}.json").read_text())
        for name in ("policy", "evaluation")
    )
    assert (family / "card.md").read_text() == card(catalog, policy, evaluation)


@pytest.mark.parametrize(
    "fault", ["interval", "head", "band", "limits", "comparison", "rate"]
)
def test_a_catalog_that_contradicts_itself_is_refused(
    catalog: dict[str, Any], fault: str
) -> None:
    bad = copy.deepcopy(catalog)
    variant = bad["variants"][0]
    head = variant["heads"]["Nodule"]
    if fault == "interval":
        head["auroc"]["ci95"] = [0.1, 0.2]
    elif fault == "head":
        variant["heads"]["Fracture"] = head
    elif fault == "band":
        head["threshold"]["low"] = head["threshold"]["value"] + 0.01
    elif fault == "limits":
        del bad["quality"]["limits"][variant["id"]]
    elif fault == "comparison":
        bad["comparisons"][0]["reference"] = "r9-int8"
    else:
        bad["quality"]["falseRefusals"][0]["ci95"] = [0.9, 1.0]
    with pytest.raises(BadCatalog):
        check_catalog(bad)


def test_a_catalog_off_its_schema_is_refused(
    catalog: dict[str, Any], schemas: Path
) -> None:
    del catalog["variants"][0]["sha256"]
    with pytest.raises(BadCatalog, match="sha256"):
        check_schema(catalog, schemas / "catalog.schema.json")


def test_a_finding_follows_its_own_table_only_where_both_precisions_tell_sizes_apart() -> (
    None
):
    def compared(ci_fp32: list[float], ci_int8: list[float]) -> dict[str, Any]:
        ids = [f"r{side}-{kind}" for side in (256, 512) for kind in ("fp32", "int8")]
        variants = [
            {"id": i, "resolution": int(i[1:4]), "precision": i[5:]} for i in ids
        ]
        pairs = (("fp32", ci_fp32), ("int8", ci_int8))
        table = [
            {
                "finding": "Mass",
                "variant": f"r512-{kind}",
                "reference": f"r256-{kind}",
                "difference": sum(ci) / 2,
                "ci95": ci,
            }
            for kind, ci in pairs
        ]
        return {
            "family": "x",
            "findings": list(FINDINGS),
            "variants": variants,
            "comparisons": table,
        }

    apart, alone, none = [0.03, 0.1], [0.01, 0.1], [-0.02, 0.1]
    assert derive_policy(compared(apart, apart))["rules"]["Mass"] == {
        "nonInferiorTo": "best",
        "margin": 0.05,
    }
    # An interval that excludes zero by itself does not once all findings and pairs are counted.
    assert (
        derive_policy(compared(alone, alone))["rules"]["Mass"]["minResolution"] == 320
    )
    assert derive_policy(compared(apart, none))["rules"]["Mass"]["minResolution"] == 320
    assert (
        derive_policy(compared(none, none))["rules"]["Nodule"]["minResolution"] == 448
    )
