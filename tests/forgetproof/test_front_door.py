"""The public names, and that importing them costs nothing until one is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import forgetproof

FOLDER = Path(forgetproof.__file__).parent


def test_every_public_name_loads():
    for name in forgetproof.__all__:
        assert getattr(forgetproof, name) is not None
    assert set(forgetproof.__all__) <= set(dir(forgetproof))


def test_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'solve_everything'"):
        _ = forgetproof.solve_everything


def test_stub_lists_the_same_names():
    tree = ast.parse((FOLDER / "__init__.pyi").read_text())
    stubbed = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert stubbed == set(forgetproof.__all__) - {"__version__"}


def test_version_is_the_packages():
    from importlib.metadata import version

    assert forgetproof.__version__ == version("forgetproof")


def test_importing_and_helping_load_no_heavy_package():
    code = (
        "import sys, forgetproof, forgetproof.cli;"
        "print([m for m in ('jax', 'numpy', 'matplotlib', 'sympy', 'sklearn', 'xarray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
