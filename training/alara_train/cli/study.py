"""`alara-train study`: controlled studies with simulated films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli import options

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def study() -> None:
    """Controlled studies with simulated films."""


@app.command()
def nodules(
    config: Annotated[Path, typer.Argument(help="TOML file of the study")],
    data: Annotated[Path, typer.Option(help="folder with labels.csv (with pixel_spacing_mm, native_w/h) and films/")],
    out: Annotated[Path, typer.Option(help="the study's record, such as models/chest14/study-nodules.json")],
    figure: Annotated[Path | None, typer.Option(help="the SVG; by default beside the record")] = None,
    cache: Annotated[Path, typer.Option(help="folder of cached maps and contact sheets")] = Path(".alara-study"),
    threads: Annotated[int, typer.Option(help="CPU threads")] = 1,
) -> None:
    """Insert nodules of known size into nodule-free films, and measure at which input size they are detected.

    Each film with a nodule is compared with the same film untouched. The AUROC of an invisible sham
    nodule must be .500. Films that are reduced and enlarged again separate the effect of lost pixels from the effect of
    the network's grid. Look at the contact sheets in the cache before you trust a number. Run the command again after a
    kill: finished parts are not computed again.

        alara-train study nodules training/configs/study-nodules.toml --data DIR --out models/chest14/study-nodules.json
    """
    import torch

    from alara_train.json_file import write_json
    from alara_train.study.config import StudyConfig
    from alara_train.study.figure import draw_study
    from alara_train.study.run import run_study

    torch.set_num_threads(threads)
    record = run_study(StudyConfig.load(config), data, cache, threads, options.bar)
    write_json(record, out)
    draw_study(record, figure or out.with_suffix(".svg"))
    for d in record["decisive"]["differences"]:
        low, high = d["simultaneous95"]
        typer.echo(
            f"{d['resolution']} - {d['reference']} px: {d['difference']:+.3f} [{low:+.3f}, {high:+.3f}], {d['verdict']}"
        )
    floor = record["floor"]
    typer.echo(f"simulated floor of {floor['finding']}: {floor['minResolution'] or 'none'}: {floor['why']}")


@app.command()
def rendering(
    config: Annotated[Path, typer.Argument(help="TOML file of the family")],
    data: Annotated[Path, typer.Option(help="folder with labels.csv, films/ and, if there are any, ood.csv and ood/")],
    family: Annotated[Path, typer.Option(help="family folder")] = Path("models/chest14"),
    cache: Annotated[Path, typer.Option(help="cache folder of `alara-train family`")] = Path(".alara-cache"),
    variant: Annotated[str, typer.Option(help="the variant that reads")] = "r320-int8",
    arm: Annotated[
        list[str] | None, typer.Option(help="a rendering; repeat the option, the first one is the reference")
    ] = None,
    most: Annotated[int, typer.Option(help="largest number of films per collection")] = 300,
    rest: Annotated[bool, typer.Option("--rest", help="use the films that would not be drawn")] = False,
    published: Annotated[bool, typer.Option("--published", help="treat films as rendered 8-bit images")] = False,
) -> None:
    """Simulate stored values of films, render them in several ways, and compare the family's results.

    Read-outs were not fitted on the film's patient. The command prints a Markdown table.

        alara-train study rendering training/configs/chest14.toml --data DIR --arm window --arm "full range"
    """
    from alara_train.recipes.frozen.config import FamilyConfig
    from alara_train.study.rendering import run_rendering
    from alara_train.study.stored_values import ENDS

    arms = arm or list(ENDS)
    if unknown := [name for name in arms if name not in ENDS]:
        raise typer.BadParameter(f"{unknown[0]} is none of: {'; '.join(ENDS)}")
    settings = FamilyConfig.load(config)
    typer.echo(
        run_rendering(
            settings, data, family, cache, variant, arms, limit=most, rest=rest, published=published, bar=options.bar
        )
    )


@app.command()
def decoding(
    config: Annotated[Path, typer.Argument(help="TOML file of the family")],
    data: Annotated[Path, typer.Option(help="folder with labels.csv and films/")],
    family: Annotated[Path, typer.Option(help="family folder")] = Path("models/chest14"),
    variant: Annotated[
        list[str] | None, typer.Option(help="a variant that reads; repeat the option for several")
    ] = None,
    long_side: Annotated[int, typer.Option(min=256, help="longer side of the simulated films, in px")] = 2458,
    most: Annotated[int, typer.Option(help="largest number of films per collection")] = 100,
) -> None:
    """Decode films at the lower resolutions that serving uses, and compare the results with decoding in full size.

    Films are enlarged to the size of a detector, with noise per pixel, and encoded in each format. At the default
    length, serving keeps the fewest pixels for 256 px and 512 px. The command needs OpenJPH. It prints a Markdown
    table.

        alara-train study decoding training/configs/chest14.toml --data DIR
    """
    from alara_train.recipes.frozen.config import FamilyConfig
    from alara_train.study.decoding import run_decoding

    variants = variant or ["r256-int8", "r512-int8"]
    settings = FamilyConfig.load(config)
    typer.echo(run_decoding(settings, data, family, variants, long_side_px=long_side, most=most, bar=options.bar))
