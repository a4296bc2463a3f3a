"""``forgetproof explore``: a page of sliders on the live theorems, claims, studies and saved datasets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from forgetproof.options import UserError
from forgetproof.runtime import start_jax


def explore(
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DATA]...", help="Saved sweeps (folders) and studies (.nc) that the page may slice."),
    ] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="STATE", help="State to begin with, as the page's address has it.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the numbers of the state as JSON and stop: no page.")
    ] = False,
    host: Annotated[str, typer.Option("--host", help="Where to listen; others reach only what is not loopback.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port; the first free one from 2718 if left out.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    token: Annotated[
        bool, typer.Option("--token/--no-token", help="Ask for the secret in the address; needed off loopback.")
    ] = True,
) -> None:
    """Explore theorems with sliders, in the browser: served to this machine alone, until Ctrl-C."""
    start_jax()
    from forgetproof.app.knobs import parse_query, read_state
    from forgetproof.app.page import numbers, open_all

    try:
        open_all(data or [])
        state = parse_query(at) if at else read_state({"view": "data"} if data else {})
        if as_json:
            _print_numbers(state.query, numbers(state))
            return
        from forgetproof.app.server import serve

        serve(host, port, token, state.query if at or data else "", browser, _say)
    except ValueError as fault:
        raise UserError(str(fault)) from fault


def _say(address: str) -> None:
    typer.echo(f"forgetproof explore: {address}\nCtrl-C ends it.")


def _print_numbers(query: str, rows: list[Any]) -> None:
    import json
    import math

    from forgetproof.app.rows import as_numbers

    finite = {name: value if math.isfinite(value) else None for name, value in as_numbers(rows).items()}
    typer.echo(json.dumps({"state": query, "numbers": finite}, indent=2, ensure_ascii=False))
