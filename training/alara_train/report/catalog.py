"""The catalog: put together, checked against the schema and against itself, and only then written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from alara_train.atomic_file import write_whole
from alara_train.errors import UserError, sentence

EVALUATION = "alara.evaluation/2"


class BadCatalog(UserError):
    """The document contradicts its schema or itself; the message lists where."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON document.

    Raises:
        BadCatalog: It cannot be read, is not JSON in UTF-8, or is no object.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadCatalog(sentence(error)) from error
    except ValueError as error:
        raise BadCatalog(f"{path} is not a JSON document: {error}") from error
    if not isinstance(document, dict):
        raise BadCatalog(f"{path} is not a JSON object")
    return document


SCHEMAS = Path(__file__).parents[3] / "models" / "schema"
NEEDED = {
    "catalog": ("family", "findings", "variants", "comparisons", "quality", "provenance"),
    "policy": ("name", "rules"),
    "evaluation": ("schema", "family", "protocol", "bootstraps", "variants", "comparisons", "simultaneous"),
}


def read_family(folder: Path, *names: str) -> list[dict[str, Any]]:
    """Read documents of a family folder: `catalog`, `policy`, `evaluation`.

    Raises:
        BadCatalog: One is missing, is not what its name says, or is of another version.
    """
    documents = []
    for name in names:
        path = folder / f"{name}.json"
        document = read_json(path)
        if missing := [key for key in NEEDED[name] if key not in document]:
            raise BadCatalog(f"{path} is no {name} of a family: it lacks {', '.join(missing)}")
        if (schema := SCHEMAS / f"{name}.schema.json").is_file():
            try:
                check_schema(document, schema)
            except BadCatalog as error:
                raise BadCatalog(f"{path} contradicts its schema: {error}") from error
        if name == "evaluation" and document["schema"] != EVALUATION:
            raise BadCatalog(f"{path} is not {EVALUATION}: run alara-train evaluate")
        documents.append(document)
    return documents


def check_schema(document: dict[str, Any], schema: Path) -> None:
    """Validate against a JSON Schema file.

    Raises:
        BadCatalog: It does not validate.
    """
    validator = Draft202012Validator(read_json(schema))
    faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(document)]
    if faults:
        raise BadCatalog("\n".join(faults[:20]))


def left_out(catalog: dict[str, Any]) -> set[str]:
    """The findings that a catalog lists as not served."""
    return {entry["finding"] for entry in catalog.get("notServed", [])}


def check_catalog(catalog: dict[str, Any]) -> None:
    """Check what a schema cannot say: intervals hold their values, names refer to what exists.

    Raises:
        BadCatalog: Something contradicts itself.
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
            if not head["threshold"]["low"] <= head["threshold"]["value"] <= head["threshold"]["high"]:
                faults.append(f"{where}: the threshold lies outside its band")
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
        raise BadCatalog("\n".join(faults[:20]))


def write_json(document: dict[str, Any], path: Path, schema: Path | None = None) -> None:
    """Write a document, validated first where its schema file exists."""
    if schema is not None and schema.is_file():
        check_schema(document, schema)
    write_whole(path, json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
