"""`alara.study/1`: the record of a study, with physics, protocol, numbers and limits."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.digest import sha256
from alara_train.machine import processor
from alara_train.report.resolution_floor import simulated_floor
from alara_train.study.config import StudyConfig
from alara_train.study.films import StudyFilms
from alara_train.study.measure import AurocEstimate, Key, differences, enlargement_control, floor_comparison, table

SCHEMA = "alara.study/1"
LIMITS = (
    "Simulated nodules: a blurred, slightly irregular sphere without scatter, vessels, spicules or calcification.",
    "Contrasts are assumed, not measured: only differences between sizes mean something, not the AUROC itself.",
    "Frozen ImageNet trunks with a linear detection head that was trained on such nodules, not end to end and not the "
    "family's own Nodule output: how well the family finds real nodules is in evaluation.json.",
    "Films are 576 px JPEGs of 1024 px originals: what a full-size original would add is not seen.",
    "A small nodule is small against the network's grid and also loses pixels; the enlarged control tells the two "
    "apart, and where it recovers the loss, a finer grid would do what a larger film does.",
    "One collection, PA, patients without a label of nodule or mass; such labels were mined from reports.",
)


def study_document(
    config: StudyConfig, films: StudyFilms, found: dict[Key, AurocEstimate], *, seconds: float, threads: int
) -> dict[str, Any]:
    """Write the record; the floor is derived from the record itself."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "simulated",
        "finding": "Nodule",
        "date": datetime.now(UTC).date().isoformat(),
        "films": len(films),
        "patients": len(np.unique(films.patients)),
        "leftOut": films.left_out,
        "collection": config.collection,
        "view": config.view,
        "physics": {
            "profile": "chord length of a sphere times contrast, outline irregular, blurred, added to the film",
            "densePerMm": list(config.dense_per_mm),
            "softPerMm": list(config.soft_per_mm),
            "shamLevels": config.sham_levels,
            "edgeSigmaMm": config.edge_sigma_mm,
            "irregular": config.irregular,
            "filmPx": config.film_px,
            "mmPerPx": [round(float(q), 3) for q in np.quantile(films.mm_per_px, [0, 0.5, 1])],
            "jpegQuality": config.jpeg_quality,
            "marginMm": config.margin_mm,
            "lungShare": round(float(films.lungs.mean()), 3),
        },
        "protocol": {
            "trunk": f"{Path(config.family).name}, fp32, frozen",
            "trunkSha256": {
                f"r{side}-fp32": sha256(Path(config.family) / f"r{side}-fp32.onnx") for side in config.sides_px
            },
            "stages": list(config.stages),
            "head": "channelised Hotelling template a position, log-sum-exp over the lung field, refined on films",
            "endToEnd": False,
            "folds": len(np.unique(films.fold)),
            "splitBy": "patient",
            "placements": {"dense": list(config.placements), "others": list(config.other_placements)},
            "bootstraps": config.bootstraps,
            "bootstrapBy": "patient",
            "seed": config.seed,
            "config": config.digest(),
        },
        "table": table(found, config),
        "differences": differences(found, config),
        "decisive": floor_comparison(found, config),
        "enlargedControl": enlargement_control(found, config),
        "limits": list(LIMITS),
        "hardware": f"{processor()}, {os.cpu_count()} cores",
        "threads": threads,
        "seconds": round(seconds),
    }
    document["sham"] = [row for row in document["table"] if row["arm"] == "sham"]
    document["floor"] = simulated_floor(document).record()
    return document
