"""What the tests of the page do with it in a browser: small acts and readings."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from tests.browsers import REQUIRED
from tests.explore.pages import Example

if not REQUIRED:
    pytest.importorskip("selenium", reason="see the command in requirements-browser.txt")

from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys  # noqa: F401, for the tests
from selenium.webdriver.support.wait import WebDriverWait

from tools import browser as tool
from tools.small_project import ROOT

SCRIPT = (ROOT / "tests/explore/acts.js").read_text()
WATCH_ERRORS = """
    window.errors = [];
    addEventListener("error", (event) => window.errors.push(event.message));
    addEventListener("unhandledrejection", (event) => window.errors.push(String(event.reason)));
"""
ON_EVERY_PAGE = "Page.{}ScriptToEvaluateOnNewDocument"


def until(holds: Callable[[], Any]) -> Any:
    """Wait until a condition is true, also on a machine that is busy."""
    return WebDriverWait(None, tool.SECONDS, poll_frequency=0.02).until(lambda _: holds())


def numbers(words: str) -> list[float]:
    found = re.findall(r"[-\u2212]?\d+\.?\d*", words)
    return [float(number.replace("\u2212", "-")) for number in found]


def are_greys(shown: np.ndarray, pixels: np.ndarray) -> bool:
    """Whether an image shown is this one, whose pixels are 0 to 1, to one grey of 255."""
    return np.abs(shown - (255 * pixels.reshape(shown.shape)).round()).max() <= 1


class Page:
    """A browser in which pages are opened, one after another."""

    def __init__(self, browser: Any, example: Callable[..., Example]):
        self.browser = browser
        self.example = example

    def open(self, kind: int | str | Example = 2, state: str = "", **screen: object) -> Example:
        """Open a page in a state, in Chromium on a screen with chosen properties."""
        if isinstance(self.browser, Chrome):
            tool.emulate(self.browser, **screen)
        made = kind if isinstance(kind, Example) else self.example(kind)
        tool.open_page(self.browser, made.path, state)
        self.run(WATCH_ERRORS)
        return made

    def open_step(self, name: str, kind: int | str = 2, **screen: object) -> dict[str, str]:
        """Open a page at a step of its course; the step."""
        step = self.example(kind).steps[name]
        self.open(kind, f"{step['state']}&step={name}", **screen)
        return step

    @contextmanager
    def before_its_scripts(self, script: str) -> Iterator[None]:
        """Run a script in each page that is opened meanwhile, before the page's own."""
        act = self.browser.execute_cdp_cmd
        added = act(ON_EVERY_PAGE.format("add"), {"source": script})
        try:
            yield
        finally:
            act(ON_EVERY_PAGE.format("remove"), added)

    def run(self, script: str, *values: Any) -> Any:
        return self.browser.execute_script(script, *values)

    def look_up(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.run(f"return {expression}")

    def call(self, name: str, *values: Any) -> Any:
        """What a function of acts.js returns."""
        return self.run(f"{SCRIPT}; return {name}(...arguments)", *values)

    def log(self) -> tuple[list, set[str]]:
        """Words in the console and addresses that were asked for, since the last reading."""
        urls = {url.split("#")[0] for url in tool.requests(self.browser)}
        own = ("data:", "about:", "blob:")
        return self.browser.get_log("browser"), {url for url in urls if not url.startswith(own)}

    # Readings

    def width(self) -> int:
        """How wide the page is, with what one would have to scroll to."""
        return self.look_up("document.documentElement.scrollWidth")

    def each(self, selector: str, name: str = "innerText") -> list:
        """A property or an attribute of all elements that the selector finds."""
        return self.call("each", selector, name)

    def count(self, selector: str) -> int:
        return self.look_up(f"document.querySelectorAll({json.dumps(selector)}).length")

    def text(self, selector: str) -> str:
        """The words of an element as they are seen."""
        return self.each(selector)[0].strip()

    def value(self, selector: str) -> float:
        """The number of a field."""
        return float(self.each(selector, "value")[0])

    def attribute(self, selector: str, name: str) -> str | None:
        found = f"document.querySelector({json.dumps(selector)})"
        return self.look_up(f"{found}.getAttribute({json.dumps(name)})")

    def is_shown(self, selector: str) -> bool:
        return self.call("isShown", selector)

    def find(self, selector: str) -> Any:
        """An element of WebDriver, in Chromium: it refuses to click what is hidden."""
        return self.browser.find_element("css selector", selector)

    def greys(self, selector: str) -> np.ndarray:
        """The greys of the first canvas that the selector finds: (28, 28)."""
        return np.array(self.call("greys", selector)).reshape(28, 28)

    def point(self, name: str = "ae") -> list[float]:
        """Where the point is on a plane."""
        self.call("settle")
        return [float(place) for place in self.each(f"#{name} .plane input", "value")]

    def is_held(self, name: str = "ae") -> bool:
        return self.count(f"#{name} .plane.held") == 1

    def state(self) -> dict[str, str]:
        """The state in the address, once it has been written."""
        parts = self.call("hash").split("&")
        return dict(part.split("=", 1) for part in parts if part)

    def chosen(self) -> int:
        """The number of the training image that is chosen."""
        return int(re.fullmatch(r"train-(\d+)", self.state()["image"])[1])

    def nearest(self, name: str = "ae") -> list[int]:
        """The numbers of the training images that are named as nearest."""
        labels = self.each(f"#{name} .nearest button", "aria-label")
        return [int(re.match(r"training image (\d+)", label)[1]) for label in labels]

    def frame(self, name: str = "ae") -> tuple[np.ndarray, float, np.ndarray]:
        """Middle, pixels of a unit and half size of a plane that shows the whole."""
        *ranges, size = np.array(self.call("planeOf", name))
        scale = float((size / np.ptp(ranges, axis=1)).min())
        return np.mean(ranges, axis=1), scale, size / 2

    def offset(self, code: np.ndarray, name: str = "ae") -> list[int]:
        """Where a code lies, in pixels from the middle of its plane."""
        middle, scale, _ = self.frame(name)
        right, up = (np.asarray(code) - middle) * scale
        return [round(float(right)), round(float(-up))]

    def drawn(self, name: str, call: str, layer: str = "above") -> list[list]:
        """What such calls drew on a plane since its canvas was cleared last: values, font size."""
        calls = [
            (call, values)
            for plane, canvas, call, values in self.look_up("window.drawn")
            if (plane, canvas) == (name, layer)
        ]
        starts = [number for number, (call, _) in enumerate(calls) if call == "clearRect"]
        return [values for done, values in calls[starts[-1] :] if done == call]

    # Acts

    def click(self, selector: str) -> None:
        self.call("click", selector)

    def fill(self, selector: str, value: float | str) -> None:
        """Set a slider, or choose of a list."""
        self.call("fill", selector, value)

    def show(self, selector: str) -> dict[str, float]:
        """Scroll to an element; its box."""
        return self.call("show", selector)

    def pen(self) -> ActionChains:
        return ActionChains(self.browser, duration=0)

    def move_to(self, selector: str, right: float, down: float) -> ActionChains:
        """Acts that begin with the mouse so many pixels from the middle of an element in sight."""
        box = self.show(selector)
        x, y = box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down
        chain = self.pen()
        chain.w3c_actions.pointer_action.move_to_location(round(x), round(y))
        chain.w3c_actions.key_action.pause()
        return chain

    def click_plane(self, right: float, down: float, name: str = "ae") -> list[float]:
        """Click so many pixels from the middle of a plane; where the point is then."""
        self.move_to(f"#{name} .plane", right, down).click().perform()
        return self.point(name)

    def press(self, selector: str, *keys: str, held: str = "") -> list[float]:
        """Press keys in a field, while another is held; where the AE's point is then."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        chain = self.pen()
        if held:
            chain.key_down(held)
        chain.send_keys(*keys)
        if held:
            chain.key_up(held)
        chain.perform()
        return self.point()

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """touchStart, touchMove, touchEnd of fingers at these pixels of the window."""
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        event = {"type": kind, "touchPoints": fingers}
        self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    def swipe(self, *places: list[tuple[float, float]]) -> None:
        """Fingers go down at the first of these places, along the others, and up."""
        self.touch("touchStart", *places[0])
        for fingers in places[1:]:
            self.touch("touchMove", *fingers)
        self.touch("touchEnd")
