"""Three browser engines behind the same few acts, for the tests of reports/explorer.html.

Chromium and WebKitGTK are driven by their WebDriver programs through selenium. Firefox speaks
WebDriver BiDi itself, over a websocket: a small client here does for what the tests need, without
geckodriver.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import websocket
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.webkitgtk.options import Options as WebKitOptions
from selenium.webdriver.webkitgtk.service import Service as WebKitService

from tools.browser import open_browser, programs

SECONDS = 60  # to wait for an answer
MINI_BROWSERS = "/usr/lib/*/webkit2gtk-4.1/MiniBrowser"
NAMES = ("Chromium", "Firefox", "WebKit")


class Engine(Protocol):
    """What every engine can do."""

    def open(self, url: str) -> None:
        """Load a page."""

    def run(self, body: str, *values: Any) -> Any:
        """The value of a function's body that may wait; values go in and come out as JSON."""

    def click(self, x: float, y: float) -> None:
        """Move the mouse to a pixel of the window and click."""

    def press(self, key: str) -> None:
        """Press a key, as WebDriver names it."""


def missing(name: str) -> str | None:
    """What an engine needs and this machine lacks; None if it is there."""
    if name == "Chromium":
        return None if programs() else "chromium and chromium-driver"
    if name == "Firefox":
        return None if _firefox() else "firefox-esr"
    if not (shutil.which("WebKitWebDriver") and _mini_browser()):
        return "webkit2gtk-driver"
    return None if os.environ.get("DISPLAY") or shutil.which("Xvfb") else "xvfb"


@contextmanager
def engine(name: str) -> Iterator[Engine]:
    """An engine, started and in the end stopped."""
    if name == "Firefox":
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            firefox = Firefox(profile)
            try:
                yield firefox
            finally:
                firefox.close()
        return
    with _display() if name == "WebKit" else _nothing():
        driver = open_browser() if name == "Chromium" else _open_webkit()
        try:
            yield Selenium(driver)
        finally:
            driver.quit()


class Selenium:
    """An engine that has a WebDriver program."""

    def __init__(self, driver: Any):
        self.driver = driver
        driver.set_script_timeout(SECONDS)

    def open(self, url: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(url)

    def run(self, body: str, *values: Any) -> Any:
        script = f"return (async function () {{{body}}}).apply(null, arguments)"
        return self.driver.execute_script(script, *values)

    def click(self, x: float, y: float) -> None:
        chain = ActionChains(self.driver, duration=0)
        chain.w3c_actions.pointer_action.move_to_location(round(x), round(y)).click()
        chain.perform()

    def press(self, key: str) -> None:
        ActionChains(self.driver, duration=0).send_keys(key).perform()


class Firefox:
    """Firefox, driven over a websocket by WebDriver BiDi."""

    def __init__(self, profile: str):
        command = [_firefox() or "firefox", "--headless", "--no-remote", "--profile", profile]
        command += ["--remote-debugging-port", "0", "--width", "1366", "--height", "768"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        address = self._address()
        self.socket = websocket.create_connection(
            f"{address}/session", timeout=SECONDS, suppress_origin=True
        )
        self.number = 0
        self.send("session.new", {"capabilities": {}})
        self.context = self.send("browsingContext.getTree", {})["contexts"][0]["context"]
        size = {"width": 1366, "height": 768}
        self.send("browsingContext.setViewport", {"context": self.context, "viewport": size})

    def _address(self) -> str:
        """Where Firefox listens, as it says itself when it has started."""
        assert self.process.stderr
        for line in self.process.stderr:
            if match := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                return match[1]
        raise RuntimeError("Firefox ended before it listened")

    def send(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of a command; RuntimeError if it failed."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") != self.number:
                continue  # an event
            if answer["type"] == "error":
                raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
            return answer["result"]

    def open(self, url: str) -> None:
        for address in ("about:blank", url):
            params = {"context": self.context, "url": address, "wait": "complete"}
            self.send("browsingContext.navigate", params)

    def run(self, body: str, *values: Any) -> Any:
        function = (
            f"async (text) => JSON.stringify(await (async function () {{{body}}})"
            ".apply(null, JSON.parse(text)) ?? null)"
        )
        params = {
            "functionDeclaration": function,
            "arguments": [{"type": "string", "value": json.dumps(values)}],
            "awaitPromise": True,
            "target": {"context": self.context},
            "userActivation": True,
        }
        result = self.send("script.callFunction", params)
        if result["type"] != "success":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def click(self, x: float, y: float) -> None:
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._perform({"type": "pointer", "id": "mouse", "actions": moves})

    def press(self, key: str) -> None:
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._perform({"type": "key", "id": "keyboard", "actions": strokes})

    def _perform(self, source: dict[str, Any]) -> None:
        self.send("input.performActions", {"context": self.context, "actions": [source]})

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(SECONDS)


def _firefox() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


def _mini_browser() -> str | None:
    """The small browser that comes with WebKitGTK's driver."""
    return next((str(path) for path in Path("/").glob(MINI_BROWSERS.lstrip("/"))), None)


def _open_webkit() -> webdriver.WebKitGTK:
    options = WebKitOptions()
    options.binary_location = _mini_browser()
    options.add_argument("--automation")
    service = WebKitService(executable_path=shutil.which("WebKitWebDriver"))
    driver = webdriver.WebKitGTK(options=options, service=service)
    driver.set_window_size(1366, 768)
    return driver


@contextmanager
def _display() -> Iterator[None]:
    """A screen for programs that have no headless mode; the machine's own, if there is one."""
    if os.environ.get("DISPLAY"):
        yield
        return
    read, write = os.pipe()
    server = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24"]
    process = subprocess.Popen(server, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as numbers:
        os.environ["DISPLAY"] = f":{numbers.readline().strip()}"
    try:
        yield
    finally:
        del os.environ["DISPLAY"]
        process.terminate()
        process.wait(SECONDS)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
