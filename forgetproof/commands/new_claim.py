"""``forgetproof new-claim``: a claim of one's own to start from."""

import keyword
import re
from pathlib import Path
from typing import Annotated

import typer

from forgetproof.options import UserError


def new_claim(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _; the claim's key becomes own.NAME.")],
    out: Annotated[Path | None, typer.Option("--out", help="The claim's file; NAME.py if left out.")] = None,
) -> None:
    """Write a commented claim and its test beside it; both pass as they are. Nothing is overwritten."""
    from forgetproof.screen import console
    from forgetproof.skeleton import CLAIM, TEST

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(f"NAME: expected lower-case letters, digits and _ such as my_bound, got {name!r}")
    file = out or Path(f"{name}.py")
    if file.suffix != ".py" or not re.fullmatch(r"[A-Za-z_]\w*", file.stem):
        raise UserError(f"--out: expected a Python file such as my_bound.py, got {str(file)!r}")
    if not file.parent.is_dir():
        raise UserError(f"--out: no folder {file.parent}")
    test = file.with_name(f"test_{file.name}")
    for path in (file, test):
        if path.exists():
            raise UserError(f"{path}: exists already; nothing was written")
    for path, text in ((file, CLAIM), (test, TEST)):
        with path.open("x", encoding="utf-8") as handle:
            handle.write(text.format(name=name, file=file.name, test=test.name))
    then = "; ".join(f"forgetproof {command} {file}" for command in ("check", "hunt", "prove", "certify"))
    console().print(f"wrote {file} and {test}\n{then}; pytest {test}", highlight=False, soft_wrap=True, markup=False)
