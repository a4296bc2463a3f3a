"""Normalisation and augmentation of images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.images.prepare import mirrored, moved, normalised, preparation
from experiments.images.source import ImageSet
from theory.solvers.sgd import Labelled


def random_set() -> ImageSet:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 6, 6, 3), dtype=np.uint8)
    x[..., 2] = 7  # constant
    return ImageSet("random", x[:30], np.arange(30, dtype=np.int32) % 3, x[30:], np.arange(10, dtype=np.int32) % 3, 3)


def test_normalisation_uses_the_training_pixels():
    images = random_set()
    data = normalised(images)
    pixels = images.train_x.reshape(-1, 3) / 255
    np.testing.assert_allclose(data.mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(data.std[:2], pixels.std(0)[:2], rtol=1e-12)
    assert data.train.x.dtype == jnp.float32
    np.testing.assert_allclose(np.asarray(data.train.x).reshape(-1, 3).mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.asarray(data.train.x).reshape(-1, 3).std(0), [1, 1, 0], atol=1e-6)
    wanted = (images.test_x[..., :2] / 255 - data.mean[:2]) / data.std[:2]
    np.testing.assert_allclose(data.test.x[..., :2], wanted, atol=2e-6)
    np.testing.assert_allclose(data.black[:2], -data.mean[:2] / data.std[:2], rtol=1e-6)


def test_moved_images_are_shifted_copies():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 5, 6, 2)), jnp.float32)
    got = np.asarray(jax.jit(moved, static_argnums=(2, 3))(jax.random.key(0), x, 2, (-7.0, -8.0)))
    level = np.broadcast_to(np.float32([-7.0, -8.0]), (9, 10, 2))
    seen = set()
    for image, result in zip(np.asarray(x), got, strict=True):
        padded = level.copy()
        padded[2:7, 2:8] = image
        options = {(i, j): padded[i : i + 5, j : j + 6] for i in range(5) for j in range(5)}
        (place,) = [at for at, option in options.items() if np.array_equal(option, result)]
        seen.add(place)
    assert {i for i, _ in seen} == {j for _, j in seen} == set(range(5))


def test_mirrored_images_are_copies_or_mirrored():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 3, 4, 1)), jnp.float32)
    got = mirrored(jax.random.key(0), x)
    kept = [bool(jnp.array_equal(a, b)) for a, b in zip(x, got, strict=True)]
    turned = [bool(jnp.array_equal(a[:, ::-1], b)) for a, b in zip(x, got, strict=True)]
    assert all(a != b for a, b in zip(kept, turned, strict=True))
    assert 16 < sum(kept) < 48


def test_preparation_treats_every_stream_and_nothing_else():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 6, 6, 1)), jnp.float32)
    batch = {
        "retained": Labelled(x, jnp.zeros(8, jnp.int32)),
        "forget": Labelled(x, jnp.zeros(8, jnp.int32)),
        "noise": x,
    }
    prepare = preparation("crop-flip", (0.0,), "bfloat16")
    done = prepare(jax.random.key(0), batch)
    assert done["noise"] is x
    assert done["retained"].x.dtype == jnp.bfloat16
    assert not jnp.array_equal(done["retained"].x, done["forget"].x)
    assert prepare is preparation("crop-flip", (0.0,), "bfloat16")
    plain = preparation()(jax.random.key(0), batch)
    assert jnp.array_equal(plain["retained"].x, x)


@pytest.mark.parametrize(
    ("given", "message"), [(("spin",), "augmentation"), (("none", (), "int8"), "precision")], ids=str
)
def test_preparation_names_what_is_wrong(given, message):
    with pytest.raises(ValueError, match=f"{message}: expected"):
        preparation(*given)
