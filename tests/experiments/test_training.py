"""Training runs: exact resumption after kills, checkpoints that refuse damage, recipes."""

import errno
import os
import random
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import checkpoint
from experiments.checkpoint import CheckpointFault
from experiments.images.source import ImageSet, load_images
from experiments.recipes import RECIPES, Recipe, rates_of, recipe_for
from experiments.training import FILE, read_trained, smoothed, train
from forgetproof.runtime import POOL, start_jax
from theory.models.networks import Network, mlp
from theory.solvers.sgd import Labelled, accuracy

RECIPE = Recipe("mlp", epochs=4, batch=32, rate=0.05, augmentation="shift")


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return load_images().per_class(20)


@pytest.fixture(scope="module")
def whole(images):
    """An uninterrupted run, without a folder."""
    return train(images, RECIPE, seed=3)


def same(one, other) -> bool:
    leaves = [jax.tree.leaves(tree) for tree in (one, other)]
    return len(leaves[0]) == len(leaves[1]) and all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True))


class Stopped(Exception):
    """Stands for an interruption."""


def interrupted(images, folder, after: int) -> None:
    """A run that ends after some epochs, a checkpoint at each."""

    def stop(at):
        if at.epoch == after:
            raise Stopped

    with pytest.raises(Stopped):
        train(images, RECIPE, seed=3, folder=folder, save_every=0.0, progress=stop)


# --- resumption ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 3])
def test_a_resumed_run_ends_with_the_same_bits(images, whole, tmp_path, after):
    interrupted(images, tmp_path, after)
    rest = train(images, RECIPE, seed=3, folder=tmp_path)
    assert (rest.resumed, rest.losses) == (after, whole.losses)
    assert same(rest.network, whole.network)
    network, about = read_trained(tmp_path)
    assert same(network, whole.network)
    assert (about["seed"], about["recipe"]["network"], about["losses"]) == (3, "mlp", list(whole.losses))


def test_the_seed_and_fresh_start_over(images, whole, tmp_path):
    interrupted(images, tmp_path, 2)
    other = train(images, RECIPE, seed=4, folder=tmp_path, fresh=True)
    assert other.resumed == 0
    assert not same(other.network, whole.network)


CHILD = """
import sys
from forgetproof import start_jax
start_jax()
from pathlib import Path
from experiments.images.source import load_images
from experiments.recipes import recipe_for
from experiments.training import train
images = load_images()
recipe = recipe_for(images.shape, network="mlp", epochs=150)
train(images, recipe, 0, folder=Path(sys.argv[1]), save_every=0.0, progress=lambda at: print(at.epoch, flush=True))
"""


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path):
    """SIGKILL twice, at any instant of an epoch or of a checkpoint's writing, against one run left alone."""
    draw = random.Random()  # another moment at every run of the tests
    folder, reached = tmp_path / "killed", []
    for moment in (0.1, 0.3):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True) as child:
            reached.append(int(child.stdout.readline()))
            time.sleep(moment * draw.uniform(0.5, 1.5))
            child.send_signal(signal.SIGKILL)
            child.communicate()
        assert child.returncode == -signal.SIGKILL
    images = load_images()
    recipe = recipe_for(images.shape, network="mlp", epochs=150)
    rest = train(images, recipe, 0, folder=folder)
    assert reached[0] < reached[1] <= rest.resumed  # each went on where the last was killed
    alone = train(images, recipe, 0, folder=tmp_path / "alone")
    assert same(rest.network, alone.network)
    assert (folder / FILE).read_bytes() == (tmp_path / "alone" / FILE).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == [".lock", FILE]


