r"""The error-maximising noise of a linear classifier is well-posed: bounded, and unique under a strong enough penalty.

Logits f(x) = Wx + b of C classes, p = softmax(f), c the class to forget. The noise minimises
J(x) = −CE(f(x), c) + λ‖x‖², λ > 0; ‖W‖ is the spectral norm. Proof (derived here).

1. ∇J(x) = −Wᵀ(p − e_c) + 2λx, so x is stationary exactly where x = T(x) := Wᵀ(p(x) − e_c)/(2λ).
2. ‖p − e_c‖² = (1 − p_c)² + Σ_{j≠c} p_j² ≤ 2(1 − p_c)², for the others sum to 1 − p_c. So every stationary point has
   ‖N‖ ≤ √2 (1 − p_c)‖W‖/(2λ) ≤ √2 ‖W‖/(2λ), whatever b is.
3. CE has the gradient Wᵀ(p − e_c), of length at most √2‖W‖: CE(x) − CE(0) ≤ √2‖W‖‖x‖, hence
   J(x) ≥ J(0) + λ‖x‖² − √2‖W‖‖x‖: J is coercive, and a minimiser exists.
4. vᵀ(diag p − ppᵀ)v is the variance of v under p, at most (max v − min v)²/4 ≤ ‖v‖²/2. So ∇²J = 2λI − Wᵀ(diag p −
   ppᵀ)W lies between 2λ − ‖W‖²/2 and 2λ, and T has Lipschitz constant ‖W‖²/(4λ). From a stationary point
   J(x) ≥ J(N) + (λ − ‖W‖²/4)‖x − N‖². If 2λ > ‖W‖²/2, T contracts: there is one stationary point, the minimiser.
5. −CE is concave, so J lies below its linearisation plus λ‖x − y‖²; at y = T(x) this is J(T(x)) ≤ J(x) − λ‖x − T(x)‖²:
   iterating T is gradient descent with step 1/(2λ), which never raises J, whatever λ > 0 is.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.unsir.noise import proof_steps
from theory.numerics import norm

ITERATIONS = 300
POLISH = 6  # Newton's steps


class Noise(NamedTuple):
    """A linear classifier, the penalty, two starts, and any point to compare with. The class c is the first."""

    W: Float[Array, "C d"]
    b: Float[Array, " C"]
    penalty: Float[Array, ""]  # λ
    start: Float[Array, " d"]
    other: Float[Array, " d"]
    x: Float[Array, " d"]


class Stationary(NamedTuple):
    """Stationary points from both starts, with ‖N − T(N)‖ of each."""

    noise: Float[Array, " d"]
    again: Float[Array, " d"]
    error: Float[Array, ""]
    again_error: Float[Array, ""]


def build(sizes: Sizes, z: Float[Array, " n"]) -> Noise:
    """Any classifier; λ from 0.03 to 300 times ‖W‖²/4, where uniqueness sets in."""
    classes, d = sizes["classes"], sizes["d"]
    W, b, start, other, x, rest = jnp.split(z, np.cumsum([classes * d, classes, d, d, d]))
    W = jnp.tanh(W).reshape(classes, d)
    penalty = 0.25 * (jnp.sum(W * W) + 1e-3) * 10.0 ** (0.5 + 2.0 * jnp.tanh(rest[0]))
    return Noise(W, b, penalty, start, other, x)


def cross_entropy(i: Noise, x: Float[Array, " d"]) -> Float[Array, ""]:
    """−log p_c."""
    logits = i.W @ x + i.b
    return jax.nn.logsumexp(logits) - logits[0]


def objective(i: Noise, x: Float[Array, " d"]) -> Float[Array, ""]:
    """J."""
    return i.penalty * jnp.sum(x * x) - cross_entropy(i, x)


def error_signal(i: Noise, x: Float[Array, " d"]) -> Float[Array, " C"]:
    """p − e_c."""
    return jax.nn.softmax(i.W @ x + i.b) - jnp.where(jnp.arange(len(i.b)) == 0, 1.0, 0.0)


def step(i: Noise, x: Float[Array, " d"]) -> Float[Array, " d"]:
    """T(x)."""
    return i.W.T @ error_signal(i, x) / (2.0 * i.penalty)


def spectral(i: Noise) -> Float[Array, ""]:
    """‖W‖."""
    return jnp.linalg.svd(i.W, compute_uv=False)[0]


def solve(i: Noise) -> Stationary:
    """Both starts, iterated and polished; the better of the two ends is kept."""

    def newton(_: int | Array, x: Array) -> Array:
        slope = jnp.eye(len(x)) - jax.jacfwd(lambda at: step(i, at))(x)
        return x - jnp.linalg.solve(slope, x - step(i, x))

    def find(start: Array) -> tuple[Array, Array]:
        near = jax.lax.fori_loop(0, ITERATIONS, lambda _, x: step(i, x), start)
        sharp = jax.lax.fori_loop(0, POLISH, newton, near)
        errors = norm(near - step(i, near)), norm(sharp - step(i, sharp))
        better = errors[1] < errors[0]
        return jnp.where(better, sharp, near), jnp.where(better, errors[1], errors[0])

    points, errors = jax.vmap(find)(jnp.stack([i.start, i.other]))
    return Stationary(points[0], points[1], errors[0], errors[1])


def _reach(i: Noise) -> Array:
    return jnp.sqrt(2.0) * spectral(i) / (2.0 * i.penalty)


def _curvature(i: Noise) -> Array:
    """2λ − ‖W‖²/2, a bound below J's second derivatives."""
    return 2.0 * i.penalty - 0.5 * spectral(i) ** 2


