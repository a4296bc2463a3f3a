"""The files that ``forgetproof new-claim`` writes: a small true theorem to be replaced, and its test."""

CLAIM = r'''r"""Retraining a mean after forgetting one of m points moves it by at most 2/m, if all lie in the unit ball.

An example to replace by your own theorem; it passes as it is:

    forgetproof check {file}     random instances; a violation is saved and printed
    forgetproof hunt {file}      an adversary climbs the bound
    forgetproof prove {file}     the proof's steps, decided exactly
    forgetproof certify {file}   both sides in rigorous intervals
    forgetproof check {file} --constant C=1.5
    pytest {test}

Proof. w = Σ x_i / m minimises Σ ½‖w − x_i‖². Forgetting x_m leaves w′ = (m w − x_m)/(m − 1), so that
m(w′ − w) = w′ − x_m, and ‖w′ − x_m‖ ≤ ‖w′‖ + ‖x_m‖ ≤ 2. Attained: x_m = −e, all others e, ‖e‖ = 1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from forgetproof import Assumption, Claim, Conclusion, Constant, Counterexample, Obligation, norm, uncovered


class Points(NamedTuple):
    """An instance: any named tuple or dict of arrays."""

    X: jax.Array  # (m, d); the last point is forgotten


class Means(NamedTuple):
    """What the theorem speaks of, found by ``solve``."""

    trained: jax.Array
    retrained: jax.Array


def build(sizes, z):
    """An instance from any real vector z that meets the assumptions: points outside the ball are pulled to its edge."""
    X = z.reshape(sizes["m"], sizes["d"])
    return Points(X / jnp.maximum(1.0, jax.vmap(norm)(X))[:, None])


def solve(i):
    return Means(jnp.mean(i.X, axis=0), jnp.mean(i.X[:-1], axis=0))


def residual(i, s):
    """How far the solver is from solving: here the two gradients. Above ``residual_target`` nothing is concluded."""
    return norm(jnp.mean(s.trained[None] - i.X, axis=0)) + norm(jnp.mean(s.retrained[None] - i.X[:-1], axis=0))


def in_ball(i):
    """An assumption holds where its margin is at least 0; allow for rounding."""
    return 1.0 - jnp.max(jax.vmap(norm)(i.X)) + 1e-12


def obligations():
    """The proof's steps as relations between real numbers; ``uncovered`` names a step left to the reader."""
    from sympy import Eq, Le, symbols

    m, v, w, x, D, far, p, q, C = symbols("m v w x D far p q C", real=True)  # v, w, x: one coordinate of w′, w, x_m
    return (
        Obligation(
            "retrained mean",
            "m(w′ − w) = w′ − x_m",
            goal=Eq(m * (v - w), v - x),
            hypotheses=(Eq((m - 1) * v, m * w - x),),
        ),
        uncovered("in the ball", "w′ is a mean of points of a convex set, and lies in it"),
        Obligation(
            "distance",
            "D ≤ C/m, C = 2, from mD = ‖w′ − x_m‖ ≤ ‖w′‖ + ‖x_m‖",
            goal=Le(D, C / m),
            hypotheses=(m >= 2, Eq(m * D, far), Le(far, p + q), p <= 1, q <= 1),
            uses=("retrained mean",),
            constant=Constant(C, 2, 1),  # stated; the sharper end of the search for the best one
        ),
    )


CLAIM = Claim(
    key="own.{name}",
    title="Retraining a mean after forgetting one point moves it by at most 2/m",
    statement=r"\|x_i\|\le1 \Rightarrow \|w'-w\|\le 2/m",
    source="textbook",
    status="proved",  # or "reported", "conjectured", "false"
    sizes=({{"m": 2, "d": 1}}, {{"m": 5, "d": 3}}),  # each is compiled once
    latent=lambda sizes: sizes["m"] * sizes["d"],  # length of z
    build=build,
    assumptions=(Assumption("in the ball", r"\|x_i\|\le1", in_ball),),
    solve=solve,
    residual=residual,
    conclusions=(
        Conclusion(
            "identity",
            r"m(w'-w)=w'-x_m",
            lhs=lambda i, s: len(i.X) * (s.retrained - s.trained),
            rhs=lambda i, s: s.retrained - i.X[-1],
            relation="==",
            scale=lambda i, s: 2.0 * len(i.X),  # size of the numbers that cancel: it sets the allowance for rounding
        ),
        Conclusion(
            "distance",
            r"\|w'-w\|\le 2/m",
            lhs=lambda i, s: norm(s.retrained - s.trained),
            rhs=lambda i, s, *, C: C / len(i.X),  # a constant is taken by keyword
            tight=True,  # equality is reached: the test fails if it is not
            scale=lambda i, s: 2.0,
        ),
    ),
    constants={{"C": 2.0}},
    counterexamples=(
        Counterexample("in the ball", lambda: Points(jnp.array([[0.0], [5.0]])), "a far point moves the mean by 5/2"),
    ),
    obligations=obligations,
)
'''

TEST = '''"""The claim in {file}: holds, is tight, needs its assumption, and cannot be sharpened. Run: pytest {test}"""

from pathlib import Path

import jax.numpy as jnp

from forgetproof import start_jax, testing

start_jax()
CLAIM = testing.load_claim(Path(__file__).with_name("{file}"))


def test_hand_worked():
    """Points 1 and −1: the mean 0 becomes 1."""
    instance = CLAIM.build({{"m": 2, "d": 1}}, jnp.array([1.0, -1.0]))
    testing.assert_holds_on(CLAIM, instance, distance=1.0)


def test_property():
    testing.assert_property(CLAIM)


def test_sampled():
    testing.assert_sampled(CLAIM)
    testing.assert_extremes(CLAIM)


def test_counterexamples():
    testing.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    testing.assert_tight_bounds_bite(CLAIM)


def test_a_smaller_constant_is_refuted():
    testing.assert_refuted(CLAIM.with_constants({{"C": 1.9}}))
'''
