"""Recompute the published numbers of a family from its published files, with numpy and scikit-learn alone.

    python test/training/check/recompute.py models/chest14

This script shares no code with alara_train. It reads scores.json, evaluation.json, catalog.json, policy.json and
policies/cheapest.json, and reports every number that does not follow from the scores.

Exact numbers (AUROC, differences, rates) must agree within their rounding, and calibration errors within five films.
Numbers that depend on resamples cannot: this script draws its own resamples of patients. Their tolerances are five
standard errors of the difference between two Monte-Carlo estimates, so that one of a thousand numbers hardly ever
exceeds them:

- An end of a 95 % interval: a quantile of B draws has the standard error sqrt(.025 * .975 / B) / .0584 = 2.67 / sqrt(B)
  standard deviations of the estimate.
- A standard error: its relative standard error is 1 / sqrt(2 B) for normal draws. Draws of few films have heavier
  tails, so this tolerance is doubled.
- A critical value of max-t: 15 %, from repetitions with other seeds (they vary by about 3 %).
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve

DRAWS = 1000
PUBLISHED = {"Nodule": 448, "Emphysema": 512}
PLATEAU = 320
RULES = {
    "sensitive": lambda sensitivity, specificity: np.flatnonzero(sensitivity >= 0.90 - 1e-9)[0],
    "balanced": lambda sensitivity, specificity: np.flatnonzero(
        np.round(sensitivity + specificity, 6) == np.round(sensitivity + specificity, 6).max()
    )[-1],
    "specific": lambda sensitivity, specificity: np.flatnonzero(specificity >= 0.95 - 1e-9)[-1],
}
"""Index into a ROC curve with falling thresholds."""


@dataclass
class Report:
    """What was compared, what disagrees, and what the files do not allow to check."""

    compared: dict[str, int] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)
    """Largest deviation, as a share of its tolerance."""
    disagreements: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def number(self, kind: str, where: str, published: float, own: float, tolerance: float) -> None:
        """Compare one number."""
        self.compared[kind] = self.compared.get(kind, 0) + 1
        share = abs(published - own) / tolerance
        self.largest[kind] = max(self.largest.get(kind, 0.0), share)
        if not share <= 1:
            self.disagreements.append(f"{kind}, {where}: published {published:.6g}, recomputed {own:.6g}")

    def equal(self, kind: str, where: str, published: object, own: object) -> None:
        """Compare one value that is not a number."""
        self.compared[kind] = self.compared.get(kind, 0) + 1
        if published != own:
            self.disagreements.append(f"{kind}, {where}: published {published}, recomputed {own}")


class Scores:
    """scores.json: labels [N] by finding, scores [N] by variant and finding, and the columns of the films."""

    def __init__(self, document: dict) -> None:
        self.labels = {
            finding: np.array([{"1": 1, "0": 0, "-": -1}[letter] for letter in text])
            for finding, text in document["labels"].items()
        }
        self.patients = np.array(document["patients"])
        self.has_logits = "logits" in document
        stored, kind = ("logits", "<f4") if self.has_logits else ("ranks", f"<u{document['width'] // 8}")
        self.scores = {
            variant: {
                finding: np.frombuffer(base64.b64decode(text), kind).astype(float) for finding, text in row.items()
            }
            for variant, row in document[stored].items()
        }
        self.folds = np.array(document["folds"]) if "folds" in document else None
        self.strata = np.array(document["strata"]["films"]) if "strata" in document else None
        self.protocol = document["protocol"]


def drawn_pairs(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that the film with the finding wins, and all pairs, in every draw; weights are [draws, films]."""
    values, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    with_it = np.add.reduceat(weights[:, order] * (labels[order] == 1), starts, axis=1)
    without = np.add.reduceat(weights[:, order] * (labels[order] == 0), starts, axis=1)
    below = np.cumsum(without, axis=1) - without / 2
    return (with_it * below).sum(axis=1), with_it.sum(axis=1) * without.sum(axis=1)


@dataclass
class Area:
    """An AUROC and its draws."""

    value: float
    draws: np.ndarray


