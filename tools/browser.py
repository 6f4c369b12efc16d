"""Chromium for the tests of reports/explorer.html, and pictures of it: `python -m tools.browser`.

Without arguments the command writes docs/explorer.png, the README's picture; with a folder,
pictures of the page in several sizes, light and dark.
"""

import base64
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from tools.small_project import ROOT

FRAMES = """
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    return frame().then(frame).then(() => true);
"""
SECONDS = 20  # to wait for anything, on a slow machine
SIZES = ((390, 844), (768, 1024), (1366, 768), (2560, 1440))


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


def wait(browser: webdriver.Chrome, script: str) -> Any:
    """Wait until the expression of JavaScript is true; its value."""
    return WebDriverWait(browser, SECONDS, poll_frequency=0.02).until(
        lambda _: browser.execute_script(f"return {script}"), message=script
    )


def open_page(browser: webdriver.Chrome, path: Path, state: str = "") -> None:
    """Open the page from the disk; done when all models have decoded a first image."""
    browser.get("about:blank")  # so that another hash of the same page loads it anew
    browser.get(path.resolve().as_uri() + (f"#{state}" if state else ""))
    wait(
        browser,
        "document.getElementById('status').hidden && !!document.querySelector('.nearest li')",
    )
    browser.execute_script(FRAMES)


def picture(browser: webdriver.Chrome, path: Path) -> None:
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {})
    path.write_bytes(base64.b64decode(shot["data"]))


def main() -> None:
    browser = open_browser()
    page = ROOT / "reports/explorer.html"
    try:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1])
            folder.mkdir(parents=True, exist_ok=True)
            for width, height in SIZES:
                for scheme in ("light", "dark"):
                    emulate(browser, width, height, prefers_color_scheme=scheme)
                    open_page(browser, page, "image=train-7")
                    browser.execute_script(FRAMES)
                    picture(browser, folder / f"{width}-{scheme}.png")
            return
        emulate(browser, 1366, 768, prefers_color_scheme="light")
        open_page(browser, page, "show=both&image=train-7")
        wait(browser, "document.querySelector('#chosen .words').textContent")
        browser.execute_async_script("setTimeout(arguments[0], 1500)")  # the mosaics are made
        shot = ROOT / "docs/explorer.png"
        picture(browser, shot)
        # 256 colours make it a third as large, as with reports/overview.png.
        Image.open(shot).quantize(256, dither=Image.Dither.NONE).save(shot, optimize=True)
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
