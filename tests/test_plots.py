"""The page of `dvc plots`, in a real browser: curves, pictures, dark mode, and no network."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments import offline
from src.base.errors import UserError
from tests.browsers import need_packages
from tools.small_project import ROOT, Project

REVISIONS = ["main", "latent-8"]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PICTURES = len(PIPELINE["stages"]["render"]["plots"])
# Beside the plots of all stages each training shows its test loss, and evaluate the KL divergences.
CURVES = (
    len(PIPELINE["plots"])
    + sum(len(stage.get("plots", ())) for stage in PIPELINE["stages"].values())
    - PICTURES
)


def test_offline_without_the_package(monkeypatch):
    """The message is the command that installs it."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(UserError, match=r"pip install -r requirements-plots\.txt"):
        offline.library()


# In a browser


@pytest.fixture(scope="module")
def project(tool, reproduced) -> Iterator[Project]:
    """The small project with an experiment, whose page needs no network."""
    need_packages("requirements-plots.txt", "vl_convert")
    reproduced.dvc("exp", "run", "--name", "latent-8", "-S", "latent_dims=8")
    reproduced.restore()
    reproduced.run(sys.executable, "-m", "experiments.offline")
    yield reproduced
    reproduced.dvc("exp", "remove", "latent-8")
    reproduced.dvc("config", "--local", "--unset", "plots.html_template")
    reproduced.restore()


def page_of(project: Project, folder: Path, *command: str) -> Path:
    """The page that a command of `dvc plots` writes."""
    project.dvc("plots", *command, "--out", str(folder))
    return folder / "index.html"


@pytest.fixture(scope="module")
def page(project, tmp_path_factory) -> Path:
    return page_of(project, tmp_path_factory.mktemp("plots"), "diff", *REVISIONS)


def load(tool: Any, browser: Any, page: Path, **screen: str) -> None:
    """Open the page on a screen 1366 pixels wide; done when all curves are drawn."""
    tool.emulate(browser, width=1366, height=768, **screen)
    browser.get_log("performance")
    browser.get(page.as_uri())
    tool.wait(browser, f"document.querySelectorAll('.curves svg').length === {CURVES}")
    tool.wait(browser, "[...document.images].every((image) => image.complete)")


def test_page_needs_no_network(tool, browser, project, page):
    """It asks for nothing but its own files, and draws all curves and all pictures."""
    load(tool, browser, page)
    addresses = tool.requests(browser)
    assert len(addresses) > PICTURES
    assert {address.partition(":")[0] for address in addresses} <= {"file", "data"}
    widths = browser.execute_script("return [...document.images].map((i) => i.naturalWidth)")
    assert len(widths) == 2 * PICTURES
    assert min(widths) > 0
    lines = browser.execute_script(
        "return [...document.querySelectorAll('.curves svg')].map("
        "(svg) => svg.querySelectorAll('.mark-line path, .mark-rect path').length)"
    )
    assert min(lines) >= len(REVISIONS)
    # The clone's own settings and the copy of the template are not for git.
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_pictures_stand_beside_each_other(tool, browser, page):
    """In the window's width, and named."""
    load(tool, browser, page)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 1366
    rows = browser.execute_script(
        "return [...document.querySelectorAll('.row')].map((row) => [...row.children].map("
        "(figure) => [figure.textContent.trim(), figure.getBoundingClientRect().top]))"
    )
    assert len(rows) == PICTURES
    for row in rows:
        assert [name for name, _ in row] == REVISIONS
        assert len({top for _, top in row}) == 1
    names = browser.execute_script(
        "return [...document.querySelectorAll('.revisions b')].map((b) => b.textContent)"
    )
    assert names == REVISIONS


def test_legends_show_dashes(tool, browser, page):
    """A sample of a dashed line shows two dashes with a gap, as wide as that of a solid line."""
    load(tool, browser, page)
    samples = browser.execute_script(
        "return [...document.querySelectorAll('.role-legend-symbol path[stroke-dasharray]')].map("
        "(path) => [path.getAttribute('stroke-dasharray').split(',').map(Number),"
        " path.getBBox().width, path.getBoundingClientRect().right,"
        " path.closest('.role-scope').querySelector('.role-legend-label text')"
        ".getBoundingClientRect().left])"
    )
    dashed = [plot for plot in PIPELINE["plots"] if "y" in next(iter(plot.values()))]
    assert len(samples) == 2 * len(dashed)  # a solid line has a pattern too: 1, 0
    for (dash, gap), width, right, label in samples:
        assert width >= 2 * dash + gap
        assert right < label


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_page_follows_the_colour_scheme(tool, browser, page, scheme, is_dark):
    """Its background and that of the curves."""
    load(tool, browser, page, prefers_color_scheme=scheme)
    colours = browser.execute_script(
        "return [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('.curves svg')).backgroundColor]"
    )
    levels = [int(colour.partition("(")[2].split(",")[0]) for colour in colours]
    assert [level < 64 for level in levels] == [is_dark, is_dark]


def test_page_of_many_revisions(tool, browser, project, tmp_path):
    """They wrap, none is wider than the window, and a missing picture leaves a place."""
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())
    outs = {out["path"]: out["md5"] for out in lock["stages"]["render"]["outs"]}
    md5 = outs["reports/vae/samples.png"]
    cached = project.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"
    content = cached.read_bytes()
    cached.unlink()
    page = page_of(project, tmp_path, "diff", "main", "HEAD", "latent-8", "workspace", "main~0")
    cached.write_bytes(content)
    load(tool, browser, page)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 1366
    texts = browser.execute_script(
        "return [...document.querySelectorAll('.row')].map((row) => row.textContent)"
    )
    missing = "no such picture in this revision"
    assert len(texts) == PICTURES
    assert sorted({*texts}) == [
        "workspacemainHEADlatent-8main~0",
        f"workspacemain{missing}HEAD{missing}latent-8main~0{missing}",
    ]


def test_page_of_the_workspace(tool, browser, project, tmp_path):
    """`dvc plots show` has one revision."""
    load(tool, browser, page_of(project, tmp_path, "show"))
    text = browser.execute_script("return document.querySelector('.revisions').textContent")
    assert text == "workspace: the files as they are now"
    assert len(browser.execute_script("return [...document.images]")) == PICTURES


def test_page_says_what_is_missing(tool, browser, project, tmp_path):
    """With the project's own template, and no network, it names the command that helps."""
    project.dvc("config", "--local", "--unset", "plots.html_template")
    page = page_of(project, tmp_path, "diff", *REVISIONS)
    project.dvc("config", "--local", "plots.html_template", offline.OFFLINE.name)
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["http://*", "https://*"]})
    tool.emulate(browser, width=1366)
    browser.get(page.as_uri())
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    notice = browser.find_element("css selector", ".notice")
    assert notice.is_displayed()
    assert "python -m experiments.offline" in notice.text
    assert len(browser.find_elements("css selector", ".row img")) == 2 * PICTURES