def pooled_area(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Area:
    """The AUROC over all pairs of films."""
    known = labels >= 0
    wins, pairs = drawn_pairs(scores[known], labels[known], weights[:, known])
    return Area(float(roc_auc_score(labels[known], scores[known])), wins / np.where(pairs > 0, pairs, np.nan))


def strata_area(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, strata: np.ndarray) -> Area | None:
    """The AUROC over pairs of films of one stratum; a stratum counts by its pairs."""
    values, counts = [], []
    wins, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for stratum in np.unique(strata):
        rows = np.flatnonzero((strata == stratum) & (labels >= 0))
        present = int(labels[rows].sum())
        if 0 < present < len(rows):
            values.append(roc_auc_score(labels[rows], scores[rows]))
            counts.append(present * (len(rows) - present))
            some = drawn_pairs(scores[rows], labels[rows], weights[:, rows])
            wins, pairs = wins + some[0], pairs + some[1]
    if not counts:
        return None
    return Area(float(np.average(values, weights=counts)), wins / np.where(pairs > 0, pairs, np.nan))


def logistic(columns: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, float]:
    """Maximum likelihood of soft targets: each film counts once per class, weighted by its target."""
    twice = np.concatenate([columns, columns])
    classes = np.repeat([1, 0], len(columns))
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    model.fit(twice, classes, sample_weight=np.concatenate([targets, 1 - targets]))
    return model.coef_[0], float(model.intercept_[0])


class Calibration:
    """Platt, beta or isotonic, fitted with scikit-learn on Platt's smoothed targets."""

    def __init__(self, method: str, logits: np.ndarray, labels: np.ndarray) -> None:
        present, absent = int(labels.sum()), int((1 - labels).sum())
        targets = np.where(labels == 1, (present + 1) / (present + 2), 1 / (absent + 2))
        self.method, self.centre, self.scale = method, logits.mean(), logits.std()
        if method == "isotonic":
            fitted = IsotonicRegression().fit(logits, targets).predict(logits)
            levels = np.unique(fitted)
            self.line = [logits[fitted == level].mean() for level in levels], levels
            return
        self.columns = [0] if method == "platt" else [0, 1]
        self.slopes, self.intercept = logistic(self._inputs(logits)[:, self.columns], targets)
        if (self.slopes < 0).any():
            self.columns = [int(np.argmax(self.slopes))]
            self.slopes, self.intercept = logistic(self._inputs(logits)[:, self.columns], targets)

    def _inputs(self, logits: np.ndarray) -> np.ndarray:
        z = (logits - self.centre) / self.scale
        return z[:, None] if self.method == "platt" else np.stack([-np.logaddexp(0, -z), np.logaddexp(0, z)], axis=1)

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        if self.method == "isotonic":
            return np.interp(logits, *self.line)
        return 1 / (1 + np.exp(-(self._inputs(logits)[:, self.columns] @ self.slopes + self.intercept)))


def published_calibration(record: dict, logits: np.ndarray) -> np.ndarray:
    """The probabilities of the calibration in the catalog."""
    match record["method"]:
        case "platt":
            odds = record["slope"] * logits + record["intercept"]
        case "beta":
            u = (logits - record["centre"]) / record["scale"]
            odds = -record["a"] * np.logaddexp(0, -u) + record["b"] * np.logaddexp(0, u) + record["c"]
        case _:
            return np.interp(logits, record["x"], record["y"])
    return 1 / (1 + np.exp(-odds))


def calibration_error(probability: np.ndarray, labels: np.ndarray) -> float:
    """The mean gap over ten bins of equal count, weighted by films."""
    bins = np.array_split(np.argsort(probability, kind="stable"), 10)
    return float(sum(abs(probability[rows].sum() - labels[rows].sum()) for rows in bins) / len(labels))


def threshold(rule: str, probability: np.ndarray, labels: np.ndarray) -> float:
    """The threshold of an operating point: midway between a film with the finding and the next lower film."""
    alarms, hits, cuts = roc_curve(labels, probability, drop_intermediate=False)
    steps = np.flatnonzero(np.isin(cuts, probability[labels == 1]))
    chosen = RULES[rule](hits[steps], 1 - alarms[steps])
    cut = cuts[steps[chosen]]
    lower = probability[probability < cut]
    return float((cut + (lower.max() if len(lower) else 0.0)) / 2)


def check_heads(report: Report, scores: Scores, evaluation: dict, catalog: dict, areas: dict) -> None:
    """AUROC and intervals of every variant and finding, pooled and within strata."""
    heads = {variant["id"]: variant["heads"] for variant in catalog["variants"]}
    wide = 5 * 2.67 * np.hypot(1 / np.sqrt(DRAWS), 1 / np.sqrt(evaluation["bootstraps"]))
    for (variant, finding, kind), area in areas.items():
        published = evaluation["variants"][variant]["findings"][finding][kind]
        where, spread = f"{variant} {finding}", np.nanstd(area.draws)
        report.number(f"{kind}", where, published["value"], area.value, 1e-4)
        if kind == "auroc" or kind in heads[variant][finding]:
            report.number(f"{kind} in the catalog", where, heads[variant][finding][kind]["value"], area.value, 2e-6)
        for end, quantile in zip(published["ci95"], np.nanquantile(area.draws, [0.025, 0.975]), strict=True):
            report.number(f"interval of {kind}", where, end, float(quantile), wide * spread + 1e-4)


def differences(evaluation: dict, areas: dict, kind: str) -> Iterator[tuple[dict, dict, Area]]:
    """Each published comparison, its numbers of a kind, and the recomputed difference."""
    for published in evaluation["comparisons"]:
        one = areas.get((published["variant"], published["finding"], kind))
        other = areas.get((published["reference"], published["finding"], kind))
        if one and other:
            numbers = published if kind == "auroc" else published["withinStrata"]
            yield published, numbers, Area(one.value - other.value, one.draws - other.draws)


def critical_values(evaluation: dict, areas: dict, kind: str) -> dict[str, float]:
    """Own critical value of each family of comparisons: the 95 % quantile of the largest studentised deviation."""
    members: dict[str, list[np.ndarray]] = {}
    for published, _, area in differences(evaluation, areas, kind):
        spread = np.nanstd(area.draws, ddof=1)
        if "family" in published and spread > 0:
            members.setdefault(published["family"], []).append(np.abs(area.draws - area.value) / spread)
    return {name: float(np.nanquantile(np.nanmax(rows, axis=0), 0.95)) for name, rows in members.items()}


def check_differences(report: Report, evaluation: dict, areas: dict, kind: str) -> None:
    """Paired differences with their standard errors, and the corrections of their families."""
    loose = 10 * np.hypot(1 / np.sqrt(2 * DRAWS), 1 / np.sqrt(2 * evaluation["bootstraps"]))
    for published, numbers, area in differences(evaluation, areas, kind):
        where = f"{published['finding']}, {published['variant']} minus {published['reference']}"
        report.number(f"difference of {kind}", where, numbers["difference"], area.value, 4e-6)
        if "error" in numbers:
            own = float(np.nanstd(area.draws, ddof=1))
            report.number(f"standard error of a difference of {kind}", where, numbers["error"], own, loose * own + 1e-6)
    for name, own in critical_values(evaluation, areas, kind).items():
        how = evaluation["simultaneous"][name]
        how = how if kind == "auroc" else how["withinStrata"]
        report.number(f"critical value of {kind}", name, how["critical"]["0.95"], own, 0.15 * own)


def check_choices(report: Report, scores: Scores, evaluation: dict, catalog: dict) -> None:
    """Calibration and operating points: out of fold, and as the catalog serves them."""
    assert scores.folds is not None
    for variant in catalog["variants"]:
        for finding, head in variant["heads"].items():
            where = f"{variant['id']} {finding}"
            published = evaluation["variants"][variant["id"]]["findings"][finding]
            rows = np.flatnonzero(scores.labels[finding] >= 0)
            z, y = scores.scores[variant["id"]][finding][rows], scores.labels[finding][rows]
            folds, method = scores.folds[rows], head["calibration"]["method"]
            served = Calibration(method, z, y)(z)
            gap = float(np.abs(served - published_calibration(head["calibration"], z)).max())
            report.number("calibration as served", where, 0.0, gap, 2e-3)
            points = [name for name in RULES if name in published["operatingPoints"]]
            reached = {name: np.zeros(len(z), dtype=bool) for name in points}
            probability = np.zeros(len(z))
            for fold in np.unique(folds):
                own, other = folds == fold, folds != fold
                calibrate = Calibration(method, z[other], y[other])
                probability[own] = calibrate(z[own])
                for name in points:
                    reached[name][own] = probability[own] >= threshold(name, calibrate(z[other]), y[other])
            # Another optimiser moves a few films over the edges of the bins, each by 2 / N at most. Allow five films.
            report.number(
                "calibration error", where, published["ece"]["after"], calibration_error(probability, y), 10 / len(y)
            )
            for name in points:
                rates, at = published["operatingPoints"][name], f"{where} {name}"
                report.number("threshold", at, rates["threshold"], threshold(name, served, y), 2e-3)
                # A film that lies within the tolerance of the calibration at a threshold may change sides.
                hit, spared = float(reached[name][y == 1].mean()), float((~reached[name])[y == 0].mean())
                report.number("sensitivity", at, rates["sensitivity"]["value"], hit, 1 / int((y == 1).sum()) + 1e-4)
                report.number("specificity", at, rates["specificity"]["value"], spared, 2 / int((y == 0).sum()) + 1e-4)


def check_policies(report: Report, evaluation: dict, catalog: dict, areas: dict, own: dict, cheapest: dict) -> None:
    """The rules of both policies, from own differences and own critical values within strata."""
    critical = critical_values(evaluation, areas, "withinStrata")
    resolution = {variant["id"]: variant["resolution"] for variant in catalog["variants"]}
    by_precision: dict[str, list[str]] = {}
    for variant in catalog["variants"]:
        by_precision.setdefault(variant["precision"], []).append(variant["id"])
    kinds = set()
    for finding in catalog["findings"]:
        ratios: dict[tuple[str, str], float] = {}
        for precision, ids in by_precision.items():
            for one, other in combinations(sorted(ids, key=resolution.__getitem__), 2):
                a, b = (areas[id_, finding, "withinStrata"] for id_ in (one, other))
                error = critical[f"resolutions of {precision}"] * np.nanstd(a.draws - b.draws, ddof=1)
                ratios[one, other] = (a.value - b.value) / error
        if any(0.85 < abs(ratio) < 1.15 for ratio in ratios.values()):
            report.skipped.append(f"{finding}: a difference is too near its critical value to judge the policy")
            kinds.add(own["rules"][finding].get("evidence", "measured"))
            continue
        pairs: dict[tuple[int, int], list[float]] = {}
        for (one, other), ratio in ratios.items():
            pairs.setdefault((resolution[one], resolution[other]), []).append(ratio)
        shown = any(min(values) > 1 or max(values) < -1 for values in pairs.values())
        simulated = catalog.get("simulated", {}).get(finding)
        if shown:
            kind, rule = "measured", {"nonInferiorTo": "best", "margin": evaluation["margin"]}
        elif simulated:
            kind, rule = "simulated", {"minResolution": simulated["minResolution"]}
        else:
            kind, rule = "published", {"minResolution": PUBLISHED.get(finding, PLATEAU)}
        kinds.add(kind)
        published = {key: own["rules"][finding].get(key) for key in rule}
        report.equal("rule of the family's policy", finding, published, rule)
        worse = set()
        for ids in by_precision.values():
            best = max(ids, key=lambda id_: areas[id_, finding, "withinStrata"].value)
            for (one, other), ratio in ratios.items():
                if best in (one, other) and abs(ratio) > 1:
                    worse.add(resolution[one if best == other else other])
        floor = min(set(resolution.values()) - worse)
        report.equal("floor of cheapest", finding, cheapest["rules"][finding]["minResolution"], floor)
    order = [kind for kind in ("measured", "simulated", "published") if kind in kinds]
    report.equal("name of the policy", "policy.json", own["name"], "-".join([catalog["family"], *order]))


def recompute(folder: Path, seed: int = 7) -> Report:
    """Recompute everything that the files of a family allow."""
    names = ("scores", "evaluation", "catalog", "policy", "policies/cheapest")
    scored, evaluation, catalog, own, cheapest = (json.loads((folder / f"{name}.json").read_text()) for name in names)
    report, scores = Report(), Scores(scored)
    _, owner = np.unique(scores.patients, return_inverse=True)
    count = int(owner.max()) + 1
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS)[:, owner].astype(float)
    areas = {}
    for variant, row in scores.scores.items():
        for finding, values in row.items():
            labels = scores.labels[finding]
            areas[variant, finding, "auroc"] = pooled_area(values, labels, weights)
            if scores.strata is not None and (inside := strata_area(values, labels, weights, scores.strata)):
                areas[variant, finding, "withinStrata"] = inside
    check_heads(report, scores, evaluation, catalog, areas)
    check_differences(report, evaluation, areas, "auroc")
    if scores.strata is None:
        report.skipped.append("differences within strata and the policies: scores.json has no strata")
    else:
        check_differences(report, evaluation, areas, "withinStrata")
        check_policies(report, evaluation, catalog, areas, own, cheapest)
    if scores.has_logits and scores.folds is not None and scores.protocol == "crossValidated":
        check_choices(report, scores, evaluation, catalog)
    else:
        report.skipped.append("calibration and operating points: scores.json has no logits and folds, or one split")
    return report


def main(folder: Path) -> int:
    """Print what was compared, and every disagreement; returns the exit status."""
    report = recompute(folder)
    lines = [f"{'compared':<50} {'numbers':>8} {'largest deviation / tolerance':>30}"]
    for kind, count in report.compared.items():
        share = f"{report.largest[kind]:.2f}" if kind in report.largest else ""
        lines.append(f"{kind:<50} {count:>8} {share:>30}")
    lines += [f"not checked: {text}" for text in report.skipped]
    lines += [f"DISAGREES: {text}" for text in report.disagreements]
    lines.append(f"{len(report.disagreements)} disagreements")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if report.disagreements else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
