"""``forgetproof select`` as a user meets it, and the search beneath it."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import selecting
from experiments.images.source import load_images
from experiments.readers.indices import read_indices
from experiments.recipes import recipe_for
from experiments.training import read_trained, train
from forgetproof.screen.selection import show_selected
from tests.command_line import one_line
from theory.solvers.reachable_step import Reach
from theory.unlearning.networks.method import unlearn_network
from theory.unlearning.worst_case import Selection, by_sign_descent, random_start, select_worst_case

PER_CLASS = ("--per-class", "20")


@pytest.fixture(scope="module")
def images():
    return load_images("digits").per_class(20)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, images):
    """A perceptron, said to be trained for two epochs: as it began, for the search needs no more."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.training.descend", lambda state, *given, **named: (state, jnp.ones(1)))
        train(images, recipe_for(images.shape, network="mlp", epochs=2, augmentation="none"), folder=folder)
    return folder


@pytest.fixture(scope="module")
def subject(checkpoint, images):
    network, about = read_trained(checkpoint)
    return selecting.subject_of(images, network, selecting.Recipe(**about["recipe"]))


def test_the_command_selects_what_the_library_does(run, checkpoint, subject):
    given = ("--checkpoint", str(checkpoint), *PER_CLASS, "--iterations", "3", "--seed", "4", "--out", "s", "--json")
    code, out, err = run("select", *given)
    (record,) = json.loads(out)
    assert (code, err, record["forgotten"], record["unit"]) == (0, "", 20, "sample")
    lower = by_sign_descent(subject.problem)
    found = select_worst_case(subject.data.train, lower, 20, jax.random.key(4), iterations=3)
    assert record["chosen"] == found.units.tolist()
    assert read_indices(record["files"]["forget.json"], 200).tolist() == found.units.tolist()
    with np.load(record["files"]["selection.npz"], allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["losses"], found.losses)
        np.testing.assert_array_equal(arrays["w"], found.w)
    assert record["overlap"] == found.overlap.tolist()
    start = random_start(jax.random.key(4), 200, 20)
    assert np.isclose(record["loss_forgotten"][0], found.losses[0][start > 0].mean())
    assert np.isclose(record["loss_all"][-1], found.losses[-1].mean())
    assert all(Path(file).stat().st_size > 50 for file in record["files"].values())
    assert not (Path("s") / selecting.PARTS).exists()


@pytest.mark.slow
def test_whole_classes_with_what_retraining_gives(run, checkpoint):
    given = ("--checkpoint", str(checkpoint / "checkpoint.safetensors"), *PER_CLASS, "--classes", "2")
    code, out, _ = run("select", *given, "--iterations", "2", "--evaluate", "1")
    assert code == 0
    record = json.loads(Path("selected/selection.json").read_text())
    assert record["forgotten"] == 40
    assert sorted(np.flatnonzero(record["of_each_class"]).tolist()) == record["chosen"]
    assert f"hardest to forget: {record['chosen'][0]}, {record['chosen'][1]}" in out
    assert record["evaluation"]["metrics"] == ["UA", "RA", "TA", "MIA"]
    assert record["evaluation"]["worst"][0] > 60.0  # retrained, if only for two epochs, without these classes
    assert record["evaluation"]["random"][0][0] > 60.0


