"""The stages behind training, each left as it is where it is done: export, evaluate, report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alara_train.atomic_file import write_whole
from alara_train.data.prepare.prepared import Prepared
from alara_train.export.graph import sha256
from alara_train.family.describe import DOCUMENTS, evaluate_family, report_family
from alara_train.origin import Origin
from alara_train.recipes.finetuned.export_settings import ExportSettings
from alara_train.recipes.finetuned.load_runs import open_runs
from alara_train.recipes.finetuned.variants import Place, build_variants, export_key
from alara_train.recipes.frozen.config import BadConfig
from alara_train.recipes.frozen.features import Progress
from alara_train.report.figures.draw import FIGURES

FAMILY = re.compile(r"[a-z0-9][a-z0-9-]*")
MARK = "family.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyOrder:
    """Which family to make of runs, and where."""

    family: str
    out: Path
    cache: Path
    """What is kept between runs of the command: pixels of the gate, scores of the variants."""
    precisions: tuple[str, ...]
    settings: ExportSettings
    origin: Origin
    schemas: Path
    threads: int

    def check(self) -> None:
        """Make sure that the name is one, and that `out` is free or this order's own.

        Raises:
            BadConfig: It is not.
        """
        if not FAMILY.fullmatch(self.family):
            raise BadConfig(f"{self.family!r} is no name of a family: small letters, digits and -, such as nih-dense")
        mark = self._mark()
        if (self.out / "catalog.json").is_file() and mark.get("out") != str(self.out.resolve()):
            raise BadConfig(f"{self.out} holds a family already, which {self.cache} did not make: name another --out")

    def has(self, stage: str, key: str) -> bool:
        """Whether a stage was done for just this."""
        mark = self._mark()
        return bool(mark.get(stage) == key and mark.get("out") == str(self.out.resolve()))

    def note(self, stage: str, key: str) -> None:
        """Note that a stage is done, or, with an empty key, that it is not."""
        self.cache.mkdir(parents=True, exist_ok=True)
        mark = {**self._mark(), "out": str(self.out.resolve()), stage: key}
        write_whole(self.cache / MARK, json.dumps(mark, indent=1) + "\n")

    def _mark(self) -> dict[str, str]:
        path = self.cache / MARK
        return json.loads(path.read_text()) if path.is_file() else {}


def make_family(
    folders: Sequence[Path], prepared: Prepared, order: FamilyOrder, progress: Progress, say: Callable[[str], None]
) -> None:
    """Export finished runs, measure the graphs, and describe them; what is done already is left as it is.

    Raises:
        BadConfig, BadData, BadCatalog, BadScores, OneClass, Unfaithful, Unreachable: The message says what to mend.
    """
    order.check()
    runs = open_runs(folders, prepared)
    key = export_key(runs.runs, runs, order.settings, [order.family, str(order.origin), *order.precisions])
    if order.has("report", key) and whole(order.out):
        say(f"{order.out} is made already of these runs: nothing to do")
        return
    order.note("report", "")
    place = Place(out=order.out, cache=order.cache, threads=order.threads)
    say(f"export: {len(runs.runs)} sides in {', '.join(order.precisions)}, scored on {len(runs.scored)} films")
    variants, scores = build_variants(runs, order.precisions, order.settings, place, progress)
    if order.has("evaluate", key) and all((order.out / f"{name}.json").is_file() for name in DOCUMENTS):
        say("evaluate: done before")
    else:
        say(f"evaluate: {len(variants)} variants, {order.settings.bootstraps} resamples of patients")
        evaluation = evaluate_family(
            order.family, runs, variants, scores, order.origin, order.settings, order.out, order.schemas, order.cache
        )
        order.note("evaluate", key)
        for entry in evaluation.get("notServed", []):
            say(f"not served: {entry['reason']}")
        for name, variant in evaluation["variants"].items():
            mean = variant["meanAuroc"]
            say(f"{name}: mean AUROC {mean['value']:.3f} [{mean['ci95'][0]:.3f}, {mean['ci95'][1]:.3f}] on test")
    say("report: card.md and figures")
    report_family(order.out)
    order.note("report", key)
    say(f"written to {order.out}")


def whole(out: Path) -> bool:
    """Whether a family's folder holds all that it should, and the graphs that its catalog names."""
    names = [*(f"{name}.json" for name in DOCUMENTS), "card.md", *(f"figures/{name}.svg" for name in FIGURES)]
    if not all((out / name).is_file() for name in names):
        return False
    catalog = json.loads((out / "catalog.json").read_text())
    return all((out / v["file"]).is_file() and sha256(out / v["file"]) == v["sha256"] for v in catalog["variants"])
