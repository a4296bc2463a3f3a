"""The defining property of each method that descends on data, by hand on tiny inputs."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr, softmax

from tests.unlearning.networks.tiny import CLASSES, assert_close, fresh, loss, outcome, part, problem, run, same
from theory.models.networks import BatchNorm, Chain, Dense, Network
from theory.solvers.sgd import Labelled, cross_entropy
from theory.unlearning.networks import (
    ascent_descent,
    boundary,
    discriminative,
    gradient_ascent,
    l1_sparse,
    last_layers,
    salun,
    scrub,
)
from theory.unlearning.networks.epochs import bounded_loss
from theory.unlearning.networks.method import Outcome
from theory.unlearning.networks.random_labels import wrong_labels


@functools.cache
def nothing():
    return Outcome(problem().network, 0, 0)


def test_ascent_is_minus_the_loss():
    layers, stats = problem().network
    batch = {"forget": part(forgotten=True)}
    value = gradient_ascent.ascent(layers, stats, batch, jnp.float32(jnp.inf))[0]
    assert float(value) == -float(loss(layers, batch["forget"]))


def test_a_sample_at_the_ceiling_pushes_no_further():
    """The gradient is that of the samples below it, over all of them."""
    layers, stats = problem().network
    gone = part(forgotten=True)
    own = np.asarray(cross_entropy(problem().network.logits(gone.x), gone.y))
    middle = jnp.float32(np.median(own))
    low = np.flatnonzero(own < middle)
    value, gradient = jax.value_and_grad(lambda w: bounded_loss(w, stats, gone, middle)[0])(layers)
    np.testing.assert_allclose(value, np.minimum(own, middle).mean(), rtol=1e-5)
    below = jax.grad(loss)(layers, Labelled(gone.x[low], gone.y[low]))
    assert_close(gradient, jax.tree.map(lambda leaf: jnp.float32(len(low) / len(own)) * leaf, below))


@pytest.mark.parametrize("key", ["gradient_ascent", "ascent_descent", "scrub"])
def test_the_ceiling_is_a_guess_unless_it_is_taken_away(key, monkeypatch):
    seen = []

    def noted(task, network, objective, streams=None, *, hyper, **options):
        seen.append(float(jax.tree.leaves(hyper(0.0))[-1]))
        return nothing()

    monkeypatch.setattr(importlib.import_module(f"theory.unlearning.networks.{key}"), "descend_epochs", noted)
    run(key)
    run(key, bounded=False)
    assert [seen[0], seen[-1]] == [pytest.approx(np.log(CLASSES)), np.inf]


def test_descent_and_ascent_at_once_by_hand():
    layers, stats = problem().network
    kept, gone = part(forgotten=False), part(forgotten=True)
    value = ascent_descent.both(
        layers, stats, {"retained": kept, "forget": gone}, (jnp.float32(0.75), jnp.float32(jnp.inf))
    )[0]
    np.testing.assert_allclose(value, 0.75 * loss(layers, kept) - 0.25 * loss(layers, gone), rtol=1e-5)


def test_the_penalty_and_its_fall(monkeypatch):
    layers, stats = problem().network
    batch, weight = {"retained": part(forgotten=False)}, jnp.float32(0.3)
    size = sum(np.abs(np.asarray(leaf)).sum() for leaf in jax.tree.leaves(layers))
    value, gradient = jax.value_and_grad(lambda w: l1_sparse.penalised(w, stats, batch, weight)[0])(layers)
    np.testing.assert_allclose(value, loss(layers, batch["retained"]) + 0.3 * size, rtol=1e-5)
    plain = jax.grad(loss)(layers, batch["retained"])
    assert_close(gradient, jax.tree.map(lambda g, w: g + 0.3 * jnp.sign(w).astype(jnp.float32), plain, layers))
    asked = {}
    monkeypatch.setattr(l1_sparse, "descend_epochs", lambda *given, hyper: asked.update(hyper=hyper) or nothing())
    run("l1_sparse", penalty=0.4)
    np.testing.assert_allclose([asked["hyper"](done) for done in (0.0, 0.25, 0.5)], [0.4, 0.3, 0.2], rtol=1e-6)


@pytest.mark.parametrize("key", ["cf_k", "eu_k"])
def test_the_first_layers_keep_every_bit(key):
    old, new = problem().network.layers, outcome(key).network.layers
    assert same(new[:-2], old[:-2])
    assert not any(same(a, b) for a, b in zip(new[-2:], old[-2:], strict=True))


def test_frozen_batch_norms_keep_their_statistics():
    keys = jax.random.split(jax.random.key(0), 2)
    layers = (
        Chain(Dense(16, 4, key=keys[0]), BatchNorm(4), jax.nn.relu),
        Chain(BatchNorm(4), Dense(4, 3, key=keys[1])),
    )
    stats = tuple(layer.stats() for layer in layers)
    batch = {"retained": part(forgotten=False)}
    after = last_layers.behind(1)(layers, stats, batch, None)[1]
    assert same(after[0], stats[0])
    assert not same(after[1], stats[1])
    gradient = jax.grad(lambda w: last_layers.behind(1)(w, stats, batch, None)[0])(layers)
    assert all(float(jnp.abs(leaf).max()) == 0.0 for leaf in jax.tree.leaves(gradient[0]))
    assert any(float(jnp.abs(leaf).max()) > 0.0 for leaf in jax.tree.leaves(gradient[1]))
    assert not same(last_layers.behind(0)(layers, stats, batch, None)[1][0], stats[0])
    other = (jax.tree.map(lambda leaf: leaf + jnp.float32(1.0), stats[0]), stats[1])
    for first, reads in ((1, True), (0, False)):  # frozen ones normalise by their statistics, the others by the batch
        losses = [float(last_layers.behind(first)(layers, given, batch, None)[0]) for given in (stats, other)]
        assert (losses[0] != losses[1]) == reads


def test_wrong_labels_are_never_the_true_ones_and_otherwise_uniform():
    labels = jnp.arange(4, dtype=jnp.int32).repeat(600)
    drawn = wrong_labels(jax.random.key(0), labels, 4)
    counts = np.zeros((4, 4), int)
    np.add.at(counts, (np.asarray(labels), np.asarray(drawn)), 1)
    assert np.all(np.diag(counts) == 0)
    off = counts[~np.eye(4, dtype=bool)]
    assert np.all(np.abs(off - 200) < 5 * np.sqrt(200 * 2 / 3)), off  # five standard deviations


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 1.0])
def test_the_salient_share_is_exact_and_the_largest(share):
    """Also where the cut falls among equal gradients: pixels that are 0 in every image make many of them 0."""
    own = problem().network
    gone = part(forgotten=True)
    blank = Labelled(gone.x.at[:, :3].set(0.0), gone.y)
    mask = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(salun.salient(own, blank, share))])
    sizes = np.concatenate([np.ravel(np.abs(leaf)) for leaf in jax.tree.leaves(jax.grad(loss)(own.layers, blank))])
    assert np.mean(sizes == 0.0) > 0.3
    assert mask.sum() == max(1, round(share * len(mask)))
    assert set(np.unique(mask)) <= {0.0, 1.0}
    assert np.min(sizes[mask == 1.0]) >= np.max(sizes[mask == 0.0], initial=0.0) * (1 - 1e-5)


def test_weights_outside_the_mask_keep_every_bit():
    own = problem().network
    mask = salun.salient(own, part(forgotten=True), 0.5)
    found = outcome("salun").network.layers
    for old, new, moves in zip(*map(jax.tree.leaves, (own.layers, found, mask)), strict=True):
        still = np.asarray(moves) == 0.0
        assert np.array_equal(np.asarray(old)[still], np.asarray(new)[still])
    assert not same(found, own.layers)


def linear(weight, bias) -> Network:
    """Logits as an affine map of 1 × 2 images."""
    layer = Dense(2, len(bias), key=jax.random.key(0))
    layer.__dict__.update(weight=jnp.asarray(weight, jnp.float32), bias=jnp.asarray(bias, jnp.float32))
    return Network((layer,), ((),))


def test_the_nearest_wrong_class_by_hand():
    """At the origin of three classes with p = softmax(0, −1, −3) the loss of class 0 has the gradient Wᵀ(p − e₀).

    With logits (0, x₁ − 1, 4x₂ − 3) it is (p₁, 4p₂) > 0, so the step is (b, b): the other logits become b − 1 and
    4b − 3, and class 1 is best for b < 2/3, class 2 beyond.
    """
    net = linear([[0.0, 1.0, 0.0], [0.0, 0.0, 4.0]], [0.0, -1.0, -3.0])
    data = Labelled(jnp.zeros((1, 1, 2, 1), jnp.float32), jnp.zeros(1, jnp.int32))
    assert [int(boundary.nearest_wrong(net, data, b)[0]) for b in (0.1, 0.6, 0.7, 2.0)] == [1, 1, 2, 2]
    moving = boundary.nearest_wrong(problem().network, problem().train, 0.1)
    assert not np.any(np.asarray(moving) == np.asarray(problem().train.y))


def test_expanding_trains_one_class_more_and_returns_as_many_as_before():
    own, found = problem().network, outcome("boundary_expand").network
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, own)
    gone = part(forgotten=True)
    before, after = (softmax(np.asarray(net.logits(gone.x)), axis=1)[:, 2].mean() for net in (own, found))
    assert after < before


def test_a_network_that_ends_otherwise_is_refused():
    layers, stats = problem().network
    given = problem()._replace(network=Network((*layers, Chain(jax.nn.relu)), (*stats, ((),))))
    for key in ("boundary_expand", "retention_mask"):
        with pytest.raises(ValueError, match="network: expected a dense last layer"):
            run(key, given)


def test_divergence_is_scipys():
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 5, 4)) * 3
    p, q = softmax(teacher, axis=1), softmax(student, axis=1)
    hand = rel_entr(p, q).sum(axis=1).mean()
    swapped = rel_entr(q, p).sum(axis=1).mean()
    assert float(scrub.divergence(jnp.asarray(student), jnp.asarray(teacher))) == pytest.approx(hand, rel=1e-12)
    assert abs(hand - swapped) > 0.1  # the order matters here
    cooled = 9.0 * rel_entr(softmax(teacher / 3, axis=1), softmax(student / 3, axis=1)).sum(axis=1).mean()
    found = scrub.tempered(jnp.asarray(student), jnp.asarray(teacher), jnp.asarray(3.0))
    assert float(found) == pytest.approx(cooled, rel=1e-12)


def test_scrubs_objectives_and_its_null_first_step():
    """At the teacher itself the divergence has no gradient: the first step away is weight decay alone."""
    layers, stats = problem().network
    weights = scrub.Weights(jnp.float32(0.9), jnp.float32(0.2), jnp.float32(4.0), jnp.float32(jnp.inf))
    kept, gone = part(forgotten=False), part(forgotten=True)
    other = fresh(jax.random.key(9)).logits
    far = other(gone.x)
    value = scrub.away(layers, stats, {"forget": (gone, far)}, weights)[0]
    own = problem().network.logits
    np.testing.assert_allclose(-value, scrub.tempered(own(gone.x), far, weights.temperature), rtol=1e-5)
    value = scrub.back(layers, stats, {"retained": (kept, other(kept.x))}, weights)[0]
    hand = 0.9 * loss(layers, kept) + 0.2 * scrub.tempered(own(kept.x), other(kept.x), weights.temperature)
    np.testing.assert_allclose(value, hand, rtol=1e-5)
    capped = scrub.away(layers, stats, {"forget": (gone, far)}, weights._replace(ceiling=jnp.float32(1e-3)))[0]
    np.testing.assert_allclose(capped, -16.0 * 1e-3, rtol=1e-5)  # every sample is farther: T² times the ceiling
    null = jax.grad(lambda w: scrub.away(w, stats, {"forget": (gone, own(gone.x))}, weights)[0])(layers)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(null)) < 1e-6


def test_scrub_goes_away_first_then_back(monkeypatch):
    seen = []

    def noted(task, network, objective, streams, **options):
        seen.append((objective.__name__, *streams))
        return nothing()

    monkeypatch.setattr(scrub, "descend_epochs", noted)
    run("scrub")
    assert seen == [("away", "forget"), ("back", "retained"), ("back", "retained")]


def test_the_divergence_towards_the_other_classes_is_scipys():
    layers, stats = problem().network
    kept, gone = part(forgotten=False), part(forgotten=True)
    batch = {"retained": kept, "forget": gone}
    target = (1.0 - np.eye(CLASSES)[np.asarray(gone.y)]) / (CLASSES - 1)
    logs = log_softmax(np.asarray(problem().network.logits(gone.x), np.float64), axis=1)
    hand = np.mean(np.sum(np.where(target > 0, target * (np.log(np.maximum(target, 1e-300)) - logs), 0.0), axis=1))
    losses = float(loss(layers, kept)), float(loss(layers, gone))
    for weights in ((0.0, 1.0), (1.0, 0.5)):
        given = tuple(map(jnp.float32, weights))
        value = discriminative.towards_others(layers, stats, batch, given)[0]
        np.testing.assert_allclose(value, weights[0] * losses[0] + weights[1] * hand, rtol=1e-5)
        value = discriminative.wrong_entropy(layers, stats, batch, given)[0]
        np.testing.assert_allclose(value, weights[0] * losses[0] + weights[1] * losses[1], rtol=1e-5)


def test_a_uniform_answer_among_the_others_costs_nothing():
    net = linear([[0.0] * 3] * 2, [-60.0, 1.0, 1.0])
    data = Labelled(jnp.ones((2, 1, 2, 1), jnp.float32), jnp.zeros(2, jnp.int32))
    batch, weights = {"retained": data, "forget": data}, (jnp.float32(0.0), jnp.float32(1.0))
    assert abs(float(discriminative.towards_others(*net, batch, weights)[0])) < 1e-6


def test_the_inverse_weighting_is_the_same_at_one():
    assert same(run("ce_ft", alpha=1.0).network, run("ice_ft", alpha=1.0).network)
