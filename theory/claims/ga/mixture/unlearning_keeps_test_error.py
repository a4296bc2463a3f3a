r"""Unlearning keeps the test error on the Gaussian mixture: original, unlearned and retrained models agree.

The qualitative statement is paper GA's; every number here is this project's, measured. Data: m points with labels of
both signs, x = yμ + ξ, ξ ~ N(0, I/d), d from 10³ to 10¹², ρ = ‖μ‖ = √(s/√m) d^{−1/4}, so that Σ yᵢ xᵢ has signal
to noise about s and errors are some percent. F is the last point, k = 1 of m = 12.

*Linear models*: where every multiplier is positive the max-margin model interpolates the labels; its test error is
closed-form (``ga.mixture.linear_test_error``), and projected ascent is the retrained model.

*Two-layer networks*: original and retrained are exact Clarke-KKT points reached by a short flow from one start, the
plain step takes autodiff's subgradient. Errors are counted on N fresh points, drawn in coefficients
(``ga.mixture.two_layer_test_error``) and the same for all four models, so that the gap has little sampling noise.

Labels must be balanced: positive points are fitted by neurons with u_j > 0 alone, so the rarer label's count, not m,
sets the error, and a network that retains one label only is wrong on the other.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm as gaussian
from jaxtyping import Array, Bool, Float, UInt

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.mixture import proof_steps
from theory.claims.instances import last, seed_of
from theory.data.wishart import GramSample, mixture_gram, with_labels
from theory.models.mixture_error import count_errors, preactivation_law
from theory.models.two_layer import TwoLayer, dead_points, initialise, output_weights
from theory.numerics import gram_norm
from theory.solvers.clarke_kkt_point import KinkStatus, KKTPoint, kkt_point_near
from theory.solvers.two_layer_flow import train_in_coefficients
from theory.unlearning.two_layer_ascent import ascend, ascend_projected, step_weights

SAMPLES = 512
STEPS = 100  # of the flow: enough to separate, the KKT point is found exactly from its pattern
M, N = 12, 16


class Problem(NamedTuple):
    """A mixture sample with a start of the networks, the points to forget, and the seed of the test points."""

    sample: GramSample
    start: TwoLayer
    forget: Bool[Array, " m"]
    d: Float[Array, ""]
    seed: UInt[Array, ""]


class Errors(NamedTuple):
    """Test errors of original, plain ascent, projected ascent and retrained; how well the models were solved."""

    linear: Float[Array, " 4"]
    network: Float[Array, " 4"]
    residual: Float[Array, ""]


def make(
    y: Float[Array, " m"], n: int, k: int, d: Float[Array, ""], signal: Float[Array, ""], seed: UInt[Array, ""]
) -> Problem:
    """The problem of a seed, with given labels."""
    m = len(y)
    data_key, start_key = jax.random.split(jax.random.key(seed))
    rho = jnp.sqrt(signal / jnp.sqrt(1.0 * m)) * d**-0.25
    sample = with_labels(mixture_gram(data_key, m, d, rho), y)
    return Problem(sample, initialise(start_key, sample.factor, output_weights(n), d), last(k, m), d, seed)


def build(sizes: Sizes, z: Float[Array, " 6"]) -> Problem:
    """d log-uniform from 10³ to 10¹², s from 1.8 to 2.6, alternating labels; the rest is a function of the seed."""
    y = jnp.where(jnp.arange(sizes["m"]) % 2 == 0, 1.0, -1.0)
    d = 10.0 ** (3.0 + 9.0 * jax.nn.sigmoid(z[0]))
    return make(y, sizes["n"], sizes["k"], d, 1.8 + 0.8 * jax.nn.sigmoid(z[1]), seed_of(z))


def linear_errors(i: Problem) -> tuple[Float[Array, " 4"], Float[Array, ""]]:
    """Closed-form errors of the four linear models, and how far a multiplier is from being admissible."""
    rows = i.sample.y[:, None] * i.sample.factor
    G = rows @ rows.T
    kept = jnp.where(i.forget, 0.0, 1.0)
    lam = jnp.linalg.solve(G, jnp.ones_like(kept))
    retrained = kept * jnp.linalg.solve(G * kept[:, None] * kept[None, :] + jnp.diag(1.0 - kept), kept)
    removed = lam * (1.0 - kept)  # (I − P_R) removed: its part in the retained points' span stays
    back = kept * jnp.linalg.solve(G * kept[:, None] * kept[None, :] + jnp.diag(1.0 - kept), kept * (G @ removed))
    models = jnp.stack([lam, kept * lam, lam - removed + back, retrained])

    def error(c: Array) -> Array:
        return gaussian.cdf(-jnp.sqrt(i.d) * (c @ (i.sample.y * i.sample.x_mu)) / gram_norm(c, G))

    admissible = jnp.minimum(jnp.min(lam), jnp.min(jnp.where(i.forget, 1.0, retrained)))
    return jax.vmap(error)(models), jnp.maximum(-admissible, 0.0)


def network_models(i: Problem) -> tuple[list[TwoLayer], KKTPoint, KKTPoint]:
    """The four networks, and the KKT points of all and of the retained points."""
    G, y = i.sample.G, i.sample.y

    def fit(mask: Array) -> KKTPoint:
        end = train_in_coefficients(i.start, G, y, mask, steps=STEPS, records=2).end
        return kkt_point_near(end, G, y, mask, limit=100)

    # one compiled loop for both problems
    both = jax.vmap(fit)(jnp.stack([jnp.ones_like(i.forget), ~i.forget]))
    original, retrained = (jax.tree.map(lambda leaf, row=row: leaf[row], both) for row in (0, 1))
    weights = step_weights(original.net, G, original.lam, original.t, "autodiff")
    plain = ascend(original.net, y, i.forget, weights)
    projected = ascend_projected(original.net, G, y, i.forget, weights)
    return [original.net, plain, projected, retrained.net], original, retrained


def _residual(point: KKTPoint) -> Array:
    r = point.residuals
    worst = jnp.max(jnp.stack([r.primal, r.dual, r.stationarity, jnp.abs(r.complementarity), point.range_error]))
    return jnp.where(point.status == KinkStatus.SOLVED, worst, jnp.inf)


def solve(i: Problem) -> Errors:
    """All eight models and their errors."""
    linear, inadmissible = linear_errors(i)
    nets, original, retrained = network_models(i)
    laws = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[preactivation_law(net, i.sample, i.d) for net in nets])
    # one key: the same test points for all, drawn once
    counts = jax.vmap(lambda law: count_errors(jax.random.key(i.seed + 1), i.start.u, law, SAMPLES))(laws)
    residual = jnp.maximum(jnp.maximum(_residual(original), _residual(retrained)), inadmissible)
    return Errors(linear, counts / SAMPLES, residual)


def spread(errors: Float[Array, " 4"]) -> Float[Array, ""]:
    """Largest minus smallest error."""
    return jnp.max(errors) - jnp.min(errors)


def _both_labels(i: Problem) -> Array:
    """≥ 0 where at least a third of the retained points has the rarer label."""
    kept = ~i.forget
    rarer = jnp.minimum(jnp.sum(kept & (i.sample.y > 0)), jnp.sum(kept & (i.sample.y < 0)))
    return 3 * rarer - jnp.sum(kept)


def _alive(i: Problem) -> Array:
    """≥ 0 where every point has an active neuron of its label's sign at the start."""
    return -jnp.sum(dead_points(i.start, i.sample.G, i.sample.y))


