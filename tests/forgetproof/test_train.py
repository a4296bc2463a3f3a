"""``forgetproof train`` as a user meets it."""

import json
from pathlib import Path

import pytest


def test_the_command_trains_and_goes_on(run):
    given = ("--network", "mlp", "--epochs", "2", "--per-class", "20", "--augmentation", "none")
    code, out, err = run("train", *given, "--out", "a", "--json")
    (entry,) = json.loads(out)
    assert (code, err, entry["train"], entry["resumed"]) == (0, "", 200, 0)
    assert Path(entry["checkpoint"]).is_file()
    code, out, _ = run("train", *given, "--out", "a")
    assert code == 0
    assert "after 2 epochs of an earlier call" in out
    assert f"test accuracy {entry['test_accuracy']:.2f}%" in out


MISTAKES = {
    "network": (("--network", "vgg"), "network: expected one of"),
    "data": (("--data", "/no/such/place"), "no folder '/no/such/place'"),
    "out": (("--out", "file"), "--out: expected a folder, but file is a file"),
    "per class": (("--per-class", "5000"), "per_class: expected 1 to"),
    "resize": (("--resize", "16"), "digits: 8 × 8 grey images"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_line(run, case):
    Path("file").write_text("")
    given, message = MISTAKES[case]
    code, out, err = run("train", *given)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
