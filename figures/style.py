"""One style for every picture: colours that colour-blind readers tell apart, and a marker and a dash for each.

Figures are built without pyplot, so that drawing leaves no global state behind.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)  # Okabe and Ito
GREY = "#666666"
FLOOR = 1e-16
"""Where float64 stops telling a relative quantity from 0: smaller values are drawn here, on a marked line."""

LOOKS: dict[str, dict[str, Any]] = {
    "nothing": {"color": BLACK, "marker": "o", "linestyle": "-"},
    "trained": {"color": BLACK, "marker": "o", "linestyle": "-"},
    "fine-tuning": {"color": PURPLE, "marker": "D", "linestyle": (0, (1, 1.2))},
    "plain ascent": {"color": RED, "marker": "^", "linestyle": "--"},
    "Clarke ascent": {"color": ORANGE, "marker": "v", "linestyle": (0, (4, 1, 1, 1))},
    "projected ascent": {"color": BLUE, "marker": "s", "linestyle": "-."},
    "retraining": {"color": GREEN, "marker": "*", "linestyle": (0, (5, 1))},
    "decremental": {"color": ORANGE, "marker": "P", "linestyle": (0, (3, 1, 1, 1, 1, 1))},
    "pretrained w_o": {"color": BLACK, "marker": "o", "linestyle": "-"},
    "fine-tuned w_t": {"color": PURPLE, "marker": "D", "linestyle": (0, (1, 1.2))},
    "golden w_g": {"color": GREEN, "marker": "*", "linestyle": (0, (5, 1))},
    "retention mask": {"color": BLUE, "marker": "s", "linestyle": "-."},
    "forget mask": {"color": RED, "marker": "^", "linestyle": "--"},
}
"""One look for a method in every picture."""

MATH = {"pretrained w_o": r"pretrained $w_o$", "fine-tuned w_t": r"fine-tuned $w_t$", "golden w_g": r"golden $w_g$"}

_RULES: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "legend.fontsize": 8.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#D9D9D9",
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.0,
    "legend.framealpha": 0.9,
    "svg.hashsalt": "forgetproof",
}


def canvas(
    rows: int = 1, columns: int = 1, width: float = 8.0, height: float = 3.6, **options: Any
) -> tuple[Figure, np.ndarray]:
    """A figure of ``rows`` × ``columns`` axes in the house style; sizes in inches."""
    with mpl.rc_context(_RULES):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def save(figure: Figure, folder: Path | str, name: str) -> list[Path]:
    """Write ``name.png`` (150 dpi) and ``name.svg`` into ``folder``, which is made if missing.

    Raises:
        OSError: the folder or a file cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    with mpl.rc_context(_RULES):
        figure.savefig(paths[0], dpi=150, facecolor="white")
        figure.savefig(paths[1], facecolor="white", metadata={"Date": None})
    return paths


def axis_label(variable: Any, name: str | None = None) -> str:
    """Name and unit of a dataset's variable, as an axis says them."""
    unit = variable.attrs["units"]
    text = name or variable.attrs["long_name"]
    return text if unit == "1" else f"{text} ({unit})"


def above_floor(values: Any) -> np.ndarray:
    """Values with everything below FLOOR, zeros included, drawn at FLOOR; NaN stays NaN."""
    array = np.asarray(values, float)
    return np.where(array < FLOOR, FLOOR, array)


def floor_line(axis: Axes, values: Any, x: float = 0.99, text: str = "float64 rounding") -> None:
    """Mark FLOOR where values were drawn on it, with room below; call it last, it fixes the axis' range."""
    if np.any(np.asarray(values) < 10 * FLOOR):
        axis.set_ylim(FLOOR / 100, 3.0 * np.nanmax(values))
        axis.axhline(FLOOR, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        axis.annotate(
            text,
            (x, FLOOR),
            xycoords=("axes fraction", "data"),
            xytext=(0, -3),
            textcoords="offset points",
            ha="right" if x > 0.5 else "left",
            va="top",
            fontsize=8,
            color=GREY,
        )


def median_and_spread(axis: Axes, x: Any, samples: Any, look: dict[str, Any], label: str | None) -> None:
    """Median over the last axis of ``samples`` with a band from its 10th to its 90th percentile."""
    low, middle, high = np.nanpercentile(np.asarray(samples), (10, 50, 90), axis=-1)
    axis.plot(x, middle, label=label, **look)
    axis.fill_between(x, low, high, color=look["color"], alpha=0.15, linewidth=0)


def legend(axis: Axes, **options: Any) -> None:
    """The axis' legend, small and inside."""
    with mpl.rc_context(_RULES):
        axis.legend(**options)


def shared_legend(figure: Figure, axis: Axes, columns: int) -> None:
    """One legend for the whole figure, below it."""
    handles, labels = axis.get_legend_handles_labels()
    with mpl.rc_context(_RULES):
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def panel_titles(axes: Sequence[Axes], titles: Sequence[str]) -> None:
    """Titles (a), (b), ... left-aligned."""
    for letter, axis, title in zip("abcdefghijkl", axes, titles, strict=False):
        axis.set_title(f"({letter}) {title}", loc="left")
