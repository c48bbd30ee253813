"""`alara-train pipeline`: from a folder of labelled films to a family that can be served, in one command."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.cli import options
from alara_train.cli.export import export_runs
from alara_train.cli.train import crossed, train_run
from alara_train.data.layouts.settings import Blank, Settings, Uncertain
from alara_train.toml_file import BadConfig

if TYPE_CHECKING:
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.config import TrainConfig


def pipeline(
    config: Annotated[Path, typer.Argument(help="TOML file of a run; its side_px is replaced by each side")],
    data: Annotated[Path, typer.Option(help="folder of films and labels, such as ChestX-ray14 as NIH publishes it")],
    out: Annotated[Path, typer.Option(help="folder of the new family, such as models/nih-lite0")],
    work: Annotated[Path, typer.Option(help="folder of the prepared films, runs and scores; needs much disk space")],
    sides: Annotated[str, typer.Option(help=options.SIDES)] = "256,320,448,512",
    precisions: options.Precisions = "fp32,int8",
    gpus: Annotated[
        int, typer.Option(min=1, help="GPUs that share each run, by torchrun; 1 also stands for the CPU")
    ] = 1,
    cross_validate: Annotated[
        bool, typer.Option("--cross-validate", help="measure by the folds, and serve networks of every film")
    ] = False,
    first_config: Annotated[
        Path | None,
        typer.Option(help="TOML file of a run, at its own side, from whose weights the run of each side starts"),
    ] = None,
    device: options.Device = "auto",
    jobs: Annotated[int, typer.Option(help="processes that decode and resize; 0: one per core")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of training and export; 0 takes every core")] = 0,
    family: options.FamilyName = "",
    settings: Annotated[Path | None, typer.Option(help="TOML file of export settings; see export")] = None,
    origin: options.Origin = None,
    schemas: options.Schemas = Path("models/schema"),
    skip_broken: options.SkipBroken = False,
    folds: options.Folds = 5,
    seed: options.SplitSeed = 0,
    test_share: options.TestShare = 0.2,
    val_share: options.ValShare = 0.125,
    uncertain: options.UncertainLabel = Uncertain.ignore,
    blank: options.BlankLabel = Blank.ignore,
    findings: options.Findings = "",
) -> None:
    """Prepare, train every side, export, evaluate and report; run it again to continue after a kill.

    A finished stage is skipped, and a run that was killed continues from its last checkpoint. The first problem ends
    the command with a message that says what to correct. Everything that can be checked is checked before training.

    NIH ChestX-ray14 as downloaded and unpacked, on one GPU, four networks:

        alara-train pipeline training/configs/train-nih-lite0.toml --data ChestX-ray14 --work lite0 --out models/nih

    The same on eight GPUs; start the command without torchrun, which it calls for the training alone:

        alara-train pipeline CONFIG --data ChestX-ray14 --work dense --out models/nih-dense --gpus 8

    A few thousand films, all of which train the served networks, on the CPU of this machine:

        alara-train pipeline CONFIG --data films --work lite0 --out models/own --cross-validate

    With --first-config, the runs of every side start from a run of the same fold at a small side, which saves most of
    the time, because films are cheap there. It needs --cross-validate.

    --work gets prepared/, runs/SIDEpx/ (with --first-config also runs/first/), as alara-train train writes them, and
    export/ with scores-VARIANT.npz, which alara-train evaluate reads.
    """
    from alara_train.data.layouts.detect import detect
    from alara_train.family.build import FamilyFolder
    from alara_train.networks.registry import build
    from alara_train.origin import origin_of
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.export_settings import ExportSettings, precisions_of
    from alara_train.recipes.finetuned.load_runs import check_first, check_measurable
    from alara_train.recipes.finetuned.loop.distributed import check_device
    from alara_train.recipes.finetuned.roles import assign

    try:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise BadConfig("start the pipeline once, without torchrun, and with --gpus: it calls torchrun itself")
        check_device(device, gpus)
        if first_config is not None and not cross_validate:
            raise BadConfig("--first-config needs --cross-validate: each run starts from the run of its own fold")
        configs = _configs(config, sides, cross_validate)
        folder = FamilyFolder(family=family or out.name, out=out, cache=work / "export", schemas=schemas)
        kinds, how = precisions_of(precisions), ExportSettings.load(settings)
        source = origin_of(detect(data), origin)
        folder.check()
        build(configs[0].backbone, outputs=1, start=configs[0].start)
        choices = options.label_settings(
            uncertain=uncertain,
            blank=blank,
            folds=folds,
            seed=seed,
            test_share=test_share,
            val_share=val_share,
            findings=findings,
        )
        before = None if first_config is None else TrainConfig.load(first_config)
        if before and before.backbone != configs[0].backbone:
            raise BadConfig(f"{first_config} has another backbone than {config}")
        sides_px = sorted({one.side_px for one in [*configs, *([before] if before else [])]})
        films = _prepare(data, work / "prepared", sides_px, jobs, skip_broken, choices)
        runs = [work / "runs" / f"{one.side_px}px" for one in configs]
        started = work / "runs" / "first" if before else None
        planned: list[tuple[TrainConfig, Path, Path | None]] = []
        if before and started:
            planned += [(one, place, None) for one, place in crossed(before, films, started)]
        for one, run in zip(configs, runs, strict=True):
            tasks = crossed(one, films, run, started) if cross_validate else [(one, run)]
            planned += [(task, place, started) for task, place in tasks]
        for one, _, _ in planned:
            roles = assign(films, one)
            if not cross_validate:
                check_measurable(roles, roles.findings)
        for one, run, begun in planned:
            typer.echo(f"train: {one.backbone} at {one.side_px} px in {run}")
            if begun is not None:
                check_first(begun, one.fold, films)
            if gpus > 1:
                _torchrun(one, films.folder, run, work / "configs", gpus, device, threads)
            else:
                _train(one, films, run, device, threads)
        export_runs(runs, films, folder, precisions=kinds, settings=how, origin=source, threads=options.cores(threads))
    except KeyboardInterrupt:
        typer.echo("alara-train: stopped; run the same command to continue", err=True)
        raise typer.Exit(130) from None


def _configs(path: Path, sides: str, cross_validate: bool) -> list[TrainConfig]:
    from alara_train.data.films import EVERY_FILM
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.load_runs import check_config

    settings = TrainConfig.load(path)
    chosen = options.parse_sides(sides)
    if not chosen or len(set(chosen)) != len(chosen):
        raise BadConfig(f"--sides must name at least one side, each once, not {sides}")
    configs = [replace(settings, side_px=side) for side in sorted(chosen)]
    for one in configs:
        check_config(one, path)
        if faults := (replace(one, fold=EVERY_FILM) if cross_validate else one).faults():
            raise BadConfig(f"{path} at {one.side_px} px: {'; '.join(faults)}")
    return configs


def _prepare(data: Path, out: Path, sides_px: list[int], jobs: int, skip_broken: bool, settings: Settings) -> Prepared:
    from alara_train.data.prepare.prepare import prepare
    from alara_train.data.prepare.request import Request

    request = Request(
        data=data,
        out=out,
        sides_px=sides_px,
        settings=settings,
        jobs=options.cores(jobs),
        skip_broken=skip_broken,
        # Only the gate uses the folds here. Validation and test need both classes, which is checked before training.
        allow_one_class=True,
    )
    typer.echo(f"prepare: {data} to {out}")
    return prepare(request, options.films_bar, typer.echo)


def _train(config: TrainConfig, films: Prepared, run: Path, device: str, threads: int) -> None:
    import torch

    from alara_train.recipes.finetuned.loop.distributed import join_processes

    if threads:
        torch.set_num_threads(threads)
    with join_processes(device) as processes:
        train_run(config, films, run, processes)


def _torchrun(
    config: TrainConfig, prepared: Path, run: Path, configs: Path, gpus: int, device: str, threads: int
) -> None:
    """Train by several processes, one per GPU; they continue a run that was killed, and leave a finished run as it is.

    Raises:
        BadConfig: They failed; their own messages were printed before.
    """
    from alara_train.atomic_file import write_atomic
    from alara_train.recipes.finetuned.run_folder import RunFolder

    configs.mkdir(parents=True, exist_ok=True)
    path = configs / f"{config.side_px}px-{run.name}.toml"
    write_atomic(path, config.toml())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}", "--no-python"]
    # Without the two dashes, torchrun takes --run as an option of its own.
    command += ["--", sys.executable, "-m", "alara_train.cli.main", "train", str(path), "--data", str(prepared)]
    command += ["--run", str(run), "--device", device]
    command += ["--threads", str(threads)] if threads else []
    ended = subprocess.run(command, check=False).returncode
    if ended or RunFolder(run).done is None:
        raise BadConfig(
            f"training {run} ended with {ended}; its messages stand above. Run the same command to continue"
        )
