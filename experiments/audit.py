"""The audit of a user's own model: what is known before unlearning, after every method, and which theorems speak of it.

Rows of the data are the points of the margin problem, in the user's own units: nothing is standardised. A bias is
the weight of a constant feature. The result is a record ready for JSON, and the unlearned weights.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from experiments import audit_hypotheses as hypotheses
from experiments import audit_linear as linear
from experiments import audit_two_layer as network
from experiments.audit_membership import membership
from experiments.readers.models import Model, as_model
from experiments.readers.tables import Table, labelled
from theory.checks import as_forget_mask
from theory.solvers.memory import require_memory

Record = dict[str, Any]

METHODS = {
    "linear": ("nothing", "fine-tuning", "plain ascent", "projected ascent", "retraining"),
    "two-layer": ("nothing", "fine-tuning", "plain ascent", "Clarke ascent", "projected ascent", "retraining"),
}
STEPS = 1000  # of the flow that fine-tunes, and three times as many to retrain a network
OWN = "your unlearned weights"


@dataclass(frozen=True)
class Audit:
    """What was found: ``record`` for JSON, and the unlearned ``models`` by method."""

    record: Record
    models: dict[str, Model]


@dataclass(frozen=True)
class Problem:
    """A model with its points, ready for any method of unlearning."""

    model: Model
    X: np.ndarray  # (m, d), with the constant feature of a bias
    y: np.ndarray
    forget: np.ndarray  # mask
    trained: Any  # the Trained of audit_linear or audit_two_layer
    fraction: float
    steps: int
    seed: int

    def unlearned(self, method: str) -> Model | None:
        """The model after one method, rounded as it would be written; None where the method finds none."""
        if method == "nothing":
            return self.model
        if self.model.u is None:
            weights = linear.unlearn(self.trained, self.X, self.y, self.forget, method, self.fraction, self.steps)
        else:
            steps = 3 * self.steps if method == "retraining" else self.steps
            weights = network.unlearn(self.trained, *self._arrays(), method, self.fraction, steps, self.seed)
        if weights is None or not np.isfinite(weights).all():
            return None
        return self.model.replaced(self.trained.scale * weights)

    def unit(self, model: Model) -> np.ndarray:
        """A model's weights (n, d) in the units of the certificates."""
        return model.weights / self.trained.scale

    def certify(self, model: Model, again: Model | None) -> Record:
        """The certificate of a model after unlearning."""
        target = None if again is None else self.unit(again)
        if self.model.u is None:
            target = None if target is None else target[0]
            return linear.certify(self.unit(model)[0], self.X, self.y, self.forget, target)
        return network.certify(self.model.u, self.unit(model), *self._arrays(), target, self.trained.kink_tolerance)

    def _arrays(self) -> tuple[Array, Array, Array]:
        return jnp.asarray(self.X), jnp.asarray(self.y), jnp.asarray(self.forget)


def prepare(
    model: Any, X: Any, y: Any, forget: Any, fraction: float = 1.0, steps: int = STEPS, seed: int = 0,
    kink_tolerance: float = network.KINK_TOLERANCE,
) -> tuple[Problem, Table]:  # fmt: skip
    """Check everything that a user passed. Arguments and errors: :func:`audit`."""
    found = as_model(model)
    table = labelled(np.asarray(X), np.asarray(y), "data")
    points, mask = found.points(table.X), np.asarray(as_forget_mask(forget, len(table.y)))
    if not np.isfinite(fraction):
        raise ValueError(f"fraction: expected a finite share of the theorem's step, got {fraction}")
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    if not 0.0 <= kink_tolerance < 1.0:
        raise ValueError(f"kink_tolerance: expected a cosine in [0, 1), got {kink_tolerance}")
    m = len(points)
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = [np.sum(part**2) for part in (points, found.weights, found.weights @ points.T)]
    if not np.isfinite(sizes).all():
        raise ValueError("model, data: expected numbers whose products float64 can hold; divide them by a constant")
    if not np.any(points[~mask]):
        raise ValueError("data: expected a retained point that is not 0 everywhere")
    require_memory(80 * m * m, f"the audit of {m} points", "audit fewer points")
    if found.u is None:
        trained: Any = linear.train_state(found.weights[0], points, table.y)
    else:
        trained = network.train_state(found.u, found.weights, points, table.y, kink_tolerance)
    return Problem(found, points, table.y, mask, trained, float(fraction), steps, seed), table


