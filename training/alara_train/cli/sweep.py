"""`alara-train sweep`: the same network at every resolution, with the figure of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli.train import saying, tell
from alara_train.recipes.frozen.config import BadConfig

PAPER_SIDES = (32, 64, 128, 224, 256, 320, 448, 512, 600)


def sweep(
    config: Annotated[Path, typer.Argument(help="TOML file of the run; its side_px is replaced by each side")],
    data: Annotated[Path, typer.Option(help="folder that alara-train prepare wrote, with all these sides")],
    out: Annotated[Path, typer.Option(help="where runs/, sweep.json and sweep.svg go")],
    sides: Annotated[str, typer.Option(help="sides in px, with commas between")] = ",".join(map(str, PAPER_SIDES)),
    binary: Annotated[bool, typer.Option("--binary", help="the paper's one network a finding")] = False,
    findings: Annotated[str, typer.Option(help="with --binary: only these, with commas between; by default all")] = "",
    split: Annotated[str, typer.Option(help="80-20 (by patient), or prepared: the data set's own")] = "80-20",
    name: Annotated[str, typer.Option(help="what the data is called in the figure; by default its folder")] = "",
    bootstraps: Annotated[int, typer.Option(help="resamples of patients")] = 2000,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU if there is one")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of a process; 0 leaves it to PyTorch")] = 0,
) -> None:
    """Train at every side and draw AUROC against resolution, as Sabottke and Spieler did in 2020.

    Run it again after a kill: finished runs are skipped, a broken one goes on. The split is drawn by patient, which the
    paper's abstract does not say of its own; sweep.json says whether epochs were chosen on the scored films.

    The paper's protocol, 9 sides by 14 findings (126 runs):

        alara-train prepare ChestX-ray14 --out prepared --sides 32,64,128,224,256,320,448,512,600
        alara-train sweep training/configs/train-nih-resnet34.toml --data prepared --out runs/paper --binary

    A first look on one processor:

        alara-train sweep training/configs/train-cpu-example.toml --data prepared --out runs/look --sides 32,64
    """
    import json

    import torch

    from alara_train.atomic_file import write_whole
    from alara_train.data.prepare.prepared import Prepared as PreparedFolder
    from alara_train.recipes.finetuned import roles as films
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.loop.distributed import join_world
    from alara_train.recipes.finetuned.loop.train import train as train_one
    from alara_train.recipes.finetuned.sweep import EightyTwenty, cells, collect
    from alara_train.recipes.finetuned.sweep_figure import draw_sweep

    if threads:
        torch.set_num_threads(threads)
    settings = TrainConfig.load(config)
    folder = PreparedFolder.open(data)
    named = tuple(word.strip() for word in findings.split(",") if word.strip()) or folder.films.findings
    planned = cells(settings, _sides(sides), named if binary else (), out, folder.films.findings)
    if split not in ("80-20", "prepared"):
        raise BadConfig(f"--split is 80-20 or prepared, not {split}")
    prepared: films.Prepared = EightyTwenty(folder, settings.seed) if split == "80-20" else folder
    for cell in planned:
        # Before hours are spent: is every side there, and has every finding both classes?
        films.assign(prepared, cell.config)
        prepared.pixels(cell.config.side_px)
    with join_world(device) as world:
        for cell in planned:
            done = train_one(cell.config, prepared, cell.run, world=world, say=saying(world), quiet=False)
            tell(world, cell.run, done)
        if world.leads:
            record = collect(planned, name or data.name, bootstraps, settings.seed)
            record["split"] = "80/20 by patient" if split == "80-20" else "as prepared"
            write_whole(out / "sweep.json", (json.dumps(record, indent=1, allow_nan=False) + "\n").encode())
            draw_sweep(record, out / "sweep.svg")
            typer.echo(f"written: {out / 'sweep.json'} and {out / 'sweep.svg'}")


def _sides(words: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in words.split(",") if word.strip())
    except ValueError:
        raise BadConfig(f"--sides must be numbers with commas between, such as 256,512, not {words}") from None
