"""The configuration of a study: one frozen value from one TOML file."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from alara_train.toml_file import BadConfig, read_toml, values_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """Everything that can change a result. Nothing else may."""

    family: str
    """Folder of the family whose trunks are used, such as `models/chest14`, relative to the working directory."""
    stages: tuple[str, ...]
    """Stage maps that the detection head reads, finest first."""
    sides_px: tuple[int, ...]
    enlarged_px: int
    """The control: films are reduced to this side and enlarged to the largest of `sides_px` again."""
    collection: str
    """Films of this collection only; empty for all."""
    view: str
    film_px: int
    """Side at which nodules are added and the JPEG is made."""
    jpeg_quality: int
    dense_mm: tuple[float, ...]
    """Diameters of dense nodules."""
    soft_mm: tuple[float, ...]
    dense_per_mm: tuple[float, float]
    """Contrast of dense nodules, in gray levels (of 255) per mm of chord, uniform between the two values."""
    soft_per_mm: tuple[float, float]
    sham_mm: float
    sham_levels: float
    """Peak of the sham in gray levels, below 0.5, so that no pixel changes with certainty."""
    edge_sigma_mm: float
    """Blur of the edge: a Gaussian for detector, focal spot and breathing together."""
    irregular: float
    """Relative standard deviation of the outline's radius."""
    margin_mm: float
    """Centres keep this distance from the edge of the lung field."""
    placements: tuple[int, ...]
    """Seeds; each gives every film another position, contrast and outline."""
    other_placements: tuple[int, ...]
    """Seeds for the soft nodules and the sham, which do not decide the floor."""
    shrinkage: float
    """Added to the diagonal of the head's covariance, relative to the diagonal."""
    pull: float
    """Strength of the penalty that keeps the refined head near the Hotelling template."""
    hardest: int
    """Positions per film that the refinement uses."""
    floor_mm: tuple[float, ...]
    """Diameters of the dense nodules whose mean AUROC decides the floor."""
    floor_margin: float
    """AUROC that a resolution may lose against the largest."""
    bootstraps: int
    seed: int

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a TOML file.

        Raises:
            BadConfig: A key is missing or unknown, or a value contradicts another.
        """
        config = cls(**values_of(cls, read_toml(path), str(path)))
        if config.sham_levels >= 0.5:
            raise BadConfig(f"{path}: sham_levels must be below 0.5, or the sham is a nodule")
        if not set(config.floor_mm) <= set(config.dense_mm):
            raise BadConfig(f"{path}: floor_mm must be among dense_mm")
        if config.enlarged_px not in config.sides_px:
            raise BadConfig(f"{path}: enlarged_px must be among sides_px, or there is nothing to compare it with")
        return config

    @property
    def largest_px(self) -> int:
        """The side with which the others are compared."""
        return max(self.sides_px)

    @property
    def readers(self) -> tuple[Reader, ...]:
        """Every reader of a film: each side, then the enlarged control."""
        plain = tuple(Reader(f"r{side}", side, side) for side in self.sides_px)
        return (*plain, Reader(f"r{self.enlarged_px}as{self.largest_px}", self.enlarged_px, self.largest_px))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every kind of nodule, with the sham at the end."""
        return (
            *(Condition("dense", mm) for mm in self.dense_mm),
            *(Condition("soft", mm) for mm in self.soft_mm),
            Condition("sham", self.sham_mm),
        )

    def placements_of(self, condition: Condition) -> tuple[int, ...]:
        """The seeds of the placements of a condition."""
        return self.placements if condition.arm == "dense" else self.other_placements

    def digest(self) -> str:
        """Digest of everything that the cached maps depend on."""
        free = (
            "placements",
            "other_placements",
            "shrinkage",
            "pull",
            "hardest",
            "floor_mm",
            "floor_margin",
            "bootstraps",
        )
        facts = {name: value for name, value in asdict(self).items() if name not in free}
        return hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read a film: reduce it to `through_px`, and pass it to the trunk at `side_px`."""

    name: str
    through_px: int
    side_px: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One kind of nodule."""

    arm: str
    """`dense`, `soft` or `sham`."""
    diameter_mm: float

    @property
    def name(self) -> str:
        """Name of its files and of its row in the table."""
        return f"{self.arm}-{self.diameter_mm:g}mm"
