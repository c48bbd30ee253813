"""Sections of the card: corrected differences, operating points, shortcuts, subgroups and figures."""

from __future__ import annotations

from functools import partial
from typing import Any

from alara_train.report.figures.draw import FIGURES
from alara_train.report.span import span

CAPTIONS = {
    "auroc-by-resolution": "AUROC against input size",
    "cost-accuracy": "What accuracy costs, and where the policy stands",
    "roc": "ROC and operating points",
    "precision-recall": "Precision and recall of the rarest findings",
    "reliability": "Reliability before and after calibration",
    "int8-agreement": "int8 against fp32",
    "subgroups": "Subgroups",
}


_span = partial(span, none="none called")


def sections(evaluation: dict[str, Any]) -> list[str]:
    """Write Markdown from the evaluation alone; tables of one variant show the largest int8 variant."""
    shown = max(
        evaluation["variants"],
        key=lambda id_: (evaluation["variants"][id_]["precision"] == "int8", _size(evaluation, id_)),
    )
    variant = evaluation["variants"][shown]
    return [
        *_differences(evaluation),
        "",
        *_calls(evaluation),
        "",
        *_operating_points(shown, variant),
        "",
        *_shortcuts(shown, variant),
        "",
        *_subgroups(shown, variant, evaluation["baseline"]),
        "",
        "## Figures",
        "",
        *(f"- [{CAPTIONS[name]}](figures/{name}.svg)" for name in FIGURES),
    ]


def _size(evaluation: dict[str, Any], id_: str) -> int:
    return int(evaluation["variants"][id_]["resolution"])


def _differences(evaluation: dict[str, Any]) -> list[str]:
    lines = ["## Differences between sizes, corrected for their number", ""]
    for family, how in evaluation["simultaneous"].items():
        rows = [c for c in evaluation["comparisons"] if c.get("family") == family]
        plain = sum(c["ci95"][0] > 0 or c["ci95"][1] < 0 for c in rows)
        off = [c for c in rows if c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0]
        named = "; ".join(
            f"{c['finding']}, {c['variant']} minus {c['reference']}: {c['difference']:+.3f} "
            f"[{c['simultaneous95'][0]:+.4f}, {c['simultaneous95'][1]:+.4f}]"
            for c in off
        )
        lines.append(
            f"- {family}: of {how['comparisons']} differences {plain} exclude zero by themselves and {len(off)} when "
            f"all intervals hold at once (critical value {how['critical']['0.95']:.2f})"
            + (f": {named}." if named else ".")
        )
        inside = [c["withinStrata"] for c in rows if "withinStrata" in c]
        if inside:
            plain = sum(c["ci95"][0] > 0 or c["ci95"][1] < 0 for c in inside)
            wide = sum(c["simultaneous95"][0] > 0 or c["simultaneous95"][1] < 0 for c in inside)
            lines.append(
                f"- {family}, within strata, which the policies follow: of {len(inside)} differences {plain} exclude "
                f"zero by themselves and {wide} when all intervals hold at once."
            )
    means = [c for c in evaluation["meanComparisons"] if c["ci95"][0] > 0 or c["ci95"][1] < 0]
    if means:
        lines.append(
            "- Mean AUROC of the findings, not corrected: "
            + "; ".join(
                f"{c['variant']} minus {c['reference']} {c['difference']:+.3f} "
                f"[{c['ci95'][0]:+.3f}, {c['ci95'][1]:+.3f}]"
                for c in means
            )
            + "."
        )
    return lines


