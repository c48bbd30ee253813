"""Sections of the card: corrected differences, operating points, shortcuts, subgroups and figures."""

from __future__ import annotations

from typing import Any

from alara_train.report.figures.draw import FIGURES

CAPTIONS = {
    "auroc-by-resolution": "AUROC against input size",
    "cost-accuracy": "What accuracy costs, and where the policy stands",
    "roc": "ROC and operating points",
    "precision-recall": "Precision and recall of the rarest findings",
    "reliability": "Reliability before and after calibration",
    "int8-agreement": "int8 against fp32",
    "subgroups": "Subgroups",
}


def _span(record: dict[str, Any], digits: int = 3) -> str:
    if record["value"] is None:
        return "none called"
    low, high = record["ci95"]
    return f"{record['value']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def sections(evaluation: dict[str, Any]) -> list[str]:
    """Write Markdown from `alara.evaluation/2` alone; tables of one variant show the largest int8 variant."""
    shown = max(
        evaluation["variants"],
        key=lambda id_: (evaluation["variants"][id_]["precision"] == "int8", _size(evaluation, id_)),
    )
    variant = evaluation["variants"][shown]
    return [
        *_differences(evaluation),
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


def _operating_points(shown: str, variant: dict[str, Any]) -> list[str]:
    lines = [
        f"## Operating points of {shown}",
        "",
        "Each film is called by a threshold that was chosen on other films. PPV and NPV assume this prevalence.",
        "",
        "| finding | Youden: sensitivity | specificity | PPV | NPV | specificity at sensitivity 0.95 | "
        "sensitivity at specificity 0.95 |",
        "|---|---|---|---|---|---|---|",
    ]
    for finding, head in variant["findings"].items():
        points = head["operatingPoints"]
        cells = [_span(points["youden"][name], 2) for name in ("sensitivity", "specificity", "ppv", "npv")]
        cells += [
            _span(points["sensitivity95"]["specificity"], 2),
            _span(points["specificity95"]["sensitivity"], 2),
        ]
        lines.append(f"| {finding} | {' | '.join(cells)} |")
    return lines


def _shortcuts(shown: str, variant: dict[str, Any]) -> list[str]:
    lines = [
        f"## {shown} against baselines without pixels",
        "",
        "AUROC minus the AUROC of log odds that were learnt from other films, on the same films and resamples. Where "
        "the interval is not above zero, the network may only recognise the source of a film.",
        "",
        "| finding | above view alone | above view and collection |",
        "|---|---|---|",
    ]
    for finding, head in variant["findings"].items():
        above = {name: {"value": r["difference"], "ci95": r["ci95"]} for name, r in head["aboveBaseline"].items()}
        lines.append(f"| {finding} | {_span(above['view'])} | {_span(above['viewAndCollection'])} |")
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
