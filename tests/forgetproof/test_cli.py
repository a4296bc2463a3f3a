"""The command line as a user meets it: outputs, exit codes, one-line errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import one_line

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_claim.py"


def test_claims_json_lists_every_claim(run):
    code, out, err = run("claims", "--json")
    listed = json.loads(out)
    assert code == 0
    assert err == ""
    assert {"key", "paper", "title", "status", "conclusions", "outcome"} <= set(listed[0])
    assert "ga.linear.ascent_step" in [entry["key"] for entry in listed]


def test_claims_table_shows_keys(run):
    code, out, _ = run("claims", "ga.linear.ascent_step")
    assert code == 0
    assert "ga.linear.ascent_step" in out
    assert "none yet" in out


def test_check_json_then_evidence_is_remembered(run):
    code, out, _ = run("check", "ga.linear.ascent_step", "--examples", "40", "--json")
    (entry,) = json.loads(out)
    assert code == 0
    assert entry["outcome"] == "HOLDS"
    assert entry["instances"] == 40
    assert entry["tightness"] == pytest.approx(1.0)
    code, out, _ = run("claims", "ga.linear.ascent_step", "--json")
    assert json.loads(out)[0]["outcome"] == "HOLDS"


def test_prove_lists_every_step(run):
    code, out, err = run("prove", "ga.two_layer.ascent_certificate", "--json")
    (proof,) = json.loads(out)
    assert (code, err) == (0, "")
    assert (proof["refuted"], proof["unknown"]) == (0, 0)
    assert proof["proved"] + proof["uncovered"] == len(proof["steps"])
    assert not proof["complete"]  # the step that refits is left to the reader
    code, out, _ = run("prove", "ft.golden")
    assert code == 0
    assert "ft.golden: " in out
    assert "rewriting" in out


@pytest.mark.slow
def test_prove_sharpens_and_fails_when_out_of_time(run):
    code, out, _ = run("prove", "ga.linear.ascent_step", "--sharpen", "--json")
    sharpest = next(s["sharpest"] for s in json.loads(out)[0]["steps"] if s["name"] == "complementarity")
    assert code == 0
    assert (sharpest["stated"], sharpest["value"]) == (2.0, 2.0)
    assert 1.99 < sharpest["not_beyond"] < 2.0
    code, out, _ = run("prove", "ga.linear.distance_to_retraining", "--timeout", "0.001", "--json")
    assert code == 1
    assert json.loads(out)[0]["unknown"] > 0


def test_prove_without_any_steps_is_one_clear_line(run):
    code, _, err = run("prove", str(EXAMPLE))
    assert code == 2
    assert "steps" in one_line(err)


def test_proofs_are_remembered(run):
    run("prove", "ga.linear.decremental")
    _, out, _ = run("claims", "ga.linear.decremental", "--json")
    proof = json.loads(out)[0]["proof"]
    assert (proof["steps"], proof["proved"], len(proof["uncovered"])) == (6, 4, 2)


def test_own_claims_true_and_false_and_replay(run):
    code, out, err = run("check", str(EXAMPLE), "--examples", "60")
    assert code == 1
    assert err == ""
    assert "counterexample to own.too_sharp" in out
    assert "fails" in out
    saved = next(Path(".forgetproof/refuted").glob("own.too_sharp*.npz"))
    assert f"forgetproof check {EXAMPLE} --instance {saved}" in out
    code, out, _ = run("check", str(EXAMPLE), "--instance", str(saved), "--json")
    (entry,) = json.loads(out)
    assert code == 1
    assert entry["key"] == "own.too_sharp"
    assert entry["outcome"] == "REFUTED"


def test_hunt_own_claims_saves_the_tightest_instance_and_the_counterexample(run):
    code, out, err = run("hunt", str(EXAMPLE), "--evaluations", "8000", "--json")
    true, false = json.loads(out)
    assert (code, err) == (1, "")
    assert (true["outcome"], false["outcome"]) == ("NOT REFUTED", "REFUTED")
    (bound,) = true["conclusions"]
    assert bound["reached"]
    assert 0.999 < bound["tightness"] <= 1.0
    assert bound["curve"][-1][1] == bound["tightness"]
    assert Path(false["counterexample"]["file"]).parent == Path(".forgetproof/refuted")
    code, out, _ = run("check", str(EXAMPLE), "--instance", bound["file"], "--json")
    assert code == 0
    assert json.loads(out)[0]["tightness"] == pytest.approx(bound["tightness"], abs=1e-9)


@pytest.mark.slow
def test_hunt_a_claim_known_to_be_false_exits_0(run):
    code, out, _ = run("hunt", "ga.linear.ascent_never_hurts", "--seconds", "5")
    assert code == 0
    assert "counterexample to ga.linear.ascent_never_hurts" in out


@pytest.mark.slow
def test_hunt_is_reproducible_for_a_number_of_evaluations(run):
    def curve():
        return json.loads(run("hunt", str(EXAMPLE), "--evaluations", "2000", "--json")[1])[0]["conclusions"][0]["curve"]

    assert curve() == curve()


def test_hunt_table_marks_what_is_declared_tight(run):
    code, out, _ = run("hunt", "ga.linear.ascent_step", "--evaluations", "1000")
    assert code == 0
    assert "complementarity" in out
    assert "tight" in out


def test_same_seed_same_numbers(run):
    def numbers(seed):
        entry = json.loads(run("check", str(EXAMPLE), "-n", "50", "--seed", seed, "--json")[1])[0]
        return entry["tightness"]

    assert numbers("7") == numbers("7")
    assert numbers("7") != numbers("8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "ga.linear.ascent_stepp"], "did you mean ga.linear.ascent_step"),
        (["check", "no.such.claim_at_all"], "no claim matches"),
        (["check", "missing.py"], "no such file"),
        (["check", "--examples", "0"], "--examples"),
        (["check", "--examples", "many"], "--examples"),
        (["check", "--seed", "-1"], "--seed"),
        (["frobnicate"], "frobnicate"),
        (["check", "--frobnicate"], "--frobnicate"),
        (["check", "ga.linear.ascent_step", "--instance", "missing.npz"], "no such file"),
        (["check", "--instance", "missing.npz"], "no such file"),
        (["hunt", "no.such.claim_at_all"], "no claim matches"),
        (["hunt", "--seconds", "0"], "--seconds"),
        (["hunt", "--evaluations", "0"], "--evaluations"),
        (["reproduce", "nobody"], "expected one of"),
        (["reproduce", "--profile", "slow"], "--profile"),
        (["bench", "nothing"], "no benchmark named"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_is_one_clear_line(run, arguments, words):
    code, out, err = run(*arguments)
    assert code == 2
    assert words in one_line(err)
    assert out == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("x = 1\n", "at least one forgetproof.Claim"),
        ("from forgetproof import Claim\nCLAIM = Claim(key='x')\n", "TypeError"),
    ],
    ids=["syntax", "raises", "no claim", "fields missing"],
)
def test_bad_claim_file_is_one_clear_line(run, content, words):
    Path("bad.py").write_text(content)
    code, _, err = run("check", "bad.py")
    assert code == 2
    assert words in one_line(err)
    assert "bad.py" in err


def test_claim_whose_functions_disagree_names_file_and_claim(run):
    Path("odd.py").write_text(EXAMPLE.read_text().replace("2 * sizes", "3 * sizes"))  # b is longer than a
    code, _, err = run("check", "odd.py", "-n", "10")
    assert code == 2
    assert "odd.py: claim own." in one_line(err)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"not a zip file",
        lambda data: data.replace("too_sharp".encode("utf-32-le"), "too_shorp".encode("utf-32-le")),
    ],
    ids=["truncated", "empty", "not a zip", "altered"],
)
def test_damaged_instance_is_refused(run, damage):
    run("check", str(EXAMPLE), "-n", "20")
    saved = next(Path(".forgetproof/refuted").glob("own.too_sharp*.npz"))
    Path("hurt.npz").write_bytes(damage(saved.read_bytes()))
    code, _, err = run("check", str(EXAMPLE), "--instance", "hurt.npz")
    assert code == 2
    one_line(err)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"header": '{"key": "own.other", "sizes": {"d": 2}}'}, "no claim 'own.other' among those named"),
        ({"header": '{"key": "own.too_sharp", "sizes": {"d": 99999999999}}'}, "sizes"),
        ({"header": '{"key": "own.too_sharp", "sizes": {"n": 2}}'}, "sizes"),
        ({"header": "not json"}, "no readable header"),
        ({"instance:['a']": np.zeros(7)}, "expected ['a'] as float64[2], got float64[7]"),
        ({"instance:['c']": np.zeros(2)}, "unexpected array"),
    ],
    ids=["another claim", "huge size", "unknown size", "header", "shape", "extra array"],
)
def test_forged_instance_is_refused(run, change, words):
    fields = {
        "header": '{"key": "own.too_sharp", "sizes": {"d": 2}}',
        "instance:['a']": np.ones(2),
        "instance:['b']": np.ones(2),
    }
    np.savez("forged.npz", **{name: np.array(value) for name, value in (fields | change).items()})
    code, _, err = run("check", str(EXAMPLE), "--instance", "forged.npz")
    assert code == 2
    assert words in one_line(err)


def test_pickled_instance_is_refused_unread(run, tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    np.savez("trap.npz", header=np.array([Trap()], dtype=object))
    code, _, err = run("check", str(EXAMPLE), "--instance", "trap.npz")
    assert code == 2
    one_line(err)
    assert not (tmp_path / "sprung").exists()


def test_damaged_ledger_is_reported_and_left_alone(run):
    Path(".forgetproof").mkdir()
    Path(".forgetproof/evidence.json").write_text("{ half")
    for command in (["claims"], ["check", str(EXAMPLE), "-n", "10"]):
        code, _, err = run(*command)
        assert code == 2
        assert "move it away" in one_line(err)
    assert Path(".forgetproof/evidence.json").read_text() == "{ half"


def test_help_lists_the_commands(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(command in out for command in ("claims", "check", "hunt", "reproduce", "bench"))


def test_version(run):
    from forgetproof import __version__

    code, out, _ = run("--version")
    assert code == 0
    assert out.strip() == f"forgetproof {__version__}"


def test_a_closed_pipe_is_no_traceback(tmp_path):
    command = f"{sys.executable} -m forgetproof claims --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [("xarray", ["reproduce", "ft"], "reproduce"), ("sympy", ["bench", "exact", "--quick"], "bench")],
)
def test_a_missing_optional_package_names_the_extra(run, monkeypatch, module, arguments, extra):
    """As after a plain installation; loaded modules that need the package are forgotten first."""
    for name in [n for n in sys.modules if n.split(".")[0] in {module, "experiments", "paper_repro"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    code, _, err = run(*arguments)
    assert code == 2
    assert f"pip install 'forgetproof[{extra}]'" in one_line(err)
