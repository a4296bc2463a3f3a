"""Prompt-wise worst-case forget sets: what is still drawn after forgetting random, least lost and selected prompts."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLUE, GREY, ORANGE, PURPLE, RED, canvas, panel_titles, shared_legend

STUDY = "wc_prompts"
CAPTION = (
    "A flow draws digits of a class in a style; some of the prompts (class, style) are forgotten. (a) Images of "
    "forgotten prompts that an independent judge still sees as their prompt: low is well forgotten. (b) The loss on "
    "the images of the forgotten prompts, which is what the selection minimises. (c) Images of retained prompts seen "
    "as asked. Random sets, the prompts of least loss in the trained flow, and bi-level selections with each lower "
    "level. Bars are means over seeds (and random sets), dots the single sets."
)
_COLOURS = {"random": GREY, "least loss": ORANGE, "worst, fine-tuning": RED, "worst, no prompt": BLUE}
_HATCHES = {"random": "", "least loss": "//", "worst, fine-tuning": "..", "worst, no prompt": "xx"}


def groups(dataset: xr.Dataset) -> dict[str, list[str]]:
    """Choices by what a picture calls them: the random sets count as one."""
    found: dict[str, list[str]] = {}
    for choice in dataset.choice.values:
        found.setdefault("random" if choice.startswith("random") else str(choice), []).append(str(choice))
    return found


def of_sets(values: xr.DataArray, forget: xr.DataArray) -> xr.DataArray:
    """Means over the prompts of each set, NaN-free: (model, choice, seed)."""
    return values.where(forget.astype(bool)).mean("prompt").transpose("model", "choice", "seed")


def plot(dataset: xr.Dataset) -> Figure:
    """Forgotten prompts drawn, their loss, retained prompts drawn."""
    figure, grid = canvas(1, 3, width=13.0, height=4.4)
    axes = list(grid.ravel())
    seen = dataset.seen.sel(criterion="prompt")
    _bars(axes[0], of_sets(seen, dataset.forget), groups(dataset))
    axes[0].set_ylabel("forgotten prompts seen as asked (percent)")
    _bars(axes[1], of_sets(dataset.loss, dataset.forget), groups(dataset))
    axes[1].set_ylabel("loss on forgotten prompts (squared ink)")
    _bars(axes[2], of_sets(seen, 1 - dataset.forget), groups(dataset))
    axes[2].set_ylabel("retained prompts seen as asked (percent)")
    panel_titles(axes, ["what is still drawn", "what the selection minimises", "what is kept"])
    shared_legend(figure, axes[0], columns=len(groups(dataset)))
    return figure


def _bars(axis: Axes, values: xr.DataArray, names: dict[str, list[str]]) -> None:
    """A group of bars a method."""
    models, width = list(values.model.values), 0.8 / len(names)
    for index, (name, choices) in enumerate(names.items()):
        sets = values.sel(choice=choices).values.reshape(len(models), -1)
        at = np.arange(len(models)) - 0.4 + (index + 0.5) * width
        look: dict[str, Any] = {"color": _COLOURS.get(name, PURPLE), "hatch": _HATCHES.get(name, "oo")}
        axis.bar(at, sets.mean(axis=1), width, label=name, alpha=0.55, edgecolor="white", **look)
        spread = at[:, None] + np.linspace(-0.25, 0.25, sets.shape[1])[None] * width
        axis.plot(spread.ravel(), sets.ravel(), ".", color="black", markersize=3.0)
    axis.set_xticks(range(len(models)), [str(model).replace("-", "-\n").replace(" ", "\n") for model in models])
    axis.set_xlabel("method")


def findings(dataset: xr.Dataset) -> list[str]:
    """What was measured, in sentences."""
    seen, loss = of_sets(dataset.seen.sel(criterion="prompt"), dataset.forget), of_sets(dataset.loss, dataset.forget)
    random = groups(dataset)["random"]
    worst = [name for name in groups(dataset) if name.startswith("worst")]

    def text(values: xr.DataArray, unit: str = "%") -> str:
        return f"{float(values.mean()):.1f} ± {float(values.std()):.1f}{unit}"

    found = []
    for model in dataset.model.values[1:]:
        own = seen.sel(model=model)
        picked = ", ".join(f"{text(own.sel(choice=name))} of {name}" for name in ("least loss", *worst))
        found.append(
            f"After {model} {text(own.sel(choice=random))} of the images of random forgotten prompts are still seen as "
            f"asked; {picked}."
        )
    lower = [
        float(
            (
                loss.sel(model="retraining", choice=name) / loss.sel(model="retraining", choice=random).mean("choice")
            ).mean()
        )
        for name in worst
    ]
    parts = ", ".join(f"{ratio:.2f} ({name})" for ratio, name in zip(lower, worst, strict=True))
    same = [
        float((dataset.forget.sel(choice=name) * dataset.forget.sel(choice="least loss")).sum("prompt").mean())
        for name in worst
    ]
    kept = ", ".join(f"{count:.1f} ({name})" for count, name in zip(same, worst, strict=True))
    return [
        *found,
        f"Over random sets the retrained loss on the selected prompts is {parts} times as large.",
        f"Of {dataset.attrs['k']} selected prompts those of least trained loss are {kept}.",
    ]
