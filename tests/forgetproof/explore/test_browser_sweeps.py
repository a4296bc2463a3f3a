"""The page in headless Chromium: sweeps, cell by cell and as a whole grid."""

import pytest

from experiments.engine.dataset import load_sweep
from forgetproof.app import page
from forgetproof.app.knobs import knobs_of
from tests.forgetproof.explore.browser import IN_A_BROWSER, Page

pytestmark = IN_A_BROWSER

STARTS = {
    "ga_correlated": "result=harm&d=200&k=3&m=10&correlation=0.5",
    "ft_ridge_overlap": "result=unlearning&m=20&noise=0.15",
}


@pytest.mark.parametrize("key", STARTS)
def test_every_slider_of_a_sweep_moves_numbers_and_pictures(key, tab, shots):
    tab.open(f"view=sweep&key={key}&{STARTS[key]}")
    tab.agrees()
    for knob in knobs_of("sweep", key):
        if knob.numeric:
            tab.moves(knob)
    tab.tab.screenshot(path=shots / f"sweep-{key}.png", full_page=True)


def test_another_sweep_and_axis_are_chosen_from_lists(tab):
    tab.open("view=sweep&key=ga_correlated&k=3")
    tab.agrees()
    tab.choose("sweep", "ga_linear")
    tab.wait(lambda: tab.state().values["key"] == "ga_linear", "the sweep in the address")
    tab.agrees()
    assert tab.state().values["k"] == 3
    tab.choose("along", "k")
    tab.wait(lambda: tab.state().values["along"] == "k", "the axis in the address")
    tab.agrees()
    tab.choose("result", "bound")
    tab.wait(lambda: "bound along k" in tab.pictures()["line"], "the result in the picture")
    tab.agrees()


def test_a_shared_address_restores_the_cell(browser, tab, address):
    tab.open("view=sweep&key=ga_correlated&result=bound&along=k&k=6&m=20&d=40&seed=2&correlation=0.9")
    tab.agrees()
    other = Page(browser, address).open(tab.state().query)
    other.agrees()
    assert other.state() == tab.state()
    assert other.table() == tab.table()
    assert other.pictures() == tab.pictures()
    other.close()


def test_the_curve_is_downloaded(tab):
    tab.open("view=sweep&key=ga_correlated&result=harm&k=3")
    tab.agrees()
    assert tab.download("CSV").decode().startswith('name,value,bound,tightness\n"gap, nothing",')
    curve = tab.download("curve CSV").decode().splitlines()
    assert curve[0] == "correlation,median of harm,10th percentile,90th percentile,k,m,d,seed"
    assert all(line.split(",")[4] == "3" for line in curve[1:])  # what is held
    assert len(curve) == 1 + len(next(k.values for k in knobs_of("sweep", "ga_correlated") if k.name == "correlation"))
    assert tab.download("line PNG").startswith(b"\x89PNG")
    assert b"<svg" in tab.download("line SVG")


def test_a_cell_without_a_meaning_says_what_to_move(tab):
    tab.open("view=sweep&key=ga_linear&m=10&k=12&along=k")
    tab.wait(lambda: tab.tells("This cell has no meaning"), "the reason")
    assert tab.tells("move m or k") or tab.tells("move k or m")
    tab.agrees()


def test_a_slow_sweep_shows_progress_and_is_cancelled(tab, shots):
    tab.open("view=sweep&key=wc_ridge&along=seed&N=80&k=5")
    tab.tab.locator("progress").wait_for()
    tab.tab.screenshot(path=shots / "sweep-progress.png")
    tab.tab.get_by_role("button", name="cancel", exact=True).first.click()
    tab.wait(lambda: tab.tells("Stopped."), "the end of the work", 20)
    tab.press("points N", "Home")
    tab.agrees()


def test_a_grid_is_computed_cancelled_and_gone_on_with(tab, started, shots):
    page.OPENED.clear()
    tab.open("view=sweep&key=wc_ridge&N=20&k=2")
    tab.agrees()
    folder = tab.tab.locator("marimo-text", has_text="folder").locator("input")
    folder.fill("../outside")
    folder.press("Enter")
    start = tab.tab.get_by_role("button", name="compute the grid")
    start.click()
    tab.wait(lambda: tab.tells("expected one below"), "the refusal")
    folder.fill("swept/first")
    folder.press("Enter")
    tab.choose("grid", "the sweep's own")
    start.click()
    tab.tab.locator("progress").wait_for()
    tab.wait(lambda: float(tab.tab.locator("progress").get_attribute("value")) > 0, "a chunk")
    tab.wait(lambda: tab.tells("a second"), "the rate")
    tab.tab.screenshot(path=shots / "grid-progress.png", full_page=True)
    tab.tab.get_by_role("button", name="cancel the run").click()
    tab.wait(lambda: tab.tells("chunks are kept"), "what is kept", 60)
    assert tab.tells("forgetproof sweep wc_ridge --store swept/first --resume")
    tab.tab.screenshot(path=shots / "grid-cancelled.png", full_page=True)
    kept = load_sweep(started / "swept/first").attrs["chunks_finished"]
    assert kept >= 1
    start.click()
    tab.tab.locator("progress").wait_for()
    tab.open("view=sweep&key=ga_linear")  # as a reload, or another page: the run is the server's
    tab.wait(lambda: tab.tells("wc_ridge, the sweep's own, into swept/first"), "the run by its name")
    tab.tab.get_by_role("button", name="cancel the run").wait_for()
    tab.wait(lambda: tab.tells("Computed: wc_ridge"), "the end", 400)
    assert tab.state().view == "sweep"
    tab.tab.get_by_role("button", name="open its dataset").click()
    tab.wait(lambda: tab.state().view == "data", "the slicing view")
    swept = load_sweep(started / "swept/first")
    assert swept.attrs["chunks_finished"] == swept.attrs["chunks"] > kept
    tab.wait(lambda: tab.table() and "slice" in tab.pictures(), "the slice")
    tab.tab.screenshot(path=shots / "grid-opened.png", full_page=True)
