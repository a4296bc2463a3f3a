r"""The evidence as a LaTeX table for a paper's appendix: text escaped, statements in mathematics, any engine.

The table needs ``\usepackage{amsmath, amssymb, array, booktabs, longtable}``.
"""

import unicodedata
from collections.abc import Iterable

from theory.report import LADDER, Record, ladder, tightness_text

PACKAGES = r"\usepackage{amsmath, amssymb, array, booktabs, longtable}"

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_\allowbreak{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
}
_MATHEMATICS = {
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\varepsilon",
    "η": r"\eta",
    "θ": r"\theta",
    "κ": r"\kappa",
    "λ": r"\lambda",
    "μ": r"\mu",
    "ρ": r"\rho",
    "σ": r"\sigma",
    "τ": r"\tau",
    "φ": r"\varphi",
    "ψ": r"\psi",
    "Λ": r"\Lambda",
    "Σ": r"\Sigma",
    "Φ": r"\Phi",
    "≤": r"\le",
    "≥": r"\ge",
    "≠": r"\ne",
    "≈": r"\approx",
    "→": r"\to",
    "∞": r"\infty",
    "∈": r"\in",
    "∉": r"\notin",
    "√": r"\surd",
    "·": r"\cdot",
    "×": r"\times",
    "±": r"\pm",
    "−": "-",
    "‖": r"\|",
    "′": "'",
    "²": "^2",
    "³": "^3",
    "⁻": "^{-}",
    "¹": "^1",
    "ᵀ": r"^\top",
    "⊥": r"\perp",
    "½": r"\tfrac12",
}
_TEXT = {"–": "--", "—": "---", "’": "'", "‘": "`", "“": "``", "”": "''", "…": r"\dots{}"}


def escape(text: str) -> str:
    """Plain text for LaTeX: special characters escaped, Greek letters and signs in mathematics, Latin letters kept.

    Raises:
        ValueError: a character that has no translation here.
    """
    parts = []
    for letter in text:
        if letter in _MATHEMATICS:
            parts.append(f"${_MATHEMATICS[letter]}$")
        elif letter.isascii() or letter in _TEXT or unicodedata.name(letter, "").startswith("LATIN "):
            parts.append(_ESCAPED.get(letter, _TEXT.get(letter, letter)))
        else:
            raise ValueError(f"{text!r}: no LaTeX for the character {letter!r} (U+{ord(letter):04X})")
    return "".join(parts)


def latex_table(records: Iterable[Record]) -> str:
    """A longtable: for each claim its key, title, statement, outcome, rungs of the evidence and tightness.

    Args:
        records: descriptions of claims with the evidence found so far, as ``forgetproof claims --json`` gives them.
    """
    head = " & ".join(["claim", "outcome", *LADDER, "tightness"]) + r" \\"
    width = 3 + len(LADDER)
    lines = [
        f"% needs {PACKAGES}",
        r"\begingroup\footnotesize",
        rf"\begin{{longtable}}{{@{{}}>{{\raggedright\arraybackslash}}p{{0.3\linewidth}}l*{{{width - 2}}}{{r}}@{{}}}}",
        rf"\toprule {head} \midrule \endfirsthead",
        rf"\toprule {head} \midrule \endhead",
        r"\bottomrule \endfoot",
    ]
    for number, r in enumerate(records):
        rungs = ladder(r)
        cells = [
            rf"\texttt{{{escape(r['key'])}}}: {escape(r['title'])}",
            escape((r["outcome"] or "--").lower()),
            *(escape(rungs[rung]) if rung in rungs else "--" for rung in LADDER),
            escape(tightness_text(r)),
        ]
        separator = [r"\addlinespace"] if number else []
        statement = f"$ {' '.join(r['statement'].split())} $"
        whole = rf"\multicolumn{{{width}}}{{@{{}}p{{\linewidth}}@{{}}}}{{{statement}}} \\"
        lines += [*separator, " & ".join(cells) + r" \\*", whole]
    return "\n".join([*lines, r"\end{longtable}", r"\endgroup", ""])
