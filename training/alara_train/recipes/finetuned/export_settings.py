"""How runs become a family: everything that can change the result and is no run's own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from alara_train.gate.gate import GateSettings
from alara_train.toml_file import BadConfig, read_toml, values_of

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
        table = values_of(cls, read_toml(path), str(path))
        try:
            return cls(**table)
        except BadConfig as error:
            raise BadConfig(f"{path}: {error}") from error

    @property
    def gate(self) -> GateSettings:
        """The settings of the input gate."""
        return GateSettings(
            films=self.gate_films,
            made=self.gate_made,
            grid=self.grid,
            directions=self.gate_directions,
            refusals=self.gate_refusals,
            seed=self.seed,
        )

    def record(self) -> dict[str, Any]:
        """Give the settings as they go into keys and documents."""
        return asdict(self)


def precisions_of(words: str) -> tuple[str, ...]:
    """Read `fp32,int8,fp16`.

    Raises:
        BadConfig: One is unknown or twice there, or fp32, which the others are compared with, is missing.
    """
    chosen = tuple(word.strip() for word in words.split(",") if word.strip())
    if "fp32" not in chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(PRECISIONS):
        raise BadConfig(f"--precisions must be fp32, alone or with int8 and fp16, each once, not {words}")
    return tuple(kind for kind in PRECISIONS if kind in chosen)
