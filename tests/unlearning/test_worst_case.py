"""Selection of worst-case forget sets: sign descent against a loop in NumPy, the upper level, its refusals, groups."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.models.networks import mlp
from theory.solvers.sgd import Labelled
from theory.unlearning.networks.method import Method, Outcome, Problem
from theory.unlearning.worst_case import (
    by_method,
    by_sign_descent,
    sample_losses,
    select_worst_case,
    sign_descent,
    sign_steps,
    unit_means,
)

N, CLASSES = 12, 3


@pytest.fixture(scope="module")
def problem() -> Problem:
    """A linear classifier of 2 × 1 images in three classes."""
    key = jax.random.key(0)
    y = jnp.arange(N, dtype=jnp.int32) % CLASSES
    x = jax.random.normal(key, (N, 2, 1, 1), jnp.float32)

    def fresh(own):
        return mlp((2, 1, 1), CLASSES, (), key=own)

    return Problem(fresh(jax.random.key(1)), Labelled(x, y), jnp.zeros(N, bool), CLASSES, fresh)


def fixed(losses):
    """A lower level whose network gives sample i the loss ``losses[i]``: logits (0, z) with log(1 + e^z) = ℓ."""
    z = np.log(np.expm1(np.asarray(losses, float)))
    x = jnp.asarray(z, jnp.float32).reshape(-1, 1, 1, 1)
    model = mlp((1, 1, 1), 2, (), key=jax.random.key(0))
    head = model.layers[0]
    layer = jax.tree.unflatten(
        jax.tree.structure(head), [jnp.array([[0.0, 1.0]], jnp.float32), jnp.zeros(2, jnp.float32)]
    )
    return Labelled(x, jnp.zeros(len(z), jnp.int32)), lambda kept, forget, key: model._replace(layers=(layer,))


def test_sign_descent_is_the_loop_written_out(problem):
    """Softmax regression by hand, in NumPy: every weight moves by the rate along the sign of its gradient."""
    x, y = np.asarray(problem.train.x, np.float64).reshape(N, 2), np.asarray(problem.train.y)
    kept = np.linspace(0.0, 1.0, N)
    order = np.array([[0, 3, 5, 7], [1, 2, 8, 11], [4, 6, 9, 10]])
    W, b = (np.asarray(leaf, np.float64) for leaf in (problem.network.layers[0].weight, problem.network.layers[0].bias))
    for rows in order:
        p = np.exp(x[rows] @ W + b)
        p /= p.sum(axis=1, keepdims=True)
        slope = kept[rows, None] * (p - np.eye(CLASSES)[y[rows]])
        W, b = W - 0.1 * np.sign(x[rows].T @ slope), b - 0.1 * np.sign(slope.sum(axis=0))
    found = sign_descent(
        problem.network, problem.train, jnp.asarray(kept, jnp.float32), jnp.asarray(order), jnp.float32(0.1)
    )
    np.testing.assert_allclose(found.layers[0].weight, W, atol=1e-6)
    np.testing.assert_allclose(found.layers[0].bias, b, atol=1e-6)


def test_the_implicit_gradient_is_0_and_a_finite_change_is_not(problem):
    order = jnp.arange(N).reshape(3, 4)

    def outcome(kept):
        network = sign_steps(problem.network, problem.train, kept, order, jnp.float32(0.1))
        return jnp.sum(network.layers[0].weight ** 2)

    ones = jnp.ones(N, jnp.float32)
    assert not np.any(np.asarray(jax.grad(outcome)(ones)))
    assert float(outcome(ones)) != float(outcome(ones.at[:6].set(0.0)))


def test_sign_descent_of_a_batch_is_each_alone(problem):
    kept = jnp.asarray(np.eye(N, dtype=np.float32)[:3])
    order, rate = jnp.arange(N).reshape(3, 4), jnp.float32(0.1)
    together = jax.vmap(sign_descent, (None, None, 0, None, None))(problem.network, problem.train, kept, order, rate)
    for b in range(3):
        alone = sign_descent(problem.network, problem.train, kept[b], order, rate)
        np.testing.assert_allclose(together.layers[0].weight[b], alone.layers[0].weight, atol=1e-6)


LOSSES = np.array([0.9, 0.2, 0.5, 0.1, 0.7, 0.3])


def test_fixed_losses_end_at_the_lowest():
    data, lower = fixed(LOSSES)
    start = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    found = select_worst_case(data, lower, 2, jax.random.key(0), start=start, alpha=1.0)
    assert found.units.tolist() == [1, 3]
    assert found.forget.tolist() == [False, True, False, True, False, False]
    np.testing.assert_allclose(found.losses, np.tile(LOSSES, (20, 1)), rtol=1e-5)
    np.testing.assert_allclose(found.w, [0, 1, 0, 1, 0, 0], atol=1e-12)
    assert found.overlap[-1] == 0.0


def test_an_outlier_does_not_decide_on_the_step():
    """Losses over eleven decades, as trained networks have them: the k lowest are found from any start."""
    losses = np.geomspace(1e-11, 1.0, 60)
    data, lower = fixed(losses)
    np.testing.assert_allclose(sample_losses(lower(None, None, None), data), losses, rtol=1e-4)
    for seed in range(3):
        found = select_worst_case(data, lower, 8, jax.random.key(seed))
        assert found.units.tolist() == list(range(8))


def test_groups_are_judged_by_their_mean():
    data, lower = fixed(LOSSES)
    groups = np.array([0, 0, 1, 1, 2, 2])  # means 0.55, 0.3, 0.5
    np.testing.assert_allclose(unit_means(jnp.asarray(LOSSES), jnp.asarray(groups), 3), [0.55, 0.3, 0.5], rtol=1e-12)
    found = select_worst_case(data, lower, 1, jax.random.key(0), groups=groups)
    assert found.units.tolist() == [1]
    assert found.forget.tolist() == [False, False, True, True, False, False]


def test_a_step_that_cannot_move_the_set_is_refused_with_the_least_that_can():
    data, lower = fixed(LOSSES)
    options = {"start": np.array([1.0, 0, 0, 0, 1.0, 0]), "iterations": 20}
    done = []
    with pytest.raises(ValueError, match=r"alpha = 0\.001 .*raise alpha to 0\.0625 at least") as fault:
        select_worst_case(data, lower, 2, jax.random.key(0), alpha=1e-3, on_iteration=done.append, **options)
    assert not done  # refused in the first iteration
    assert "\n" not in str(fault.value)
    trapped = select_worst_case(data, lower, 2, jax.random.key(0), alpha=1e-3, strict=False, **options)
    assert trapped.overlap[-1] == 1.0
    assert not trapped.reach.can_change
    free = select_worst_case(data, lower, 2, jax.random.key(0), alpha=0.13, **options)
    assert free.overlap[-1] < 1.0


def test_a_method_gets_the_set_of_the_largest_weights(problem):
    seen = []

    def spied(task):
        seen.append(np.asarray(task.data["forget"].x))
        return Outcome(task.network, task.hyper["epochs"], 0)

    method = Method(key="spied", title="", source="", reads=("forget",), run=spied, defaults={"epochs": 5})
    lower = by_method(method, problem, epochs=1)
    start = np.isin(np.arange(N), [1, 2, 5, 7]).astype(float)
    found = select_worst_case(problem.train, lower, 4, jax.random.key(2), start=start, iterations=2)
    np.testing.assert_array_equal(seen[0], problem.train.x[np.flatnonzero(start)])
    assert len(seen) == 2
    assert found.forget.sum() == 4
    np.testing.assert_allclose(found.w.sum(), 4.0, atol=1e-9)


def test_the_same_key_gives_the_same_set(problem):
    lower = by_sign_descent(problem, batch=4, rate=0.05)
    first, second = (select_worst_case(problem.train, lower, 4, jax.random.key(5), iterations=3) for _ in range(2))
    np.testing.assert_array_equal(first.w, second.w)
    np.testing.assert_array_equal(first.losses, second.losses)
    assert np.isfinite(np.asarray(sample_losses(problem.network, problem.train))).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"k": 0}, "k: expected 1 to 5", id="no unit"),
        pytest.param({"k": 6}, "k: expected 1 to 5", id="every unit"),
        pytest.param({"k": 1, "groups": np.zeros(6, int)}, "k: expected 1 to 0", id="one group"),
        pytest.param({"k": 1, "groups": np.array([0, 0, 2, 2, 3, 3])}, "groups: expected 6 whole", id="a gap"),
        pytest.param({"k": 1, "groups": np.array([0, 1])}, "groups: expected 6 whole", id="too few"),
        pytest.param({"k": 1, "groups": np.linspace(0, 1, 6)}, "groups: expected 6 whole", id="fractions"),
        pytest.param({"k": 2, "iterations": 0}, "iterations: expected at least 1", id="no iteration"),
        pytest.param({"k": 2, "gamma": np.inf}, "gamma: expected a finite", id="infinite gamma"),
        pytest.param({"k": 2, "alpha": 0.0}, "alpha: expected a finite step > 0", id="no step"),
        pytest.param({"k": 2, "start": np.ones(6)}, "start: expected 6 weights", id="another sum"),
        pytest.param({"k": 2, "start": np.array([2.0, 0, 0, 0, 0, 0])}, "start: expected 6 weights", id="above 1"),
    ],
)
def test_bad_arguments_are_named(options, said):
    data, lower = fixed(LOSSES)
    with pytest.raises(ValueError, match=said):
        select_worst_case(data, lower, options.pop("k"), jax.random.key(0), **options)


def test_equal_losses_and_infinite_ones_are_refused():
    data, lower = fixed(np.full(6, 0.4))
    with pytest.raises(ValueError, match="all are equal"):
        select_worst_case(data, lower, 2, jax.random.key(0))
    broken = data._replace(x=data.x.at[0].set(jnp.nan))
    with pytest.raises(ValueError, match="iteration 1 has losses that are not finite"):
        select_worst_case(broken, lower, 2, jax.random.key(0))