def _most_forgotten() -> Problem:
    """Ten of twelve points are forgotten: the signal falls from s to s/√6."""
    y = jnp.where(jnp.arange(M) % 2 == 0, 1.0, -1.0)
    return jax.jit(lambda seed: make(y, N, 10, jnp.array(1e6), jnp.array(2.4), seed))(jnp.asarray(np.uint32(5)))


CLAIM = Claim(
    key="ga.mixture.unlearning_keeps_test_error",
    title="Unlearned, retrained and original models have nearly the same test error on the mixture",
    statement=r"\max_{a,b}|p_a-p_b| \text{ over original, ascent, projected and retrained is small for } k\ll m"
    r"\text{ and }\rho=\Theta(d^{-1/4})",
    source="GA (arXiv 2510.14844), abstract, for the qualitative statement; the gaps are this project's",
    status="reported",
    sizes=({"m": M, "n": N, "k": 1},),
    latent=lambda sizes: 6,
    build=build,
    assumptions=(
        Assumption("both labels", r"\min_\pm|\{i\in R: y_i=\pm1\}| \ge |R|/3", _both_labels),
        Assumption("few forgotten", r"k \le m/8", lambda i: len(i.forget) - 8 * jnp.sum(i.forget)),
        Assumption("active start", r"\forall i\,\exists j:\ u_jy_i>0,\ \langle w_j^0,x_i\rangle>0", _alive),
    ),
    solve=solve,
    residual=lambda i, s: s.residual,
    conclusions=(
        Conclusion(
            "linear models",
            r"\max_{a,b}|p_a-p_b| \le 0.01",
            lhs=lambda i, s: spread(s.linear),
            rhs=lambda i, s, *, linear: linear,
            share=0.95,
        ),
        Conclusion(
            "networks",
            r"\max_{a,b}|\hat p_a-\hat p_b| \le 0.05",
            lhs=lambda i, s: spread(s.network),
            rhs=lambda i, s, *, network: network,
            share=0.95,
        ),
        Conclusion(
            "linear models, always",
            r"\max_{a,b}|p_a-p_b| \le 0.05",
            lhs=lambda i, s: spread(s.linear),
            rhs=lambda i, s, *, always: always,
        ),
        Conclusion(
            "errors are not trivial",
            r"0.002 \le p_a",
            lhs=lambda i, s: jnp.concatenate([s.linear, s.network]),
            rhs=lambda i, s, *, least: least,
            relation=">=",
            share=0.95,
        ),
        Conclusion(
            "better than chance",
            r"p_a \le 0.2",
            lhs=lambda i, s: jnp.concatenate([s.linear, s.network]),
            rhs=lambda i, s, *, most: most,
            share=0.95,
        ),
    ),
    counterexamples=(Counterexample("few forgotten", _most_forgotten, "10 of 12: Φ(−2.4) becomes Φ(−2.4/√6)"),),
    constants={"linear": 0.01, "network": 0.05, "always": 0.05, "least": 0.002, "most": 0.2},
    obligations=proof_steps.unlearning_keeps_test_error,
    notes="Measured on 1,000 instances (m = 12, k = 1): the median error of linear models is 1.4% before, 1.8% after; "
    "of networks 5.5% and 6.5%; the gap's median is 0.4 and 1.2 percentage points, its 95th percentile 0.6 and 2.9, "
    "its maximum 1.3 and 7.6. There is no strict bound for networks: of 19,034 instances 172 had a gap above 5 points, "
    "2 above 20, the largest 29. In both the forgotten point has a multiplier of 8 (median 2), and "
    "ascent, plain or projected, errs on 35% where retraining errs on 10%. Networks err more than linear models and "
    "lose more, because each label is fitted by its own neurons, so half of the points carry the signal: their "
    "error is near Φ(−s/√2), not Φ(−s).",
)
