"""The page as a file in Chromium: no request, no error, accessible, and its damage told."""

from pathlib import Path

import pytest

from tests.explore.acts import until
from tests.explore.pages import Example

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<b>&amp;",
    '"; alert(2) //',
    "\u2028${alert(3)}",
]


def test_page_asks_for_nothing(page):
    """No word in the console and no request but the page, whatever one does."""
    page.log()
    example = page.open()
    for selector in ("#take", "#tab-path", "#tab-samples", "[value=both]", "#lesson .next"):
        page.click(selector)
    page.click("#tab-train")
    page.click("#train .one")
    until(lambda: page.is_shown("#vae .trained-here"))
    assert page.log() == ([], {example.url})


def test_results_are_as_in_the_readme(page):
    """Shares in percent; beside the losses are those of the run of the tutorial's translator."""
    page.open()
    assert "68.9 %" in page.each("#metrics td.number", "textContent")
    captions = page.each("figure.chart figcaption", "textContent")
    assert "dashed that of the tutorial's translator" in captions[0]


@pytest.mark.parametrize("width", [320, 390, 768])
def test_long_names_scroll_nothing_sideways(page, tmp_path, width):
    """Names of classes may have many letters."""
    names = [f"A rather long name of class {number}" for number in range(10)]
    long = Example(tmp_path / "long.html", classes=names)
    page.open(long, "image=train-3&tool=path", width=width, height=844)
    assert page.width() <= width
    assert page.each("#ae .head", "scrollWidth")[0] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_the_chosen_scheme(page, scheme):
    """Dots have its colours, which have contrast; no alpha makes them paler."""
    example = page.open(prefers_color_scheme=scheme)
    ground = page.look_up("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)")
    levels = [int(level) for level in ground[:3]]
    assert min(levels) > 200 if scheme == "light" else max(levels) < 60
    colours = page.call("coloursOf", "#ae .plane canvas")
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
def test_axe_finds_no_violation(page, kind, state, screen):
    """In all tools, on all screens, in all colours."""
    import axe_playwright_python

    page.open(kind, state, **screen)
    page.call("settle")
    page.run(Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text())
    assert page.look_up("axe.run()")["violations"] == []


def test_class_names_never_run(page, tmp_path):
    """They are shown as they are; the policy lets no text become HTML."""
    example = Example(tmp_path / "hostile.html", classes=HOSTILE)
    assert "require-trusted-types-for 'script'" in example.path.read_text()
    page.log()
    page.open(example, "tool=path")
    page.click("#take")
    assert page.each("#legend button", "textContent") == HOSTILE
    assert page.count("img") == 0
    assert page.log()[0] == []


# Damage


def damaged(text: str, harm: str) -> str:
    at = text.index('id="vae-weights">') + 500
    letter = "0" if text[at] != "0" else "1"
    return {
        "a letter": text[:at] + letter + text[at + 1 :],
        "a bad letter": text[:at] + '"' + text[at + 1 :],
        "an end": text[:at] + text[text.index("</script>", at) :],
        "the facts": text.replace('"dims": 2', '"dims" 2'),
        "the script": text.replace("start();\n", "start(); alert(1);\n"),
    }[harm]


@pytest.mark.parametrize("harm", ["a letter", "a bad letter", "an end", "the facts", "the script"])
def test_damage_is_told(page, tmp_path, harm):
    """In words, and nothing half is shown; a script that was changed does not run."""
    path = tmp_path / "damaged.html"
    text = page.example().path.read_text()
    path.write_text(damaged(text, harm))
    assert path.read_text() != text
    page.browser.get(path.as_uri())
    sentence = "the page is damaged" if harm == "the script" else "This page is damaged"
    until(lambda: sentence in page.text("#status"))
    assert not page.is_shown("#content")


def test_no_warning_while_unpacking(page):
    """The sentence on damage shows only if it stays."""
    page.browser.get(page.example().url)
    assert page.call("visibilityOfStatus") == "hidden"


def test_old_browsers_are_told(page):
    """What the page needs."""
    with page.before_its_scripts("delete window.DecompressionStream"):
        page.browser.get(page.example().url)
        until(lambda: "needs a newer browser: Chrome or Edge 92" in page.text("#status"))


def test_without_javascript_words_tell(page):
    """That it is needed, and that nothing is sent."""
    page.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.browser.get(page.example().url)
        assert "needs JavaScript" in page.find("noscript").text
    finally:
        page.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
