"""What the commands share: their options, how claims are named, and the mistakes that a user can mend."""

import json
from typing import Annotated, Any

import typer

OPTIONAL = {  # packages that only some commands need, and the extra that brings them
    "sympy": "exact",
    "z3": "exact",
    "matplotlib": "reproduce",
    "sklearn": "reproduce",
    "xarray": "reproduce",
    "latex2mathml": "reproduce",
    "clarabel": "bench",
}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON list and nothing else on standard output.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random instances.")]
Patterns = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY|GLOB|FILE.py]...", help="Which claims; every one if left out.")
]


class UserError(Exception):
    """A mistake in what the user passed; printed as one line, exit code 2."""


def usage_fault(fault: Exception) -> str | None:
    """The message for a fault that the user can mend, or None for a defect of the program."""
    if isinstance(fault, typer.TyperException):
        return fault.format_message() or "bad usage; see forgetproof --help"
    if isinstance(fault, OSError):
        return f"{fault.filename or 'file'}: {fault.strerror or fault}"
    if isinstance(fault, ModuleNotFoundError) and fault.name in OPTIONAL:
        return f"{fault.name} is not installed; run: pip install 'forgetproof[{OPTIONAL[fault.name]}]'"
    if isinstance(fault, ImportError) and "pip install" in str(fault):  # worded for the user where it was raised
        return str(fault)
    return None


def select_claims(patterns: list[str] | None) -> list[Any]:
    """The claims that keys, globs over keys and claim files name; every one if there are none."""
    from theory.claims import select

    try:
        return select(patterns or [])
    except ValueError as fault:
        raise UserError(str(fault)) from fault


def emit(records: list[Any]) -> None:
    """Print records as one JSON list."""
    typer.echo(json.dumps(records, indent=2))
