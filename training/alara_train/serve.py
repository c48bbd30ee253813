"""Read a film with a served variant in the same way as the API. The parity tests compare both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from scipy.special import softmax

from alara_train.data.films import Floats
from alara_train.data.pixels import Film, tensor
from alara_train.evaluate.calibration import calibrator
from alara_train.export.graph import session
from alara_train.networks.pooling import Float32s

MIN_CONTRAST = 1 / 16
"""Serving refuses a film if its 5th and 95th percentile differ by less than this share of the full range."""


@dataclass(frozen=True, slots=True)
class FilmOutput:
    """The output of a variant for one film."""

    probabilities: Floats
    """[findings], calibrated."""
    gate: Floats
    """[classes + 1], the output `gate` of the graph."""


def open_variants(family: Path, catalog: dict[str, Any]) -> dict[str, ort.InferenceSession]:
    """Open every variant of a family folder on the CPU."""
    return {v["id"]: session(family / v["file"]) for v in catalog["variants"]}


def input_tensor(variant: dict[str, Any], pixels: Film) -> Float32s:
    """Make the tensor [1, 1, side, side] of resized pixels [side, side]."""
    return tensor(pixels[None], variant["input"]["mean"], variant["input"]["std"])


def is_blank(film: Film) -> bool:
    """Whether serving refuses a resized film because it has nearly no contrast, apart from a few of its pixels."""
    low, high = np.quantile(film, [0.05, 0.95])
    return bool(high - low < MIN_CONTRAST * np.iinfo(film.dtype).max)


def accepts(catalog: dict[str, Any], variant: str, gate: npt.NDArray[np.floating[Any]]) -> bool:
    """Whether the input gate of a variant accepts a film, from its output `gate`."""
    quality, values = catalog["quality"], np.asarray(gate, dtype=np.float64)
    score = softmax(values[:-1])[quality["classes"].index(quality["accept"])]
    limits = quality["limits"][variant]
    return bool(values[-1] <= limits["maxDistance"] and score >= limits["minScore"])


def read(run: ort.InferenceSession, variant: dict[str, Any], findings: list[str], pixels: Film) -> FilmOutput:
    """Run one variant on the resized pixels of one film, and calibrate its logits."""
    logits, gate = run.run(["logits", "gate"], {"film": input_tensor(variant, pixels)})
    row = np.asarray(logits, dtype=np.float64)[0]
    probabilities = np.array(
        [calibrator(variant["heads"][f]["calibration"])(row[i : i + 1])[0] for i, f in enumerate(findings)]
    )
    return FilmOutput(probabilities, np.asarray(gate, dtype=np.float64)[0])
