r"""The two-layer view: a network trained to an exact Clarke-KKT point, the ascent step on it, and its certificates.

A step of fraction c removes c g. The theorem's witness is θ − c (I − P_R) g, with the multipliers of the retained
points: ε ≤ ε₁ + ‖r − c g + P_R c g‖ and 1 − cos ≤ 1 − √(1 − q²), q = ‖P_R c g‖/‖θ̃‖ (derived here: the proof in
theory/two_layer_certificate.py holds for any g, so for c g). Training is cut into parts of PART steps, each the same
compiled function, so that it can show how far it is and be stopped; the steps are those of one long run.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from forgetproof.app.knobs import NETWORK, State, parse_query
from forgetproof.app.problem import Points, draw, forget_mask, tied
from forgetproof.app.rows import Row
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, initialise, output_weights
from theory.solvers.clarke_kkt_point import KinkStatus, KKTPoint, kkt_point_near
from theory.solvers.two_layer_flow import train_in_coefficients
from theory.two_layer_certificate import certify_exact, certify_step
from theory.unlearning.two_layer_ascent import ascend_projected, reject, removed_terms, retained_projector, step_weights

SHAPES = ((16, 32), (32, 128))
"""Compiled numbers of points and neurons."""
PART = 250
METHODS = ("nothing", "plain ascent", "projected ascent")
KINK = 1e-9  # cosine below which a pair of an exact point counts as its kink
FRACTIONS = next(np.asarray(knob.values, float) for knob in NETWORK if knob.name == "fraction")


class NotTrained(ValueError):
    """No exact KKT point was reached; the message says why and what to change."""


class Trained(NamedTuple):
    """A problem and the exact KKT point that its network's training led to."""

    G: Array  # (s, s), zero past m
    y: Array  # (s,)
    present: Array  # (s,) bool
    point: KKTPoint
    flips: int  # activations that changed in the last part of the training


class Step(NamedTuple):
    """The step's networks and certificates; axis 0 of ``margins``, ``exact`` runs over METHODS."""

    margins: np.ndarray | Array  # (3, s)
    exact: np.ndarray | Array  # (3,) τ of the (0, 0, τ)-certificate: 1 − cos to an exact KKT point; NaN: none found
    epsilon: np.ndarray | Array  # (3,): found, with refitted multipliers, bound
    delta: np.ndarray | Array  # (2,): found, bound
    tau: np.ndarray | Array  # (2,): found, bound
    flips: np.ndarray | Array  # retained activations that the plain step changes
    curve: np.ndarray | Array  # (2, fractions): ε of the witness with the trained multipliers, and its lower bound


class Network(NamedTuple):
    """What the view shows."""

    m: int
    n: int
    forget: np.ndarray
    trained: Trained
    step: Step
    fraction: float


@jax.jit
def _start(seed_key: Array, X: Array, u: Array, d: Array, scale: Array) -> TwoLayer:
    return initialise(seed_key, X, u, d, scale)


@jax.jit
def _part(net: TwoLayer, G: Array, y: Array, present: Array) -> tuple[TwoLayer, Array]:
    path = train_in_coefficients(net, G, y, present, steps=PART, records=2)
    return path.end, path.flips[-1]


_point = jax.jit(kkt_point_near)


def shape(m: int, n: int) -> tuple[int, int]:
    """The compiled numbers of points and neurons that hold m and n."""
    return next(size for size in SHAPES if m <= size[0] and n <= size[1])


def training_query(state: State) -> str:
    """The part of a state that its trained network depends on."""
    fixed: dict[str, float | str] = {"fraction": 1.0, "which": "last", "subgradient": "model"}
    if state.values["correlation"] == 0.0:
        fixed["k"] = 1
    return state.with_values(**fixed).query


def begin(state: State) -> tuple[Array, Array, Array, TwoLayer]:
    """G, labels, mask of the present points, and the network before training."""
    v = state.values
    m, n, k, seed = (int(v[name]) for name in ("m", "n", "k", "seed"))
    size, width = shape(m, n)
    law, d = str(v["law"]), float(v["d"])
    points: Points = tied(draw(law, d, float(v["rho"]), m, seed, size), m, k, float(v["correlation"]))
    X = points.X[:, : size + 1]  # the others are 0: point i has no coordinate past i + 1
    net = _start(jax.random.fold_in(jax.random.key(seed), 1), X, output_weights(width, n), d, float(v["scale"]))
    return jnp.asarray(X @ X.T), jnp.asarray(points.y), jnp.asarray(points.present), net


def train(query: str) -> Iterator[tuple[int, int, Trained | None]]:
    """Train: yields (steps done, steps in all, None) after each part, and the result with the last.

    Raises:
        NotTrained: a margin was still ≤ 0 at the end, or the solver of the exact point failed.
    """
    state = parse_query(query)
    total = int(state.values["steps"])
    G, y, present, net = begin(state)
    flips = np.asarray(0)
    for done in range(PART, total + 1, PART):
        net, flips = _part(net, G, y, present)
        flips.block_until_ready()
        yield done, total, None
    margins = np.asarray(two_layer.margins(net, G, y))[np.asarray(present)]
    if not (margins > 0).all():
        raise NotTrained(
            f"After {total} steps {int((margins <= 0).sum())} of {len(margins)} points are not separated yet: "
            "train for more steps, or take more neurons or a higher d."
        )
    point = _point(net, G, y, present)
    if int(point.status) != KinkStatus.SOLVED:
        raise NotTrained(f"No exact KKT point was reached: {KinkStatus(int(point.status)).message}.")
    yield total, total, Trained(G, y, present, point, int(flips))


