r"""What branch and bound prunes by: no forget set with S and a further point i in it has a retrained error below b_i.

For S ⊂ F, |F ∖ S| = t, the bounds b_i of theory.solvers.branch_and_bound satisfy ‖(I − H_FF)⁻¹e_F‖² ≥ b_i for every
i in F ∖ S; the candidates may be any set that holds F ∖ S. The proof is in that module's docstring (derived here).
Pruning a partial set whose b_i is no lower than a known set's error therefore never loses the worst-case forget set,
and the smallest bound left when a search stops is a proved lower bound on it.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Sizes
from theory.claims.wc.ridge import ridge_steps
from theory.solvers.branch_and_bound import lower_bounds
from theory.solvers.worst_ridge import Extension, LeaveOut, extend


class Node(NamedTuple):
    """A ridge problem whose points are sorted by what a partial set does with them."""

    chosen: Float[Array, "s d"]  # rows of S
    added: Float[Array, "t d"]  # rows that complete it to F
    others: Float[Array, "n d"]  # further candidates
    y: Float[Array, " N"]  # labels of all, in that order
    mu: Float[Array, ""]


class Bounds(NamedTuple):
    """The error of F in two ways, and the bounds."""

    joint: Float[Array, ""]  # ‖B_FF⁻¹ e_F‖²
    in_steps: Float[Array, ""]  # from the Schur complement of S
    bounds: Float[Array, " n"]  # b_i of the t points of F ∖ S
    size: Float[Array, ""]  # rounding scale: squared condition of I − H times squared labels and errors


def latent(sizes: Sizes) -> int:
    """X, y, μ."""
    return sizes["N"] * (sizes["d"] + 1) + 1


def build(sizes: Sizes, z: Float[Array, " n"]) -> Node:
    """Any rows and labels; μ between 1e-2 and 1 times the mean squared row norm."""
    N, d, s, t = (sizes[name] for name in ("N", "d", "s", "t"))
    X, y = z[: N * d].reshape(N, d), z[N * d : -1]
    mu = 10.0 ** (jnp.tanh(z[-1]) - 1.0) * (jnp.mean(jnp.sum(X**2, axis=1)) + 1e-3)
    return Node(X[:s], X[s : s + t], X[s + t :], y, mu)


def partial(i: Node) -> tuple[LeaveOut, Extension]:
    """I − H and e, and what is left of them once S is left out."""
    s, N = len(i.chosen), len(i.y)
    X = jnp.concatenate([i.chosen, i.added, i.others])
    B = jnp.linalg.inv(jnp.eye(N) + X @ X.T / i.mu)
    problem = LeaveOut(0.5 * (B + B.T), B @ i.y)
    return problem, extend(problem, jnp.arange(s), jnp.arange(s, N))


def solve(i: Node) -> Bounds:
    """F at once; and S first, with the bounds of theory.solvers.branch_and_bound."""
    (problem, part), k, t = partial(i), len(i.chosen) + len(i.added), len(i.added)
    r_T = jnp.linalg.solve(part.C[:t, :t], part.c[:t])
    in_steps = jnp.sum((part.chosen - part.M[:, :t] @ r_T) ** 2) + jnp.sum(r_T**2)
    r_F = jnp.linalg.solve(problem.B[:k, :k], problem.e[:k])
    condition = 1.0 + (jnp.sum(i.chosen**2) + jnp.sum(i.added**2) + jnp.sum(i.others**2)) / i.mu
    size = condition**2 * (jnp.sum(i.y**2) + jnp.sum(r_F**2))
    return Bounds(jnp.sum(r_F**2), in_steps, lower_bounds(part, t)[:t], size)


CLAIM = Claim(
    key="wc.ridge.lower_bound",
    title="A bound on the retrained error of every forget set that extends a partial one",
    statement=r"S\subset F,\ |F\setminus S|=t,\ i\in F\setminus S \Rightarrow \|(I-H_{FF})^{-1}e_F\|^2 \ge b_i(S,t)",
    source="derived here",
    status="proved",
    sizes=(
        {"N": 2, "d": 1, "s": 0, "t": 1},
        {"N": 4, "d": 2, "s": 1, "t": 2},
        {"N": 8, "d": 8, "s": 2, "t": 3},
        {"N": 12, "d": 3, "s": 0, "t": 4},
    ),
    latent=latent,
    build=build,
    solve=solve,
    conclusions=(
        Conclusion(
            "in steps",
            r"\|B_{FF}^{-1}e_F\|^2 = \|a-M_Tr_T\|^2+\|r_T\|^2",
            lhs=lambda i, s: s.joint,
            rhs=lambda i, s: s.in_steps,
            relation="==",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "bound",
            r"\|B_{FF}^{-1}e_F\|^2 \ge b_i",
            lhs=lambda i, s: jnp.broadcast_to(s.joint, s.bounds.shape),
            rhs=lambda i, s: s.bounds,
            relation=">=",
            tight=True,
            scale=lambda i, s: s.size,
        ),
    ),
    obligations=ridge_steps.lower_bound,
)
