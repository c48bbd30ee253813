"""The interface between the family builder and a recipe, which decides where the weights of a variant come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import onnx

from alara_train.data.films import Films
from alara_train.evaluate import scored
from alara_train.evaluate.measure import Measured
from alara_train.evaluate.scored import VariantScores
from alara_train.input_gate.gate import Gate, GateSettings
from alara_train.input_gate.measure import GateRates
from alara_train.input_gate.pixel_cache import Rows
from alara_train.networks.pooling import Float32s
from alara_train.origin import Origin


@dataclass(frozen=True, slots=True)
class Spec:
    """The identity of a variant."""

    side_px: int
    """Side of its input."""
    precision: str
    """`fp32`, `fp16` or `int8`."""

    @property
    def id(self) -> str:
        """Such as `r448-int8`."""
        return f"r{self.side_px}-{self.precision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """The trunk of one variant, exported."""

    graph: onnx.ModelProto
    """In the variant's precision."""
    exact: onnx.ModelProto
    """In float32."""
    pooled: Float32s
    """[rows, C, cells]: evidence of the gate's rows by `graph`."""
    float_convolutions: int | None = None
    """Number of leading convolutions that stay float; only for int8 variants that choose this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One exported variant of a family."""

    spec: Spec
    path: Path
    """The ONNX file."""
    gmacs: float
    """Thousand million multiply-accumulates per film."""
    gate: GateRates
    difference: float | None
    """Largest difference from PyTorch in probability before calibration; None if it was not measured."""
    float_convolutions: int | None = None

    @property
    def id(self) -> str:
        """Such as `r448-int8`."""
        return self.spec.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How the variants of a recipe are measured."""

    protocol: scored.Protocol
    bootstraps: int
    """Resamples of patients."""
    seed: int
    margin: float
    """AUROC that a variant may lose against the best, in the policy."""


class Recipe(Protocol):
    """One way from labelled films to variants. The builder calls the methods in the order in which they stand here."""

    films: Films
    """All films of the data set."""
    scored_files: list[Path]
    """The film files, in the order of the scores."""
    split_digest: str
    """SHA-256 that identifies the split."""
    origin: Origin
    """Where the films come from."""
    specs: list[Spec]
    """Every variant, in the order of the catalog."""
    stages: tuple[str, ...]
    """The outputs of the trunk graph that the head reads."""
    gate_films: Films
    """The films that the gate is fitted on, with patient folds."""
    gate_settings: GateSettings
    evaluation: Evaluation

    def key(self, specs: Sequence[Spec], what: Sequence[str]) -> str | None:
        """Digest of everything that the variants depend on, and of `what`; None if variants are never reused."""
        ...

    def prepare(self, spec: Spec) -> Rows:
        """Resize the films and samples that the variant is fitted on, unless they are cached."""
        ...

    def trunk(self, spec: Spec, rows: Rows) -> Trunk:
        """Export the trunk, and compute the evidence of all rows."""
        ...

    def head(self, spec: Spec, trunk: Trunk, gate: Gate) -> onnx.ModelProto:
        """Export the head: the trunk's stages to `logits`, `cam` and `gate`."""
        ...

    def check(self, spec: Spec, path: Path, rows: Rows) -> float | None:
        """Compare the served graph with PyTorch; returns the largest difference in probability, if it was measured.

        Raises:
            Unfaithful: The graph does not compute what PyTorch computes.
        """
        ...

    def scores(self, spec: Spec, path: Path) -> VariantScores:
        """Logits of the measured films, each by a network that did not see the film's patient."""
        ...

    def sample(self, spec: Spec) -> Float32s:
        """One film as input [1, 1, side, side], to measure the cost of the variant."""
        ...

    def describe(self, variants: list[Variant], measured: Measured) -> dict[str, Any]:
        """The parts of the evaluation that only the recipe knows: `recipe` and `originalsAgainstSmall`."""
        ...
