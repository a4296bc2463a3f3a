"""The page's live pictures and tables without a browser."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from figures.style import BLACK, BLUE, GREEN, RED
from forgetproof.app import live, widgets
from forgetproof.app.charts import Chart, Heat, Rule, Series
from forgetproof.app.rows import Row, as_csv, as_numbers


def chart(**changes) -> Chart:
    x = np.arange(1.0, 6.0)
    series = (
        Series("a < b", x, 10.0**-x, {"color": BLUE, "linestyle": "--", "marker": "s"}),
        Series("", x, np.where(x == 3, np.nan, 0.5), {"color": RED, "marker": "^", "linestyle": "none"}),
    )
    return Chart("some", "Title", 'words & "more"', "x", "y", series, **changes)


CHARTS = {
    "plain": chart(),
    "log": chart(log="xy"),
    "names": chart(names=("one,\ntwo",) * 5, notes=("1.00",) * 5),
    "rules and band": chart(rules=(Rule("x", 2.0, "here"), Rule("y", 0.2)), band=(2.0, 3.0)),
    "heat": chart(heat=Heat(np.full((3, 4), np.nan), (1.0, 5.0), (0.0, 1.0))),
    "empty": Chart("none", "", "", "", "", (Series("", np.zeros(1), np.full(1, np.nan), {"color": RED}),)),
}


@pytest.mark.parametrize("case", CHARTS)
def test_a_live_picture_is_well_formed_and_inside(case):
    root = ElementTree.fromstring(live.svg(CHARTS[case]))
    assert root.get("aria-label") == CHARTS[case].words
    numbers = [float(v) for e in root.iter() for n, v in e.attrib.items() if n in ("x", "y", "cx", "cy", "x1", "y1")]
    assert np.isfinite(numbers).all()
    assert min(numbers) >= -1
    assert max(numbers) <= live.WIDTH + 1


def test_positions_follow_the_values():
    """The middle of five points is in the middle; a missing one is left out."""
    marks = re.findall(r'<polygon points="([^"]*)"', live.svg(chart()))
    assert len(marks) == 5 + 4 + 1  # the last is in the legend
    centres = [np.mean([[float(v) for v in p.split(",")] for p in m.split()], axis=0) for m in marks[:5]]
    np.testing.assert_allclose(np.diff([c[0] for c in centres]), np.diff([c[0] for c in centres])[0], atol=0.2)
    assert centres[0][1] < centres[1][1] < centres[2][1] <= centres[4][1]  # falling values go down the page


@pytest.mark.parametrize("count", [2, 7, 8, 40])
def test_what_is_counted_has_whole_ticks(count):
    x = np.arange(count)
    counted = chart()._replace(series=(Series("", x, 1.0 * x, {"color": RED}),))
    assert counted.whole
    assert not counted._replace(series=(Series("", x / 2, 1.0 * x, {"color": RED}),)).whole
    places = live.ticks((-0.7, count - 0.3), False, whole=True)
    assert len(places) >= 2
    assert all(place == round(place) for place in places)


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear_parts = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear_parts @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [BLACK, BLUE, GREEN, RED])
def test_pictures_read_on_a_dark_page(colour):
    """WCAG asks 3:1 of graphics and 4.5:1 of text."""
    assert contrast(live.ON_DARK[colour], live.DARK_PAGE) >= (4.5 if colour == BLACK else 3.0)
    assert contrast(colour, "#FFFFFF") >= 3.0


def test_a_broken_bound_shows():
    rows = [Row("fine", 1.0, 2.0), Row("broken", 2.0, 1.0), Row("rounding", 1e-16, 0.0), Row("alone", 3.0)]
    assert [row.broken for row in rows] == [False, True, False, False]
    assert [row.tightness for row in rows] == [0.5, 2.0, None, None]
    assert widgets.numbers_table(rows).count("BROKEN") == 1
    assert as_numbers(rows)["bound of fine"] == 2.0
    assert as_csv(rows).splitlines()[1] == "fine,1.0,2.0,0.5"
