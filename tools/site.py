"""Writes the last commit's results as a static site: `python -m tools.site FOLDER`.

Its front is the explorer. `results.html` shows pictures and tables, and links to the rest: the
models, and `plots/`, the page of plots. `files/` is a remote of DVC with every file of the commit;
docs/sharing.md says how to take from it. Any web server can serve the folder as it is.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from string import Template

import pandas as pd
import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo

from experiments import offline
from src.base.errors import UserError, in_one_line

EXPLORER = "reports/explorer.html"
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>Results: MNIST autoencoders</title>
<style>
  body { margin: 0 auto; padding: 1rem; max-width: 80rem; font: 1rem/1.5 system-ui, sans-serif; }
  .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
  .pictures { gap: 1rem; }
  figure { margin: 0; min-width: 0; }
  img { max-width: 100%; height: auto; background: #fff; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: 0.2rem 0.4rem; text-align: right; border-bottom: 1px solid #8886; }
</style>
</head>
<body>
<h1>Results of the AE and the VAE</h1>
<p>Of commit $commit. <a href="index.html">Move through latent space</a> ·
  <a href="plots/index.html">curves</a></p>
<h2>Files</h2>
<ul>
$files
</ul>
<h2>Metrics on the test images</h2>
$metrics
<h2>Losses of each epoch</h2>
$losses
<h2>Pictures</h2>
<div class="pictures">
$pictures
</div>
</body>
</html>
""")


def results_of_commit(repo: Repo) -> list[str]:
    """The paths of all outputs. Raises UserError unless they are those of the last commit."""
    if changed := repo.status():
        raise UserError(
            f"`dvc status` names {', '.join(changed)}; run `dvc repro` and commit what it made"
        )
    command = ["git", "diff", "--name-only", "HEAD"]
    diff = subprocess.run(command, capture_output=True, text=True)
    if diff.returncode:
        raise UserError("this folder has no commit of git; a site shows the results of one")
    if names := diff.stdout.split("\n")[:-1]:
        raise UserError(f"differs from the last commit: {', '.join(names)}; commit it, or undo it")
    stages = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
    return [out["path"] for stage in stages.values() for out in stage.get("outs", [])]


def write_remote(folder: Path) -> list[str]:
    """Copy the files of the last commit to a remote of DVC; the paths of all outputs."""
    with Repo(config={"remote": {"site": {"url": str(folder.resolve())}}}) as repo:
        outputs = results_of_commit(repo)
        repo.push(remote="site")
        # DVC itself trusts a file of its cache that nobody can write.
        for path in (folder / "files/md5").glob("*/*"):
            name = path.parent.name + path.name
            if hashlib.md5(path.read_bytes()).hexdigest() != name.removesuffix(".dir"):
                cached = repo.cache.local.oid_to_path(name)
                raise UserError(f"{cached} is damaged; delete it and run `dvc commit --force`")
    return outputs


def write_plots(folder: Path, commit: str) -> None:
    """The page of `dvc plots`, with the library that draws the curves in it."""
    page = offline.page().replace("the files as they are now", f"commit {commit}")
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as template:
        template.write(page)
        template.flush()
        command = [sys.executable, "-m", "dvc", "plots", "show", "--out", str(folder.resolve())]
        done = subprocess.run(
            [*command, "--html-template", template.name], capture_output=True, text=True
        )
    if done.returncode:
        raise UserError(f"`dvc plots show` failed: {done.stderr.strip()}")


def table(frame: pd.DataFrame, **options: bool) -> str:
    return f'<div class="wide">{frame.to_html(border=0, na_rep="", **options)}</div>'


def results_page(paths: list[str], commit: str) -> str:
    """The page with all pictures and tables, and links to the other files of these paths."""
    folders = [Path(path).parent for path in paths if path.endswith("/loss.csv")]
    models = {folder.name.upper(): folder for folder in folders}
    metrics = {model: numbers(folder / "metrics.json") for model, folder in models.items()}
    losses = [
        f"<details><summary>{model}</summary>"
        f"{table(pd.read_csv(folder / 'loss.csv', dtype=str), index=False)}</details>"
        for model, folder in models.items()
    ]
    files = [f'<li><a href="{path}">{path}</a></li>' for path in paths if not is_picture(path)]
    pictures = [
        f'<figure><figcaption>{path}</figcaption><a href="{path}"><img src="{path}" '
        f'alt="{path}" loading="lazy"></a></figure>'
        for path in filter(is_picture, paths)
    ]
    return PAGE.substitute(
        commit=commit,
        files="\n".join(files),
        metrics=table(pd.DataFrame(metrics)),
        losses="\n".join(losses),
        pictures="\n".join(pictures),
    )


def numbers(path: Path) -> dict[str, str]:
    """The metrics of a file, as it writes them."""
    return json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)


def is_picture(path: str) -> bool:
    return path.endswith((".png", ".gif"))


def write_site(folder: Path) -> None:
    """All of the site, in an empty folder."""
    outputs = write_remote(folder)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    write_plots(folder / "plots", commit)
    shown = [path for path in outputs if path.startswith(("data/models/", "reports/"))]
    for path in shown:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / path)
    # The overview first, which is in no folder of a model.
    others = sorted({*shown} - {EXPLORER}, key=lambda path: (path.count("/"), path))
    (folder / "results.html").write_text(results_page(others, commit), encoding="utf-8")
    front = Path(EXPLORER).read_text(encoding="utf-8")
    link = '<a href="results.html">Pictures, curves, tables and models</a>\n</header>'
    (folder / "index.html").write_text(front.replace("</header>", link, 1), encoding="utf-8")


@in_one_line(DvcException)
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="empty, or not there yet")
    folder = parser.parse_args().folder
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder} is not an empty folder; name another")
    # Beside its place: nobody ever publishes half of it.
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        write_site(part)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder} has the site, {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
