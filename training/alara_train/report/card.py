"""The model card, from the catalog, the policy and the evaluation; never edited by hand."""

from __future__ import annotations

from typing import Any

from alara_train.recipes.finetuned.describe import told
from alara_train.report.card_sections import sections
from alara_train.report.policy import evidence, words


def _span(record: dict[str, Any]) -> str:
    return f"{record['value']:.3f} [{record['ci95'][0]:.3f}, {record['ci95'][1]:.3f}]"


def _rates(rates: list[dict[str, Any]]) -> list[str]:
    return [
        f"| {r['what']} | {100 * r['value']:.1f} % [{100 * low:.1f}, {100 * high:.1f}] | {r['films']} |"
        for r in rates
        for low, high in [r["ci95"]]
    ]


def _below(catalog: dict[str, Any], evaluation: dict[str, Any]) -> list[str]:
    """Name the findings for which knowing the view and the collection beats reading the film."""
    largest = max(catalog["variants"], key=lambda v: (v["resolution"], v["precision"] == "fp32"))
    base = evaluation["baseline"]["meanAuroc"]["byFinding"]
    worse = [f for f in catalog["findings"] if largest["heads"][f]["auroc"]["value"] < base.get(f, 0)]
    if not worse:
        return []
    return [
        f"At {largest['resolution']} px, {', '.join(worse)} read no better than view and collection alone predict: for "
        "them most of what can be known in this sample lies in where a film came from, which serving does not see."
    ]


def _not_served(catalog: dict[str, Any]) -> list[str]:
    """Name the findings of the labels that the family leaves out, with the reason."""
    entries = catalog.get("notServed", [])
    if not entries:
        return []
    return ["Findings of the labels that are not served:", "", *(f"- {entry['reason']}" for entry in entries), ""]


def _sizes() -> list[str]:
    """Say what a difference between sizes does not show."""
    return [
        "Differences between sizes compare this family's graphs with each other. They do not show what the films lose "
        "by being small: the network's grid grows with its input, and the films are 576 px JPEGs."
    ]


