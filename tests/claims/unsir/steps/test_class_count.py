from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest

from tests.claims import harness
from theory.claims.unsir.steps import class_count
from theory.claims.unsir.steps.class_count import Sweep
from theory.solvers.sgd import shuffled

CLAIM = class_count.CLAIM


def sweep(k: int, n: int = 9000, p: int = 1000, c: int = 20, B: int = 256, b: int = 256) -> Sweep:
    """By default the notebook's numbers."""
    return Sweep(*(jnp.asarray(float(value)) for value in (k, n, p, c, B, b)))


@pytest.mark.parametrize(("k", "shared", "fixed"), [(1, 92, 92), (2, 104, 112), (4, 128, 152), (7, 164, 212)])
def test_hand_worked(k, shared, fixed):
    """One class: ⌈(9000 + 5120)/256⌉ + ⌈9000/256⌉ = 56 + 36; seven: ⌈(3000 + 35840)/256⌉ + ⌈3000/256⌉ = 152 + 12.

    At 9000 images seven classes take ⌈44840/256⌉ + 36 = 176 + 36.
    """
    found = class_count.counted(sweep(k))
    assert (int(found.shared), int(found.fixed)) == (shared, fixed)
    harness.assert_holds_on(CLAIM, sweep(k), steps=float(fixed))


def test_steps_are_constant_where_noise_and_images_balance():
    """cB = 2p: 40 copies' images for 20 read twice."""
    counts = {int(class_count.counted(sweep(k, p=20, c=5, B=8, b=4)).shared) for k in (1, 2, 4, 7)}
    assert counts == {100}


@pytest.mark.parametrize(("images", "batch"), [(1, 1), (7, 7), (8, 7), (20, 6), (3, 8)])
def test_dealing_is_what_the_order_of_an_epoch_does(images, batch):
    order = shuffled(jax.random.key(0), images, batch)
    assert len(order) == int(class_count.dealt(jnp.asarray(float(images)), jnp.asarray(float(batch))))


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_mutant_drops_the_last_batch():
    def whole_batches(i):
        counted = class_count.counted(i)
        lost = jnp.where(jnp.mod(i.sample, i.batch) > 0, 1.0, 0.0)
        return counted._replace(fixed=counted.fixed - lost)

    harness.assert_refuted(replace(CLAIM, solve=whole_batches))
