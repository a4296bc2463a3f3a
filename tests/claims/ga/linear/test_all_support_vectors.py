from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ga.linear import all_support_vectors as claim_file
from theory.claims.instances import signs

CLAIM = claim_file.CLAIM
solve = jax.jit(claim_file.solve)


def extreme(m: int, psi: float, phi: float, seed: int = 0) -> claim_file.NearOrthogonal:
    """The extremal data: the last point long and +φ to all, the others short and −φ among themselves (y-signed)."""
    K = np.full((m, m), -phi)
    K[-1] = K[:, -1] = phi
    np.fill_diagonal(K, [1 - psi] * (m - 1) + [1 + psi])
    y = np.array(signs(jnp.asarray(np.random.default_rng(seed).standard_normal(m))))
    return claim_file.NearOrthogonal(*map(jnp.asarray, (y[:, None] * np.linalg.cholesky(K), y, psi, phi)))


def test_hand_worked():
    """Norms² 1/2 and 3/2, product 1/4: det = 3/4 − 1/16 = 11/16, λ = (5/4, 1/4) / det = (20/11, 4/11).

    L = (1/2 − 1/4) / (3/4 − 1/16) = 4/11: attained.
    """
    evaluation = harness.assert_holds_on(CLAIM, extreme(2, 0.5, 0.25), multipliers=4 / 11)
    np.testing.assert_allclose(evaluation.conclusions["multipliers"].rhs, 4 / 11, rtol=1e-12)


@pytest.mark.parametrize("m", [3, 10])
def test_bound_attained_for_every_m(m):
    psi = 0.3
    phi = 0.9 * (1 - psi) / (2 * m - 3)
    compared = harness.assert_holds_on(CLAIM, extreme(m, psi, phi)).conclusions["multipliers"]
    np.testing.assert_allclose(compared.lhs, compared.rhs, rtol=1e-11)


@pytest.mark.parametrize("m", [3, 10])
def test_condition_is_sharp(m):
    """Just beyond (2m − 3)φ = 1 − ψ the long point's multiplier is 0 and its margin above 1."""
    psi = 0.3
    beyond = extreme(m, psi, 1.001 * (1 - psi) / (2 * m - 3))
    solution = solve(beyond).margin
    assert not solution.support[-1]
    assert solution.margins[-1] > 1 + 1e-4


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_without_the_condition_is_refuted():
    """Products up to 0.95 (1 − ψ)/(m − 1), beyond the threshold for m ≥ 3, leave points off the margin."""

    def wide(sizes, z):
        problem, psi, phi = claim_file.near_orthogonal_problem(sizes, z)
        return claim_file.NearOrthogonal(problem.X, problem.y, psi, phi)

    mutant = replace(CLAIM, build=wide, conclusions=CLAIM.conclusions[1:], sizes=CLAIM.sizes[1:2])
    harness.assert_refuted(mutant.without("small products"))
