"""How far the bi-level heuristic, greedy and random choice are from the worst-case forget set of ridge regression.

The exact worst case comes from branch and bound with its certificate (:mod:`theory.solvers.branch_and_bound`). Rows
have mean square norm 1. The step α of the heuristic is given by its nominal reach α · iterations · (largest loss gap of
the model trained on everything), whatever the scale of the losses; γ over the mean loss of that model.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.real_data import load_split
from experiments.study import Parameters, Study, labelled
from theory.solvers.bilevel_ridge import LOWER_LEVELS, descend
from theory.solvers.branch_and_bound import branch_and_bound
from theory.solvers.worst_ridge import LeaveOut, exchange, forget_losses, greedy, leave_out

SHAPES = {"few columns": 0.2, "square": 1.0, "many columns": 2.0}  # d/N
SELECTORS = ("random", "smallest residuals", "greedy", "greedy and swaps")
STARTS = ("random set", "k/N")
_NOISE = 0.5  # of the labels, over the signal


class _Problem(NamedTuple):
    X: np.ndarray  # (N, width), padded by zero columns, which change nothing
    y: np.ndarray
    left: LeaveOut
    start: np.ndarray  # (k,), a random forget set


def _rows(name: str, N: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if name not in SHAPES:
        split = load_split(name, N, seed)
        return split.X, split.y
    draw, d = np.random.default_rng([seed, N]), round(SHAPES[name] * N)
    X = draw.standard_normal((N, d)) / np.sqrt(d)
    signal = X @ draw.standard_normal(d)
    return X, signal + _NOISE * draw.standard_normal(N)


def _problem(name: str, p: Parameters, seed: int) -> _Problem:
    X, y = _rows(name, p["N"], seed)
    X = np.pad(X, ((0, 0), (0, max(2 * p["N"], 65) - X.shape[1])))
    start = np.sort(np.random.default_rng([seed, 7]).choice(p["N"], p["k"], replace=False))
    return _Problem(X, y, leave_out(X, y, p["mu"]), start)


def _selectors(problem: _Problem, k: int) -> np.ndarray:
    """‖r_F‖² of each of SELECTORS."""
    smallest = np.argsort(np.abs(np.asarray(problem.left.e)), kind="stable")[:k]
    first = greedy(problem.left, k)
    plain = forget_losses(problem.left, np.stack([problem.start, smallest]))
    return np.array([*plain, first[1], exchange(problem.left, first[0])[1]])


def _bilevel(problems: list[_Problem], p: Parameters, lower: str) -> tuple[np.ndarray, ...]:
    """‖r_F‖², overlap with the random set and reach: (seed, start, gamma, reach)."""
    N, k = p["N"], p["k"]
    run = functools.partial(descend, k=k, iterations=p["iterations"], lower=lower)
    steps = jax.vmap(jax.vmap(run, (None,) * 4 + (0, None)), (None,) * 5 + (0,))
    grid = jax.vmap(steps, (None, None, None, 0, None, None))
    batch = jax.jit(jax.vmap(grid, (0, 0, None, 0, 0, 0)))
    binary = np.stack([np.isin(np.arange(N), q.start).astype(float) for q in problems])
    starts = np.stack([binary, np.full(binary.shape, k / N)], axis=1)
    trained = np.stack([np.asarray(q.left.e) ** 2 for q in problems])
    alpha = np.asarray(p["reach"])[None] / (p["iterations"] * np.ptp(trained, axis=1))[:, None]
    gamma = np.asarray(p["gamma"])[None] * np.mean(trained, axis=1)[:, None]
    X, y = np.stack([q.X for q in problems]), np.stack([q.y for q in problems])
    found = batch(*map(jnp.asarray, (X, y, p["mu"], starts, alpha, gamma)))
    sets = np.asarray(found.indices)
    losses = [forget_losses(q.left, rows.reshape(-1, k)) for q, rows in zip(problems, sets, strict=True)]
    kept = [np.isin(rows, q.start).mean(axis=-1) for q, rows in zip(problems, sets, strict=True)]
    return np.stack(losses).reshape(sets.shape[:-1]), np.stack(kept), np.asarray(found.reach)


def _effort(p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of branch and bound and the gap it leaves: (shape, points, forgotten, repeat)."""
    sizes = (len(SHAPES), len(p["points"]), len(p["forgotten"]), p["repeats"])
    nodes, gaps = np.zeros(sizes, int), np.zeros(sizes)
    for at in np.ndindex(*sizes):
        shape, N, k = list(SHAPES)[at[0]], p["points"][at[1]], p["forgotten"][at[2]]
        found = branch_and_bound(leave_out(*_rows(shape, N, p["seed"] + at[3]), p["mu"]), k, p["max_nodes"])
        nodes[at], gaps[at] = found.nodes, found.gap
    return nodes, gaps


