"""A tab of headless Chromium that shows the page, and what the library says it should show."""

import re
import shutil
import time
from pathlib import Path

import pytest

from forgetproof.app import page, widgets, work
from forgetproof.app.knobs import parse_query
from forgetproof.app.page import content
from forgetproof.app.work import Outcome

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("default::ResourceWarning"),  # playwright's pipes
]
PATIENCE = 120  # seconds: the first redraw of a size compiles, on a machine that may be busy


class Page:
    """One tab: its console's errors and the hosts it asked are kept."""

    def __init__(self, browser, address: str, **options):
        self.context = browser.new_context(**options)
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(PATIENCE * 1000)
        self.address, self.errors, self.hosts = address, [], set()
        self.tab.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.tab.on("pageerror", lambda e: self.errors.append(str(e)))
        self.tab.on("request", lambda r: self.hosts.add(re.sub(r"^\w+://([^/:]*).*", r"\1", r.url)))

    def open(self, query: str) -> "Page":
        token = re.search(r"access_token=[^&]*", self.address)
        self.tab.goto(f"{self.address.partition('?')[0]}?{query}&{token[0] if token else ''}")
        return self

    def url(self) -> str:
        return self.tab.evaluate("() => location.href")  # playwright's own notion lags behind

    def state(self):
        return parse_query(self.url())

    def table(self) -> dict[str, str]:
        """Name to value, as the page shows them."""
        script = "() => [...document.querySelectorAll('tr[data-row]')].map(r => [r.dataset.row, r.cells[1].innerText])"
        return dict(self.tab.evaluate(script))

    def pictures(self) -> dict[str, str]:
        script = "() => [...document.querySelectorAll('svg[data-picture]')].map(p => [p.dataset.picture, p.ariaLabel])"
        return dict(self.tab.evaluate(script))

    def slider(self, label: str):
        return self.tab.get_by_role("slider", name=label, exact=True)

    def press(self, label: str, key: str) -> None:
        handle = self.slider(label)
        handle.focus()
        handle.press(key)

    def choose(self, label: str, option: str) -> None:
        """An option of a list, by the beginning of its text."""
        lists = self.tab.locator("marimo-dropdown").filter(has_text=re.compile(rf"^{label}"))
        texts = lists.locator("option").all_inner_texts()
        lists.get_by_role("combobox").select_option(label=next(text for text in texts if text.startswith(option)))

    def download(self, label: str) -> bytes:
        with self.tab.expect_download() as waiting:
            self.tab.locator("marimo-download", has_text=label).first.locator("a, button").first.click()
        return Path(waiting.value.path()).read_bytes()

    def tells(self, text: str) -> bool:
        """Whether the text is seen; messages are in shadow trees, which ``inner_text`` leaves out."""
        return any(found.is_visible() for found in self.tab.get_by_text(text).all())

    def wait(self, met, what: str, patience: float = PATIENCE) -> None:
        end = time.monotonic() + patience
        while not met():
            assert time.monotonic() < end, f"{what}: not within {patience} s at {self.url()}"
            time.sleep(0.05)

    def agrees(self) -> None:
        """Numbers and pictures are those that the library gives for the address' state."""
        self.wait(lambda: self.table() and self.table() == expected(self.url()), "the library's numbers")
        self.wait(lambda: drawn(self.url()).items() <= self.pictures().items(), "the library's pictures")

    def moves(self, knob) -> None:
        """A step of a slider changes the address, the numbers and the pictures, to what the library gives there."""
        before, numbers, pictures = self.state(), self.table(), self.pictures()
        self.press(knob.label, "ArrowRight")
        self.wait(lambda: self.state() != before, f"{knob.name} in the address")
        assert self.state().values[knob.name] != before.values[knob.name]
        self.agrees()
        assert self.table() != numbers, knob.name
        assert self.pictures() != pictures, knob.name

    def close(self) -> None:
        assert not self.tells("An internal error occurred"), self.url()
        assert not self.errors, self.errors
        assert self.hosts <= {"127.0.0.1", "data:", "blob:"} | {
            h for h in self.hosts if h.startswith(("data:", "blob:"))
        }
        self.context.close()


def expected(url: str) -> dict[str, str]:
    return {row.name: widgets.shown(row.value) for row in page.numbers(parse_query(url))}


def drawn(url: str) -> dict[str, str]:

    state = parse_query(url)
    if state.view == "data":
        return {chart.key: chart.words for chart in content(state, Outcome(None)).charts}
    outcome = work.run(work.task_of(state), lambda done, total: None, lambda: False)
    return {chart.key: chart.words for chart in content(state, outcome).charts}
