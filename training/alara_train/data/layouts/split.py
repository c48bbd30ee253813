"""Patient-disjoint splits by hash: adding or removing films does not move another patient."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from alara_train.data.films import Ints, Labelled
from alara_train.data.layouts.settings import Settings

Strings = npt.NDArray[np.str_]


def hash_share(patient: str, purpose: str, seed: int) -> float:
    """Return a number in [0, 1) that depends only on seed, purpose and patient (SHA-256, 53 bits)."""
    digest = hashlib.sha256(f"{seed}\n{purpose}\n{patient}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def folds(patients: Strings, count: int, seed: int) -> Ints:
    """Fold 0 to `count` - 1 of each film, by its patient."""
    return np.array([int(hash_share(patient, "fold", seed) * count) for patient in patients.tolist()], dtype=np.int64)


def splits(patients: Strings, settings: Settings) -> Strings:
    """`train`, `val` or `test` of each film, by its patient."""
    test = np.array([hash_share(patient, "test", settings.seed) < settings.test_share for patient in patients.tolist()])
    return with_validation(patients, np.where(test, "test", "train"), settings)


def with_validation(patients: Strings, split: Strings, settings: Settings) -> Strings:
    """Move a share of the patients of `train` to `val`, if `val` is empty."""
    if (split == "val").any():
        return split
    val = np.array([hash_share(patient, "val", settings.seed) < settings.val_share for patient in patients.tolist()])
    return np.where((split == "train") & val, "val", split)


def held_out(fold: Ints, split: Strings) -> Ints:
    """Set the fold to -1 for the test films that the data itself states."""
    return np.where(split == "test", -1, fold).astype(np.int64)


def shared(patients: Strings, groups: Sequence[object]) -> list[str]:
    """Patients that are in more than one group, sorted."""
    first: dict[str, object] = {}
    pairs = zip(patients.tolist(), groups, strict=True)
    return sorted({patient for patient, group in pairs if first.setdefault(patient, group) != group})


def digest(films: Labelled) -> str:
    """SHA-256 over the sorted lines `patient split fold`, one per patient: identifies the split."""
    triples = zip(films.patients.tolist(), films.split.tolist(), films.fold.tolist(), strict=True)
    lines = sorted({f"{patient} {split} {fold}" for patient, split, fold in triples})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
