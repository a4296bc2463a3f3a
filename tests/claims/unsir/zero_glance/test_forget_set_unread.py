from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.unsir.zero_glance import forget_set_unread
from theory.claims.unsir.zero_glance.forget_set_unread import ASCENT, EACH, HYPER, K, given, network_of, unlearned
from theory.evidence.check import check
from theory.solvers.sgd import Labelled
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Method, Outcome, Problem, Task, unlearn_network

CLAIM = forget_set_unread.CLAIM
METHODS = all_methods()
UNSIR = METHODS["unsir"]


def pair(k=2):
    """Two of four classes to forget."""
    latents = np.random.default_rng(0).normal(size=CLAIM.latent({"k": k}))
    return CLAIM.build({"k": k}, jnp.asarray(latents))


def test_the_two_training_sets_differ_in_every_forgotten_sample():
    for z in (jnp.zeros(CLAIM.latent({"k": 2})), jnp.ones(CLAIM.latent({"k": 2}))):
        i = CLAIM.build({"k": 2}, z)
        assert len(i.forgotten) == 2 * EACH
        assert len(i.retained) == (K - 2) * EACH
        assert not jnp.any(i.forgotten == i.others)


def test_the_method_is_given_two_retained_samples_a_class():
    i = pair()
    task = given(UNSIR, HYPER, i, i.forgotten, i.retained)
    assert set(task.data) == {"sample"}
    assert task.forgotten == (0, 1)
    assert np.bincount(task.data["sample"].y, minlength=K).tolist() == [0, 0, 2, 2]
    known = {image.tobytes() for image in np.asarray(i.retained)}
    assert {image.tobytes() for image in np.asarray(task.data["sample"].x)} <= known


def test_property():
    harness.assert_property(CLAIM)


def test_sampled():
    harness.assert_sampled(CLAIM)


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 3])
def test_other_numbers_of_classes(k):
    harness.assert_sampled(replace(CLAIM, sizes=({"k": k},)))


@pytest.mark.slow
def test_the_networks_are_those_of_the_librarys_call():
    i = pair()
    x = jnp.concatenate([i.forgotten, i.retained]).astype(jnp.float32)
    y = jnp.repeat(jnp.arange(K, dtype=jnp.int32), EACH)
    network = network_of(i.weights)
    problem = Problem(network, Labelled(x, y), y < 2, K, lambda key: network)
    for method, hyper in ((UNSIR, HYPER), (METHODS["gradient_ascent"], ASCENT)):
        (ours,) = unlearned(method, hyper, i, i.forgotten[None])
        leaves = jax.tree.leaves(unlearn_network(method, problem, jax.random.key(0), **hyper).network)
        np.testing.assert_allclose(ours, np.concatenate([leaf.ravel() for leaf in leaves]), rtol=1e-4, atol=1e-5)


def refuted_by(method, hyper):
    """Conclusions that fail on some instance with another method in UNSIR's place."""
    verdict = check(replace(CLAIM, solve=lambda i: forget_set_unread.compared(i, method, hyper)), 100, simplify=False)
    return {c.name for c in verdict.conclusions if c.share is None and c.held < c.tested}


READ = {"other samples", "no samples", "samples read", "retained samples read"}


@pytest.mark.parametrize("key", ["gradient_ascent", "random_labels"])
def test_mutant_reads_the_forgotten_samples(key):
    assert refuted_by(METHODS[key], {name: ASCENT[name] for name in ("epochs", "batch")}) == READ


def test_mutant_is_given_them_and_uses_them_for_nothing_but_nan():
    """0 · x is 0, unless x is NaN: equal networks on other samples are not enough."""

    def peek(task: Task) -> Outcome:
        found, hint = UNSIR.run(task), 0.0 * jnp.mean(task.data["forget"].x)
        return found._replace(network=jax.tree.map(lambda leaf: leaf + hint, found.network))

    peeking = Method("peeking", "", "", ("sample", "forget"), peek, UNSIR.defaults)
    assert refuted_by(peeking, HYPER) == {"no samples", "samples read"}
