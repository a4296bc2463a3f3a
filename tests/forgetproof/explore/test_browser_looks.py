"""The page in headless Chromium: on a phone, in the dark, without its token."""

import re

import pytest
from PIL import Image

from forgetproof.app import live
from tests.forgetproof.explore.browser import IN_A_BROWSER, Page

pytestmark = IN_A_BROWSER


def test_without_the_token_nothing_is_shown(browser, address):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(address.partition("?")[0])
    assert "/auth/login" in tab.url
    assert tab.locator("table.fp-numbers").count() == 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_reads_it(scheme, browser, address, shots):
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = Page(browser, address, color_scheme=scheme, device_scale_factor=2, **options).open(
        "view=linear&correlation=0.5"
    )
    tab.agrees()
    assert tab.tab.evaluate("() => document.scrollingElement.scrollWidth") <= 390
    widths = tab.tab.evaluate("() => [...document.querySelectorAll('.fp-picture')].map(p => p.getBoundingClientRect())")
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in widths)
    assert all(box["width"] > 250 for box in widths)
    tab.tab.screenshot(path=shots / f"phone-{scheme}.png", full_page=True)
    fill = "() => getComputedStyle(document.querySelector('.fp-picture text')).fill"
    colour = tuple(int(v) for v in re.findall(r"\d+", tab.tab.evaluate(fill))[:3])
    dark = tuple(int(live.ON_DARK["#000000"][i : i + 2], 16) for i in (1, 3, 5))
    assert colour == (dark if scheme == "dark" else (0, 0, 0))
    tab.close()


def test_dark_on_a_desk(browser, address, shots):
    tab = Page(browser, address, color_scheme="dark", viewport={"width": 1280, "height": 1400}).open("view=network")
    tab.agrees()
    tab.tab.screenshot(path=shots / "dark.png", full_page=True)
    with Image.open(shots / "dark.png") as shot:
        assert sum(shot.convert("RGB").getpixel((3, 3))) < 200
    tab.close()
