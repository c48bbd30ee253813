"""Agreement of a variant of low precision with the float32 variant of the same size, film by film."""

from __future__ import annotations

import numpy as np

from alara_train.evaluate.measure import Measured, VariantMeasured
from alara_train.evaluate.metrics import wilson

Record = dict[str, object]
QUANTILES = (0.0, 0.025, 0.25, 0.5, 0.75, 0.975, 1.0)


def agreement(measured: Measured, exact: VariantMeasured, low: VariantMeasured) -> Record:
    """Compare calibrated probability and calls per finding; differences are low precision minus float32.

    `quantiles` are the quantiles `QUANTILES` of the difference, as the spread of a Bland-Altman plot. `bias` is the
    mean difference, and `limits` are the bias plus and minus 1.96 standard deviations.
    """
    record: Record = {}
    for j, finding in enumerate(measured.findings):
        one, other = exact.heads[finding], low.heads[finding]
        known = measured.labels[:, j] >= 0
        difference = other.probability[known] - one.probability[known]
        calls, others = (head.points["balanced"].called.reached[known] for head in (one, other))
        changed, films = int((calls != others).sum()), int(known.sum())
        spread = 1.96 * float(difference.std())
        bias = float(difference.mean())
        share_low, share_high = wilson(changed, films)
        record[finding] = {
            "meanAbsolute": round(float(np.abs(difference).mean()), 4),
            "maxAbsolute": round(float(np.abs(difference).max()), 4),
            "correlation": round(
                float(np.corrcoef(exact.scored.logits[known, j], low.scored.logits[known, j])[0, 1]), 4
            ),
            "changedCalls": {
                "value": round(changed / films, 4),
                "ci95": [round(share_low, 4), round(share_high, 4)],
                "films": films,
            },
            "bias": round(bias, 5),
            "limits": [round(bias - spread, 4), round(bias + spread, 4)],
            "quantiles": [round(float(q), 4) for q in np.quantile(difference, QUANTILES)],
        }
    return record


def agreements(measured: Measured) -> Record:
    """Compare every variant of lower precision with the fp32 variant of its size; keys are the names of the latter."""
    exact = {v.scored.resolution: v for v in measured.variants if v.scored.precision == "fp32"}
    lows = [v for v in measured.variants if v.scored.precision != "fp32" and v.scored.resolution in exact]
    return {
        exact[v.scored.resolution].id: {**agreement(measured, exact[v.scored.resolution], v)}
        for v in sorted(lows, key=lambda v: v.scored.precision == "int8")
    }
