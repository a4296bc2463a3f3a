"""The audit of a two-layer ReLU network: Clarke residuals before, every unlearning method, certificates after.

The hidden weights are W = W⊥ + C X, W⊥ orthogonal to the points: only C changes. As for linear models, weights are
in the units where the least margin is 1 wherever the network separates its points.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from experiments.audit_linear import SLACKNESS
from theory.models import two_layer
from theory.models.two_layer import TwoLayer
from theory.solvers.clarke import ClarkeMultipliers, best_clarke_multipliers
from theory.solvers.clarke_kkt_point import KinkStatus, kkt_point_near
from theory.solvers.memory import require_memory
from theory.solvers.min_norm import row_space
from theory.solvers.two_layer_flow import train_in_coefficients
from theory.two_layer_certificate import StepCertificate, certify_direction, certify_exact, certify_step
from theory.unlearning.two_layer_ascent import ascend, ascend_projected, step_weights

Record = dict[str, Any]

KINK_TOLERANCE = 1e-9
"""Cosine below which a pair counts as a kink. Networks in float32 need about 1e-6."""
START = 0.1  # length of a neuron at the start of retraining, in units where the points have mean square norm 1


class Trained(NamedTuple):
    """The network before unlearning."""

    net: TwoLayer  # scaled to least margin 1 if it separates its points
    outside: np.ndarray  # (n, d) W⊥, the part of the scaled weights that is orthogonal to the points
    scale: float  # the scaled weights times this are the weights as given
    separates: bool
    least: float  # least margin of the weights as given
    found: ClarkeMultipliers
    lam: np.ndarray  # (m,) its multipliers
    kink_tolerance: float


_best = jax.jit(best_clarke_multipliers)
_direction = jax.jit(certify_direction)
_exact = jax.jit(certify_exact)
_near = jax.jit(kkt_point_near)
_step = jax.jit(certify_step)
_flow = jax.jit(train_in_coefficients, static_argnames=("steps", "records"))


def train_state(given: np.ndarray, W: np.ndarray, X: np.ndarray, y: np.ndarray, kink_tolerance: float) -> Trained:
    """What is known of the given network on all its points.

    Raises:
        ValueError: the solvers' arrays would not fit into memory.
    """
    m, n = len(y), len(given)
    require_memory(40 * n * m * m, f"a network of {n} neurons on {m} points", "audit fewer points")
    u, hidden, points, labels = (jnp.asarray(part) for part in (given, W, X, y))
    G = points @ points.T
    net, outside = _in_span(u, hidden, points, G)
    least = float(jnp.min(two_layer.margins(net, G, labels)))
    separates = least > 0
    scale = least if separates else 1.0
    unit = two_layer.scaled(net, 1.0 / scale)
    found = _best(unit, G, labels, None, kink_tolerance, SLACKNESS if separates else 0.0)
    return Trained(unit, outside / scale, scale, separates, least, found, np.asarray(found.lam), kink_tolerance)


def _in_span(u: Array, W: Array, X: Array, G: Array) -> tuple[TwoLayer, np.ndarray]:
    """The network in coefficients and W⊥; pre-activations are X Wᵀ to rounding, however dependent the points."""
    space = row_space(X)
    C, outside = jax.vmap(space.combination)(W), jax.vmap(space.reject)(W)
    return TwoLayer(u, C, X @ W.T - G @ C.T, jnp.sum(outside**2, axis=1)), np.asarray(outside)


def unlearn(
    trained: Trained, X: Array, y: Array, forget: Array, method: str, fraction: float, steps: int, seed: int
) -> np.ndarray:
    """Hidden weights (n, d) after one method, in ``trained``'s units."""
    net, found, G = trained.net, trained.found, X @ X.T
    kept = ~forget
    if method == "retraining":
        return retrain(net.u, X, y, kept, steps, seed)
    if method == "plain ascent":
        net = ascend(net, y, forget, step_weights(net, G, found.lam, found.t, "autodiff"), fraction)
    elif method == "Clarke ascent":
        net = ascend(net, y, forget, found.t, fraction)
    elif method == "projected ascent":
        net = ascend_projected(net, G, y, forget, found.t, fraction)
    elif method == "fine-tuning":
        net = _flow(net, G, y, kept, steps=steps, records=2).end
        least = float(jnp.min(two_layer.margins(net, G, y)[kept]))
        # the flow lengthens W without limit: its least retained margin is set to 1
        return (trained.outside + np.asarray(net.C @ X)) / (least if least > 0 else 1.0)
    else:
        raise ValueError(f"method: expected a method of unlearning, got {method!r}")
    return trained.outside + np.asarray(net.C @ X)


