"""Charts as SVG for the page, in about a millisecond each, and recoloured by its style sheet.

Colours are CSS variables with the light theme's colour as the fallback, so that dark mode redraws nothing.
"""

import base64
import io
import math
import textwrap
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, YELLOW
from forgetproof.app.charts import Chart

WIDTH, HEIGHT = 480, 330
_NAME, _SIDE = 28, 40  # characters of a name at the left, and of a label along the y axis
DARK_PAGE = "#181C1A"
"""Background of marimo's dark theme."""
GRID, SHADE = "#D9D9D9", "#EEEEEE"
ON_DARK = {
    BLACK: "#F2F2F2",
    ORANGE: "#F2B632",
    SKY: "#8CCFF5",
    GREEN: "#2FD0A0",
    YELLOW: "#F0E442",
    BLUE: "#56A8F5",
    RED: "#FF8A47",
    PURPLE: "#E7A6CB",
    GREY: "#B5B5B5",
    GRID: "#4A4F4D",
    SHADE: "#333836",
}
_DASHES = {"-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3"}


def style_sheet() -> str:
    """The page's CSS: the pictures' colours in dark mode, and their size."""
    dark = " ".join(f"{_name(colour)}: {shown};" for colour, shown in ON_DARK.items())
    return (
        f".dark {{ {dark} }}\n"
        f".fp-picture {{ width: 100%; max-width: {WIDTH}px; height: auto; display: block; }}\n"
        f".fp-picture text {{ fill: {paint(BLACK)}; font: 13px system-ui, sans-serif; }}\n"
    )


def _name(colour: str) -> str:
    return f"--fp-{colour[1:].lower()}"


def paint(colour: str) -> str:
    """A colour as the style sheet may change it."""
    return f"var({_name(colour)}, {colour})"


class _Frame:
    """Where data are on the picture."""

    def __init__(self, chart: Chart) -> None:
        self.log = chart.log
        self.x_range, self.y_range = chart.ranges()
        legend_rows = math.ceil(
            (sum(bool(s.label) for s in chart.series) + sum(bool(r.label) for r in chart.rules)) / 2
        )
        self.names = [_lines(name, _NAME) for name in chart.names]
        self.ylabel = _lines(chart.ylabel, _SIDE)
        tallest = max(map(len, self.names), default=1)
        self.height = max(HEIGHT, 64 + 19 * legend_rows + len(chart.names) * (15 * tallest + 5))
        self.left = 196 if chart.names else 47 + 15 * max(1, len(self.ylabel))
        self.right = WIDTH - (66 if "rounding" in chart.notes else 48 if chart.notes else 12)
        self.top, self.bottom = 10 + 19 * legend_rows, self.height - 44

    def x(self, value: Any) -> np.ndarray:
        return self.left + _share(value, self.x_range, "x" in self.log) * (self.right - self.left)

    def y(self, value: Any) -> np.ndarray:
        return self.bottom - _share(value, self.y_range, "y" in self.log) * (self.bottom - self.top)


def _lines(text: str, most: int) -> list[str]:
    """The text in lines of at most so many characters, broken where it says so and at spaces."""
    return [line for part in text.split("\n") for line in textwrap.wrap(part, most)]


def _share(value: Any, between: tuple[float, float], log: bool) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        v, (a, b) = (np.log10(value), np.log10(between)) if log else (np.asarray(value, float), between)
    return np.clip((v - a) / (b - a), -0.02, 1.02)


def ticks(between: tuple[float, float], log: bool, most: int = 6, whole: bool = False) -> list[float]:
    """Round numbers within a range, about ``most`` of them."""
    low, high = sorted(between)
    if log:
        first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
        step = max(1, math.ceil((last - first + 1) / most))
        return [10.0**e for e in range(first, last + 1, step)]
    return [float(v) for v in MaxNLocator(nbins=most, integer=whole).tick_values(low, high) if low <= v <= high]


