"""How the solver by blocks grows: ``python -m experiments.scaling`` measures, ``--page`` writes docs/scaling.md again.

The measurements are one JSON file, docs/scaling.json; the page is made from it and from nothing else. Every size is a
process of its own, so that its peak memory is its own.
"""

import argparse
import functools
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).parents[1] / "docs"
MIXTURE, ORTHOGONAL = "mixture, d = 784", "near-orthogonal, d = m"
SIZES = {MIXTURE: (2500, 5000, 10_000, 20_000), ORTHOGONAL: (2500, 5000, 10_000, 20_000)}
_ALL_MODELS = 2500  # near-orthogonal sizes up to which all m leave-one-out models are made: 4 factors' worth
_LEAST = 2048  # order of the matrices that the device's rate is measured on
_LIMIT = 5400  # seconds for one size


def sample(kind: str, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and labels; made by NumPy in place, so that the peak memory is the solver's."""
    draw = np.random.default_rng(m)
    y = draw.choice([-1.0, 1.0], m)
    d = 784 if kind == MIXTURE else m
    X = draw.standard_normal((m, d))
    if kind == MIXTURE:  # two clusters 6 apart in units of the noise of one coordinate
        X *= 1 / math.sqrt(d)
        X[:, 0] += 6 / math.sqrt(d) * y
    else:  # inner products of random directions in R^1000000, by a unit coordinate each: A(ψ, φ) with φ about 5e-3
        X *= math.sqrt(0.5e-6)
        X[np.arange(m), np.arange(m)] += 1.0
    return X, y


def measure(kind: str, m: int) -> dict[str, Any]:
    """Seconds, residuals and peak memory of one problem, in this process."""
    import jax

    from theory.blocked_certificate import leave_one_out_certificates
    from theory.solvers.blocked_margin import solve_margin_blocked
    from theory.solvers.device_rows import gram_memory, place
    from theory.unlearning.support_step import support_steps

    X, y = sample(kind, m)
    stated = gram_memory(m, X.shape[1])
    rows, placing = timed(lambda: place(X))
    found, solving = timed(lambda: solve_margin_blocked(rows, y))
    again = timed(lambda: solve_margin_blocked(rows, y))[1] if _cheap(kind, m) else None  # all programs compiled
    support = int(np.sum(np.asarray(found.support)))
    result = {
        "kind": kind,
        "m": m,
        "d": X.shape[1],
        "support": support,
        "working_sets": int(found.rounds),
        "residuals": {name: float(value) for name, value in found.residuals._asdict().items()},
        "relative_residual": float(found.relative_residual),
        "gram_bytes": stated.whole,
        "points_bytes": stated.points,
        "place_seconds": placing,
        "first_solve_seconds": solving,
        "solve_seconds": again or solving,
        "all_models_seconds": None,
        "exact": None,
    }
    if _cheap(kind, m):
        leave_one_out_certificates(rows, y, found)
        models, result["all_models_seconds"] = timed(lambda: leave_one_out_certificates(rows, y, found))
        result["exact"] = int(models.exact.sum())
    else:
        step = next(support_steps(rows, y, np.asarray(found.lam), 16))
        margins = y * rows.times(jax.numpy.asarray(step.weights(rows, y).T)).T
        margins[np.arange(len(margins)), step.left_out] = 1.0
        result["margin_error_of_16_models"] = float(np.abs(margins - 1.0).max())
    result["peak_bytes"] = _peak()
    return result


def _peak() -> int:
    """Most bytes this process ever held (Linux). The kernel's ru_maxrss would count the parent's before the start."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status: the peak memory is measured on Linux")


def _cheap(kind: str, m: int) -> bool:
    """Whether it is run twice, the second time with every program compiled, and all its models are made."""
    return kind == MIXTURE or m <= _ALL_MODELS


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """A result and its processor seconds, which other programs on the machine disturb less than the clock's."""
    began = time.process_time()
    result = run()
    return result, time.process_time() - began


def _finish(run: Callable[[], Any]) -> None:
    run().block_until_ready()


def rates() -> dict[str, float]:
    """Operations a second of this device in the four kernels, float64."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    n = _LEAST
    A = jnp.asarray(np.random.default_rng(0).standard_normal((n, n)))
    L = jnp.linalg.cholesky(A @ A.T + n * jnp.eye(n))
    wide = jnp.asarray(np.random.default_rng(0).standard_normal((8 * n, 784)))
    work: dict[str, tuple[Any, tuple[Any, ...], float]] = {
        "matrix product": (lambda a: a @ a.T, (A,), 2.0 * n**3),
        "triangular solve": (lambda l, a: solve_triangular(l, a, lower=True), (L, A), 1.0 * n**3),
        "Cholesky": (jnp.linalg.cholesky, (A @ A.T + n * jnp.eye(n),), n**3 / 3.0),
        "matrix times vector": (lambda x, v: x @ v, (wide, wide[0]), 2.0 * wide.size),
    }
    found = {}
    for name, (function, arguments, operations) in work.items():
        run = functools.partial(jax.jit(function), *arguments)
        run().block_until_ready()
        seconds = []
        for _ in range(5):
            seconds.append(timed(functools.partial(_finish, run))[1])
        found[name] = operations / float(np.median(seconds))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the page from the kept measurements")
    parser.add_argument("--one", nargs=2, metavar=("KIND", "M"), help=argparse.SUPPRESS)
    parser.add_argument("--largest", type=int, default=20_000, help="leave larger sizes out")
    asked = parser.parse_args()
    if not asked.page:
        import jax

        jax.config.update("jax_enable_x64", True)  # a process of its own
        if asked.one:
            print(json.dumps(measure(asked.one[0], int(asked.one[1]))))
            return
        _measure_all(asked.largest)
    from experiments.scaling_page import page

    (DOCS / "scaling.md").write_text(page(json.loads((DOCS / "scaling.json").read_text())), encoding="utf-8")


def _measure_all(largest: int) -> None:
    from experiments.benchmarks.record import load
    from experiments.provenance import environment

    DOCS.mkdir(exist_ok=True)
    kept: dict[str, Any] = {"environment": environment(), "load": [load()], "rates": rates(), "runs": []}
    for kind, sizes in SIZES.items():
        for m in (size for size in sizes if size <= largest):
            command = [sys.executable, "-m", "experiments.scaling", "--one", kind, str(m)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
            if done.returncode:
                kept["runs"].append({"kind": kind, "m": m, "failed": (done.stderr.strip().splitlines() or ["?"])[-1]})
            else:
                kept["runs"].append(json.loads(done.stdout))
            kept["load"].append(load())
            (DOCS / "scaling.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            print(kept["runs"][-1], flush=True)


if __name__ == "__main__":
    main()