def audit(
    model: Any,
    X: Any,
    y: Any,
    forget: Any,
    test: tuple[Any, Any] | None = None,
    unlearned: Any = None,
    fraction: float = 1.0,
    steps: int = STEPS,
    seed: int = 0,
    kink_tolerance: float = network.KINK_TOLERANCE,
    progress: Callable[[str], Any] = lambda method: None,
) -> Audit:
    """Audit a classifier before and after forgetting some of its training points.

    Args:
        model: a path, arrays by name, or a fitted object; see :func:`experiments.readers.models.as_model`.
        X, y: training points (m, d) and labels, ±1 or 0/1. forget: indices or mask of the points to forget.
        test: further points and labels; without them there is no test accuracy and no membership attack.
        unlearned: weights of your own to be judged beside the methods, of the same architecture.
        fraction: share of the theorem's step, for the ascents. steps: of the flow that fine-tunes; retraining a
            network takes three times as many. seed: of a retrained network's start and of the attack's choice.
        kink_tolerance: cosine below which a neuron counts as on a point's kink (networks).
        progress: told each method when it is done.

    Returns:
        :class:`Audit`.

    Raises:
        ValueError: bad shapes, values, labels, forget set or settings, or a model of another kind.
        RuntimeError: x64 is off.
    """
    began = time.perf_counter()
    problem, table = prepare(model, X, y, forget, fraction, steps, seed, kink_tolerance)
    kind = problem.model.kind
    unseen = None if test is None else labelled(np.asarray(test[0]), np.asarray(test[1]), "test data")
    own = None if unlearned is None else _own(unlearned, problem.model)
    models = {method: problem.unlearned(method) for method in METHODS[kind]}
    again = models["retraining"]
    chosen = {**models, **({} if own is None else {OWN: own})}
    entries = []
    for method, found in chosen.items():
        entries.append({"name": method} | _measures(problem, found, again, unseen))
        progress(method)
    record = {
        "model": _facts(problem, table, unseen),
        "before": _before(problem),
        "methods": entries,
        "hypotheses": _hypotheses(problem, models["plain ascent"]),
        "settings": {"fraction": fraction, "steps": steps, "seed": seed, "slackness": linear.SLACKNESS,
                     "kink_tolerance": kink_tolerance},
        "seconds": round(time.perf_counter() - began, 2),
    }  # fmt: skip
    return Audit(record, {method: found for method, found in chosen.items() if found is not None})


def _own(unlearned: Any, model: Model) -> Model:
    found = as_model(unlearned)
    if found.weights.shape != model.weights.shape or found.kind != model.kind:
        raise ValueError(
            f"unlearned: expected a {model.kind} model with weights {list(model.weights.shape)} (bias included), "
            f"got {found.kind} with {list(found.weights.shape)}"
        )
    if model.u is not None and not np.allclose(found.u, model.u, rtol=1e-6, atol=0.0):  # type: ignore[arg-type]
        raise ValueError("unlearned: expected the output weights u of the model; the theory keeps them fixed")
    return found


def scores(model: Model, points: np.ndarray) -> np.ndarray:
    """N(x) of every row, the constant feature included."""
    return points @ model.weights[0] if model.u is None else network.outputs(model.u, model.weights, points)


def _measures(problem: Problem, found: Model | None, again: Model | None, unseen: Table | None) -> Record:
    """Certificate, accuracies and the attack for one model; None for what there is not."""
    names = ("forget_accuracy", "retained_accuracy", "test_accuracy", "membership")
    if found is None:
        none = (*names, "least_retained_margin", "epsilon", "epsilon_relative", "delta", "tau", "direction_gap")
        why = "no model was found: for retraining, the retained points are not separable or the solver did not settle"
        return {"feasible": False, "note": why} | dict.fromkeys(none)
    margins = problem.y * scores(found, problem.X)
    right = 100.0 * (margins > 0)
    entry = problem.certify(found, again)
    entry["note"] = "" if entry["feasible"] else "a retained margin is not positive: no certificate of this kind"
    entry |= {
        "forget_accuracy": float(np.mean(right[problem.forget])),
        "retained_accuracy": float(np.mean(right[~problem.forget])),
        "test_accuracy": None,
        "membership": None,
    }
    if unseen is not None:
        outside = unseen.y * scores(found, found.points(unseen.X))
        confidence, fresh = (0.5 * (1.0 + np.tanh(0.5 * part)) for part in (margins, outside))
        entry["test_accuracy"] = 100.0 * float(np.mean(outside > 0))
        entry["membership"] = membership(confidence, problem.forget, fresh, problem.seed)
    return entry


