"""The catalogue is complete and its entries fall; ``forgetproof bench falsehoods`` hunts all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import falsehoods as bench
from experiments.instance_file import load_instance, save_instance
from tests.falsehoods import FALSEHOODS
from theory.claims import all_claims
from theory.claims.ft.finetune_noop import CLAIM as TRUE
from theory.evidence.check import Refutation, draw_latents, evaluate_batch

SAMPLE = FALSEHOODS[:: len(FALSEHOODS) // 6][:6]


def test_every_claim_has_a_falsehood():
    """A new claim file needs one in tests/falsehoods: what would be wrong to say in its place?"""
    assert {f.about for f in FALSEHOODS} == set(all_claims())


def test_entries_are_distinct_and_say_what_is_wrong():
    keys = [f.claim.key for f in FALSEHOODS]
    assert len(set(keys)) == len(keys) >= 66
    for planted in FALSEHOODS:
        assert planted.wrong
        assert planted.claim.key.startswith(f"false.{planted.about}.")
        assert planted.claim.status == "false"
        assert not planted.claim.counterexamples


@pytest.mark.parametrize("planted", SAMPLE, ids=lambda f: f.claim.key)
def test_falls(planted):
    found = bench.hunt_all([planted])[0]
    assert found.refuted
    assert found.replayed
    assert 1 <= found.instances <= bench.CAP


def test_instances_to_the_first_refutation_are_counted():
    """Cut just before it, the same draws refute nothing; a falsehood that needs more than one instance."""
    claim = next(f.claim for f in FALSEHOODS if f.claim.key == "false.ft.ridge_transition.vanishing_ridge_1_percent")
    instances, found = bench.hunt(claim)
    assert found is not None
    assert instances > 1
    sizes, latent = found
    again, (same_sizes, same_latent) = bench.hunt(claim, cap=instances)
    assert (again, same_sizes) == (instances, sizes)
    np.testing.assert_array_equal(same_latent, latent)
    assert bench.hunt(claim, cap=instances - 1) == (instances - 1, None)


def test_a_true_claim_survives_and_does_not_replay():
    assert bench.hunt(TRUE, cap=100) == (100, None)
    assert not bench.replays(TRUE, TRUE.sizes[0], np.zeros(TRUE.latent(TRUE.sizes[0])))


def test_a_refutation_at_roundings_alone_is_none():
    """ε = 0 to rounding and m = 1: the bound is 1/(1 + ψ) whatever ε, though compiled code may round ε² apart."""
    claim = next(f.claim for f in FALSEHOODS if f.claim.key == "false.ga.linear.multiplier_bounds.no_epsilon")
    sizes = claim.sizes[0]
    latents = draw_latents(np.random.default_rng([0, 0]), 128, claim.latent(sizes))
    found = evaluate_batch(claim, sizes, latents).conclusions["lower"]
    np.testing.assert_allclose(found.excess, found.rhs - found.lhs, atol=1e-9)


def test_instances_of_every_size_can_be_saved(tmp_path):
    """Sizes of one claim may be named differently."""
    claim = all_claims()["ga.two_layer.step_size"]
    assert set(claim.sizes[0]) != set(claim.sizes[1])
    for sizes in claim.sizes:
        instance = jax.jit(lambda z, at=sizes: claim.build(at, z))(jnp.zeros(claim.latent(sizes)))
        found = Refutation(dict(sizes), instance, "", 0.0, 0.0, 0.0)
        loaded, named = load_instance(save_instance(tmp_path, claim, found), claim)
        assert named == sizes
        np.testing.assert_array_equal(loaded.c, instance.c)


def test_without_a_checkout_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    with pytest.raises(ImportError, match="from a clone of the repository"):
        bench.catalogue()
