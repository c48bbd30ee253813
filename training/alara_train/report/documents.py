"""The catalog and the evaluation of a family, put together from what was built and measured."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from alara_train.data.films import Films, Floats, Ints, split_digest
from alara_train.data.labelled import Labelled
from alara_train.data.pixels import tensor
from alara_train.evaluate.compare import catalog_comparisons
from alara_train.evaluate.measure import Measured, VariantMeasured
from alara_train.evaluate.scored import Scored
from alara_train.export.cost import measure_ms, measured_on
from alara_train.export.graph import sha256
from alara_train.gate.fit import ACCEPT, NOT_MEASURED, Gated, Limits, Share
from alara_train.gate.samples import CLASSES
from alara_train.networks.efficientnet_lite import MEAN, STD
from alara_train.origin import NIH, Origin
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import load_rows
from alara_train.recipes.frozen.ridge import Fitted
from alara_train.report.evaluation import catalog_head, evaluation

THRESHOLD_METHOD = (
    "Youden's index on out-of-fold scores; low and high are the 10th and 90th percentile of the threshold chosen anew "
    "in resamples of patients; sensitivity and specificity are of calls by thresholds chosen on other films"
)


NIH_SAMPLE = replace(NIH, dataset="NIH ChestX-ray14 (a selected sample)")


class GateRates(Protocol):
    """What the catalog and the evaluation say of an input gate; `gate.Gated` is one."""

    @property
    def limits(self) -> Limits:
        """What is refused."""
        ...

    @property
    def false_refusals(self) -> tuple[Share, ...]:
        """Own films that are refused."""
        ...

    @property
    def pass_under_shift(self) -> tuple[Share, ...]:
        """Films from elsewhere that are let in."""
        ...

    @property
    def catches(self) -> tuple[Share, ...]:
        """What should be refused, and is."""
        ...


class Exported(Protocol):
    """What the documents say of a variant's graph, however it was made."""

    @property
    def id(self) -> str:
        """Such as `r448-int8`."""
        ...

    @property
    def side_px(self) -> int:
        """The side of its input."""
        ...

    @property
    def precision(self) -> str:
        """`fp32`, `fp16` or `int8`."""
        ...

    @property
    def path(self) -> Path:
        """The ONNX file."""
        ...

    @property
    def gmacs(self) -> float:
        """Thousand million multiply-accumulates a film."""
        ...

    @property
    def gated(self) -> GateRates:
        """Its input gate."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One variant, exported and measured."""

    id: str
    side_px: int
    precision: str
    path: Path
    gmacs: float
    fitted: Fitted
    gated: Gated
    difference: float | None
    """Largest difference from PyTorch in probability before calibration; fp32 only."""
    small: Ints
    """Rows of the films whose originals were at hand."""


def scored(built: Built, films: Labelled) -> Scored:
    """Put the out-of-fold logits of a variant beside what is known of the films."""
    return Scored(
        variant=built.id,
        resolution=built.side_px,
        precision=built.precision,
        logits=built.fitted.out_of_fold,
        labels=films.labels,
        patients=films.patients,
        fold=films.fold,
        split=np.where(films.split == "val", "validation", films.split),
        view=films.view,
        sex=films.sex,
        age=films.age,
        collection=films.collection,
        findings=films.findings,
    )


def catalog_document(
    config: FamilyConfig,
    films: Labelled,
    built: list[Built],
    measured: Measured,
    cache: Path,
    simulated: dict[str, Any],
) -> dict[str, Any]:
    """Write the catalog; measures what a film costs on this machine."""
    first = {b.id: load_rows(cache, b.side_px).pixels[:1] for b in built}
    taken = measure_ms({b.id: b.path for b in built}, {id_: tensor(p, MEAN, STD) for id_, p in first.items()})
    where = measured_on()
    return {
        "$schema": "../schema/catalog.schema.json",
        "family": config.family,
        "findings": list(measured.findings),
        "provenance": provenance(NIH_SAMPLE, films, split_digest(films)),
        "variants": [variant_record(b, m, taken[b.id], where) for b, m in zip(built, measured.variants, strict=True)],
        "comparisons": catalog_comparisons(measured),
        **({"simulated": simulated} if simulated else {}),
        "quality": quality_record(built),
        **({"notServed": list(measured.not_served)} if measured.not_served else {}),
    }


