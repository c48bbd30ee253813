"""`scores.json`: the scores of every variant and measured film, to compare two families film by film."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.atomic_file import write_atomic
from alara_train.data.films import Floats, Ints
from alara_train.evaluate.scored import BadScores, Protocol, Strings, VariantScores, check, design
from alara_train.evaluate.strata import strata
from alara_train.json_file import BadDocument

SCHEMA = "alara.scores/2"
OLDER = "alara.scores/1"
"""Without strata and folds, and before 2026-11-28 without logits."""
LETTERS = {1: "1", 0: "0", -1: "-"}


def film_digests(files: Sequence[Path]) -> list[str]:
    """Identify each film by the first 16 hexadecimal digits of the SHA-256 of its file."""
    return [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files]


def scores_document(
    variants: list[VariantScores], films: Sequence[str], family: str, protocol: Protocol = "crossValidated"
) -> dict[str, Any]:
    """Write the scores of the measured films as a document that identifies films only by digest.

    An AUROC depends only on the ranks; equal scores have equal ranks. The document also holds the logits before
    calibration, and the view and collection, fold and patient of each film, so that everything in the evaluation can be
    computed again. `films` are the digests in the order of the scores.

    Raises:
        BadScores: The variants were not scored on the same films, or `films` does not fit the scores.
    """
    check(variants, protocol)
    first = variants[0]
    if len(films) != len(first):
        raise BadScores(f"{len(films)} films are named, {len(first)} were scored")
    measured = np.flatnonzero(design(first, protocol).measured)
    named = [films[row] for row in measured.tolist()]
    if len(set(named)) != len(named):
        raise BadScores(f"{len(named) - len(set(named))} films are the same file as another")
    patients = {patient: i for i, patient in enumerate(dict.fromkeys(first.patients[measured].tolist()))}
    names, stratum = np.unique(strata(first)[measured], return_inverse=True)
    width = 16 if len(named) <= 2**16 else 32
    return {
        "schema": SCHEMA,
        "family": family,
        "protocol": protocol,
        "films": named,
        "patients": [patients[patient] for patient in first.patients[measured].tolist()],
        "folds": first.fold[measured].tolist(),
        "strata": {"what": "view/collection", "names": names.tolist(), "films": stratum.tolist()},
        "labels": {
            finding: "".join(LETTERS[label] for label in first.labels[measured, j].tolist())
            for j, finding in enumerate(first.findings)
        },
        "width": width,
        "ranks": {
            v.variant: {
                finding: base64.b64encode(
                    np.unique(v.logits[measured, j], return_inverse=True)[1].astype(f"<u{width // 8}").tobytes()
                ).decode()
                for j, finding in enumerate(v.findings)
            }
            for v in variants
        },
        "logits": {
            v.variant: {
                finding: base64.b64encode(v.logits[measured, j].astype("<f4").tobytes()).decode()
                for j, finding in enumerate(v.findings)
            }
            for v in variants
        },
    }


def write_scores(document: dict[str, Any], path: Path) -> None:
    """Write the document with one line per list; indentation would double its size."""
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    write_atomic(path, "{\n" + ",\n".join(lines) + "\n}\n")


def read_scores(document: dict[str, Any]) -> tuple[dict[str, dict[str, Floats]], dict[str, Ints], Strings]:
    """The ranks [films] by variant and finding, the labels [films] by finding, and the patients [films] of a document.

    Raises:
        BadDocument: The document is of another kind.
    """
    if document.get("schema") not in (SCHEMA, OLDER):
        raise BadDocument(f"the scores are not {SCHEMA}: run alara-train scores")
    numbers = {letter: label for label, letter in LETTERS.items()}
    labels = {
        finding: np.array([numbers[letter] for letter in letters]) for finding, letters in document["labels"].items()
    }
    ranks = {
        variant: {
            finding: np.frombuffer(base64.b64decode(text), f"<u{document['width'] // 8}").astype(np.float64)
            for finding, text in row.items()
        }
        for variant, row in document["ranks"].items()
    }
    return ranks, labels, np.array([str(patient) for patient in document["patients"]])
