"""What a directed search could not use up of each inequality that is not declared tight."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLUE, GREY, canvas

STUDY = "evidence_hunt"
CAPTION = (
    "One minus the tightest ratio of the two sides that the adversary found within its budget, for every inequality "
    "that is not declared tight (all of those declared tight are in the table). A long bar is a bound that might be "
    "sharpened, or an extreme instance that the search missed; it is no proof of either. Bounds that compare with 0 "
    "have no ratio and are left out, and so are claims that were refuted."
)


def gaps(dataset: xr.Dataset) -> xr.Dataset:
    """Inequalities that are drawn, the largest gap first."""
    shown = np.isfinite(dataset.tightness) & ~dataset.tight & ~dataset.refuted
    kept = dataset.isel(inequality=np.flatnonzero(shown.values))
    return kept.isel(inequality=np.argsort(kept.tightness.values, kind="stable"))


def plot(dataset: xr.Dataset) -> Figure:
    """A bar for each inequality."""
    kept = gaps(dataset)
    left = 1.0 - kept.tightness.values
    figure, grid = canvas(width=8.6, height=1.3 + 0.36 * max(len(left), 1))
    axis = grid[0][0]
    names = [f"{c}\n{n}" for c, n in zip(kept.claim.values, kept.conclusion.values, strict=True)]
    places = np.arange(len(left))[::-1]
    axis.barh(places, left, height=0.6, color=BLUE)
    for place, value in zip(places, left, strict=True):
        look = {"va": "center", "color": GREY, "fontsize": 8}
        axis.annotate(f"{value:.2g}", (value, place), xytext=(3, 0), textcoords="offset points", **look)
    axis.set_yticks(places, names, fontsize=7.5)
    axis.set(xlim=(0.0, 1.08), xlabel="left on the table: 1 − tightest ratio found", ylabel="inequality")
    axis.grid(axis="y", visible=False)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """How many declared bounds were reached, and where most is left."""
    declared = dataset.tight.values & np.isfinite(dataset.tightness.values)
    reached = int(np.sum(dataset.tightness.values[declared] >= 0.99))
    found = [f"Of {declared.sum()} inequalities declared tight the search came within 1% of {reached}."]
    kept = gaps(dataset)
    if kept.sizes["inequality"]:
        first = kept.isel(inequality=0)
        found.append(
            f"Most is left by {first.claim.item()}, {first.conclusion.item()}: the tightest ratio found is "
            f"{float(first.tightness):.2f}, in {int(first.evaluations):,} evaluations of the claim."
        )
    return found


def table(dataset: xr.Dataset) -> dict[str, Any]:
    """Every inequality that was climbed."""

    def ratio(value: float) -> str:
        return f"{value:.4f}" if np.isfinite(value) else "-"

    rows = [
        [
            *(str(r.claim.item()), str(r.conclusion.item()), "tight" if r.tight else "-", ratio(float(r.tightness))),
            *(f"{int(r.evaluations):,}", "refuted" if r.refuted else "-"),
        ]
        for r in (dataset.isel(inequality=at) for at in range(dataset.sizes["inequality"]))
    ]
    return {
        "title": "Every inequality that was climbed",
        "columns": ["claim", "inequality", "declared", "tightest ratio", "evaluations", "claim refuted"],
        "rows": rows,
    }
