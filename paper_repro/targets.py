"""Targets: what a paper or the theory says a number should be, beside what this run measured.

Each paper's ``targets.toml`` lists name, measure (a key of what its ``run.py`` returns), value,
relation, tolerance and source; constants are data, so that a reader with the paper in hand adds one
without touching code.
"""

import importlib
import tomllib
from pathlib import Path
from typing import Any

FIELDS = {"name", "measure", "value", "relation", "tolerance", "source", "tag"}


def load(paper: str, folder: Path | None = None) -> list[dict[str, Any]]:
    """Targets of a paper; empty if it lists none.

    Raises:
        ValueError: a target lacks a field, has an unknown one, or an unknown relation.
    """
    path = (folder or Path(__file__).parent) / paper / "targets.toml"
    targets = tomllib.loads(path.read_text(encoding="utf-8")).get("target", []) if path.exists() else []
    for target in targets:
        if set(target) != FIELDS:
            odd = sorted(set(target) ^ FIELDS)
            raise ValueError(f"{path}: target {target.get('name')!r}: expected the fields {sorted(FIELDS)}, not {odd}")
        if target["relation"] not in ("==", "<=", ">="):
            raise ValueError(f"{path}: target {target['name']!r}: relation {target['relation']!r} is not ==, <= or >=")
    return targets


def measure(paper: str, seed: int) -> list[dict[str, Any]]:
    """Targets of a paper with ``ours``, ``difference`` and whether each is ``met``."""
    targets = load(paper)
    if not targets:
        return []
    found = importlib.import_module(f"paper_repro.{paper}.run").measure(seed)
    results = []
    for target in targets:
        ours = float(found[target["measure"]])
        difference = ours - target["value"]
        met = {
            "==": abs(difference) <= target["tolerance"],
            "<=": difference <= target["tolerance"],
            ">=": difference >= -target["tolerance"],
        }[target["relation"]]
        results.append({**target, "paper": paper, "ours": ours, "difference": difference, "met": bool(met)})
    return results
