"""The scores of one variant: the only input of the evaluation."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from alara_train.atomic_file import atomic_output
from alara_train.data.films import FINDINGS, Bools, Floats, Ints, Labelled
from alara_train.errors import UserError

Strings = npt.NDArray[np.str_]
Protocol = Literal["crossValidated", "heldOut", "served"]
CHOOSING: tuple[Protocol, ...] = ("crossValidated", "heldOut")
"""The protocols that choose calibration and thresholds; `served` measures those of a catalog."""
UNKNOWN = -1
"""An unknown label or age; the film is left out of measures that need it."""


class BadScores(UserError):
    """The scores cannot be measured as they are; the message says what to correct."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantScores:
    """One variant's logits, with the columns of the films that measures need; arrays have length N."""

    variant: str
    resolution: int
    """Side in px."""
    precision: str
    logits: Floats
    """[N, findings], each by a network that did not see the film's patient."""
    labels: Ints
    """[N, findings] of 1, 0, and -1 for unknown."""
    patients: Strings
    fold: Ints
    """Fold of a cross-validation, from 0; -1 for none."""
    split: Strings
    """`train`, `validation` or `test`; used only by the protocol `heldOut`."""
    view: Strings
    sex: Strings
    age: Ints
    """Years, or -1."""
    collection: Strings
    findings: tuple[str, ...] = FINDINGS

    def __len__(self) -> int:
        """Count the films."""
        return len(self.patients)

    @classmethod
    def of(cls, variant: str, resolution: int, precision: str, logits: Floats, films: Labelled) -> VariantScores:
        """Put logits [N, findings] beside the columns of the films."""
        return cls(
            variant=variant,
            resolution=resolution,
            precision=precision,
            logits=logits,
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

    def save(self, path: Path) -> None:
        """Write everything to one .npz, so that an evaluation can be repeated without films or networks."""
        with atomic_output(path) as out:
            np.savez_compressed(
                out,
                variant=self.variant,
                resolution=self.resolution,
                precision=self.precision,
                findings=np.array(self.findings),
                logits=self.logits,
                labels=self.labels.astype(np.int8),
                **{name: getattr(self, name) for name in FILM_COLUMNS},
            )

    @classmethod
    def load(cls, path: Path) -> VariantScores:
        """Read a file of `save`."""
        try:
            table = np.load(path)
            return cls(
                variant=str(table["variant"]),
                resolution=int(table["resolution"]),
                precision=str(table["precision"]),
                findings=tuple(table["findings"].tolist()),
                logits=table["logits"].astype(np.float64),
                labels=table["labels"].astype(np.int64),
                **{name: table[name] for name in FILM_COLUMNS},
            )
        except (ValueError, KeyError, EOFError, TypeError, IndexError, zipfile.BadZipFile) as error:
            raise BadScores(f"{path} is damaged or holds no scores: remove it and export the family again") from error

    def only(self, findings: Sequence[str]) -> VariantScores:
        """The scores of these findings, in this order.

        Raises:
            BadScores: A finding was not scored.
        """
        if missing := [finding for finding in findings if finding not in self.findings]:
            raise BadScores(f"{self.variant} was not scored for {', '.join(missing)}")
        columns = [self.findings.index(finding) for finding in findings]
        return replace(self, findings=tuple(findings), logits=self.logits[:, columns], labels=self.labels[:, columns])


FILM_COLUMNS = ("patients", "fold", "split", "view", "sex", "age", "collection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Choose on some rows, apply to others; both are masks over the films."""

    chosen_on: Bools
    applied_to: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The measured films, and the films on which choices about them are made."""

    protocol: Protocol
    measured: Bools
    served: Bools
    """Films on which the served calibration and thresholds are fitted; in `served`, the measured films."""
    parts: tuple[Part, ...]
    """Parts for calibration and thresholds, which are never chosen on the films on which they are measured."""
    priors: tuple[Part, ...]
    """Parts for the baselines without pixels; in `heldOut` they may also learn from the training films."""


def design(scored: VariantScores, protocol: Protocol) -> Design:
    """Plan the films of a protocol.

    `crossValidated`: every film of a fold is measured, and choices for it are made on the other folds. `heldOut`:
    choices are made on the split `validation` and measured on `test`. `served`: every film is measured, and nothing is
    chosen. The baselines without pixels are learnt by patient fold.

    Raises:
        BadScores: Folds or splits that the protocol needs are missing.
    """
    if protocol == "served":
        every = np.ones(len(scored), dtype=bool)
        fold = np.unique(scored.patients, return_inverse=True)[1] % 5
        priors = tuple(Part(chosen_on=fold != k, applied_to=fold == k) for k in range(5))
        return Design(protocol=protocol, measured=every, served=every, parts=(), priors=priors)
    if protocol == "crossValidated":
        inside = scored.fold >= 0
        folds = sorted(set(scored.fold[inside].tolist()))
        if len(folds) < 2:
            raise BadScores("a cross-validation needs two folds or more")
        parts = tuple(Part(chosen_on=inside & (scored.fold != k), applied_to=scored.fold == k) for k in folds)
        return Design(protocol=protocol, measured=inside, served=inside, parts=parts, priors=parts)
    validation, test = scored.split == "validation", scored.split == "test"
    if not validation.any() or not test.any():
        raise BadScores("the protocol heldOut needs films in the splits validation and test")
    return Design(
        protocol=protocol,
        measured=test,
        served=validation,
        parts=(Part(chosen_on=validation, applied_to=test),),
        priors=(Part(chosen_on=~test, applied_to=test),),
    )


def check(variants: list[VariantScores], protocol: Protocol) -> None:
    """Make sure that variants can be compared film by film, and that no patient is on both sides of a choice.

    Raises:
        BadScores: The message says which variant and why.
    """
    if not variants:
        raise BadScores("there are no scores")
    if len({v.variant for v in variants}) != len(variants):
        raise BadScores("a variant is scored twice")
    first = variants[0]
    for v in variants:
        if v.logits.shape != (len(v), len(v.findings)) or v.labels.shape != v.logits.shape:
            raise BadScores(f"{v.variant}: logits and labels must be [films, findings]")
        if not np.isfinite(v.logits).all():
            raise BadScores(f"{v.variant}: {int((~np.isfinite(v.logits)).any(axis=1).sum())} films without a score")
        same = v.findings == first.findings and len(v) == len(first) and np.array_equal(v.labels, first.labels)
        if not same or any(not np.array_equal(getattr(v, n), getattr(first, n)) for n in FILM_COLUMNS):
            raise BadScores(f"{v.variant} and {first.variant} were not scored on the same films in the same order")
    for part in design(first, protocol).parts:
        shared = set(first.patients[part.chosen_on].tolist()) & set(first.patients[part.applied_to].tolist())
        if shared:
            raise BadScores(f"{len(shared)} patients are on both sides of a split, among them {min(shared)}")
