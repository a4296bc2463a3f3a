"""The interface: a method sees what it declares, is asked sensible things, compiles once, and repeats itself."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.unlearning.networks.tiny import (
    CLASSES,
    EACH,
    FORGOTTEN,
    HYPER,
    assert_close,
    decayed,
    finite,
    fresh,
    loss,
    moved_by,
    outcome,
    part,
    problem,
    run,
    same,
    with_images,
)
from theory.models.networks import Network
from theory.solvers.sgd import Labelled, descend
from theory.unlearning.networks import all_methods, boundary, fine_tune
from theory.unlearning.networks.method import (
    Method,
    Outcome,
    Problem,
    Task,
    balanced,
    constant,
    cosine,
    unlearn_network,
)

METHODS = all_methods()
BLIND = [key for key, method in METHODS.items() if "forget" not in method.reads]


def poisoned():
    """NaN in every forgotten image: whatever is computed from one is NaN."""
    return with_images(jnp.nan)


def test_the_methods_are_found():
    assert set(METHODS) >= {"retrain", "fine_tune", "gradient_ascent", "scrub", "salun", "unsir", "kl_ft"}
    assert len(METHODS) == 18
    assert set(BLIND) == {"retrain", "fine_tune", "cf_k", "eu_k", "l1_sparse", "unsir"}
    assert all(method.title and method.source for method in METHODS.values())


def unmoved_by_poison(key):
    """Whether the network is the same where every forgotten pixel is NaN; one that is not finite is refused."""
    try:
        return same(run(key, poisoned()).network, outcome(key).network)
    except ValueError as fault:
        if "so have the images that it read" not in str(fault):
            raise
        return False


QUICK = ("fine_tune", "scrub", "unsir")


@pytest.mark.parametrize("key", [pytest.param(k, marks=() if k in QUICK else pytest.mark.slow) for k in METHODS])
def test_a_method_repeats_itself_compiles_once_and_never_touches_what_it_does_not_read(key):
    first = outcome(key)
    assert finite(first.network)
    assert first.samples > 0
    compiled = descend._cache_size()
    assert same(run(key).network, first.network)
    assert (key in BLIND) == unmoved_by_poison(key)
    assert descend._cache_size() == compiled


def test_a_method_that_secretly_reads_the_forget_set_is_caught():
    """It declares the retained samples alone and takes a peek through what it closes over."""

    def secretive(given):
        def peek(task: Task) -> Outcome:
            found = fine_tune.METHOD.run(task)
            hint = jnp.mean(given.train.x[given.forget])
            return found._replace(network=jax.tree.map(lambda leaf: leaf + 0.0 * hint, found.network))

        hidden = Method("secretive", "Reads in secret", "a test", ("retained",), peek, fine_tune.METHOD.defaults)
        return unlearn_network(hidden, given, jax.random.key(3), **HYPER["fine_tune"])

    assert finite(secretive(problem()).network)
    with pytest.raises(ValueError, match="secretive: the unlearned network has weights that are not finite"):
        secretive(poisoned())


def test_a_network_that_diverges_is_never_an_outcome():
    with pytest.raises(ValueError, match=r"^fine_tune: .* it diverged at rate = 1e.30; try rate = 1e.29$"):
        run("fine_tune", rate=1e30)
    with pytest.raises(
        ValueError, match=r"unsir: .* at noise_rate = 0.1, impair_rate = 0.02, repair_rate = 1e.38; try"
    ):
        run("unsir", repair_rate=1e38)
    ruined = problem()._replace(network=jax.tree.map(lambda leaf: leaf * jnp.float32(jnp.nan), problem().network))
    with pytest.raises(ValueError, match=r"fine_tune: .* so has the network that it was given"):
        run("fine_tune", ruined)


def test_the_bound_keeps_what_an_unbounded_ascent_ruins():
    """Ten times the rate at which the loss would leave every float behind."""
    with pytest.raises(ValueError, match=r"gradient_ascent: .* it diverged at rate = 5; try rate = 0.5"):
        run("gradient_ascent", rate=5.0, epochs=60, bounded=False)
    assert finite(run("gradient_ascent", rate=5.0, epochs=60).network)


def looked_at(given: Problem, reads: tuple[str, ...]) -> Task:
    """What a method with these streams is given."""
    seen = []

    def look(task: Task) -> Outcome:
        seen.append(task)
        return Outcome(task.network, 0, 0)

    unlearn_network(Method("spy", "Looks around", "a test", reads, look, {"per_class": 5}), given, jax.random.key(0))
    return seen[0]


@pytest.mark.parametrize("reads", [("retained",), ("forget",), ("sample",), ("retained", "forget"), ()])
def test_a_task_holds_exactly_the_declared_streams(reads):
    task = looked_at(problem(), reads)
    assert set(task.data) == set(reads)
    assert task.forgotten == (FORGOTTEN,)
    assert task.classes == CLASSES
    images = {name: {image.tobytes() for image in np.asarray(data.x)} for name, data in task.data.items()}
    forgotten = {image.tobytes() for image in np.asarray(problem().train.x[problem().forget])}
    counts = {"retained": 2 * EACH, "forget": EACH, "sample": 10}
    for name in reads:
        assert len(task.data[name].y) == counts[name]
        assert images[name].isdisjoint(forgotten) == (name != "forget")


def test_streams_of_scattered_samples_forget_no_class():
    scattered = problem()._replace(forget=jnp.arange(3 * EACH) % 4 == 0)
    assert looked_at(scattered, ("forget",)).forgotten == ()
    with pytest.raises(ValueError, match="UNSIR forgets whole classes"):
        run("unsir", scattered)


WRONG = {
    "unknown": ("fine_tune", {"epoch": 3}, "fine_tune has no hyper-parameter 'epoch'; expected some of epochs, rate"),
    "none to set": ("retention_mask", {"rate": 0.1}, "retention_mask has no hyper-parameter 'rate'"),
    "no epochs": ("fine_tune", {"epochs": 0}, "epochs: expected a whole number of at least 1, got 0"),
    "half a batch": ("fine_tune", {"batch": 2.5}, "batch: expected a whole number of at least 1, got 2.5"),
    "negative rate": ("scrub", {"rate": -0.1}, "rate: expected a number of at least 0, got -0.1"),
    "infinite rate": ("scrub", {"rate": float("inf")}, "rate: expected a finite number, got inf"),
    "rate as text": ("scrub", {"rate": "0.1"}, "rate: expected a finite number, got '0.1'"),
    "a flag as a number": ("unsir", {"label_zero": 1}, "label_zero: expected a bool, got 1"),
    "a number as a flag": ("unsir", {"copies": True}, "copies: expected a finite number, got True"),
    "schedule": ("scrub", {"schedule": "step"}, "schedule: expected one of cosine, constant, got 'step'"),
    "share above 1": ("ascent_descent", {"share": 1.5}, "share: expected a fraction of at most 1, got 1.5"),
    "share of nothing": ("salun", {"share": 0.0}, "share: expected a fraction above 0 and at most 1, got 0.0"),
    "too many layers": ("cf_k", {"k": 4}, "k: expected 1 to 3, the network's layers, got 4"),
}


@pytest.mark.parametrize(("key", "hyper", "said"), WRONG.values(), ids=WRONG)
def test_wrong_hyper_parameters(key, hyper, said):
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        run(key, **hyper)


MASKS = {
    "nothing": (np.zeros(24, bool), "forget: expected some samples and not all, got 0 of 24"),
    "all": (np.ones(24, bool), "forget: expected some samples and not all, got 24 of 24"),
    "short": (np.ones(23, bool), r"forget: expected a mask of shape \(24,\), got shape \(23,\)"),
    "a column": (np.ones((24, 1), bool), r"forget: expected a mask of shape \(24,\), got shape \(24, 1\)"),
}


@pytest.mark.parametrize(("mask", "said"), MASKS.values(), ids=MASKS)
def test_wrong_masks(mask, said):
    given = problem()
    wrong = type(given)._make([*given[:2], mask, *given[3:]])
    with pytest.raises(ValueError, match=said):
        run("fine_tune", wrong)


def test_labels_outside_the_classes():
    with pytest.raises(ValueError, match="train: expected labels from 0 to 1, got 0 to 2"):
        run("fine_tune", problem()._replace(classes=2))


def test_an_unknown_stream():
    with pytest.raises(ValueError, match="reads of x: expected some of retained, forget, sample, got 'test'"):
        Method("x", "", "", ("test",), lambda task: task)


def test_a_balanced_sample_by_hand():
    labels, among = np.array([0, 1, 1, 0, 2, 2, 2]), np.array([1, 1, 1, 1, 1, 1, 0], bool)
    rows = balanced(labels, among, 2, jax.random.key(0))
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4, 5]
    assert np.bincount(labels[balanced(labels, among, 1, jax.random.key(1))]).tolist() == [1, 1, 1]
    many = {tuple(sorted(balanced(labels, among, 1, jax.random.key(s)).tolist())) for s in range(12)}
    assert len(many) > 3


def test_schedules_by_hand():
    np.testing.assert_allclose(
        cosine(0.4, 4), [0.4, 0.2 + 0.2 * np.sqrt(0.5), 0.2, 0.2 - 0.2 * np.sqrt(0.5)], rtol=1e-6
    )
    np.testing.assert_array_equal(constant(0.5, 3), np.float32([0.5, 0.5, 0.5]))


def test_steps_and_samples_are_counted():
    """16 retained samples in batches of 8: 2 steps an epoch; 8 forgotten ones beside them where both are read.

    Passes without a step count too: those of a teacher, and of what masks and labels are made from.
    """
    assert outcome("fine_tune")[1:3] == (4, 32)
    assert outcome("gradient_ascent")[1:3] == (2, 16)
    assert outcome("ascent_descent")[1:3] == (4, 64)
    assert outcome("random_labels")[1:3] == (6, 48)
    assert outcome("scrub")[1:3] == (5, 24 + 40)  # one epoch away, two back
    assert outcome("salun")[2] == 8 + outcome("random_labels")[2] * outcome("salun")[1] // outcome("random_labels")[1]
    assert outcome("boundary_shrink")[2] == 8 + outcome("boundary_expand")[2]
    assert outcome("retention_mask")[1:3] == (0, 24)
    assert outcome("unsir")[1:3] == (5, 24)  # 12 + 2 · 4 to impair, 12 to repair


def test_retraining_starts_anew():
    """The trained network may be anything."""
    ruined = problem()._replace(network=jax.tree.map(lambda leaf: leaf * jnp.float32(jnp.nan), problem().network))
    assert same(run("retrain", ruined).network, run("retrain").network)
    assert not same(run("retrain", seed=4).network, run("retrain").network)
    assert jax.tree.structure(run("retrain").network) == jax.tree.structure(fresh(jax.random.key(0)))


def test_data_in_a_problem_are_left_alone():
    before = jax.tree.map(np.array, (problem().network, problem().train))
    run("scrub")
    assert same((problem().network, problem().train), before)
    assert isinstance(problem().train, Labelled)


ONE_STEP = {"epochs": 1, "batch": 8}


def test_one_step_of_ascent_by_hand():
    gone = part(forgotten=True)
    found = run("gradient_ascent", rate=0.01, **ONE_STEP)
    gradient = jax.grad(loss)(problem().network.layers, gone)
    assert_close(found.network.layers, moved_by(-0.01, gradient))
    assert loss(found.network.layers, gone) > loss(problem().network.layers, gone)


def test_only_training_anew_forgets_the_old_last_layers():
    layers, stats = problem().network
    other = (layers[0], *jax.tree.map(lambda leaf: leaf + jnp.float32(0.1), layers[1:]))
    given = problem()._replace(network=Network(other, stats))
    assert same(run("eu_k", given).network, outcome("eu_k").network)
    assert not same(run("cf_k", given).network, outcome("cf_k").network)


def test_shrinking_moves_the_forgotten_class_to_its_neighbour():
    gone = part(forgotten=True)
    wanted = Labelled(gone.x, boundary.nearest_wrong(problem().network, gone, 0.1))
    found = run("boundary_shrink", rate=0.1, **ONE_STEP).network
    assert_close(found.layers, moved_by(0.1, decayed(jax.grad(loss)(problem().network.layers, wanted), 5e-4)))
