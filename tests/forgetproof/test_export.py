"""The evidence as LaTeX and Markdown: escaped, balanced, with every claim. No engine is run: none may be installed."""

import re
from pathlib import Path

import pytest

from theory.claims import all_claims
from theory.latex import escape, latex_table
from theory.report import describe, markdown_table

KEY = "ft.golden"


def entry(**more) -> dict:
    described = describe(all_claims()[KEY])
    evidence = {"outcome": "HOLDS", "instances": 5, "held": 5, "refuted": 0, "tightness": 0.75, "exact": None}
    return described | evidence | more


def assert_balanced(text: str) -> None:
    """Braces and dollars come in pairs in every line, environments in the whole."""
    for line in text.splitlines():
        plain = re.sub(r"\\[\\{}$&%#_]", "", line.split("% needs")[0])
        depth = 0
        for letter in plain:
            depth += {"{": 1, "}": -1}.get(letter, 0)
            assert depth >= 0, line
        assert depth == 0, line
        assert plain.count("$") % 2 == 0, line
        assert not re.search(r"(?<!\\)[#%]", plain), line
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == 1
    for name in re.findall(r"\\begin\{(\w+)\}", text):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}"), name


def test_every_claim_of_the_library_becomes_balanced_ascii():
    text = latex_table([describe(claim) | {"outcome": None} for claim in all_claims().values()])
    assert text.isascii()
    assert_balanced(text)
    rows = [line for line in text.splitlines() if line.startswith(r"\texttt")]
    assert len(rows) == len(all_claims())
    assert all(len(re.findall(r"(?<!\\)&", row)) == 7 for row in rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50% of $3 & #1_a", r"50\% of \$3 \& \#1\_\allowbreak{}a"),
        (r"a\b{c}~^", r"a\textbackslash{}b\{c\}\textasciitilde{}\textasciicircum{}"),
        ("ε ≤ 1/√m − α", r"$\varepsilon$ $\le$ 1/$\surd$m $-$ $\alpha$"),
        ("Clopper–Pearson, Émile", "Clopper--Pearson, Émile"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
    ],
    ids=["special", "backslash", "signs", "letters", "a command is only text"],
)
def test_text_is_escaped(text, expected):
    assert escape(text) == expected


def test_a_sign_without_latex_is_named():
    with pytest.raises(ValueError, match=r"no LaTeX for the character '☃' \(U\+2603\)"):
        escape("a ☃")


def test_the_ladder_is_in_both_tables():
    parts = {"proof": {"steps": 3, "proved": 2, "uncovered": []}, "exact": {"instances": 20, "held": True}}
    records = [entry(**parts), entry(outcome=None, instances=0, tightness=None, title="a | b")]
    latex = latex_table(records)
    assert_balanced(latex)
    assert "holds & 2 of 3 steps & 20 & -- & 5 & -- & 0.750" in latex
    assert r"a \textbar{} b & -- & -- & -- & -- & -- & -- & -" in latex
    markdown = markdown_table(records).splitlines()
    assert "| HOLDS | 2 of 3 steps proved; exact on 20; tested on 5 | 0.750 |" in markdown[2]
    assert r"| a \| b | proved | - | none yet | - |" in markdown[3]


def test_export_prints_or_writes_what_the_ledger_holds(run):
    run("prove", KEY)
    code, out, err = run("export", KEY)
    assert (code, err) == (0, "")
    assert_balanced(out)
    assert "steps" in out
    code, out, _ = run("export", "--format", "markdown", "--out", "table.md", KEY)
    assert (code, out) == (0, "")
    table = Path("table.md").read_text()
    assert table.startswith("| claim |")
    assert "steps proved" in table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "--format", "word"], "--format"),
        (["export", "no.such.claim_at_all"], "no claim matches"),
        (["export", KEY, "--out", "no/such/folder/table.tex"], "No such file"),
    ],
    ids=["format", "claim", "folder"],
)
def test_bad_usage_is_one_clear_line(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
