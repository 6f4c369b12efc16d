"""Chromium, Firefox and WebKitGTK for the tests of reports/explorer.html, all used alike.

Chromium and WebKitGTK are driven by their WebDriver programs. Firefox speaks WebDriver BiDi itself,
over a websocket: a small client here does for what the tests need, without geckodriver.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import websocket
from selenium import webdriver
from selenium.webdriver.webkitgtk.options import Options as WebKitOptions
from selenium.webdriver.webkitgtk.service import Service as WebKitService

from tools.browser import SECONDS, open_browser, programs

MINI_BROWSERS = "usr/lib/*/webkit2gtk-4.1/MiniBrowser"
SIZE = (1366, 768)


def missing(name: str) -> str | None:
    """The packages that an engine needs and this machine lacks; None if they are there."""
    if name == "Chromium":
        return None if programs() else "chromium chromium-driver"
    if name == "Firefox":
        return None if _firefox() else "firefox-esr"
    if not (shutil.which("WebKitWebDriver") and _mini_browser()):
        return "webkit2gtk-driver"
    return None if os.environ.get("DISPLAY") or shutil.which("Xvfb") else "xvfb"


@contextmanager
def engine(name: str) -> Iterator[Any]:
    """An engine, started and in the end stopped: a driver of selenium, or one that acts as such."""
    with ExitStack() as stack:
        driver: Any
        if name == "Chromium":
            driver = open_browser()
        elif name == "Firefox":
            folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            driver = Firefox(stack.enter_context(folder))
        else:
            stack.enter_context(_display())
            driver = _open_webkit()
        stack.callback(driver.quit)
        yield driver


class Firefox:
    """Firefox, driven over a websocket by WebDriver BiDi."""

    def __init__(self, profile: str):
        command = [_firefox() or "firefox", "--headless", "--no-remote", "--profile", profile]
        self.process = subprocess.Popen(
            [*command, "--remote-debugging-port", "0"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.socket = websocket.create_connection(
            f"{self._address()}/session", timeout=SECONDS, suppress_origin=True
        )
        self.number = 0
        self.send("session.new", capabilities={})
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]
        viewport = dict(zip(("width", "height"), SIZE, strict=True))
        self.send("browsingContext.setViewport", context=self.context, viewport=viewport)

    def _address(self) -> str:
        """Where Firefox listens, as it says itself when it has started."""
        assert self.process.stderr
        for line in self.process.stderr:
            if match := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                return match[1]
        raise RuntimeError("Firefox ended before it listened")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
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

    def get(self, url: str) -> None:
        self.send("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def execute_script(self, script: str, *values: Any) -> Any:
        """What the body of a function returns, awaited; values go in and come out as JSON."""
        function = (
            f"async (text) => JSON.stringify(await (function () {{{script}}})"
            ".apply(null, JSON.parse(text)) ?? null)"
        )
        result = self.send(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": json.dumps(values)}],
            awaitPromise=True,
            target={"context": self.context},
            userActivation=True,
        )
        if result["type"] != "success":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def execute(self, command: str, params: dict[str, Any]) -> None:
        """What selenium's ActionChains asks of a driver: mouse and keys, the same in BiDi."""
        assert command == webdriver.remote.command.Command.W3C_ACTIONS
        self.send("input.performActions", context=self.context, **params)

    def quit(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(SECONDS)


def _firefox() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


def _mini_browser() -> str | None:
    """The small browser that comes with WebKitGTK's driver."""
    return next((str(path) for path in Path("/").glob(MINI_BROWSERS)), None)


def _open_webkit() -> webdriver.WebKitGTK:
    options = WebKitOptions()
    options.binary_location = _mini_browser()
    options.add_argument("--automation")
    service = WebKitService(executable_path=shutil.which("WebKitWebDriver"))
    driver = webdriver.WebKitGTK(options=options, service=service)
    driver.set_window_size(*SIZE)
    driver.set_script_timeout(SECONDS)  # it draws by software, on a busy machine slowly
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
