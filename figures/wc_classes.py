"""Worst-case classes to forget, judged by trying every class and every pair."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREEN, PURPLE, RED, canvas, legend, panel_titles

STUDY = "wc_classes"
CAPTION = (
    "Class-wise selection. (a) Mean loss of each class after sign descent without it, one mark a repetition, with the "
    "selected class ringed: the lower, the harder to forget. (b) Where the selected class and pair rank among all sets "
    "of that size; 1 is the exact worst case. (c) The same classes after retraining: the loss that sign descent leaves "
    "does not foretell it. (d) Average gap to retraining of two methods on every class, the selected ones ringed."
)
MARKS = ((BLACK, "o"), (BLUE, "s"), (GREEN, "D"), (PURPLE, "v"), (RED, "P"))


def plot(dataset: xr.Dataset) -> Figure:
    """Losses by class, ranks, retraining, gaps."""
    figure, grid = canvas(2, 2, width=10.4, height=7.4)
    first, second, third, fourth = grid.ravel()
    chosen = dataset.chosen.values.astype(int)
    spread = np.linspace(-0.25, 0.25, dataset.sizes["seed"])
    for s, own in enumerate(chosen):
        colour, marker = MARKS[s % len(MARKS)]
        losses, after = dataset.singles.values[s], dataset.retrained.values[s]
        first.plot(dataset["class"] + spread[s], losses, color=colour, marker=marker, linestyle="none", ms=4)
        ring = {"marker": "o", "markerfacecolor": "none", "color": RED, "linestyle": "none", "markersize": 11}
        first.plot(own + spread[s], losses[own], label="selected" if s == 0 else None, **ring)
        third.plot(losses, after, color=colour, marker=marker, linestyle="none", ms=4, alpha=0.8)
        third.plot(losses[own], after[own], label="selected" if s == 0 else None, **ring)
        for m, method in enumerate(dataset.method.values):
            gaps, at = dataset.gap.sel({"method": method}).values[s], m + spread[s]
            fourth.plot(np.full(len(gaps), at), gaps, color=colour, marker=marker, linestyle="none", ms=4, alpha=0.6)
            fourth.plot(at, gaps[own], label="selected" if s == m == 0 else None, **ring)
    first.set_yscale("log")
    first.set_xlabel("class")
    first.set_xticks(dataset["class"].values)
    first.set_ylabel("loss after sign descent (nats)")
    legend(first)
    for k, colour, marker in ((1, BLUE, "s"), (2, PURPLE, "D")):
        ranks, sets = dataset["rank"].sel(k=k).values, int(dataset.sets.sel(k=k))
        second.plot(
            dataset.seed + 0.2 * (k - 1.5),
            ranks,
            color=colour,
            marker=marker,
            linestyle="none",
            label=f"{k} of {sets} sets",
        )
    second.set_yscale("log")
    second.set_ylim(0.8, float(dataset.sets.max()))
    second.set_yticks([1, 2, 5, 10, 20, 45], ["1", "2", "5", "10", "20", "45"])
    second.set_xticks(dataset.seed.values)
    second.set_xlabel("repetition")
    second.set_ylabel("rank of the selected set")
    legend(second, title="forgotten classes")
    third.set_xscale("log")
    third.set_xlabel("loss after sign descent (nats)")
    third.set_ylabel("loss after retraining (nats)")
    legend(third)
    names = [str(name).replace("_", " ") for name in dataset.method.values]
    fourth.set_xticks(range(len(names)), names)
    fourth.set_xlim(-0.5, len(names) - 0.5)
    fourth.set_xlabel("method")
    fourth.set_ylabel("average gap (percentage points)")
    legend(fourth)
    panel_titles(list(grid.ravel()), ["loss by class", "rank among all sets", "against retraining", "methods by class"])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Ranks, retraining, gaps."""
    rank = dataset["rank"]
    own = dataset.chosen.values.astype(int)
    after = np.array([1 + np.sum(row < row[c]) for row, c in zip(dataset.retrained.values, own, strict=True)])
    ranks = {k: ", ".join(f"{int(value)}" for value in rank.sel(k=k).values) for k in (1, 2)}
    gone = dataset.quality.sel(model="retrain", metric="UA")
    gaps = []
    for name in dataset.method.values:
        values = dataset.gap.sel({"method": name})
        picked = np.mean([row[c] for row, c in zip(values.values, own, strict=True)])
        text = str(name).replace("_", " ")
        gaps.append(f"{text} {picked:.1f} on the selected class, {float(values.mean()):.1f} on all")
    return [
        f"Rank of the selected class among {int(dataset.sets.sel(k=1))}: {ranks[1]}; of the selected pair among "
        f"{int(dataset.sets.sel(k=2))}: {ranks[2]} (1 is the exact worst case of that lower level).",
        f"By the loss after retraining the selected classes rank {', '.join(map(str, after))}: sign descent does not "
        "foretell which class retraining finds hardest.",
        f"Retraining forgets every class: UA at least {float(gone.min()):.1f}%.",
        f"Average gap to retraining in points: {'; '.join(gaps)}.",
    ]