def card(catalog: dict[str, Any], policy: dict[str, Any], evaluation: dict[str, Any]) -> str:
    """Write the card as Markdown."""
    origin = catalog["provenance"]
    variants = catalog["variants"]
    groups = [
        name for name in evaluation["baseline"]["subgroups"] if "value" in evaluation["baseline"]["subgroups"][name]
    ]
    lines = [
        f"# {catalog['family']}",
        "",
        f"Generated on {evaluation['date']} by `alara-train family`. Do not edit.",
        "",
        "**Intended use:** research on chest radiographs, and trials of resolution routing. Frontal (PA or AP) films.",
        "",
        "**Not intended:** diagnosis, triage or any decision about a patient; lateral films; films of children (the "
        "training films are mostly of adults); CT, MR, ultrasound.",
        "",
        "## Data",
        "",
        f"{origin['dataset']}: {origin['films']} films of {origin['patients']} patients, 576 px JPEG made from the "
        f"1024 px originals. {origin['licence']}. {origin['acknowledgement']} [Download site]({origin['link']}). "
        f"{origin['citation']} Labels were mined from reports by text and are noisy.",
        "",
        "The sample is selected: it comes from several collections with different prevalence, and pooled AUROC "
        "is inflated by that. Read the columns by collection and the baseline, which sees no pixel.",
        "",
        "## Recipe",
        "",
        f"{evaluation['recipe']['backbone']} with ImageNet weights, frozen, one gray channel. Maps of the stages "
        f"{', '.join(evaluation['recipe']['stages'])} and their squares, averaged on a "
        f"{evaluation['recipe']['grid']} x {evaluation['recipe']['grid']} grid; ridge regression on the films "
        "and their mirror images. Every map counts as much as any other, and a channel's mean over the whole film "
        "counts beside its cells, so that its weights are alike over the film where labels do not say otherwise. The "
        "strength is the one that ranks films of the same view and collection best, by inner patient folds. The "
        f"{evaluation['originalsAgainstSmall']['films']} films whose originals were at hand add rows that hold scores "
        "still between the original and its JPEG. int8 variants: quantised trunk (the stem, "
        "the first two blocks and the head stay float), head fitted on the quantised trunk's own features.",
        "",
        f"Protocol `{evaluation['protocol']}`: five patient folds, {evaluation['pooling']}; the served weights "
        f"were refitted on all films. Intervals: {evaluation['bootstraps']} resamples of patients. Backbone, stages, "
        "grid, the balance of maps and means, the range of ridge strengths and the weight of the still rows were "
        "picked by looking at the same five folds (about twenty settings of features, .689 to .750 in the mean at "
        "512 px, and about ninety of the regression, .711 to .752), so the figures are "
        "slightly optimistic. Ranges of int8 activations come from 128 of the same films, without labels.",
        "",
        f"## Mean AUROC of the {len(catalog['findings'])} findings",
        "",
        "| variant | all films | " + " | ".join(groups) + " | ms, CPU | GMAC |",
        "|---|---|" + "---|" * (len(groups) + 2),
    ]
    for v in variants:
        record = evaluation["variants"][v["id"]]
        cells = [_span(record["meanAuroc"]), *(_span(record["subgroups"][g]) for g in groups)]
        lines.append(f"| {v['id']} | {' | '.join(cells)} | {v['cost']['ms']['cpu']} | {v['cost']['gmacs']:.2f} |")
    base = evaluation["baseline"]
    cells = [_span(base["meanAuroc"]), *(_span(base["subgroups"][g]) for g in groups)]
    lines += [
        f"| no pixels: view and collection only | {' | '.join(cells)} | | |",
        "",
        "A subgroup's mean is over the findings with at least five films with and without. Time: "
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
        spans = [_span(v["heads"][finding]["auroc"]) for v in variants]
        without = base["meanAuroc"]["byFinding"].get(finding)
        lines.append(
            f"| {finding} | {variants[0]['heads'][finding]['auroc']['positives']} | "
            f"{'' if without is None else f'{without:.3f}'} | {' | '.join(spans)} | {evidence(rule)}: {words(rule)} |"
        )
    quality = catalog["quality"]
    lines += [
        "",
        *_not_served(catalog),
        *_below(catalog, evaluation),
        "",
        *_sizes(),
        "",
        *sections(evaluation),
        "",
        "## Input gate",
        "",
        "Of the largest int8 variant; the others are in `evaluation.json`.",
        "",
        "| wrongly refused | share | films |",
        "|---|---|---|",
        *_rates(quality["falseRefusals"]),
        "",
        "| let in from elsewhere | share | films |",
        "|---|---|---|",
        *_rates(quality["passUnderShift"]),
        "",
        "| refused, as it should be | share | films |",
        "|---|---|---|",
        *_rates(quality["catches"]),
        "",
        "Photographs, pictures and kinds of drawing in the last table were not fitted on. Turned and inverted films "
        "are measured by patient fold. The rule for the distance limit (midway between own films and made images) "
        "was chosen after a tighter one had refused films from elsewhere; no film from elsewhere was fitted on. "
        f"Not measured: {', '.join(quality['notMeasured'])}.",
        "",
        "## Limits",
        "",
        "- Trained on few, selected films of one hospital: expect lower figures anywhere else.",
        "- Calibration and thresholds come from out-of-fold scores of the same sample and assume its prevalence.",
        "- The graph's class-activation map adds up to the logit exactly, less its bias; it shows where the evidence "
        "lay, not where the disease is.",
    ]
    native = evaluation["originalsAgainstSmall"]
    if native["films"]:
        worst = max(native["variants"].values(), key=lambda v: float(v["maxAbsolute"]))
        mean = max(float(v["meanAbsolute"]) for v in native["variants"].values())
        lines.append(
            f"- Training films are 576 px JPEGs. On {native['films']} originals of 1024 px, probability changes, out "
            f"of fold, by at most {mean:.3f} in the mean of a variant and {worst['maxAbsolute']:.3f} for one film and "
            "finding."
        )
    return told(evaluation, "\n".join(lines) + "\n")
