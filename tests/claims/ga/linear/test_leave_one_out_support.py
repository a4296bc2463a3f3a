from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.blocked_certificate import leave_one_out_certificates
from theory.claims.ga.linear import leave_one_out_support as claim_file
from theory.claims.ga.linear.leave_one_out import Trained

CLAIM = claim_file.CLAIM
solve = jax.jit(claim_file.solve)


def trained(X, lam) -> Trained:
    """Points of R³ in R⁴, as in the first size; all labels +1."""
    return Trained(*map(jnp.asarray, (np.pad(np.array(X, float), ((0, 0), (0, 1))), np.ones(3), np.array(lam, float))))


def test_hand_worked():
    """In a plane w = (1, 1), x₃ = (1/2, 3/4) off the margin. Without x₂ the step is x₁, with M₃ = 1/2: a = 2/3, for
    w̃ = (1, 2/3) has M₃ = 1. u = x₁ and ε = 2/3. Retraining gives w̃, with λ* = (5/9, 0, 8/9). Without x₁: a = 1/2.
    """
    i = trained([[1, 0, 0], [0, 1, 0], [0.5, 0.75, 0]], [1, 1, 0])
    harness.assert_holds_on(CLAIM, i)
    models = solve(i)
    np.testing.assert_allclose(models.step[1], [1, 0, 0, 0], atol=1e-15)
    np.testing.assert_allclose(models.back, [0.5, 2 / 3, 0], rtol=1e-14)
    np.testing.assert_allclose(models.witness[1], [1, 2 / 3, 0, 0], rtol=1e-14)
    np.testing.assert_allclose(models.epsilon[1], 2 / 3, rtol=1e-14)
    np.testing.assert_allclose(models.retrained.w[1], [1, 2 / 3, 0, 0], rtol=1e-14)


def test_lost_support():
    """Without x₃ the others' multipliers are (45/16, −1): no margin falls, u = 45/16 x₁ and ε = ‖x₂‖ = √(5/4).

    Retraining gives w* = x₁/‖x₁‖² = (5/4, 0, 0), 1/2 from w′ = (5/4, −1/2, 0) and 1 from u = (9/4, 0, 0).
    """
    i = trained([[0.8, 0, 0], [1, 0.5, 0], [0, -1, np.sqrt(0.5)]], [0.3125, 1, 1])
    harness.assert_holds_on(CLAIM, i)
    models = solve(i)
    np.testing.assert_allclose(models.step[2], [1.25, -0.5, 0, 0], atol=1e-14)
    np.testing.assert_allclose(models.positive[2], [2.25, 0, 0, 0], atol=1e-14)
    np.testing.assert_allclose(models.epsilon[2], np.sqrt(1.25), rtol=1e-14)
    np.testing.assert_allclose(models.back, 0.0, atol=1e-14)


def test_points_off_the_support_change_nothing():
    models = solve(trained([[1, 0, 0], [0, 1, 0], [2, 3, 0]], [1, 1, 0]))
    np.testing.assert_allclose(models.step[2], [1, 1, 0, 0], rtol=1e-15)
    assert models.epsilon[2] == models.moved[2] == 0.0


@pytest.mark.slow
def test_blocks_give_the_claims_certificate():
    """theory.blocked_certificate on planted problems; ``distance_bound`` is ε, for δ is rounding."""
    sizes = CLAIM.sizes[1]
    draws = np.random.default_rng(4).standard_normal((24, CLAIM.latent(sizes)))
    build, compared = jax.jit(lambda z: CLAIM.build(sizes, z)), 0
    for block, z in zip((1, 2, None) * 8, draws, strict=True):
        i = build(z)
        models, w = solve(i), i.X.T @ (i.lam * i.y)
        if not float(models.condition) < 1e6:
            continue  # dependent support vectors
        exact = jax.tree.map(lambda leaf: leaf[0], models.retrained)  # its residuals are roundings, as the model's are
        start = exact._replace(lam=i.lam, margins=i.y * (i.X @ w), support=i.lam > 0, w=w)
        found, left = leave_one_out_certificates(i.X, i.y, start, block), np.asarray(i.lam > 0)
        np.testing.assert_array_equal(found.support, left)
        np.testing.assert_allclose(found.back[left], models.back[left], atol=1e-8)
        np.testing.assert_allclose(found.epsilon[left], models.epsilon[left], atol=1e-8)
        np.testing.assert_allclose(found.distance_bound, models.epsilon, atol=1e-6)
        cosine = np.sqrt(np.sum(models.step**2, axis=1) / np.sum(models.witness**2, axis=1))
        np.testing.assert_allclose(1.0 - found.tau, cosine, atol=1e-8)
        compared += 1
    assert compared > 16


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def never_back(i, s):
    """The step itself for the witness, whatever margin falls below 1."""
    return s._replace(witness=s.step, epsilon=jnp.sqrt(s.epsilon**2 - s.back**2 * s.moved))


def all_multipliers(i, s):
    """Negative multipliers left in: u = w′."""
    return s._replace(positive=s.step, epsilon=s.back * jnp.sqrt(s.moved))


def plain_step(i, s):
    """λ_l z_l taken away, the other multipliers kept."""
    lam = jnp.where(jnp.eye(len(i.y), dtype=bool), 0.0, i.lam[None, :])
    return s._replace(step=(lam * i.y[None, :]) @ i.X)


def undivided(i, s):
    """λ_l² for λ_l²/H_ll."""
    return s._replace(moved=i.lam**2)


MUTANTS = [
    ("feasible", never_back),
    ("ball", all_multipliers),
    ("step", plain_step),
    ("model", plain_step),
    ("length", undivided),
]


@pytest.mark.parametrize(("conclusion", "change"), MUTANTS, ids=[f"{c}-{f.__name__}" for c, f in MUTANTS])
def test_mutant_is_refuted(conclusion, change):
    only = tuple(c for c in CLAIM.conclusions if c.name == conclusion)
    harness.assert_refuted(replace(CLAIM, conclusions=only, solve=lambda i: change(i, claim_file.solve(i))))
