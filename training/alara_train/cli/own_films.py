"""The evaluation of the caller's own films as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from alara_train.cli.table import aligned
from alara_train.report.span import span

SHOWN = 20
"""Number of names in a line; the document has all of them."""


def summary(document: dict[str, Any]) -> list[str]:
    """What was left out, then the tables of the variants, of the findings and of the calls."""
    own, policy = document["own"], document["policy"]
    return [
        f"{own['films']} films: {document['films']} of {document['patients']} patients are measured",
        *_left_out(own),
        *([f"warning: {known}, so the results are too good"] if (known := _known(own)) else []),
        "",
        *aligned(_variants(document)),
        *(
            f"policy {policy['name']}, {words}: mean AUROC {span(policy[key])}"
            for key, words in (("alone", "each finding alone"), ("together", "all findings together"))
        ),
        "",
        *aligned(_findings(document)),
        "",
        *aligned(_calls(document)),
    ]


def _left_out(own: dict[str, Any]) -> list[str]:
    refused = sorted({name for names in own["refused"].values() for name in names})
    names = {
        "unreadable or missing": own["unreadable"],
        "refused by the input gate of a variant": refused,
        "served findings without a label": own["notLabelled"],
        "findings with too few films of a class": list(own["notMeasured"]),
    }
    return [f"{len(words)} {what}: {_named(words)}" for what, words in names.items() if words]


def _known(own: dict[str, Any]) -> str:
    count = own["filmsOfTheFamily"]
    return f"the family was made of {count} of these films" if count else ""


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _variants(document: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("variant", "mean AUROC", "within strata", "mean ECE", "refused")]
    for name, variant in document["variants"].items():
        error = mean(head["ece"]["after"] for head in variant["findings"].values())
        inside = span(variant.get("meanWithinStrata"))
        refused = str(len(document["own"]["refused"][name]))
        rows.append((name, span(variant["meanAuroc"]), inside, f"{error:.3f}", refused))
    return rows


def _findings(document: dict[str, Any]) -> list[tuple[str, ...]]:
    rates = ("sensitivity", "specificity", "indeterminate")
    rows = [("finding", "films with", "variant", "AUROC", "ECE", *(f"specific: {rate}" for rate in rates))]
    for finding, variant in document["policy"]["alone"]["variants"].items():
        head = document["variants"][variant]["findings"][finding]
        point = head["operatingPoints"].get("specific")
        rows.append(
            (
                *(finding, str(head["positives"]), variant, span(head["auroc"]), f"{head['ece']['after']:.3f}"),
                *(span(point[rate], 2, "no films") if point else "" for rate in rates),
            )
        )
    return rows


def _calls(document: dict[str, Any]) -> list[tuple[str, ...]]:
    columns = {
        "presentPerFilmWithoutFindings": "present per film without findings",
        "noneCalledWithoutFindings": "such films with none present",
        "indeterminate": "indeterminate calls",
        "truePresentPerFilm": "true present per film",
    }
    rows = [("variant", "operating point", *columns.values())]
    for name, variant in document["variants"].items():
        for point, calls in variant["calls"].items():
            rows.append((name, point, *(span(calls[key], none="no films") for key in columns)))
    return rows
