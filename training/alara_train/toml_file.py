"""TOML files, and their tables as frozen configuration values."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from alara_train.errors import UserError, describe_os_error


class BadConfig(UserError):
    """A configuration is incomplete or contradictory; the message names the key or the option."""


KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple[str, ...]": "a list of text",
    "tuple[int, ...]": "a list of whole numbers",
    "tuple[float, ...]": "a list of numbers",
    "tuple[float, float]": "a list of two numbers",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        BadConfig: It cannot be read, or is not TOML in UTF-8.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(describe_os_error(error)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfig(f"{path} is not a TOML file: {error}") from error


def _is(kind: str, value: Any) -> bool:
    if kind.startswith("tuple["):
        return isinstance(value, list) and bool(value) and all(_is(kind[6:].split(",")[0], one) for one in value)
    return type(value).__name__ == kind or (kind == "float" and type(value) is int)


def values_of(cls: type[Any], table: Any, where: str) -> dict[str, Any]:
    """Check a TOML table against a configuration class, and return the arguments of the class.

    A field with a default may be missing from the table. Fields of other types than those of `KINDS` are not checked.

    Args:
        cls: A dataclass whose annotations are text (`from __future__ import annotations`).
        table: The TOML table.
        where: The name of the table in messages.

    Raises:
        BadConfig: A key is missing or unknown, or a value has the wrong type.
    """
    if not isinstance(table, dict):
        raise BadConfig(f"{where} must be a table")
    kinds = {field.name: str(field.type) for field in fields(cls)}
    optional = {field.name for field in fields(cls) if field.default is not MISSING}
    if missing := kinds.keys() - table.keys() - optional:
        raise BadConfig(f"{where} lacks {', '.join(sorted(missing))}")
    if unknown := table.keys() - kinds.keys():
        raise BadConfig(f"{where} has unknown keys {', '.join(sorted(unknown))}")
    known = {name: kinds[name] for name in table if kinds[name] in KINDS}
    if wrong := [f"{name} must be {KINDS[kind]}" for name, kind in known.items() if not _is(kind, table[name])]:
        raise BadConfig(f"{where}: {'; '.join(wrong)}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
