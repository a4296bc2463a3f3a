"""Imports go one way: a folder may use what stands before it in ORDER, never what stands after."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = [
    ("theory.numerics", "theory.checks"),
    ("theory.data",),
    ("theory.models",),
    ("theory.solvers",),
    ("theory.unlearning", "theory.metrics", "theory.certificate", "theory.two_layer_certificate"),
    ("theory.claim",),
    ("theory.claims",),
    ("theory.evidence",),
    ("theory.report",),
    ("experiments",),
    ("figures", "paper_repro"),
    ("forgetproof",),
]
FOLDERS = ("theory", "experiments", "figures", "paper_repro", "forgetproof")
HEAVY = {"matplotlib", "xarray", "sklearn", "sympy", "flint", "hypothesis", "clarabel", "latex2mathml"}
FILES = sorted(f for folder in FOLDERS for f in (ROOT / folder).rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def rank(module: str) -> int | None:
    """Place of a module in ORDER by its longest listed prefix; None for packages from elsewhere."""
    for level, prefixes in enumerate(ORDER):
        if any(module == p or module.startswith(p + ".") for p in prefixes):
            return level
    return None


def imported(tree: ast.Module, top_level_only: bool = False) -> set[str]:
    names = set()
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def upward(file: Path, source: str) -> list[str]:
    own = rank(module_name(file))
    assert own is not None or module_name(file) == "theory", f"{file}: its place in ORDER is not stated"
    found = [(name, rank(name)) for name in imported(ast.parse(source))]
    return sorted(name for name, level in found if level is not None and own is not None and level > own)


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_no_upward_import(file):
    assert upward(file, file.read_text()) == []


def test_an_upward_import_would_be_seen():
    source = "def late():\n    from theory.claims import select\n"
    assert upward(ROOT / "theory/solvers/margin.py", source) == ["theory.claims", "theory.claims.select"]


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.is_relative_to(ROOT / "theory") and f.name != "strategies.py"], ids=module_name
)
def test_the_library_loads_no_optional_package(file):
    loaded = {name.split(".")[0] for name in imported(ast.parse(file.read_text()), top_level_only=True)}
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_shape_annotations_stay_real(file):
    assert "__future__.annotations" not in imported(ast.parse(file.read_text()))


def test_every_claim_file_is_at_its_key_and_has_a_test():
    from theory.claims import all_claims

    for key, claim in all_claims().items():
        assert claim.module == f"theory.claims.{key}"
        *folders, name = key.split(".")
        assert (ROOT / "tests" / "claims" / Path(*folders) / f"test_{name}.py").exists(), f"{key} has no test"
