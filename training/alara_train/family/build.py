"""One family from one recipe, in three stages: export, evaluate, report. A finished stage is not repeated."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alara_train.atomic_file import write_atomic
from alara_train.digest import sha256
from alara_train.evaluate.measure import measure
from alara_train.evaluate.scored import VariantScores
from alara_train.evaluate.scores_file import film_digests, scores_document, write_scores
from alara_train.export.graph import gmacs, join, keep_findings, kept_findings
from alara_train.family.documents import catalog_document, evaluation_document
from alara_train.family.report import report_family
from alara_train.input_gate.gate import Limits
from alara_train.input_gate.measure import GateRates, Share, measure_gate
from alara_train.json_file import check_schema, write_json
from alara_train.recipes.recipe import Recipe, Spec, Variant
from alara_train.report.catalog import check_catalog
from alara_train.report.evaluation import dumps
from alara_train.report.figures.draw import FIGURES
from alara_train.report.policy import CHEAPEST, attainable_policy, cheapest_policy, derive_policy, write_policies
from alara_train.toml_file import BadConfig

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
MARK = "family.json"
DOCUMENTS = ("evaluation", "policy", "catalog")
"""In the order in which they are written: serving reads the catalog, which must not name a file that is missing."""
RATES = ("false_refusals", "pass_under_shift", "catches")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFolder:
    """Where a family goes, and which of its stages are done."""

    family: str
    """The name of the family."""
    out: Path
    cache: Path
    """Intermediate results that are reused by the next run of the command."""
    schemas: Path

    def check(self) -> None:
        """Make sure that the name is valid, and that `out` is free or was made with this cache.

        Raises:
            BadConfig: The name is invalid, or `out` holds another family.
        """
        if not NAME.fullmatch(self.family):
            raise BadConfig(f"{self.family!r} is no name of a family: small letters, digits and -, such as nih-dense")
        mark = self._mark()
        if (self.out / "catalog.json").is_file() and mark.get("out") != str(self.out.resolve()):
            raise BadConfig(f"{self.out} holds a family already, which {self.cache} did not make: name another --out")

    def has(self, stage: str, key: str | None) -> bool:
        """Whether a stage is done for this key."""
        mark = self._mark()
        return key is not None and mark.get(stage) == key and mark.get("out") == str(self.out.resolve())

    def note(self, stage: str, key: str | None) -> None:
        """Record that a stage is done for a key; an empty key records that it is not done, and None nothing."""
        if key is not None:
            mark = {**self._mark(), "out": str(self.out.resolve()), stage: key}
            write_atomic(self.cache / MARK, json.dumps(mark, indent=1) + "\n")

    def _mark(self) -> dict[str, str]:
        path = self.cache / MARK
        return json.loads(path.read_text()) if path.is_file() else {}


def build_family(recipe: Recipe, folder: FamilyFolder, log: Callable[[str], None]) -> None:
    """Export the variants of a recipe, measure the graphs, and describe them.

    Raises:
        BadConfig, BadData, BadDocument, BadScores, OneClass, Unfaithful, Unreachable: The message says what to correct.
    """
    specs = recipe.specs
    precisions = dict.fromkeys(spec.precision for spec in specs)
    key = recipe.key(specs, [folder.family, str(recipe.origin), *precisions])
    if folder.has("report", key) and is_complete(folder.out):
        log(f"{folder.out} is made already of these runs: nothing to do")
        return
    folder.out.mkdir(parents=True, exist_ok=True)
    folder.cache.mkdir(parents=True, exist_ok=True)
    folder.note("report", None if key is None else "")
    sides, films = len({spec.side_px for spec in specs}), len(recipe.scored_files)
    log(f"export: {sides} sides in {', '.join(precisions)}, scored on {films} films")
    variants, scores = build_variants(recipe, folder)
    if folder.has("evaluate", key) and all((folder.out / f"{name}.json").is_file() for name in DOCUMENTS):
        log("evaluate: done before")
    else:
        log(f"evaluate: {len(variants)} variants, {recipe.evaluation.bootstraps} resamples of patients")
        evaluation = evaluate_family(recipe, folder, variants, scores)
        folder.note("evaluate", key)
        for entry in evaluation.get("notServed", []):
            log(f"not served: {entry['reason']}")
        for line in mean_aurocs(evaluation):
            log(line)
    log("report: card.md and figures")
    report_family(folder.out)
    folder.note("report", key)
    log(f"written to {folder.out}")


def mean_aurocs(evaluation: dict[str, Any]) -> list[str]:
    """One line per variant."""
    means = {name: variant["meanAuroc"] for name, variant in evaluation["variants"].items()}
    return [
        f"{name}: mean AUROC {m['value']:.3f} [{m['ci95'][0]:.3f}, {m['ci95'][1]:.3f}]" for name, m in means.items()
    ]


def build_variants(recipe: Recipe, folder: FamilyFolder) -> tuple[list[Variant], list[VariantScores]]:
    """Export and score every variant, unless it is cached.

    Raises:
        BadData, Unfaithful: Before the variant is recorded as done.
    """
    variants, scores = [], []
    for spec in recipe.specs:
        key = recipe.key([spec], [spec.id])
        variant = None if key is None else _cached(spec, key, folder)
        if variant is None:
            variant = _build(spec, recipe, folder)
            recipe.scores(spec, variant.path).save(folder.cache / f"scores-{spec.id}.npz")
            if key is not None:
                _store(variant, key, folder)
        variants.append(variant)
        scores.append(VariantScores.load(folder.cache / f"scores-{spec.id}.npz"))
    return variants, scores


def _build(spec: Spec, recipe: Recipe, folder: FamilyFolder) -> Variant:
    rows = recipe.prepare(spec)
    trunk = recipe.trunk(spec, rows)
    gate, rates = measure_gate(trunk.pooled, rows, recipe.gate_films, recipe.gate_settings)
    head = recipe.head(spec, trunk, gate)
    path = folder.out / f"{spec.id}.onnx"
    write_atomic(path, join(trunk.graph, head, recipe.stages).SerializeToString())
    return Variant(
        spec=spec,
        path=path,
        gmacs=gmacs(join(trunk.exact, head, recipe.stages)),
        gate=rates,
        difference=recipe.check(spec, path, rows),
        float_convolutions=trunk.float_convolutions,
    )


def evaluate_family(
    recipe: Recipe, folder: FamilyFolder, variants: list[Variant], scores: list[VariantScores]
) -> dict[str, Any]:
    """Measure the variants, and write evaluation, policies, catalog and scores; returns the evaluation.

    `scores.json` identifies films by the digest of their files. It is not written if a file is missing.

    Raises:
        BadScores, OneClass, BadDocument: Before anything is written.
    """
    how, out = recipe.evaluation, folder.out
    measured = measure(scores, protocol=how.protocol, draws=how.bootstraps, seed=how.seed, leave_out=True)
    for variant in variants:
        _serve_only(variant, folder, measured.findings, scores[0].findings)
    catalog = catalog_document(folder.family, recipe, variants, measured, out)
    check_catalog(catalog)
    evaluation = evaluation_document(folder.family, recipe, variants, measured, catalog["provenance"]["date"])
    policy = attainable_policy(derive_policy(catalog, evaluation, margin=how.margin), catalog, how.margin)
    cheapest = cheapest_policy(catalog, evaluation, policy)
    for name, document in (("catalog", catalog), ("policy", policy), ("policy", cheapest)):
        if (schema := folder.schemas / f"{name}.schema.json").is_file():
            check_schema(document, schema)
    write_atomic(out / "evaluation.json", dumps(evaluation))
    write_policies(policy, cheapest, out)
    write_json(catalog, out / "catalog.json")
    files = recipe.scored_files
    if all(file.is_file() for file in files):
        served = [score.only(measured.findings) for score in scores]
        write_scores(scores_document(served, film_digests(files), folder.family, how.protocol), out / "scores.json")
    return evaluation


def is_complete(out: Path) -> bool:
    """Whether a family's folder holds all documents, the figures, and the graphs that its catalog names."""
    names = [*(f"{name}.json" for name in DOCUMENTS), CHEAPEST, "card.md", *(f"figures/{name}.svg" for name in FIGURES)]
    if not all((out / name).is_file() for name in names):
        return False
    catalog = json.loads((out / "catalog.json").read_text())
    return all((out / v["file"]).is_file() and sha256(out / v["file"]) == v["sha256"] for v in catalog["variants"])