MISTAKES = {
    "two units": (("--share", "0.1", "--count", "3"), "--share and --count: expected only one of"),
    "share": (("--share", "1.5"), "--share: expected a fraction between 0 and 1 that leaves images to keep, got 1.5"),
    "share of nothing": (("--share", "0"), "--share: expected a fraction between 0 and 1"),
    "count": (("--count", "200"), "--count: expected 1 to 199 of 200 training images, got 200"),
    "classes": (("--classes", "10"), "--classes: expected 1 to 9, fewer than the 10 classes with training images, got"),
    "method": (("--method", "hope"), "--method: expected one of sign_descent, ascent_descent"),
    "method's rate": (("--method", "retention_mask", "--rate", "0.1"), "retention_mask has no hyper-parameter 'rate'"),
    "negative rate": (("--rate", "-1"), "--rate: expected a positive number, got -1"),
    "no step": (("--alpha", "0"), "alpha: expected a finite step > 0, got 0"),
    "trapped": (("--alpha", "1e-3", "--iterations", "2"), "the forget set stays as it started; raise alpha to"),
    "data": (("--data", "/no/such/place"), "no folder '/no/such/place'"),
    "other images": (("--per-class", "21"), "trained on other images (of digits) than these of digits"),
    "seed": (("--seed", str(2**64 - 1)), "'--seed': Input should be less than or equal to 4294967295"),
    "out": (("--out", "file"), "--out: expected a folder, but file is a file"),
    "checkpoint": (("--checkpoint", "file"), "expected a folder that 'forgetproof train' wrote or its checkpoint."),
    "no checkpoint": (("--checkpoint", "nowhere"), "nowhere"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_line(run, checkpoint, case):
    Path("file").write_text("")
    given, message = MISTAKES[case]
    code, out, err = run("select", "--checkpoint", str(checkpoint), *PER_CLASS, *given)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_network_that_is_not_trained_to_its_end_is_refused(run, images, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.training.descend", lambda state, *given, **named: (state, jnp.ones(1)))
    monkeypatch.setattr("experiments.training.shuffled", _second_time_fails())
    with pytest.raises(KeyboardInterrupt):
        train(images, recipe_for(images.shape, network="mlp", epochs=3), folder=tmp_path, save_every=0.0)
    code, out, err = run("select", "--checkpoint", str(tmp_path), *PER_CLASS)
    assert (code, out) == (2, "")
    assert "is at epoch 1 of 3; call its 'forgetproof train' again first" in one_line(err)


def _second_time_fails():
    calls = []

    def shuffled(*given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return jnp.zeros((1, 1), int)

    return shuffled


@pytest.mark.slow
def test_classes_without_training_images_are_left_out(images):
    """Of ten classes only 2, 5 and 9 have images."""
    here = np.isin(images.train_y, [2, 5, 9])
    few = images._replace(train_x=images.train_x[here], train_y=images.train_y[here])
    recipe = recipe_for(few.shape, network="mlp", epochs=2)
    subject = selecting.subject_of(few, train(few, recipe).network, recipe)
    with pytest.raises(ValueError, match="--classes: expected 1 to 2, fewer than the 3 classes with training images"):
        selecting.wanted_units(few, None, None, 3)
    for seed in range(4):
        wanted = selecting.Wanted("class", 1, iterations=2, seed=seed)
        found = selecting.select(subject, wanted)
        record = selecting.recorded(found, wanted)
        (label,) = record["chosen"]
        assert label in (2, 5, 9)
        np.testing.assert_array_equal(found.found.forget, few.train_y == label)
        assert found.random.sum() == 20
    assert selecting.evaluate(subject, wanted, found.found, 1)["worst"][0] > 60.0


def test_a_killed_search_goes_on_and_ends_with_the_same_set(tmp_path, subject, monkeypatch):
    wanted, made = selecting.Wanted("sample", 20, iterations=4), []
    whole = selecting.select(subject, wanted)
    own = selecting.lower_level

    def counted(*given):
        lower = own(*given)
        return lambda *at: made.append(at) or lower(*at)

    monkeypatch.setattr(selecting, "lower_level", counted)

    def kill(done):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        selecting.select(subject, wanted, tmp_path / "parts", kill)
    assert len(made) == 3
    damaged = sorted((tmp_path / "parts").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    again = selecting.select(subject, wanted, tmp_path / "parts")
    assert len(made) == 5  # the damaged one and the fourth
    np.testing.assert_array_equal(again.found.losses, whole.found.losses)
    np.testing.assert_array_equal(again.found.w, whole.found.w)
    selecting.select(subject, wanted._replace(hyper={"rate": 2e-3}), tmp_path / "parts")
    assert len(made) == 9  # another rate, other networks


def test_a_set_that_still_changes_is_said_to(subject, capsys):
    """By hand: three units, the second and third forgotten at last, the first and second chosen."""
    losses = np.array([[0.5, 0.1, 0.3], [0.2, 0.2, 0.6]])
    found = Selection(
        *(np.array([True, True, False]), np.array([0, 1]), np.array([1.0, 1.0, 0.0]), losses, np.array([0.5, 0.0])),
        *(1.0, Reach(2.0, True, True, 0.5, "")),
    )
    tried = np.array([[True, False, True], [False, True, True]])
    given = selecting.Selected(found, np.zeros(3, int), np.arange(3), tried[0], tried)
    record = selecting.recorded(given, selecting.Wanted("sample", 2, iterations=2))
    assert record["loss_forgotten"] == pytest.approx([0.4, 0.4])
    assert (record["settled"], record["least_alpha"], record["of_each_class"]) == (0.5, 0.5, [2])
    about = {"samples": 3, "data": "three", "network": "mlp", "evaluation": None, "files": {}, "seconds": 1.0}
    show_selected({**record, **about})
    assert "the last network forgot 50% of it. A smaller --alpha moves it less; below 0.5" in capsys.readouterr().out


@pytest.mark.slow
def test_retraining_as_the_lower_level_is_the_recipes(subject):
    wanted = selecting.Wanted("sample", 20, method="retrain")
    gone = selecting.random_set(subject, wanted, 0)
    key = jax.random.key(3)
    ours = selecting.lower_level(subject, wanted)(jnp.ones(200, jnp.float32), gone, key)
    problem = subject.problem._replace(forget=jnp.asarray(gone))
    recipe = {"epochs": 2, "batch": 64, "rate": 0.05, "weight_decay": 5e-4}
    theirs = unlearn_network(selecting.all_methods()["retrain"], problem, key, **recipe).network
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_without_a_checkpoint_a_network_is_trained_first(run, monkeypatch):
    quick = recipe_for((8, 8, 1), epochs=2, augmentation="none")
    monkeypatch.setattr("experiments.recipes.recipe_for", lambda shape: quick)
    given = ("select", *PER_CLASS, "--count", "5", "--iterations", "2", "--out", "s", "--json")
    (first,), (again,) = (json.loads(run(*given)[1]) for _ in range(2))  # the second call finds the trained network
    assert first["checkpoint"] == str(Path("s") / "trained")
    assert again["chosen"] == first["chosen"]
