"""The model card, from the catalog, the policy and the evaluation; never edited by hand."""

from __future__ import annotations

from typing import Any

from alara_train.recipes.card_text import CardText
from alara_train.report.card_evidence import established, reservations
from alara_train.report.card_sections import sections
from alara_train.report.policy import evidence_kind, rule_text
from alara_train.report.resolution_curve import curve_section
from alara_train.report.span import span


def _film_ms(cost: dict[str, Any]) -> float:
    """The measured milliseconds per film on a CPU, with decoding if it was measured."""
    return round(float(cost["ms"]["cpu"]) + float(cost.get("decodeMs", {}).get("cpu", 0)), 2)


def _rates(rates: list[dict[str, Any]]) -> list[str]:
    return [
        f"| {r['what']} | {100 * r['value']:.1f} % [{100 * low:.1f}, {100 * high:.1f}] | {r['films']} |"
        for r in rates
        for low, high in [r["ci95"]]
    ]


def _below(catalog: dict[str, Any], evaluation: dict[str, Any]) -> list[str]:
    """Name the findings whose AUROC is below that of view and collection alone."""
    largest = max(catalog["variants"], key=lambda v: (v["resolution"], v["precision"] == "fp32"))
    base = evaluation["baseline"]["meanAuroc"]["byFinding"]
    worse = [f for f in catalog["findings"] if largest["heads"][f]["auroc"]["value"] < base.get(f, 0)]
    if not worse:
        return []
    return [
        f"At {largest['resolution']} px, the AUROC of {', '.join(worse)} is below that of view and collection alone: "
        "in this sample, the source of a film says more about them than the film, and serving does not see the source."
    ]


def _not_served(catalog: dict[str, Any]) -> list[str]:
    """Name the findings of the labels that the family leaves out, with the reason."""
    entries = catalog.get("notServed", [])
    if not entries:
        return []
    return ["Findings of the labels that are not served:", "", *(f"- {entry['reason']}" for entry in entries), ""]


def card(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any], text: CardText) -> str:
    """Write the card as Markdown."""
    variants = catalog["variants"]
    groups = [
        name for name in evaluation["baseline"]["subgroups"] if "value" in evaluation["baseline"]["subgroups"][name]
    ]
    lines = [
        f"# {catalog['family']}",
        "",
        f"Generated on {evaluation['date']} by `alara-train {text.verb}`. Do not edit.",
        "",
        "**Intended use:** research on chest radiographs, and trials of resolution routing. Frontal (PA or AP) films.",
        "",
        "**Not intended:** diagnosis, triage or any decision about a patient; lateral films; films of children (the "
        "training films are mostly of adults); CT, MR, ultrasound.",
        "",
        "## Data",
        "",
        *text.data,
        "",
        "## Recipe",
        "",
        *text.recipe,
        "",
        f"## Mean AUROC of the {len(catalog['findings'])} findings",
        "",
        *established(evaluation),
        "| variant | all films | " + " | ".join(groups) + " | ms, CPU | GMAC |",
        "|---|---|" + "---|" * (len(groups) + 2),
    ]
    for v in variants:
        record = evaluation["variants"][v["id"]]
        cells = [span(record["meanAuroc"]), *(span(record["subgroups"][g]) for g in groups)]
        lines.append(f"| {v['id']} | {' | '.join(cells)} | {_film_ms(v['cost'])} | {v['cost']['gmacs']:.2f} |")
    base = evaluation["baseline"]
    cells = [span(base["meanAuroc"]), *(span(base["subgroups"][g]) for g in groups)]
    lines += [
        f"| no pixels: view and collection only | {' | '.join(cells)} | | |",
        "",
        "A subgroup's mean is over the findings with at least five films with and without. Time: "
        f"{'decoding, resizing and inference, ' if 'cpu' in variants[0]['cost'].get('decodeMs', {}) else ''}"
        f"{variants[0]['cost']['measuredOn']['cpu']}.",
        "",
        "## AUROC by finding",
        "",
        "| finding | films with | no pixels | "
        + " | ".join(v["id"] for v in variants)
        + " | rule of the family's policy |",
        "|---|---|---|" + "---|" * (len(variants) + 1),
    ]
    for finding in catalog["findings"]:
        rule = policy["rules"][finding]
        spans = [span(v["heads"][finding]["auroc"]) for v in variants]
        without = base["meanAuroc"]["byFinding"].get(finding)
        cells = [
            str(variants[0]["heads"][finding]["auroc"]["positives"]),
            "" if without is None else f"{without:.3f}",
            *spans,
            f"{evidence_kind(rule)}: {rule_text(rule)}",
        ]
        lines.append(f"| {finding} | {' | '.join(cells)} |")
    quality = catalog["quality"]
    int8 = "int8 " if any(v["precision"] == "int8" for v in variants) else ""
    lines += [
        "",
        *_not_served(catalog),
        *_below(catalog, evaluation),
        "",
        text.sizes,
        "",
        *curve_section(catalog),
        *reservations(evaluation),
        "",
        *sections(evaluation),
        "",
        "## Input gate",
        "",
        f"Of the largest {int8}variant; the others are in `evaluation.json`.",
        "",
        "| frontal films that are refused | share | films |",
        "|---|---|---|",
        *_rates(quality["falseRefusals"]),
        "",
        "| films of other sources that are accepted | share | films |",
        "|---|---|---|",
        *_rates(quality["passUnderShift"]),
        "",
        "| other images that are refused | share | films |",
        "|---|---|---|",
        *_rates(quality["catches"]),
        "",
        "The gate was not fitted on the photographs, pictures and kinds of drawing of the last table. Turned and "
        "inverted films are measured by patient fold. The rule for the distance limit (midway between own films and "
        "synthetic images) was chosen after a tighter limit had refused films of other sources; the gate was not "
        "fitted on such films. "
        f"Not measured: {', '.join(quality['notMeasured'])}.",
        "",
        "## Limits",
        "",
        *text.limits,
    ]
    return "\n".join(lines) + "\n"
