"""How runs become a family: everything that can change the result and is no run's own."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from alara_train.origin import NIH, Origin
from alara_train.recipes.frozen.config import BadConfig, read_toml

PRECISIONS = ("fp32", "int8", "fp16")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """Every key may be left out of the TOML file; the values below stand then."""

    quantise_films: int = 128
    """Training films that set the ranges of int8 activations."""
    int8_apart: float = 0.05
    """What int8 may move a logit, mean over films, in standard deviations of the finding's logits over films, before
    more of the first convolutions stay float."""
    gate_own: int = 1000
    """Own training and validation films that the input gate is fitted on."""
    gate_films: int = 280
    """How many of them are also turned, inverted and re-exposed."""
    gate_made: int = 700
    """Drawings, textures and crops of photographs that it is fitted on, in all."""
    gate_directions: int = 64
    """Dimensions of the subspace in which its distance is measured."""
    gate_refusals: float = 0.002
    """Share of the films that the limits of score and of distance may refuse, each."""
    gate_folds: int = 5
    """Groups of patients, each measured by a gate that was fitted on the others."""
    grid: int = 4
    """The gate reads the last map averaged on `grid` x `grid` cells."""
    bootstraps: int = 2000
    """Resamples of patients."""
    margin: float = 0.01
    """AUROC that a variant may lose against the best, in the policy."""
    seed: int = 20261123

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"quantise_films": 1, "gate_own": 4, "gate_films": 4, "gate_made": 14, "gate_directions": 1}
        least |= {"gate_folds": 2, "grid": 1, "bootstraps": 10, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise BadConfig(f"{name} must be at least {low}, not {getattr(self, name)}")
        if not 0 < self.gate_refusals < 0.5 or not 0 <= self.margin < 1 or self.int8_apart <= 0:
            raise BadConfig("gate_refusals must lie in (0, 0.5), margin in [0, 1), and int8_apart must be above 0")

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Read a TOML file; None gives what stands without one.

        Raises:
            BadConfig: It is not TOML, a key is unknown, or a value makes no sense.
        """
        if path is None:
            return cls()
        table = read_toml(path)
        kinds = {field.name: str(field.type) for field in fields(cls)}
        if unknown := table.keys() - kinds.keys():
            raise BadConfig(f"{path} has unknown keys {', '.join(sorted(unknown))}; there are {', '.join(kinds)}")
        for name, value in table.items():
            if type(value).__name__ != kinds[name] and not (kinds[name] == "float" and type(value) is int):
                raise BadConfig(f"{path}: {name} must be of type {kinds[name]}, not {value!r}")
        try:
            return cls(**table)
        except BadConfig as error:
            raise BadConfig(f"{path}: {error}") from error

    def record(self) -> dict[str, Any]:
        """Give the settings as they go into keys and documents."""
        return asdict(self)


def origin_of(layout: str, path: Path | None) -> Origin:
    """Where the films come from: NIH's own words for its layout, else what a TOML file says.

    Raises:
        BadConfig: There is no file, or it does not say it all.
    """
    if path is None:
        if layout == "nih":
            return NIH
        raise BadConfig(
            "a catalog says where its films come from, and only for NIH's layout is that known: write a TOML file with "
            f"{', '.join(field.name for field in fields(Origin))} (link is a URL) and give it as --origin"
        )
    table = read_toml(path)
    names = [field.name for field in fields(Origin)]
    if wrong := [name for name in names if not isinstance(table.get(name), str) or not table[name]]:
        raise BadConfig(f"{path} must say {', '.join(wrong)} as text")
    return Origin(**{name: table[name] for name in names})


def precisions_of(words: str) -> tuple[str, ...]:
    """Read `fp32,int8,fp16`.

    Raises:
        BadConfig: One is unknown or twice there, or fp32, which the others are compared with, is missing.
    """
    chosen = tuple(word.strip() for word in words.split(",") if word.strip())
    if "fp32" not in chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(PRECISIONS):
        raise BadConfig(f"--precisions must be fp32, alone or with int8 and fp16, each once, not {words}")
    return tuple(kind for kind in PRECISIONS if kind in chosen)