def apart(i: Noise, s: Stationary) -> Array:
    """Distance between the two stationary points, 0 where J may have several."""
    return jnp.where(_curvature(i) > 0, norm(s.noise - s.again), 0.0)


def _unique_error(i: Noise, s: Stationary) -> Array:
    """Strong convexity turns ‖∇J‖ = 2λ‖N − T(N)‖ at both points, rounding of T included, into a distance."""
    allowed = 2.0 * i.penalty * (s.error + s.again_error + 1e-12 * _reach(i))
    return jnp.where(_curvature(i) > 0, allowed / jnp.where(_curvature(i) > 0, _curvature(i), 1.0), 0.0)


def _values(i: Noise, s: Stationary) -> Array:
    """Magnitude of what enters J at x and at N."""
    longest = norm(i.x) + norm(s.noise)
    return 1.0 + jnp.sum(jnp.abs(i.b)) + jnp.sum(jnp.abs(i.W)) * longest + jnp.abs(i.penalty) * longest**2


def _slope_error(i: Noise, s: Stationary) -> Array:
    """N is stationary up to s.error: ⟨∇J(N), x − N⟩ and the change of J that such a move makes."""
    return 2.0 * jnp.abs(i.penalty) * s.error * norm(i.x - s.noise)


def _rewarded() -> Noise:
    """λ = −1: noise is rewarded, and the bound is negative."""
    fields = (np.array([[1.0], [-1.0]]), np.zeros(2), -1.0, np.zeros(1), np.zeros(1), np.zeros(1))
    return Noise(*map(jnp.asarray, fields))


