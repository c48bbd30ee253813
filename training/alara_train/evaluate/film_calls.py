"""The calls of whole films by one variant at one operating point: how many findings a reader has to check."""

from __future__ import annotations

import numpy as np

from alara_train.data.films import Floats
from alara_train.evaluate.intervals import rate, share
from alara_train.evaluate.measure import Measured, VariantMeasured
from alara_train.evaluate.operating import INDETERMINATE, PRESENT
from alara_train.evaluate.resample import Resamples

Record = dict[str, object]


def film_calls(variant: VariantMeasured, measured: Measured, point: str, resamples: Resamples) -> Record:
    """Count calls per film, with intervals by patient; calls of findings with an unknown label are left out.

    A film without findings has the label 0 for every finding.
    """
    labels = measured.labels
    calls = np.stack([variant.heads[finding].points[point].called.calls for finding in measured.findings], axis=1)
    known, present = labels >= 0, calls == PRESENT
    without = (labels == 0).all(axis=1)
    false = (present & without[:, None]).sum(axis=1)
    counts = np.stack(
        [
            measured.design.measured,
            without,
            false,
            without & (false == 0),
            known.sum(axis=1),
            (known & (calls == INDETERMINATE)).sum(axis=1),
            (known & present).sum(axis=1),
            (present & (labels == 1)).sum(axis=1),
            (labels == 1).sum(axis=1),
        ],
        axis=1,
    ).astype(np.float64)
    films, empty, wrong, silent, called, uncertain, marked, right, positives = _with_draws(counts, resamples)
    return {
        "presentPerFilmWithoutFindings": _rate(wrong, empty),
        "noneCalledWithoutFindings": _share(silent, empty),
        "indeterminate": _share(uncertain, called, "calls"),
        "presentPerFilm": _rate(marked, films),
        "truePresentPerFilm": _rate(right, films),
        "findingsPerFilm": _rate(positives, films),
    }


Count = tuple[float, Floats]
"""A sum over films, and the same sum in every draw."""


def _with_draws(counts: Floats, resamples: Resamples) -> list[Count]:
    """Sum each column of counts [N, M] over films."""
    return list(zip(counts.sum(axis=0).tolist(), resamples.totals(counts), strict=True))


def _ratio(part: Count, whole: Count) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        draws: Floats = part[1] / whole[1]
    return draws


def _share(part: Count, whole: Count, of: str = "films") -> Record:
    return share(_ratio(part, whole), part[0], whole[0], of)


def _rate(part: Count, whole: Count) -> Record:
    return rate(_ratio(part, whole), part[0], whole[0])
