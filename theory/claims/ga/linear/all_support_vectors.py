r"""On nearly orthogonal data every point is a support vector: max-margin is min-norm interpolation.

Let A(ψ, φ) hold and b = 1 − ψ − (m − 2)φ. If (m − 1)φ < b, that is (2m − 3)φ < 1 − ψ, every multiplier
of the max-margin solution is at least L = [b − (m − 1)φ] / [(1 + ψ)b − (m − 1)φ²] > 0. The condition
contains the positivity of the lower bound of ga.linear.multiplier_bounds at ε = δ = 0,
2(m − 1)φ < 1 − ψ, and is sharp.

Proof (derived here). (m − 1)φ < 1 − ψ (for m > 1 because m − 1 ≤ 2m − 3), so the Gram matrix is
diagonally dominant, the points are independent and a unique solution exists, with λ ≥ 0, M ≥ 1 and
λᵢ(Mᵢ − 1) = 0. For m = 1, λ = 1/‖x‖² ≥ 1/(1 + ψ) = L. For m ≥ 2 let ℓ = λⱼ be the least multiplier,
Λ = λᵢ a largest one, i ≠ j, and κ = yᵢyⱼ⟨xᵢ, xⱼ⟩ ∈ [−φ, φ]. Λ > 0, so Mᵢ = 1:

    1 = Mᵢ ≥ Λ(1 − ψ) − (m − 2)φΛ + κℓ,   that is   Λ ≤ (1 − κℓ)/b,
    1 ≤ Mⱼ ≤ ℓ(1 + ψ) + (κ + (m − 2)φ)Λ.

If κ + (m − 2)φ < 0 then ℓ ≥ 1/(1 + ψ) ≥ L. Otherwise 1 ≤ ℓ(1 + ψ) + (κ + (m − 2)φ)(1 − κℓ)/b =: f(κ).
Suppose ℓ < L. f increases on [−φ, φ], since b f′(κ) = 1 − 2κℓ − (m − 2)φℓ ≥ 1 − mφL ≥ 0: the last step
is b(1 + ψ − mφ) + (m − 1)²φ² ≥ 0, where for m ≥ 3 the first term is ≥ 0 (1 + ψ ≥ b + (m − 2)φ >
(2m − 3)φ ≥ mφ) and for m = 2 the sum is at least (b − φ)². So 1 ≤ f(φ), which says ℓ ≥ L.

Then every Mᵢ = 1, so Xw = y with w = Xᵀ(λ∘y) in the row space: the min-norm interpolator of the labels,
and diag(y) G diag(y) λ = 1. L is attained, for any m: ‖xⱼ‖² = 1 + ψ, all others 1 − ψ, signed products
+φ with xⱼ and −φ among the others. There (2m − 3)φ = 1 − ψ gives λⱼ = 0: the condition cannot be weaker
(at m = 2, ψ = 0 the two points coincide, and λ is not unique).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import support_steps
from theory.claims.instances import near_orthogonal_latent, near_orthogonal_problem
from theory.numerics import norm
from theory.solvers.margin import MarginSolution, margin_from_points
from theory.solvers.min_norm import min_norm


class NearOrthogonal(NamedTuple):
    """Points, labels and the bounds ψ, φ they meet."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    psi: Float[Array, ""]
    phi: Float[Array, ""]


class Solutions(NamedTuple):
    """Max-margin and, independently, min-norm interpolation."""

    margin: MarginSolution
    interpolator: Float[Array, " d"]


def interpolating_share(m: int, a: float = 2.0, b: float = 3.0) -> float:
    """Largest (m − 1)φ/(1 − ψ), less 2%, under which (am − b)φ < 1 − ψ; at most 0.98, for independent points."""
    return 0.98 * min(max(m - 1, 1) / max(a * m - b, 1e-9), 1.0)


def build(sizes: Sizes, z: Float[Array, " n"], *, a: float, b: float) -> NearOrthogonal:
    """A(ψ, φ) with (am − b)φ < 0.98 (1 − ψ)."""
    problem, psi, phi = near_orthogonal_problem(sizes, z, interpolating_share(sizes["m"], a, b))
    return NearOrthogonal(problem.X, problem.y, psi, phi)


def solve(i: NearOrthogonal) -> Solutions:
    """Both solutions; the interpolator by SVD, not from the multipliers."""
    return Solutions(margin_from_points(i.X, i.y, extended=False), min_norm(i.X, i.y).w)


def slack(i: NearOrthogonal, a: float = 2.0, b: float = 3.0) -> Float[Array, ""]:
    """1 − ψ − (am − b)φ."""
    return 1.0 - i.psi - (a * len(i.y) - b) * i.phi


def least_multiplier(i: NearOrthogonal) -> Float[Array, ""]:
    """L of the theorem."""
    m = len(i.y)
    b = 1.0 - i.psi - (m - 2) * i.phi
    return (b - (m - 1) * i.phi) / ((1.0 + i.psi) * b - (m - 1) * i.phi**2)


def _norms(i: NearOrthogonal) -> Array:
    return i.psi - jnp.max(jnp.abs(jnp.sum(i.X * i.X, axis=1) - 1.0)) + 1e-12


def _products(i: NearOrthogonal) -> Array:
    G = i.X @ i.X.T
    return i.phi - jnp.max(jnp.abs(G - jnp.diag(jnp.diagonal(G)))) + 1e-12


