"""The theorems, one file each: ``theory/claims/ga/linear/name.py`` holds ``CLAIM`` with key ``ga.linear.name``.

Nothing is listed by hand: :func:`all_claims` finds the files, and the tables and tests follow.
"""

import fnmatch
import functools
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, TracebackType

from theory.claim import Claim

PAPERS = {
    "ga": "Melamed, Yehudai, Vardi: Provable Unlearning with Gradient Ascent on Two-Layer ReLU Neural Networks "
    "(arXiv 2510.14844)",
    "ft": "Ding, Xu, Ji et al.: Why Fine-Tuning Struggles with Forgetting in Machine Unlearning? (arXiv 2410.03833)",
    "unsir": "Tarun, Chundawat, Mandal, Kankanhalli: Fast Yet Effective Machine Unlearning (arXiv 2111.08947)",
    "wc": "Fan, Liu, Hero, Liu: Challenging Forgets: Unveiling the Worst-Case Forget Sets in Machine Unlearning "
    "(arXiv 2403.07362)",
}


class ClaimFileError(ValueError):
    """A claim file could not be used; the message says why."""


@functools.cache
def all_claims() -> dict[str, Claim]:
    """Every claim of the library by key, in key order."""
    found: dict[str, Claim] = {}
    for info in pkgutil.walk_packages(__path__, prefix=__name__ + "."):
        claim = getattr(importlib.import_module(info.name), "CLAIM", None)
        if claim is not None:
            found[claim.key] = replace(claim, module=info.name)
    return dict(sorted(found.items()))


def select(patterns: Sequence[str]) -> list[Claim]:
    """Claims by key, glob over keys (``ga.linear.*``), paper (``ft``) or path of a Python file.

    Raises:
        ValueError: nothing matches a pattern (the nearest keys are suggested).
        ClaimFileError: a file that cannot be read or run, or that holds no claim.
    """
    if not patterns:
        return list(all_claims().values())
    chosen: dict[str, Claim] = {}
    for pattern in patterns:
        if pattern.endswith(".py") or "/" in pattern:
            chosen |= {claim.key: claim for claim in load_file(Path(pattern))}
            continue
        matches = [k for k in all_claims() if fnmatch.fnmatchcase(k, pattern) or k.startswith(pattern + ".")]
        if not matches:
            raise ValueError(f"no claim matches {pattern!r}; {_suggestion(pattern)}")
        chosen |= {key: all_claims()[key] for key in matches}
    return list(chosen.values())


def _suggestion(pattern: str) -> str:
    import difflib

    near = difflib.get_close_matches(pattern, all_claims(), n=3, cutoff=0.4)
    return f"did you mean {', '.join(near)}?" if near else "run 'forgetproof claims' for the list"


def load_file(path: Path) -> list[Claim]:
    """The claims defined at the top level of a Python file (which is run).

    Raises:
        ClaimFileError: missing, not Python, failing when run, or without a claim.
    """
    if not path.is_file():
        raise ClaimFileError(f"{path}: no such file")
    if path.suffix != ".py":
        raise ClaimFileError(f"{path}: expected a Python file (.py) that defines a Claim")
    spec = importlib.util.spec_from_file_location(f"forgetproof_claims_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ClaimFileError(f"{path}: cannot be loaded as Python")
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as fault:
        own = [frame for frame in _frames(fault) if frame.tb_frame.f_code.co_filename == str(path)]
        line = f":{own[-1].tb_lineno}" if own else ""
        raise ClaimFileError(f"{path}{line}: {type(fault).__name__}: {fault}") from fault
    claims = [value for value in vars(module).values() if isinstance(value, Claim)]
    if not claims:
        raise ClaimFileError(f"{path}: expected at least one forgetproof.Claim at the top level, found none")
    return [replace(claim, module=str(path)) for claim in claims]


def _frames(fault: BaseException) -> list[TracebackType]:
    frames, frame = [], fault.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    return frames
