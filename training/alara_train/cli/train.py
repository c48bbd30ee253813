"""`alara-train train`: one network, or one a fold, from one config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from alara_train.recipes.finetuned.loop.distributed import World


def train(
    config: Annotated[Path, typer.Argument(help="TOML file of the run, such as training/configs/train-*.toml")],
    data: Annotated[Path, typer.Option(help="folder that alara-train prepare wrote")],
    run: Annotated[Path, typer.Option(help="folder of the run; made anew, or gone on with")],
    fold: Annotated[int | None, typer.Option(help="validate on this fold, whatever the config says")] = None,
    all_folds: Annotated[bool, typer.Option("--all-folds", help="one run a fold, in RUN/fold-0, RUN/fold-1 …")] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU if there is one")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of a process; 0 leaves it to PyTorch")] = 0,
) -> None:
    """Train a network end to end, or go on with a run that was killed.

    The same command goes on where a killed run was; a finished run is left as it is, and a folder of another config is
    refused. RUN gets config.toml, provenance.json, log.jsonl, TensorBoard events, last.pt, best.pt, scores.npz and
    done.json.

    On this machine, in minutes:

        alara-train train training/configs/train-cpu-example.toml --data prepared --run runs/example

    Five folds one after the other:

        alara-train train CONFIG --data prepared --run runs/lite0 --all-folds

    On eight GPUs; batch_size is that of all together. Without the two dashes torchrun takes --run for its own:

        torchrun --nproc-per-node 8 --no-python -- alara-train train CONFIG --data prepared --run runs/dense
    """
    from dataclasses import replace

    import torch

    from alara_train.data.films import BadData
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.loop.distributed import join_world
    from alara_train.recipes.finetuned.loop.train import train as train_one

    if threads:
        torch.set_num_threads(threads)
    settings = TrainConfig.load(config)
    prepared = Prepared.open(data)
    folds = sorted(set(prepared.films.fold.tolist()) - {-1}) if all_folds else [fold]
    if not folds:
        raise BadData(f"{data} has no folds")
    with join_world(device) as world:
        for number in folds:
            one = settings if number is None else replace(settings, fold=number)
            place = run / f"fold-{number}" if all_folds else run
            tell(world, place, train_one(one, prepared, place, world=world, say=saying(world), quiet=False))


def saying(world: World) -> Any:
    """Say it to whoever watches, from the leading process."""
    return typer.echo if world.leads else (lambda _: None)


def tell(world: World, run: Path, done: dict[str, Any]) -> None:
    """Say how a run came out."""
    means = ", ".join(f"{role} {values['mean']:.4f}" for role, values in done["auroc"].items())
    saying(world)(f"{run}: mean AUROC {means} ({done['ended']} after {done['epochs']:.1f} epochs)")
