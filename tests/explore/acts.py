"""What the tests of the page do with it in Chromium: small acts and readings."""

import os
import re
from typing import Any

import numpy as np
import pytest

if os.environ.get("EXPLORER_TESTS") != "required":
    pytest.importorskip("selenium", reason="see the command in requirements-browser.txt")

from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402, F401

from tools.browser import FRAMES  # noqa: E402

GREYS_OF = """
    const greysOf = (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
      return Array.from({ length: 784 }, (_, i) => data[4 * i]);
    };
"""
# Remembers what is drawn on the canvas above a plane: the names of the calls and their numbers.
RECORD = """
    const drawn = (window.drawn = []);
    const pen = CanvasRenderingContext2D.prototype;
    for (const name of ["arc", "ellipse", "moveTo", "lineTo", "fillText", "clearRect", "drawImage"]) {
      const own = pen[name];
      pen[name] = function (...values) {
        const plane = this.canvas.closest && this.canvas.closest(".panel");
        const layer = plane && this.canvas.getAttribute("aria-hidden") ? "above" : "below";
        const plain = values.filter((value) => typeof value !== "object");
        if (plane) drawn.push([plane.id, layer, name, plain]);
        return own.apply(this, values);
      };
    }
"""


def pen(browser: Any) -> ActionChains:
    return ActionChains(browser, duration=0)


def run(browser: Any, body: str, *arguments: Any) -> Any:
    """The value of a function's body that may wait."""
    script = f"return (async function () {{{body}}}).apply(null, arguments)"
    return browser.execute_script(script, *arguments)


def settle(browser: Any) -> None:
    browser.execute_script(FRAMES)
    browser.execute_script(FRAMES)


def click(browser: Any, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)
    settle(browser)


def show(browser: Any, selector: str) -> dict[str, float]:
    """Scroll to an element; its box."""
    return browser.execute_script(
        "const found = document.querySelector(arguments[0]); found.scrollIntoView({ block: 'center' });"
        "return found.getBoundingClientRect().toJSON()",
        selector,
    )


def point(browser: Any, name: str = "ae") -> list[float]:
    """Where the point is on a plane."""
    settle(browser)
    fields = browser.find_elements("css selector", f"#{name} .plane input")
    return [float(field.get_property("value")) for field in fields]


def frame(browser: Any, name: str = "ae") -> tuple[np.ndarray, float, np.ndarray]:
    """Middle, pixels of a unit and half size of a plane that shows the whole."""
    edges = browser.execute_script(
        "const root = document.querySelector(arguments[0]);"
        "return [...root.querySelectorAll('input')].map(({ min, max }) => [Number(min), Number(max)])"
        ".concat([[root.clientWidth, root.clientHeight]])",
        f"#{name} .plane",
    )
    ranges, size = np.array(edges[:-1]), np.array(edges[-1])
    scale = float((size / np.ptp(ranges, axis=1)).min())
    return ranges.mean(1), scale, size / 2


def offset(browser: Any, code: np.ndarray, name: str = "ae") -> list[int]:
    """Where a code lies, in pixels from the middle of its plane."""
    middle, scale, _ = frame(browser, name)
    right, up = (np.asarray(code) - middle) * scale
    return [round(float(right)), round(float(-up))]


def click_plane(browser: Any, right: float, down: float, name: str = "ae") -> list[float]:
    """Click so many pixels from the middle of a plane; where the point is then."""
    plane = browser.find_element("css selector", f"#{name} .plane")
    pen(browser).move_to_element_with_offset(plane, round(right), round(down)).click().perform()
    return point(browser, name)


def is_held(browser: Any, name: str = "ae") -> bool:
    root = browser.find_element("css selector", f"#{name} .plane")
    return "held" in root.get_attribute("class").split()


def touch(browser: Any, kind: str, *points: tuple[float, float]) -> None:
    """touchStart, touchMove, touchEnd of fingers at these pixels of the window."""
    fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


def scrolled(browser: Any) -> float:
    return browser.execute_script("return scrollY")


def state(browser: Any) -> dict[str, str]:
    """The state in the address, once it has been written."""
    run(browser, "await new Promise((done) => setTimeout(done, 700))")
    text = browser.execute_script("return location.hash").lstrip("#")
    return dict(part.split("=", 1) for part in text.split("&") if part)


def numbers(text: str) -> list[float]:
    return [
        float(number.replace("\u2212", "-")) for number in re.findall(r"[-\u2212]?\d+\.?\d*", text)
    ]


def greys(browser: Any, selector: str) -> np.ndarray:
    """The greys of the first canvas that the selector finds: (28, 28)."""
    values = run(
        browser, GREYS_OF + "return greysOf(document.querySelector(arguments[0]))", selector
    )
    return np.array(values).reshape(28, 28)
