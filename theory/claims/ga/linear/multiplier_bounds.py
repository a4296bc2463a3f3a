r"""Multipliers of an (ε, δ)-KKT point on nearly orthogonal data lie in an explicit interval.

Proof (derived here). Let w = Σ λᵢ yᵢ xᵢ + v with λ ≥ 0, ‖v‖ ≤ ε, margins Mᵢ ≥ 1, λᵢ(Mᵢ − 1) ≤ δ, and
A(ψ, φ) with a = 1 − ψ − (m − 1)φ > 0; write s = √(1 + ψ) and Λ = max λᵢ. At a largest multiplier,

    aΛ − εs ≤ Λ(1 − ψ) − (m − 1)φΛ − εs ≤ Mᵢ,   and   Mᵢ ≤ 1 + δ/Λ when Λ > 0,

so aΛ² − (1 + εs)Λ − δ ≤ 0: Λ is at most the larger root U (also when Λ = 0, since U > 0). For any j,

    1 ≤ Mⱼ ≤ λⱼ(1 + ψ) + (m − 1)φΛ + εs,

which bounds λⱼ below; Λ ≤ U turns that into a bound that needs no multiplier.

Both bounds are attained: the upper one where all multipliers are equal, all points have squared norm
1 − ψ and y-signed products −φ (with ε = 0 or ψ = 0, for s is the norm of the *longest* point); the lower
one where xⱼ has squared norm 1 + ψ and margin 1, v points along yⱼxⱼ, and all other multipliers equal Λ
with signed products +φ. The bound without multipliers asks for both at once, so for m > 1 it is
approached only as φ → 0.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import proof_steps
from theory.claims.instances import (
    ApproximateKKT,
    approximate_kkt,
    approximate_kkt_latent,
    complementarity,
    feasibility,
    stationarity,
)


def build(sizes: Sizes, z: Float[Array, " n"]) -> ApproximateKKT:
    """An (ε, δ)-KKT point, ε = 0 in half the draws, with least margin 1 or above.

    A least margin above 1 lets δ > 0 occur at the largest multiplier of a single point too.
    """
    i = approximate_kkt(sizes, z[:-1].at[-1].set(jax.nn.relu(z[-2])))
    stretch = 1.0 + jax.nn.relu(jnp.tanh(z[-1]))
    return i._replace(w=stretch * i.w, lam=stretch * i.lam)


def dominance(i: ApproximateKKT) -> Float[Array, ""]:
    """a = 1 − ψ − (m − 1)φ."""
    return 1.0 - i.psi - (len(i.y) - 1) * i.phi


def norms_margin(i: ApproximateKKT) -> Float[Array, ""]:
    """ψ − max |‖xᵢ‖² − 1|, up to rounding."""
    return i.psi - jnp.max(jnp.abs(jnp.sum(i.X * i.X, axis=1) - 1.0)) + 1e-12


def products_margin(i: ApproximateKKT) -> Float[Array, ""]:
    """φ − max |⟨xᵢ, xⱼ⟩| over i ≠ j, up to rounding."""
    G = i.X @ i.X.T
    return i.phi - jnp.max(jnp.abs(G - jnp.diag(jnp.diagonal(G)))) + 1e-12


def upper(i: ApproximateKKT) -> Float[Array, ""]:
    """Larger root U of aΛ² − (1 + εs)Λ − δ."""
    a, b = dominance(i), 1.0 + stationarity(i) * jnp.sqrt(1.0 + i.psi)
    return (b + jnp.sqrt(b * b + 4.0 * a * complementarity(i))) / (2.0 * a)


def lower(i: ApproximateKKT, largest: Float[Array, ""]) -> Float[Array, ""]:
    """[1 − (m − 1)φΛ − εs] / (1 + ψ) for Λ = ``largest``."""
    error = stationarity(i) * jnp.sqrt(1.0 + i.psi)
    return (1.0 - (len(i.y) - 1) * i.phi * largest - error) / (1.0 + i.psi)


def _largest_in_range(i: ApproximateKKT, _: None, *, psi: float, epsilon: float, delta: float, eps_d: float) -> Array:
    """Largest multiplier, 0 outside the range of the bound by a number."""
    inside = (i.psi <= psi) & (stationarity(i) <= epsilon) & (complementarity(i) <= delta)
    return jnp.where(inside & (4.0 * len(i.y) * i.phi <= eps_d), jnp.max(i.lam), 0.0)


def _magnitude(i: ApproximateKKT, _: None) -> Array:
    """Margins sum m terms of size λ; a in the denominator amplifies their rounding."""
    return (1.0 + jnp.sum(jnp.abs(i.lam))) * (1.0 + upper(i)) / dominance(i)


def _instance(X: list, w: list, lam: list, psi: float, phi: float) -> ApproximateKKT:
    """All labels +1, nothing to forget."""
    m = len(lam)
    points, weights = jnp.asarray(np.array(X)), jnp.asarray(np.array(w))
    nothing = jnp.zeros(m, dtype=bool)
    multipliers = jnp.asarray(np.array(lam))
    return ApproximateKKT(points, jnp.ones(m), nothing, weights, multipliers, jnp.asarray(psi), jnp.asarray(phi))


def _zero_model() -> ApproximateKKT:
    """w = 0 with λ = 0: stationary, but its margin is 0."""
    return _instance([[1.0]], [0.0], [0.0], 0.0, 0.0)


def _short_point() -> ApproximateKKT:
    """x = 1/2: the exact solution has λ = 4, where ψ = 0 would allow 1."""
    return _instance([[0.5]], [2.0], [4.0], 0.0, 0.0)


def _correlated_pair() -> ApproximateKKT:
    """Unit points at product −1/2, both with λ = 2 and margin 1, where φ = 0 would allow 1."""
    X = [[1.0, 0.0], [-0.5, np.sqrt(0.75)]]
    return _instance(X, [1.0, np.sqrt(3.0)], [2.0, 2.0], 0.0, 0.0)


def _duplicates() -> ApproximateKKT:
    """The same point twice: a = −1/10, and any split of λ₁ + λ₂ = 1 is exact."""
    return _instance([[1.0, 0.0], [1.0, 0.0]], [1.0, 0.0], [1.0, 0.0], 0.1, 1.0)


CLAIM = Claim(
    key="ga.linear.multiplier_bounds",
    title="Multipliers on nearly orthogonal data are bounded above and below",
    statement=r"A(\psi,\varphi),\ a=1-\psi-(m-1)\varphi>0,\ s=\sqrt{1+\psi} \Rightarrow "
    r"\lambda_{\max}\le\frac{1+\varepsilon s+\sqrt{(1+\varepsilon s)^2+4a\delta}}{2a},\quad "
    r"\lambda_j\ge\frac{1-(m-1)\varphi\lambda_{\max}-\varepsilon s}{1+\psi}",
    source="derived here",
    status="proved",
    sizes=(
        {"m": 1, "d": 1, "k": 0},
        {"m": 2, "d": 2, "k": 0},
        {"m": 6, "d": 9, "k": 0},
        {"m": 12, "d": 12, "k": 0},
    ),
    latent=lambda sizes: approximate_kkt_latent(sizes) + 1,
    build=build,
    assumptions=(
        Assumption("norms", r"\|x_i\|^2\in[1-\psi,1+\psi]", norms_margin),
        Assumption("products", r"|\langle x_i,x_j\rangle|\le\varphi", products_margin),
        Assumption("a positive", r"a > 0", lambda i: dominance(i) - 1e-9),
        Assumption("feasible", r"M_i \ge 1", feasibility),
        Assumption("dual", r"\lambda_i \ge 0", lambda i: jnp.min(i.lam)),
    ),
    conclusions=(
        Conclusion(
            "upper",
            r"\lambda_{\max}\le\frac{1+\varepsilon s+\sqrt{(1+\varepsilon s)^2+4a\delta}}{2a}",
            lhs=lambda i, _: jnp.max(i.lam),
            rhs=lambda i, _: upper(i),
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "lower",
            r"\lambda_j\ge[1-(m-1)\varphi\lambda_{\max}-\varepsilon s]/(1+\psi)",
            lhs=lambda i, _: i.lam,
            rhs=lambda i, _: lower(i, jnp.max(i.lam)),
            relation=">=",
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "lower, from the data alone",
            r"\lambda_j\ge[1-(m-1)\varphi U-\varepsilon s]/(1+\psi),\ U\text{ the upper bound}",
            lhs=lambda i, _: i.lam,
            rhs=lambda i, _: lower(i, upper(i)),
            relation=">=",
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "upper, a number",
            r"\psi\le0.1,\ \varepsilon,\delta\le0.5,\ 4m\varphi\le\varepsilon_d\le1 \Rightarrow \lambda_{\max}\le2.7",
            lhs=_largest_in_range,
            rhs=lambda i, _, *, C: C,
            scale=_magnitude,
        ),
    ),
    counterexamples=(
        Counterexample("norms", _short_point, "a point of norm 1/2 has λ = 4"),
        Counterexample("products", _correlated_pair, "product −1/2 doubles both multipliers"),
        Counterexample("a positive", _duplicates, "duplicates: a < 0 and the root is negative"),
        Counterexample("feasible", _zero_model, "w = 0, λ = 0"),
    ),
    obligations=proof_steps.multiplier_bounds,
    constants={"C": 2.7, "psi": 0.1, "epsilon": 0.5, "delta": 0.5, "eps_d": 1.0},  # of the bound by a number
    notes="Both bounds are attained. With ε > 0 and ψ > 0 the upper one is not: it charges the error at the longest "
    "point and the multiplier at the shortest. At ε = δ = 0 the bound from the data alone is not attained for m > 1 "
    "either; ga.linear.all_support_vectors gives the sharp one.",
)
