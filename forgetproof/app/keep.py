"""Charts in the house style, to download: PNG of 200 dpi and SVG."""

import io
import threading
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import GREY, canvas, legend
from forgetproof.app.charts import Chart
from forgetproof.app.live import SHADE, heat_colours

_drawing = threading.Lock()  # matplotlib's settings are one for the process; sessions are threads
_OWN = {"marker", "markersize", "linestyle", "color", "markevery"}  # what matplotlib calls the same


def figure(chart: Chart) -> Figure:
    """The chart as a figure."""
    made, grid = canvas(1, 1, width=5.6, height=3.8)
    axis = grid[0][0]
    x_range, y_range = chart.ranges()
    if chart.band is not None:
        axis.axvspan(*chart.band, color=SHADE, zorder=0)
    if chart.heat is not None:
        axis.imshow(heat_colours(chart.heat.values), extent=(*chart.heat.x, *chart.heat.y), aspect="auto")
        axis.grid(False)
    for rule in chart.rules:
        line = axis.axvline if rule.axis == "x" else axis.axhline
        line(rule.at, color=rule.color, linewidth=1.0, linestyle=":", label=rule.label or None)
    for series in chart.series:
        x, y = np.broadcast_arrays(np.atleast_1d(series.x), np.atleast_1d(series.y))
        look = {"linestyle": "none", **{name: value for name, value in series.look.items() if name in _OWN}}
        edge = {"markeredgecolor": series.look["edge"]} if "edge" in series.look else {}
        axis.plot(x, y, label=series.label or None, **look, **edge)
    if "x" in chart.log:
        axis.set_xscale("log")
    elif chart.whole:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if "y" in chart.log:
        axis.set_yscale("log")
    axis.set_xlim(*x_range)
    axis.set_ylim(*y_range)
    if chart.names:
        axis.set_yticks(range(len(chart.names)), chart.names)
        for place, note in enumerate(chart.notes):
            at = (1.01, place)
            axis.annotate(note, at, xycoords=("axes fraction", "data"), va="center", fontsize=8, color=GREY)
    axis.set_xlabel(chart.xlabel)
    axis.set_ylabel(chart.ylabel)
    axis.set_title(chart.title, loc="left")
    if axis.get_legend_handles_labels()[1]:
        legend(axis, loc="best")
    return made


def file(chart: Chart, form: str) -> bytes:
    """The chart as a file of ``form`` "png" or "svg"."""
    return drawn(lambda: figure(chart), form)


def drawn(draw: Callable[[], Figure], form: str) -> bytes:
    """A figure, drawn while no other thread draws, as a file of ``form`` "png" or "svg"."""
    content = io.BytesIO()
    with _drawing, mpl.rc_context({"svg.hashsalt": "forgetproof"}):
        metadata = {"Date": None} if form == "svg" else None
        draw().savefig(content, format=form, dpi=200, facecolor="white", metadata=metadata)
    return content.getvalue()
