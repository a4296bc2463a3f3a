"""``forgetproof certify`` as a user meets it, and models in files against rational arithmetic."""

import functools
import json
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.certifying import certify_model
from experiments.instance_file import InstanceFileError, save_instance
from theory.claims.ga.linear import ascent_step
from theory.evidence.check import Refutation

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_claim.py"
LIMIT = 1024


@pytest.fixture
def run(run):
    """Runs ``certify``, as the fixture of all commands."""
    return functools.partial(run, "certify")


def save(folder, **arrays):
    path = folder / "model.npz"
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return path


def found(path, limit=LIMIT):
    return {f["name"]: f for f in certify_model(path, limit)["findings"]}


def fractions(array):
    return np.vectorize(Fraction, otypes=[object])(np.asarray(array, float))


def assert_between(finding, exact):
    low, high = finding["interval"]
    assert Fraction(low) <= exact <= Fraction(high)
    assert high - low <= 1e-6 * abs(high) or high <= 1e-30


@pytest.mark.parametrize("seed", range(3))
def test_residuals_contain_the_rational_values(tmp_path, seed):
    rng = np.random.default_rng(seed)
    X, y, w, lam = rng.normal(size=(5, 7)), rng.choice([-1.0, 1.0], 5), rng.normal(size=7), rng.normal(size=5)
    shown = found(save(tmp_path, X=X, y=y, w=w, lam=lam))
    Z, weights, multipliers = fractions(y[:, None] * X), fractions(w), fractions(lam)
    margins = Z.dot(weights)
    gap = weights - multipliers.dot(Z)
    assert_between(shown["least margin"], margins.min())
    assert_between(shown["primal"], max(0, (1 - margins).max()))
    assert_between(shown["dual"], max(0, (-multipliers).max()))
    assert_between(shown["complementarity"], (multipliers * (margins - 1)).max())
    low, high = shown["stationarity"]["interval"]
    assert Fraction(low) ** 2 <= gap.dot(gap) <= Fraction(high) ** 2


def test_the_max_margin_solution_by_hand(tmp_path):
    """x₁ = (2, 0), x₂ = (0, −1) and −x₂ = (3, 5) no support vector: λ = (1/4, 1, 0), w* = (1/2, 1)."""
    X, y = [[2.0, 0.0], [0.0, -1.0], [3.0, 5.0]], [1.0, -1.0, 1.0]
    shown = found(save(tmp_path, X=X, y=y, w=[0.5, 2.0]))
    assert shown["max-margin solution"]["holds"] is True
    assert "2 of 3 points" in shown["max-margin solution"]["says"]
    assert_between(shown["least multiplier"], Fraction(1, 4))
    assert_between(shown["distance to it"], Fraction(1))
    assert_between(shown["least slack"], Fraction(11, 2))


@pytest.mark.parametrize("power", [40, 80, 400])
def test_a_dyadic_step_decides_whether_points_can_be_separated(tmp_path, power):
    """x and −x + 2⁻ᵖ e₂ with label +1: separable by e₂ alone, and not at all without the step."""
    step = 2.0**-power
    apart = found(save(tmp_path, X=[[1.0, 0.0], [-1.0, step]], y=[1.0, 1.0], w=[1.0, 4.0 / step], lam=[1.0, 1.0]))
    assert apart["least margin"]["holds"] is True
    together = found(save(tmp_path, X=[[1.0, 0.0], [-1.0, 0.0]], y=[1.0, 1.0], w=[1.0, 0.0], lam=[1.0, 1.0]))
    assert together["least margin"]["holds"] is False
    assert together["not separable"]["holds"] is True


def test_random_labels_beyond_the_capacity_are_proved_not_separable(tmp_path):
    rng = np.random.default_rng(4)
    shown = found(save(tmp_path, X=rng.normal(size=(30, 3)), y=rng.choice([-1.0, 1.0], 30), lam=np.ones(30)))
    assert shown["not separable"]["holds"] is True


def test_an_unlearned_model_gets_its_triple(tmp_path):
    """w = e₁ with retained margins 2 and 4: the witness e₁/2 has margins 1 and 2; λ = (1/2, 1/2) before scaling."""
    X, y = [[2.0, 0.0], [4.0, 0.0], [0.0, 1.0]], [1.0, 1.0, 1.0]
    shown = found(save(tmp_path, X=X, y=y, w=[1.0, 0.0], lam=[0.5, 0.5, 7.0], forget=[2], mu=[1.0, 0.0]))
    assert_between(shown["epsilon"], Fraction(1))  # ‖e₁/2 − (1/4)(2 + 4) e₁‖
    assert_between(shown["delta"], Fraction(1, 4))  # (1/4)(2 − 1)
    assert shown["tau"]["interval"] == [0.0, 0.0]
    low, high = shown["test error"]["interval"]
    assert low <= 0.07864960352514256 <= high  # Φ(−√2) = erfc(1)/2


