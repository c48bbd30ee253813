"""`alara-train sweep`: the same network at every resolution, and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli import options
from alara_train.cli.train import train_run
from alara_train.toml_file import BadConfig

PAPER_SIDES = (32, 64, 128, 224, 256, 320, 448, 512, 600)
SPLITS = {"80-20": "80/20 by patient", "prepared": "as prepared", "folds": "cross-validation by patient"}


def sweep(
    config: Annotated[Path, typer.Argument(help="TOML file of the run; its side_px is replaced by each side")],
    data: Annotated[Path, typer.Option(help="folder that alara-train prepare wrote, with all these sides")],
    out: Annotated[Path, typer.Option(help="folder of runs/, sweep.json and sweep.svg")],
    sides: Annotated[str, typer.Option(help=options.SIDES)] = ",".join(map(str, PAPER_SIDES)),
    binary: Annotated[bool, typer.Option("--binary", help="one network per finding, as in the paper")] = False,
    findings: Annotated[
        str, typer.Option(help="with --binary: only these findings, separated by commas; by default all")
    ] = "",
    split: Annotated[
        str, typer.Option(help="80-20 (by patient), prepared: the data set's own, or folds: a cross-validation")
    ] = "80-20",
    reference: Annotated[
        int | None, typer.Option(help="side that the others are compared with; by default the largest")
    ] = None,
    first: Annotated[
        Path | None,
        typer.Option(help="with --split folds: cross-validation from whose run of the same fold each run starts"),
    ] = None,
    family: Annotated[
        Path | None, typer.Option(help="family of the same films that also gets the curve: in its catalog and card")
    ] = None,
    name: Annotated[str, typer.Option(help="name of the data in the figure; by default its folder")] = "",
    bootstraps: Annotated[int, typer.Option(help="resamples of patients")] = 2000,
    device: options.Device = "auto",
    threads: options.TrainThreads = 0,
) -> None:
    """Train at every side and draw AUROC against resolution, as Sabottke and Spieler did in 2020.

    Run it again after a kill: finished runs are skipped, and the interrupted run continues. The split is drawn by
    patient; the paper's abstract does not say how its split was drawn. sweep.json says whether epochs were chosen on
    the scored films.

    The paper's protocol, 9 sides by 14 findings (126 runs):

        alara-train prepare ChestX-ray14 --out prepared --sides 32,64,128,224,256,320,448,512,600
        alara-train sweep training/configs/train-nih-resnet34.toml --data prepared --out runs/paper --binary

    A cross-validation on a few thousand films, in the folder of alara-train pipeline --cross-validate, whose networks
    are used again:

        alara-train sweep CONFIG --data work/prepared --out work --split folds --sides 64,128,256,512 --reference 256

    A first look on one processor:

        alara-train sweep training/configs/train-cpu-example.toml --data prepared --out runs/look --sides 32,64
    """
    import json

    import torch

    from alara_train.atomic_file import write_atomic
    from alara_train.data.films import BadData, split_digest
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.family.report import attach_curve
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.loop.distributed import join_processes
    from alara_train.recipes.finetuned.roles import PreparedFilms, assign
    from alara_train.recipes.finetuned.sweep import EightyTwenty, cells, collect
    from alara_train.recipes.finetuned.sweep_figure import draw_sweep
    from alara_train.report.catalog import read_family

    if family is not None:
        read_family(family, "catalog", "policy", "evaluation")
        if len(options.parse_sides(sides)) < 2:
            raise BadConfig("a curve in a family needs at least two --sides")
    if threads:
        torch.set_num_threads(threads)
    settings = TrainConfig.load(config)
    folder = Prepared.open(data)
    named = options.split_words(findings) or folder.films.findings
    if split not in SPLITS:
        raise BadConfig(f"--split is {', '.join(SPLITS)}, not {split}")
    folds = tuple(folder.films.folds) if split == "folds" else ()
    if split == "folds" and len(folds) < 2:
        raise BadData(f"{data} has fewer than two folds: prepare the films again with two or more")
    if first is not None and not folds:
        raise BadConfig("--first needs --split folds: each run starts from the run of its own fold")
    chosen = tuple(options.parse_sides(sides))
    if reference is not None and reference not in chosen:
        raise BadConfig(f"--reference is one of the sides {', '.join(map(str, chosen))}, not {reference}")
    planned = cells(settings, chosen, named if binary else (), out, folder.films.findings, folds, first)
    prepared: PreparedFilms = EightyTwenty(folder, settings.seed) if split == "80-20" else folder
    for cell in planned:
        # Before training: make sure that every side is prepared, and that every finding has both classes.
        assign(prepared, cell.config)
        prepared.pixels(cell.config.side_px)
    with join_processes(device) as processes:
        for cell in planned:
            train_run(cell.config, prepared, cell.run, processes, first)
        if processes.leads:
            record = collect(planned, folder.films, name or data.name, bootstraps, settings.seed, reference)
            record["split"] = SPLITS[split]
            record["data"]["splitDigest"] = split_digest(folder.films)
            write_atomic(out / "sweep.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
            draw_sweep(record, out / "sweep.svg")
            typer.echo(f"written: {out / 'sweep.json'} and {out / 'sweep.svg'}")
            if family is not None:
                attach_curve(record, family)
                typer.echo(f"written: the curve to {family / 'catalog.json'}, and its figure")
