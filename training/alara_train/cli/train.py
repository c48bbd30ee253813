"""`alara-train train`: one network, or one per fold, from one config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.cli import options

if TYPE_CHECKING:
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.loop.distributed import Processes
    from alara_train.recipes.finetuned.roles import PreparedFilms


def train(
    config: Annotated[Path, typer.Argument(help="TOML file of the run, such as training/configs/train-*.toml")],
    data: Annotated[Path, typer.Option(help="folder that alara-train prepare wrote")],
    run: Annotated[Path, typer.Option(help="folder of the run, new or begun")],
    fold: Annotated[int | None, typer.Option(help="validate on this fold, whatever the config says")] = None,
    all_folds: Annotated[
        bool, typer.Option("--all-folds", help="one run per fold, in RUN/fold-0, RUN/fold-1 …")
    ] = False,
    device: options.Device = "auto",
    threads: options.TrainThreads = 0,
) -> None:
    """Train a network end to end, or continue a run that was killed.

    The same command continues a run that was killed. A finished run is left as it is, and a folder of another config is
    refused. RUN gets config.toml, provenance.json, log.jsonl, TensorBoard events, last.pt, best.pt, scores.npz and
    done.json.

    On this machine, in minutes:

        alara-train train training/configs/train-cpu-example.toml --data prepared --run runs/example

    Five folds one after the other:

        alara-train train CONFIG --data prepared --run runs/lite0 --all-folds

    On eight GPUs; batch_size is that of all together. Without the two dashes torchrun takes --run as its own option:

        torchrun --nproc-per-node 8 --no-python -- alara-train train CONFIG --data prepared --run runs/dense
    """
    from dataclasses import replace

    import torch

    from alara_train.data.films import BadData
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.loop.distributed import join_processes

    if threads:
        torch.set_num_threads(threads)
    settings = TrainConfig.load(config)
    prepared = Prepared.open(data)
    folds = prepared.films.folds if all_folds else [fold]
    if not folds:
        raise BadData(f"{data} has no folds")
    with join_processes(device) as processes:
        for number in folds:
            one = settings if number is None else replace(settings, fold=number)
            train_run(one, prepared, run / f"fold-{number}" if all_folds else run, processes)


def train_run(config: TrainConfig, prepared: PreparedFilms, run: Path, processes: Processes) -> None:
    """Train one run, and print its result from the leading process."""
    from alara_train.recipes.finetuned.loop.train import train as train_one

    def log(text: str) -> None:
        if processes.leads:
            typer.echo(text)

    done = train_one(config, prepared, run, processes=processes, log=log, quiet=False)
    means = ", ".join(f"{role} {values['mean']:.4f}" for role, values in done["auroc"].items())
    log(f"{run}: mean AUROC {means} ({done['ended']} after {done['epochs']:.1f} epochs)")
