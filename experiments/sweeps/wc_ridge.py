"""Worst-case forget sets of ridge regression over N, k and the heuristic's step: the gap to the exact worst case."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.engine.model import Axis, Cell, Result, Sweep
from theory.solvers.bilevel_ridge import LOWER_LEVELS, descend
from theory.solvers.branch_and_bound import branch_and_bound
from theory.solvers.worst_ridge import exchange, forget_losses, greedy, leave_out

SELECTORS = ("random", "smallest residuals", "greedy", "greedy and swaps")
_NOISE = 0.5  # of the labels, over the signal
_PENALTY = 0.1


@functools.partial(jax.jit, static_argnames=("k", "iterations", "lower"))
def _descend(X: Any, y: Any, start: Any, alpha: Any, k: int, iterations: int, lower: str) -> jax.Array:
    one = functools.partial(descend, k=k, iterations=iterations, lower=lower)
    gamma = jnp.zeros(())
    return jax.vmap(lambda a: one(X, y, jnp.asarray(_PENALTY), start, a, gamma).indices)(alpha)


def cell(at: Cell, settings: Cell) -> dict[str, Any]:
    """Gaussian rows with columns/N as given; retrained error on the forget set over the exact worst case's.

    The bi-level heuristic starts at a random set; its step α is given by the nominal reach α · iterations · (largest
    loss gap of the model trained on everything). NaN where branch and bound ran out of nodes.
    """
    N, k, iterations = int(at["N"]), int(at["k"]), int(settings["iterations"])
    draw = np.random.default_rng([int(at["seed"]), N])
    d = max(round(float(at["columns"]) * N), 1)
    X = draw.standard_normal((N, d)) / np.sqrt(d)
    signal = X @ draw.standard_normal(d)
    y = signal + _NOISE * draw.standard_normal(N)
    start = np.sort(draw.choice(N, k, replace=False))
    problem = leave_out(X, y, _PENALTY)
    exact = branch_and_bound(problem, k, int(settings["max_nodes"]))
    best = exact.value if exact.optimal else np.nan
    residual = np.asarray(problem.e)
    first = greedy(problem, k)
    plain = forget_losses(problem, np.stack([start, np.argsort(np.abs(residual), kind="stable")[:k]]))
    alpha = np.asarray(at["reach"], float) / (iterations * np.ptp(residual**2))
    weights = np.isin(np.arange(N), start).astype(float)
    padded = np.pad(X, ((0, 0), (0, max(2 * N - d, 0))))  # zero columns change nothing: one program an N and k
    sets = [np.asarray(_descend(padded, y, weights, alpha, k, iterations, lower)) for lower in LOWER_LEVELS]
    return {
        "ratio": np.array([*plain, first[1], exchange(problem, first[0])[1]]) / best,
        "bilevel": np.stack([forget_losses(problem, rows) for rows in sets]) / best,
        "overlap": np.stack([np.isin(rows, start).mean(axis=1) for rows in sets]),
        "nodes": np.array(float(exact.nodes)),
    }


SWEEP = Sweep(
    key="wc_ridge",
    paper="wc",
    title="Ridge regression: heuristics against the exact worst-case forget set",
    question="How far from the worst case do the heuristics stay over N, k and the step α?",
    axes={
        "N": Axis("points N", "points", whole=True, least=4, most=5000),
        "k": Axis("forget set k", "points", whole=True, least=1),
        "columns": Axis("columns", "points N", least=0.01, most=2.0),
        "reach": Axis("nominal reach α · iterations · loss gap", role="inner", least=0.0),
        "seed": Axis("seed", whole=True, least=0, most=2**31 - 1),
    },
    results={
        "ratio": Result("retrained error on the forget set", "worst case", ("selector",)),
        "bilevel": Result("retrained error on the forget set, bi-level", "worst case", ("lower", "reach")),
        "overlap": Result("share of the random start still in the forget set", "1", ("lower", "reach")),
        "nodes": Result("partial sets that branch and bound expanded", "nodes"),
    },
    labels={"selector": SELECTORS, "lower": LOWER_LEVELS},
    grid={
        "N": (20, 40, 80),
        "k": (2, 3, 5),
        "columns": (0.2, 1.0, 2.0),
        "reach": (0.1, 1.0, 10.0, 100.0, 1e3, 1e4),
        "seed": (0, 1, 2, 3),
        "iterations": 20,
        "max_nodes": 2000,
    },
    tiny={"N": (8,), "k": (2,), "columns": (0.5,), "reach": (0.1, 100.0), "seed": (0, 1), "iterations": 5,
          "max_nodes": 50},
    undefined=lambda at: at["k"] >= at["N"],
    cell=cell,
    vmapped=False,
    chunk=12,
)  # fmt: skip