def retrain(u: Array, X: Array, y: Array, kept: Array, steps: int, seed: int) -> np.ndarray:
    """Weights (n, d) of a network trained on the retained points from a seeded random start: one draw of many.

    The exact KKT point that its flow leads to where the solver finds it, else the flow's end.
    """
    G = X @ X.T
    d = X.shape[1]
    length = START / np.sqrt(np.mean(np.diagonal(G)))
    W0 = jnp.asarray(length * np.random.default_rng(seed).standard_normal((len(u), d)) / np.sqrt(d))
    end = _flow(two_layer.from_weights(u, W0, X), G, y, kept, steps=steps, records=2).end
    point = _near(end, G, y, kept)
    if int(point.status) == KinkStatus.SOLVED and bool(point.residuals.primal <= 1e-9):
        return np.asarray(two_layer.hidden_weights(point.net, X))
    return np.asarray(two_layer.hidden_weights(end, X, W0))


def step_certificate(trained: Trained, G: Array, y: Array, forget: Array) -> StepCertificate | None:
    """The theorem's certificate of the full Clarke step; None where the network does not separate its points."""
    if not trained.separates:
        return None
    found = trained.found
    return _step(trained.net, G, y, found.lam, found.t, forget, found.t, trained.kink_tolerance)


def certify(
    given: np.ndarray, W: np.ndarray, X: Array, y: Array, forget: Array, again: np.ndarray | None, kink_tolerance: float
) -> Record:
    """Both certificates of one network, and 1 − cos to the retrained weights ``again``; None where there is none."""
    kept, G = ~forget, X @ X.T
    net, _ = _in_span(jnp.asarray(given), jnp.asarray(W), X, G)
    least = float(jnp.min(two_layer.margins(net, G, y)[kept]))
    entry: Record = {"feasible": least > 0, "least_retained_margin": least}
    entry |= dict.fromkeys(("epsilon", "epsilon_relative", "delta", "tau", "exact_tau", "exact_note", "direction_gap"))
    if again is not None:
        entry["direction_gap"] = gap(W, again)
    if not entry["feasible"]:
        return entry
    direct = _direction(net, G, y, kept, kink_tolerance, SLACKNESS)
    exact, point = _exact(net, G, y, kept)
    entry |= {
        "epsilon": float(direct.epsilon),
        "epsilon_relative": float(direct.epsilon / two_layer.size(direct.witness, G)),
        "delta": float(direct.delta),
        "tau": float(direct.tau),
    }
    if bool(exact.feasible) and bool(point.residuals.primal <= 1e-9):
        entry["exact_tau"] = float(exact.tau)
    else:
        entry["exact_note"] = KinkStatus(int(point.status)).message if not bool(exact.feasible) else "not solved"
    return entry


def gap(a: np.ndarray, b: np.ndarray) -> float | None:
    """1 − cos of two weight matrices; None where one is 0."""
    sizes = np.linalg.norm(a), np.linalg.norm(b)
    if not all(size > 0 for size in sizes):
        return None
    return 0.5 * float(np.linalg.norm(a / sizes[0] - b / sizes[1])) ** 2


def outputs(u: np.ndarray, W: np.ndarray, X: np.ndarray) -> np.ndarray:
    """N(x) of every row."""
    return np.maximum(X @ W.T, 0.0) @ u


def describe(trained: Trained, G: Array) -> Record:
    """The state before unlearning as a record."""
    found = trained.found
    size = float(two_layer.size(trained.net, G))
    entry: Record = {"separates": trained.separates, "least_margin": trained.least, "norm": size, "residuals": None}
    if trained.separates:
        entry["residuals"] = {name: float(value) for name, value in found.residuals._asdict().items()}
        entry["residuals"]["stationarity_relative"] = entry["residuals"]["stationarity"] / size
    entry["support"] = int(np.sum(np.asarray(found.lam) > 0))
    entry["kinks"] = float(np.mean(np.asarray(found.kinks)))
    return entry