def _calls(evaluation: dict[str, Any]) -> list[str]:
    variants = evaluation["variants"]
    films = next(iter(variants.values()))["calls"]["specific"]["presentPerFilmWithoutFindings"]["films"]
    specific = [variant["calls"]["specific"] for variant in variants.values()]
    false = [calls["presentPerFilmWithoutFindings"]["value"] for calls in specific]
    lines = [
        "## Calls per film",
        "",
        "Each film is called by thresholds that were chosen on other films. By their labels, "
        f"{films} films have none of the findings.",
        "",
        "| variant | operating point | present per film without findings | such films with none present | "
        "indeterminate calls | true present per film |",
        "|---|---|---|---|---|---|",
    ]
    for name, variant in variants.items():
        for point, calls in variant["calls"].items():
            cells = [
                _span(calls["presentPerFilmWithoutFindings"], 2, none="no such films"),
                _span(calls["noneCalledWithoutFindings"], 2, none="no such films"),
                _span(calls["indeterminate"]),
                _span(calls["truePresentPerFilm"], 2),
            ]
            lines.append(f"| {name} | {point} | {' | '.join(cells)} |")
    present = f"at most {max(false):.2f} present per film without findings, and " if films else ""
    return [
        *lines,
        "",
        f"By their labels, the films have {specific[0]['findingsPerFilm']['value']:.2f} findings each. At `specific`, "
        f"the variants give {present}at most {100 * max(calls['indeterminate']['value'] for calls in specific):.1f} % "
        "indeterminate calls.",
    ]


def _operating_points(shown: str, variant: dict[str, Any]) -> list[str]:
    columns = [
        ("specific", ("sensitivity", "specificity", "ppv", "npv", "indeterminate")),
        ("balanced", ("sensitivity", "specificity")),
        ("sensitive", ("sensitivity", "specificity")),
    ]
    words = {"ppv": "PPV", "npv": "NPV"}
    heads = ["prevalence", *(f"{point}: {words.get(name, name)}" for point, names in columns for name in names)]
    lines = [
        f"## Operating points of {shown}",
        "",
        "Each film is called by a threshold that was chosen on other films. PPV and NPV are at the prevalence of the "
        "films of the calibration. A film is indeterminate if its probability lies in the interval of the threshold. "
        "Sensitivity and specificity count indeterminate films by the threshold, so the share that is called present "
        "is lower. At `specific`, a call of absent is hardly evidence of absence: compare NPV with one minus the "
        "prevalence.",
        "",
        f"| finding | {' | '.join(heads)} |",
        "|---|" + "---|" * len(heads),
    ]
    for finding, head in variant["findings"].items():
        films = head["positives"] + head["negatives"]
        cells = [f"{head['positives'] / films:.3f}"]
        cells += [_span(head["operatingPoints"][point][name], 2) for point, names in columns for name in names]
        lines.append(f"| {finding} | {' | '.join(cells)} |")
    return lines


def _shortcuts(shown: str, variant: dict[str, Any]) -> list[str]:
    lines = [
        f"## {shown} within strata, and against baselines without pixels",
        "",
        "Within strata: AUROC over the pairs of films of one view and collection. Above: AUROC minus the AUROC of log "
        "odds that were learnt from other films, on the same films and resamples. Where "
        "the interval is not above zero, the pooled AUROC may come from the source of a film alone.",
        "",
        "| finding | AUROC of all films | within strata | above view alone | above view and collection |",
        "|---|---|---|---|---|",
    ]
    for finding, head in variant["findings"].items():
        above = {name: {"value": r["difference"], "ci95": r["ci95"]} for name, r in head["aboveBaseline"].items()}
        inside = _span(head["withinStrata"]) if "withinStrata" in head else "one class per stratum"
        cells = [_span(head["auroc"]), inside, _span(above["view"]), _span(above["viewAndCollection"])]
        lines.append(f"| {finding} | {' | '.join(cells)} |")
    return lines


def _subgroups(shown: str, variant: dict[str, Any], baseline: dict[str, Any]) -> list[str]:
    lines = [
        f"## Subgroups, {shown}",
        "",
        "| group | films | findings | mean AUROC | view and collection alone |",
        "|---|---|---|---|---|",
    ]
    for name, found in variant["subgroups"].items():
        if "value" in found:
            floor = baseline["subgroups"][name]
            lines.append(f"| {name} | {found['films']} | {len(found['findings'])} | {_span(found)} | {_span(floor)} |")
        else:
            lines.append(f"| {name} | {found['films']} | 0 | too few | |")
    return lines
