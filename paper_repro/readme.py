"""Bring README.md up to date with a run: ``python -m paper_repro.readme [REPORT_FOLDER]``.

Writes the evidence table, the own-claim example, and the gallery of pictures from a finished report.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from figures import all_figures
from theory.report import markdown_table

ROOT = Path(__file__).parents[1]
_TABLE = re.compile(r"(<!-- evidence:.*?-->\n).*?(<!-- /evidence -->)", re.DOTALL)


def refresh(report: Path) -> None:
    """Rewrite README.md's evidence table and figures/gallery from ``report`` (a folder with report.json)."""
    summary = json.loads((report / "report.json").read_text(encoding="utf-8"))
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    table = markdown_table(summary["claims"])
    readme.write_text(_TABLE.sub(lambda m: m[1] + table + m[2], text), encoding="utf-8")
    gallery = ROOT / "figures" / "gallery"
    known = all_figures()
    for old in gallery.glob("*.png"):  # those of studies that this report left out stay
        if old.stem not in known:
            old.unlink()
    for picture in summary["pictures"]:
        for name in picture["files"]:
            if name.endswith(".png"):
                shutil.copy(report / name, gallery)


if __name__ == "__main__":
    refresh(Path(sys.argv[1] if len(sys.argv) > 1 else "report"))
