"""What docs/sharing.md says, followed to the letter: experiments sent, models used elsewhere."""

import copy
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from src.models.coding import decode
from src.models.registry import MODELS, load_model
from tools.small_project import ROOT, Project

PAGE = (ROOT / "docs/sharing.md").read_text()
COMMANDS = re.findall(r"(?:^    .+\n)+", PAGE, re.MULTILINE)
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.slow


def block(blocks: list[str], word: str, folder: Path, clone: Path) -> str:
    """The first block of the page with this word; what it names is in a folder."""
    names = {"NAME": "few", "ADDRESS": folder / "git", "/path/to/a/folder": folder / "store"}
    text = next(block for block in blocks if word in block)
    for name, value in (names | {"/path/to/the/clone": clone}).items():
        text = text.replace(name, str(value))
    return text


def elsewhere(project: Project, folder: Path) -> Project:
    """The same environment in another folder."""
    other = copy.copy(project)
    other.root = folder
    return other


def test_experiment_reaches_others(reproduced: Project, tmp_path: Path) -> None:
    """With its files, though it ran before the store had a name; and not without a name.

    A single file needs no clone.
    """

    def follow(project: Project, word: str) -> str:
        commands = block(COMMANDS, word, tmp_path, reproduced.root)
        return project.run("sh", "-ec", commands).stdout

    mine = elsewhere(reproduced, tmp_path / "mine")
    shutil.copytree(reproduced.root, mine.root, symlinks=True)
    mine.run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "git"))
    mine.run("git", "remote", "add", "origin", str(tmp_path / "git"))
    mine.dvc("exp", "run", "--name", "few", "-S", "render.grid_tiles=3")
    assert "uploaded" not in follow(mine, "exp push")
    follow(mine, "dvc remote add")
    assert "files uploaded" in follow(mine, "exp push")

    theirs = elsewhere(reproduced, tmp_path / "theirs")
    reproduced.run("git", "clone", "--quiet", str(tmp_path / "git"), str(theirs.root))
    follow(theirs, "dvc remote add")
    follow(theirs, "exp pull")
    assert theirs.outputs() == mine.outputs()
    assert theirs.repro() == []

    other = elsewhere(reproduced, tmp_path / "other")
    other.root.mkdir()
    follow(other, "dvc get")
    weights = (mine.root / "data/models/vae.pt").read_bytes()
    assert (other.root / "vae.pt").read_bytes() == weights
    code = block(CODE, "dvc.api", tmp_path, reproduced.root)
    other.run(sys.executable, "-c", f"{code}open('vae.pt.again', 'wb').write(content)")
    assert (other.root / "vae.pt.again").read_bytes() == weights


def arrays_of(word: str, project: Project, folder: Path, *options: str) -> dict[str, np.ndarray]:
    """Images and codes that a block of code of the page makes, in a process in another folder."""
    code = block(CODE, word, folder, project.root)
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
