"""A real browser for the tests of reports/explorer.html, and its pictures: `python -m tools.browser`.

Without arguments the command writes docs/explorer.png, the README's picture; with a folder, pictures of the whole page
in several widths, light and dark.
"""

import base64
import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from tests.small_project import ROOT

FRAMES = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
SECONDS = 20  # to wait for anything, on a slow machine


def programs() -> tuple[str, str] | None:
    """The paths of the browser and its driver, if both are there: of GitHub's runners, or of Debian's packages."""
    folder = os.environ.get("CHROMEWEBDRIVER")
    driver = f"{folder}/chromedriver" if folder else shutil.which("chromedriver")
    browser = os.environ.get("CHROME_BIN") or shutil.which("chromium")
    return (browser, driver) if browser and driver else None


def open_browser() -> webdriver.Chrome:
    """Chromium without a window, which keeps logs of its console and its requests."""
    browser, driver = programs()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(executable_path=driver))


def emulate(
    browser: webdriver.Chrome, width: int = 1280, height: int = 900, **features: str
) -> None:
    """A screen of this size, and what its person prefers: prefers_color_scheme="dark"."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})


def wait(browser: webdriver.Chrome, script: str):
    """Wait until the expression of JavaScript is true; its value."""
    return WebDriverWait(browser, SECONDS, poll_frequency=0.02).until(
        lambda _: browser.execute_script(f"return {script}"), message=script
    )


def open_page(browser: webdriver.Chrome, path: Path) -> None:
    """Open the page from the disk; done when both models have decoded a first image."""
    browser.get(path.resolve().as_uri())
    wait(
        browser,
        "document.getElementById('status').hidden && document.querySelector('.nearest li') !== null",
    )


def picture(browser: webdriver.Chrome, path: Path, whole: bool = True) -> None:
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
    path.write_bytes(base64.b64decode(shot["data"]))


def main() -> None:
    browser = open_browser()
    page = ROOT / "reports/explorer.html"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    try:
        for width in (320, 390, 1024, 1600) if folder else ():
            for scheme in ("light", "dark"):
                emulate(browser, width, 900, prefers_color_scheme=scheme)
                show_off(browser, page)
                height = browser.execute_script("return document.documentElement.scrollHeight")
                emulate(browser, width, height, prefers_color_scheme=scheme)
                browser.execute_script(FRAMES)
                picture(browser, folder / f"{width}-{scheme}.png")
        if not folder:
            emulate(browser, 1280, 1040, prefers_color_scheme="light")
            show_off(browser, page)
            shot = ROOT / "docs/explorer.png"
            picture(browser, shot, whole=False)
            # 256 colours make it a third as large, as with reports/overview.png.
            Image.open(shot).quantize(256, dither=Image.Dither.NONE).save(shot, optimize=True)
    finally:
        browser.quit()


def show_off(browser: webdriver.Chrome, page: Path) -> None:
    """Open the page and do what gives all of its parts something to show."""
    open_page(browser, page)
    browser.execute_script(
        """
        document.getElementById("take").click();
        for (const [i, pad] of document.querySelectorAll(".pad").entries()) {
          const box = pad.getBoundingClientRect();
          const at = { clientX: box.left + box.width * 0.62, clientY: box.top + box.height * 0.45, pointerId: 1 };
          pad.setPointerCapture = () => {};
          pad.dispatchEvent(new PointerEvent("pointerdown", { ...at, button: 0, bubbles: true }));
          pad.dispatchEvent(new PointerEvent("pointerup", { ...at, bubbles: true }));
        }
        document.activeElement.blur();
        """
    )
    browser.execute_script(FRAMES)


if __name__ == "__main__":
    main()
