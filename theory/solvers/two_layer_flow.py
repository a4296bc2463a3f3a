"""Loss-normalised gradient flow dW/ds = −∇ log L of a two-layer ReLU network, in Gram coefficients.

The path is gradient flow's on L with a faster clock (Lyu & Li 2020; Ji & Telgarsky 2020: the direction tends
to a Clarke-KKT point of the margin problem). With p = −∂ log L/∂M ≥ 0 and active neurons a_ij = [z_ij > 0]
(autodiff's choice at the kink), dc_ji/ds = u_j y_i p_i a_ij: a step costs O(m²n), whatever the dimension.

Integrated by explicit Euler steps, i.e. gradient descent on log L: the field jumps across kinks, so a
higher-order scheme would gain nothing there. Where the flow slides along a kink the steps chatter about it;
after some steps rounding may decide such a sign differently in R^d and in coefficients.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from theory.checks import as_forget_mask, as_gram, as_labels
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, as_network
from theory.numerics import masked_max
from theory.solvers.gradient_flow import LOSSES, loss_weights
from theory.solvers.memory import require_memory


class NotSeparated(ValueError):
    """Training ended with a margin ≤ 0: the network is no candidate for a KKT point. ``margins`` tells which."""

    def __init__(self, message: str, margins: np.ndarray):
        super().__init__(message)
        self.margins = margins


class NetworkPath(NamedTuple):
    """The flow sampled at r times, geometric in the step count; ``end`` is its last point."""

    times: Float[Array, " r"]  # flow time s
    margins: Float[Array, "r m"]  # of W as it is, not normalised
    log_loss: Float[Array, " r"]
    norms: Float[Array, " r"]  # ‖W‖
    flips: Int[Array, " r"]  # (point, neuron) pairs whose activation changed since the record before
    coefficients: Float[Array, "r n m"] | None  # C along the path, where it was asked for
    end: TwoLayer


def step_size(
    u: Float[Array, " n"], G: Float[Array, "m m"], retained: Bool[Array, " m"], rate: Float[Array, ""] | float = 1.0
) -> Float[Array, ""]:
    """rate / (Σu_j² max‖xᵢ‖²): log L has curvature at most its inverse, so rates below 2 are stable."""
    return rate / (jnp.sum(u * u) * masked_max(jnp.diagonal(G), retained, 1.0))


def _marks(steps: int, records: int) -> np.ndarray:
    return np.unique(np.geomspace(1, steps, records).round().astype(int))


def train_in_coefficients(
    start: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"] | None = None,
    steps: int = 5000,
    records: int = 16,
    loss: str = "exponential",
    rate: Float[Array, ""] | float = 1.0,
    keep: bool = False,
) -> NetworkPath:
    """:func:`train_two_layer` for use inside ``jit`` and ``vmap`` (seeds, padded widths, scales): no checks."""
    kept = jnp.ones(len(y), bool) if retained is None else retained
    h = step_size(start.u, G, kept, rate)
    u, Z0 = start.u, start.Z0

    def activations(B: Array) -> Array:
        return G @ B + Z0  # B = Cᵀ

    def step(_: Any, B: Array) -> Array:
        Z = activations(B)
        pull = loss_weights(y * (jax.nn.relu(Z) @ u), kept, loss)[0]
        return B + jnp.where(Z > 0, (h * y * pull)[:, None] * u[None, :], 0.0)

    def segment(
        state: tuple[Array, Array], edges: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
        B, before = state
        B = jax.lax.fori_loop(edges[0], edges[1], step, B)
        Z = activations(B)
        on = Z > 0
        M = y * (jax.nn.relu(Z) @ u)
        norm = two_layer.size(start._replace(C=B.T), G)
        shown = (M, loss_weights(M, kept, loss)[1], norm, jnp.sum(on != before))
        return (B, on), (*shown, B.T) if keep else shown

    marks = _marks(steps, records)
    edges = (jnp.asarray(np.concatenate([[0], marks[:-1]])), jnp.asarray(marks))
    begin = start.C.T
    (end, _), recorded = jax.lax.scan(segment, (begin, activations(begin) > 0), edges)
    return NetworkPath(
        times=jnp.asarray(marks).astype(G.dtype) * h,
        margins=recorded[0],
        log_loss=recorded[1],
        norms=recorded[2],
        flips=recorded[3],
        coefficients=recorded[4] if keep else None,
        end=start._replace(C=end.T),
    )


def train_in_space(
    u: Float[Array, " n"],
    W: Float[Array, "n d"],
    X: Float[Array, "m d"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    steps: int,
    loss: str = "exponential",
    rate: Float[Array, ""] | float = 1.0,
) -> Float[Array, "n d"]:
    """The same steps on W in R^d, by autodiff of log L: the reference, O(m n d) a step."""
    h = step_size(u, X @ X.T, retained, rate)

    def log_loss(hidden: Array) -> Array:
        return loss_weights(y * two_layer.scores(u, hidden, X), retained, loss)[1]

    return jax.lax.fori_loop(0, steps, lambda _, hidden: hidden - h * jax.grad(log_loss)(hidden), W)


def explain_unseparated(net: TwoLayer, G: Float[Array, "m m"], y: Float[Array, " m"], retained: Any = None) -> None:
    """Raise where a (retained) margin is ≤ 0 or NaN, and tell dead points from points not yet separated.

    Raises:
        NotSeparated: with the margins.
    """
    M = np.asarray(two_layer.margins(net, G, y))
    kept = np.ones(len(M), bool) if retained is None else np.asarray(retained)
    bad = kept & ~(M > 0)
    if not bad.any():
        return
    first = int(np.flatnonzero(bad)[0])
    dead = bad & np.asarray(two_layer.dead_points(net, G, y))
    message = (
        f"network: expected every margin > 0, got {M[first]:.3g} at point {first} ({bad.sum()} of {kept.sum()} points)"
    )
    if dead.any():
        message += (
            f"; {dead.sum()} of them, the first {int(np.flatnonzero(dead)[0])}, have no active neuron of their "
            "label's sign, so their own gradients only lower the margin: use more neurons or another initialisation"
        )
    else:
        message += "; train for more steps"
    raise NotSeparated(message, M)


def train_two_layer(
    start: TwoLayer,
    gram: Any,
    y: Any,
    forget: Any = None,
    steps: int = 5000,
    records: int = 16,
    loss: str = "exponential",
    rate: float = 1.0,
    keep: bool = False,
    memory_limit: int | None = None,
    dtype: DTypeLike = jnp.float64,
) -> NetworkPath:
    """Train a two-layer ReLU network by loss-normalised gradient flow, in coefficients.

    Args:
        start: network to start from (:func:`theory.models.two_layer.initialise` or ``from_weights``).
        gram: inner products of the points (m, m). y: labels ±1. forget: points left out of the loss.
        steps, records: Euler steps and recorded times. loss: "exponential" or "logistic".
        rate: step as a share of 1/(Σu_j² max‖xᵢ‖²), in (0, 2). keep: record C as well.
        memory_limit: bytes allowed; None allows 80% of the machine's memory.
        dtype: float64 to verify theory, float32 to explore: half the bytes, but kinks drown in its rounding.

    Returns:
        :class:`NetworkPath`, in ``dtype``.

    Raises:
        ValueError: width 0, NaN weights, shapes that do not match, bad labels, counts or rate, a dead network
            (no neuron active on some point at the start), or memory that would not fit (before allocating).
        NotSeparated: a margin is still ≤ 0 at the end. RuntimeError: x64 is off.

    Source: paper GA's setting; coefficients derived here.
    """
    G = as_gram(gram)
    m = G.shape[0]
    labels, net = as_labels(y, m), as_network(start, m)
    if loss not in LOSSES:
        raise ValueError(f"loss: expected one of {', '.join(LOSSES)}, got {loss!r}")
    if steps < 1 or records < 2:
        raise ValueError(f"steps, records: expected at least 1 and 2, got {steps}, {records}")
    if jnp.dtype(dtype) not in (jnp.float32, jnp.float64):
        raise ValueError(f"dtype: expected float32 or float64, got {jnp.dtype(dtype)}")
    if not 0.0 < rate < 2.0:
        raise ValueError(f"rate: expected a share of the stable step in (0, 2), got {rate}")
    retained = jnp.ones(m, bool) if forget is None else ~as_forget_mask(forget, m)
    n = len(net.u)
    needed = 8 * m * n * (8 + (records if keep else 0))
    require_memory(
        needed, f"a path of {records} records at m = {m}, n = {n}", "record less, or keep=False", memory_limit
    )
    silent = np.asarray(retained & ~jnp.any((two_layer.preactivations(net, G) > 0) & (net.u != 0)[None, :], axis=1))
    if silent.any():
        raise ValueError(
            f"network: expected an active neuron on every point, got none at {silent.sum()} points, the first "
            f"{int(np.flatnonzero(silent)[0])}: a dead network gets no gradient there; use more neurons"
        )
    net, G, labels = jax.tree.map(lambda a: a.astype(dtype), (net, G, labels))
    path = _train(net, G, labels, retained, steps, records, loss, jnp.asarray(rate, dtype), keep)
    explain_unseparated(path.end, G, labels, retained)
    return path


_train = jax.jit(train_in_coefficients, static_argnames=("steps", "records", "loss", "keep"))
