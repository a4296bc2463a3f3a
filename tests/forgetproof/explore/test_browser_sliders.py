"""The page in headless Chromium: every slider moves numbers and pictures, and both are the library's."""

from urllib.parse import quote

import pytest

from forgetproof.app.knobs import knobs_of
from tests.forgetproof.explore.browser import IN_A_BROWSER, Page

pytestmark = IN_A_BROWSER


_TURNING = "view=network&law=mixture&correlation=0.3&k=2&d=100&scale=0.1&steps=500&seed=4"
STARTS = {"scale": _TURNING, "steps": _TURNING}
"""States to move a slider from: the exact point depends on the start and length of training through the final
activations alone, often the same ones. From here they change."""


@pytest.mark.parametrize("view", ["linear", "network"])
def test_every_slider_moves_numbers_and_pictures(view, tab, shots):
    tab.open(f"view={view}&law=mixture&correlation=0.3&k=2")
    tab.agrees()
    for knob in knobs_of(view):
        if knob.numeric:
            if knob.name in STARTS:
                tab.open(STARTS[knob.name]).agrees()
            tab.moves(knob)
    tab.tab.screenshot(path=shots / f"{view}.png", full_page=True)


def test_lists_choose_with_the_keyboard(tab):
    tab.open("view=linear&k=3")
    tab.agrees()
    before = tab.table()
    choice = tab.tab.locator("marimo-dropdown", has_text="forget").last.get_by_role("combobox")
    choice.focus()
    choice.press("ArrowDown")
    tab.wait(lambda: tab.state().values["which"] == "largest multipliers", "the choice in the address")
    tab.agrees()
    assert tab.table() != before


def test_a_shared_address_restores_the_state(browser, tab, address):
    tab.open("view=network&d=10000&m=8&k=2&fraction=0.5&seed=7")
    tab.agrees()
    other = Page(browser, address).open(tab.state().query)
    other.agrees()
    assert other.table() == tab.table()
    other.tab.reload()
    other.agrees()
    assert other.state() == tab.state()
    other.close()


def test_a_bad_address_is_told(tab):
    tab.open("view=linear&m=many")
    tab.wait(lambda: tab.tells("expected a number from 4 to 128"), "the complaint")
    tab.agrees()


def test_long_training_shows_progress_and_is_cancelled(tab, shots):
    tab.open("view=network&m=32&n=128&steps=200000")
    tab.tab.locator("progress").wait_for()
    first = float(tab.tab.locator("progress").get_attribute("value"))
    tab.wait(lambda: float(tab.tab.locator("progress").get_attribute("value")) > first, "progress")
    tab.tab.screenshot(path=shots / "progress.png")
    tab.tab.get_by_role("button", name="cancel").first.click()
    tab.wait(lambda: tab.tells("Stopped."), "the end of the training", 20)
    tab.press("steps of training", "Home")
    tab.agrees()


def test_the_phase_diagram_of_networks_is_drawn(tab, shots):
    tab.open("view=network&m=8&n=16&steps=500&fraction=0.5")
    tab.agrees()
    tab.tab.get_by_role("button", name="draw where the step hurts").click()
    tab.wait(lambda: "phase" in tab.pictures(), "the phase diagram")
    words = tab.pictures()["phase"]
    tab.press("step c (1: the theorem's)", "ArrowRight")
    tab.wait(lambda: tab.pictures()["phase"] != words, "the present point")
    tab.tab.screenshot(path=shots / "phase.png", full_page=True)
    assert tab.download("phase PNG").startswith(b"\x89PNG")
    assert b"<svg" in tab.download("phase SVG")


def test_a_slider_that_changes_nothing_says_why(tab):
    tab.open("view=linear&m=8")
    tab.agrees()
    before = tab.table()
    tab.press("mixture: length of the mean ρ", "ArrowRight")
    tab.wait(lambda: tab.tells("changed no number: only the mixture has a mean."), "the reason")
    assert tab.table() == before
    tab.press("seed", "ArrowRight")
    tab.wait(lambda: tab.table() != before, "other numbers")
    tab.agrees()
    tab.wait(lambda: not tab.tells("changed no number"), "the end of the line")
    tab.press("points to forget k", "End")
    tab.wait(lambda: tab.tells("Of m = 8 points at most 7 can be forgotten: k = 7."), "what was made possible")


def test_back_leaves_the_page_and_not_half_a_state(tab):
    tab.open("view=linear&m=8")
    tab.agrees()
    entries = tab.tab.evaluate("() => history.length")
    tab.press("points m", "ArrowRight")
    tab.wait(lambda: tab.state().values["m"] == 10, "m in the address")
    tab.choose("explore", "A claim")
    tab.wait(lambda: tab.state().view == "claim", "the claim in the address")
    tab.agrees()
    assert tab.tab.evaluate("() => history.length") == entries


HOSTILE = {
    "html": ('view=<img src="http://example.invalid/a.png"><h1>Big</h1>', "<h1>Big</h1>"),
    "markdown": ("view=linear&law=![a](http://example.invalid/b.png)", "![a](http://example.invalid/b.png)"),
    "dataset": ("view=data&dataset=/etc/passwd", "expected one of the datasets opened"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_address_is_text(tab, case):
    """Nothing of it is fetched: the page's hosts are looked at when it is closed."""
    query, text = HOSTILE[case]
    tab.open(quote(query, safe="=&"))
    tab.wait(lambda: tab.tells("was not understood"), "the refusal")
    assert tab.tells(text)
    assert tab.state().view == "linear"
    tab.agrees()