def number(value: float, log: bool = False) -> str:
    """A tick's text."""
    if log:
        exponent = round(math.log10(value))
        return f"{value:g}" if -3 <= exponent <= 3 else f"1e{exponent}"
    return f"{value:.6g}".replace("-", "−")


def svg(chart: Chart) -> str:
    """The chart as an SVG element: it fills its column's width, and says its words to a screen reader."""
    frame = _Frame(chart)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {frame.height}" class="fp-picture" role="img" '
        f'data-picture="{chart.key}" aria-label="{escape(chart.words, quote=True)}">'
    ]
    parts += _background(chart, frame)
    parts += _axes(chart, frame)
    for rule in chart.rules:
        x, y = float(frame.x(rule.at)), float(frame.y(rule.at))
        (x0, x1) = (x, x) if rule.axis == "x" else (frame.left, frame.right)
        (y0, y1) = (frame.top, frame.bottom) if rule.axis == "x" else (y, y)
        parts.append(_line(x0, y0, x1, y1, rule.color, 1.2, _DASHES[":"]))
    for series in chart.series:
        parts += _series(frame.x(series.x), frame.y(series.y), series.look)
    parts += _legend(chart)
    return "".join([*parts, "</svg>"])


def _background(chart: Chart, frame: _Frame) -> Iterator[str]:
    if chart.band is not None:
        a, b = (float(v) for v in frame.x(np.asarray(chart.band)))
        yield (
            f'<rect x="{a:.1f}" y="{frame.top}" width="{b - a:.1f}" height="{frame.bottom - frame.top}" '
            f'style="fill: {paint(SHADE)}"/>'
        )
    if chart.heat is not None:
        (x0, x1), (y0, y1) = frame.x(np.asarray(chart.heat.x)), frame.y(np.asarray(chart.heat.y))
        yield (
            f'<image x="{x0:.1f}" y="{y1:.1f}" width="{x1 - x0:.1f}" height="{y0 - y1:.1f}" '
            f'preserveAspectRatio="none" href="{_png(heat_colours(chart.heat.values))}"/>'
        )


def heat_colours(values: np.ndarray) -> np.ndarray:
    """RGB (y from the top, x, 3), uint8, of a field clipped to ±1: blue, white, red; grey where it is NaN."""
    field = np.clip(np.asarray(values, float).T[::-1], -1.0, 1.0)[..., None]
    ends = {c: np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)], float) for c in (BLUE, RED, GREY)}
    share = np.nan_to_num(np.abs(field))
    mixed = (1.0 - share) * 245.0 + share * np.where(field < 0, ends[BLUE], ends[RED])
    return np.where(np.isnan(field), ends[GREY], mixed).round().astype(np.uint8)


def _png(pixels: np.ndarray) -> str:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, width: float, dash: str = "") -> str:
    dashes = f"; stroke-dasharray: {dash}" if dash else ""
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
        f'style="stroke: {paint(colour)}; stroke-width: {width}{dashes}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", turn: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turn}>{escape(text)}</text>'


def _axes(chart: Chart, frame: _Frame) -> Iterator[str]:
    grid = chart.heat is None
    for value in ticks(frame.x_range, "x" in chart.log, 4 if chart.names else 6, chart.whole):
        x = float(frame.x(value))
        if grid:
            yield _line(x, frame.top, x, frame.bottom, GRID, 0.8)
        yield _text(x, frame.bottom + 17, number(value, "x" in chart.log))
    for value in range(len(chart.names)) if chart.names else ticks(frame.y_range, "y" in chart.log):
        y = float(frame.y(value))
        if grid:
            yield _line(frame.left, y, frame.right, y, GRID, 0.8)
        if chart.names:
            lines = frame.names[int(value)]
            for row, text in enumerate(lines):
                yield _text(frame.left - 8, y + 4 + 15 * (row - (len(lines) - 1) / 2), text, "end")
            if chart.notes:
                yield _text(WIDTH - 4, y + 4, chart.notes[int(value)], "end")
        else:
            yield _text(frame.left - 6, y + 4, number(value, "y" in chart.log), "end")
    yield _line(frame.left, frame.bottom, frame.right, frame.bottom, BLACK, 1.0)
    yield _line(frame.left, frame.top, frame.left, frame.bottom, BLACK, 1.0)
    centre = WIDTH / 2 if chart.names else (frame.left + frame.right) / 2
    yield _text(centre, frame.height - 8, chart.xlabel)
    middle = (frame.top + frame.bottom) / 2
    for row, text in enumerate(frame.ylabel):
        x = 14 + 15 * row
        yield _text(x, middle, text, turn=f' transform="rotate(-90 {x} {middle:.1f})"')