def measured(problem: Problem, found: Model) -> Record:
    """Certificate and accuracies of one unlearned model, without a retrained one to compare with."""
    return _measures(problem, found, None, None)


def _facts(problem: Problem, table: Table, unseen: Table | None) -> Record:
    model = problem.model
    notes = [*table.notes]
    if model.bias is not None:
        notes.append("the bias is the weight of a constant feature 1, which counts as one dimension of the points")
    if unseen is None:
        notes.append("no test data were given: test accuracy and the membership attack were not run")
    else:
        notes += unseen.notes
    if model.u is not None:
        notes.append(
            "the activation is taken to be ReLU; retraining is one draw: a network trained from a random start with "
            f"seed {problem.seed}; networks "
            "retrained from other starts differ from it"
        )
    singular = np.linalg.svd(problem.X, compute_uv=False)
    condition = singular[0] / singular[singular > 1e-12 * singular[0]][-1]
    if condition > 1e4 and model.u is None:
        notes.append(
            f"the points' condition number is {condition:.1g}: the margin problem is then slow and delicate; "
            "standardised features (and a model trained on them) behave better"
        )
    return {
        "kind": model.kind,
        "features": int(model.W.shape[1]),
        "bias": model.bias is not None,
        "neurons": None if model.u is None else len(model.u),
        "points": len(problem.y),
        "forgotten": int(problem.forget.sum()),
        "forget": np.flatnonzero(problem.forget).tolist(),
        "forgotten_support": int(np.sum(np.asarray(problem.trained.lam)[problem.forget] > 0)),
        "test_points": None if unseen is None else len(unseen.y),
        "notes": notes,
    }


def _before(problem: Problem) -> Record:
    """The trained model on all its points."""
    trained = problem.trained
    entry = (
        linear.describe(trained)
        if problem.model.u is None
        else network.describe(trained, jnp.asarray(problem.X @ problem.X.T))
    )
    margins = problem.y * scores(problem.model, problem.X)
    entry |= {"accuracy": 100.0 * float(np.mean(margins > 0)), "wrong": int(np.sum(margins <= 0))}
    entry["margins"] = [float(v) for v in margins / trained.scale]
    entry["says"] = (
        "The model separates its points. Scaled to least margin 1, these are its KKT residuals."
        if trained.separates
        else f"The model does not separate its points ({entry['wrong']} of {len(margins)} are on the wrong side), so "
        "it is no KKT point of the margin problem for any ε and δ. Accuracies, the attack and the methods are still "
        "reported; a certificate exists for a model whose retained margins are all positive."
    )
    return entry


def _hypotheses(problem: Problem, plain: Model | None) -> list[Record]:
    G = problem.X @ problem.X.T
    trained, forget = problem.trained, problem.forget
    kept = int((~forget).sum())
    residuals = _before(problem)["residuals"]
    if problem.model.u is not None:
        step = network.step_certificate(trained, jnp.asarray(G), jnp.asarray(problem.y), jnp.asarray(forget))
        share = bounds = None
        if step is not None:
            size = network.two_layer.size(step.certificate.witness, jnp.asarray(G))
            share, bounds = float(step.projected_size / size), (float(step.epsilon_bound), float(step.tau_bound))
        return hypotheses.two_layer_rows(G, kept, problem.X.shape[1], residuals, share, bounds)
    assert plain is not None
    return hypotheses.linear_rows(
        G,
        trained.margins,
        trained.lam,
        residuals,
        linear.projected_multipliers(trained, problem.X, problem.y, forget),
        (int(np.linalg.matrix_rank(problem.X)), int(np.linalg.matrix_rank(problem.X[~forget]))),
        np.asarray(trained.exact.lam) if linear.separable(trained.exact) else None,
        forget,
        float(np.min((problem.y * (problem.X @ problem.unit(plain)[0]))[~forget])),
    )
