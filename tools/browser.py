"""Chromium for the tests of pages, and `python -m tools.browser`, which takes docs/explorer.png."""

import base64
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from src.base.errors import in_one_line
from tools.small_project import ROOT

FRAMES = """
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    return frame().then(frame).then(() => true);
"""
SECONDS = 60  # to wait for anything, on a slow machine


def programs() -> tuple[str, str] | None:
    """The paths of Chromium and its driver if both are there: GitHub's runners', or Debian's."""
    folder = os.environ.get("CHROMEWEBDRIVER")
    driver = f"{folder}/chromedriver" if folder else shutil.which("chromedriver")
    browser = os.environ.get("CHROME_BIN") or shutil.which("chromium")
    return (browser, driver) if browser and driver else None


def open_browser() -> webdriver.Chrome:
    """Chromium without a window, which keeps logs of its console and its requests."""
    paths = programs()
    assert paths, "chromium and chromedriver are missing"
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for flag in ("--headless", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(executable_path=paths[1]))


def emulate(
    browser: webdriver.Chrome,
    width: int = 1366,
    height: int = 768,
    *,
    ratio: float = 1,
    touch: bool = False,
    **features: str,
) -> None:
    """A screen of this size, and what its person prefers: prefers_color_scheme="dark"."""
    screen = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    hands = (
        {"pointer": "coarse", "hover": "none"} if touch else {"pointer": "fine", "hover": "hover"}
    )
    features = hands | features
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": touch})
    media = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})


def wait(browser: Any, script: str) -> Any:
    """Wait until the expression of JavaScript is true; its value."""
    return WebDriverWait(browser, SECONDS, poll_frequency=0.02).until(
        lambda _: browser.execute_script(f"return {script}"), message=script
    )


def open_page(browser: Any, path: Path, state: str = "") -> None:
    """Open the page from the disk; done when it has started."""
    browser.get("about:blank")  # so that another hash of the same page loads it anew
    browser.get(path.resolve().as_uri() + (f"#{state}" if state else ""))
    wait_for_start(browser)


def wait_for_start(browser: Any) -> None:
    """Wait until all models of the page have decoded a first image, and it is drawn."""
    wait(
        browser,
        "document.getElementById('status').hidden && !!document.querySelector('.nearest li')",
    )
    browser.execute_script(FRAMES)


def requests(browser: webdriver.Chrome) -> list[str]:
    """The addresses that pages have asked for since the last reading."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


@in_one_line()
def main() -> None:
    browser = open_browser()
    try:
        emulate(browser, prefers_color_scheme="light")
        open_page(browser, ROOT / "reports/explorer.html", "show=both&image=train-7")
        wait(browser, "document.querySelector('#chosen .words').textContent")
        browser.execute_async_script("setTimeout(arguments[0], 1500)")  # the mosaics are made
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {})["data"]
    finally:
        browser.quit()
    # 256 colours make it a third as large, as with reports/overview.png.
    picture = Image.open(io.BytesIO(base64.b64decode(shot))).quantize(256, dither=Image.Dither.NONE)
    picture.save(ROOT / "docs/explorer.png", optimize=True)


if __name__ == "__main__":
    main()
