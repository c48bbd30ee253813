"""Resampling of patients with replacement, and sums over films in all draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from alara_train.data.films import Floats, Ints
from alara_train.evaluate.scored import Strings

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Resamples:
    """Number of times that each patient occurs in each draw. All variants share it, so that differences are paired."""

    counts: Float32s
    """[patients, draws], whole numbers: exact in float32 up to 16 million films."""
    owner: Ints
    """[N]: the patient of each film, as a row of `counts`."""

    @property
    def draws(self) -> int:
        """Count the draws."""
        return int(self.counts.shape[1])

    def first(self, draws: int) -> Resamples:
        """The first draws."""
        return Resamples(np.ascontiguousarray(self.counts[:, :draws]), self.owner)

    def sums(self, group: Ints, groups: int) -> Float32s:
        """Total weight of the films of each group in each draw: [N] of group numbers gives [groups, draws].

        Films in group -1 are left out. Films are first counted by patient, so the work is one sparse product:
        each film's patient row is read once, in order, whatever the number of groups.
        """
        inside = group >= 0
        ones = np.ones(int(inside.sum()), dtype=np.float32)
        table = sparse.csr_array((ones, (group[inside], self.owner[inside])), shape=(groups, len(self.counts)))
        total: Float32s = table @ self.counts
        return total

    def totals(self, values: Floats) -> Floats:
        """Sums over the films in each draw of M values per film: [N, M] gives [M, draws]."""
        by_patient = np.zeros((len(self.counts), values.shape[1]))
        np.add.at(by_patient, self.owner, values)
        total: Floats = by_patient.T @ self.counts.astype(np.float64)
        return total


def resample(patients: Strings, draws: int, seed: int) -> Resamples:
    """Draw as many patients as there are, with replacement."""
    _, owner = np.unique(patients, return_inverse=True)
    count = int(owner.max()) + 1
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, count), dtype=np.float32)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, count, count), minlength=count)
    return Resamples(np.ascontiguousarray(counts.T), owner)


def single_draw(films: int) -> Resamples:
    """Each film counted once: the sample itself, as a single draw."""
    return Resamples(np.ones((films, 1), dtype=np.float32), np.arange(films))