CLAIM = Claim(
    key="unsir.noise.well_posed",
    title="Error-maximising noise on a linear classifier is bounded, and unique where the penalty outweighs ‖W‖²/4",
    statement=r"J(x)=-\mathrm{CE}(Wx+b,c)+\lambda\|x\|^2,\ \nabla J(N)=0 \Rightarrow "
    r"N=\frac{W^\top(p(N)-e_c)}{2\lambda},\ \|N\|\le\frac{\sqrt2\,\|W\|}{2\lambda};\quad "
    r"2\lambda>\tfrac12\|W\|^2 \Rightarrow N \text{ is unique}",
    source="derived here, for the noise of UNSIR (arXiv 2111.08947)",
    status="proved",
    sizes=({"classes": 2, "d": 1}, {"classes": 5, "d": 4}),
    latent=lambda sizes: sizes["classes"] * (sizes["d"] + 1) + 3 * sizes["d"] + 1,
    build=build,
    assumptions=(Assumption("penalty", r"\lambda>0", lambda i: i.penalty - 1e-300),),
    solve=solve,
    residual=lambda i, s: jnp.maximum(s.error, s.again_error) / (1e-300 + jnp.abs(_reach(i))),
    conclusions=(
        Conclusion(
            "bound",
            r"\|N\|\le\sqrt2\,\|W\|/(2\lambda)",
            lhs=lambda i, s: norm(s.noise),
            rhs=lambda i, s: _reach(i),
            tight=True,
            solver_error=lambda i, s: s.error,
        ),
        Conclusion(
            "bound by the class's probability",
            r"\|N\|\le\sqrt2\,(1-p_c(N))\|W\|/(2\lambda)",
            lhs=lambda i, s: norm(s.noise),
            rhs=lambda i, s: -error_signal(i, s.noise)[0] * _reach(i),
            tight=True,
            scale=lambda i, s: _reach(i),
            solver_error=lambda i, s: s.error,
        ),
        Conclusion(
            "coercive",
            r"J(x)\ge J(0)+\lambda\|x\|^2-\sqrt2\,\|W\|\|x\|",
            lhs=lambda i, s: cross_entropy(i, i.x) - cross_entropy(i, 0.0 * i.x),
            rhs=lambda i, s: jnp.sqrt(2.0) * spectral(i) * norm(i.x),
            tight=True,
            scale=_values,
        ),
        Conclusion(
            "contraction",
            r"\|T(x)-T(y)\|\le\frac{\|W\|^2}{4\lambda}\|x-y\|",
            lhs=lambda i, s: norm(step(i, i.x) - step(i, i.start)),
            rhs=lambda i, s: spectral(i) ** 2 / (4.0 * i.penalty) * norm(i.x - i.start),
            tight=True,
            scale=lambda i, s: _reach(i) * (1.0 + jnp.sum(jnp.abs(i.b)) + norm(i.W) * (norm(i.x) + norm(i.start))),
        ),
        Conclusion(
            "curvature",
            r"J(x)\ge J(N)+(\lambda-\tfrac14\|W\|^2)\|x-N\|^2",
            lhs=lambda i, s: 0.5 * _curvature(i) * norm(i.x - s.noise) ** 2,
            rhs=lambda i, s: objective(i, i.x) - objective(i, s.noise),
            tight=True,
            scale=_values,
            solver_error=_slope_error,
        ),
        Conclusion(
            "unique",
            r"2\lambda>\tfrac12\|W\|^2 \Rightarrow N=N'",
            lhs=apart,
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: jnp.abs(_reach(i)),
            solver_error=_unique_error,
        ),
        Conclusion(
            "descent",
            r"J(T(x))\le J(x)-\lambda\|x-T(x)\|^2",
            lhs=lambda i, s: objective(i, step(i, i.x)) + i.penalty * norm(i.x - step(i, i.x)) ** 2,
            rhs=lambda i, s: objective(i, i.x),
            tight=True,
            scale=lambda i, s: _values(i, s) + _values(i, s._replace(noise=step(i, i.x))),
        ),
    ),
    witness=lambda i, s: s.noise,
    counterexamples=(Counterexample("penalty", _rewarded, "a negative penalty rewards noise: the bound is negative"),),
    obligations=proof_steps.well_posed,
    notes="Below the threshold several stationary points occur. The classifier is linear; for a network the bound "
    "holds with a bound on its Jacobian in the place of ‖W‖.",
)
