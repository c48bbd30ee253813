"""Refusal rates of the input gate, each measured on films or images that the measured gate was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alara_train.data.films import Films
from alara_train.evaluate.metrics import wilson
from alara_train.input_gate.gate import ACCEPT, Gate, GateSettings, Limits, choose_limits, fit_gate
from alara_train.input_gate.pixel_cache import Rows
from alara_train.input_gate.samples import CLASSES
from alara_train.networks.pooling import Float32s

NOT_MEASURED = (
    "lateral chest films",
    "radiographs of other body parts",
    "frontal films that are mirrored left to right",
    "CT, MR and ultrasound images",
)


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `films` films, with Wilson's interval."""

    what: str
    hits: int
    films: int

    def record(self) -> dict[str, object]:
        """Write as the catalog's `Rate`."""
        low, high = wilson(self.hits, self.films)
        return {
            "what": self.what,
            "value": round(self.hits / self.films, 6),
            "ci95": [min(round(low, 4), self.hits / self.films), max(round(high, 4), self.hits / self.films)],
            "films": self.films,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRates:
    """The limits of a gate, and the rates that were measured with these limits."""

    limits: Limits
    false_refusals: tuple[Share, ...]
    """Own films that the gate refuses."""
    pass_under_shift: tuple[Share, ...]
    """Films of other sources that the gate accepts."""
    catches: tuple[Share, ...]
    """Images that the gate should refuse, and refuses."""

    def record(self) -> dict[str, object]:
        """Write the rates as the documents hold them."""
        return {
            "falseRefusals": [share.record() for share in self.false_refusals],
            "passUnderShift": [share.record() for share in self.pass_under_shift],
            "catches": [share.record() for share in self.catches],
        }


def measure_gate(pooled: Float32s, rows: Rows, films: Films, settings: GateSettings) -> tuple[Gate, GateRates]:
    """Fit one gate per patient fold and one on all rows; measure each row by a gate that was not fitted on it.

    Args:
        pooled: [rows, C, cells], evidence of the rows.
        rows: What each row is.
        films: The films among the rows, with their patient folds.
        settings: How the gate is fitted.

    Returns:
        The gate that was fitted on all rows, and the rates.
    """
    fold_of = dict(zip(films.names, films.fold.tolist(), strict=True))
    fold = np.array([fold_of.get(source, -1) for source in rows.sources.tolist()])
    label = np.full(len(rows.kinds), -1)
    label[rows.where("film")] = CLASSES.index(ACCEPT)
    for number, name in enumerate(CLASSES):
        label[rows.where(f"fit/{name}")] = number
    fitted = label >= 0
    scores = np.full(len(label), np.nan)
    distances = np.full(len(label), np.nan)
    for number in films.folds:
        train, test = np.flatnonzero(fitted & (fold != number)), np.flatnonzero(fitted & (fold == number))
        gate = fit_gate(pooled[train], label[train], settings)
        scores[test], distances[test] = gate.scores(pooled[test]), gate.distances(pooled[test])
    gate = fit_gate(pooled[fitted], label[fitted], settings)
    unseen = np.flatnonzero(~fitted)
    scores[unseen], distances[unseen] = gate.scores(pooled[unseen]), gate.distances(pooled[unseen])

    own = rows.where("film")
    others = gate.distances(pooled[rows.where("fit/other")])
    limits = choose_limits(scores[own], distances[own], others, settings.refusals)
    refused = limits.refuses(scores, distances)
    wrongly = 0
    for number in films.folds:  # For this rate, the limits come from the other folds as well.
        inside, outside = own[fold[own] == number], own[fold[own] != number]
        nested = choose_limits(scores[outside], distances[outside], others, settings.refusals)
        wrongly += int(nested.refuses(scores[inside], distances[inside]).sum())

    def share(what: str, kind: str, caught: bool) -> Share:
        at = rows.where(kind)
        return Share(what, int((refused[at] == caught).sum()), len(at))

    def kinds(prefix: str) -> Sequence[str]:
        return sorted({kind for kind in rows.kinds.tolist() if kind.startswith(prefix)})

    rates = GateRates(
        limits=limits,
        false_refusals=(
            Share("the family's own films, by patient fold", wrongly, len(own)),
            share("the same, re-exposed and cropped", "fit/frontal", True),
        ),
        pass_under_shift=(
            *((share("originals of the family's own films", "native", False),) if "native" in rows.kinds else ()),
            *(share(kind.removeprefix("shift/"), kind, False) for kind in kinds("shift/")),
        ),
        catches=(
            share("films turned by 90 degrees", "fit/sideways", True),
            share("films upside down", "fit/upsideDown", True),
            share("inverted films", "fit/inverted", True),
            *(share(kind.removeprefix("test/"), kind, True) for kind in kinds("test/")),
        ),
    )
    return gate, rates
