"""Norms and angles at their edges: 0, 1, and NaN, which must not pass for a number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.numerics import gram_norm, norm, tangent_gap


def test_norm_by_hand():
    assert float(norm(jnp.array([3.0, 4.0]))) == 5.0
    assert float(gram_norm(jnp.array([1.0, 1.0]), jnp.array([[1.0, 0.5], [0.5, 2.0]]))) == 2.0


def test_norm_is_0_at_0_and_so_is_its_gradient():
    zero = jnp.zeros(3)
    assert float(norm(zero)) == 0.0
    np.testing.assert_array_equal(jax.grad(norm)(zero), zero)


@pytest.mark.parametrize(
    "found",
    [
        lambda: norm(jnp.array([1.0, jnp.nan])),
        lambda: gram_norm(jnp.array([1.0, jnp.nan]), jnp.eye(2)),
        lambda: tangent_gap(jnp.array(jnp.nan)),
    ],
    ids=["norm", "gram_norm", "tangent_gap"],
)
def test_nan_stays_nan(found):
    """A norm of 0 would pass a failed computation for an exact one."""
    assert np.isnan(found())


@pytest.mark.parametrize(("q", "gap"), [(0.0, 0.0), (0.6, 0.2), (1.0, 2.0), (7.0, 2.0)])
def test_tangent_gap_by_hand(q, gap):
    np.testing.assert_allclose(tangent_gap(jnp.array(q)), gap, rtol=1e-15)
