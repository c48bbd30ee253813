"""The verbs of `alara-train`."""

from __future__ import annotations

import errno
from typing import Any

import typer
from typer.core import TyperGroup

from alara_train.cli import study
from alara_train.cli.calibrate import calibrate
from alara_train.cli.compare import compare
from alara_train.cli.evaluate import evaluate
from alara_train.cli.export import export
from alara_train.cli.family import cost, family, golden
from alara_train.cli.money import money
from alara_train.cli.pipeline import pipeline
from alara_train.cli.policy import policy
from alara_train.cli.power import power
from alara_train.cli.prepare import prepare
from alara_train.cli.report import report
from alara_train.cli.scores import scores
from alara_train.cli.sweep import sweep
from alara_train.cli.train import train
from alara_train.errors import UserError, describe_os_error
from alara_train.malloc import restart_for_training


class Verbs(TyperGroup):
    """Prints one sentence for an error that the user can correct. A traceback shows a fault of this package."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            typer.echo(f"alara-train: {error}", err=True)
        except OSError as error:
            if error.errno is None or error.errno == errno.EPIPE:
                raise
            typer.echo(f"alara-train: {describe_os_error(error)}", err=True)
        except KeyboardInterrupt:
            typer.echo("alara-train: stopped; run the same command again to continue", err=True)
            raise typer.Exit(130) from None
        raise typer.Exit(2)


class Program(typer.Typer):
    """The console script."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line of this process."""
        restart_for_training()
        return super().__call__(*args, **kwargs)


app = Program(help=__doc__, cls=Verbs, no_args_is_help=True, pretty_exceptions_enable=False)

# In the order of work: films to runs, runs or films to a family, then the family's documents.
VERBS = (
    *(prepare, train, sweep, export, pipeline, family),
    *(calibrate, evaluate, power, policy, report, scores, compare, cost, money, golden),
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(study.app, name="study")


if __name__ == "__main__":
    app()
