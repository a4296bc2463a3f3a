"""Forgetting prompts: what each objective is and reads, and the selection against sorting."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.models.flow import Flow
from theory.solvers.flow_matching import Prompted, bridged, evenly_bridged, prompt_losses
from theory.unlearning.prompts import METHODS, Aim, _erase, _retain, forget_prompts, select_prompts

PIXELS, PROMPTS, EACH = 4, 6, 4
KEY = jax.random.key(1)
W = jnp.asarray([0.0, 1.0, 0.0, 0.0, 1.0, 0.0], jnp.float32)
RATES = jnp.full(5, 1e-2, jnp.float32)


@pytest.fixture(scope="module")
def flow() -> Flow:
    return Flow(PIXELS, (3, 2), width=6, depth=1, key=jax.random.key(0))


@pytest.fixture(scope="module")
def data() -> Prompted:
    number = np.repeat(np.arange(PROMPTS), EACH).astype(np.int32)
    x = np.random.default_rng(0).normal(size=(len(number), PIXELS)) * (1.0 + number[:, None])
    return Prompted(jnp.float32(x), jnp.asarray(np.stack(np.divmod(number, 2), axis=1)), jnp.asarray(number))


@pytest.fixture(scope="module")
def sample(data):
    return evenly_bridged(data, EACH, KEY)


@pytest.mark.slow
def test_fine_tuning_reads_no_forgotten_image_and_erasing_no_forgotten_target(flow, data):
    """Other images of forgotten prompts change nothing for fine-tuning; erasing fits its own target at them."""
    other = data._replace(x=jnp.where((W[data.number] > 0)[:, None], 3.0, data.x))
    pairs = {m: [forget_prompts(flow, own, W, RATES, 8, KEY, m) for own in (data, other)] for m in METHODS}
    assert eqx.tree_equal(*pairs["fine-tuning"])
    assert not eqx.tree_equal(*pairs["erasing"])
    assert not eqx.tree_equal(pairs["fine-tuning"][0], flow)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_objectives_by_hand(flow, data, eta):
    """Also at weights inside (0, 1), which the selection takes."""
    batch, w = bridged(KEY, data), jnp.linspace(0.0, 1.0, PROMPTS, dtype=jnp.float32)
    student = Flow(PIXELS, (3, 2), width=6, depth=1, key=jax.random.key(9))
    nowhere = jnp.broadcast_to(flow.nothing[None], data.prompt.shape)
    values = [(student, data.prompt), (flow, nowhere), (flow, data.prompt)]
    found, nothing, before = (np.asarray(f(batch.between, batch.t, p), np.float64) for f, p in values)
    share = np.asarray(w)[np.asarray(data.number)]
    fit = np.mean((found - (np.asarray(data.x) - np.asarray(batch.z))) ** 2, axis=1)
    off = np.mean((found - (nothing - eta * (before - nothing))) ** 2, axis=1)
    aim = Aim(w, flow, jnp.float32(eta))
    given = ((student,), (), {"data": batch}, aim)
    np.testing.assert_allclose(_retain(*given)[0], np.mean((1 - share) * fit), rtol=1e-5)
    np.testing.assert_allclose(_erase(*given)[0], np.mean((1 - share) * fit + share * off), rtol=1e-5)


@pytest.mark.slow
def test_sign_descent_moves_every_weight_by_its_rate(flow, data):
    found = forget_prompts(flow, data, W, RATES[:1], 8, KEY, "erasing", rule="signsgd")
    for before, after in zip(jax.tree.leaves(flow.blocks), jax.tree.leaves(found.blocks), strict=True):
        np.testing.assert_allclose(np.abs(np.asarray(after - before)), 1e-2, rtol=1e-3)


def test_with_a_fixed_flow_the_selection_sorts_by_loss(flow, data, sample):
    losses = np.asarray(prompt_losses(flow, sample, PROMPTS))
    worst = np.argsort(-losses)[:2]  # the farthest start
    start = jnp.asarray(np.isin(np.arange(PROMPTS), worst), jnp.float64)
    alpha = 2.0 * np.sqrt(2.0) / np.diff(np.sort(losses))[1] / 10
    found = select_prompts(lambda w, key: flow, sample, start, float(alpha), KEY, iterations=10)
    assert sorted(np.argsort(losses)[:2].tolist()) == found.prompts.tolist()
    assert found.reach.can_swap
    assert float(jnp.sum(found.w)) == pytest.approx(2.0, abs=1e-12)
    np.testing.assert_array_equal(found.losses, np.broadcast_to(losses, (10, PROMPTS)))
    short = select_prompts(lambda w, key: flow, sample, start, 0.09 / float(np.ptp(losses)), KEY, iterations=10)
    assert not short.reach.can_change
    assert short.prompts.tolist() == sorted(worst.tolist())


def test_the_selection_answers_to_its_lower_level(flow, data, sample):
    """A lower level that ruins the prompts of large weight drives the selection off them."""
    ruined = Flow(PIXELS, (3, 2), width=6, depth=1, key=jax.random.key(7))
    ruined = eqx.tree_at(lambda own: own.leave.bias, ruined, 100.0 * jnp.ones(PIXELS, jnp.float32))
    start = jnp.asarray([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    seen = []

    def lower(w, key):
        seen.append((np.asarray(w), key))
        return ruined if len(seen) == 1 else flow

    select_prompts(lower, sample, start, 0.1, KEY, iterations=2)
    assert seen[0][0].dtype == np.float32
    assert seen[0][0].tolist() == start.tolist()
    assert not np.array_equal(seen[0][0], seen[1][0])
    assert not np.array_equal(jax.random.key_data(seen[0][1]), jax.random.key_data(seen[1][1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": jnp.zeros(PROMPTS)}, "start: expected weights .* from 1 to 5, got sum 0"),
        ({"start": jnp.ones(PROMPTS)}, "start: .* got sum 6"),
        ({"start": jnp.full(PROMPTS, 0.4)}, "start: .* got sum 2.4"),
        ({"start": jnp.asarray([2.0, -1.0, 0.0, 0.0, 0.0, 0.0])}, "start: .* got sum 1"),
        ({"alpha": 0.0}, "alpha, iterations: .* got 0.0 and 20"),
        ({"iterations": 0}, "alpha, iterations: .* and 0"),
    ],
    ids=["nothing", "everything", "no whole number", "outside", "no step", "no iteration"],
)
def test_impossible_selections_are_refused(flow, sample, change, message):
    given = {"start": W.astype(jnp.float64), "alpha": 1.0, "key": KEY, **change}
    with pytest.raises(ValueError, match=message):
        select_prompts(lambda w, key: flow, sample, **given)


def test_an_unknown_method_is_named(flow, data):
    with pytest.raises(ValueError, match="method: expected one of fine-tuning, erasing, got 'prayer'"):
        forget_prompts(flow, data, W, RATES, 8, KEY, "prayer")
