"""The loss of flow matching by hand, its comparison of prompts, and images drawn from a field that is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.models.flow import Flow
from theory.solvers.flow_matching import Bridged, Prompted, bridged, draw, evenly_bridged, prompt_losses, train

PIXELS, PROMPTS, EACH = 4, 3, 8
KEY = jax.random.key(1)


@pytest.fixture(scope="module")
def flow() -> Flow:
    return Flow(PIXELS, (PROMPTS,), width=6, depth=1, key=jax.random.key(0))


@pytest.fixture(scope="module")
def data() -> Prompted:
    number = np.repeat(np.arange(PROMPTS), EACH).astype(np.int32)
    centres = np.random.default_rng(0).normal(size=(PROMPTS, PIXELS))
    x = centres[number] + 0.1 * np.random.default_rng(1).normal(size=(len(number), PIXELS))
    return Prompted(jnp.float32(x), jnp.asarray(number[:, None]), jnp.asarray(number))


def test_the_bridge_goes_from_noise_to_data(data):
    z, ends = jnp.ones_like(data.x), {0.0: 1.0, 1.0: data.x, 0.25: 0.75 + 0.25 * data.x}
    for t, wanted in ends.items():
        found = Bridged(data, z, jnp.full(len(z), t, jnp.float32)).between
        np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), atol=1e-6)


def test_prompt_losses_by_hand(flow, data):
    batch = bridged(KEY, data)
    velocity = np.asarray(flow(batch.between, batch.t, data.prompt), np.float64)
    errors = np.mean((velocity - (np.asarray(data.x, np.float64) - np.asarray(batch.z))) ** 2, axis=1)
    wanted = errors.reshape(PROMPTS, EACH).mean(axis=1)
    found = np.asarray(prompt_losses(flow, batch, PROMPTS + 1))
    np.testing.assert_allclose(found[:PROMPTS], wanted, rtol=1e-5)
    assert np.isnan(found[PROMPTS])


@pytest.mark.parametrize("each", [5, 2 * EACH + 1])
def test_prompts_are_compared_at_the_same_noise_and_times(data, each):
    batch = evenly_bridged(data, each, KEY)
    number, t, z = (np.asarray(part).reshape(PROMPTS, each, -1) for part in (batch.data.number, batch.t, batch.z))
    assert np.all(number == np.arange(PROMPTS)[:, None, None])
    assert np.all(t == t[:1])
    assert np.all(z == z[:1])
    np.testing.assert_allclose(np.sort(t[0].ravel()), (np.arange(each) + 0.5) / each, rtol=1e-6)
    images = np.asarray(batch.data.x).reshape(PROMPTS, each, PIXELS)
    assert all(len(np.unique(own, axis=0)) == min(each, EACH) for own in images)


def test_training_fits_the_prompts_and_leaves_out_those_of_weight_0(flow, data):
    weights = jnp.asarray([1.0, 1.0, 0.0], jnp.float32)
    rates = jnp.full(60, 1e-2, jnp.float32)
    found = train(flow, data, weights, rates, 8, KEY)
    other = data._replace(x=jnp.where((data.number == 2)[:, None], 5.0, data.x))
    again = train(flow, other, weights, rates, 8, KEY)
    assert eqx.tree_equal(found, again)
    assert not eqx.tree_equal(found, train(flow, other, jnp.ones(PROMPTS, jnp.float32), rates, 8, KEY))
    batch = evenly_bridged(data, EACH, KEY)
    before, after = (np.asarray(prompt_losses(own, batch, PROMPTS)) for own in (flow, found))
    assert np.all(after[:2] < 0.7 * before[:2])


def test_a_constant_velocity_is_added_to_the_noise(flow):
    velocity = jnp.asarray([1.0, -2.0, 0.5, 0.0], jnp.float32)
    constant = eqx.tree_at(
        lambda own: (own.leave.weight, own.leave.bias), flow, (jnp.zeros_like(flow.leave.weight), velocity)
    )
    prompt = jnp.zeros((3, 1), jnp.int32)
    noise = jax.random.normal(KEY, (3, PIXELS), jnp.float32)
    np.testing.assert_allclose(draw(constant, prompt, KEY, 3), noise + velocity[None], atol=1e-5)


def test_euler_steps_by_hand(flow):
    prompt = jnp.asarray([[0], [2], [1]], jnp.int32)
    x = jax.random.normal(KEY, (3, PIXELS), jnp.float32)
    for t in (0.0, 1 / 3, 2 / 3):
        x = x + flow(x, jnp.full(3, t, jnp.float32), prompt) / 3
    np.testing.assert_allclose(draw(flow, prompt, KEY, 3), x, rtol=1e-4, atol=1e-5)