def test_one_process_a_folder(images, tmp_path):
    def another(at):
        with pytest.raises(ValueError, match="another process trains here"):
            train(images, RECIPE, seed=3, folder=tmp_path)
        raise Stopped

    with pytest.raises(Stopped):
        train(images, RECIPE, seed=3, folder=tmp_path, progress=another)


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(images, tmp_path_factory) -> bytes:
    """A checkpoint after two epochs."""
    folder = tmp_path_factory.mktemp("kept")
    interrupted(images, folder, 2)
    return (folder / FILE).read_bytes()


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGE = {
    "a weight": lambda content: flipped(content, len(content) - 5),
    "cut": lambda content: content[:-100],
    "longer": lambda content: content + bytes(3_000_000),
    "header alone": lambda content: content[:1000],
    "empty": lambda content: b"",
    "text": lambda content: b"not a checkpoint at all",
    "the number of losses": lambda content: content.replace(b"losses", b"losseS"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_refused_in_one_line(images, kept, tmp_path, case):
    (tmp_path / FILE).write_bytes(DAMAGE[case](kept))
    with pytest.raises(CheckpointFault, match="damaged") as told:
        train(images, RECIPE, seed=3, folder=tmp_path)
    assert str(told.value).startswith(str(tmp_path / FILE))
    assert "\n" not in str(told.value)
    with pytest.raises(CheckpointFault):
        read_trained(tmp_path)


OTHERS = {
    "epochs": ({"recipe": RECIPE._replace(epochs=9)}, "a run with epochs 4, not 9; choose another --out"),
    "rate": ({"recipe": RECIPE._replace(rate=0.1)}, "a run with rate 0.05, not 0.1"),
    "seed": ({"seed": 5}, "a run with seed 3, not 5"),
    "images": ({"images": load_images().per_class(21)}, "a run with other images: [0-9a-f]{12}, not [0-9a-f]{12}"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_run_is_refused(images, kept, tmp_path, case):
    changes, message = OTHERS[case]
    (tmp_path / FILE).write_bytes(kept)
    given = {"images": images, "recipe": RECIPE, "seed": 3, **changes}
    with pytest.raises(CheckpointFault, match=message):
        train(**given, folder=tmp_path)
    assert (tmp_path / FILE).read_bytes() == kept


def test_another_network_is_refused(tmp_path):
    small, large = (mlp((2, 2, 1), 3, (width,), key=jax.random.key(0)) for width in (4, 5))
    checkpoint.save(tmp_path / FILE, small, {})
    with pytest.raises(CheckpointFault, match=r"belongs to another network: .* is float32\[4\], expected float32\[5\]"):
        checkpoint.load(tmp_path / FILE, large)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / FILE, {"a": jnp.zeros(3)}, {"epoch": 1})

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as told:
        checkpoint.save(tmp_path / FILE, {"a": jnp.ones(3)}, {"epoch": 2})
    assert told.value.filename == str(tmp_path / FILE)
    tree, about = checkpoint.load(tmp_path / FILE, {"a": jnp.zeros(3)})
    assert (tree["a"].tolist(), about) == ([0.0, 0.0, 0.0], {"epoch": 1})
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_every_type_comes_back_as_it_was(tmp_path):
    tree = {"scalar": jnp.int32(7), "key": jax.random.key_data(jax.random.key(1)), "none": (), "x": jnp.eye(2)}
    checkpoint.save(tmp_path / FILE, tree, {"a": [1, None]})
    got, about = checkpoint.load(tmp_path / FILE, tree)
    assert same(got, tree)
    assert [leaf.dtype for leaf in jax.tree.leaves(got)] == [leaf.dtype for leaf in jax.tree.leaves(tree)]
    assert jax.tree.structure(got) == jax.tree.structure(tree)
    assert about == {"a": [1, None]}


# --- training ------------------------------------------------------------------------------------------------------


def test_progress_tells_rate_and_time_left(images):
    seen = []
    train(images, RECIPE._replace(epochs=3), seed=3, progress=seen.append)
    assert [at.epoch for at in seen] == [1, 2, 3]
    assert all(at.epochs == 3 and at.images_per_second > 0 for at in seen)
    assert seen[1].seconds_left > seen[2].seconds_left == 0.0


@pytest.mark.slow
def test_digits_reach_98_percent_with_the_default_recipe():
    images = load_images()
    trained = train(images, recipe_for(images.shape))
    assert trained.test_accuracy >= 98.0
    assert trained.test_accuracy == accuracy(trained.network, trained.data.test)
    assert isinstance(trained.network, Network)


def test_a_diverging_run_says_so(images):
    with pytest.raises(ValueError, match=r"the loss is (nan|inf) in epoch 1; lower --rate, now 1e\+08"):
        train(images, RECIPE._replace(rate=1e8, schedule="constant"), seed=3)


def test_a_network_that_its_last_step_ruins_is_not_kept(images, tmp_path):
    """One step: its loss is that before it."""
    with pytest.raises(ValueError, match=r"outputs are not finite after training; lower --rate, now 1e\+38"):
        train(images, recipe_for(images.shape, network="mlp", epochs=1, batch=5000, rate=1e38), folder=tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_smoothing_is_the_mixture_of_the_label_and_all_classes():
    network = mlp((2, 2, 1), 3, (4,), key=jax.random.key(0))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2, 2, 1)), jnp.float32)
    y = jnp.asarray([0, 1, 2, 1, 0], jnp.int32)
    loss, _ = smoothed(network.layers, network.stats, {"retained": Labelled(x, y)}, jnp.float32(0.3))
    logs = -jax.nn.log_softmax(network.logits(x))
    wanted = 0.7 * optax.softmax_cross_entropy_with_integer_labels(network.logits(x), y) + 0.3 * logs.mean(1)
    np.testing.assert_allclose(loss, wanted.mean(), rtol=1e-6)


def test_all_cores_are_used_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.delenv(POOL, raising=False)
    start_jax(all_cores=True)
    assert 1 <= int(os.environ[POOL]) <= os.cpu_count()
    monkeypatch.setenv(POOL, "1")
    start_jax(all_cores=True)
    assert os.environ[POOL] == "1"


# --- recipes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "name"), [((8, 8, 1), "digits"), ((28, 28, 1), "mnist"), ((32, 32, 3), "cifar10")], ids=str
)
def test_the_recipe_follows_the_images(shape, name):
    assert recipe_for(shape) == RECIPES[name]
    assert recipe_for(shape, network="mlp", epochs=2).rate == 0.05
    assert recipe_for(shape, network="mlp", rate=0.3).rate == 0.3


