"""The IDX reader: what torchvision reads, and what is refused; the files that say what a data set is."""

import shutil

import numpy as np
import pytest
import yaml
from torchvision import datasets
from torchvision.datasets import MNIST

from src.base.errors import UserError
from src.data import idx, sets
from tests.small_project import ROOT


def test_torchvision_reads_what_we_read(digits, tmp_path):
    shutil.copytree(digits, tmp_path / "MNIST/raw")
    for split in ("train", "test"):
        greys, labels = idx.load(tmp_path / "MNIST/raw", split)
        theirs = MNIST(tmp_path, train=split == "train")
        assert greys.shape == (len(theirs), 1, 28, 28)
        assert (greys.squeeze(1) * 255 == theirs.data).all()
        assert labels.tolist() == theirs.targets.tolist()


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b"", lambda b: b"\1" + b[1:]]
)
def test_a_damaged_idx_file_is_named_with_the_command_that_gets_it_again(digits, tmp_path, change):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(change((digits / path.name).read_bytes()))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.*dvc repro download"):
        idx.read_idx(path)


def test_images_and_labels_must_belong_together(digits, tmp_path):
    shutil.copytree(digits, tmp_path, dirs_exist_ok=True)
    shutil.copyfile(digits / "t10k-labels-idx1-ubyte", tmp_path / "train-labels-idx1-ubyte")
    with pytest.raises(UserError, match=r"1200.*597 labels"):
        idx.load(tmp_path, "train")


def of(name: str) -> sets.DataSet:
    return sets.parse(name, (ROOT / f"data/sets/{name}.yaml").read_bytes())


def test_a_label_beyond_the_classes_is_refused():
    idx.check_labels(np.array([0, 9]), of("MNIST"))
    with pytest.raises(
        UserError, match=r"data/MNIST/raw has the label 10, but data/sets/MNIST\.yaml .* 0 to 9"
    ):
        idx.check_labels(np.array([0, 10]), of("MNIST"))


@pytest.mark.parametrize("name", sets.names())
def test_a_data_set_is_named_as_torchvision_names_its_class(name):
    assert hasattr(datasets, name)
    assert of(name).name == name


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"classes": ["one"]}, "classes: "),
        ({"colour": "grey"}, "colour: "),
        (
            {"files": {"train-images-idx3-ubyte": "0" * 64}},
            "files are not train-images-idx3-ubyte, ",
        ),
        ({"files": {"train-images-idx3-ubyte": "no hash"}}, "files.train-images-idx3-ubyte: "),
        ({"sources": {"torchvision": "yes"}}, "sources.torchvision: "),
    ],
    ids=str,
)
def test_a_wrong_file_of_a_data_set_is_told_in_one_line(change, told):
    content = yaml.safe_load((ROOT / "data/sets/MNIST.yaml").read_text()) | change
    with pytest.raises(UserError) as error:
        sets.parse("MNIST", yaml.safe_dump(content).encode())
    assert str(error.value).startswith(f"data/sets/MNIST.yaml: {told}")
    assert "git checkout data/sets/MNIST.yaml" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_what_is_no_data_set_at_all_is_told_too(content):
    with pytest.raises(UserError, match=r"^data/sets/MNIST\.yaml: .*git checkout"):
        sets.parse("MNIST", content)
