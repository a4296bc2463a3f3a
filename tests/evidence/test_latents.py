"""What instances are made from: random numbers, extreme ones, and those that hypothesis draws."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from forgetproof import testing
from tests.evidence.test_check import toy
from theory.claim import Conclusion
from theory.evidence import strategies
from theory.evidence.check import SMALLEST, draw_latents, extreme_latents


def test_a_size_draws_the_same_instances_whatever_the_others_do():
    latents = draw_latents(np.random.default_rng([5, 0]), 100, 3)
    np.testing.assert_array_equal(latents, draw_latents(np.random.default_rng([5, 0]), 100, 3))
    assert np.isfinite(latents).all()
    assert (latents == 0).any(), "corners are visited"
    assert (np.abs(latents) > 5).any(), "and far points"


def test_extremes_are_round_or_tiny_numbers_and_zeros():
    latents = extreme_latents(np.random.default_rng(0), 300, 5)
    sizes = np.unique(np.abs(latents))
    assert sizes[0] == 0
    assert sizes[1] == SMALLEST
    assert sizes[-1] == 10
    cancelling = np.isin(latents[:, 0], -latents[:, 1]) & (latents[:, 0] != 0)
    assert cancelling.any(), "numbers that cancel exactly"


def test_a_claim_that_only_random_numbers_satisfy_fails_on_extremes():
    """z₁ − z₂ against 1e-9 of the terms: random numbers differ, round ones need not; a false claim may be refuted."""
    gap = Conclusion("gap", "", lambda i, s: -jnp.abs(i[0] - i[1]), lambda i, s: -1e-9, scale=lambda i, s: 0.0)
    build = toy(gap, build=lambda sizes, z: jnp.where(z == 0, jnp.arange(100.0, 103.0), z))
    testing.assert_sampled(build)
    with pytest.raises(AssertionError, match=r"REFUTED at \{'n': 3\}, \d+ of 128\ntoy.claim: .*(\n.*)*on latent \["):
        testing.assert_extremes(build)
    testing.assert_extremes(replace(build, status="false"))


@pytest.mark.parametrize("strategy", [strategies.latents, strategies.readable_latents])
def test_hypothesis_draws_nothing_that_underflows(strategy):
    drawn = []

    @settings(max_examples=200, database=None)
    @given(strategy(toy()))
    def collect(pair):
        drawn.append(np.abs(pair[1]))

    collect()
    sizes = np.concatenate(drawn)
    assert ((sizes == 0) | (sizes >= SMALLEST)).all()
    assert (sizes > 1).any()
