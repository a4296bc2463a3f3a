"""What the commands share: their options, how claims are named, and the mistakes that a user can mend."""

import json
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any

import typer

OPTIONAL = {  # packages that only some commands need, and the extra that brings them
    "sympy": "exact",
    "z3": "exact",
    "flint": "exact",
    "matplotlib": "reproduce",
    "sklearn": "reproduce",
    "xarray": "reproduce",
    "latex2mathml": "reproduce",
    "clarabel": "bench",
    "safetensors": "audit",
    "pyarrow": "audit",
    "equinox": "networks",
    "optax": "networks",
    "PIL": "networks",
    "distributed": "sweep",
    "dask": "sweep",
    "zarr": "sweep",
    "marimo": "explore",
}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON list and nothing else on standard output.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random instances.")]
Patterns = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY|GLOB|FILE.py]...", help="Which claims; every one if left out.")
]
Constants = Annotated[
    list[str] | None,
    typer.Option(
        "--constant",
        metavar="NAME=VALUE",
        help="Another value for a number of the statement, such as C=2.5 or k=1/16; repeatable. "
        "'forgetproof claims KEY' lists them.",
    ),
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


def select_claims(patterns: list[str] | None, constants: Mapping[str, float] | None = None) -> list[Any]:
    """The claims that keys, globs over keys and claim files name; every one if there are none.

    With ``constants`` each must have all of them, and takes their values.
    """
    from theory.claims import select

    try:
        chosen = select(patterns or [])
        return [claim.with_constants(constants) for claim in chosen] if constants else chosen
    except ValueError as fault:
        raise UserError(str(fault)) from fault


def parse_constants(given: list[str] | None) -> dict[str, float]:
    """NAME=VALUE pairs; a value is a decimal number or a fraction."""
    values: dict[str, float] = {}
    for text in given or []:
        name, equals, value = (part.strip() for part in text.partition("="))
        try:
            number = float(Fraction(value))
        except (ValueError, ZeroDivisionError, OverflowError):
            number = math.nan
        if not (name and equals and math.isfinite(number)):
            raise UserError(
                f"--constant: expected NAME=VALUE with a finite number such as C=2.5 or k=1/16, got {text!r}"
            )
        if name in values:
            raise UserError(f"--constant: {name} is given twice")
        values[name] = number
    return values


def emit(records: list[Any]) -> None:
    """Print records as one JSON list."""
    typer.echo(json.dumps(records, indent=2))
