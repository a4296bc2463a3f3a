"""Claims of one's own on the command line: a skeleton that passes as it is, and a reader's constants."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from forgetproof import testing
from tests.command_line import one_line

KEY = "ga.linear.ascent_step"


@pytest.mark.slow
def test_a_new_claim_passes_every_command_and_its_own_test(run, tmp_path):
    code, out, err = run("new-claim", "my_bound")
    assert (code, err) == (0, "")
    assert "wrote my_bound.py and test_my_bound.py" in out
    (checked,) = json.loads(run("check", "my_bound.py", "-n", "60", "--json")[1])
    assert (checked["key"], checked["outcome"]) == ("own.my_bound", "HOLDS")
    (hunted,) = json.loads(run("hunt", "my_bound.py", "--evaluations", "1500", "--json")[1])
    assert hunted["conclusions"][0]["reached"]
    (proof,) = json.loads(run("prove", "my_bound.py", "--json")[1])
    assert (proof["proved"], proof["uncovered"], len(proof["steps"])) == (2, 1, 3)
    assert run("check", "my_bound.py", "-n", "60", "--constant", "C=1.5")[0] == 1
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_bound.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


def test_nothing_is_overwritten(run):
    Path("test_here.py").write_text("mine")
    code, out, err = run("new-claim", "here")
    assert (code, out) == (2, "")
    assert "test_here.py: exists already" in one_line(err)
    assert not Path("here.py").exists()
    assert Path("test_here.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["My-Bound"], "expected lower-case letters"),
        (["class"], "expected lower-case letters"),
        (["2mu"], "expected lower-case letters"),
        (["../up"], "expected lower-case letters"),
        (["fine", "--out", "fine.txt"], "expected a Python file"),
        (["fine", "--out", "no/such/fine.py"], "no folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_names_are_refused(run, arguments, words):
    code, _, err = run("new-claim", *arguments)
    assert code == 2
    assert words in one_line(err)
    assert list(Path().iterdir()) == []


def test_a_readers_constant_is_tested_shown_replayed_and_kept_out_of_the_evidence(run):
    code, out, _ = run("check", KEY, "-n", "80", "--constant", "k=3/2", "--json")
    (entry,) = json.loads(out)
    assert (code, entry["outcome"], entry["overrides"]) == (1, "REFUTED", {"k": 1.5})
    replay = shlex.split(entry["counterexample"]["replay"])
    assert replay[-2:] == ["--constant", "k=1.5"]
    code, out, _ = run(*replay[1:])
    assert code == 1
    assert "with k = 1.5" in out
    assert run("check", KEY, "--instance", entry["counterexample"]["file"])[0] == 0  # holds as it is stated
    assert "none yet" in run("claims", KEY)[1]
    assert "k = 2" in run("claims", KEY)[1]


def test_certificates_take_constants_and_reach_the_evidence(run):
    run("new-claim", "mine")
    (entry,) = json.loads(run("certify", "mine.py", "-n", "2", "--constant", "C=0.01", "--json")[1])
    assert entry["outcome"] == "REFUTED"
    assert "certified" not in json.loads(run("claims", "mine.py", "--json")[1])[0]
    assert run("certify", "mine.py", "-n", "2")[0] == 0
    (entry,) = json.loads(run("claims", "mine.py", "--json")[1])
    assert entry["certified"]["conclusions"] == 2
    assert (entry["certified"]["instances"], entry["certified"]["refuted"]) == (2, False)


def test_proofs_take_constants(run):
    assert run("prove", KEY, "--constant", "k=2")[0] == 0
    code, out, _ = run("prove", KEY, "--constant", "k=1.9", "--json")
    assert code == 1
    assert json.loads(out)[0]["refuted"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", KEY, "--constant", "C=2"], f"{KEY}: no constant 'C' to change; it has k = 2"),
        (["hunt", "ga.linear", "--constant", "k=2"], "no constant 'k' to change"),
        (["check", KEY, "--constant", "k"], "expected NAME=VALUE"),
        (["check", KEY, "--constant", "k=nan"], "expected NAME=VALUE"),
        (["check", KEY, "--constant", "k=1/0"], "expected NAME=VALUE"),
        (["check", KEY, "--constant", "k=two"], "expected NAME=VALUE"),
        (["check", KEY, "--constant", "k=1e999"], "expected NAME=VALUE"),
        (["check", KEY, "--constant", "k=1", "--constant", "k=2"], "k is given twice"),
        (["prove", KEY, "--constant", "C=2"], "there is k = 2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_constants_are_one_clear_line(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in one_line(err)


def test_one_claim_is_loaded_from_a_file():
    examples = Path(__file__).parents[2] / "examples" / "my_claim.py"
    with pytest.raises(ValueError, match=r"expected one claim, got own\.parallelogram, own\.too_sharp"):
        testing.load_claim(examples)
