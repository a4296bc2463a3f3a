from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ga.linear import projected_keeps_margins as claim_file
from theory.unlearning.ascent import loss_slope, remove_terms

CLAIM = claim_file.CLAIM
solve = jax.jit(claim_file.solve)


def hand_worked(forget=(False, True)) -> claim_file.Model:
    """x₁ = (1, 0), x₂ = (1, 1), both +1, w = (2, 3), λ = (5, 1). Forgetting x₂ takes (0, 1) from w.

    w⊥ = (2, 2): M₁ = 2 as before; M₂ falls from 5 to 4, that is by ‖(0, 1)‖² / λ₂ = 1.
    κ₁ = 1, so λ₁ + κ₁ = 6: w⊥ − 6x₁ = (−4, 2) = w − 5x₁ − x₂.
    """
    fields = (np.array([[1.0, 0.0], [1.0, 1.0]]), np.ones(2), np.array(forget), np.array([2.0, 3.0]))
    return claim_file.Model(*map(jnp.asarray, (*fields, np.array([5.0, 1.0]), ~np.array(forget))))


def test_hand_worked():
    harness.assert_holds_on(CLAIM, hand_worked(), what_is_forgotten=1.0)
    steps = solve(hand_worked())
    np.testing.assert_allclose(steps.projected.w, [2, 2], atol=1e-14)
    np.testing.assert_allclose(steps.projected.multipliers, [6, 0], atol=1e-14)
    np.testing.assert_allclose(steps.plain, [1, 2], atol=1e-14)


def test_nothing_is_forgotten_where_the_retained_points_span_the_space():
    """m > d: w⊥ = w."""
    i = claim_file.build({"m": 9, "d": 3, "k": 2, "repeats": 2}, jnp.asarray(np.random.default_rng(5).normal(size=48)))
    harness.assert_holds_on(CLAIM, i, what_is_forgotten=0.0)
    np.testing.assert_allclose(solve(i).projected.w, i.w, atol=1e-13)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def plain_step(i):
    s = claim_file.solve(i)
    return s._replace(projected=s.projected._replace(w=s.plain))


def half_step(i):
    s = claim_file.solve(i)
    return s._replace(projected=s.projected._replace(w=0.5 * (i.w + s.projected.w)))


def without_kappa(i):
    s = claim_file.solve(i)
    return s._replace(projected=s.projected._replace(multipliers=jnp.where(i.forget, 0.0, i.lam)))


@pytest.mark.parametrize(
    ("conclusion", "solve"),
    [
        ("retained margins", plain_step),
        ("what is forgotten", half_step),
        ("nearest to the plain step", plain_step),
        ("nearest to the plain step", half_step),
        ("stationarity", without_kappa),
    ],
)
def test_mutant_step_is_refuted(conclusion, solve):
    """Every conclusion alone refutes some mutant, so none is idle."""
    only = tuple(c for c in CLAIM.conclusions if c.name == conclusion)
    harness.assert_refuted(replace(CLAIM, solve=solve, conclusions=only))


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
def test_the_plain_step_is_one_gradient_step(loss):
    """w − Σ λ_l y_l x_l is a gradient step with β_l = λ_l / |ℓ′(M_l)|; the gradient is taken numerically."""
    i = claim_file.build(CLAIM.sizes[1], jnp.asarray(np.random.default_rng(0).normal(size=68)))
    X, y, w = map(np.asarray, (i.X, i.y, i.w))
    value = {"exponential": lambda M: np.exp(-M), "logistic": lambda M: np.logaddexp(0.0, -M)}[loss]
    moved = w.copy()
    for l in np.flatnonzero(np.asarray(i.forget)):
        beta = float(i.lam[l] / loss_slope(i.y * (i.X @ i.w), loss)[l])
        h = 1e-6
        gradient = [(value(y[l] * X[l] @ (w + h * e)) - value(y[l] * X[l] @ (w - h * e))) / (2 * h) for e in np.eye(8)]
        moved += beta * np.array(gradient)
    np.testing.assert_allclose(remove_terms(i.w, i.X, i.y, i.lam, i.forget), moved, atol=1e-8)
