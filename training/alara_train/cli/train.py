"""`alara-train train`: one network, or one per fold, from one config."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.atomic_file import write_atomic
from alara_train.cli import options
from alara_train.toml_file import BadConfig

if TYPE_CHECKING:
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.loop.distributed import Processes
    from alara_train.recipes.finetuned.roles import PreparedFilms


def train(
    config: Annotated[Path, typer.Argument(help="TOML file of the run, such as training/configs/train-*.toml")],
    data: Annotated[Path, typer.Option(help="folder that alara-train prepare wrote")],
    run: Annotated[Path, typer.Option(help="folder of the run, new or begun")],
    fold: Annotated[int | None, typer.Option(help="validate on this fold, whatever the config says")] = None,
    cross_validate: Annotated[
        bool,
        typer.Option("--cross-validate", help="one run per fold, in RUN/fold-0 …, then one on every film, in RUN/all"),
    ] = False,
    first: Annotated[
        Path | None,
        typer.Option(help="cross-validation from whose run of the same fold each run starts, in place of `start`"),
    ] = None,
    device: options.Device = "auto",
    threads: options.TrainThreads = 0,
) -> None:
    """Train a network end to end, or continue a run that was killed.

    The same command continues a run that was killed. A finished run is left as it is, and a folder of another config is
    refused. RUN gets config.toml, provenance.json, log.jsonl, TensorBoard events, last.pt, best.pt, scores.npz and
    done.json.

    On this machine, in minutes:

        alara-train train training/configs/train-cpu-example.toml --data prepared --run runs/example

    Five folds, which measure the recipe, and then every film, for the weights that are served:

        alara-train train CONFIG --data prepared --run runs/lite0 --cross-validate

    On eight GPUs; batch_size is that of all together. Without the two dashes torchrun takes --run as its own option:

        torchrun --nproc-per-node 8 --no-python -- alara-train train CONFIG --data prepared --run runs/dense
    """
    import torch

    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.load_runs import of_fold
    from alara_train.recipes.finetuned.loop.distributed import join_processes

    if first is not None and fold is None and not cross_validate:
        raise BadConfig("--first needs --cross-validate or --fold: each run starts from the run of its own fold")
    if threads:
        torch.set_num_threads(threads)
    settings = TrainConfig.load(config)
    prepared = Prepared.open(data)
    with join_processes(device) as processes:
        if cross_validate:
            for one, folder in crossed(settings, prepared, run, first):
                train_run(one, prepared, folder, processes, first)
        else:
            one = settings if fold is None else of_fold(settings, fold, first)
            train_run(one, prepared, run, processes, first)


def crossed(
    config: TrainConfig, prepared: PreparedFilms, run: Path, first: Path | None = None
) -> list[tuple[TrainConfig, Path]]:
    """The config and folder of each run of a cross-validation: one per fold, then one on every film.

    With `first`, another cross-validation, each run starts from the weights of the run of the same fold in it.

    Raises:
        BadConfig: The config chooses an epoch, which a run on every film cannot do.
        BadData: The films have fewer than two folds.
    """

    from alara_train.data.films import EVERY_FILM, BadData
    from alara_train.recipes.finetuned.load_runs import fold_folder, of_fold

    folds = prepared.films.folds
    if len(folds) < 2:
        raise BadData("the prepared films have fewer than two folds: prepare them again with two or more")
    runs = [(of_fold(config, fold, first), run / fold_folder(fold)) for fold in (*folds, EVERY_FILM)]
    if faults := runs[-1][0].faults():
        raise BadConfig("; ".join(faults))
    return runs


def train_side_by_side(
    runs: list[tuple[TrainConfig, Path]], films: Prepared, jobs: int, lock: int, first: Path | None = None
) -> None:
    """Train runs on the CPU, `jobs` at a time, each in a process of one thread; a finished run is left as it is.

    Two processes of one thread train faster than one process of two threads. The output of a run goes to a `.log` file
    beside its folder.

    Args:
        runs: Configs and folders.
        films: The films of all runs.
        jobs: Number of processes.
        lock: File descriptor of a lock. The processes keep it, so that none is left behind unnoticed after a kill.
        first: The cross-validation from which the runs start.

    Raises:
        BadConfig: A run failed, with the end of its output; or a finished run is of another config.
        BadData: A finished run is of other films, or started from other weights.
    """
    from alara_train.recipes.finetuned.load_runs import check_first
    from alara_train.recipes.finetuned.roles import assign, data_record
    from alara_train.recipes.finetuned.run_folder import RunFolder

    def one(task: tuple[TrainConfig, Path]) -> None:
        config, run = task
        if first is not None:
            check_first(first, config.fold, films)
        if RunFolder(run).done is not None:
            RunFolder(run).claim(config, data_record(assign(films, config)))
            return
        # Beside the run, because a new run's folder must be empty.
        toml, text = run.with_name(f"{run.name}.toml"), run.with_name(f"{run.name}.log")
        toml.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(toml, config.toml())
        words = ["train", str(toml), "--data", str(films.folder), "--run", str(run), "--device", "cpu"]
        command = [sys.executable, "-m", "alara_train.cli.main", *words, "--threads", "1"]
        with text.open("w") as out:
            ended = subprocess.run(command, stdout=out, stderr=out, check=False, pass_fds=(lock,)).returncode
        if ended or RunFolder(run).done is None:
            advice = "; the system may have lacked memory: use fewer --jobs" if ended == -9 else ""
            raise BadConfig(f"training {run} ended with {ended}{advice}: {text.read_text()[-500:]}")
        typer.echo(text.read_text().splitlines()[-1])

    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(one, task) for task in runs]
        try:
            for finished in as_completed(waiting):
                finished.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def train_run(
    config: TrainConfig, prepared: PreparedFilms, run: Path, processes: Processes, first: Path | None = None
) -> None:
    """Train one run, and print its result from the leading process; `first` is where it starts from."""
    from alara_train.recipes.finetuned.load_runs import check_first
    from alara_train.recipes.finetuned.loop.train import train as train_one

    def log(text: str) -> None:
        if processes.leads:
            typer.echo(text)

    if first is not None:
        check_first(first, config.fold, prepared)
    done = train_one(config, prepared, run, processes=processes, log=log, quiet=False)
    means = ", ".join(f"{role} {values['mean']:.4f}" for role, values in done["auroc"].items())
    log(f"{run}: mean AUROC {means} ({done['ended']} after {done['epochs']:.1f} epochs)")
