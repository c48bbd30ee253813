from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from alara_train.evaluate.delong import DeLong, delong
from alara_train.evaluate.intervals import bonferroni
from alara_train.evaluate.power import films_needed

PREVALENCE, CORRELATION, AUROCS = 0.15, 0.6, (0.75, 0.79)


def measured(films: int, rng: np.random.Generator) -> DeLong:
    """Two correlated binormal scores of the same films."""
    labels = (rng.random(films) < PREVALENCE).astype(np.int64)
    noise = rng.multivariate_normal([0, 0], [[1, CORRELATION], [CORRELATION, 1]], films).T
    shift = np.sqrt(2) * norm.ppf(AUROCS)
    return delong(noise + shift[:, None] * labels, labels)


@pytest.mark.parametrize(("power", "comparisons"), [(0.8, 1), (0.8, 84), (0.5, 84)])
def test_a_true_difference_is_shown_with_the_stated_power(power: float, comparisons: int) -> None:
    rng = np.random.default_rng(11)
    pilot, critical = 60_000, bonferroni(comparisons)
    error = measured(pilot, rng).difference_error(0, 1)
    films = round(films_needed(pilot, error, AUROCS[1] - AUROCS[0], critical=critical, power=power))
    assert films < pilot / 4, "the formula is tested at another number of films than the pilot's"
    shown = 0
    trials = 500
    for _ in range(trials):
        found = measured(films, rng)
        shown += found.areas[1] - found.areas[0] > critical * found.difference_error(0, 1)
    # Three standard errors of 500 trials, plus the normal approximation.
    assert shown / trials == pytest.approx(power, abs=0.07)


def test_half_the_difference_takes_four_times_the_films() -> None:
    one, half = (films_needed(1399, 0.0148, d, critical=3.58) for d in (0.02, 0.01))
    assert half == pytest.approx(4 * one)
    assert one == pytest.approx(1399 * ((3.58 + 0.8416) * 0.0148 / 0.02) ** 2, rel=1e-4)
