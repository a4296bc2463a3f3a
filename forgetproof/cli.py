"""The ``forgetproof`` command: its options, and the commands in the order that ``--help`` shows."""

from typing import Annotated

import typer

from forgetproof.commands.audit import audit
from forgetproof.commands.bench import bench
from forgetproof.commands.certify import certify
from forgetproof.commands.check import check
from forgetproof.commands.claims import claims
from forgetproof.commands.explore import explore
from forgetproof.commands.export import export
from forgetproof.commands.figures import figures
from forgetproof.commands.hunt import hunt
from forgetproof.commands.new_claim import new_claim
from forgetproof.commands.prove import prove
from forgetproof.commands.reproduce import reproduce
from forgetproof.commands.select import select
from forgetproof.commands.sweep import sweep
from forgetproof.commands.train import train
from forgetproof.commands.unlearn import unlearn

app = typer.Typer(
    name="forgetproof",
    help="Verify the theory of machine unlearning: which theorems hold, how tightly, and where they break.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from forgetproof import __version__

        typer.echo(f"forgetproof {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    del version


for command in (
    *(claims, new_claim, check, certify, prove, hunt, export, reproduce, bench, audit, unlearn, train),
    *(select, sweep, figures),
    explore,
):
    app.command()(command)