WRONG = {
    "network": ("vgg", "network: expected one of mlp, small_cnn, all_cnn, resnet18, got 'vgg'"),
    "epochs": (0, "epochs: expected 1 to 1000000, got 0"),
    "rate": (float("nan"), "rate: expected a positive number, got nan"),
    "schedule": ("step", "schedule: expected one of cosine, one-cycle, constant, got 'step'"),
    "smoothing": (1.0, r"smoothing: expected a number in \[0, 1\), got 1.0"),
    "weight_decay": (-1.0, "weight_decay: expected a number >= 0, got -1.0"),
    "momentum": (0.5, "no setting 'momentum'; expected some of network, epochs"),
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_are_checked(name):
    value, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        recipe_for((8, 8, 1), **{name: value})


def test_schedules_rise_and_fall():
    one = rates_of(RECIPE._replace(schedule="one-cycle"), 1000)
    assert (round(float(one[0] / one.max()), 3), int(one.argmax())) == (0.04, 300)
    assert one[-1] < 1e-4 * RECIPE.rate
    cosine = rates_of(RECIPE._replace(schedule="cosine"), 1000)
    np.testing.assert_allclose(cosine[[0, 500]], [0.05, 0.025], rtol=1e-6)
    assert set(rates_of(RECIPE._replace(schedule="constant"), 5).tolist()) == {float(np.float32(0.05))}
