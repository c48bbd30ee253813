"""`alara-train prepare`: labelled films to a folder of resized pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli import options
from alara_train.data.layouts.settings import Blank, Uncertain


def prepare(
    data: Annotated[Path, typer.Argument(help="folder of films and labels, in one of the three layouts")],
    out: Annotated[Path, typer.Option(help="folder of the prepared films; run again to continue after a kill")],
    sides: Annotated[str, typer.Option(help=f"{options.SIDES}, 32 to 1024")] = "256,320,448,512",
    folds: options.Folds = 5,
    seed: options.SplitSeed = 0,
    test_share: options.TestShare = 0.2,
    val_share: options.ValShare = 0.125,
    uncertain: options.UncertainLabel = Uncertain.ignore,
    blank: options.BlankLabel = Blank.ignore,
    findings: options.Findings = "",
    jobs: Annotated[int, typer.Option(help="processes that decode and resize; about one per core")] = 2,
    skip_broken: options.SkipBroken = False,
    allow_one_class: Annotated[
        bool, typer.Option("--allow-one-class", help="continue even if a finding cannot be measured in some fold")
    ] = False,
) -> None:
    """Check labelled films and resize each once to every side.

    The table is checked first, and all its faults are reported together. Then
    every film is decoded once, and its pixels are stored for memory mapping,
    resized by the kernel that serving uses. A command that was killed, or that
    met a full disk, continues when it is given again.

    --out gets prepared.json, films.csv and one pixels-SIDE.npy per side, of
    SIDE x SIDE bytes per film.

    NIH ChestX-ray14 as downloaded, with its official test list:

        alara-train prepare ChestX-ray14 --out prepared --jobs 16

    A collection that states its folds (labels.csv and films/):

        alara-train prepare collection --out prepared --sides 256,512

    Your own films (table.csv with image, patient and one column per finding,
    of any name, as 1, 0, -1 or empty; images/), with -1 taken as positive:

        alara-train prepare mine --out prepared --folds 10 --uncertain one
    """
    from alara_train.data.prepare import prepare as preparing
    from alara_train.data.prepare.disk import size
    from alara_train.data.prepare.request import Request

    try:
        request = Request(
            data=data,
            out=out,
            sides_px=options.parse_sides(sides),
            settings=options.label_settings(
                uncertain=uncertain,
                blank=blank,
                folds=folds,
                seed=seed,
                test_share=test_share,
                val_share=val_share,
                findings=findings,
            ),
            jobs=jobs,
            skip_broken=skip_broken,
            allow_one_class=allow_one_class,
        )
        prepared = preparing.prepare(request, options.films_bar, typer.echo)
    except KeyboardInterrupt:
        typer.echo(f"alara-train: stopped; run the same command to continue in {out}", err=True)
        raise typer.Exit(130) from None
    manifest = prepared.manifest
    for name, why in list(manifest["leftOut"].items())[:3]:
        typer.echo(f"left out: {name} ({why})")
    if len(manifest["leftOut"]) > 3:
        typer.echo(f"left out: {len(manifest['leftOut'])} films in all, listed in {out / 'prepared.json'}")
    space, split = size(sum(manifest["bytes"].values())), manifest["splitDigest"][:12]
    typer.echo(f"{out}: {manifest['films']} films, {space}, split {split}")
