"""The site of tools/site.py: what is in it, and that it is of the last commit or not made."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Site
from tests.test_sharing import damage
from tools.small_project import Project


def test_links_lead_to_files(site: Site) -> None:
    """Those of the front to the results; those of the results to everything else."""
    front = (site.folder / "index.html").read_text()
    assert '<a href="results.html">' in front
    results = (site.folder / "results.html").read_text()
    links = re.findall(r'(?:href|src)="([^"]*)"', results)
    paths = {link for link in links if not link.startswith("data:")}
    assert {"index.html", "plots/index.html", "data/models/vae.pt", "reports/overview.png"} < paths
    for path in paths:
        assert (site.folder / path).is_file()
        if "/models/" in path or path.startswith("reports/"):
            assert (site.folder / path).read_bytes() == (site.project.root / path).read_bytes()


def test_front_is_the_explorer(site: Site) -> None:
    """With one link more, and no other change."""
    front = (site.folder / "index.html").read_text()
    page = (site.project.root / "reports/explorer.html").read_text()
    before, after = page.split("</header>", 1)
    assert front.startswith(before)
    assert front.endswith(f"</header>{after}")


def test_page_of_plots_needs_no_network(site: Site) -> None:
    """The library is in it, and it names the commit."""
    page = (site.folder / "plots/index.html").read_text()
    assert "<script src=" not in page
    assert "vegaEmbed" in page
    commit = site.project.run("git", "rev-parse", "--short", "HEAD").stdout.strip()
    assert f"commit {commit}" in page


def change_parameter(project: Project) -> None:
    project.set("epochs", 1)


def change_file_in_git(project: Project) -> None:
    with open(project.root / "README.md", "a") as file:
        file.write("more")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_parameter, "`dvc status` names preflight"),
        (change_file_in_git, "differs from the last commit: README.md"),
    ],
)
def test_no_other_results_are_published(
    site: Site, project: Project, tmp_path: Path, change: Callable[[Project], None], message: str
) -> None:
    """Neither those of other parameters nor what is in no commit."""
    change(project)
    refused(project, tmp_path, message)


def test_no_damaged_file_is_published(site: Site, project: Project, tmp_path: Path) -> None:
    """And the command that the message names mends DVC's cache."""
    path = Site(project, project.root / ".dvc/cache", "").stored("data/models/ae.pt")
    path.chmod(0o644)
    damage(path)
    path.chmod(0o444)  # DVC trusts files that nobody can write
    refused(project, tmp_path, f"{path} is damaged; delete it and run `dvc commit --force`\n")
    path.unlink()
    project.dvc("commit", "--force")
    assert project.dvc("status").stdout == "Data and pipelines are up to date.\n"


def refused(project: Project, folder: Path, message: str) -> None:
    """One line says why, and nothing is left behind."""
    done = project.run(sys.executable, "-m", "tools.site", str(folder / "site"), check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert [*folder.iterdir()] == []


def test_nothing_is_overwritten(site: Site) -> None:
    """A folder with content is refused."""
    command = (sys.executable, "-m", "tools.site", str(site.folder))
    done = site.project.run(*command, check=False)
    assert done.stderr == f"error: {site.folder} is not an empty folder; name another\n"
