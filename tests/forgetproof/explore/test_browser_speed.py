"""The page in headless Chromium: how long a redraw takes."""

import json
import os
import statistics
import time

import pytest

from tests.forgetproof.explore.browser import IN_A_BROWSER

pytestmark = IN_A_BROWSER


_WATCH = """() => {
  const watcher = new MutationObserver(() => {
    const shown = document.querySelector('.fp-panels')?.innerHTML;
    if (shown && shown !== window.shown) { window.shown = shown; window.changed = performance.now(); }
  });
  watcher.observe(document.body, {subtree: true, childList: true, attributes: true});
  document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
}"""


@pytest.mark.parametrize(
    ("view", "knob", "allowed"), [("linear", "step c", 3.0), ("linear", "seed", 3.0), ("network", "seed", 10.0)]
)
def test_a_redraw_is_quick(view, knob, allowed, tab, shots):
    """From the key to the last picture, ten times; the limits are those of a busy machine, the numbers are kept."""
    tab.open(f"view={view}&fraction=0.3")
    tab.agrees()
    time.sleep(2)
    tab.tab.evaluate(_WATCH)
    seconds = []
    for _ in range(10):
        tab.tab.evaluate("() => { window.changed = 0; }")
        tab.press(knob, "ArrowRight")
        tab.wait(lambda: tab.tab.evaluate("() => window.changed > window.pressed"), "a redraw")
        time.sleep(0.3)
        seconds.append(tab.tab.evaluate("() => (window.changed - window.pressed) / 1000"))
    path = shots / "redraw.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[f"{view}, {knob}"] = {"median": statistics.median(seconds), "seconds": seconds, "load": os.getloadavg()[0]}
    path.write_text(json.dumps(kept, indent=2))
    assert statistics.median(seconds) < allowed
