"""Two-layer networks trained to Clarke-KKT points, and every unlearning method on them, shared by the studies.

Everything is in Gram coefficients and vmapped over problems, CHUNK at a time, so that the compiled functions
are the same for every study with equal m, n and steps, whatever d, initialisation and forget set.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from experiments.studies.gram_problems import in_chunks
from theory.data.wishart import GramSample, mixture_gram, wishart_gram
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, initialise, output_weights
from theory.solvers.clarke import find_kinks
from theory.solvers.clarke_kkt_point import KinkStatus, KKTPoint, kkt_point_from_pattern, kkt_point_near
from theory.solvers.two_layer_flow import train_in_coefficients
from theory.unlearning.two_layer_ascent import ascend, ascend_projected, step_weights

CHUNK = 8  # networks a compiled batch
METHODS = ("nothing", "fine-tuning", "plain ascent", "Clarke ascent", "projected ascent", "retraining")
"""Plain ascent takes autodiff's subgradient; Clarke and projected ascent remove exactly what t put there."""
SAME_KINK = 1e-9  # cosine below which a pair of an exact point counts as its kink


class Trained(NamedTuple):
    """Problems along the first axis: points, the start, the flow's end and the exact KKT point it leads to."""

    sample: GramSample
    start: TwoLayer
    end: TwoLayer
    point: KKTPoint


class Unlearned(NamedTuple):
    """Axis 1 runs over METHODS. Retraining is the retained problem's KKT point from the same start."""

    nets: TwoLayer
    points: KKTPoint  # exact KKT points of the retained problem reached from each network's pattern
    tau: Array  # 1 − cos to the method's own point; NaN where none was found
    nearest: Array  # 1 − cos to the nearest of all methods' points
    retrained_gap: Array  # 1 − cos to the retrained network


def solved(point: KKTPoint) -> Array:
    """Whether the solver reached a KKT point to rounding: elementwise over a batch."""
    return (point.status == KinkStatus.SOLVED) & (worst_residual(point) <= 1e-12)


def worst_residual(point: KKTPoint) -> Array:
    """Largest of the four residuals, |⟨w_j, xᵢ⟩| at kinks, and what t would leave [0, λ] by; elementwise.

    The weights are built from (λ, t), so that an imperfect solve shows in the last three, not in stationarity.
    """
    r = point.residuals
    parts = (r.stationarity, r.complementarity, r.primal, r.dual, point.kink_error, point.range_error)
    return jnp.max(jnp.stack([jnp.asarray(part) for part in parts]), axis=0)


def own_pattern(net: TwoLayer, G: Array, pattern: Array) -> Array:
    """Activations of ``net``, and at its kinks those of ``pattern``: a computed sign is rounding there."""
    return jnp.where(find_kinks(net, G, SAME_KINK), pattern, two_layer.preactivations(net, G) > 0)


def _train(key: Array, d: Array, scale: Array, rho: Array, m: int, n: int, steps: int) -> Trained:
    data_key, start_key = jax.random.split(key)
    with_mean, without = mixture_gram(data_key, m, d, rho), wishart_gram(data_key, m, d)
    without = without._replace(factor=jnp.pad(without.factor, ((0, 0), (1, 0))))  # the mean's coordinate
    sample = jax.tree.map(lambda a, b: jnp.where(rho > 0, a, b), with_mean, without)
    start = initialise(start_key, sample.factor, output_weights(n), d, scale)
    end = train_in_coefficients(start, sample.G, sample.y, steps=steps, records=2).end
    point = kkt_point_near(end, sample.G, sample.y)
    return Trained(sample, start, end, point)


@functools.cache
def _trainer(m: int, n: int, steps: int) -> Any:
    return jax.jit(jax.vmap(functools.partial(_train, m=m, n=n, steps=steps)))


def train(keys: Any, m: int, n: int, d: Any, steps: int, scale: Any = 1.0, rho: Any = 0.0) -> Trained:
    """One problem a key: m Gaussian points in R^d (a mixture where ρ > 0), n neurons of length ``scale`` at the start.

    ``d``, ``scale`` and ``rho`` are numbers or one number a key; d ≥ m + 1.
    """
    each = [np.broadcast_to(np.asarray(a, np.float64), len(keys)) for a in (d, scale, rho)]
    return in_chunks(_trainer(m, n, steps), keys, *each, chunk=CHUNK)


def unlearn_one(problem: Trained, forget: Array, steps: int, tuning: int) -> Unlearned:
    G, y, point = problem.sample.G, problem.sample.y, problem.point
    kept = ~forget
    weights = step_weights(point.net, G, point.lam, point.t, "autodiff")
    plain = ascend(point.net, y, forget, weights)
    clarke = ascend(point.net, y, forget, point.t)
    projected = ascend_projected(point.net, G, y, forget, point.t)
    tuned = train_in_coefficients(point.net, G, y, kept, steps=tuning, records=2).end
    again = train_in_coefficients(problem.start, G, y, kept, steps=steps, records=2).end
    target = kkt_point_near(again, G, y, kept)
    nets = [point.net, tuned, plain, clarke, projected]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets, target.net)

    def reach(net: TwoLayer) -> KKTPoint:
        return kkt_point_from_pattern(net.u, G, y, own_pattern(net, G, point.pattern), kept)

    found = jax.vmap(reach)(jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets))
    points = jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), found, target)
    ok = solved(points)

    def gaps(net: TwoLayer) -> Array:
        return jnp.where(ok, jax.vmap(lambda other: two_layer.cosine_gap(net, other, G))(points.net), jnp.nan)

    table = jax.vmap(gaps)(stacked)
    return Unlearned(stacked, points, jnp.diagonal(table), jnp.nanmin(table, axis=1), table[:, -1])


@functools.cache
def _unlearner(steps: int, tuning: int) -> Any:
    return jax.jit(jax.vmap(functools.partial(unlearn_one, steps=steps, tuning=tuning)))


def unlearn(problems: Trained, forget: np.ndarray, steps: int, tuning: int) -> Unlearned:
    """Every method of METHODS from the exact KKT points.

    Args:
        forget: masks, one a problem. steps: of the flow that retrains. tuning: of the flow that fine-tunes.
    """
    return in_chunks(_unlearner(steps, tuning), problems, forget, chunk=CHUNK)


def last(k: Any, m: int, count: int) -> np.ndarray:
    """Masks (count, m) of the last k points; k a number or one a problem."""
    return np.arange(m)[None, :] >= (m - np.broadcast_to(np.asarray(k), count))[:, None]


def repeat(tree: Any, times: int) -> Any:
    """Every problem ``times`` times in turn."""
    return jax.tree.map(lambda a: np.repeat(np.asarray(a), times, axis=0), tree)