def provenance(origin: Origin, films: Films, digest: str) -> dict[str, Any]:
    """The catalog's provenance; `digest` names the split."""
    return {
        **asdict(origin),
        "films": len(films),
        "patients": len(set(films.patients.tolist())),
        "splitDigest": digest,
        "codeRevision": _code_revision(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def variant_record(
    built: Exported,
    measured: VariantMeasured,
    ms: float,
    where: str,
    protocol: str = "crossValidated",
    method: str = THRESHOLD_METHOD,
) -> dict[str, Any]:
    """The catalog's record of one variant; `method` says how thresholds were chosen."""
    return {
        "id": built.id,
        "resolution": built.side_px,
        "precision": built.precision,
        "file": built.path.name,
        "sha256": sha256(built.path),
        "bytes": built.path.stat().st_size,
        "input": {"channels": 1, "mean": MEAN, "std": STD, "kernel": "lanczos3", "fit": "contain"},
        "cost": {"gmacs": round(built.gmacs, 4), "ms": {"cpu": ms}, "measuredOn": {"cpu": where}},
        "heads": {finding: catalog_head(measured.heads[finding], protocol, method) for finding in measured.heads},
    }


def quality_record(built: Sequence[Exported]) -> dict[str, Any]:
    """Rates of the largest int8 variant's gate stand for the family; every variant's are in the evaluation."""
    shown = max(built, key=lambda b: (b.precision == "int8", b.side_px)).gated
    return {
        "classes": list(CLASSES),
        "accept": ACCEPT,
        "limits": {
            b.id: {
                "minScore": round(b.gated.limits.min_score, 4),
                "maxDistance": round(b.gated.limits.max_distance, 4),
            }
            for b in built
        },
        "falseRefusals": [share.record() for share in shown.false_refusals],
        "passUnderShift": [share.record() for share in shown.pass_under_shift],
        "catches": [share.record() for share in shown.catches],
        "notMeasured": list(NOT_MEASURED),
    }


def evaluation_document(
    config: FamilyConfig, built: list[Built], measured: Measured, date: str, trained: Sequence[str]
) -> dict[str, Any]:
    """Write the evaluation, with what only the build knows: recipe, gate, originals, fidelity of the graphs."""
    columns = [trained.index(finding) for finding in measured.findings]
    return evaluation(
        measured,
        family=config.family,
        date=date,
        margin=config.margin,
        extra={
            "recipe": {
                "backbone": config.backbone,
                "stages": list(config.stages),
                "grid": config.grid,
                "ridgeByVariant": {
                    b.id: {"served": b.fitted.strength, "folds": list(b.fitted.fold_strengths)} for b in built
                },
            },
            "originalsAgainstSmall": {
                "what": "change in calibrated probability, out of fold, when the 1024 px original is read instead",
                "films": len(built[0].small),
                "variants": {
                    m.id: _change(m, b.fitted.originals[:, columns], b.small)
                    for m, b in zip(measured.variants, built, strict=True)
                    if len(b.small)
                },
            },
            "torchAgainstOnnx": {b.id: b.difference for b in built if b.difference is not None},
            "gate": gate_record(built),
        },
    )


def gate_record(built: Sequence[Exported]) -> dict[str, Any]:
    """The evaluation's rates of every variant's input gate."""
    return {
        b.id: {
            "falseRefusals": [share.record() for share in b.gated.false_refusals],
            "passUnderShift": [share.record() for share in b.gated.pass_under_shift],
            "catches": [share.record() for share in b.gated.catches],
        }
        for b in built
    }


def _change(variant: VariantMeasured, originals: Floats, rows: Ints) -> dict[str, float]:
    """How far calibrated probability moves when the original is read in place of its small JPEG.

    Both logits are out of fold: originals [m, 14], and those of the films `rows` [m].
    """
    change = np.array(
        [
            np.abs(head.served(originals[:, j]) - head.served(variant.scored.logits[rows, j]))
            for j, head in enumerate(variant.heads.values())
        ]
    )
    return {"meanAbsolute": round(float(change.mean()), 4), "maxAbsolute": round(float(change.max()), 4)}


def _code_revision() -> str:
    """Digest of this package's own sources, and the commit they stand on where git knows it."""
    here = Path(__file__).parents[1]
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(here.rglob("*.py")))).hexdigest()[:16]
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "no-git"
    return f"{commit}+sources-{digest}"