@jax.jit
def _step(trained: Trained, forget: Array, fraction: Array, weights: Array) -> Step:
    G, y, present, point, _ = trained
    retained = present & ~forget
    found = certify_step(point.net, G, y, point.lam, point.t, forget | ~present, fraction * weights, KINK)
    projected = ascend_projected(point.net, G, y, forget | ~present, weights, fraction)
    nets = jax.tree.map(lambda *leaves: jnp.stack(leaves), point.net, found.unlearned, projected)

    def pattern(net: TwoLayer) -> Array:  # the sign of a computed zero is rounding: kinks keep what the point had
        return jnp.where(point.kinks, point.pattern, two_layer.preactivations(net, G) > 0)

    exact = jax.lax.map(lambda net: certify_exact(net, G, y, retained, pattern(net))[0], nets)
    B = retained_projector(G, retained)
    g = removed_terms(point.net, y, forget, weights)
    r = removed_terms(point.net, y, forget, point.t)
    left = reject(g, B)

    def length(c: Array) -> Array:
        return two_layer.size(two_layer.spanned(point.net.u, c), G)

    fractions = jnp.asarray(FRACTIONS)
    on = two_layer.preactivations(point.net, G) > 0
    changed = (two_layer.preactivations(found.unlearned, G) > 0) != on
    counted = retained[:, None] & ~point.kinks & (point.net.u != 0)[None, :]
    return Step(
        margins=jax.vmap(lambda net: two_layer.margins(net, G, y))(nets),
        exact=jnp.where(exact.feasible, exact.tau, jnp.nan),
        epsilon=jnp.stack([found.certificate.epsilon, found.refitted.epsilon, found.epsilon_bound]),
        delta=jnp.stack([found.certificate.delta, found.delta_bound]),
        tau=jnp.stack([found.certificate.tau, found.tau_bound]),
        flips=jnp.sum(changed & counted),
        curve=jnp.stack(
            [jax.vmap(lambda c: length(r - c * left))(fractions), jnp.abs(1.0 - fractions) * length(reject(r, B))]
        ),
    )


def compute(state: State, trained: Trained) -> Network:
    """The view's result for a trained network of :func:`train`."""
    v = state.values
    m, k, n = int(v["m"]), int(v["k"]), int(v["n"])
    forget = forget_mask(str(v["which"]), trained.point.lam, m, k)
    fraction = float(v["fraction"])
    point = trained.point
    weights = step_weights(point.net, trained.G, point.lam, point.t, str(v["subgradient"]))
    step = _step(trained, forget, fraction, weights)
    return Network(m, n, forget, trained, jax.tree.map(np.asarray, step), fraction)


def rows(result: Network) -> list[Row]:
    """The view's numbers."""
    s, point = result.step, result.trained.point
    kept = (np.arange(len(result.forget)) < result.m) & ~result.forget
    pairs = kept[:, None] & (np.asarray(point.net.u) != 0)[None, :]
    return [
        Row("epsilon of the step's witness", s.epsilon[0], s.epsilon[2], note="theorem"),
        Row("epsilon, multipliers refitted", s.epsilon[1], s.epsilon[2], note="theorem"),
        Row("delta of the step's witness", s.delta[0], s.delta[1], "theorem"),
        Row("tau of the step's witness", s.tau[0], s.tau[1], "theorem"),
        *(Row(f"1 - cos to an exact KKT point, {name}", s.exact[i]) for i, name in enumerate(METHODS)),
        *(Row(f"least retained margin, {name}", s.margins[i][kept].min()) for i, name in enumerate(METHODS)),
        *(Row(f"mean forgotten margin, {name}", s.margins[i][result.forget].mean()) for i, name in enumerate(METHODS)),
        Row("retained activations flipped", s.flips),
        Row("share of retained pairs on a kink", np.asarray(point.kinks)[pairs].mean()),
        Row("stationarity of the trained network", point.residuals.stationarity),
    ]


class Phase(NamedTuple):
    """τ to an exact KKT point after the plain step over before it, for correlations × fractions; > 1: it hurts."""

    correlations: np.ndarray
    fractions: np.ndarray
    ratio: np.ndarray  # NaN where nothing was found


def phase(query: str, correlations: int = 8, fractions: int = 9) -> Iterator[tuple[int, int, Phase | None]]:
    """The phase diagram of a state's problem, one training a correlation: yields (done, in all, None or result)."""
    state = parse_query(query)
    at = np.round(np.linspace(0.0, 0.95, correlations), 2)
    steps = np.linspace(0.0, 2.0, fractions)
    ratio = np.full((correlations, fractions), np.nan)
    total = correlations * fractions
    for i, c in enumerate(at):
        try:
            trained = finish(train(state.with_values(correlation=float(c)).query), lambda: None)
        except NotTrained:
            continue
        for j, fraction in enumerate(steps):
            exact = compute(state.with_values(fraction=float(fraction)), trained).step.exact
            ratio[i, j] = exact[1] / exact[0]
            yield i * fractions + j + 1, total, None
    yield total, total, Phase(at, steps, ratio)


def finish(work: Iterator[tuple[int, int, Trained | None]], check: Callable[[], None]) -> Trained:
    """The result of work that is waited for; ``check`` is called between its parts."""
    for _, _, result in work:
        check()
        if result is not None:
            return result
    raise RuntimeError("training ended without a result")


def warm(shape: int) -> None:
    """Compile what the view runs at one of SHAPES."""
    m, n = SHAPES[shape]
    state = parse_query("view=network").with_values(m=m, n=n, steps=4 * PART)
    with contextlib.suppress(NotTrained):
        compute(state, finish(train(state.query), lambda: None))
