"""The catalogue is complete and its entries fall; ``forgetproof bench falsehoods`` hunts all of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import falsehoods as bench
from experiments.instance_file import load_instance, save_instance
from tests.falsehoods import FALSEHOODS
from theory.claim import Claim, Conclusion, Outcome
from theory.claims import all_claims
from theory.claims.ft.finetune_noop import CLAIM as TRUE
from theory.evidence.check import Refutation, check, draw_latents, evaluate_batch

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
    found = bench.hunt_one(planted)
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


def coin(key, conclusion):
    """A claim about the first of some normal numbers."""
    return Claim(
        *(key, "a coin", "", "derived here", "conjectured"),
        sizes=({"n": 1}, {"n": 2}),
        latent=lambda sizes: sizes["n"],
        build=lambda sizes, z: z,
        conclusions=(conclusion,),
    )


def test_alarms_are_the_seeds_at_which_a_check_refutes(monkeypatch):
    """Few instances, an odd number for two sizes: some seeds refute."""
    claim = coin("own.small", Conclusion("small", "", lambda i, s: i[0], lambda i, s: 5.0))
    monkeypatch.setattr(bench, "all_claims", lambda: {"own.small": claim})
    verdicts = [check(claim, 5, seed, simplify=False).outcome for seed in range(8)]
    wrong = [f"own.small at seed {seed}" for seed in range(8) if verdicts[seed] is Outcome.REFUTED]
    assert 0 < len(wrong) < 8
    assert bench.alarms("own.small", 8, 5) == wrong


def test_a_promised_share_that_is_missed_is_an_alarm(monkeypatch):
    """Half of the instances against a promise of 0.9, seed by seed."""
    half = Conclusion("half", "", lambda i, s: i[0], lambda i, s: 0.0, share=0.9)
    claims = {
        "own.coin": coin("own.coin", half),
        "own.sure": coin("own.sure", replace(half, lhs=lambda i, s: jnp.minimum(i[0], 0.0))),
    }
    monkeypatch.setattr(bench, "all_claims", lambda: claims)
    assert bench.alarms("own.coin", 2, 100) == ["own.coin at seed 0", "own.coin at seed 1"]
    assert check(claims["own.coin"], 100, 0).outcome is Outcome.REFUTED
    assert bench.alarms("own.sure", 2, 100) == []


def test_stages_are_advanced_and_numbers_are_told(monkeypatch):
    """Hunts and checks in place of real ones."""
    hunted = bench.Hunt("false.a.b", "all", 3, 0.5, True, True)
    missed = bench.Hunt("false.a.c", "nothing", 4096, 0.7, False, False)
    monkeypatch.setattr(bench, "hunt_planted", lambda at: (hunted, missed)[at])
    monkeypatch.setattr(bench, "catalogue", lambda: (None, None))
    monkeypatch.setattr(bench, "alarms", lambda key: ["ft.golden at seed 7"] if key == "ft.golden" else [])
    seen = []
    monkeypatch.setattr(bench, "workers", lambda jobs: ThreadPoolExecutor(1))
    found = bench.run(False, lambda title, total: lambda now: seen.append((title, total)))
    true = [claim for claim in all_claims().values() if claim.status != "false"]
    assert seen == [("hunting falsehoods", 2)] * 2 + [("checking true claims", len(true))] * len(true)
    assert found.ratios == {"share refuted": 0.5}
    assert found.residuals["true claims refuted"] == 1.0
    assert not found.solved
    assert any("false.a.c (nothing)" in note for note in found.notes)
    assert any("ft.golden at seed 7" in note for note in found.notes)


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
