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
    """The words of an element as they are seen."""
    return look_up(browser, f"document.querySelector({selector!r}).innerText").strip()


def attribute(browser: Any, selector: str, name: str) -> str:
    return look_up(browser, f"document.querySelector({selector!r}).getAttribute({name!r})")


def count(browser: Any, selector: str) -> int:
    return look_up(browser, f"document.querySelectorAll({selector!r}).length")


def point(browser: Any, name: str = "ae") -> list[float]:
    """Where the point is on a plane."""
    call(browser, "settle")
    fields = f"[...document.querySelectorAll('#{name} .plane input')]"
    return look_up(browser, f"{fields}.map((field) => Number(field.value))")


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


def move_to(browser: Any, selector: str, right: float, down: float) -> ActionChains:
    """Acts that begin with the mouse so many pixels from the middle of an element."""
    box = call(browser, "boxOf", selector)
    x, y = box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down
    chain = pen(browser)
    chain.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    chain.w3c_actions.key_action.pause()
    return chain


def click_plane(browser: Any, right: float, down: float, name: str = "ae") -> list[float]:
    """Click so many pixels from the middle of a plane; where the point is then."""
    move_to(browser, f"#{name} .plane", right, down).click().perform()
    return point(browser, name)


def press(browser: Any, selector: str, *keys: str, held: str = "") -> list[float]:
    """Press keys in a field, while another is held; where the AE's point is then."""
    browser.execute_script(f"document.querySelector({selector!r}).focus()")
    chain = pen(browser)
    if held:
        chain.key_down(held)
    chain.send_keys(*keys)
    if held:
        chain.key_up(held)
    chain.perform()
    return point(browser)


def is_held(browser: Any, name: str = "ae") -> bool:
    return count(browser, f"#{name} .plane.held") == 1


def marks_of(browser: Any, name: str, layer: str = "above") -> list[tuple[str, list]]:
    """What was drawn on a plane since its canvas was cleared last: names of calls, their values."""
    calls = [
        (call, values)
        for plane, canvas, call, values in look_up(browser, "window.drawn")
        if (plane, canvas) == (name, layer)
    ]
    starts = [number for number, (call, _) in enumerate(calls) if call == "clearRect"]
    return calls[starts[-1] :]


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
