"""`alara-train money`: cost and accuracy of strategies that choose variants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alara_train.cli import options


def money(
    usd_per_thread_hour: Annotated[float, typer.Option(min=0, help="price of one processor thread for one hour")],
    other_ms: Annotated[float, typer.Option(min=0, help="ms per film beside the models, such as decoding")] = 0,
    family: options.Family = Path("models/chest14"),
    published: Annotated[Path, typer.Option(help="policy with the published resolution floors")] = Path(
        "models/policies/sabottke-spieler-2020.json"
    ),
    json: Annotated[Path | None, typer.Option(help="write the table as JSON")] = None,
    figure: Annotated[Path | None, typer.Option(help="write the figure as SVG")] = None,
) -> None:
    """Compare strategies on the published scores: USD per thousand films and mean AUROC, for four mixes of requests.

    `npm run bench -- money` calls this command with the prices of lib/cost.
    """
    from alara_train.json_file import read_json, write_json
    from alara_train.report import money as report
    from alara_train.report.catalog import read_family

    catalog, policy = read_family(family, "catalog", "policy")
    price = report.Price(usd_per_thread_hour=usd_per_thread_hour, other_ms=other_ms)
    document = report.money(catalog, policy, read_json(published), read_json(family / "scores.json"), price)
    for line in report.table(document):
        typer.echo(line)
    if json is not None:
        write_json(document, json)
    if figure is not None:
        import matplotlib as mpl

        from alara_train.report.figures.money import draw_money
        from alara_train.report.figures.style import STYLE, save

        [evaluation] = read_family(family, "evaluation")
        figure.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            save(draw_money(document, evaluation), figure)
