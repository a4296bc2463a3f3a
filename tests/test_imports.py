"""Imports go one way. The order of the house, read from the source with ast: nothing is imported to test it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("theory", "experiments", "figures", "paper_repro", "forgetproof")

# lowest first; a module may import from its own layer and from lower ones. The longest prefix decides.
LAYERS = (
    ("theory", "theory.numerics"),
    ("theory.checks",),
    ("theory.data",),
    ("theory.models",),
    ("theory.solvers",),
    ("theory.unlearning", "theory.metrics", "theory.membership"),
    ("theory.network_metrics",),
    ("theory.certificate", "theory.blocked_certificate", "theory.two_layer_certificate", "theory.two_layer_trade_off"),
    ("theory.claim", "theory.obligation"),
    ("theory.claims",),
    ("theory.evidence",),
    ("theory.report",),
    ("theory.latex",),
    ("experiments",),
    ("figures", "paper_repro"),
    ("forgetproof",),
)
LEVEL = {prefix: level for level, group in enumerate(LAYERS) for prefix in group}
HEAVY = ("matplotlib", "xarray", "sklearn", "scipy.optimize", "sympy", "z3", "flint", "pandas", "hypothesis")
MAY_BE_HEAVY = {"theory.evidence.strategies": ("hypothesis",)}  # imported by tests alone


def level(module: str) -> int:
    """Layer of a dotted module name: that of its longest known prefix, 'theory' meaning the package file only."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in LEVEL and (prefix != "theory" or module == "theory"):
            return LEVEL[prefix]
    raise AssertionError(f"{module}: not in any layer; place it in LAYERS of {Path(__file__).name}")


def imports(source: str, top_level_only: bool = False) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every absolute import; ``from a import b`` yields a.b, which may be a module or a name."""
    tree = ast.parse(source)
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import; name the module in full"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def upward(module: str, source: str) -> list[str]:
    """The imports of ``module`` that reach into a higher layer."""
    own = level(module)
    ours = [(line, name) for line, name in imports(source) if name.split(".")[0] in TOP]
    return [f"{module}:{line} imports {name}" for line, name in ours if level(name) > own]


def modules() -> dict[str, Path]:
    paths = [path for top in TOP for path in sorted((ROOT / top).rglob("*.py"))]
    return {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in paths}


@pytest.mark.parametrize("module", modules())
def test_no_upward_import(module):
    found = upward(module, modules()[module].read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("module", [name for name in modules() if name.startswith("theory")])
def test_theory_stays_light(module):
    """Plots, tables and learners are not needed to prove anything; what is optional is imported where it is used."""
    source = modules()[module].read_text(encoding="utf-8")
    allowed = MAY_BE_HEAVY.get(module, ())
    heavy = [
        f"{module}:{line} imports {name}"
        for line, name in imports(source, top_level_only=True)
        if any((name + ".").startswith(package + ".") for package in HEAVY if package not in allowed)
    ]
    assert not heavy, "\n".join(heavy)


def test_figures_never_run_an_experiment():
    for module, path in modules().items():
        if module.startswith("figures"):
            used = [name for _, name in imports(path.read_text(encoding="utf-8")) if name.split(".")[0] in TOP]
            assert not [name for name in used if not name.startswith("figures")], f"{module} imports {used}"


PLANTED = {
    # the test itself must see each kind of fault
    "a solver uses unlearning": ("theory.solvers.margin", "from theory.unlearning import retrain"),
    "inside a function": ("theory.data.dataset", "def f():\n    import theory.solvers.margin"),
    "a claim uses evidence": ("theory.claims.instances", "from theory.evidence.check import check"),
    "numerics use checks": ("theory.numerics", "from theory import checks"),
    "the library uses the command line": ("theory.report", "import forgetproof.cli"),
    "an experiment draws": ("experiments.study", "from figures.style import apply"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_planted_faults_are_seen(case):
    assert len(upward(*PLANTED[case])) == 1


def test_downward_and_foreign_imports_pass():
    assert not upward("theory.claims.ga.linear.ascent_step", "import jax\nfrom theory.claim import Claim")


def test_unplaced_module_is_reported():
    with pytest.raises(AssertionError, match=r"theory\.novelty: not in any layer"):
        level("theory.novelty")
