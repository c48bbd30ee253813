"""JSON documents, written whole and validated against JSON Schema files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from alara_train.atomic_file import write_atomic
from alara_train.errors import UserError, describe_os_error


class BadDocument(UserError):
    """A document cannot be read, or contradicts its schema or itself; the message lists where."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON document.

    Raises:
        BadDocument: It cannot be read, is not JSON in UTF-8, or is not an object.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadDocument(describe_os_error(error)) from error
    except ValueError as error:
        raise BadDocument(f"{path} is not a JSON document: {error}") from error
    if not isinstance(document, dict):
        raise BadDocument(f"{path} is not a JSON object")
    return document


def check_schema(document: dict[str, Any], schema: Path) -> None:
    """Validate a document against a JSON Schema file.

    Raises:
        BadDocument: It does not validate.
    """
    validator = Draft202012Validator(read_json(schema))
    faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(document)]
    if faults:
        raise BadDocument("\n".join(faults[:20]))


def write_json(document: dict[str, Any], path: Path, schema: Path | None = None) -> None:
    """Write a document; where the schema file exists, validate the document first."""
    if schema is not None and schema.is_file():
        check_schema(document, schema)
    write_atomic(path, json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
