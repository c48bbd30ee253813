"""Settings of an export: everything that can change a family besides its runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from alara_train.input_gate.gate import GateSettings
from alara_train.toml_file import BadConfig, read_toml, values_of

PRECISIONS = ("fp32", "int8", "fp16")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """Every key is optional in the TOML file; these are the defaults."""

    quantise_films: int = 128
    """Training films that set the ranges of int8 activations."""
    int8_apart: float = 0.05
    """Largest accepted mean change of a logit by int8, in standard deviations of the finding's logits over films. Above
    this limit, more of the first convolutions stay float."""
    gate_own: int = 1000
    """Own training and validation films that the input gate is fitted on."""
    gate_films: int = 280
    """Number of these films that are also turned, inverted and re-exposed."""
    gate_made: int = 700
    """Total number of drawings, textures and crops of photographs that the gate is fitted on."""
    gate_directions: int = 64
    """Dimensions of the subspace in which the gate's distance is measured."""
    gate_refusals: float = 0.002
    """Largest share of the films that each of the two limits (score, distance) may refuse."""
    gate_folds: int = 5
    """Number of patient groups; each group is measured by a gate that was fitted on the others."""
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
        """Read a TOML file; None gives the defaults.

        Raises:
            BadConfig: It is not TOML, a key is unknown, or a value is out of range.
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
        """Return the settings as keys and documents contain them."""
        return asdict(self)


def precisions_of(words: str) -> tuple[str, ...]:
    """Read `fp32,int8,fp16`.

    Raises:
        BadConfig: A precision is unknown or repeated, or fp32 is missing, which the others are compared with.
    """
    chosen = tuple(word.strip() for word in words.split(",") if word.strip())
    if "fp32" not in chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(PRECISIONS):
        raise BadConfig(f"--precisions must be fp32, alone or with int8 and fp16, each once, not {words}")
    return tuple(kind for kind in PRECISIONS if kind in chosen)
