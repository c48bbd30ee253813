"""The configuration of a family: one frozen value from one TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from alara_train.input_gate.gate import GateSettings
from alara_train.toml_file import BadConfig, read_toml, values_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyConfig:
    """Everything that can change a result. Nothing else may."""

    family: str
    backbone: str
    """A key of `efficientnet_lite.SCALES`."""
    stages: tuple[str, ...]
    """Stage maps that feed the heads."""
    grid: int
    """Films are pooled on `grid` x `grid` cells."""
    sides_px: tuple[int, ...]
    precisions: tuple[str, ...]
    ridges: tuple[float, ...]
    """Ridge strengths to choose from by inner validation, relative to the kernel's mean diagonal."""
    common: float
    """Weight of a channel's mean over the whole film in the ridge, relative to the cells of the grid."""
    invariance: float
    """Weight of the rows that penalise different scores of an original and its small JPEG; 0 omits them."""
    quantise_films: int
    """Number of films that set the ranges of the int8 activations."""
    int8_keeps_float: tuple[str, ...]
    """Prefixes of the names of trunk nodes that stay float32 in int8 variants."""
    bootstraps: int
    margin: float
    """AUROC that a variant may lose against the best, for findings whose measured AUROC depends on the size."""
    seed: int
    gate_films: int
    """Number of films that are turned, inverted and re-exposed to fit the input gate."""
    gate_made: int
    """Total number of drawings, textures and crops of photographs that the gate is fitted on."""
    gate_directions: int
    """Dimensions of the subspace in which the feature distance is measured."""
    gate_refusals: float
    """Largest share of the films that each of the two limits (score, distance) may refuse."""
    tuned_sides: tuple[int, ...] = ()
    """Sides in px at which networks are fine-tuned. The trunk, one for all variants, is the mean of their weights and
    ImageNet's (a uniform soup: Wortsman et al., ICML 2022; of one network, WiSE-FT: CVPR 2022). Empty keeps ImageNet's
    trunk."""
    tuned_run: str = ""
    """TOML file, beside that of the family, of the run that fine-tunes a network at each of these sides."""
    tuned_first: str = ""
    """TOML file of the run from whose weights these runs start."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a TOML file.

        Raises:
            BadConfig: A key is missing or unknown.
        """
        config = cls(**values_of(cls, read_toml(path), str(path)))
        if bool(config.tuned_sides) != bool(config.tuned_run) or (config.tuned_first and not config.tuned_run):
            raise BadConfig(f"{path}: tuned_sides and tuned_run need each other, and tuned_first needs both")
        return config

    @property
    def variants(self) -> list[tuple[str, int, str]]:
        """Id, side in px and precision of every variant, in the order of the catalog."""
        return [(f"r{side}-{kind}", side, kind) for side in self.sides_px for kind in self.precisions]

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
