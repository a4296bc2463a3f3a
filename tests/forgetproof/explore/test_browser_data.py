"""The page in headless Chromium: claims, studies, saved datasets, copies and downloads."""

from forgetproof.app import page
from forgetproof.app.knobs import parse_query
from tests.forgetproof.explore.browser import IN_A_BROWSER, Page

pytestmark = IN_A_BROWSER


def test_a_claim_is_checked_and_typeset(tab, shots):
    tab.open("view=claim&key=ga.linear.distance_to_retraining&examples=50")
    tab.agrees()
    assert tab.tab.locator(".katex").count() > 3
    tab.press("random instances", "ArrowRight")
    tab.wait(lambda: tab.state().values["examples"] == 100, "the number in the address")
    tab.agrees()
    tab.tab.screenshot(path=shots / "claim.png", full_page=True)


def test_a_study_runs_beside_the_page(tab, shots):
    tab.open("view=study&key=ga_counter_regime&profile=tiny")
    tab.wait(lambda: "slice" in tab.pictures(), "the study's slice")
    assert "variable=distance" in tab.url()
    tab.choose("variable", "gap")
    tab.wait(lambda: tab.state().values["variable"] == "gap" and tab.table(), "the other variable")
    tab.agrees()
    shared, numbers = tab.state(), tab.table()
    tab.open(shared.query)
    tab.wait(lambda: tab.table() == numbers, "the shared address' numbers")
    assert tab.state() == shared
    assert not tab.tells("was not understood")
    tab.open("view=study&key=ga_counter_regime&profile=tiny&variable=nope")
    tab.wait(lambda: tab.tells("variable: expected one of distance, gap"), "what the study has")
    tab.wait(lambda: tab.state().values.get("variable") == "distance", "the default")
    assert tab.tab.locator("img[src^='data:image/png'], img[src*='@file']").count() >= 1
    tab.tab.screenshot(path=shots / "study.png", full_page=True)


def test_a_saved_dataset_is_sliced(tab, saved, shots):
    page.open_all([saved])
    tab.open(f"view=data&dataset={saved}")
    tab.agrees()
    assert len(tab.table()) == 10
    tab.tab.locator("marimo-dropdown", has_text="lines").get_by_role("combobox").select_option("none")
    tab.wait(lambda: len(tab.table()) == 5, "one line")
    tab.agrees()
    tab.tab.screenshot(path=shots / "data.png", full_page=True)


def test_copies_and_downloads(browser, address):
    tab = Page(browser, address, permissions=["clipboard-read", "clipboard-write"], accept_downloads=True)
    tab.open("view=linear&m=8")
    tab.agrees()

    def copied(label: str) -> str:
        button = tab.tab.get_by_role("button", name=label)
        button.focus()
        button.press("Enter")
        tab.wait(lambda: tab.tab.get_by_role("button", name="copied").count() > 0, label)
        text = tab.tab.evaluate("() => navigator.clipboard.readText()")
        tab.wait(lambda: tab.tab.get_by_role("button", name="copied").count() == 0, "the button's name")
        return text

    assert copied("copy as command") == f"forgetproof explore --at '{tab.state().query}' --json"
    assert copied("copy as Python").startswith("# forgetproof explore --at 'view=linear")
    shared = copied("copy the shareable address")
    assert parse_query(shared) == tab.state()
    assert "access_token" not in shared

    assert tab.download("CSV").decode().startswith("name,value,bound,tightness\n")
    assert tab.download("margins PNG").startswith(b"\x89PNG")
    assert b"<svg" in tab.download("margins SVG")
    tab.close()