def _series(x: np.ndarray, y: np.ndarray, look: dict[str, Any]) -> Iterator[str]:
    x, y = np.broadcast_arrays(np.atleast_1d(x), np.atleast_1d(y))
    shown = np.isfinite(x) & np.isfinite(y)
    style = look.get("linestyle", "none")
    if style != "none" and shown.sum() > 1:
        runs = np.split(np.arange(len(x)), np.flatnonzero(np.diff(shown.astype(int))) + 1)
        for run in runs:
            if shown[run[0]]:
                yield _path(x[run], y[run], look["color"], style)
    if look.get("marker"):
        every = look.get("markevery", 1)
        for at in np.flatnonzero(shown)[::every]:
            yield _marker(float(x[at]), float(y[at]), look)


def _path(x: np.ndarray, y: np.ndarray, colour: str, style: Any) -> str:
    dash = _DASHES[style] if isinstance(style, str) else " ".join(f"{2 * v:g}" for v in style[1])
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    dashes = f"; stroke-dasharray: {dash}" if dash else ""
    return f'<polyline points="{points}" style="fill: none; stroke: {paint(colour)}; stroke-width: 2{dashes}"/>'


_SHAPES = {
    "^": "0,-1.2 1.1,0.8 -1.1,0.8",
    "v": "0,1.2 1.1,-0.8 -1.1,-0.8",
    "s": "-0.9,-0.9 0.9,-0.9 0.9,0.9 -0.9,0.9",
    "D": "0,-1.2 1.2,0 0,1.2 -1.2,0",
    "*": "0,-1.4 0.4,-0.5 1.3,-0.4 0.6,0.2 0.8,1.1 0,0.6 -0.8,1.1 -0.6,0.2 -1.3,-0.4 -0.4,-0.5",
    "|": "-0.35,-2 0.35,-2 0.35,2 -0.35,2",
}


def _marker(x: float, y: float, look: dict[str, Any]) -> str:
    size = 0.8 * look.get("markersize", 5)
    colour = paint(look["color"])
    edge = f"; stroke: {look['edge']}; stroke-width: 1.5" if "edge" in look else ""
    if look["marker"] not in _SHAPES:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" style="fill: {colour}{edge}"/>'
    corners = (pair.split(",") for pair in _SHAPES[look["marker"]].split())
    points = " ".join(f"{x + size * float(a):.1f},{y + size * float(b):.1f}" for a, b in corners)
    return f'<polygon points="{points}" style="fill: {colour}{edge}"/>'


def _legend(chart: Chart) -> Iterator[str]:
    """Two columns above the picture."""
    lines = {"color": BLACK, "linestyle": ":"}
    entries = [(s.label, s.look) for s in chart.series if s.label]
    entries += [(rule.label, {**lines, "color": rule.color}) for rule in chart.rules if rule.label]
    for index, (label, look) in enumerate(entries):
        x, y = 24 + (index % 2) * (WIDTH / 2), 14 + 19 * (index // 2)
        yield from _series(np.array([x - 16, x + 12]), np.array([y, y]), {**look, "marker": None})
        yield from _series(np.array([x - 2]), np.array([y]), {**look, "linestyle": "none", "markersize": 6})
        yield _text(x + 20, y + 4, label, "start")
