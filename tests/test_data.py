"""The reader of IDX files, and the descriptions of the data sets."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from torchvision import datasets
from torchvision.datasets import MNIST

from src.base.errors import UserError
from src.data import idx, sets
from tools.small_project import ROOT


def described(name: str) -> sets.DataSet:
    return sets.parse(name, (ROOT / f"data/sets/{name}.yaml").read_bytes())


@pytest.mark.parametrize("split", ["train", "test"])
def test_torchvision_reads_the_same(digits: Path, tmp_path: Path, split: str) -> None:
    """Images and labels are those that torchvision reads from the same files."""
    shutil.copytree(digits, tmp_path / "MNIST/raw")
    images, labels = idx.load(tmp_path / "MNIST/raw", split)
    expected = MNIST(tmp_path, train=split == "train")
    assert images.shape == (len(expected), 28, 28)
    assert (images == expected.data).all()
    assert labels.tolist() == expected.targets.tolist()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-1], id="too short"),
        pytest.param(lambda content: content + b"\0", id="too long"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"\1" + content[1:], id="another header"),
    ],
)
def test_damaged_idx_file_is_named(
    digits: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """The error names a damaged file, and the command that gets it again."""
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(damage((digits / path.name).read_bytes()))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.*dvc repro download"):
        idx.read_idx(path)


def test_images_and_labels_belong_together(digits: Path, tmp_path: Path) -> None:
    """Another number of labels than of images is refused."""
    shutil.copytree(digits, tmp_path, dirs_exist_ok=True)
    shutil.copyfile(digits / "t10k-labels-idx1-ubyte", tmp_path / "train-labels-idx1-ubyte")
    with pytest.raises(UserError, match=r"1200.*597 labels"):
        idx.load(tmp_path, "train")


def test_label_without_class_is_refused() -> None:
    """The error names the label, and the file in which its class is missing; 0 to 9 pass."""
    idx.check_labels(np.array([0, 9]), described("MNIST"))
    message = r"data/MNIST/raw has the label 10, but data/sets/MNIST\.yaml .* 0 to 9"
    with pytest.raises(UserError, match=message):
        idx.check_labels(np.array([0, 10]), described("MNIST"))


def test_files_of_editors_are_no_data_sets(tmp_path, monkeypatch):
    """Nor are folders, and links to nowhere."""
    monkeypatch.setattr(sets, "FOLDER", tmp_path)
    (tmp_path / "MNIST.yaml").touch()
    (tmp_path / "._MNIST.yaml").touch()
    (tmp_path / ".#MNIST.yaml").symlink_to("me@host.1:2")
    (tmp_path / "Folder.yaml").mkdir()
    (tmp_path / "Gone.yaml").symlink_to("nowhere")
    assert sets.names() == ["MNIST"]


@pytest.mark.parametrize("name", sets.names())
def test_torchvision_knows_its_data_sets(name: str) -> None:
    """torchvision has a class of the name of each data set for which it is a source."""
    if described(name).sources.torchvision:
        assert hasattr(datasets, name), f"torchvision has no data set {name}"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"classes": ["one"]}, "classes is ['one']: "),
        ({"colour": "grey"}, "colour is not a parameter, allowed are name, "),
        ({"files": {"train-images-idx3-ubyte": "0" * 64}}, "files are not train-images-idx3-"),
        ({"files": {"t10k-labels-idx1-ubyte": "no"}}, "files.t10k-labels-idx1-ubyte is 'no': "),
        ({"sources": {"torchvision": "yes"}}, "sources.torchvision is 'yes': "),
    ],
    ids=str,
)
def test_wrong_description_is_one_line(change: dict[str, object], fault: str) -> None:
    """The error names the file, the fault, and the command that restores the file."""
    content = yaml.safe_load((ROOT / "data/sets/MNIST.yaml").read_text()) | change
    with pytest.raises(UserError) as error:
        sets.parse("MNIST", yaml.safe_dump(content).encode())
    assert str(error.value).startswith(f"data/sets/MNIST.yaml: {fault}")
    assert "git checkout data/sets/MNIST.yaml" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_content_without_names_is_refused(content: bytes) -> None:
    """Content that is not YAML with names and values gives the same kind of error."""
    with pytest.raises(UserError, match=r"^data/sets/MNIST\.yaml: .*git checkout"):
        sets.parse("MNIST", content)
