"""Which films each forward pass sees: a pure function of the seed and the place in the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alara_train.data.films import Ints


@dataclass(frozen=True, slots=True)
class Plan:
    """The order of the training films over a whole run; nothing is drawn twice and nothing is remembered."""

    rows: Ints
    """Training rows, ascending."""
    seed: int
    batch_size: int
    """Films a forward pass, over all processes."""
    accumulate: int
    rank: int = 0
    """This process, of `processes`; `batch_size` must divide by their number."""
    processes: int = 1

    @property
    def steps(self) -> int:
        """Steps of the optimiser an epoch; the films that do not fill one wait for the next epoch's order."""
        return len(self.rows) // (self.batch_size * self.accumulate)

    def order(self, epoch: int) -> Ints:
        """All training rows in the order of one epoch."""
        order: Ints = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return order

    def step(self, number: int) -> Ints:
        """Rows of step `number` of the whole run, over all processes: [accumulate, batch_size]."""
        epoch, inside = divmod(number, self.steps)
        size = self.batch_size * self.accumulate
        return self.order(epoch)[inside * size : (inside + 1) * size].reshape(self.accumulate, self.batch_size)

    def mine(self, number: int) -> Ints:
        """What of a step this process sees: [accumulate, batch_size / processes]."""
        return self.step(number)[:, self.rank :: self.processes]
