"""`alara-train pipeline`: from a folder of labelled films to a family that can be served, in one command."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.cli.export import bar
from alara_train.cli.prepare import BLANK, FINDINGS, FOLDS, SEED, TEST_SHARE, UNCERTAIN, VAL_SHARE, named
from alara_train.cli.prepare import _bar as films_bar
from alara_train.cli.train import saying, tell
from alara_train.data.layouts.settings import Blank, Settings, Uncertain
from alara_train.recipes.frozen.config import BadConfig

if TYPE_CHECKING:
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.config import TrainConfig


def pipeline(
    config: Annotated[Path, typer.Argument(help="TOML file of a run; its side_px is replaced by each side")],
    data: Annotated[Path, typer.Option(help="folder of films and labels, such as ChestX-ray14 as NIH publishes it")],
    out: Annotated[Path, typer.Option(help="where the family goes, such as models/nih-lite0")],
    work: Annotated[Path, typer.Option(help="where prepared films, runs and scores are kept; needs the room")],
    sides: Annotated[str, typer.Option(help="sides in px, with commas between")] = "256,320,448,512",
    precisions: Annotated[str, typer.Option(help="fp32, alone or with int8 and fp16")] = "fp32,int8",
    gpus: Annotated[
        int, typer.Option(min=1, help="GPUs that share each run, by torchrun; 1 also stands for the CPU")
    ] = 1,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU if there is one")] = "auto",
    jobs: Annotated[int, typer.Option(help="processes that decode and resize; 0: one a core")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of training and export; 0 takes every core")] = 0,
    family: Annotated[str, typer.Option(help="name of the family; by default that of --out")] = "",
    settings: Annotated[Path | None, typer.Option(help="TOML file of how runs become a family; see export")] = None,
    origin: Annotated[Path | None, typer.Option(help="TOML file of where the films come from; NIH needs none")] = None,
    schemas: Annotated[Path, typer.Option(help="folder of the JSON Schema files")] = Path("models/schema"),
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="leave out films that cannot be used")] = False,
    folds: Annotated[int, typer.Option(help=FOLDS)] = 5,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    test_share: Annotated[float, typer.Option(help=TEST_SHARE)] = 0.2,
    val_share: Annotated[float, typer.Option(help=VAL_SHARE)] = 0.125,
    uncertain: Annotated[Uncertain, typer.Option(help=UNCERTAIN)] = Uncertain.ignore,
    blank: Annotated[Blank, typer.Option(help=BLANK)] = Blank.ignore,
    findings: Annotated[str, typer.Option(help=FINDINGS)] = "",
) -> None:
    """Prepare, train every side, export, evaluate and report; run it again to go on after a kill.

    A stage that is done is skipped, a run that was killed goes on at its last checkpoint, and the first problem ends it
    all with what to mend. Whatever can be checked is checked before hours are spent.

    NIH ChestX-ray14 as downloaded and unpacked, on one GPU, four networks:

        alara-train pipeline training/configs/train-nih-lite0.toml --data ChestX-ray14 --work lite0 --out models/nih

    The same on eight GPUs; start it once, plainly: it calls torchrun for the training and for nothing else:

        alara-train pipeline CONFIG --data ChestX-ray14 --work dense --out models/nih-dense --gpus 8

    --work gets prepared/, runs/SIDEpx/ (as alara-train train leaves them) and export/ with scores-VARIANT.npz, which
    alara-train evaluate reads.
    """
    from alara_train.data.layouts.detect import detect
    from alara_train.family.stages import FamilyOrder, make_family
    from alara_train.networks.registry import build
    from alara_train.recipes.finetuned.export_settings import ExportSettings, origin_of, precisions_of
    from alara_train.recipes.finetuned.load_runs import check_measurable
    from alara_train.recipes.finetuned.loop.distributed import check_device
    from alara_train.recipes.finetuned.roles import assign

    try:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise BadConfig("start the pipeline once, without torchrun, and with --gpus: it calls torchrun itself")
        check_device(device, gpus)
        configs = _configs(config, sides)
        order = FamilyOrder(
            family=family or out.name,
            out=out,
            cache=work / "export",
            precisions=precisions_of(precisions),
            settings=ExportSettings.load(settings),
            origin=origin_of(detect(data), origin),
            schemas=schemas,
            threads=threads or os.cpu_count() or 1,
        )
        order.check()
        build(configs[0].backbone, outputs=1, start=configs[0].start)
        choices = Settings(
            uncertain=uncertain,
            blank=blank,
            folds=folds,
            seed=seed,
            test_share=test_share,
            val_share=val_share,
            findings=named(findings),
        )
        films = _prepare(data, work / "prepared", [one.side_px for one in configs], jobs, skip_broken, choices)
        for one in configs:
            roles = assign(films, one)
            check_measurable(roles, roles.findings)
        runs = [work / "runs" / f"{one.side_px}px" for one in configs]
        for one, run in zip(configs, runs, strict=True):
            typer.echo(f"train: {one.backbone} at {one.side_px} px in {run}")
            if gpus > 1:
                _torchrun(one, films.folder, run, work / "configs", gpus, device, threads)
            else:
                _train(one, films, run, device, threads)
        make_family(runs, films, order, bar, typer.echo)
    except KeyboardInterrupt:
        typer.echo("alara-train: stopped; run the same command to go on", err=True)
        raise typer.Exit(130) from None


def _configs(path: Path, sides: str) -> list[TrainConfig]:
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.load_runs import check_config

    settings = TrainConfig.load(path)
    try:
        chosen = [int(word) for word in sides.split(",") if word.strip()]
    except ValueError:
        raise BadConfig(f"--sides must be numbers with commas between, such as 256,512, not {sides}") from None
    if not chosen or len(set(chosen)) != len(chosen):
        raise BadConfig(f"--sides must name at least one side, each once, not {sides}")
    configs = [replace(settings, side_px=side) for side in sorted(chosen)]
    for one in configs:
        check_config(one, path)
        if faults := one.faults():
            raise BadConfig(f"{path} at {one.side_px} px: {'; '.join(faults)}")
    return configs


def _prepare(data: Path, out: Path, sides_px: list[int], jobs: int, skip_broken: bool, settings: Settings) -> Prepared:
    from alara_train.data.prepare import prepare as preparing
    from alara_train.data.prepare.request import Order

    order = Order(
        data=data,
        out=out,
        sides_px=sides_px,
        settings=settings,
        jobs=jobs or os.cpu_count() or 1,
        skip_broken=skip_broken,
        # Folds are for the gate alone here; both classes are asked of validation and test, before anything is trained.
        allow_one_class=True,
    )
    typer.echo(f"prepare: {data} to {out}")
    return preparing.prepare(order, films_bar, typer.echo)


def _train(config: TrainConfig, films: Prepared, run: Path, device: str, threads: int) -> None:
    import torch

    from alara_train.recipes.finetuned.loop.distributed import join_world
    from alara_train.recipes.finetuned.loop.train import train as train_one

    if threads:
        torch.set_num_threads(threads)
    with join_world(device) as world:
        tell(world, run, train_one(config, films, run, world=world, say=saying(world), quiet=False))


def _torchrun(
    config: TrainConfig, prepared: Path, run: Path, configs: Path, gpus: int, device: str, threads: int
) -> None:
    """Train by several processes, one a GPU; they go on with a run that was killed, and leave a finished one.

    Raises:
        BadConfig: They failed; what they said stands above.
    """
    from alara_train.atomic_file import write_whole
    from alara_train.recipes.finetuned.run_folder import RunFolder

    configs.mkdir(parents=True, exist_ok=True)
    path = configs / f"{config.side_px}px.toml"
    write_whole(path, config.toml())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}", "--no-python"]
    # Without the two dashes torchrun takes --run for its own.
    command += ["--", sys.executable, "-m", "alara_train.cli.main", "train", str(path), "--data", str(prepared)]
    command += ["--run", str(run), "--device", device]
    command += ["--threads", str(threads)] if threads else []
    ended = subprocess.run(command, check=False).returncode
    if ended or RunFolder(run).done is None:
        raise BadConfig(f"training {run} ended with {ended}; what it said stands above. Run the same command to go on")
