"""Films of the caller, measured with the calibration and thresholds of a catalog: nothing is chosen on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.data.films import Bools, Labelled
from alara_train.data.layouts.checks import MISSING, ONE_CLASS
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.problems import raise_problems
from alara_train.data.layouts.settings import Settings
from alara_train.errors import UserError
from alara_train.evaluate.intervals import ci95
from alara_train.evaluate.measure import Measured, measure
from alara_train.evaluate.operating import NoSuchPoint
from alara_train.evaluate.scored import VariantScores
from alara_train.evaluate.scores_file import film_digests
from alara_train.family.read_films import Outputs
from alara_train.json_file import read_json
from alara_train.report.evaluation import evaluation
from alara_train.report.routing import plan

FEWEST = 5
"""A finding with fewer films of either class is not measured."""
UNUSED = (
    *(MISSING, ONE_CLASS, "empty-splits", "bad-splits", "bad-folds"),
    *("patients-in-two-splits", "patients-in-two-folds"),
)
"""Problems of a data set that do not matter here: nothing is trained or chosen, and missing films are counted."""


class NothingToMeasure(UserError):
    """No served finding can be measured on the films; the message says why."""


def labelled_films(data: Path, settings: Settings) -> Labelled:
    """Read a folder in one of the three layouts.

    Raises:
        BadData: The labels cannot be used as they are.
    """
    reading = read(data, settings)
    raise_problems([problem for problem in reading.problems if problem.code not in UNUSED], data)
    return reading.films


def check_labels(catalog: dict[str, Any], films: Labelled) -> dict[str, tuple[int, int]]:
    """Films with and without each served finding that the films have labels of.

    Raises:
        NothingToMeasure: No finding has `FEWEST` of both.
    """
    served = [finding for finding in films.findings if finding in catalog["findings"]]
    if not served:
        has, needs = ", ".join(films.findings), ", ".join(catalog["findings"])
        raise NothingToMeasure(
            f"the films have no label of a served finding: they have {has}, and the family serves {needs}"
        )
    labels = {finding: films.labels[:, films.findings.index(finding)] for finding in served}
    counts = {finding: (int((y == 1).sum()), int((y == 0).sum())) for finding, y in labels.items()}
    if all(min(classes) < FEWEST for classes in counts.values()):
        found = "; ".join(f"{finding} has {some} and {others}" for finding, (some, others) in counts.items())
        raise NothingToMeasure(
            f"no finding can be measured on {len(films)} films that every variant reads: a finding takes {FEWEST} "
            f"films with it and {FEWEST} without it, but {found}"
        )
    return counts


def known_films(family: Path) -> set[str]:
    """Digests of the films that a family was measured on, from its `scores.json`; empty if it has none."""
    path = family / "scores.json"
    return set(read_json(path).get("films", ())) if path.is_file() else set()


def evaluate_own_films(
    catalog: dict[str, Any],
    policy: dict[str, Any],
    films: Labelled,
    outputs: Outputs,
    *,
    known: set[str],
    bootstraps: int,
    seed: int,
    margin: float,
) -> dict[str, Any]:
    """Measure the films that every variant accepts; the document is an evaluation, with `own` and `policy`.

    `own` lists what was left out. `policy` has the mean AUROC under a policy. `known` are the digests of the films that
    the family was made of.

    Raises:
        NothingToMeasure: No served finding has enough labels, or no film is left.
        NoSuchPoint: The catalog is of an earlier version.
    """
    if any("operatingPoints" not in head for v in catalog["variants"] for head in v["heads"].values()):
        raise NoSuchPoint("the catalog has no named operating points: run alara-train calibrate")
    kept = outputs.readable & outputs.accepted.all(axis=1)
    some = films.take(np.flatnonzero(kept))
    counts = check_labels(catalog, some)
    able = [finding for finding, classes in counts.items() if min(classes) >= FEWEST]
    ours, theirs = ([names.index(finding) for finding in able] for names in (films.findings, catalog["findings"]))
    labelled = replace(some, labels=some.labels[:, ours], findings=tuple(able))
    scored = [
        VariantScores.of(v["id"], v["resolution"], v["precision"], outputs.logits[kept][:, index, theirs], labelled)
        for index, v in enumerate(catalog["variants"])
    ]
    measured = measure(scored, protocol="served", draws=bootstraps, seed=seed, catalog=catalog)
    refused = outputs.readable[:, None] & ~outputs.accepted
    own = {
        "films": len(films),
        "unreadable": _names(films, ~outputs.readable),
        "refused": {v["id"]: _names(films, refused[:, index]) for index, v in enumerate(catalog["variants"])},
        "notMeasured": {finding: classes for finding, classes in counts.items() if finding not in able},
        "filmsOfTheFamily": _known(some, known),
        "notLabelled": [finding for finding in catalog["findings"] if finding not in counts],
    }
    return evaluation(
        measured,
        family=catalog["family"],
        date=datetime.now(UTC).date().isoformat(),
        extra={"own": own, "policy": policy_record(catalog, policy, measured)},
        margin=margin,
    )


def _known(films: Labelled, known: set[str]) -> int:
    """Number of the films that the family was made of."""
    return len(known.intersection(film_digests([films.path(row) for row in range(len(films))]))) if known else 0


def _names(films: Labelled, rows: Bools) -> list[str]:
    return [films.names[row] for row in np.flatnonzero(rows)]


def policy_record(catalog: dict[str, Any], policy: dict[str, Any], measured: Measured) -> dict[str, Any]:
    """Mean AUROC under a policy: each finding by the variant that the policy routes to, alone and all together."""
    variants = {variant.id: variant for variant in measured.variants}

    def mean(routes: dict[str, str]) -> dict[str, Any]:
        heads = [variants[routes[finding]].heads[finding] for finding in measured.findings]
        value = round(float(np.mean([head.auroc for head in heads])), 4)
        return {
            "value": value,
            "ci95": ci95(np.mean([head.draws for head in heads], axis=0), value),
            "variants": {finding: routes[finding] for finding in measured.findings},
        }

    return {
        "name": policy["name"],
        "alone": mean({finding: plan(catalog, policy, [finding]).serves[finding] for finding in measured.findings}),
        "together": mean(plan(catalog, policy, list(catalog["findings"])).serves),
    }
