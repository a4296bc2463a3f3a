"""``forgetproof audit`` and ``unlearn`` as a user meets them: files in, a page and weights out, one-line errors."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import forgetproof

M, D = 10, 60


@pytest.fixture
def run(run):
    """As the fixture of all commands, in a folder with a model and its data."""
    draw = np.random.default_rng(0)
    X = draw.standard_normal((M, D)) / np.sqrt(D)
    y = np.arange(M) % 2
    w = np.asarray(forgetproof.solve_margin(X, 2.0 * y - 1.0).w)
    np.savez("model.npz", w=w)
    save_file({"weight": w[None].astype(np.float32)}, "model.safetensors")
    np.savez("data.npz", X=X, y=y)
    np.savez("test.npz", X=X[:6] + 0.01, y=y[:6])
    text = [",".join(f"x{i}" for i in range(D)) + ",label"]
    text += [",".join(map(repr, row)) + f",{label}" for row, label in zip(X.tolist(), y, strict=True)]
    Path("data.csv").write_text("\n".join(text))
    Path("forget.json").write_text("[1, 4]")
    return run


def test_audit_writes_a_page_that_needs_nothing_else(run):
    code, out, err = run("audit", "model.npz", "--data", "data.csv", "--label", "label", "--forget", "1,4",
                         "--test", "test.npz", "--out", "a/b")  # fmt: skip
    # the test data name their label otherwise
    assert (code, out) == (2, "")
    assert err == "forgetproof: test.npz: expected arrays X and label, got X, y\n"
    code, out, err = run("audit", "model.npz", "--data", "data.csv", "--forget", "1,4", "--test", "test.npz",
                         "--out", "a/b")  # fmt: skip
    assert (code, err) == (0, "")
    for words in ("data.csv: labels 0 and 1 were read as -1 and +1", "projected ascent", "page: a/b/audit.html"):
        assert words in out
    page = Path("a/b/audit.html").read_text(encoding="utf-8")
    assert page.count("data:image/") == 2
    assert "<script" not in page
    assert 'src="http' not in page
    assert "ga.linear.projected_exact" in page
    record = json.loads(Path("a/b/audit.json").read_text())
    assert [entry["name"] for entry in record["methods"]][-1] == "retraining"
    assert {p.name for p in Path("a/b").iterdir()} == {"audit.html", "audit.json", "audit_margins.png",
        "audit_margins.svg", "audit_methods.png", "audit_methods.svg"}  # fmt: skip


def test_unlearn_then_audit_judges_the_written_weights(run):
    arguments = ("unlearn", "model.npz", "--data", "data.npz", "--forget", "forget.json", "--method", "projected")
    code, out, err = run(*arguments, "--out", "new.npz")
    assert (code, err) == (0, "")
    assert "weights: new.npz" in out
    data, new = np.load("data.npz"), np.load("new.npz")["w"]
    retrained = forgetproof.solve_margin(data["X"], 2.0 * data["y"] - 1.0, forget=[1, 4])
    np.testing.assert_allclose(new, retrained.w, rtol=1e-9, atol=1e-12)
    code, _, err = run(*arguments, "--out", "new.npz")
    assert (code, err) == (2, "forgetproof: new.npz: exists already; pass --force to replace it\n")
    assert run(*arguments, "--out", "new.npz", "--force")[0] == 0
    code, out, err = run("audit", "model.npz", "--data", "data.npz", "--forget", "1,4", "--unlearned", "new.npz",
                         "--json")  # fmt: skip
    (record,) = json.loads(out)
    assert (code, err) == (0, "")
    assert record["methods"][-1]["name"] == "your unlearned weights"
    assert record["methods"][-1]["distance"] < 1e-9
    assert not list(Path().glob(".*.npz*"))  # nothing half-written


def test_unlearn_keeps_the_types_of_the_model(run):
    for method in ("plain", "fine-tune", "retrain"):
        given = ("model.safetensors", "--data", "data.npz", "--forget", "1,4", "--method", method)
        code, out, err = run("unlearn", *given, "--out", f"{method}.safetensors", "--json")
        (entry,) = json.loads(out)
        assert (code, err) == (0, "")
        assert entry["feasible"]
        (new,) = load_file(f"{method}.safetensors").values()
        assert (new.shape, new.dtype) == ((1, D), np.float32)
    assert entry["epsilon"] < 1e-5  # of retraining, in float32


AUDIT = ("audit", "model.npz", "--data", "data.npz")
UNLEARN = ("unlearn", "model.npz", "--data", "data.npz", "--forget", "1", "--out", "new.npz")
MISTAKES = {
    "no model": (("audit", "none.npz", "--data", "data.npz", "--forget", "1"), "none.npz: no such file"),
    "data as a model": (("audit", "data.npz", "--data", "data.npz", "--forget", "1"), "these are data"),
    "index": ((*AUDIT, "--forget", "99"), "--forget: expected indices from 0 to 9, got 99"),
    "word": ((*AUDIT, "--forget", "all"), "expected a file name that ends in .txt"),
    "everything": ((*AUDIT, "--forget", "0-9"), "at least one point to retain"),
    "too large": ((*AUDIT, "--forget", "1", "--max-bytes", "100"), "more than the 100 allowed (--max-bytes)"),
    "a file as a folder": ((*AUDIT, "--forget", "1", "--out", "data.npz"), "--out: expected a folder"),
    "kinks": ((*AUDIT, "--forget", "1", "--kink-tolerance", "2"), "kink_tolerance: expected a cosine in [0, 1)"),
    "method": ((*UNLEARN, "--method", "hope"), "'hope' is not one of"),
    "step of retraining": ((*UNLEARN, "--method", "retrain", "--step", "0.5"), "--step: expected it with"),
    "suffix": ((*UNLEARN[:-1], "new.pt", "--method", "plain"), "new.pt: expected a file name that ends in .npz"),
    "folder": ((*UNLEARN[:-1], "no/new.npz", "--method", "plain"), "no/new.npz: its folder does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_clear_line(run, case):
    arguments, words = MISTAKES[case]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("forgetproof: ")
    assert err.count("\n") == 1
    assert words in err
    assert not Path("new.npz").exists()
