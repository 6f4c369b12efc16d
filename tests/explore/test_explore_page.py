"""The page as a file in Chromium: no request, no error, accessible, and its damage told."""

from pathlib import Path

import pytest

from tests.explore.acts import call, click, count, look_up, text
from tests.explore.pages import Example

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<b>&amp;",
    '"; alert(2) //',
    "\u2028${alert(3)}",
]


def test_page_asks_for_nothing(browser, tool, opened):
    """No word in the console and no request but the page, whatever one does."""
    browser.get_log("browser")
    tool.requests(browser)
    example = opened()
    for selector in ("#take", "#tab-path", "#tab-samples", "[value=both]", "#lesson .next"):
        click(browser, selector)
    assert browser.get_log("browser") == []
    urls = {url.split("#")[0] for url in tool.requests(browser)}
    assert {url for url in urls if not url.startswith(("data:", "about:"))} == {example.url}


def test_numbers_are_as_in_the_readme(browser, opened):
    """Shares in percent."""
    opened()
    cells = browser.find_elements("css selector", "#metrics td.number")
    assert "68.9 %" in [cell.get_attribute("textContent") for cell in cells]


def test_losses_say_whose_they_are_beside(browser, opened):
    """The run of the tutorial's translator; the tutorial itself prints none."""
    opened()
    caption = look_up(browser, "document.querySelector('figure.chart figcaption').textContent")
    assert "dashed that of the tutorial's translator" in caption


@pytest.mark.parametrize("width", [320, 390, 768])
def test_long_names_scroll_nothing_sideways(browser, opened, tmp_path, width):
    """Names of classes may have many letters."""
    names = [f"A rather long name of class {number}" for number in range(10)]
    long = Example(tmp_path / "long.html", classes=names)
    opened(long, "image=train-3&tool=path", width=width, height=844)
    assert look_up(browser, "document.documentElement.scrollWidth") <= width
    assert look_up(browser, "document.querySelector('#ae .head').scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_the_chosen_scheme(browser, opened, scheme):
    """Dots have its colours, which have contrast; no alpha makes them paler."""
    example = opened(prefers_color_scheme=scheme)
    ground = look_up(browser, "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)")
    levels = [int(level) for level in ground[:3]]
    assert min(levels) > 200 if scheme == "light" else max(levels) < 60
    colours = call(browser, "coloursOf", "#ae .plane canvas")
    assert len(set(example.facts["colours"][scheme]) & set(colours)) >= 9


DARK = {"prefers_color_scheme": "dark"}
SETTINGS = [
    (1, "tool=path", {"width": 320}),
    (2, "", {}),
    (2, "show=both&tool=samples", {"width": 768, "height": 1024}),
    (2, "image=train-3", {"forced_colors": "active"}),
    (2, "image=train-3&tool=path", DARK),
    (8, "tool=samples", DARK | {"width": 390, "height": 844, "touch": True}),
    (8, "ae.view=0,0,1", {"width": 844, "height": 390}),
    ("conv", "image=train-3&tool=path&show=mosaic", {}),
    (2, "step=compress", {}),
    (2, "tool=chain&image=train-3&step=chain", {"forced_colors": "active"}),
    (2, "tool=train&beta=40&step=beta-40", DARK | {"width": 390, "height": 844, "touch": True}),
    (2, "tool=film&epoch=1", DARK),
    (8, "tool=train&step=dimensions", {"width": 768, "height": 1024}),
]


@pytest.mark.parametrize(("kind", "state", "screen"), SETTINGS)
def test_axe_finds_no_violation(browser, opened, kind, state, screen):
    """In all tools, on all screens, in all colours."""
    import axe_playwright_python

    opened(kind, state, **screen)
    call(browser, "settle")
    browser.execute_script(Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text())
    found = browser.execute_script("return axe.run()")
    assert found["violations"] == []


def test_class_names_never_run(browser, opened, tmp_path):
    """They are shown as they are; the policy lets no text become HTML."""
    example = Example(tmp_path / "hostile.html", classes=HOSTILE)
    assert "require-trusted-types-for 'script'" in example.path.read_text()
    browser.get_log("browser")
    opened(example, "tool=path")
    click(browser, "#take")
    names = "[...document.querySelectorAll('#legend button')].map((button) => button.textContent)"
    assert look_up(browser, names) == HOSTILE
    assert count(browser, "img") == 0
    assert browser.get_log("browser") == []


# Damage


def status(browser, tool, path: Path) -> str:
    browser.get(path.as_uri())
    tool.wait(browser, "document.getElementById('status').matches('.now')")
    return text(browser, "#status")


def damaged(text: str, harm: str) -> str:
    at = text.index('id="vae-weights">') + 500
    letter = "0" if text[at] != "0" else "1"
    return {
        "a letter": text[:at] + letter + text[at + 1 :],
        "a bad letter": text[:at] + '"' + text[at + 1 :],
        "an end": text[:at] + text[text.index("</script>", at) :],
        "the facts": text.replace('"dims": 2', '"dims" 2'),
    }[harm]


@pytest.mark.parametrize("harm", ["a letter", "a bad letter", "an end", "the facts"])
def test_damage_is_told(browser, tool, example, tmp_path, harm):
    """In words, and nothing half is shown."""
    path = tmp_path / "damaged.html"
    path.write_text(damaged(example().path.read_text(), harm))
    assert status(browser, tool, path).startswith("This page is damaged")
    assert not browser.find_element("id", "content").is_displayed()


def test_changed_script_does_not_run(browser, tool, example, tmp_path):
    """The policy stops it, and a sentence that stays says so."""
    path = tmp_path / "changed.html"
    page = example().path.read_text()
    path.write_text(page.replace("start();\n", "start(); alert(1);\n"))
    assert path.read_text() != page
    browser.get(path.as_uri())
    shown = "getComputedStyle(document.getElementById('status')).visibility === 'visible'"
    assert tool.wait(browser, shown)
    assert "the page is damaged" in text(browser, "#status")
    assert not browser.find_element("id", "content").is_displayed()


def test_no_warning_while_unpacking(browser, example):
    """The sentence on damage shows only if it stays."""
    browser.get(example().url)
    assert call(browser, "visibilityOfStatus") == "hidden"


def test_old_browsers_are_told(browser, tool, example):
    """What the page needs."""
    hide = {"source": "delete window.DecompressionStream"}
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", hide)
    try:
        words = status(browser, tool, example().path)
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    assert "needs a newer browser: Chrome or Edge 92" in words


def test_without_javascript_words_tell(browser, example):
    """That it is needed, and that nothing is sent."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(example().url)
        assert "needs JavaScript" in browser.find_element("tag name", "noscript").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
