r"""Worst-case forget sets of networks: which samples, or groups of samples, are hardest to forget?

Upper level: minimise Σ_u w_u ℓ_u(θ(w)) + γ‖w‖² over w ∈ [0, 1]^U, Σ w = k, by projected gradient; ℓ_u is the mean loss
of unit u, a single sample or a whole group such as a class, and the k largest weights are the forget set. A low loss
on what was to be forgotten is the worst outcome. Lower level: θ(w) is an unlearned network, either

- by sign descent on Σ (1 − w_i) ℓ_i from the trained network, whose implicit gradient is exactly 0
  (``wc.selection.implicit_gradient``), so that the gradient of the upper level is ℓ_u(θ(w)) + 2γw_u; or
- by any unlearning method on the set that the weights stand for at the time; its response to w, which is piecewise
  constant, is left out of the gradient likewise.

With this gradient a step too small for the number of iterations cannot change the set at all
(:mod:`theory.solvers.reachable_step`): it is refused after the first iteration, with the least step that can.

Source: WC, arXiv 2403.07362. The mean loss of a group, the methods as lower levels and the choice of the step: ours.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from theory.models.networks import Network, forward
from theory.solvers.capped_simplex import capped_simplex
from theory.solvers.reachable_step import Reach, reachable
from theory.solvers.sgd import Labelled, cross_entropy, predict, shuffled, thorough
from theory.unlearning.networks.method import Method, Problem, unlearn_network

Lower = Callable[[Float[Array, " N"], Bool[np.ndarray, " N"], PRNGKeyArray], Network]
"""(1 − w of every sample, the k largest weights' samples, key) -> the unlearned network."""

REACH = 10.0
"""α n (ℓ_(k+1) − ℓ_(1)), n iterations, of the step that is taken if none is given, by the losses of the first.

The k lowest losses decide on the set, and a single outlier on max − min: on trained networks that is larger by many
orders of magnitude, and a step by it leaves most of a random start as it was."""


class Selection(NamedTuple):
    """The forget set and how the weights came to it. U units, n iterations."""

    forget: Bool[np.ndarray, " N"]  # of the samples
    units: Int[np.ndarray, " k"]  # sorted
    w: Float[np.ndarray, " U"]
    losses: Float[np.ndarray, "n U"]  # mean loss of each unit at the lower level's network of each iteration
    overlap: Float[np.ndarray, " n"]  # share of the start's k largest weights among them after each iteration
    alpha: float
    reach: Reach  # by the losses as they came out


def sign_steps(
    network: Network,
    data: Labelled,
    kept: Float[Array, " N"],
    order: Int[Array, "steps B"],
    rate: Float[Array, ""],
) -> Network:
    """Steps θ − rate · sign(∇) on Σ kept_i ℓ_i, a batch a row of ``order``, under ``jit``, ``vmap`` and ``grad``."""

    def objective(layers: Any, stats: Any, rows: Array) -> tuple[Array, Any]:
        logits, after = forward(layers, stats, data.x[rows], train=True)
        return jnp.sum(kept[rows] * cross_entropy(logits, data.y[rows])), after

    def step(held: Network, rows: Array) -> tuple[Network, None]:
        gradient, stats = jax.grad(objective, has_aux=True)(held.layers, held.stats, rows)
        layers = jax.tree.map(lambda weight, slope: weight - rate * jnp.sign(slope), held.layers, gradient)
        return Network(layers, stats), None

    return jax.lax.scan(step, network, order)[0]


sign_descent = jax.jit(sign_steps, compiler_options=thorough())
"""The same, compiled."""


def by_sign_descent(problem: Problem, epochs: int = 1, batch: int = 128, rate: float = 1e-3) -> Lower:
    """The lower level of WC: sign descent from the trained network, the samples weighed by 1 − w."""

    def lower(kept: Array, forget: np.ndarray, key: PRNGKeyArray) -> Network:
        count = len(problem.train.y)
        order = shuffled(key, count, batch, epochs * -(-count // batch))
        return sign_descent(problem.network, problem.train, kept, order, jnp.float32(rate))

    return lower


def by_method(method: Method, problem: Problem, **hyper: Any) -> Lower:
    """Any unlearning method as the lower level, on the set of the k largest weights; ``problem.forget`` is unread."""

    def lower(kept: Array, forget: np.ndarray, key: PRNGKeyArray) -> Network:
        return unlearn_network(method, problem._replace(forget=jnp.asarray(forget)), key, **hyper).network

    return lower


def sample_losses(network: Network, data: Labelled) -> Float[Array, " N"]:
    """Cross-entropy of every sample, in float64 where x64 is on: in float32 all below 1e-7 of a logit are exactly 0."""
    logits = predict(network, data.x)
    return cross_entropy(logits.astype(jnp.result_type(float)), data.y)


@functools.partial(jax.jit, static_argnames="units")
def unit_means(losses: Float[Array, " N"], groups: Int[Array, " N"], units: int) -> Float[Array, " U"]:
    """Mean loss of each unit, in float64."""
    totals = jnp.zeros(units, jnp.float64).at[groups].add(losses.astype(jnp.float64))
    return totals / jnp.zeros(units, jnp.float64).at[groups].add(1.0)


@jax.jit
def upper_step(
    w: Float[Array, " U"], losses: Float[Array, " U"], alpha: Float[Array, ""], gamma: Float[Array, ""]
) -> Float[Array, " U"]:
    """Π(w − α(ℓ + 2γw)), on the capped simplex of the sum of ``w``."""
    return capped_simplex(w - alpha * (losses + 2.0 * gamma * w), jnp.round(jnp.sum(w))).w


def random_start(key: PRNGKeyArray, units: int, k: int) -> Float[np.ndarray, " U"]:
    """The indicator of k random units."""
    return np.isin(np.arange(units), np.asarray(jax.random.permutation(key, units))[:k]).astype(float)


def select_worst_case(
    data: Labelled,
    lower: Lower,
    k: int,
    key: PRNGKeyArray,
    *,
    groups: Any = None,
    start: Any = None,
    alpha: float | None = None,
    gamma: float = 0.0,
    iterations: int = 20,
    strict: bool = True,
    on_iteration: Callable[[int], Any] = lambda done: None,
) -> Selection:
    """Select the k units that are hardest to forget.

    Args:
        data: the training samples. lower: from :func:`by_sign_descent` or :func:`by_method`.
        k: units to forget. key: of the start and of every lower level.
        groups: (N,) unit of each sample, 0 to U − 1; None makes each sample a unit of its own. Labels give classes.
        start: first weights (U,), in [0, 1] with sum k; None takes k random units.
        alpha: step of the weights, 1 over the unit of the losses; None takes one by REACH.
        gamma: of γ‖w‖². iterations: of the weights, ≥ 1.
        strict: refuse, after the first iteration, a step that cannot change the set by that iteration's losses.
        on_iteration: called with the number of iterations done.

    Returns:
        :class:`Selection`.

    Raises:
        ValueError: a bad argument, named, or with ``strict`` a step that cannot move the weights.
    """
    units, count, w = _checked(data, k, key, groups, start, gamma, iterations)
    first, overlap = _largest(w, k), []
    seen: list[np.ndarray] = []
    every = jnp.asarray(units)
    for t, own in enumerate(jax.random.split(jax.random.fold_in(key, 1), iterations)):
        kept = jnp.asarray(1.0 - w[units], jnp.float32)
        network = lower(kept, np.isin(units, _largest(w, k, seen[-1] if seen else None)), own)
        means = unit_means(sample_losses(network, data), every, count)
        seen.append(np.asarray(means))
        if not np.isfinite(seen[-1]).all():
            raise ValueError(
                f"lower: the unlearned network of iteration {t + 1} has losses that are not finite; lower its rate"
            )
        if t == 0:
            alpha = _step(alpha, k, iterations, seen[0], gamma, strict)
        w = np.asarray(upper_step(jnp.asarray(w), means, jnp.asarray(alpha), jnp.asarray(gamma)))
        overlap.append(float(np.isin(_largest(w, k, seen[-1]), first).mean()))
        on_iteration(t + 1)
    chosen, losses = _largest(w, k, seen[-1]), np.stack(seen)
    assert alpha is not None
    reach = reachable(alpha, iterations, losses, gamma)
    return Selection(np.isin(units, chosen), chosen, w, losses, np.asarray(overlap), alpha, reach)


def _largest(w: np.ndarray, k: int, losses: np.ndarray | None = None) -> np.ndarray:
    """The k largest weights' units, sorted; of equal weights those with the lower losses, of these the first."""
    order = np.argsort(-w, kind="stable") if losses is None else np.lexsort((losses, -w))
    return np.sort(order[:k])


def _step(alpha: float | None, k: int, iterations: int, losses: np.ndarray, gamma: float, strict: bool) -> float:
    """The step, checked against the first iteration's losses."""
    if alpha is None:
        ordered = np.sort(losses)
        gaps = ordered[k:] - ordered[0]
        if not gaps[-1] > 0:
            raise ValueError("losses: after the first iteration all are equal, so that no step can change the set")
        return REACH / (iterations * float(gaps[gaps > 0][0]))
    reach = reachable(alpha, iterations, losses, gamma)
    if strict and not reach.can_change:
        raise ValueError(f"{reach.message} (by the losses of the first iteration)")
    return float(alpha)


def _checked(
    data: Labelled, k: int, key: PRNGKeyArray, groups: Any, start: Any, gamma: float, iterations: int
) -> tuple[np.ndarray, int, np.ndarray]:
    """Unit of each sample, number of units, first weights."""
    size = len(data.y)
    units = np.arange(size) if groups is None else np.asarray(groups)
    if (
        units.shape != (size,)
        or units.dtype.kind not in "iu"
        or not np.array_equal(np.unique(units), np.arange(units.max() + 1))
    ):
        raise ValueError(f"groups: expected {size} whole numbers that leave out none from 0 to the largest")
    count = int(units.max()) + 1
    if not 1 <= k < count:
        raise ValueError(f"k: expected 1 to {count - 1}, fewer than the units to choose from, got {k}")
    if iterations < 1:
        raise ValueError(f"iterations: expected at least 1, got {iterations}")
    if not np.isfinite(gamma):
        raise ValueError(f"gamma: expected a finite number, got {gamma}")
    w = random_start(key, count, k) if start is None else np.asarray(start, float)
    if w.shape != (count,) or not ((w >= 0) & (w <= 1)).all() or abs(w.sum() - k) > 1e-9:
        raise ValueError(f"start: expected {count} weights in [0, 1] with sum {k}, got {w.shape} with sum {w.sum():g}")
    return units, count, w
