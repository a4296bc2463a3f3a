"""``forgetproof unlearn``: apply one method to a user's weights and write the result."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forgetproof.commands.audit import LIMIT, Data, Forget, Kinks, Label, MaxBytes, Model, Seed, Step
from forgetproof.options import Json, UserError, emit
from forgetproof.runtime import start_jax


class Method(StrEnum):
    """Names on the command line."""

    PLAIN = "plain"
    PROJECTED = "projected"
    FINE_TUNE = "fine-tune"
    RETRAIN = "retrain"


_NAMES = {
    Method.PLAIN: "plain ascent",
    Method.PROJECTED: "projected ascent",
    Method.FINE_TUNE: "fine-tuning",
    Method.RETRAIN: "retraining",
}


def unlearn(
    model: Model,
    data: Data,
    forget: Forget,
    method: Annotated[Method, typer.Option("--method", help="How to unlearn.")],
    out: Annotated[Path, typer.Option("--out", help="File for the new weights, .npz or .safetensors.")],
    label: Label = None,
    step: Step = 1.0,
    seed: Seed = 0,
    kink_tolerance: Kinks = 1e-9,
    max_bytes: MaxBytes = LIMIT,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Unlearn rows from a model by one method, write the new weights, and print their certificate."""
    start_jax()
    from experiments.audit import measured, prepare
    from experiments.readers.indices import read_indices
    from experiments.readers.models import read_model
    from experiments.readers.tables import read_table
    from experiments.readers.writing import require_writable, write_model
    from forgetproof.screen import console
    from forgetproof.screen.audit import show_methods

    if method not in (Method.PLAIN, Method.PROJECTED) and step != 1.0:
        raise UserError(f"--step: expected it with --method plain or projected only, got --method {method}")
    name = _NAMES[method]
    try:
        require_writable(out, force)
        given = read_model(model, max_bytes)
        table = read_table(data, label, max_bytes)
        chosen = read_indices(forget, len(table.y))
        problem, _ = prepare(given, table.X, table.y, chosen, step, seed=seed, kink_tolerance=kink_tolerance)
        found = problem.unlearned(name)
        if found is None:
            raise UserError(f"{data}: {name} found no model: retained points that nothing separates, or that defeat it")
        entry = {"name": name, **measured(problem, found), "file": str(out)}
    except ValueError as fault:
        raise UserError(str(fault)) from fault
    write_model(out, found)
    if as_json:
        emit([entry])
    else:
        show_methods([entry])
        console().print(f"weights: {out}", highlight=False)
