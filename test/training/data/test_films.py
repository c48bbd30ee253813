from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alara_train.data.films import FINDINGS, BadData, Films, check_disjoint, split_digest
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.settings import Settings


def write_set(folder: Path, patients: list[str], folds: list[int], label: str = "0") -> Path:
    (folder / "films").mkdir()
    lines = ["image,patient,view,fold," + ",".join(FINDINGS)]
    for i, (patient, fold) in enumerate(zip(patients, folds, strict=True)):
        (folder / "films" / f"{i}.png").write_bytes(b"x")
        lines.append(f"{i}.png,{patient},PA,{fold}," + ",".join([label] * len(FINDINGS)))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def films_of(data: Path) -> Films:
    return read(data, Settings()).films


def test_a_patient_in_two_folds_is_refused() -> None:
    with pytest.raises(BadData, match="1 patients are in more than one fold, among them b"):
        check_disjoint(np.array(["a", "b", "b"]), np.array([0, 0, 1]))


def test_the_split_digest_depends_on_the_split_and_not_on_the_order(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    (tmp_path / "z").mkdir()
    first = split_digest(films_of(write_set(tmp_path / "x", ["a", "b"], [0, 1])))
    assert first == split_digest(films_of(write_set(tmp_path / "y", ["b", "a", "a"], [1, 0, 0])))
    assert first != split_digest(films_of(write_set(tmp_path / "z", ["a", "b"], [1, 0])))


def test_disjoint_folds_pass() -> None:
    check_disjoint(np.array(["a", "a", "b"]), np.array([0, 0, 1]))
