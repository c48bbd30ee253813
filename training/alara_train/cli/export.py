"""`alara-train export`: a family from finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.cli import options

if TYPE_CHECKING:
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.family.build import FamilyFolder
    from alara_train.origin import Origin
    from alara_train.recipes.finetuned.export_settings import ExportSettings


def export(
    runs: Annotated[list[Path], typer.Argument(help="folders of finished runs, one per side")],
    prepared: Annotated[Path, typer.Option(help="folder that alara-train prepare wrote, which the runs trained on")],
    out: Annotated[Path, typer.Option(help="folder of the new family, such as models/nih-lite0")],
    precisions: options.Precisions = "fp32,int8",
    family: options.FamilyName = "",
    cache: Annotated[Path | None, typer.Option(help="folder of the cache; by default beside the runs")] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file of export settings; see below")] = None,
    origin: options.Origin = None,
    schemas: options.Schemas = Path("models/schema"),
    threads: options.ExportThreads = 0,
) -> None:
    """Make a family from finished runs: graphs, input gate, evaluation, policy, catalog, card and figures.

    Each run gives one variant per precision. Every figure is measured on the ONNX graph itself, by ONNX Runtime on the
    CPU: calibration and thresholds on the validation films, AUROC on the test films. Run the command again after a
    kill: finished variants are kept. Runs of single folds are refused, because a served network must be measured.

        alara-train export runs/256px runs/448px --prepared prepared --out models/nih-lite0

    With float16 graphs for GPUs; they are scored here, on the CPU, and their time on a GPU is not measured:

        alara-train export runs/*px --prepared prepared --out models/nih-dense --precisions fp32,int8,fp16

    --settings may hold quantise_films, int8_apart, gate_own, gate_films, gate_made, gate_directions, gate_refusals,
    gate_folds, grid, bootstraps, margin and seed. --origin must hold dataset, licence, citation, acknowledgement
    and link.
    """
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.family.build import FamilyFolder
    from alara_train.origin import origin_of
    from alara_train.recipes.finetuned.export_settings import ExportSettings, precisions_of

    films = Prepared.open(prepared)
    folder = FamilyFolder(
        family=family or out.name, out=out, cache=cache or runs[0].parent / f"export-{out.name}", schemas=schemas
    )
    export_runs(
        runs,
        films,
        folder,
        precisions=precisions_of(precisions),
        settings=ExportSettings.load(settings),
        origin=origin_of(films.manifest["layout"], origin),
        threads=options.cores(threads),
    )


def export_runs(
    runs: Sequence[Path],
    films: Prepared,
    folder: FamilyFolder,
    *,
    precisions: tuple[str, ...],
    settings: ExportSettings,
    origin: Origin,
    threads: int,
) -> None:
    """Build the family of finished runs.

    Raises:
        BadConfig, BadData: The runs cannot be served, or `folder` holds another family.
    """
    from alara_train.family.build import build_family
    from alara_train.recipes.finetuned.load_runs import open_runs
    from alara_train.recipes.finetuned.recipe import FinetunedRecipe

    folder.check()
    recipe = FinetunedRecipe(
        open_runs(runs, films),
        precisions,
        settings,
        origin,
        cache=folder.cache,
        threads=threads,
        progress=options.bar,
    )
    build_family(recipe, folder, typer.echo)
