from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ga.two_layer import margin_drift
from theory.evidence.check import check

CLAIM = margin_drift.CLAIM


def hand_worked() -> margin_drift.Step:
    """Retain e₁ (+), forget x₂ = (1/2, 1) (+) with λ = 1/2; u = (1, −1), w₁ = (2, 2), w₂ = (1/8, 1), s = 1.

    ⟨w₁, e₁⟩ = 2 and ⟨w₂, e₁⟩ = 1/8: M₁ = 15/8. ⟨w₁, x₂⟩ = 3, ⟨w₂, x₂⟩ = 17/16.
    q₁ⱼ = λ ⟨x₂, e₁⟩ = 1/4, so ⟨w₁, e₁⟩ falls to 7/4 and ⟨w₂, e₁⟩ rises to 3/8: M₁′ = 11/8, a fall of 1/2 = α:
    both neurons stay active, so every bound is attained.
    """
    fields = (
        np.array([[1.0, 0.0], [0.5, 1.0]]),
        np.ones(2),
        np.array([False, True]),
        np.array([1.0, -1.0]),
        np.array([[2.0, 2.0], [0.125, 1.0]]),
        np.array([0.0, 0.5]),
        np.ones((2, 2)),
    )
    return margin_drift.Step(*map(jnp.asarray, fields))


def test_hand_worked():
    evaluation = harness.assert_holds_on(CLAIM, hand_worked(), reach=0.5, feasibility=11 / 8)
    for name in ("fall", "drift", "reach"):
        np.testing.assert_allclose(evaluation.conclusions[name].tightness, 1.0, rtol=1e-12)


def test_a_neuron_that_switches_moves_less():
    """As above with u₁ = −1 on w = (1/8, 1) alone and label −: z falls from 1/8 past 0 to −1/8, the margin by 1/8."""
    i = hand_worked()._replace(u=jnp.array([0.0, -1.0]), y=jnp.array([-1.0, -1.0]))
    moved = margin_drift.step(i)
    np.testing.assert_allclose([moved.before[0], moved.after[0]], [0.125, 0.0], atol=1e-15)
    np.testing.assert_allclose([moved.fall[0], moved.reach[0]], 0.25, rtol=1e-14)


@pytest.mark.slow
def test_step_in_space():
    """Margins after the step against weights moved in R^d by hand."""
    z = np.random.default_rng(0).normal(size=CLAIM.latent(CLAIM.sizes[1]))
    i = margin_drift.build(CLAIM.sizes[1], jnp.asarray(z))
    X, y, forget, u, W, lam, s = (np.array(a) for a in i)
    for j in range(len(u)):
        for l in np.flatnonzero(forget):
            W[j] -= u[j] * y[l] * lam[l] * s[l, j] * X[l]
    np.testing.assert_allclose(margin_drift.step(i).after, y * (np.maximum(X @ W.T, 0.0) @ u), rtol=1e-10, atol=1e-12)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


@pytest.mark.parametrize("name", ["fall", "drift"])
def test_mutants(name):
    """Sides exchanged, and the subgradients left out with a mean instead of a sum over neurons."""
    wrong = {
        "fall": lambda i, s: s.rise,
        "drift": lambda i, s: s.drift / len(i.u),
    }
    changed = tuple(replace(c, rhs=wrong[name]) if c.name == name else c for c in CLAIM.conclusions)
    verdict = check(replace(CLAIM, conclusions=changed, sizes=CLAIM.sizes[:1]), examples=200, seed=2, simplify=False)
    assert {e.name for e in verdict.conclusions if e.held < e.tested} == {name}


def test_never_falls_where_labels_agree_with_correlations():
    """The note: y_l y_i ⟨x_l, x_i⟩ ≤ 0 for every forgotten l means that margin i does not fall."""
    sizes = CLAIM.sizes[1]
    z = np.random.default_rng(1).normal(size=(400, CLAIM.latent(sizes)))

    def case(z):
        i = margin_drift.build(sizes, z)
        s = margin_drift.step(i)
        agreeing = (i.y[:, None] * (i.X @ i.X.T) * i.y[None, :] <= 0) | ~i.forget[None, :]
        return jnp.all(agreeing, axis=1) & ~i.forget, s.before - s.after, s.size

    safe, fall, size = jax.jit(jax.vmap(case))(jnp.asarray(z))
    assert int(jnp.sum(safe)) > 50
    assert float(jnp.max(jnp.where(safe, fall / size, -1.0))) < 1e-14