def test_network_signs_and_kinks(tmp_path):
    """w₁ = e₁ and w₂ = e₂ on e₁ and 2⁻⁶⁰e₁ + e₂: one exact kink; the second point is active for both."""
    X, W, u = [[1.0, 0.0], [2.0**-60, 1.0]], [[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0]
    t = [[1.0, 0.5], [0.0, 1.0]]
    shown = found(save(tmp_path, X=X, y=[1.0, 1.0], W=W, u=u, lam=[1.0, 1.0], t=t))
    assert shown["signs"]["says"].startswith("1 kinks, 1 more pairs")
    low, high = shown["stationarity as meant"]["interval"]
    assert low <= 0.5 <= high  # w₂ − (½ e₁ + x₂) = −½ e₁ to 1e-18
    # admissible: t₁₂ = 1/2 may stay, t₂₁ must be 1 since w₁ is active there by 2⁻⁶⁰
    assert shown["stationarity"]["interval"][0] > 1.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.eye(2), "y": np.ones(2)}, "expected arrays X and y with w or lam, or with W and u"),
        ({"X": np.eye(2), "y": np.ones(2), "w": np.ones(2), "z": np.ones(2)}, "got X, w, y, z"),
        ({"X": np.eye(2), "y": np.ones(2), "w": np.ones(3)}, "w: expected 2 weights"),
        ({"X": np.eye(2), "y": np.zeros(2), "w": np.ones(2)}, "y: expected labels -1 or"),
        ({"X": np.eye(2), "y": np.ones(2), "lam": [np.nan, 1]}, "lam: expected finite numbers"),
        ({"X": np.eye(2), "y": np.ones(2), "w": np.ones(2), "forget": [0, 1]}, "at least one point to retain"),
        ({"X": np.eye(2), "y": np.ones(2), "W": np.eye(3), "u": np.ones(3)}, "W: expected rows of 2 weights"),
        ({"X": np.eye(2), "y": np.ones(2), "W": np.eye(2), "u": np.ones(2), "lam": np.ones(2)}, "lam, t: expected"),
    ],
)
def test_bad_files_are_explained(tmp_path, arrays, message):
    with pytest.raises(InstanceFileError, match=message):
        certify_model(save(tmp_path, **arrays), LIMIT)


def test_claims_of_ones_own(run):
    """The first holds, the second is false: its refuted instance is saved and can be replayed."""
    code, out, err = run(str(EXAMPLE), "--json")
    true, false = json.loads(out)
    assert (code, err) == (1, "")
    assert (true["outcome"], true["as_expected"]) == ("CERTIFIED", True)
    assert true["conclusions"][0]["certified"] == true["instances"] == 20
    assert (false["outcome"], false["as_expected"]) == ("REFUTED", False)
    replay = false["counterexample"]["file"]
    code, out, _ = run(str(EXAMPLE), "--instance", replay)
    assert code == 1
    assert "REFUTED" in out


def test_low_precision_leaves_things_undecided(run, tmp_path):
    sizes = ascent_step.CLAIM.sizes[0]
    latent = jnp.linspace(0.1, 0.5, ascent_step.CLAIM.latent(sizes))
    refutation = Refutation(
        dict(sizes), jax.jit(lambda z: ascent_step.CLAIM.build(sizes, z))(latent), "primal", 0.0, 0.0, 0.0
    )
    path = str(save_instance(tmp_path, ascent_step.CLAIM, refutation))
    counts = []
    for limit in ("8", "1024"):
        code, out, _ = run(ascent_step.CLAIM.key, "--instance", path, "--precision-limit", limit, "--json")
        (entry,) = json.loads(out)
        assert code == 0
        assert (entry["instances"], entry["bits"] <= int(limit)) == (1, True)
        assert entry["vacuous"] == 0
        counts.append(sum(c["undecided"] for c in entry["conclusions"]))
    assert counts[0] > counts[1]


def test_a_model_as_a_table(run, tmp_path):
    code, out, err = run(str(save(tmp_path, X=np.eye(2), y=[1.0, -1.0], lam=[1.0, 1.0])))
    assert (code, err) == (0, "")
    assert "max-margin solution" in out
    assert "2 of 2 points" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.npz"], "missing.npz: no such file"),
        (["no.such.claim"], "no claim matches 'no.such.claim'"),
        (
            ["ga.linear.ascent_step", "--instance", "a.npz", "--exact-build"],
            "--exact-build: a saved instance is its floats",
        ),
        (["ga.linear.ascent_step", "--precision-limit", "1"], "--precision-limit"),
    ],
)
def test_mistakes_are_one_line(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
