"""The velocity field against NumPy, its unconditional prompt, and bad sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.models.flow import Flow


@pytest.fixture(scope="module")
def flow() -> Flow:
    return Flow(5, (3, 2), width=4, depth=2, key=jax.random.key(0))


def _silu(x):
    return x / (1.0 + np.exp(-x))


def _affine(layer, x):
    return x @ np.asarray(layer.weight, np.float64).T + np.asarray(layer.bias, np.float64)


def test_the_field_by_hand(flow):
    rng = np.random.default_rng(0)
    x, t, prompt = rng.normal(size=(6, 5)), rng.uniform(size=6), rng.integers(0, 2, (6, 2))
    angles = t[:, None] * np.pi * np.array([16, 8, 4, 2, 1, 0.5, 0.25, 0.125])
    h = _affine(flow.enter, x) + _affine(flow.time, np.concatenate([np.sin(angles), np.cos(angles)], axis=1))
    h += sum(np.asarray(table, np.float64)[prompt[:, i]] for i, table in enumerate(flow.tables))
    for inside, outside in flow.blocks:
        h = h + _affine(outside, _silu(_affine(inside, _silu(h))))
    found = flow(jnp.float32(x), jnp.float32(t), jnp.int32(prompt))
    np.testing.assert_allclose(found, _affine(flow.leave, _silu(h)), rtol=1e-4, atol=1e-5)


def test_nothing_is_a_prompt_of_its_own(flow):
    assert flow.nothing.tolist() == [3, 2]
    x, t = jnp.ones((1, 5), jnp.float32), jnp.zeros(1, jnp.float32)
    values = [flow(x, t, jnp.int32([prompt])) for prompt in ([3, 2], [-1, -1], [2, 1])]
    assert np.array_equal(values[0], values[1])  # what training with a hidden prompt writes
    assert not np.allclose(values[0], values[2])


@pytest.mark.parametrize(
    ("sizes", "named"),
    [({"pixels": 0}, "pixels"), ({"width": 0}, "width"), ({"depth": 0}, "depth"), ({"attributes": ()}, "attributes")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_sizes_are_named(sizes, named):
    given = {"pixels": 5, "attributes": (3, 2), **sizes}
    with pytest.raises(ValueError, match=f"{named}: expected at least 1, got 0"):
        Flow(**given, key=jax.random.key(0))
