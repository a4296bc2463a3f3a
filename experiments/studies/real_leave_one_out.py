"""All leave-one-out models of every pair of digits: unlearned at once from one factor, against retraining each.

Only a support vector's leaving changes the model, so the models of all other points are the trained one; the retrained
models are the exact ones, each solved from the trained solution.
"""

import itertools
import os
from typing import Any

import numpy as np
import xarray as xr

from experiments.images.source import DIGITS, load_images
from experiments.study import Parameters, Study, labelled
from theory.blocked_certificate import leave_one_out_certificates
from theory.solvers.blocked_margin import solve_margin_blocked
from theory.solvers.device_rows import place
from theory.unlearning.support_step import support_steps

FOLDER = "FORGETPROOF_MNIST"
"""Environment variable that names a folder of MNIST in the Hugging Face layout; digits stand in without it."""

MODELS = ("nothing", "plain ascent", "support step")
_PER_PAIR = {
    "points": ("training points", "points"),
    "support": ("support vectors", "points"),
    "length": ("norm of the trained model; its margin is the inverse", "1"),
    "residual": ("largest relative KKT residual of the trained and the retrained models", "1"),
    "exact": ("steps that are the retrained model", "points"),
    "working_sets": ("working sets solved for the trained model", "1"),
}


def source(wanted: str) -> str:
    """The images a run reads: "mnist" is the folder that FOLDER names, or digits where it names none."""
    return os.environ.get(FOLDER) or DIGITS if wanted == "mnist" else wanted


def pair(x: np.ndarray, labels: np.ndarray, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """The points of two classes with a constant feature, mean square norm 1; labels +1 for ``a``."""
    chosen = (labels == a) | (labels == b)
    X = x[chosen].reshape(int(chosen.sum()), -1) / 255.0
    X = np.concatenate([X, np.ones((len(X), 1))], axis=1)
    return X / np.sqrt(np.mean(np.sum(X * X, axis=1))), np.where(labels[chosen] == a, 1.0, -1.0)


def run(p: Parameters) -> xr.Dataset:
    """Per pair and support vector: distances to retraining, and the bounds of the certificate."""
    images = load_images(source(p["source"]), cache=False)
    x, labels = np.concatenate([images.train_x, images.test_x]), np.concatenate([images.train_y, images.test_y])
    if p["per_class"]:
        order = np.random.default_rng(p["seed"]).permutation(len(labels))
        kept = np.concatenate([order[labels[order] == c][: p["per_class"]] for c in range(images.classes)])
        x, labels = x[kept], labels[kept]
    pairs = list(itertools.combinations(p["classes"], 2))
    rows = [_one(*pair(x, labels, a, b), p["most"]) for a, b in pairs]
    most = max(len(row["bound"]) for row in rows)

    def padded(name: str) -> np.ndarray:
        return np.stack([np.pad(row[name], (0, most - len(row[name])), constant_values=np.nan) for row in rows])

    distances = np.stack([padded(name) for name in MODELS], axis=-1)
    of_a_point = ("pair", "left_out")
    return xr.Dataset(
        {
            "distance": labelled((*of_a_point, "model"), distances, "distance to the retrained model / its norm"),
            "bound": labelled(of_a_point, padded("bound"), "the certificate's bound on the step's distance / norm"),
            "epsilon": labelled(of_a_point, padded("epsilon"), "ε of the certificate / norm of the retrained model"),
            "tau": labelled(of_a_point, padded("tau"), "τ of the certificate"),
            "margin": labelled(of_a_point, padded("margin"), "least retained margin of the step"),
            **{name: labelled("pair", [row[name] for row in rows], *text) for name, text in _PER_PAIR.items()},
        },
        {
            "pair": labelled("pair", [f"{a}-{b}" for a, b in pairs], "classes"),
            "left_out": labelled("left_out", np.arange(most), "support vector left out"),
            "model": labelled("model", list(MODELS), "unlearning method"),
        },
        {"source": images.name, "images": len(labels)},
    )


def _one(X: np.ndarray, y: np.ndarray, most: int | None) -> dict[str, Any]:
    """One pair; of its support vectors the first ``most`` are left out (None: all)."""
    rows = place(X)
    trained = solve_margin_blocked(rows, y)
    found = leave_one_out_certificates(rows, y, trained)
    w, lam = np.asarray(trained.w), np.asarray(trained.lam)
    steps = support_steps(rows, y, lam)
    unlearned = {l: model for step in steps for l, model in zip(step.left_out, step.weights(rows, y), strict=True)}
    left_out = np.flatnonzero(lam > 0)[:most]
    distances, sizes, residual = np.empty((len(left_out), len(MODELS))), np.empty(len(left_out)), [0.0]
    for i, l in enumerate(left_out):
        retrained = solve_margin_blocked(rows, y, forget=[l], warm_start=trained)
        residual.append(float(retrained.relative_residual))
        target = np.asarray(retrained.w)
        sizes[i] = np.linalg.norm(target)
        models = (w, w - lam[l] * y[l] * X[l], unlearned[l])
        distances[i] = [np.linalg.norm(model - target) / sizes[i] for model in models]
    return {
        **{name: distances[:, i] for i, name in enumerate(MODELS)},
        "bound": found.distance_bound[left_out] / sizes,
        "epsilon": found.epsilon[left_out] / sizes,
        "tau": found.tau[left_out],
        "margin": found.least_margin[left_out],
        "points": float(len(y)),
        "support": float(np.sum(lam > 0)),
        "length": float(np.linalg.norm(w)),
        "residual": max(float(trained.relative_residual), *residual),
        "exact": float(found.exact[left_out].sum()),
        "working_sets": float(trained.rounds),
    }


STUDY = Study(
    key="real_leave_one_out",
    paper="ga",
    title="All leave-one-out models of pairs of digits",
    question="How far from retraining is each of them, unlearned at once, and what does its certificate say?",
    quick={"seed": 0, "source": "digits", "per_class": 0, "classes": (0, 1, 3, 5, 8), "most": 3},
    full={"seed": 0, "source": "mnist", "per_class": 0, "classes": tuple(range(10)), "most": None},
    tiny={"seed": 0, "source": "digits", "per_class": 20, "classes": (0, 3, 8), "most": 3},
    run=run,
)
