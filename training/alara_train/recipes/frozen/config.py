"""One frozen value a family, from one TOML file: everything that can change a result."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from alara_train.errors import UserError, sentence


class BadConfig(UserError):
    """The TOML file does not say what a family needs; the message names the key."""


KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "tuple[str, ...]": "a list of text",
    "tuple[int, ...]": "a list of whole numbers",
    "tuple[float, ...]": "a list of numbers",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        BadConfig: It cannot be read, or is not TOML in UTF-8.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(sentence(error)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfig(f"{path} is not a TOML file: {error}") from error


def _is(kind: str, value: Any) -> bool:
    if kind.startswith("tuple["):
        return isinstance(value, list) and bool(value) and all(_is(kind[6:].split(",")[0], one) for one in value)
    return type(value).__name__ == kind or (kind == "float" and type(value) is int)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyConfig:
    """Everything that can change a result. Nothing else may."""

    family: str
    backbone: str
    """A key of `network.SCALES`."""
    stages: tuple[str, ...]
    """Stage maps that feed the heads."""
    grid: int
    """Films are pooled on `grid` x `grid` cells."""
    sides_px: tuple[int, ...]
    precisions: tuple[str, ...]
    ridges: tuple[float, ...]
    """Ridge strengths to choose from by inner validation, relative to the kernel's mean diagonal."""
    common: float
    """What the means over the whole film weigh in the ridge beside the cells of the grid."""
    invariance: float
    """Weight of the rows that hold scores still between an original film and its small JPEG; 0 leaves them out."""
    quantise_films: int
    """How many films set the ranges of the int8 activations."""
    int8_keeps_float: tuple[str, ...]
    """Beginnings of the names of trunk nodes that stay float32 in int8 variants."""
    bootstraps: int
    margin: float
    """AUROC that a variant may lose against the best where the family's own films tell sizes apart."""
    seed: int
    gate_films: int
    """How many films are turned, inverted and re-exposed to fit the input gate."""
    gate_made: int
    """How many drawings, textures and crops of photographs the gate is fitted on, in all."""
    gate_directions: int
    """Dimensions of the subspace in which the feature distance is measured."""
    gate_refusals: float
    """Share of the films that the limits of score and of distance may refuse, each."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a TOML file.

        Raises:
            BadConfig: A key is missing or unknown.
        """
        table = read_toml(path)
        names = {field.name for field in fields(cls)}
        if missing := names - table.keys():
            raise BadConfig(f"{path} lacks {', '.join(sorted(missing))}")
        if unknown := table.keys() - names:
            raise BadConfig(f"{path} has unknown keys {', '.join(sorted(unknown))}")
        kinds = {field.name: str(field.type) for field in fields(cls)}
        if wrong := [f"{name} must be {KINDS[kind]}" for name, kind in kinds.items() if not _is(kind, table[name])]:
            raise BadConfig(f"{path}: {'; '.join(wrong)}")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
        return cls(**values)

    @property
    def variants(self) -> list[tuple[str, int, str]]:
        """Id, side in px and precision of every variant, in the order of the catalog."""
        return [(f"r{side}-{kind}", side, kind) for side in self.sides_px for kind in self.precisions]
