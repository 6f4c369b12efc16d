"""What docs/sharing.md says, followed to the letter: results taken and sent, models used."""

import copy
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src.models.coding import decode
from src.models.registry import MODELS, load_model
from tests.conftest import Site
from tools.small_project import ROOT, Project

PAGE = (ROOT / "docs/sharing.md").read_text()
COMMANDS = re.findall(r"(?:^    .+\n)+", PAGE, re.MULTILINE)
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

VAE = "data/models/vae.pt"
PLACES = {"clone": "/path/to/the/clone", "store": "/path/to/a/folder"}

pytestmark = pytest.mark.slow


def block(blocks: list[str], word: str, **names: object) -> str:
    """The first block of the page with this word; names of the page have these values."""
    text = next(block for block in blocks if word in block)
    for name, value in names.items():
        text = text.replace(PLACES.get(name, name), str(value))
    return text


def elsewhere(project: Project, folder: Path) -> Project:
    """The same environment in another folder."""
    other = copy.copy(project)
    other.root = folder
    return other


def follow(project: Project, word: str, **names: object) -> str:
    """What the commands of a block of the page print, in a project."""
    return project.run("sh", "-ec", block(COMMANDS, word, **names)).stdout


def test_experiment_reaches_others(reproduced: Project, tmp_path: Path) -> None:
    """With its files, though it ran before the store had a name; and not without a name.

    A model is there by its version.
    """
    names = {"store": tmp_path / "store", "ADDRESS": tmp_path / "git", "NAME": "few"}
    mine = elsewhere(reproduced, tmp_path / "mine")
    shutil.copytree(reproduced.root, mine.root, symlinks=True)
    mine.run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "git"))
    mine.run("git", "remote", "add", "origin", str(tmp_path / "git"))
    mine.dvc("exp", "run", "--name", "few", "-S", "render.grid_tiles=3")
    assert "uploaded" not in follow(mine, "exp push", **names)
    follow(mine, "store /path/to/a/folder", **names)
    assert "files uploaded" in follow(mine, "exp push", **names)

    theirs = elsewhere(reproduced, tmp_path / "theirs")
    reproduced.run("git", "clone", "--quiet", str(tmp_path / "git"), str(theirs.root))
    follow(theirs, "store /path/to/a/folder", **names)
    follow(theirs, "exp pull", **names)
    assert theirs.outputs() == mine.outputs()
    assert theirs.repro() == []

    follow(mine, "dvc push", **names)
    follow(theirs, "dvc artifacts get", **names)
    assert (theirs.root / "vae.pt").read_bytes() == (mine.root / VAE).read_bytes()


# From a site


def test_site_gives_everything(reproduced: Project, site: Site, tmp_path: Path) -> None:
    """All files of the last commit, so that no stage has to run."""
    clone = reproduced.clone(tmp_path / "clone")
    printed = follow(clone, "--local site verify", SITE=site.address)
    assert "Running stage" not in printed
    assert "up to date" in printed
    assert clone.outputs() == reproduced.outputs()


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.fixture(params=[damage, Path.unlink], ids=["damaged", "missing"])
def bad(request: pytest.FixtureRequest, site: Site) -> Iterator[Callable[[Path], None]]:
    """What was done to the weights of the VAE in the store of a site; undone when the test ends."""
    path = site.stored(VAE)
    content = path.read_bytes()
    path.chmod(0o644)
    request.param(path)
    yield request.param
    path.write_bytes(content)


def test_bad_file_is_not_pulled(reproduced: Project, site: Site, bad: Any, tmp_path: Path) -> None:
    """DVC names it and fetches the others."""
    clone = reproduced.clone(tmp_path / "clone")
    commands = block(COMMANDS, "--local site verify", SITE=site.address)
    done = clone.run("sh", "-ec", commands, check=False)
    assert done.returncode == 1
    assert f"Checkout failed for following targets:\n{VAE}\n" in done.stderr
    outputs = reproduced.outputs()
    del outputs[VAE]
    assert clone.outputs() == outputs
    assert f"deleted:            {VAE}" in clone.dvc("status", check=False).stdout


@pytest.fixture
def stranger(reproduced: Project, site: Site, tmp_path: Path) -> tuple[Project, dict[str, str]]:
    """An empty folder, and the names of the page: the git remote has no cache of DVC."""
    remote = tmp_path / "git"
    reproduced.run("git", "clone", "--quiet", "--bare", str(reproduced.root), str(remote))
    other = elsewhere(reproduced, tmp_path / "other")
    other.root.mkdir()
    return other, {"ADDRESS": str(remote), "SITE": site.address}


def test_site_gives_single_files(reproduced: Project, stranger: Any) -> None:
    """By commands, and in Python."""
    other, names = stranger
    assert follow(other, "dvc get", **names).endswith("vae.pt: OK\n")
    code = block(CODE, "dvc.api", **names) + "open('again', 'wb').write(content)"
    other.run(sys.executable, "-c", code)
    for name in ("vae.pt", "again"):
        assert (other.root / name).read_bytes() == (reproduced.root / VAE).read_bytes()


def test_bad_single_file_is_noticed(stranger: Any, bad: Any) -> None:
    """By the same commands."""
    other, names = stranger
    done = other.run("sh", "-ec", block(COMMANDS, "dvc get", **names), check=False)
    assert done.returncode != 0
    assert [*other.root.iterdir()] == []
    code = other.run(sys.executable, "-c", block(CODE, "dvc.api", **names), check=False)
    assert code.returncode == 1
    if bad is damage:
        assert "vae.pt: FAILED" in done.stdout
        assert f"{VAE} is damaged" in code.stderr
    else:
        assert "No storage files available" in done.stderr


# Models


def arrays_of(word: str, project: Project, folder: Path, *options: str) -> dict[str, np.ndarray]:
    """Images and codes that a block of code of the page makes, in a process in another folder."""
    code = block(CODE, word, clone=project.root)
    code += "import numpy\nnumpy.savez('arrays.npz', images=images, codes=codes)\n"
    elsewhere(project, folder).run("env", "MPLBACKEND=agg", sys.executable, *options, "-c", code)
    with np.load(folder / "arrays.npz") as arrays:
        return dict(arrays)


def test_model_is_ready_to_plot(reproduced: Project, tmp_path: Path) -> None:
    """In another folder; pyplot takes its images."""
    arrays = arrays_of("imshow", reproduced, tmp_path)
    model = load_model(reproduced.root / "data/models/vae.pt")
    assert np.allclose(arrays["images"], decode(model, arrays["codes"]), atol=1e-5)


def test_exported_model_needs_torch_alone(reproduced: Project, tmp_path: Path) -> None:
    """It gives what the model gives, in an isolated process, without `src`, for any batch."""
    exported = reproduced.run(sys.executable, "-m", "tools.export", str(tmp_path))
    assert exported.stderr == ""
    arrays = arrays_of("torch.export", reproduced, tmp_path, "-I")
    model = load_model(reproduced.root / "data/models/vae.pt")
    codes = model.encode(torch.from_numpy(arrays["images"]).unsqueeze(1)).detach()
    assert np.allclose(arrays["codes"], codes, atol=1e-5)
    for name in MODELS:
        model = load_model(reproduced.root / f"data/models/{name}.pt")
        decoder = torch.export.load(tmp_path / f"{name}-decoder.pt2").module()
        for count in (1, 5):
            images = decoder(codes[:count])
            assert np.allclose(images, decode(model, codes[:count].numpy()), atol=1e-5)