def run(p: Parameters) -> xr.Dataset:
    """Ratios are of ‖r_F‖² to the exact worst case's."""
    names, seeds = (*SHAPES, *p["digits"]), [p["seed"] + s for s in range(p["seeds"])]
    ratio = np.empty((len(names), len(seeds), len(SELECTORS)))
    grid = (len(names), len(LOWER_LEVELS), len(seeds), len(STARTS), len(p["gamma"]), len(p["reach"]))
    bilevel, overlap, reach = np.empty(grid), np.empty(grid), np.empty(grid)
    unsolved = 0
    for i, name in enumerate(names):
        problems = [_problem(name, p, seed) for seed in seeds]
        exact = [branch_and_bound(q.left, p["k"], p["max_nodes"]) for q in problems]
        unsolved += sum(not found.optimal for found in exact)
        best = np.array([found.value for found in exact])
        ratio[i] = np.stack([_selectors(q, p["k"]) for q in problems]) / best[:, None]
        for j, lower in enumerate(LOWER_LEVELS):
            losses, overlap[i, j], reach[i, j] = _bilevel(problems, p, lower)
            bilevel[i, j] = losses / best[:, None, None, None]
    nodes, gaps = _effort(p)
    dims = ("problem", "lower", "seed", "start", "gamma", "reach")
    effort = ("shape", "points", "forgotten", "repeat")
    counts = [[float(math.comb(N, k)) for k in p["forgotten"]] for N in p["points"]]
    worst = "retrained error on the forget set"
    return xr.Dataset(
        {
            "ratio": labelled(("problem", "seed", "selector"), ratio, worst, "worst case"),
            "bilevel": labelled(dims, bilevel, f"{worst}, bi-level", "worst case"),
            "overlap": labelled(dims, overlap, "share of the random start still in the forget set"),
            "actual": labelled(dims, reach, "reach α Σ (max g − min g) of the iterations"),
            "nodes": labelled(effort, nodes, "partial sets expanded", "nodes"),
            "gap": labelled(effort, gaps, "gap that branch and bound leaves"),
            "sets": labelled(("points", "forgotten"), counts, "forget sets in all", "sets"),
        },
        {
            "problem": labelled("problem", list(names), "ridge problem"),
            "seed": labelled("seed", np.asarray(seeds), "seed"),
            "selector": labelled("selector", list(SELECTORS), "choice of the forget set"),
            "lower": labelled("lower", list(LOWER_LEVELS), "lower level"),
            "start": labelled("start", list(STARTS), "first weights"),
            "gamma": labelled("gamma", np.asarray(p["gamma"], float), "γ", "mean trained loss"),
            "reach": labelled("reach", np.asarray(p["reach"], float), "nominal reach α · iterations · loss gap"),
            "shape": labelled("shape", list(SHAPES), "columns against points"),
            "points": labelled("points", np.asarray(p["points"]), "points N", "points"),
            "forgotten": labelled("forgotten", np.asarray(p["forgotten"]), "forget set k", "points"),
            "repeat": labelled("repeat", np.arange(p["repeats"]), "repetition"),
        },
        {"N": p["N"], "k": p["k"], "iterations": p["iterations"], "unsolved": unsolved, "max_nodes": p["max_nodes"]},
    )


STUDY = Study(
    key="wc_ridge_gap",
    paper="wc",
    title="Heuristics against the exact worst-case forget set of ridge regression",
    question="How far from the worst case are bi-level selection, greedy and random choice, and what does exact cost?",
    quick={
        "seed": 0,
        "N": 30,
        "k": 4,
        "mu": 0.1,
        "digits": ("digits 3-8",),
        "seeds": 4,
        "iterations": 20,
        "reach": (0.03, 0.3, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5),
        "gamma": (0.0, 0.1),
        "points": (25, 100, 400),
        "forgotten": (2, 5, 8),
        "repeats": 1,
        "max_nodes": 200,
    },
    full={
        "seed": 0,
        "N": 60,
        "k": 5,
        "mu": 0.1,
        "digits": ("digits 3-8", "digits 4-9", "digits 1-7"),
        "seeds": 8,
        "iterations": 20,
        "reach": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 1e4, 1e5),
        "gamma": (0.0, 0.01, 0.1),
        "points": (25, 50, 100, 200, 400, 800),
        "forgotten": (2, 5, 8, 12),
        "repeats": 2,
        "max_nodes": 2000,
    },
    tiny={
        "seed": 0,
        "N": 10,
        "k": 2,
        "mu": 0.1,
        "digits": ("digits 3-8",),
        "seeds": 2,
        "iterations": 5,
        "reach": (0.3, 30.0),
        "gamma": (0.0, 0.1),
        "points": (8, 12),
        "forgotten": (2, 3),
        "repeats": 1,
        "max_nodes": 50,
    },
    run=run,
)
