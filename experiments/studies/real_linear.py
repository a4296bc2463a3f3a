"""Max-margin linear models of real data: every unlearning method side by side, and which hypotheses hold.

Two regimes: few points (m < d), where projecting can work, and many (m > d), where the retained points
span the space, so that the projected step is 0.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.real_data import NAMES, Split, load_split
from experiments.study import Parameters, Study, labelled
from theory.certificate import certify_linear
from theory.metrics import accuracy
from theory.numerics import cosine_gap
from theory.solvers.margin import MarginSolution, NotSeparable, solve_margin
from theory.unlearning.ascent import remove_terms
from theory.unlearning.fine_tune import fine_tune_classifier
from theory.unlearning.projected_ascent import project_step
from theory.unlearning.retrain import decremental

METHODS = ("nothing", "fine-tuning", "plain ascent", "projected ascent", "retraining", "decremental")
REGIMES = ("few points", "many points")
CHOICES = ("support vectors", "random points")

_MEASURES = {
    "margin": ("least retained margin", "1"),
    "forget_accuracy": ("accuracy on the forget set", "%"),
    "test_accuracy": ("test accuracy", "%"),
    "epsilon": ("ε of the certificate", "1"),
    "delta": ("δ of the certificate", "1"),
    "tau": ("τ of the certificate", "1"),
    "distance_bound": ("certificate's bound on the witness' distance / norm of the retrained model", "1"),
    "witness_distance": ("distance of the witness to the retrained model / its norm", "1"),
    "distance": ("distance to the retrained model / its norm", "1"),
    "gap": ("1 − cos to the retrained model", "1"),
    "seconds": ("time of unlearning, median of 3, compilation excluded", "s"),
}
_PER_CELL = {
    "alpha": ("α of the ascent-step theorem (needs < 1)", "1"),
    "least_multiplier": ("least retained λ + κ (projected ascent is exact where >= 0 and all are on the margin)", "1"),
    "exchanges": ("active-set exchanges of decremental unlearning", "exchanges"),
    "retrain_residual": ("relative KKT residual of the retrained model", "1"),
}
_PER_DATA = {
    "psi": ("ψ: largest | ‖x‖² − 1 | at mean square norm 1", "1"),
    "phi": ("φ: largest |⟨x_i, x_j⟩| at mean square norm 1", "1"),
    "a": ("1 − ψ − (m − 1)φ (near-orthogonality needs > 0)", "1"),
    "on_margin": ("share of training points on the margin", "1"),
    "dimension": ("features that vary, and the constant", "coordinates"),
    "rank": ("rank of the training points", "coordinates"),
    "points": ("training points", "points"),
    "model_test_accuracy": ("test accuracy of the trained model", "%"),
}

_certify = jax.jit(certify_linear)
_plain = jax.jit(remove_terms)
_project = jax.jit(project_step)


def _tuned(X: Any, y: Any, lam: Any, retained: Any, steps: int) -> Any:
    path = fine_tune_classifier(lam * y, X @ X.T, y, retained, steps)
    w = X.T @ path.coefficients[-1]
    # the flow lengthens w without limit: its least retained margin is set to 1
    least = jnp.min(jnp.where(retained, y * (X @ w), jnp.inf))
    return w / jnp.where(least > 0, least, 1.0)


_tune = jax.jit(_tuned, static_argnums=4)


def _accuracy(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    return float(accuracy(*(jnp.asarray(a) for a in (w, X, y))))


def _timed(function: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """The result and the median seconds after a first call that compiles."""
    result = jax.block_until_ready(function())
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function())
        seconds.append(time.perf_counter() - began)
    return result, float(np.median(seconds)) if repeats else np.nan


def _choose(solution: MarginSolution, k: int, choice: str, draw: np.random.Generator) -> np.ndarray:
    """Mask of k points: the largest multipliers (then the least margins), or any."""
    lam, margins = np.asarray(solution.lam), np.asarray(solution.margins)
    order = np.lexsort((margins, -lam)) if choice == CHOICES[0] else draw.permutation(len(lam))
    mask = np.zeros(len(lam), bool)
    mask[order[:k]] = True
    return mask


def _cell(split: Split, trained: MarginSolution, forget: np.ndarray, p: Parameters) -> dict[str, Any]:
    """Every measure of every method for one forget set."""
    X, y, retained = split.X, split.y, ~forget
    w, lam, support = np.asarray(trained.w), np.asarray(trained.lam), np.asarray(trained.support)
    repeats = p["repeats"]
    # both start from a mask, so that they share one compiled solver
    scratch, scratch_seconds = _timed(lambda: solve_margin(X, y, forget=forget, warm_start=retained), repeats)
    warm, warm_seconds = _timed(lambda: decremental(X, y, forget, support & retained), repeats)
    tuned, tuned_seconds = _timed(lambda: _tune(X, y, lam, retained, p["steps"]), repeats)
    plain, plain_seconds = _timed(lambda: _plain(w, X, y, lam, forget), repeats)
    projected, projected_seconds = _timed(lambda: _project(w, X, y, lam, forget), repeats)
    if np.linalg.norm(plain) <= 1e-12 * np.linalg.norm(w):
        plain = np.zeros_like(w)  # every support vector forgotten: what is left is rounding, without a direction
    models = [np.asarray(v) for v in (w, tuned, plain, projected.w, scratch.w, warm.w)]
    seconds = [0.0, tuned_seconds, plain_seconds, projected_seconds, scratch_seconds, warm_seconds]
    target = np.asarray(scratch.w)
    size = float(np.linalg.norm(target))
    rows = []
    for model, spent in zip(models, seconds, strict=True):
        certificate = _certify(model, X, y, retained)
        feasible = bool(certificate.feasible)
        rows.append(
            {
                "margin": np.min((y * (X @ model))[retained]),
                "forget_accuracy": _accuracy(model, X[forget], y[forget]),
                "test_accuracy": _accuracy(model, split.X_test, split.y_test),
                "epsilon": certificate.epsilon if feasible else np.nan,
                "delta": certificate.delta if feasible else np.nan,
                "tau": certificate.tau if feasible else np.nan,
                "distance_bound": certificate.distance_bound / size if feasible else np.nan,
                "witness_distance": np.linalg.norm(certificate.witness - target) / size if feasible else np.nan,
                "distance": np.linalg.norm(model - target) / size,
                "gap": cosine_gap(jnp.asarray(model), jnp.asarray(target)) if np.any(model) else np.nan,
                "seconds": spent,
            }
        )
    moved = np.abs(X @ X.T) @ np.where(forget, lam, 0.0)
    return {
        **{name: np.asarray([float(row[name]) for row in rows]) for name in _MEASURES},
        "alpha": float(np.max(moved[retained])),
        "least_multiplier": float(np.min(np.asarray(projected.multipliers)[retained])),
        "exchanges": float(warm.exchanges),
        "retrain_residual": float(scratch.relative_residual),
    }


def _describe(split: Split, trained: MarginSolution) -> dict[str, float]:
    """Which hypotheses of the theorems the training points meet."""
    G = split.X @ split.X.T
    psi = float(np.max(np.abs(np.diagonal(G) - 1.0)))
    phi = float(np.max(np.abs(G - np.diag(np.diagonal(G)))))
    return {
        "psi": psi,
        "phi": phi,
        "a": 1.0 - psi - (len(G) - 1) * phi,
        "on_margin": float(np.mean(np.asarray(trained.margins) <= 1.0 + 1e-6)),
        "dimension": float(split.dimension),
        "rank": float(split.rank),
        "points": float(len(G)),
        "model_test_accuracy": _accuracy(np.asarray(trained.w), split.X_test, split.y_test),
    }


def run(p: Parameters) -> xr.Dataset:
    """Deterministic but for ``seconds``. Data that cannot be separated are skipped and named in ``not_separable``."""
    sizes = (len(p["data"]), len(REGIMES), len(p["k"]), len(CHOICES), len(METHODS))
    measures = {name: np.full(sizes, np.nan) for name in _MEASURES}
    cells = {name: np.full(sizes[:4], np.nan) for name in _PER_CELL}
    hypotheses = {name: np.full(sizes[:2], np.nan) for name in _PER_DATA}
    not_separable, skipped = [], []
    for i, name in enumerate(p["data"]):
        for j, regime in enumerate(REGIMES):
            train = p["few"][name == "breast cancer"] if j == 0 else p["many"]
            split = load_split(name, train, p["seed"])
            try:
                trained = solve_margin(split.X, split.y, warm_start=np.ones(train, bool))
            except NotSeparable:
                not_separable.append(f"{name}, {regime}")
                continue
            for key, value in _describe(split, trained).items():
                hypotheses[key][i, j] = value
            draw = np.random.default_rng(p["seed"])
            for n, k in enumerate(p["k"]):
                if k >= train:
                    skipped.append(f"{name}, {regime}: {k} of {train} points")
                    continue
                for c, choice in enumerate(CHOICES):
                    found = _cell(split, trained, _choose(trained, k, choice, draw), p)
                    for key in _MEASURES:
                        measures[key][i, j, n, c] = found[key]
                    for key in _PER_CELL:
                        cells[key][i, j, n, c] = found[key]
    dims = ("data", "regime", "k", "choice", "model")
    variables = {name: labelled(dims, measures[name], *text) for name, text in _MEASURES.items()}
    variables |= {name: labelled(dims[:4], cells[name], *text) for name, text in _PER_CELL.items()}
    variables |= {name: labelled(dims[:2], hypotheses[name], *text) for name, text in _PER_DATA.items()}
    return xr.Dataset(
        variables,
        {
            "data": labelled("data", list(p["data"]), "data set"),
            "regime": labelled("regime", list(REGIMES), "number of training points against their dimension"),
            "k": labelled("k", p["k"], "points forgotten", "points"),
            "choice": labelled("choice", list(CHOICES), "which points are forgotten"),
            "model": labelled("model", list(METHODS), "unlearning method"),
        },
        {"not_separable": json.dumps(not_separable), "skipped": json.dumps(skipped), "steps": p["steps"]},
    )


STUDY = Study(
    key="real_linear",
    timed=True,
    paper="ga",
    title="Linear models of real data",
    question="Which hypotheses fail on real data, and what do the methods and the certificate still give?",
    quick={
        "seed": 0,
        "data": ("digits 3-8", "digits 4-9", "breast cancer"),
        "few": (30, 30),  # digits, breast cancer; equal sizes share one compiled solver
        "many": 100,
        "k": (1, 5, 20),
        "repeats": 3,
        "steps": 500,
    },
    full={
        "seed": 0,
        "data": NAMES,
        "few": (40, 30),
        "many": 240,
        "k": (1, 5, 20),
        "repeats": 3,
        "steps": 2000,
    },
    tiny={"seed": 0, "data": ("digits 3-8",), "few": (6, 6), "many": 70, "k": (1, 10), "repeats": 0, "steps": 20},
    run=run,
)