def _serve_only(variant: Variant, folder: FamilyFolder, findings: tuple[str, ...], trained: tuple[str, ...]) -> None:
    """Restrict a graph to the findings that are served, unless it gives no other."""
    columns = [trained.index(finding) for finding in findings]
    if findings == trained or kept_findings(variant.path) == columns:
        return
    keep_findings(variant.path, columns)
    path = folder.cache / f"variant-{variant.id}.json"
    if path.is_file():
        record = {**json.loads(path.read_text()), "sha256": sha256(variant.path)}
        write_atomic(path, json.dumps(record, indent=1) + "\n")


def _store(variant: Variant, key: str, folder: FamilyFolder) -> None:
    """Record a variant with the key that identifies everything that it depends on."""
    gate = variant.gate
    record = {
        "key": key,
        "sha256": sha256(variant.path),
        "id": variant.id,
        "side_px": variant.spec.side_px,
        "precision": variant.spec.precision,
        "gmacs": variant.gmacs,
        "difference": variant.difference,
        "float_convolutions": variant.float_convolutions,
        "limits": [gate.limits.min_score, gate.limits.max_distance],
        **{name: [[share.what, share.hits, share.films] for share in getattr(gate, name)] for name in RATES},
    }
    write_atomic(folder.cache / f"variant-{variant.id}.json", json.dumps(record, indent=1) + "\n")


def _cached(spec: Spec, key: str, folder: FamilyFolder) -> Variant | None:
    """The variant that was built with this key, if its graph and scores are still there."""
    noted, path = folder.cache / f"variant-{spec.id}.json", folder.out / f"{spec.id}.onnx"
    if not all(p.is_file() for p in (noted, path, folder.cache / f"scores-{spec.id}.npz")):
        return None
    record = json.loads(noted.read_text())
    if record["key"] != key or record["sha256"] != sha256(path):
        return None
    return Variant(
        spec=spec,
        path=path,
        gmacs=record["gmacs"],
        gate=GateRates(
            limits=Limits(*record["limits"]),
            **{name: tuple(Share(*share) for share in record[name]) for name in RATES},
        ),
        difference=record["difference"],
        float_convolutions=record["float_convolutions"],
    )
