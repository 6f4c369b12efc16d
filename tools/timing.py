"""How long the page computes for a click, a redraw and a stroke: `python -m tools.timing [PAGE]`.

The page is reports/explorer.html if none is named. Prints the milliseconds of the event and of the
frames after it, the median of several and the longest, as Chromium takes them on this machine; then
the same while a model is trained in the page, and the steps of this training in a second.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

from src.base.errors import in_one_line
from tools.browser import emulate, open_browser, open_page, wait
from tools.small_project import ROOT

TIMES = 15
SECONDS_OF_TRAINING = 8
RUN = "#train .run"  # the button that starts a training

# Keeps the speeds of a training, each from one whole state that the worker sends to the next.
LISTEN = """
    window.speeds = [];
    window.Worker = class extends window.Worker {
      constructor(address) {
        super(address);
        let before;
        this.addEventListener("message", ({ data: { isRunning, measured, steps } }) => {
          if (!isRunning || !measured) return;
          const now = performance.now();
          if (before) window.speeds.push((1000 * (steps - before.steps)) / (now - before.now));
          before = { steps, now };
        });
      }
    };
"""
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


def begin(browser: Any, page: Path) -> None:
    """Open the page, and wait until nothing is left to do."""
    open_page(browser, page)
    browser.execute_async_script("setTimeout(arguments[0], 2000)")


def act(browser: Any) -> dict[str, list[float]]:
    """The milliseconds of each act, several times."""
    return {
        name: [browser.execute_script(ACT, *how, number) for number in range(TIMES)]
        for name, how in ACTS.items()
    }


def train(browser: Any) -> list[float]:
    """Start a training; its steps in each second, none if the page has no button for it."""
    if not browser.execute_script("return !!document.querySelector(arguments[0])", RUN):
        return []
    for button in ("#tab-train", RUN, "#tab-draw"):  # there it starts; strokes need the paper
        browser.execute_script("document.querySelector(arguments[0]).click()", button)
    wait(browser, f"window.speeds.length >= {SECONDS_OF_TRAINING}")
    return browser.execute_script("return window.speeds")


def show(title: str, values: list[float], unit: str) -> None:
    numbers = f"{statistics.median(values):6.1f} {unit}"
    print(f"{title:20} {numbers}, from {min(values):.1f} to {max(values):.1f}")


@in_one_line()
def main() -> None:
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reports/explorer.html"
    browser = open_browser()
    try:
        source = {"source": WATCH + LISTEN}
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        emulate(browser)
        begin(browser, page)
        for name, times in act(browser).items():
            show(name, times, "ms")
        begin(browser, page)  # anew: nothing holds the point
        if speeds := train(browser):
            print("while a model is trained:")
            for name, times in act(browser).items():
                show(name, times, "ms")
            show("training", speeds, "steps a second")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
