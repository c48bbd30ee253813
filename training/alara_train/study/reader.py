"""Run a served variant with its evidence as an extra output. Gate and thresholds are applied as in serving."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from alara_train.data.films import Bools, Floats, Ints
from alara_train.data.pixels import Film, resized
from alara_train.evaluate.calibration import calibrator
from alara_train.evaluate.operating import Threshold
from alara_train.export.graph import session
from alara_train.json_file import BadDocument
from alara_train.networks.pooling import Float32s, grid_shares
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.report.catalog import read_family
from alara_train.serve import accepts, input_tensor, is_blank
from alara_train.study.stored_values import Stored, render

EVIDENCE = "head//evidence/Concat_output_0"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantOutputs:
    """The results of a variant for every film in every arm."""

    pooled: Float32s
    """[arms, N, C, cells]"""
    distance_share: Floats
    """[arms, N]: feature distance divided by the gate's limit."""
    accepted: Bools
    """[arms, N]"""


class VariantReader:
    """One variant with its ONNX session."""

    def __init__(self, family: Path, config: FamilyConfig, variant: str) -> None:
        """Open a variant of a family folder."""
        [self.catalog] = read_family(family, "catalog")
        if variant not in (ids := [v["id"] for v in self.catalog["variants"]]):
            raise BadDocument(f"{family} has no variant {variant}; there are {', '.join(ids)}")
        self.variant = next(v for v in self.catalog["variants"] if v["id"] == variant)
        self.limits = self.catalog["quality"]["limits"][variant]
        self.side: int = self.variant["resolution"]
        self.shares = grid_shares(self.side // 32, self.side // 32, config.grid)
        model = onnx.load(str(family / self.variant["file"]))
        outputs = [EVIDENCE, *config.stages]
        for name in outputs:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
        self.run = session(model)
        black = np.zeros((1, 1, self.side, self.side), dtype=np.float32)
        self.widths = tuple(int(np.asarray(m).shape[1]) for m in self.run.run(list(config.stages), {"film": black}))
        """Number of channels per stage."""

    def evidence(self, film: Film) -> tuple[Float32s, float, bool]:
        """Pooled evidence [C, cells], feature distance divided by its limit, and whether serving accepts the film."""
        outputs = self.run.run([EVIDENCE, "gate"], {"film": input_tensor(self.variant, resized(film, self.side))})
        evidence, gate = np.asarray(outputs[0])[0], np.asarray(outputs[1], dtype=np.float64)[0]
        distance_share = float(gate[-1]) / self.limits["maxDistance"]
        accepted = accepts(self.catalog, self.variant["id"], gate) and not is_blank(film)
        return evidence.reshape(len(evidence), -1) @ self.shares, distance_share, accepted

    def read_films(self, films: Iterable[Stored], arms: list[str]) -> VariantOutputs:
        """Read every film in every arm."""
        rows = [[self.evidence(render(film, arm)) for arm in arms] for film in films]
        pooled, distance_share, accepted = (np.array([[arm[k] for arm in row] for row in rows]) for k in range(3))
        return VariantOutputs(pooled=pooled.swapaxes(0, 1), distance_share=distance_share.T, accepted=accepted.T)

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrate logits [..., findings]."""
        heads = [self.variant["heads"][f] for f in self.catalog["findings"]]
        return np.stack([calibrator(h["calibration"])(logits[..., i]) for i, h in enumerate(heads)], axis=-1)

    def calls(self, probability: Floats) -> Ints:
        """Call probabilities [..., findings] at the operating point `balanced`: absent, indeterminate or present."""
        chosen = [Threshold.of(self.variant["heads"][f], "balanced") for f in self.catalog["findings"]]
        return np.stack([one.calls(probability[..., i]) for i, one in enumerate(chosen)], axis=-1)
