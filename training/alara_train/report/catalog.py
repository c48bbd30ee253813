"""The documents of a family folder: read, and checked against their schemas and against themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alara_train.json_file import BadDocument, check_schema, read_json

EVALUATION = "alara.evaluation/3"
SCHEMAS = Path(__file__).parents[3] / "models" / "schema"
NEEDED = {
    "catalog": ("family", "findings", "variants", "comparisons", "quality", "provenance"),
    "policy": ("name", "rules"),
    "evaluation": ("schema", "family", "protocol", "bootstraps", "variants", "comparisons", "simultaneous"),
}


def read_family(folder: Path, *names: str) -> list[dict[str, Any]]:
    """Read documents of a family folder: `catalog`, `policy`, `evaluation`.

    Raises:
        BadDocument: A document is missing, is of another kind, or is of another version.
    """
    documents = []
    for name in names:
        path = folder / f"{name}.json"
        document = read_unchecked(folder, name)
        if (schema := SCHEMAS / f"{name}.schema.json").is_file():
            try:
                check_schema(document, schema)
            except BadDocument as error:
                renewed = ". alara-train calibrate renews the heads of an older catalog" if name == "catalog" else ""
                raise BadDocument(f"{path} contradicts its schema: {error}{renewed}") from error
        if name == "evaluation" and document["schema"] != EVALUATION:
            raise BadDocument(f"{path} is not {EVALUATION}: run alara-train evaluate")
        documents.append(document)
    return documents


def read_unchecked(folder: Path, name: str) -> dict[str, Any]:
    """Read a document of a family folder that may be of an older version.

    Raises:
        BadDocument: It is missing, or of another kind.
    """
    path = folder / f"{name}.json"
    document = read_json(path)
    if missing := [key for key in NEEDED[name] if key not in document]:
        raise BadDocument(f"{path} is not the {name} of a family: it lacks {', '.join(missing)}")
    return document


def left_out(catalog: dict[str, Any]) -> set[str]:
    """The findings that a catalog lists as not served."""
    return {entry["finding"] for entry in catalog.get("notServed", [])}


def check_catalog(catalog: dict[str, Any]) -> None:
    """Check rules that a schema cannot express: intervals contain their values, and names refer to existing entries.

    Raises:
        BadDocument: The catalog contradicts itself; the message lists where.
    """
    faults: list[str] = []
    findings = set(catalog["findings"])
    faults += [f"{f}: served, and listed as not served" for f in findings & left_out(catalog)]
    ids = {variant["id"] for variant in catalog["variants"]}
    if len(findings) != len(catalog["findings"]):
        faults.append("a finding is listed twice")
    if len(ids) != len(catalog["variants"]):
        faults.append("a variant is listed twice")
    for variant in catalog["variants"]:
        for name, head in variant["heads"].items():
            where = f"{variant['id']}, {name}"
            if name not in findings:
                faults.append(f"{where}: not among the findings")
            low, high = head["auroc"]["ci95"]
            if not low <= head["auroc"]["value"] <= high:
                faults.append(f"{where}: the interval does not contain the AUROC")
            for point, chosen in head.get("operatingPoints", {}).items():
                if not chosen["low"] <= chosen["threshold"] <= chosen["high"]:
                    faults.append(f"{where}, {point}: the threshold lies outside its band")
                faults += [
                    f"{where}, {point}: the interval does not contain the {name}"
                    for name, rate in chosen.items()
                    if isinstance(rate, dict) and not rate["ci95"][0] <= rate["value"] <= rate["ci95"][1]
                ]
        if variant["id"] not in catalog["quality"]["limits"]:
            faults.append(f"the gate has no limits for {variant['id']}")
    for c in catalog["comparisons"]:
        where = f"comparison of {c['variant']} with {c['reference']} for {c['finding']}"
        if c["finding"] not in findings or not {c["variant"], c["reference"]} <= ids:
            faults.append(f"{where}: unknown name")
        if not c["ci95"][0] <= c["difference"] <= c["ci95"][1]:
            faults.append(f"{where}: the interval does not contain the difference")
    for kind in ("falseRefusals", "passUnderShift", "catches"):
        faults += [
            f"{kind}, {rate['what']}: the interval does not contain the value"
            for rate in catalog["quality"][kind]
            if not rate["ci95"][0] <= rate["value"] <= rate["ci95"][1]
        ]
    if catalog["quality"]["accept"] not in catalog["quality"]["classes"]:
        faults.append("the accepted class is not a class of the gate")
    if faults:
        raise BadDocument("\n".join(faults[:20]))