def _least_eigenvalue(i: NearOrthogonal) -> Array:
    """Of the Gram matrix."""
    return jnp.linalg.eigvalsh(i.X @ i.X.T)[0]


def _margin_error(i: NearOrthogonal, s: Solutions) -> Array:
    """|Mᵢ − 1| that the solver's residual r allows: complementarity λᵢ(Mᵢ − 1) ≤ r λ_max, and primal ≤ r."""
    lam, r = s.margin.lam, s.margin.relative_residual
    return r * jnp.where(lam > 0, jnp.max(lam) / jnp.where(lam > 0, lam, 1.0), 1.0)


def _weight_error(i: NearOrthogonal, s: Solutions) -> Array:
    """w − Xᵀ G⁻¹ y = Xᵀ G⁻¹ (Xw − y): margin errors over the least singular value of X."""
    return norm(_margin_error(i, s)) / jnp.sqrt(_least_eigenvalue(i))


def _magnitude(i: NearOrthogonal, s: Solutions) -> Array:
    """Of the terms λⱼ⟨xᵢ, xⱼ⟩ that a margin sums."""
    return jnp.max(s.margin.lam) * jnp.sum(i.X * i.X)


def _condition(i: NearOrthogonal, s: Solutions) -> Array:
    """The same, amplified by solving with the Gram matrix."""
    return _magnitude(i, s) / _least_eigenvalue(i)


def _long_companion() -> NearOrthogonal:
    """Norms² 16/25 and 5/4 at product 4/5 = φ > 1 − ψ = 16/25: x₁ alone gives M₂ = 5/4, so λ₂ = 0."""
    X = np.array([[0.8, 0.0], [1.0, 0.5]])
    return NearOrthogonal(*map(jnp.asarray, (X, np.ones(2), 0.36, 0.8)))


def _unbounded_norm() -> NearOrthogonal:
    """φ = ψ = 1/10 is claimed, but ‖x₂‖² = 101: λ₂ ≈ 0.009 is far below L."""
    X = np.array([[1.0, 0.0], [0.1, 10.0]])
    return NearOrthogonal(*map(jnp.asarray, (X, np.ones(2), 0.1, 0.1)))


def _correlated() -> NearOrthogonal:
    """The long companion with φ = 0 claimed: λ₂ = 0 again."""
    return _long_companion()._replace(phi=jnp.asarray(0.0))


CLAIM = Claim(
    key="ga.linear.all_support_vectors",
    title="On nearly orthogonal data every point is a support vector",
    statement=r"A(\psi,\varphi),\ (2m-3)\varphi<1-\psi \Rightarrow \lambda_j\ge"
    r"\frac{1-\psi-(2m-3)\varphi}{(1+\psi)(1-\psi-(m-2)\varphi)-(m-1)\varphi^2}>0,\quad "
    r"M_i=1\ \forall i,\quad w=X^{+}y",
    source="derived here",
    status="proved",
    sizes=({"m": 2, "d": 2, "k": 0}, {"m": 3, "d": 5, "k": 0}, {"m": 10, "d": 16, "k": 0}),
    latent=near_orthogonal_latent,
    build=build,
    assumptions=(
        Assumption("norms", r"\|x_i\|^2\in[1-\psi,1+\psi]", _norms),
        Assumption("products", r"|\langle x_i,x_j\rangle|\le\varphi", _products),
        Assumption("small products", r"(2m-3)\varphi<1-\psi", lambda i, *, a, b: slack(i, a, b) - 1e-9),
    ),
    solve=solve,
    residual=lambda i, s: s.margin.relative_residual,
    conclusions=(
        Conclusion(
            "multipliers",
            r"\lambda_j\ge\frac{1-\psi-(2m-3)\varphi}{(1+\psi)(1-\psi-(m-2)\varphi)-(m-1)\varphi^2}",
            lhs=lambda i, s: s.margin.lam,
            rhs=lambda i, s: least_multiplier(i),
            relation=">=",
            tight=True,
            scale=_condition,
            solver_error=lambda i, s: norm(_margin_error(i, s)) / _least_eigenvalue(i),
        ),
        Conclusion(
            "on the margin",
            r"M_i=1",
            lhs=lambda i, s: s.margin.margins,
            rhs=lambda i, s: 1.0,
            relation="==",
            scale=_magnitude,
            solver_error=_margin_error,
        ),
        Conclusion(
            "interpolator",
            r"\|w-X^{+}y\|=0",
            lhs=lambda i, s: norm(s.margin.w - s.interpolator),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=_condition,
            solver_error=_weight_error,
        ),
    ),
    counterexamples=(
        Counterexample("small products", _long_companion, "at m = 2 beyond the threshold the longer point drops out"),
        Counterexample("norms", _unbounded_norm, "a long point needs a small multiplier"),
        Counterexample("products", _correlated, "correlated points: one of two is enough"),
    ),
    constants={"a": 2.0, "b": 3.0},  # of the condition (am − b)φ < 1 − ψ
    obligations=support_steps.all_support_vectors,
    notes="The condition and the bound are sharp for every m and weaker, respectively larger, than those of "
    "ga.linear.multiplier_bounds at ε = δ = 0, which need 2(m − 1)φ < 1 − ψ.",
)
