"""`alara-train export`: finished runs to a family that can be served."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer


def export(
    runs: Annotated[list[Path], typer.Argument(help="folders of finished runs, one a side")],
    prepared: Annotated[Path, typer.Option(help="folder that alara-train prepare wrote, which the runs trained on")],
    out: Annotated[Path, typer.Option(help="where the family goes, such as models/nih-lite0")],
    precisions: Annotated[str, typer.Option(help="fp32, alone or with int8 and fp16")] = "fp32,int8",
    family: Annotated[str, typer.Option(help="name of the family; by default that of --out")] = "",
    cache: Annotated[Path | None, typer.Option(help="what is kept between runs; by default beside the runs")] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file of how the family is made; see below")] = None,
    origin: Annotated[Path | None, typer.Option(help="TOML file of where the films come from; NIH needs none")] = None,
    schemas: Annotated[Path, typer.Option(help="folder of the JSON Schema files")] = Path("models/schema"),
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 takes every core")] = 0,
) -> None:
    """Make a family of finished runs: graphs, input gate, evaluation, policy, catalog, card and figures.

    Each run gives one variant a precision. Every figure is of the ONNX graph itself, run by ONNX Runtime on the CPU:
    calibration and thresholds from the validation films, AUROC from the test films, which chose nothing. Run it again
    after a kill: variants that are done are kept. Runs of single folds are refused: what is served must be measured.

        alara-train export runs/256px runs/448px --prepared prepared --out models/nih-lite0

    With float16 graphs for GPUs; they are scored here, on the CPU, and their time on a GPU is not measured:

        alara-train export runs/*px --prepared prepared --out models/nih-dense --precisions fp32,int8,fp16

    --settings may hold quantise_films, int8_apart, gate_own, gate_films, gate_made, gate_directions, gate_refusals,
    gate_folds, grid, bootstraps, margin and seed. --origin must hold dataset, licence, citation, acknowledgement
    and link.
    """
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.family.stages import FamilyOrder, make_family
    from alara_train.recipes.finetuned.export_settings import ExportSettings, origin_of, precisions_of

    films = Prepared.open(prepared)
    order = FamilyOrder(
        family=family or out.name,
        out=out,
        cache=cache or runs[0].parent / f"export-{out.name}",
        precisions=precisions_of(precisions),
        settings=ExportSettings.load(settings),
        origin=origin_of(films.manifest["layout"], origin),
        schemas=schemas,
        threads=threads or os.cpu_count() or 1,
    )
    make_family(runs, films, order, bar, typer.echo)


def bar(rows: Iterable[int], title: str) -> Iterable[int]:
    """Show how far a loop is; a log gets a line every ten seconds."""
    from tqdm import tqdm

    every_s = 0.1 if sys.stderr.isatty() else 10.0
    shown: Iterable[int] = tqdm(rows, desc=title, dynamic_ncols=True, mininterval=every_s)
    return shown
