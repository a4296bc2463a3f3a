"""UNSIR's noise, steps and stages, and FT's masks, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.unlearning.networks.tiny import FORGOTTEN, outcome, part, problem, run, same
from theory.models.networks import features
from theory.solvers.sgd import cross_entropy
from theory.unlearning.networks import feature_masks, unsir


def class_loss(images, label):
    return float(jnp.mean(cross_entropy(problem().network.logits(images), jnp.full(len(images), label, jnp.int32))))


def noise(label, penalty=0.1, steps=5, rate=0.1):
    start = jax.random.normal(jax.random.key(5), (4, 4, 4, 1), jnp.float32)
    args = (jnp.asarray(label, jnp.int32), jnp.float32(rate), jnp.float32(penalty))
    return start, *unsir.error_maximising_noise(problem().network, start, *args, steps=steps)


def test_the_noises_objective_by_hand():
    """−CE + λ mean ‖N‖² of the start, then falling; Adam's first step moves every pixel by the rate."""
    start, end, values = noise(FORGOTTEN, steps=1)
    logits = np.asarray(problem().network.logits(start), np.float64)
    logs = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    size = np.sum(np.asarray(start, np.float64) ** 2, axis=(1, 2, 3)).mean()
    np.testing.assert_allclose(values, [logs[:, FORGOTTEN].mean() + 0.1 * size], rtol=1e-5)
    np.testing.assert_allclose(np.abs(np.asarray(end - start)), 0.1, rtol=1e-3)


def test_noise_raises_its_classs_loss_and_the_penalty_bounds_it():
    start, free, _ = noise(FORGOTTEN, penalty=0.0, steps=40)
    _, held, values = noise(FORGOTTEN, penalty=1.0, steps=40)
    assert class_loss(free, FORGOTTEN) > class_loss(start, FORGOTTEN) + 1.0
    assert float(jnp.sum(held**2)) < 0.2 * float(jnp.sum(free**2))
    assert values[-1] < values[0]


def test_stages_and_counts():
    found = outcome("unsir")
    stages = found.stages
    assert (stages["noise_steps"], stages["impair_steps"], stages["repair_steps"]) == (5, 3, 2)
    assert set(stages["noise"]) == set(stages["curve"]) == {FORGOTTEN}
    assert stages["noise"][FORGOTTEN].shape == (4, 4, 4, 1)
    assert stages["curve"][FORGOTTEN].shape == (5,)
    assert not same(stages["impaired"], found.network)
    assert not same(stages["impaired"], problem().network)


@pytest.mark.slow
def test_several_classes_have_noise_of_their_own():
    several = problem()._replace(forget=problem().train.y > 0)
    stages = run("unsir", several).stages
    assert set(stages["noise"]) == {1, 2}
    assert not same(stages["noise"][1], stages["noise"][2])
    assert stages["noise_steps"] == 10
    for label, images in stages["noise"].items():
        assert class_loss(images, label) > 0.5


@pytest.mark.slow
def test_the_notebooks_label_makes_another_noise_for_every_class_but_0():
    assert not same(run("unsir", label_zero=True).stages["noise"], outcome("unsir").stages["noise"])
    zero = problem()._replace(forget=problem().train.y == 0)
    assert same(run("unsir", zero, label_zero=True).network, run("unsir", zero).network)


@pytest.mark.parametrize("samples", [1260, 8000, 20])
def test_a_scaled_recipe_takes_about_as_many_steps_as_published(samples):
    hyper = unsir.scaled(samples)
    steps = -(-(samples + 20 * hyper["noise_batch"]) // hyper["batch"])
    assert hyper["batch"] == hyper["noise_batch"] >= 1
    if samples >= 300:
        assert abs(steps - 52) <= 1
    assert unsir.scaled(8000) == {"batch": 256, "noise_batch": 256}


def test_used_features_are_brute_force_over_them():
    own, gone = problem().network, part(forgotten=True)
    size = [np.mean([abs(float(features(own, x[None])[0, j])) for x in gone.x]) for j in range(5)]
    for share in (0.1, 0.5, 1.0):
        expected = [size[j] >= share * max(size) * (1 - 1e-6) for j in range(5)]
        assert feature_masks.used(own, gone.x, share).tolist() == expected


def test_removed_features_do_not_count_and_the_others_keep_every_bit():
    own, gone = problem().network, part(forgotten=True)
    removed = np.array([True, False, True, False, False])
    head = feature_masks.without(own, removed).layers[-1]
    assert np.all(np.asarray(head.weight)[removed] == 0.0)
    assert np.array_equal(np.asarray(head.weight)[~removed], np.asarray(own.layers[-1].weight)[~removed])
    by_hand = np.asarray(features(own, gone.x))[:, ~removed] @ np.asarray(own.layers[-1].weight)[~removed]
    logits = feature_masks.without(own, removed).logits(gone.x)
    np.testing.assert_allclose(logits, by_hand + np.asarray(own.layers[-1].bias)[None], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 1.0])
def test_the_retention_mask_removes_what_only_forgotten_samples_use(share):
    own = problem().network
    gone, kept = (feature_masks.used(own, part(forgotten).x, share) for forgotten in (True, False))
    found = run("retention_mask", used=share)
    assert same(found.network, feature_masks.without(own, gone & ~kept))
    assert found.steps == 0
