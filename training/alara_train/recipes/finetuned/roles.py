"""The films that training, validation and test use, and the interface of a prepared data set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from alara_train.data.films import EVERY_FILM, BadData, Films, Ints, check_disjoint
from alara_train.recipes.finetuned.config import ALL, NO_FOLD, TrainConfig
from alara_train.toml_file import BadConfig

Strings = npt.NDArray[np.str_]
Uint8s = npt.NDArray[np.uint8]

UNKNOWN = -1
TRAIN, VAL, TEST = "train", "val", "test"


class PreparedFilms(Protocol):
    """A data set with resized films on the disk."""

    @property
    def films(self) -> Films:
        """The table."""
        ...

    @property
    def split(self) -> Strings:
        """[N] of `train`, `val` and `test`."""
        ...

    def pixels(self, side_px: int) -> Uint8s:
        """All films at one size, [N, side, side], as a memory map."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The role of every film in a run, and the labels of the run's findings."""

    role: Strings
    """[N] of `train`, `val`, `test`."""
    labels: Ints
    """[N, F] of 0, 1 and -1."""
    names: tuple[str, ...]
    patients: Strings
    fold: Ints
    """[N]: folds of the data set, also if the run does not use them."""
    findings: tuple[str, ...]
    """Names of the columns of `labels` and of the outputs of the network."""

    def rows(self, *roles: str) -> Ints:
        """Rows with one of these roles and at least one known label, in ascending order."""
        return np.flatnonzero(np.isin(self.role, roles) & (self.labels != UNKNOWN).any(axis=1))

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted lines `name role`: identifies the split."""
        lines = sorted(f"{name} {role}" for name, role in zip(self.names, self.role.tolist(), strict=True))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def counts(self, role: str) -> tuple[Ints, Ints]:
        """Films of a role with and without each finding: [F], [F]."""
        labels = self.labels[self.rows(role)]
        return (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)


def assign(data: PreparedFilms, config: TrainConfig) -> Roles:
    """Assign roles: the data set's own split, or one fold as validation and the others as training, or all as training.

    In the last two cases, films of fold -1 (the test set of the data itself) are `test`. All other films take part,
    independent of the split.

    Raises:
        BadConfig: The config's `labels` are not a finding of the films.
        BadData: A patient has two roles, a role is empty, the fold does not exist, or a finding has only one class.
    """
    films, split = data.films, np.asarray(data.split)
    if unknown := set(split.tolist()) - {TRAIN, VAL, TEST}:
        raise BadData(f"the split has {', '.join(sorted(unknown))}; only train, val and test are known")
    role = split
    if config.fold != NO_FOLD:
        folds = sorted(set(films.fold.tolist()) - {NO_FOLD})
        if config.fold not in (EVERY_FILM, *folds):
            raise BadData(f"there is no fold {config.fold}; there are {folds}")
        role = np.where(films.fold == NO_FOLD, TEST, np.where(films.fold == config.fold, VAL, TRAIN))
    check_disjoint(films.patients, np.unique(role, return_inverse=True)[1].astype(np.int64))
    if config.labels not in (ALL, *films.findings):
        raise BadConfig(f"labels must be all or one of {', '.join(films.findings)}, not {config.labels}")
    findings = films.findings if config.labels == ALL else (config.labels,)
    columns = [films.findings.index(finding) for finding in findings]
    roles = Roles(
        role=role,
        labels=np.asarray(films.labels)[:, columns],
        names=films.names,
        patients=films.patients,
        fold=films.fold,
        findings=findings,
    )
    _check_classes(roles, config)
    return roles


def _check_classes(roles: Roles, config: TrainConfig) -> None:
    present, absent = roles.counts(TRAIN)
    if lacking := [f for f, p, a in zip(roles.findings, present, absent, strict=True) if not (p and a)]:
        raise BadData(
            f"the training films have only one class of {', '.join(lacking)}: choose another fold or split, or labels"
        )
    present, absent = roles.counts(VAL)
    if config.fold != EVERY_FILM and not ((present > 0) & (absent > 0)).any():
        raise BadData("no finding has both classes among the validation films, so nothing can be measured")
    count = len(roles.rows(TRAIN))
    if count < config.batch_size * config.accumulate:
        raise BadData(
            f"{count} training films do not fill one step of {config.batch_size} x {config.accumulate}: "
            "lower batch_size or accumulate"
        )


def data_record(roles: Roles) -> dict[str, Any]:
    """The data of a run: digests of the split and of the labels, and the number of films per role."""
    return {
        "splitDigest": roles.digest,
        "labelsDigest": hashlib.sha256(roles.labels.astype("<i8").tobytes()).hexdigest(),
        "films": {role: len(roles.rows(role)) for role in (TRAIN, VAL, TEST)},
    }
