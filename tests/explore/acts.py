"""What the tests of the page do with it in a browser: small acts and readings."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.browsers import REQUIRED

if not REQUIRED:
    pytest.importorskip("selenium", reason="see the command in requirements-browser.txt")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys  # noqa: F401, for the tests
from selenium.webdriver.support.wait import WebDriverWait

from tools.browser import SECONDS
from tools.small_project import ROOT

SCRIPT = (ROOT / "tests/explore/acts.js").read_text()


def call(browser: Any, name: str, *values: Any) -> Any:
    """What a function of acts.js returns."""
    return browser.execute_script(f"{SCRIPT}; return {name}(...arguments)", *values)


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition is true, also on a machine that is busy."""
    WebDriverWait(None, SECONDS, poll_frequency=0.02).until(lambda _: holds())


def look_up(browser: Any, expression: str) -> Any:
    """The value of an expression in the page."""
    return browser.execute_script(f"return {expression}")


def pen(browser: Any) -> ActionChains:
    return ActionChains(browser, duration=0)


def click(browser: Any, selector: str) -> None:
    call(browser, "click", selector)


def show(browser: Any, selector: str) -> dict[str, float]:
    """Scroll to an element; its box."""
    return call(browser, "show", selector)


def text(browser: Any, selector: str) -> str:
    return browser.find_element("css selector", selector).text


def point(browser: Any, name: str = "ae") -> list[float]:
    """Where the point is on a plane."""
    call(browser, "settle")
    fields = browser.find_elements("css selector", f"#{name} .plane input")
    return [float(field.get_property("value")) for field in fields]


def frame(browser: Any, name: str = "ae") -> tuple[np.ndarray, float, np.ndarray]:
    """Middle, pixels of a unit and half size of a plane that shows the whole."""
    *ranges, size = np.array(call(browser, "planeOf", name))
    scale = float((size / np.ptp(ranges, axis=1)).min())
    return np.mean(ranges, axis=1), scale, size / 2


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


def state(browser: Any) -> dict[str, str]:
    """The state in the address, once it has been written."""
    parts = call(browser, "hash").split("&")
    return dict(part.split("=", 1) for part in parts if part)


def numbers(words: str) -> list[float]:
    found = re.findall(r"[-\u2212]?\d+\.?\d*", words)
    return [float(number.replace("\u2212", "-")) for number in found]


def greys(browser: Any, selector: str) -> np.ndarray:
    """The greys of the first canvas that the selector finds: (28, 28)."""
    return np.array(call(browser, "greys", selector)).reshape(28, 28)
