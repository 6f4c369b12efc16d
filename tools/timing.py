"""How long the page computes for a click, a redraw and a stroke: `python -m tools.timing [PAGE]`.

The page is reports/explorer.html if none is named. Prints the milliseconds of the event and of the
frames after it, the median of several and the longest, as Chromium takes them on this machine.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

from src.base.errors import in_one_line
from tools.browser import emulate, open_browser, open_page
from tools.small_project import ROOT

TIMES = 15

# Adds up what the callbacks of each frame take; the longest frame is kept.
WATCH = """
    let spent = 0;
    const request = window.requestAnimationFrame;
    window.requestAnimationFrame = (then) => request((now) => {
      const start = performance.now();
      then(now);
      spent += performance.now() - start;
      window.longestFrame = Math.max(window.longestFrame || 0, spent);
      setTimeout(() => (spent = 0));
    });
"""
ACT = """
    const [selector, kind, number] = arguments;
    const target = document.querySelector(selector);
    const box = target.getBoundingClientRect();
    const place = { clientX: box.left + 60 + 5 * number, clientY: box.top + 90 + 3 * number };
    const mouse = { pointerId: 1, isPrimary: true, button: 0, pointerType: "mouse" };
    const at = { ...place, ...mouse, bubbles: true };
    target.setPointerCapture = () => {};
    window.longestFrame = 0;
    const start = performance.now();
    if (kind === "click") target.click();
    else for (const name of kind.split(" ")) target.dispatchEvent(new PointerEvent(name, at));
    const event = performance.now() - start;
    return new Promise((done) => setTimeout(() => done(event + window.longestFrame), 250));
"""
ACTS = {
    "move over a plane": ("#ae .plane canvas:last-of-type", "pointermove"),
    "click on a plane": ("#ae .plane canvas:last-of-type", "pointerdown pointerup"),
    "redraw: closer": ("#ae .closer", "click"),
    "redraw: the whole": ("#ae .whole", "click"),
    "stroke": ("#paper", "pointerdown pointermove"),
}


def measure(browser: Any, page: Path) -> dict[str, list[float]]:
    """The milliseconds of each act, several times."""
    source = {"source": WATCH}
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
    emulate(browser)
    open_page(browser, page)
    browser.execute_async_script("setTimeout(arguments[0], 2000)")
    return {
        name: [browser.execute_script(ACT, *act, number) for number in range(TIMES)]
        for name, act in ACTS.items()
    }


@in_one_line()
def main() -> None:
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reports/explorer.html"
    browser = open_browser()
    try:
        for name, times in measure(browser, page).items():
            print(f"{name:20} {statistics.median(times):6.1f} ms, at most {max(times):.1f}")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
